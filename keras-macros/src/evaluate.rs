//! The state that a block runs in, and the values of its expressions. Each kind of expression and
//! of statement has a file of its own, which adds its methods to the [`Evaluator`].
//!
//! After a mistake the value is [`Value::Unknown`], which silences whatever follows from it, so
//! that one run tells every mistake and each once. Steps, nesting and lists are bounded: a block
//! that would not end is a mistake too.

use std::rc::Rc;

use crate::arithmetic::{self, Refused};
use crate::ast::{BinaryOp, Closure, Constant, Expr, ExprKind};
use crate::builder::Builder;
use crate::errors::{Mistakes, Spot};
use crate::value::{Binding, Value};

/// Most steps that a block may take.
const MAX_STEPS: usize = 1_000_000;
/// Deepest nesting of expressions, those of the templates they expand included.
const MAX_DEPTH: u32 = 512;
/// Deepest nesting of lists, and of templates that captured templates.
const MAX_VALUE_DEPTH: u32 = 256;
/// Most values that a list may hold.
const MAX_LIST_SIZE: usize = 100_000;

/// Says that evaluation cannot go on; why was told.
pub(crate) struct Stop;

pub(crate) type Outcome = Result<Value, Stop>;

pub(crate) struct Evaluator<'m> {
    pub mistakes: &'m mut Mistakes,
    pub builder: Builder,
    pub scope: Vec<Binding>,
    /// The templates that are being expanded, by the names they were called by.
    pub expanding: Vec<(Rc<str>, Rc<Closure>)>,
    /// The struct's constants and their values.
    pub constants: Vec<(Constant, Value)>,
    steps: usize,
    depth: u32,
}

impl<'m> Evaluator<'m> {
    pub(crate) fn new(mistakes: &'m mut Mistakes, model: &str) -> Evaluator<'m> {
        Evaluator {
            mistakes,
            builder: Builder::new(model),
            scope: Vec::new(),
            expanding: Vec::new(),
            constants: Vec::new(),
            steps: 0,
            depth: 0,
        }
    }

    /// Uses up steps.
    pub(crate) fn spend(&mut self, steps: usize, spot: Spot) -> Result<(), Stop> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps <= MAX_STEPS {
            return Ok(());
        }
        self.mistakes
            .add(spot, format!("this model takes more than {MAX_STEPS} steps to expand"))
            .help("make the ranges of its `for` loops smaller");
        Err(Stop)
    }

    /// Notes why an operator has no result.
    pub(crate) fn refuse(&mut self, spot: Spot, refused: Refused) -> Value {
        let mistake = self.mistakes.add(spot, refused.message);
        if let Some(help) = refused.help {
            mistake.help(help);
        }
        Value::Unknown
    }

    /// Notes a mistake; the value is unknown.
    pub(crate) fn wrong(&mut self, spot: Spot, message: impl Into<String>, help: &str) -> Value {
        let mistake = self.mistakes.add(spot, message);
        if !help.is_empty() {
            mistake.help(help);
        }
        Value::Unknown
    }

    /// The value of an expression.
    pub(crate) fn expr(&mut self, expr: &Expr) -> Outcome {
        self.spend(1, expr.spot)?;
        if self.depth >= MAX_DEPTH {
            self.mistakes
                .add(
                    expr.spot,
                    format!("templates and expressions nest more than {MAX_DEPTH} deep here"),
                )
                .help("a template cannot expand itself; repeat with `for`");
            return Err(Stop);
        }
        self.depth += 1;
        let value = self.kind(expr);
        self.depth -= 1;
        value
    }

    fn kind(&mut self, expr: &Expr) -> Outcome {
        let spot = expr.spot;
        Ok(match &expr.kind {
            ExprKind::Wrong => Value::Unknown,
            ExprKind::None => Value::None,
            ExprKind::Bool(value) => Value::Bool(*value),
            ExprKind::Int(value) => Value::Int(*value),
            ExprKind::Float(value) => Value::Float(*value),
            ExprKind::Str(value) => Value::Str(value.clone()),
            ExprKind::Name(name) => self.name(name, spot),
            ExprKind::Field(value, name) => return self.field(expr, value, name),
            ExprKind::Call(callee, arguments) => return self.call(callee, arguments, spot),
            ExprKind::Closure(closure) => return self.template(closure, spot),
            ExprKind::List(items) => return self.list(items, spot),
            ExprKind::Range { from, to, inclusive } => {
                return self.range(from, to, *inclusive, spot);
            }
            ExprKind::Block(block) => return self.valued_block(block),
            ExprKind::If { condition, then, otherwise } => {
                match self.choose(condition, then, otherwise.as_deref())? {
                    Some(value) => value,
                    None => {
                        self.wrong(spot, "this `if` has no value", "write `if a { b } else { c }`")
                    }
                }
            }
            ExprKind::Open { .. } | ExprKind::Ellipsis => {
                let help = "a list has items `list[0]`, a tensor slices `x[.., 1..3]`";
                self.wrong(spot, "this stands in the brackets behind a tensor alone", help)
            }
            ExprKind::Index(..)
            | ExprKind::Not(_)
            | ExprKind::Negative(_)
            | ExprKind::Binary(..)
            | ExprKind::Cast(..) => return self.operator(expr),
        })
    }

    fn list(&mut self, items: &[Expr], spot: Spot) -> Outcome {
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            values.push(self.expr(item)?);
        }
        self.bounded(Value::list(values), spot)
    }

    /// The value, unless it grew without bounds.
    pub(crate) fn bounded(&mut self, value: Value, spot: Spot) -> Outcome {
        if value.size() > MAX_LIST_SIZE {
            self.wrong(spot, format!("this holds more than {MAX_LIST_SIZE} values"), "");
            return Err(Stop);
        }
        if value.depth() > MAX_VALUE_DEPTH {
            self.wrong(spot, format!("this nests more than {MAX_VALUE_DEPTH} deep"), "");
            return Err(Stop);
        }
        self.spend(value.size(), spot)?;
        Ok(value)
    }

    fn range(&mut self, from: &Expr, to: &Expr, inclusive: bool, spot: Spot) -> Outcome {
        let (from, to) = (self.expr(from)?, self.expr(to)?);
        if from.is_unknown() || to.is_unknown() {
            return Ok(Value::Unknown);
        }
        match (from.integer(), to.integer()) {
            (Some(from), Some(to)) => {
                let to = to.saturating_add(i64::from(inclusive));
                Ok(Value::Range { from, to, reversed: false })
            }
            _ => {
                let message = format!("a range is between integers, found {from} and {to}");
                Ok(self.wrong(spot, message, ""))
            }
        }
    }

    fn operator(&mut self, expr: &Expr) -> Outcome {
        let result = match &expr.kind {
            ExprKind::Index(list, at) => {
                let list = self.expr(list)?;
                if let Value::Tensor(x) = list {
                    return self.slice(x, at, expr.spot);
                }
                arithmetic::index(&list, &self.expr(at)?)
            }
            ExprKind::Not(value) => {
                let value = self.expr(value)?;
                if let Some(result) = self.tensor_operator("logical_not", &[&value], expr.spot) {
                    return result;
                }
                arithmetic::not(&value)
            }
            ExprKind::Negative(value) => {
                let value = self.expr(value)?;
                if let Some(result) = self.tensor_operator("negative", &[&value], expr.spot) {
                    return result;
                }
                arithmetic::negative(&value)
            }
            ExprKind::Cast(value, ty) => arithmetic::cast(&self.expr(value)?, &ty.text),
            ExprKind::Binary(op, left, right) => {
                let left = self.expr(left)?;
                match (op, &left) {
                    (BinaryOp::And, Value::Bool(false)) | (BinaryOp::Or, Value::Bool(true)) => {
                        Ok(left)
                    }
                    _ => {
                        let right = self.expr(right)?;
                        if let Some(name) = op.function() {
                            let operands = [&left, &right];
                            if let Some(result) = self.tensor_operator(name, &operands, expr.spot) {
                                return result;
                            }
                        }
                        arithmetic::binary(*op, &left, &right)
                    }
                }
            }
            _ => Ok(Value::Unknown),
        };
        match result {
            Ok(value) => self.bounded(value, expr.spot),
            Err(refused) => Ok(self.refuse(expr.spot, refused)),
        }
    }
}
