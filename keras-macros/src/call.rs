//! Calls: which of a template, a layer, a model, an object of Keras or a method is called, and on
//! what.

use std::rc::Rc;

use keras_graph::network::LayerId;
use keras_graph::value as graph;

use crate::ast::{self, Expr, ExprKind, Name};
use crate::errors::Spot;
use crate::evaluate::{Evaluator, Outcome, Stop};
use crate::names::{self, Path};
use crate::parse::MAX_NESTING;
use crate::value::{Template, Value};

/// An evaluated argument.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub name: Option<Name>,
    pub value: Value,
    pub spot: Spot,
    /// The name it was written as, if it is one.
    pub variable: Option<Rc<str>>,
}

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
                Value::Template(template) => self.expand(&template, &given, callee),
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
        match self.arguments(&name.text, given) {
            Some((arguments, unknown)) if unknown.is_empty() => {
                let class = name.text.to_string();
                Value::Object(Rc::new(graph::Object { class, arguments }))
            }
            _ => Value::Unknown,
        }
    }

    /// Arguments as a layer reads them, and which of them are unknown (`None` stands in their
    /// place).
    pub(crate) fn arguments(
        &mut self,
        class: &str,
        given: &[Given],
    ) -> Option<(Vec<graph::Argument>, Vec<usize>)> {
        let mut unknown = Vec::new();
        let mut arguments = Vec::with_capacity(given.len());
        for (i, argument) in given.iter().enumerate() {
            let value = match &argument.value {
                value if value.is_unknown() => None,
                Value::Layer(layer) => self.wrapped(*layer, argument.spot),
                value => match value.argument() {
                    Some(value) => Some(value),
                    None => {
                        self.no_argument(class, value, argument.spot);
                        None
                    }
                },
            };
            if value.is_none() {
                unknown.push(i);
            }
            let name = argument.name.as_ref().map(|name| name.text.to_string());
            arguments.push(graph::Argument { name, value: value.unwrap_or(graph::Value::None) });
        }
        Some((arguments, unknown))
    }

    fn no_argument(&mut self, class: &str, value: &Value, spot: Spot) {
        let help = match value {
            Value::Tensor(_) => format!(
                "write `{class}(..)(x)`: the first brackets make the layer, the second call it"
            ),
            Value::Template(_) => "functions of tensors are made of layers".to_string(),
            Value::Range { .. } => "write a list: `[0, 1, 2]`".to_string(),
            _ => String::new(),
        };
        self.wrong(spot, format!("{} is no argument of `{class}`", value.kind()), &help);
    }

    /// A layer that another one wraps, as that one reads it.
    fn wrapped(&mut self, layer: LayerId, spot: Spot) -> Option<graph::Value> {
        let made = &mut self.builder.made[layer.0];
        made.is_wrapped = true;
        match &made.object {
            Some(object) => Some(graph::Value::Layer(object.clone())),
            None => {
                self.wrong(spot, "a model cannot be wrapped by a layer", "wrap each of its layers");
                None
            }
        }
    }

    /// Expands a template: runs its body with its parameters bound.
    fn expand(&mut self, template: &Rc<Template>, given: &[Given], callee: &Expr) -> Outcome {
        let label: Rc<str> = match &callee.kind {
            ExprKind::Name(name) => name.clone(),
            _ => "|..|".into(),
        };
        let spot = head(callee);
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
}
