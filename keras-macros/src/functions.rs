//! Calls of the functions of `keras.ops` and `keras.activations`, and operators on tensors, which
//! are such functions.

use keras_graph::activation::FUNCTIONS;
use keras_graph::call;
use keras_graph::functions::{self, Function};
use keras_graph::network::{LayerKind, NetworkLayer, TensorId};

use crate::apply::call_value;
use crate::ast::Name;
use crate::builder::Made;
use crate::errors::Spot;
use crate::evaluate::{Evaluator, Outcome};
use crate::names::nearest;
use crate::value::{Given, Value};

impl Evaluator<'_> {
    /// `ops.f(..)`
    pub(crate) fn call_function(&mut self, name: &Name, given: &[Given], spot: Spot) -> Outcome {
        match &*name.text {
            "arange" => return Ok(self.arange(name, given)),
            "shape" => return Ok(self.shape(name, given)),
            _ => {}
        }
        let Some(function) = Function::by_name(&name.text) else {
            let names = Function::all().flat_map(|function| function.names.iter().copied());
            let help = match nearest(&name.text, names) {
                Some(near) => format!("did you mean `ops.{near}`?"),
                None => "functions are those of `keras.ops`, such as `ops.mean`".to_string(),
            };
            let message = format!("there is no function `ops.{}`", name.text);
            return Ok(self.wrong(name.spot, message, &help));
        };
        self.call_known(function, given, name.spot, spot)
    }

    /// `activations.f(..)`
    pub(crate) fn call_activation(&mut self, name: &Name, given: &[Given], spot: Spot) -> Outcome {
        if let Some(function) = Function::activation(&name.text) {
            return self.call_known(function, given, name.spot, spot);
        }
        if &*name.text != "linear" {
            let known = FUNCTIONS.iter().map(|(known, _)| *known);
            let near = nearest(&name.text, known).map(|near| format!("did you mean `{near}`?"));
            let message = format!("there is no activation `{}`", name.text);
            return Ok(self.wrong(name.spot, message, &near.unwrap_or_default()));
        }
        match given {
            [Given { value: value @ (Value::Tensor(_) | Value::Unknown), .. }] => Ok(value.clone()),
            _ => {
                let message = "`linear` is called on one tensor, which it returns";
                Ok(self.wrong(name.spot, message, "write `activations.linear(x)`"))
            }
        }
    }

    fn call_known(
        &mut self,
        function: &'static Function,
        given: &[Given],
        head: Spot,
        spot: Spot,
    ) -> Outcome {
        let mut values = Vec::with_capacity(given.len());
        for argument in given {
            if argument.value.is_unknown() {
                return Ok(Value::Unknown);
            }
            let Some(value) = call_value(&argument.value) else {
                let function = function.name();
                let message = format!("{} is no argument of `{function}`", argument.value.kind());
                return Ok(self.wrong(argument.spot, message, ""));
            };
            let name = argument.name.as_ref().map(|name| name.text.to_string());
            values.push(call::Given { name, value });
        }
        self.apply_function(function, values, given, head, spot)
    }

    pub(crate) fn apply_function(
        &mut self,
        function: &'static Function,
        values: Vec<call::Given<TensorId>>,
        given: &[Given],
        head: Spot,
        spot: Spot,
    ) -> Outcome {
        let (operation, call) = match functions::bind(function, values) {
            Ok(bound) => bound,
            Err(errors) => {
                self.argument_errors(head, given, errors, &[]);
                return Ok(Value::Unknown);
            }
        };
        self.check_calls(head)?;
        let place = |(i, argument): (usize, &Given)| {
            let name = argument.name.as_ref().map(|name| name.text.to_string());
            let name = name.or_else(|| function.signature.get(i).map(|name| name.to_string()))?;
            Some((name, argument.spot))
        };
        let arguments = given.iter().enumerate().filter_map(place).collect();
        let layer = NetworkLayer {
            name: self.builder.next_name(function.schema.class),
            kind: LayerKind::Layer(Box::new(operation)),
            trainable: true,
            activity_regularizer: None,
        };
        let layer = self.add(layer, Made { arguments, ..Made::at(head) })?;
        Ok(self.made_call(layer, call, given, head, spot))
    }

    /// The numbers of `ops.arange(stop)` or `ops.arange(start, stop, step)`: a constant, as in
    /// Keras.
    fn arange(&mut self, name: &Name, given: &[Given]) -> Value {
        /// Most numbers of one.
        const MOST: i64 = 4096;
        let mut ends = Vec::new();
        for argument in given {
            match (&argument.name, &argument.value) {
                (None, Value::Int(end)) if ends.len() < 3 => ends.push(*end),
                (_, Value::Unknown) => return Value::Unknown,
                _ => {
                    let message = "`arange` expects one to three integers";
                    return self.wrong(argument.spot, message, "write `ops.arange(0, 10, 2)`");
                }
            }
        }
        let (start, stop, step) = match ends[..] {
            [stop] => (0, stop, 1),
            [start, stop] => (start, stop, 1),
            [start, stop, step] => (start, stop, step),
            _ => (0, 0, 0),
        };
        let count = match step {
            0 => 0,
            step => {
                (i128::from(stop) - i128::from(start) + i128::from(step)
                    - i128::from(step.signum()))
                    / i128::from(step)
            }
        };
        if !(1..=i128::from(MOST)).contains(&count) {
            let message = format!("`arange` expects from 1 to {MOST} numbers, found {count}");
            return self.wrong(name.spot, message, "write `ops.arange(0, 10, 2)`");
        }
        let numbers = (0..count as i64).map(|i| Value::Int(start + i * step));
        Value::list(numbers.collect())
    }

    /// The extents of `ops.shape(x)`: a constant, as in Keras; that of the batch is `None`.
    fn shape(&mut self, name: &Name, given: &[Given]) -> Value {
        match given {
            [Given { value: Value::Tensor(x), .. }] => {
                let extents = self.builder.arena.shape(*x).extents();
                let extents = extents.iter().map(|&extent| Value::Int(extent as i64));
                Value::list(std::iter::once(Value::None).chain(extents).collect())
            }
            [Given { value: Value::Unknown, .. }] => Value::Unknown,
            _ => {
                let message = "`shape` is called on one tensor";
                self.wrong(name.spot, message, "write `ops.shape(x)[1]`")
            }
        }
    }

    /// An operator on tensors; none if no operand is one.
    pub(crate) fn tensor_operator(
        &mut self,
        name: &str,
        operands: &[&Value],
        spot: Spot,
    ) -> Option<Outcome> {
        if !operands.iter().any(|operand| matches!(operand, Value::Tensor(_))) {
            return None;
        }
        if operands.iter().any(|operand| operand.is_unknown()) {
            return Some(Ok(Value::Unknown));
        }
        let function = Function::by_name(name)?;
        let mut values = Vec::new();
        for operand in operands {
            let Some(value) = call_value(operand) else {
                let message =
                    format!("`{name}` has no meaning between a tensor and {}", operand.kind());
                return Some(Ok(self.wrong(spot, message, "")));
            };
            values.push(call::Given { name: None, value });
        }
        Some(self.apply_function(function, values, &[], spot, spot))
    }
}
