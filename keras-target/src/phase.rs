//! The gradient of a convolution by its input, along one axis, as convolutions of their own.
//!
//! ```text
//! d_x[p] = Σ d_y[o] · kernel[k]  over all o · stride + k · dilation = p + pad
//! ```
//! Cells `p` whose `p + pad` leaves the same remainder by the stride meet the same cells `k` of the
//! kernel: they are a *phase*. From one cell of a phase to the next `o` grows by 1, so a phase is a
//! convolution of `d_y` of stride 1 with its cells of the kernel, backwards. A convolution of
//! stride 1 has one phase.

use keras_ir::ops::Window;

/// The cells `first, first + stride, ..` of a convolution's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase {
    /// The first cell.
    pub first: usize,
    /// Cells of `d_y` in front of the first that is read; they do not count in `window`.
    pub skip: usize,
    /// From `d_y` to the phase's cells.
    pub window: Window,
    /// The kernel's cell that is cell 0 of the phase's; those that follow stand `step` lower each.
    pub last: usize,
    /// Distance of the phase's cells of the kernel.
    pub step: usize,
}

impl Phase {
    /// The cell of the kernel that is cell `k` of the phase's.
    pub fn kernel_cell(&self, k: usize) -> usize {
        self.last - k * self.step
    }
}

/// The phases of a window that meet cells of its kernel, so at most as many as those.
pub fn phases(window: Window) -> impl Iterator<Item = Phase> {
    let Window { input, kernel, stride, dilation, pad, .. } = window;
    let step = stride / common_divisor(stride, dilation);
    (0..step.min(kernel)).filter_map(move |lowest| {
        // The first cell whose place is that of cell `lowest` of the kernel, or some strides on.
        let first = (lowest * dilation + stride - pad % stride) % stride;
        (first < input).then(|| phase(window, first, lowest))
    })
}

/// Whether every cell of the input is one of some phase; no window reads the others.
pub fn phases_cover(window: Window) -> bool {
    phases(window).count() == window.stride.min(window.input)
}

/// The phase from cell `first` on, of cells `lowest, lowest + step, ..` of the kernel.
fn phase(window: Window, first: usize, lowest: usize) -> Phase {
    let Window { input, output, kernel, stride, dilation, pad } = window;
    let common = common_divisor(stride, dilation);
    let (step, dilation_of_phase) = (stride / common, dilation / common);
    let place = first + pad;
    let count = (kernel - 1 - lowest) / step + 1;
    let last = lowest + (count - 1) * step;
    let reach = last * dilation;
    let skip = place.saturating_sub(reach) / stride;
    let window = Window {
        input: output.saturating_sub(skip),
        output: (input - first).div_ceil(stride),
        kernel: count,
        stride: 1,
        dilation: dilation_of_phase,
        pad: reach.saturating_sub(place) / stride,
    };
    Phase { first, skip, window, last, step }
}

fn common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;

    /// Which `(o, k)` meet at each cell of the input, by the definition of a window.
    fn meetings(window: Window) -> Vec<Vec<(usize, usize)>> {
        let mut cells = vec![Vec::new(); window.input];
        for o in 0..window.output {
            for k in 0..window.kernel {
                let place = o * window.stride + k * window.dilation;
                if let Some(cell) = place.checked_sub(window.pad).and_then(|p| cells.get_mut(p)) {
                    cell.push((o, k));
                }
            }
        }
        cells
    }

    /// The same, by the phases.
    fn meetings_of_phases(window: Window) -> Vec<Vec<(usize, usize)>> {
        let mut cells = vec![Vec::new(); window.input];
        for phase in phases(window) {
            for m in 0..phase.window.output {
                let cell = &mut cells[phase.first + m * window.stride];
                assert!(cell.is_empty(), "a cell belongs to one phase");
                for k in 0..phase.window.kernel {
                    let place = m * phase.window.stride + k * phase.window.dilation;
                    let o = place.checked_sub(phase.window.pad);
                    if let Some(o) = o.filter(|&o| o < phase.window.input) {
                        cell.push((o + phase.skip, phase.kernel_cell(k)));
                    }
                }
                cell.sort();
            }
        }
        cells
    }

    #[test]
    fn phases_are_the_transposed_convolution() {
        for stride in 1..5 {
            for (kernel, dilation) in [(1, 1), (3, 1), (2, 3), (4, 2), (3, 4), (7, 1)] {
                for (output, pad) in [(1, 0), (4, 0), (5, 1), (3, 2), (2, 9), (4, 5)] {
                    for input in [1, 2, 6, 13] {
                        let window = Window { input, output, kernel, stride, dilation, pad };
                        assert_eq!(meetings_of_phases(window), meetings(window), "{window:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_huge_stride_has_as_few_phases_as_cells_of_the_kernel() {
        let (stride, dilation, pad) = (1 << 20, 1, 3);
        let window = Window { input: 1 << 24, output: 16, kernel: 255, stride, dilation, pad };
        assert_eq!(phases(window).count(), 255);
        assert!(!phases_cover(window));
        let firsts: Vec<usize> = phases(window).map(|phase| phase.first).collect();
        assert_eq!(firsts[..4], [stride - 3, stride - 2, stride - 1, 0]);
        assert!(phases_cover(Window { stride: 2, ..window }));
    }
}
