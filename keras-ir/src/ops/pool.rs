//! The largest cell and the mean of windows, and of whole images.

use crate::ops::declare::ops;
use crate::ops::window::{Window, image, result};

ops! {
    /// The largest cell of each window, by channel; padding counts as minus infinity.
    MaxPool2D { rows: Window, columns: Window, channels: usize }
    reads (x: sample(image(rows, columns, channels)))
    makes sample(result(rows, columns, channels))
    flops rows.output * columns.output * channels * rows.kernel * columns.kernel;

    /// Sends `d_y` to the first largest cell of each window.
    MaxPool2DGrad { rows: Window, columns: Window, channels: usize }
    reads (
        x: sample(image(rows, columns, channels)),
        y: sample(result(rows, columns, channels)),
        d_y: sample(result(rows, columns, channels)),
    )
    makes sample(image(rows, columns, channels))
    flops rows.output * columns.output * channels * rows.kernel * columns.kernel;

    /// The mean of the real cells of each window, by channel; padding does not count.
    AveragePool2D { rows: Window, columns: Window, channels: usize }
    reads (x: sample(image(rows, columns, channels)))
    makes sample(result(rows, columns, channels))
    flops rows.output * columns.output * channels * rows.kernel * columns.kernel;

    /// The gradient of [`AveragePool2D`].
    AveragePool2DGrad { rows: Window, columns: Window, channels: usize }
    reads (d_y: sample(result(rows, columns, channels)))
    makes sample(image(rows, columns, channels))
    flops rows.output * columns.output * channels * rows.kernel * columns.kernel;

    /// `y[c] = mean_i x[i, c]`, for `extent` rows of `channels`.
    MeanRows { extent: usize, channels: usize }
    reads (x: sample(extent * channels))
    makes sample(channels)
    flops extent * channels;

    /// `d_x[i, c] = d_y[c] / extent`.
    MeanRowsGrad { extent: usize, channels: usize }
    reads (d_y: sample(channels))
    makes sample(extent * channels)
    flops extent * channels;
}
