//! `Rescaling`: a fixed scale and offset.

use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::Layer;
use crate::layers::Case;
use crate::op::BinaryFunction;
use crate::parameter::number;
use crate::schema::{Mismatch, ParameterType, layer, layer_basics};
use crate::value::Value;

layer! {
    /// `y = scale · x + offset`, for example to bring pixels into 0 to 1.
    ///
    /// Shapes: `(batch, ...) -> (batch, ...)`.
    pub struct Rescaling {
        /// The factor, or a list of one for each channel.
        scale: PerChannel,
        /// The summand, or a list of one for each channel.
        offset: PerChannel = PerChannel::Number(0.0),
    }
}

pub(super) const CASES: &[Case] = &[
    Case { arguments: "0.25", inputs: &[&[2, 3]], output: &[2, 3] },
    Case { arguments: "scale = 2.0, offset = -1.0", inputs: &[&[5]], output: &[5] },
    Case { arguments: "[2.0, -0.5, 3.0], [1, 0, -2]", inputs: &[&[2, 3]], output: &[2, 3] },
    Case { arguments: "0.5, offset = [1.0, -3.0]", inputs: &[&[3, 2]], output: &[3, 2] },
];

/// A number, or one for each channel, the last axis.
#[derive(Clone, Debug, PartialEq)]
pub enum PerChannel {
    /// For all channels.
    Number(f32),
    /// As a list, of one number for all channels or of one for each.
    List(Vec<f32>),
}

impl ParameterType for PerChannel {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let read = match value {
            Value::List(items) if !items.is_empty() => {
                items.iter().map(number).collect::<Option<_>>().map(PerChannel::List)
            }
            value => number(value).map(PerChannel::Number),
        };
        read.ok_or_else(|| {
            Mismatch::expected("a number, or a list of one for each channel, such as `[0.5, 2.0]`")
        })
    }

    fn to_value(&self) -> Value {
        match self {
            PerChannel::Number(number) => number.to_value(),
            PerChannel::List(numbers) => Value::List(numbers.iter().map(f32::to_value).collect()),
        }
    }
}

/// What is multiplied with, or added.
enum Term {
    /// The same for all channels.
    Number(f32),
    /// In the shape of the input.
    Tensor(NodeId),
}

impl PerChannel {
    /// What it is beside `x`. Errors: another number of channels.
    fn of(&self, graph: &mut Graph, argument: &'static str, x: NodeId) -> Result<Term, LayerError> {
        let numbers = match self {
            PerChannel::Number(number) => return Ok(Term::Number(*number)),
            PerChannel::List(numbers) => numbers,
        };
        let extents = graph.extents(x);
        match (&numbers[..], extents.last()) {
            ([number], _) => Ok(Term::Number(*number)),
            (numbers, Some(&channels)) if numbers.len() == channels => {
                let row = graph.constants(&[channels], numbers)?;
                Ok(Term::Tensor(graph.broadcast(row, &extents)?))
            }
            _ => {
                let (found, shape) = (numbers.len(), graph.shape(x));
                let message = format!(
                    "`{argument}` of `Rescaling` expects one number, or one for each channel of \
                     {shape}, found {found}"
                );
                Err(LayerError::argument(argument, message))
            }
        }
    }
}

impl Layer for Rescaling {
    layer_basics!(masking);

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let scale = self.scale.of(graph, "scale", x)?;
        let offset = self.offset.of(graph, "offset", x)?;
        match (scale, offset) {
            (Term::Number(scale), Term::Number(offset)) => graph.affine(x, scale, offset),
            (Term::Number(scale), Term::Tensor(offsets)) => {
                let y = graph.affine(x, scale, 0.0)?;
                graph.binary(y, offsets, BinaryFunction::Add)
            }
            (Term::Tensor(scales), offset) => {
                let x = graph.float(x)?;
                let y = graph.binary(x, scales, BinaryFunction::Multiply)?;
                match offset {
                    Term::Number(0.0) => Ok(y),
                    Term::Number(offset) => graph.affine(y, 1.0, offset),
                    Term::Tensor(offsets) => graph.binary(y, offsets, BinaryFunction::Add),
                }
            }
        }
    }
}
