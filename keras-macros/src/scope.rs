//! Names and what they are bound to: `let`, `const`, assignments, and what is said of a name that
//! nobody defined.

use std::rc::Rc;

use crate::arithmetic;
use crate::ast::{BinaryOp, Constant, Expr, Name, Pattern};
use crate::constants;
use crate::errors::Spot;
use crate::evaluate::{Evaluator, Stop};
use crate::names;
use crate::value::{Access, Binding, Value};

impl Evaluator<'_> {
    pub(crate) fn constant(&mut self, constant: &Constant) -> Result<(), Stop> {
        let value = constants::typed(&self.expr(&constant.value)?, &constant.ty);
        let name = constant.name.text.clone();
        if self.constants.iter().any(|(other, _)| other.name.text == name) {
            self.wrong(constant.name.spot, format!("the constant `{name}` is given twice"), "");
        } else {
            self.constants.push((constant.clone(), value.clone()));
        }
        self.scope.push(Binding { name, value, access: Access::Constant });
        Ok(())
    }

    /// Binds the names of a pattern.
    pub(crate) fn bind(&mut self, pattern: &Pattern, value: Value) {
        match pattern {
            Pattern::Ignored => {}
            Pattern::Name { name, mutable } => {
                let access = if *mutable { Access::Mutable } else { Access::Immutable };
                self.scope.push(Binding { name: name.text.clone(), value, access });
            }
            Pattern::List(patterns, spot) => {
                let items = match &value {
                    Value::List(list) if list.items.len() == patterns.len() => list.items.clone(),
                    Value::Unknown => vec![Value::Unknown; patterns.len()],
                    Value::List(list) => {
                        let found = list.items.len();
                        let message =
                            format!("expected a list of {}, found one of {found}", patterns.len());
                        let help = "write a name for each, or `_` for one that is not used";
                        self.wrong(*spot, message, help);
                        vec![Value::Unknown; patterns.len()]
                    }
                    other => {
                        let message =
                            format!("expected a list of {}, found {other}", patterns.len());
                        let help = match other {
                            Value::Tensor(_) => {
                                "a recurrent layer returns its states too with `return_state = \
                                 True`"
                            }
                            _ => "",
                        };
                        self.wrong(*spot, message, help);
                        vec![Value::Unknown; patterns.len()]
                    }
                };
                for (pattern, item) in patterns.iter().zip(items) {
                    self.bind(pattern, item);
                }
            }
        }
    }

    pub(crate) fn assign(
        &mut self,
        name: &Name,
        op: Option<BinaryOp>,
        value: &Expr,
    ) -> Result<(), Stop> {
        let mut value = self.expr(value)?;
        let text = &name.text;
        let Some(at) = self.scope.iter().rposition(|binding| binding.name == *text) else {
            let help = match self.nearest_binding(text) {
                Some(near) => {
                    format!("did you mean `{near}`? A new name is made by `let {text} = ...;`")
                }
                None => format!("write `let {text} = ...;`"),
            };
            self.wrong(name.spot, format!("`{text}` is not defined"), &help);
            let binding = Binding { name: text.clone(), value, access: Access::Mutable };
            self.scope.push(binding);
            return Ok(());
        };
        if let Some(op) = op {
            value = match arithmetic::binary(op, &self.scope[at].value, &value) {
                Ok(value) => self.bounded(value, name.spot)?,
                Err(refused) => self.refuse(name.spot, refused),
            };
        }
        let help = match self.scope[at].access {
            Access::Mutable => String::new(),
            Access::Immutable => format!("declare it by `let mut {text} = ...;`"),
            Access::Captured => {
                "a template cannot change what stands outside: let it return a value".into()
            }
            Access::Constant => "use another name for what changes".into(),
        };
        if !help.is_empty() {
            self.wrong(name.spot, format!("`{text}` cannot be assigned to"), &help);
            // Told once.
            self.scope[at].access = Access::Mutable;
        }
        self.scope[at].value = value;
        Ok(())
    }

    pub(crate) fn name(&mut self, name: &Rc<str>, spot: Spot) -> Value {
        match self.binding(name) {
            Some(binding) => binding.value.clone(),
            None => self.undefined(name, spot),
        }
    }

    /// What a name is bound to.
    pub(crate) fn binding(&self, name: &str) -> Option<&Binding> {
        self.scope.iter().rev().find(|binding| &*binding.name == name)
    }

    /// The bound name nearest to a misspelt one.
    pub(crate) fn nearest_binding(&self, name: &str) -> Option<&str> {
        names::nearest(name, self.scope.iter().map(|binding| &*binding.name))
    }

    /// Notes a name that nobody defined.
    pub(crate) fn undefined(&mut self, name: &str, spot: Spot) -> Value {
        let help = if names::is_class(name) {
            format!("`{name}` is a layer: write `{name}()`")
        } else if let Some(near) = self.nearest_binding(name) {
            format!("did you mean `{near}`?")
        } else if names::is_constant(name) {
            let mistake = self.mistakes.add(spot, format!("`{name}` is not defined in this block"));
            mistake.note("a macro cannot read the constants of the crate around it");
            mistake.help(format!(
                "write `const {name}: usize = ...;` within the block; \
                 it becomes a constant of the model"
            ));
            return Value::Unknown;
        } else {
            format!("write `let {name} = ...;` before it")
        };
        self.wrong(spot, format!("`{name}` is not defined"), &help)
    }
}
