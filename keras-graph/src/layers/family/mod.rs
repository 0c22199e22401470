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

use crate::graph::LayerError;
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
