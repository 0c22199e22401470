//! Layers that Keras has for sequences and for images: the arguments and the lowering of a family
//! are written once, as a macro that a layer's own file fills in.

mod conv;
mod conv_transpose;
mod crop;
mod depthwise_conv;
mod pool;
mod separable_conv;
mod spatial_dropout;

pub(super) use conv::convolution;
pub(super) use conv_transpose::{check_output_padding, transposed_convolution};
pub(super) use crop::cropped;
pub(super) use depthwise_conv::depthwise_convolution;
pub(super) use pool::{pool, with_strides};
pub(super) use separable_conv::separable_convolution;
pub(super) use spatial_dropout::spatial_dropout;

use crate::graph::{Graph, LayerError, NodeId};
use crate::parameter::Padding;
use crate::window::shown;

/// Refuses strides with dilation, as Keras does.
pub(super) fn check_strides<const N: usize>(
    class: &str,
    strides: [usize; N],
    dilation: [usize; N],
) -> Result<(), LayerError> {
    if strides == [1; N] || dilation == [1; N] {
        return Ok(());
    }
    let (strides, dilation) = (shown(&strides), shown(&dilation));
    Err(LayerError::argument(
        "dilation_rate",
        format!(
            "`{class}` expects either strides or dilation of 1, found `strides = {strides}` and \
             `dilation_rate = {dilation}`"
        ),
    ))
}

/// Refuses groups that do not share out filters and channels equally.
pub(super) fn check_groups(
    class: &str,
    groups: usize,
    filters: usize,
    channels: usize,
) -> Result<(), LayerError> {
    for (what, extent) in [("filters", filters), ("channels of its input", channels)] {
        if extent % groups != 0 {
            let message = format!(
                "`{class}` expects `groups` to divide the {what}, found `groups = {groups}` and \
                 {extent}"
            );
            return Err(LayerError::argument("groups", message));
        }
    }
    Ok(())
}

/// Where a model runs step by step: the input with the `reach` steps before it, which are kept, and
/// a padding that adds none. Elsewhere both as they are. Errors: a convolution that looks ahead, or
/// that does not make an output for each step.
pub(super) fn with_past<const N: usize>(
    graph: &mut Graph,
    class: &str,
    x: NodeId,
    reach: usize,
    strides: [usize; N],
    padding: Padding,
) -> Result<(NodeId, Padding), LayerError> {
    if N != 1 || !graph.is_one_step() {
        return Ok((x, padding));
    }
    if strides != [1; N] || padding != Padding::Causal && reach > 0 {
        let message = format!("`{class}` looks ahead unless it has `padding = \"causal\"`");
        return Err(LayerError::argument("padding", message));
    }
    if reach == 0 {
        return Ok((x, padding));
    }
    let &[_, channels] = &graph.extents(x)[..] else { return Ok((x, padding)) };
    let x = graph.float(x)?;
    let before = graph.state(&[reach, channels])?;
    let x = graph.concat(&[before, x], 0)?;
    let behind = graph.slice(x, 0, 1, reach)?;
    graph.keep(before, behind);
    Ok((x, Padding::Valid))
}
