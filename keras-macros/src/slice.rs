//! Slices of tensors: `x[.., 1..3]`.

use keras_graph::call::{CallValue, Given};
use keras_graph::functions::{ELLIPSIS, Function, SLICE};
use keras_graph::network::TensorId;
use keras_graph::value as graph;

use crate::ast::{Expr, ExprKind};
use crate::errors::Spot;
use crate::evaluate::{Evaluator, Outcome, Stop};
use crate::value::Value;

impl Evaluator<'_> {
    /// `x[.., 1..3]`
    pub(crate) fn slice(&mut self, x: TensorId, key: &Expr, spot: Spot) -> Outcome {
        let items = match &key.kind {
            ExprKind::List(items) => items.as_slice(),
            _ => std::slice::from_ref(key),
        };
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            match self.slice_item(item)? {
                Some(value) => values.push(value),
                None => return Ok(Value::Unknown),
            }
        }
        let key = match (&key.kind, <[graph::Value; 1]>::try_from(values)) {
            (ExprKind::List(_), Ok(items)) => graph::Value::List(items.to_vec()),
            (_, Ok([one])) => one,
            (_, Err(items)) => graph::Value::List(items),
        };
        let Some(function) = Function::by_name("get_item") else { return Ok(Value::Unknown) };
        let values = vec![
            Given { name: None, value: CallValue::Tensor(x) },
            Given { name: None, value: CallValue::Value(key) },
        ];
        self.apply_function(function, values, &[], spot, spot)
    }

    /// An item of a slice; none if it is unknown.
    fn slice_item(&mut self, item: &Expr) -> Result<Option<graph::Value>, Stop> {
        let object = |class: &str, ends: Vec<graph::Value>| {
            let arguments = ends.into_iter().map(|value| graph::Argument { name: None, value });
            graph::Value::Object(graph::Object {
                class: class.to_string(),
                arguments: arguments.collect(),
            })
        };
        let (from, to, inclusive) = match &item.kind {
            ExprKind::Ellipsis => return Ok(Some(object(ELLIPSIS, Vec::new()))),
            ExprKind::Open { from, to, inclusive } => (from.as_deref(), to.as_deref(), *inclusive),
            ExprKind::Range { from, to, inclusive } => (Some(&**from), Some(&**to), *inclusive),
            _ => {
                let value = self.expr(item)?;
                return Ok(match value {
                    Value::Unknown => None,
                    Value::Int(place) => Some(graph::Value::Int(place)),
                    Value::Quotient(quotient) => Some(graph::Value::Int(quotient.whole)),
                    Value::None => Some(graph::Value::None),
                    Value::Range { from, to, reversed: false } => {
                        let ends = [from, to].map(graph::Value::Int);
                        Some(object(SLICE, [&ends[..], &[graph::Value::None]].concat()))
                    }
                    other => {
                        let message =
                            format!("a slice is made of integers and ranges, found {other}");
                        self.wrong(item.spot, message, "write such as `x[.., 1..3]`");
                        None
                    }
                });
            }
        };
        let mut ends = Vec::with_capacity(3);
        for (end, more) in [(from, 0), (to, i64::from(inclusive))] {
            let value = match end {
                None => Value::None,
                Some(end) => self.expr(end)?,
            };
            ends.push(match value {
                Value::Unknown => return Ok(None),
                Value::None => graph::Value::None,
                Value::Int(-1) if more == 1 => graph::Value::None,
                Value::Int(end) => graph::Value::Int(end.saturating_add(more)),
                Value::Quotient(end) => graph::Value::Int(end.whole.saturating_add(more)),
                other => {
                    let message = format!("a slice is between integers, found {other}");
                    self.wrong(item.spot, message, "write such as `x[.., 1..3]`");
                    return Ok(None);
                }
            });
        }
        ends.push(graph::Value::None);
        Ok(Some(object(SLICE, ends)))
    }
}
