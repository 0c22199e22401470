//! Padding: a number, or the elements mirrored at the edge.

use super::index::{MOST, picked};
use super::operand::Operand;
use super::{Default, Operation, functions};
use crate::graph::{Graph, LayerError, NodeId};
use crate::parameter::{unknown_word, word};
use crate::schema::{Mismatch, ParameterType};
use crate::value::Value;

type Result<T> = std::result::Result<T, LayerError>;

functions! {
    /// The tensor with more cells around it.
    "numpy" Pad("pad") (x, pad_width, mode, constant_values) ["x", "constant_values?"] {
        /// Cells in front and behind, for each axis, none for the batch.
        pad_width,
        /// What the cells hold: `"constant"`, or for `"reflect"` and `"symmetric"` the elements
        /// mirrored at the edge, without the last one or with it.
        mode = Default::Str("constant"),
    } => pad();
}

/// What `pad` puts around a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PadMode {
    Constant,
    Reflect,
    Symmetric,
}

const PAD_MODES: &[(&str, PadMode)] = &[
    ("constant", PadMode::Constant),
    ("reflect", PadMode::Reflect),
    ("symmetric", PadMode::Symmetric),
];

impl ParameterType for PadMode {
    fn from_value(value: &Value) -> std::result::Result<Self, Mismatch> {
        let found = PAD_MODES.iter().find(|(name, _)| word(value) == Some(*name));
        found.map(|(_, mode)| *mode).ok_or_else(|| {
            let expected = "`\"constant\"`, `\"reflect\"` or `\"symmetric\"`";
            unknown_word(value, expected, PAD_MODES.iter().map(|(name, _)| *name))
        })
    }

    fn to_value(&self) -> Value {
        let found = PAD_MODES.iter().find(|(_, mode)| mode == self);
        Value::Str(found.map_or("constant", |(name, _)| name).to_string())
    }
}

fn pad(op: &Operation, graph: &mut Graph, args: &[Operand]) -> Result<Vec<NodeId>> {
    let mut x = op.tensor(graph, args, 0)?;
    let shape = graph.shape(x).clone();
    let mode = op.argument::<PadMode>("mode")?;
    let number = match args.get(1) {
        None | Some(Operand::Constant(Value::None)) => 0.0,
        Some(_) if mode != PadMode::Constant => {
            let message = format!(
                "`constant_values` of `pad` is only for `mode = \"constant\"`, found {}",
                mode.to_value()
            );
            return Err(LayerError::argument("constant_values", message).help("leave it out"));
        }
        Some(Operand::Constant(value)) if crate::parameter::number(value).is_some() => {
            crate::parameter::number(value).unwrap_or(0.0)
        }
        Some(other) => {
            let found = other.describe(graph);
            let message = format!("`constant_values` of `pad` expects a number, found {found}");
            return Err(LayerError::argument("constant_values", message));
        }
    };
    let widths: crate::parameter::Widths = op.argument("pad_width")?;
    let Some(widths) = widths.of(shape.rank() + 1).filter(|widths| widths[0] == [0, 0]) else {
        let message = format!(
            "`pad_width` of `pad` expects a pair for each axis of {shape}, (0, 0) for the batch, \
             found {}",
            widths.to_value()
        );
        return Err(LayerError::argument("pad_width", message)
            .help("write `((0, 0), (1, 1), ..)`, the batch in front"));
    };
    for (axis, &margins) in widths[1..].iter().enumerate() {
        x = match mode {
            PadMode::Constant => surrounded(graph, x, axis, margins, number)?,
            PadMode::Reflect | PadMode::Symmetric => mirrored(graph, x, axis, margins, mode)?,
        };
    }
    Ok(vec![x])
}

/// `x` with cells of one number before and behind an axis.
fn surrounded(
    graph: &mut Graph,
    x: NodeId,
    axis: usize,
    margins: [usize; 2],
    number: f32,
) -> Result<NodeId> {
    let dtype = graph.dtype(x);
    let mut cells = |len: usize| {
        let mut extents = graph.extents(x);
        extents[axis] = len;
        let cells = graph.ramp(&extents, number, 0.0)?;
        graph.cast(cells, dtype).map(Some)
    };
    let [before, behind] = margins.map(|len| if len > 0 { cells(len) } else { Ok(None) });
    let parts: Vec<NodeId> = before?.into_iter().chain([x]).chain(behind?).collect();
    if parts.len() == 1 { Ok(x) } else { graph.concat(&parts, axis) }
}

/// `x` with its own elements, mirrored at both ends of an axis again and again, as numpy has it.
fn mirrored(
    graph: &mut Graph,
    x: NodeId,
    axis: usize,
    [before, behind]: [usize; 2],
    mode: PadMode,
) -> Result<NodeId> {
    let extent = graph.shape(x).extents()[axis];
    // There and back again: without the elements at the ends a second time, or with them.
    let period = match mode {
        PadMode::Symmetric => 2 * extent,
        PadMode::Reflect | PadMode::Constant => (2 * extent - 2).max(1),
    };
    if before.saturating_add(behind) > MOST {
        let message = format!(
            "`pad` mirrors at most {MOST} elements along an axis, found {before} before and \
             {behind} behind"
        );
        return Err(LayerError::argument("pad_width", message));
    }
    let place = |at: usize| {
        let at = at % period;
        if at < extent { at } else { period - at - usize::from(mode == PadMode::Symmetric) }
    };
    // Where the first cell stands: so many periods in front that the count begins above 0.
    let first = before.div_ceil(period) * period - before;
    let places: Vec<usize> = (first..first + before + extent + behind).map(place).collect();
    picked(graph, x, axis, &places)
}
