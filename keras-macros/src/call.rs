//! Calls: which of a template, a layer, a model, an object of Keras or a method is called, and on
//! what.

use std::rc::Rc;

use keras_graph::value as graph;

use crate::ast::{self, Expr, ExprKind, Name};
use crate::errors::Spot;
use crate::evaluate::{Evaluator, Outcome, Stop};
use crate::names::{self, Path};
use crate::value::{Given, Value};

/// What is called.
enum Callee {
    /// A layer or a model of Keras.
    Class(Name),
    /// An initializer, a regularizer or a constraint.
    Object(Name),
    /// A function of `keras.ops`.
    Function(Name),
    /// A function of `keras.activations`.
    Activation(Name),
    Method(Value, Name),
    Value(Value),
}

/// The token that names what is called: `Dense` in `layers.Dense(10)(x)`.
fn head(callee: &Expr) -> Spot {
    match &callee.kind {
        ExprKind::Call(callee, _) => head(callee),
        ExprKind::Field(_, name) => name.spot,
        _ => callee.spot,
    }
}

/// The names of `a.b.c`.
fn steps(expr: &Expr) -> Option<Vec<Name>> {
    match &expr.kind {
        ExprKind::Name(text) => Some(vec![Name { text: text.clone(), spot: expr.spot }]),
        ExprKind::Field(value, name) => {
            let mut names = steps(value)?;
            names.push(name.clone());
            Some(names)
        }
        _ => None,
    }
}

impl Evaluator<'_> {
    /// `callee(arguments)`
    pub(crate) fn call(
        &mut self,
        callee: &Expr,
        arguments: &[ast::Argument],
        spot: Spot,
    ) -> Outcome {
        let head = head(callee);
        let target = self.callee(callee)?;
        let mut given = Vec::with_capacity(arguments.len());
        for argument in arguments {
            let variable = match &argument.value.kind {
                ExprKind::Name(name) => Some(name.clone()),
                _ => None,
            };
            let value = self.expr(&argument.value)?;
            given.push(Given {
                name: argument.name.clone(),
                value,
                spot: argument.value.spot,
                variable,
            });
        }
        match target {
            Callee::Class(name) => self.construct(&name, &given, arguments),
            Callee::Object(name) => Ok(self.object(&name, &given)),
            Callee::Function(name) => self.call_function(&name, &given, spot),
            Callee::Activation(name) => self.call_activation(&name, &given, spot),
            Callee::Method(value, name) => self.method(&value, &name, &given, spot),
            Callee::Value(value) => match value {
                Value::Unknown => Ok(Value::Unknown),
                Value::Layer(layer) => self.call_layer(layer, &given, head, spot),
                Value::Template(template) => self.expand(&template, &given, callee, head),
                other => {
                    let message = format!("expected a layer or a template to call, found {other}");
                    Ok(self.wrong(head, message, "a layer is called as in `Dense(10)(x)`"))
                }
            },
        }
    }

    fn callee(&mut self, callee: &Expr) -> Result<Callee, Stop> {
        let ExprKind::Name(text) = &callee.kind else {
            if let ExprKind::Field(value, name) = &callee.kind {
                return self.path_or_method(callee, value, name);
            }
            return Ok(Callee::Value(self.expr(callee)?));
        };
        if let Some(binding) = self.binding(text) {
            return Ok(Callee::Value(binding.value.clone()));
        }
        let name = Name { text: text.clone(), spot: callee.spot };
        Ok(self.known(name))
    }

    /// A layer, a model or an object by its own name.
    fn known(&mut self, name: Name) -> Callee {
        if names::is_class(&name.text) {
            return Callee::Class(name);
        }
        if names::is_object(&name.text) {
            return Callee::Object(name);
        }
        Callee::Value(self.unknown_callee(&name))
    }

    fn unknown_callee(&mut self, name: &Name) -> Value {
        let text = &name.text;
        if self.expanding.iter().any(|(template, _)| template == text) {
            return self.wrong(
                name.spot,
                format!("the template `{text}` cannot call itself"),
                "repeat with `for i in 0..3 { .. }`",
            );
        }
        let local = self.nearest_binding(text).map(str::to_string);
        let near = names::nearest_class(text).map(str::to_string).or(local);
        let help = match (near, &**text) {
            (_, "range") => "write `0..3` for a range".to_string(),
            (_, "print") => {
                "remove it: `Name::DESCRIPTION` and the docs of the struct tell the shapes"
                    .to_string()
            }
            (_, "len") => "write `list.len()`".to_string(),
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, _) => {
                "a layer is named as in Keras; a template is made by `let name = |x| { .. };`"
                    .to_string()
            }
        };
        self.wrong(name.spot, format!("there is no layer or template `{text}`"), &help)
    }

    fn path_or_method(&mut self, callee: &Expr, value: &Expr, name: &Name) -> Result<Callee, Stop> {
        match self.path(callee) {
            None => Ok(Callee::Method(self.expr(value)?, name.clone())),
            Some(Path::Layer) => Ok(self.known(name.clone())),
            Some(Path::Object) => Ok(Callee::Object(name.clone())),
            Some(Path::Function) => Ok(Callee::Function(name.clone())),
            Some(Path::Activation) => Ok(Callee::Activation(name.clone())),
            Some(Path::Foreign | Path::Unknown(_)) => Ok(Callee::Value(self.foreign(callee))),
        }
    }

    /// Where a path of Keras leads; none if its root is a value of this block, or no name at all.
    fn path(&self, expr: &Expr) -> Option<Path> {
        let names = steps(expr)?;
        if self.binding(&names[0].text).is_some() {
            return None;
        }
        let texts: Vec<&str> = names.iter().map(|name| &*name.text).collect();
        Some(Path::of(&texts))
    }

    fn foreign(&mut self, expr: &Expr) -> Value {
        let names = steps(expr).unwrap_or_default();
        let texts: Vec<&str> = names.iter().map(|name| &*name.text).collect();
        match Path::of(&texts) {
            Path::Unknown(i) if i < names.len() => {
                let text = names[i].text.clone();
                let help =
                    "paths are those of Keras, such as `layers.Dense` or `keras.layers.Dense`";
                self.wrong(names[i].spot, format!("`{text}` is not defined"), help)
            }
            _ => self.wrong(
                expr.spot,
                format!("`{}` has no place in a model", texts.join(".")),
                "losses, optimizers and metrics are given to `compile`, outside of this block",
            ),
        }
    }

    /// `value.name`
    pub(crate) fn field(&mut self, expr: &Expr, value: &Expr, name: &Name) -> Outcome {
        match self.path(expr) {
            Some(Path::Activation) => return Ok(Value::Str(name.text.clone())),
            Some(Path::Object) => return Ok(self.object(name, &[])),
            Some(Path::Function) => {
                let help = format!("write `ops.{}(x)`", name.text);
                return Ok(self.wrong(name.spot, "a function is called on a tensor", &help));
            }
            Some(Path::Layer) => return Ok(self.undefined(&name.text, name.spot)),
            Some(Path::Foreign | Path::Unknown(_)) => return Ok(self.foreign(expr)),
            None => {}
        }
        match self.expr(value)? {
            Value::Unknown => Ok(Value::Unknown),
            Value::Tensor(tensor) if &*name.text == "shape" => {
                let extents = self.builder.arena.shape(tensor).extents();
                let extents = extents.iter().map(|&extent| Value::Int(extent as i64));
                Ok(Value::list(std::iter::once(Value::None).chain(extents).collect()))
            }
            other => {
                let message = format!("{} has no field `{}`", other.kind(), name.text);
                Ok(self.wrong(name.spot, message, ""))
            }
        }
    }

    fn method(&mut self, value: &Value, name: &Name, given: &[Given], spot: Spot) -> Outcome {
        let message = format!("{} has no method `{}`", value.kind(), name.text);
        match (value, &*name.text) {
            (Value::Unknown, _) => Ok(Value::Unknown),
            (_, "rev" | "len" | "iter" | "enumerate") if !given.is_empty() => {
                Ok(self.wrong(given[0].spot, format!("`{}` takes no arguments", name.text), ""))
            }
            (Value::Range { from, to, reversed }, "rev") => {
                Ok(Value::Range { from: *from, to: *to, reversed: !reversed })
            }
            (Value::Range { from, to, .. }, "len") => {
                Ok(Value::Int(to.saturating_sub(*from).max(0)))
            }
            (Value::List(list), "len") => Ok(Value::Int(list.items.len() as i64)),
            (Value::List(_) | Value::Range { .. }, "iter") => Ok(value.clone()),
            (Value::List(list), "rev") => {
                self.bounded(Value::list(list.items.iter().rev().cloned().collect()), spot)
            }
            (Value::List(list), "enumerate") => {
                let numbered = list.items.iter().enumerate();
                let pairs =
                    numbered.map(|(i, item)| Value::list(vec![Value::Int(i as i64), item.clone()]));
                self.bounded(Value::list(pairs.collect()), spot)
            }
            (Value::Layer(_), "add") => Ok(self.wrong(
                name.spot,
                message,
                "list the layers: `Sequential([Input(..), Dense(10)])`",
            )),
            (Value::Layer(_), _) => {
                let help = "`compile`, `fit`, `summary` and the like are methods of the struct: \
                    call them outside of this block";
                Ok(self.wrong(name.spot, message, help))
            }
            _ => Ok(self.wrong(name.spot, message, "")),
        }
    }

    /// An initializer, a regularizer or a constraint; what it accepts is checked by the layer that
    /// takes it.
    fn object(&mut self, name: &Name, given: &[Given]) -> Value {
        let (arguments, unknown) = self.arguments(&name.text, given);
        if !unknown.is_empty() {
            return Value::Unknown;
        }
        let class = name.text.to_string();
        Value::Object(Rc::new(graph::Object { class, arguments }))
    }
}
