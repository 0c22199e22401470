//! What is known of a model's inputs and outputs while it is read, whatever else is wrong with it.
//!
//! The stub of a model with mistakes has these ports, so that the code that uses it has no errors
//! of its own; mistakes that are found later point at them. Of a tensor that could not be made, the
//! text still promises a name and extents.

use keras_graph::dtype::Dtype;
use keras_graph::names::field_name;
use keras_graph::shape::Shape;

use crate::arguments::{item_spots, written_list};
use crate::ast::{Argument, Expr, ExprKind};
use crate::builder::{Port, Promise};
use crate::errors::Spot;
use crate::evaluate::Evaluator;
use crate::value::{Given, Value};

impl Evaluator<'_> {
    /// The ports that `inputs` or `outputs` lists.
    pub(crate) fn ports(&self, given: &Given, written: &[Argument]) -> Vec<Port> {
        let items = match &given.value {
            Value::List(list) => list.items.clone(),
            value => vec![value.clone()],
        };
        let one = written.iter().find(|argument| argument.value.spot.order == given.spot.order);
        let texts: Vec<Option<&Expr>> = match written_list(given, written, items.len()) {
            Some(list) => list.iter().map(Some).collect(),
            None => vec![one.map(|one| &one.value).filter(|_| items.len() == 1); items.len()],
        };
        let spots = item_spots(given, written, items.len());
        let mut ports: Vec<Port> = Vec::new();
        for ((item, text), spot) in items.iter().zip(texts).zip(spots) {
            let mut port = self.port(item, text, spot);
            while ports.iter().any(|other| field_name(&other.name) == field_name(&port.name)) {
                port.name.push('_');
            }
            ports.push(port);
        }
        ports
    }

    fn port(&self, item: &Value, text: Option<&Expr>, spot: Spot) -> Port {
        let variable = text.and_then(|text| match &text.kind {
            ExprKind::Name(name) => Some(name),
            _ => None,
        });
        let builder = &self.builder;
        if let Value::Tensor(tensor) = item {
            let tensor = &builder.arena.tensors[tensor.0];
            let layer = builder.arena.calls[tensor.call].layer;
            let own = &builder.arena.layers[layer.0].name;
            let name = match variable.filter(|_| !builder.made[layer.0].is_named) {
                Some(variable) => variable.to_string(),
                None => own.clone(),
            };
            return Port { name, shape: tensor.shape.clone(), dtype: tensor.dtype, spot };
        }
        let promise = match variable {
            Some(variable) => builder.promises.get(variable).cloned(),
            None => text.map(|text| self.promise(text)),
        };
        let Promise { name, shape } = promise.unwrap_or_default();
        let name = name.or(variable.map(ToString::to_string)).unwrap_or("output".to_string());
        Port { name, shape: shape.unwrap_or(Shape::new([1])), dtype: Dtype::Float32, spot }
    }

    /// What a call promises: `Dense(4, name = "kind")(x)` and `Input(shape = (4,))` tell name and
    /// extents.
    pub(crate) fn promise(&self, text: &Expr) -> Promise {
        let ExprKind::Call(callee, arguments) = &text.kind else { return Promise::default() };
        let arguments = match &callee.kind {
            ExprKind::Call(_, arguments) => arguments,
            _ => arguments,
        };
        let mut promise = Promise::default();
        for (i, argument) in arguments.iter().enumerate() {
            match (argument.name.as_ref().map(|name| &*name.text), &argument.value.kind) {
                (Some("name"), ExprKind::Str(name)) => promise.name = Some(name.to_string()),
                (Some("shape" | "units"), _) => promise.shape = self.extents(&argument.value),
                (None, _) if i == 0 => promise.shape = self.extents(&argument.value),
                _ => {}
            }
        }
        promise
    }

    /// Extents written as a number or as a list of numbers.
    fn extents(&self, text: &Expr) -> Option<Shape> {
        let positive = |extent| usize::try_from(extent).ok().filter(|extent| *extent > 0);
        let extent = |text: &Expr| match &text.kind {
            ExprKind::Int(extent) => positive(*extent),
            ExprKind::Name(name) => positive(self.binding(name)?.value.integer()?),
            _ => None,
        };
        let extents: Option<Vec<usize>> = match &text.kind {
            ExprKind::List(items) => items.iter().map(extent).collect(),
            _ => extent(text).map(|extent| vec![extent]),
        };
        extents.map(Shape::new)
    }
}
