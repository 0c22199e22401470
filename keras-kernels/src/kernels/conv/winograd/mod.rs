//! Convolutions of 3 x 3 by Winograd's algorithm, F(4 x 4, 3 x 3).
//!
//! ```text
//! for each tile of 4 x 4 cells of the output, and the 6 x 6 cells d of the input that it reads:
//!     v[k, tile, c] = (Bᵀ · d[c] · B)[k]        (k counts the 36 cells of a transform)
//!     m[k, tile, f] = Σ_c v[k, tile, c] · u[k, c, f],  u[k, c, f] = (G · kernel[c, f] · Gᵀ)[k]
//!     y[tile, f]    = Aᵀ · m[tile, f] · A
//! ```
//! The gradient by the kernel is the same read backwards: `Gᵀ · (Σ_tile v[k, tile, c] · (A ·
//! d_y[tile, f] · Aᵀ)[k]) · G`. All of it runs along channels or filters, which fill vectors;
//! infinities become NaN.
//!
//! The matrices are those of Toom and Cook for the points 0, ±2/3, ±3/2 and ∞. The product of the
//! squares of the points is 1, which leaves few terms. Over 16 and 64 channels of random numbers
//! errors were twice those of the plain sum added up in order, the largest 1.7 and 1.1 times; with
//! the usual points 0, ±1, ±2 they were four times, the largest 6.5 and 7 times. Source: Lavin and
//! Gray, "Fast Algorithms for Convolutional Neural Networks", 2015, section 4; on points, Barabasz
//! et al., "Error Analysis and Improving the Accuracy of Winograd Convolution for Deep Neural
//! Networks", 2020.

#![allow(clippy::needless_range_loop, reason = "indices are what transforms are about")]

mod forward;
mod grad_w;
mod input;
mod kernel;
mod planes;
mod transforms;

pub(super) use self::forward::Convolution;
pub(super) use self::grad_w::GradW;
pub(in crate::kernels) use self::kernel::Transform;
