//! Templates: functions of the block, which are expanded where they are called.

use std::rc::Rc;

use crate::ast::{self, Closure, Expr, ExprKind};
use crate::errors::Spot;
use crate::evaluate::{Evaluator, Outcome, Stop};
use crate::parse::MAX_NESTING;
use crate::value::{Access, Binding, Given, Template, Value};

impl Evaluator<'_> {
    /// A closure with what is bound where it stands.
    pub(crate) fn template(&mut self, closure: &Rc<Closure>, spot: Spot) -> Outcome {
        self.spend(self.scope.len(), spot)?;
        let captured: Vec<Binding> = self
            .scope
            .iter()
            .map(|binding| Binding {
                access: match binding.access {
                    Access::Constant => Access::Constant,
                    _ => Access::Captured,
                },
                ..binding.clone()
            })
            .collect();
        let depth = 1 + captured.iter().map(|binding| binding.value.depth()).max().unwrap_or(0);
        let template = Template { closure: closure.clone(), captured, depth };
        self.bounded(Value::Template(Rc::new(template)), spot)
    }

    /// Expands a template: runs its body with its parameters bound.
    pub(crate) fn expand(
        &mut self,
        template: &Rc<Template>,
        given: &[Given],
        callee: &Expr,
        spot: Spot,
    ) -> Outcome {
        let label: Rc<str> = match &callee.kind {
            ExprKind::Name(name) => name.clone(),
            _ => "|..|".into(),
        };
        if self.expanding.iter().any(|(_, other)| Rc::ptr_eq(other, &template.closure)) {
            self.wrong(
                spot,
                format!("the template `{label}` cannot call itself"),
                "repeat with `for i in 0..3 { .. }`",
            );
            return Err(Stop);
        }
        if self.expanding.len() >= MAX_NESTING as usize {
            self.wrong(spot, format!("templates call each other more than {MAX_NESTING} deep"), "");
            return Err(Stop);
        }
        let Some(values) = self.parameters(template, given, &label, spot) else {
            return Ok(Value::Unknown);
        };
        self.spend(template.captured.len(), spot)?;
        let outside = std::mem::replace(&mut self.scope, template.captured.clone());
        for (pattern, value) in template.closure.parameters.iter().zip(values) {
            self.bind(pattern, value);
        }
        self.expanding.push((label, template.closure.clone()));
        let value = self.expr(&template.closure.body);
        self.expanding.pop();
        self.scope = outside;
        value
    }

    /// The values of a template's parameters, in order.
    fn parameters(
        &mut self,
        template: &Template,
        given: &[Given],
        label: &str,
        spot: Spot,
    ) -> Option<Vec<Value>> {
        let parameters = &template.closure.parameters;
        let mut values: Vec<Option<Value>> = vec![None; parameters.len()];
        let named = |name: &str| {
            parameters
                .iter()
                .position(|p| matches!(p, ast::Pattern::Name { name: n, .. } if &*n.text == name))
        };
        for (i, argument) in given.iter().enumerate() {
            let at = match &argument.name {
                None => Some(i).filter(|i| *i < parameters.len()),
                Some(name) => named(&name.text),
            };
            let place = argument.name.as_ref().map_or(argument.spot, |name| name.spot);
            match at {
                Some(at) if values[at].is_none() => values[at] = Some(argument.value.clone()),
                Some(_) => {
                    self.wrong(place, "this argument is given twice", "");
                    return None;
                }
                None => {
                    let message = match &argument.name {
                        Some(name) => {
                            format!("the template `{label}` has no parameter `{}`", name.text)
                        }
                        None => format!(
                            "the template `{label}` takes {} arguments, found {}",
                            parameters.len(),
                            given.len()
                        ),
                    };
                    self.wrong(place, message, "");
                    return None;
                }
            }
        }
        let found = values.iter().flatten().count();
        if found < parameters.len() {
            let message = format!(
                "the template `{label}` takes {} arguments, found {found}",
                parameters.len()
            );
            self.wrong(spot, message, "");
            return None;
        }
        Some(values.into_iter().flatten().collect())
    }

    /// In which templates evaluation is.
    pub(crate) fn expanding_note(&self) -> Option<String> {
        let names: Vec<&str> = self.expanding.iter().rev().map(|(name, _)| &**name).collect();
        match names.as_slice() {
            [] => None,
            [one] => Some(format!("in the template `{one}`")),
            [first, rest @ ..] => {
                Some(format!("in the template `{first}`, expanded by `{}`", rest.join("`, by `")))
            }
        }
    }
}
