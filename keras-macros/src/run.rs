//! Runs statements: `let`, `const`, assignments, `for` and `if`.

use crate::ast::{Block, Expr, ExprKind, Pattern, Statement};
use crate::evaluate::{Evaluator, Outcome, Stop};
use crate::value::Value;

impl Evaluator<'_> {
    /// Runs statements; none if the block has no value.
    pub(crate) fn block(&mut self, block: &Block) -> Result<Option<Value>, Stop> {
        let known = self.scope.len();
        for statement in &block.statements {
            self.statement(statement)?;
        }
        let value = match &block.value {
            Some(value) => Some(self.expr(value)?),
            None => None,
        };
        self.scope.truncate(known);
        Ok(value)
    }

    pub(crate) fn statement(&mut self, statement: &Statement) -> Result<(), Stop> {
        match statement {
            Statement::Let(pattern, value) => {
                let known = self.expr(value)?;
                if let (Pattern::Name { name, .. }, true) = (pattern, known.is_unknown()) {
                    let promise = self.promise(value);
                    self.builder.promises.insert(name.text.clone(), promise);
                }
                self.bind(pattern, known);
            }
            Statement::Const(constant) => self.constant(constant)?,
            Statement::Assign(name, op, value) => self.assign(name, *op, value)?,
            Statement::For(pattern, list, body) => self.repeat(pattern, list, body)?,
            Statement::Expr(value) => {
                self.expr_or_nothing(value)?;
            }
        }
        Ok(())
    }

    /// The value of an expression statement; none of a block without one.
    pub(crate) fn expr_or_nothing(&mut self, expr: &Expr) -> Result<Option<Value>, Stop> {
        match &expr.kind {
            ExprKind::Block(block) => self.block(block),
            ExprKind::If { condition, then, otherwise } => {
                self.choose(condition, then, otherwise.as_deref())
            }
            _ => self.expr(expr).map(Some),
        }
    }

    fn repeat(&mut self, pattern: &Pattern, list: &Expr, body: &Block) -> Result<(), Stop> {
        let value = self.expr(list)?;
        let once = |evaluator: &mut Self, item: Value| {
            evaluator.spend(1, list.spot)?;
            let known = evaluator.scope.len();
            evaluator.bind(pattern, item);
            let end = evaluator.block(body);
            evaluator.scope.truncate(known);
            end.map(|_| ())
        };
        match &value {
            Value::List(items) => items.items.iter().try_for_each(|item| once(self, item.clone())),
            Value::Range { from, to, reversed } => {
                let (from, to) = (*from, *to);
                if *reversed {
                    return (from..to).rev().try_for_each(|i| once(self, Value::Int(i)));
                }
                (from..to).try_for_each(|i| once(self, Value::Int(i)))
            }
            // Its mistakes are told all the same.
            Value::Unknown => once(self, Value::Unknown),
            other => {
                let help = "write `for i in 0..3 { .. }` or `for size in [32, 64] { .. }`";
                self.wrong(
                    list.spot,
                    format!("`for` expects a range or a list, found {other}"),
                    help,
                );
                Ok(())
            }
        }
    }

    /// The chosen block's value; none if there is none.
    pub(crate) fn choose(
        &mut self,
        condition: &Expr,
        then: &Block,
        otherwise: Option<&Expr>,
    ) -> Result<Option<Value>, Stop> {
        match self.expr(condition)? {
            Value::Bool(true) => self.block(then),
            Value::Bool(false) => match otherwise.map(|otherwise| &otherwise.kind) {
                Some(ExprKind::Block(block)) => self.block(block),
                Some(ExprKind::If { condition, then, otherwise }) => {
                    self.choose(condition, then, otherwise.as_deref())
                }
                _ => Ok(None),
            },
            Value::Unknown => Ok(Some(Value::Unknown)),
            other => {
                let message = format!("a condition is `true` or `false`, found {other}");
                Ok(Some(self.wrong(condition.spot, message, "")))
            }
        }
    }

    /// The value of a block that must have one.
    pub(crate) fn valued_block(&mut self, block: &Block) -> Outcome {
        match self.block(block)? {
            Some(value) => Ok(value),
            None => Ok(self.wrong(
                block.end,
                "this block has no value",
                "leave out the `;` behind its last expression",
            )),
        }
    }
}
