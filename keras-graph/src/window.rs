//! Windows over images: how many fit, and where the padding goes. Source: Keras 3.15
//! `ops/operation_utils.py` and, for transposed convolutions, `backend/common/backend_utils.py`.

use crate::graph::{Graph, LayerError, NodeId};
use crate::op::Window;
use crate::parameter::Padding;

/// The sides of a window: one entry for the rows of an image, one for its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sides {
    /// Cells of the kernel.
    pub kernel: [usize; 2],
    /// Steps between windows.
    pub strides: [usize; 2],
    /// Steps between cells of one window.
    pub dilation: [usize; 2],
    /// How windows meet the edge.
    pub padding: Padding,
}

const AXES: [&str; 2] = ["height", "width"];

/// Cells from the first to the last of a kernel.
fn spread(kernel: usize, dilation: usize) -> usize {
    dilation.saturating_mul(kernel - 1).saturating_add(1)
}

impl Sides {
    /// Windows of one cell.
    pub const POINT: Sides =
        Sides { kernel: [1, 1], strides: [1, 1], dilation: [1, 1], padding: Padding::Valid };

    /// The windows on an image of so many rows and columns. `parameter` is what the layer calls the
    /// kernel's size. Errors: a kernel larger than the image, which padding may enlarge.
    pub fn windows(
        &self,
        class: &str,
        parameter: &'static str,
        image: [usize; 2],
    ) -> Result<[Window; 2], LayerError> {
        let window = |side: usize| {
            let (input, kernel) = (image[side], self.kernel[side]);
            let (stride, dilation) = (self.strides[side], self.dilation[side]);
            let spread = spread(kernel, dilation);
            let (output, pad) = match self.padding {
                Padding::Valid if spread > input => {
                    return Err(self.too_large(class, parameter, image, side));
                }
                Padding::Valid => ((input - spread) / stride + 1, 0),
                Padding::Same => {
                    let output = input.div_ceil(stride);
                    let covered = (output - 1).saturating_mul(stride).saturating_add(spread);
                    (output, covered.saturating_sub(input) / 2)
                }
            };
            Ok(Window { input, output, kernel, stride, dilation, pad })
        };
        Ok([window(0)?, window(1)?])
    }

    fn too_large(
        &self,
        class: &str,
        parameter: &'static str,
        [h, w]: [usize; 2],
        side: usize,
    ) -> LayerError {
        let [rows, columns] = self.kernel;
        let dilated = if self.dilation == [1, 1] {
            String::new()
        } else {
            format!(
                ", which dilation spreads to {}",
                spread(self.kernel[side], self.dilation[side])
            )
        };
        LayerError::argument(
            parameter,
            format!(
                "`{class}` has a kernel of ({rows}, {columns}){dilated}, \
                 larger than its input of {} {} in (batch, {h}, {w}, ...)",
                AXES[side],
                [h, w][side],
            ),
        )
        .help("write `padding = \"same\"` or a smaller kernel")
    }

    /// The windows of the convolution whose gradient a transposed convolution is: its input is the
    /// result, its output is the image given here.
    pub fn transposed(&self, image: [usize; 2], output_padding: Option<[usize; 2]>) -> [Window; 2] {
        let window = |side: usize| {
            let (n, kernel) = (image[side], self.kernel[side]);
            let (stride, dilation) = (self.strides[side], self.dilation[side]);
            let spread = spread(kernel, dilation);
            let extra = output_padding.map(|extra| extra[side]);
            let steps = (n - 1).saturating_mul(stride);
            let (result, front) = match (self.padding, extra) {
                (Padding::Valid, extra) => {
                    let extra = extra.unwrap_or_else(|| stride.saturating_sub(spread));
                    (steps.saturating_add(spread).saturating_add(extra), spread - 1)
                }
                (Padding::Same, None) => {
                    let total = stride.saturating_add(spread) - 2;
                    (n.saturating_mul(stride), total.div_ceil(2))
                }
                (Padding::Same, Some(extra)) => {
                    let total = (spread + spread % 2 + extra).saturating_sub(2);
                    (steps.saturating_add(spread % 2 + extra), total.div_ceil(2))
                }
            };
            let pad = spread - 1 - front.min(spread - 1);
            Window { input: result, output: n, kernel, stride, dilation, pad }
        };
        [window(0), window(1)]
    }
}

impl Graph {
    /// Height, width and channels of an image as floats. Errors: another number of axes, with
    /// advice.
    pub fn image(&mut self, class: &str, x: NodeId) -> Result<(NodeId, [usize; 3]), LayerError> {
        if let &[h, w, c] = self.shape(x).extents() {
            return Ok((self.float(x)?, [h, w, c]));
        }
        let found = self.shape(x);
        Err(LayerError::input(format!(
            "`{class}` expects (batch, height, width, channels), found {found}"
        ))
        .help(reshape_advice(found.extents())))
    }

    /// Steps and features of a sequence. Errors: another number of axes.
    pub(crate) fn sequence(&self, class: &str, x: NodeId) -> Result<[usize; 2], LayerError> {
        let found = self.shape(x);
        found.extents().try_into().map_err(|_| {
            LayerError::input(format!("`{class}` expects (batch, steps, features), found {found}"))
        })
    }
}

/// How to make an image of what was found.
fn reshape_advice(extents: &[usize]) -> String {
    let target = match extents {
        [] => return "write `Input(shape = (height, width, channels))`".to_string(),
        &[len] => [1, 3, 4].into_iter().find_map(|channels| {
            let side = (len / channels).isqrt();
            (side > 1 && side * side * channels == len)
                .then(|| format!("{side}, {side}, {channels}"))
        }),
        &[h, w] => Some(format!("{h}, {w}, 1")),
        _ => None,
    };
    let target = target.unwrap_or_else(|| "height, width, channels".to_string());
    format!("put `Reshape(target_shape = ({target}))` before it")
}
