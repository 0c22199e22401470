//! Windows over sequences and images: how many fit, and where the padding goes. A sequence is an
//! image of one row, along which its windows slide; so no op and no kernel knows sequences. Source:
//! Keras 3.15 `ops/operation_utils.py` and, for transposed convolutions,
//! `backend/common/backend_utils.py`.

use crate::graph::{Graph, LayerError, NodeId, Source};
use crate::op::Window;
use crate::parameter::Padding;
use crate::shape::Shape;

/// The sides of a window: one entry for the steps of a sequence (`N` = 1), or one for the rows of
/// an image and one for its columns (2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sides<const N: usize> {
    /// Cells of the kernel.
    pub kernel: [usize; N],
    /// Steps between windows.
    pub strides: [usize; N],
    /// Steps between cells of one window.
    pub dilation: [usize; N],
    /// How windows meet the edge.
    pub padding: Padding,
}

/// The only window on the one row of a sequence.
const ONE_ROW: Window = Window { input: 1, output: 1, kernel: 1, stride: 1, dilation: 1, pad: 0 };

/// Windows of one cell on a sequence of so many cells.
pub(crate) fn each_cell(cells: usize) -> [Window; 2] {
    [ONE_ROW, Window { input: cells, output: cells, ..ONE_ROW }]
}

/// What the axes of windows are called, those of a sequence and of an image.
pub(crate) const AXES: [&[&str]; 2] = [&["steps"], &["height", "width"]];

/// Cells from the first to the last of a kernel.
fn spread(kernel: usize, dilation: usize) -> usize {
    dilation.saturating_mul(kernel - 1).saturating_add(1)
}

/// One number for each axis as a user writes them: `3`, or `(3, 2)`.
pub(crate) fn shown(numbers: &[usize]) -> String {
    match numbers {
        [number] => number.to_string(),
        numbers => {
            let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
            format!("({})", numbers.join(", "))
        }
    }
}

/// The windows over rows and columns; those of a sequence are over columns.
fn on_image<const N: usize>(window: impl Fn(usize) -> Window) -> [Window; 2] {
    match N {
        1 => [ONE_ROW, window(0)],
        _ => [window(0), window(1)],
    }
}

impl<const N: usize> Sides<N> {
    /// Windows of one cell.
    pub const POINT: Sides<N> =
        Sides { kernel: [1; N], strides: [1; N], dilation: [1; N], padding: Padding::Valid };

    /// The windows on a sequence or an image of so many cells. `parameter` is what the layer calls
    /// the kernel's size. Errors: a kernel that is larger, and which padding may enlarge.
    pub fn windows(
        &self,
        class: &str,
        parameter: &'static str,
        cells: [usize; N],
    ) -> Result<[Window; 2], LayerError> {
        self.windows_of_each(class, parameter, &[], cells)
    }

    /// The windows on each of several sequences or images, which stand along `leading` axes.
    pub(crate) fn windows_of_each(
        &self,
        class: &str,
        parameter: &'static str,
        leading: &[usize],
        cells: [usize; N],
    ) -> Result<[Window; 2], LayerError> {
        let is_inside = |side: usize| spread(self.kernel[side], self.dilation[side]) <= cells[side];
        if self.padding == Padding::Valid
            && let Some(side) = (0..N).find(|&side| !is_inside(side))
        {
            return Err(self.too_large(class, parameter, leading, cells, side));
        }
        Ok(on_image::<N>(|side| {
            let (input, kernel) = (cells[side], self.kernel[side]);
            let (stride, dilation) = (self.strides[side], self.dilation[side]);
            let spread = spread(kernel, dilation);
            let (output, pad) = match self.padding {
                Padding::Valid => ((input - spread) / stride + 1, 0),
                Padding::Same => {
                    let output = input.div_ceil(stride);
                    let covered = (output - 1).saturating_mul(stride).saturating_add(spread);
                    (output, covered.saturating_sub(input) / 2)
                }
                Padding::Causal => (input.div_ceil(stride), spread - 1),
            };
            Window { input, output, kernel, stride, dilation, pad }
        }))
    }

    fn too_large(
        &self,
        class: &str,
        parameter: &'static str,
        leading: &[usize],
        cells: [usize; N],
        side: usize,
    ) -> LayerError {
        let kernel = shown(&self.kernel);
        let dilated = if self.dilation == [1; N] {
            String::new()
        } else {
            format!(
                ", which dilation spreads to {}",
                spread(self.kernel[side], self.dilation[side])
            )
        };
        let (axis, extent) = (AXES[N - 1][side], cells[side]);
        let extent = if N == 1 { format!("{extent} {axis}") } else { format!("{axis} {extent}") };
        let extents: Vec<String> = leading.iter().chain(&cells).map(usize::to_string).collect();
        LayerError::argument(
            parameter,
            format!(
                "`{class}` has a kernel of {kernel}{dilated}, larger than its input of {extent} \
                 in (batch, {}, ...)",
                extents.join(", "),
            ),
        )
        .help("write `padding = \"same\"` or a smaller kernel")
    }

    /// The windows of the convolution whose gradient a transposed convolution is: its input is the
    /// result, its output are the cells given here.
    pub fn transposed(&self, cells: [usize; N], output_padding: Option<[usize; N]>) -> [Window; 2] {
        on_image::<N>(|side| {
            let (n, kernel) = (cells[side], self.kernel[side]);
            let (stride, dilation) = (self.strides[side], self.dilation[side]);
            let spread = spread(kernel, dilation);
            let extra = output_padding.map(|extra| extra[side]);
            let steps = (n - 1).saturating_mul(stride);
            let (result, front) = match (self.padding, extra) {
                (Padding::Valid | Padding::Causal, extra) => {
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
        })
    }
}

impl Graph {
    /// A sequence (`N` = 1) or an image (2) as floats, its cells along each axis, and its channels.
    /// Errors: another number of axes, with advice.
    pub fn cells<const N: usize>(
        &mut self,
        class: &str,
        x: NodeId,
    ) -> Result<(NodeId, [usize; N], usize), LayerError> {
        if let Some((&channels, cells)) = self.shape(x).extents().split_last()
            && let Ok(cells) = cells.try_into()
        {
            return Ok((self.float(x)?, cells, channels));
        }
        Err(not_cells::<N>(class, self.shape(x)))
    }

    /// Height, width and channels of an image as floats. Errors: another number of axes, with
    /// advice.
    pub fn image(&mut self, class: &str, x: NodeId) -> Result<(NodeId, [usize; 3]), LayerError> {
        let (x, [h, w], channels) = self.cells(class, x)?;
        Ok((x, [h, w, channels]))
    }

    /// Steps and features of a sequence. Errors: another number of axes.
    pub(crate) fn sequence(&self, class: &str, x: NodeId) -> Result<[usize; 2], LayerError> {
        let found = self.shape(x);
        found.extents().try_into().map_err(|_| not_cells::<1>(class, found))
    }

    /// The last two extents of a tensor that has two or more.
    pub(crate) fn last_two(&self, source: Source) -> [usize; 2] {
        let shape = self.source_shape(source);
        let (_, before, last) = shape.around(shape.rank() - 2);
        [before, last]
    }

    /// Height, width and channels of an image, or of a sequence, which is an image of one row.
    pub(crate) fn as_image(&self, x: NodeId) -> [usize; 3] {
        let shape = self.shape(x);
        let (rows, steps, channels) = shape.around(shape.rank() - 2);
        [rows, steps, channels]
    }

    /// Extents of an image, or of a sequence if `x` is one: that has one row.
    pub(crate) fn cells_like(
        &self,
        x: NodeId,
        [rows, columns]: [usize; 2],
        channels: usize,
    ) -> Vec<usize> {
        match self.shape(x).rank() {
            2 => vec![columns, channels],
            _ => vec![rows, columns, channels],
        }
    }
}

/// The error of a tensor that is no sequence (`N` = 1) or no image (2).
fn not_cells<const N: usize>(class: &str, found: &Shape) -> LayerError {
    let axes = AXES[N - 1].join(", ");
    let (channels, advice) = match N {
        1 => ("features", sequence_advice(class, found.extents())),
        _ => ("channels", image_advice(found.extents())),
    };
    let message = format!("`{class}` expects (batch, {axes}, {channels}), found {found}");
    LayerError::input(message).help(advice)
}

/// How to make a sequence of what was found, which may be an image.
fn sequence_advice(class: &str, extents: &[usize]) -> String {
    let target = match extents {
        [] => return "write `Input(shape = (steps, features))`".to_string(),
        &[len] => format!("{len}, 1"),
        [steps, others @ ..] => {
            format!("{steps}, {}", others.iter().product::<usize>())
        }
    };
    let reshape = format!("put `Reshape(target_shape = ({target}))` before it");
    match extents {
        [_, _, _] if class.contains("1D") => {
            format!("{reshape}, or write `{}`", class.replace("1D", "2D"))
        }
        _ => reshape,
    }
}

/// How to make an image of what was found.
fn image_advice(extents: &[usize]) -> String {
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
