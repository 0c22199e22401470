//! Targets: which algorithm computes each op.

use keras_ir::algorithm::Algorithm;
use keras_ir::ops::{Conv2D, Op};

use crate::needs::{Needs, pools};

/// A processor, and in which precision it computes.
pub trait Target {
    /// The algorithm that computes an op. It is asked once, when a plan is made.
    fn algorithm(&self, op: &Op) -> Algorithm;

    /// Whether the kernel of a convolution can keep the largest of each two by two cells of its
    /// result, so that the pool behind it is no step of its own.
    fn fuses_pool(&self, conv: &Conv2D) -> bool;
}

/// The vector kernels of a CPU, in `f32`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cpu;

impl Target for Cpu {
    fn algorithm(&self, op: &Op) -> Algorithm {
        op.algorithm()
    }

    fn fuses_pool(&self, conv: &Conv2D) -> bool {
        pools(conv, Needs::algorithm(conv))
    }
}

/// The same under Keras' policy `mixed_bfloat16`: products and convolutions round their operands,
/// but where Winograd's algorithm does exact ones in less time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MixedBfloat16;

impl Target for MixedBfloat16 {
    fn algorithm(&self, op: &Op) -> Algorithm {
        let exact = op.algorithm();
        match exact {
            Algorithm::Winograd => exact,
            Algorithm::General
            | Algorithm::Product
            | Algorithm::TwoSums
            | Algorithm::Rows
            | Algorithm::RoundedProduct
            | Algorithm::RoundedWindows => op.rounded_algorithm().unwrap_or(exact),
        }
    }

    fn fuses_pool(&self, conv: &Conv2D) -> bool {
        Cpu.fuses_pool(conv)
    }
}

#[cfg(test)]
mod tests {
    use keras_ir::activation::Activation;
    use keras_ir::ops::{Conv2D, ConvPool2D, Gemm, Softmax, Window};

    use super::*;

    /// A convolution of an image of 9 by 9, with windows of so many cells.
    fn conv(kernel: usize, channels: usize, filters: usize) -> Conv2D {
        let rows = Window { input: 9, output: 9, kernel, stride: 1, dilation: 1, pad: kernel / 2 };
        let (bias, norm, add, f) = (false, None, false, Activation::Linear);
        Conv2D { rows, columns: rows, channels, filters, groups: 1, bias, norm, add, f }
    }

    #[test]
    fn the_shape_of_a_convolution_decides() {
        use Algorithm::*;
        for (op, exact, rounded) in [
            (conv(1, 6, 40), Product, RoundedProduct),
            (conv(1, 6, 24), TwoSums, RoundedProduct),
            (conv(3, 16, 32), Winograd, Winograd),
            (conv(3, 6, 32), Rows, RoundedWindows),
            (conv(3, 3, 32), Rows, Rows),
            (conv(3, 6, 10), General, RoundedWindows),
            (Conv2D { groups: 2, ..conv(3, 16, 32) }, General, General),
        ] {
            let found = [Cpu.algorithm(&op.into()), MixedBfloat16.algorithm(&op.into())];
            assert_eq!(found, [exact, rounded], "{op:?}");
        }
    }

    #[test]
    fn what_is_no_convolution_has_one_algorithm() {
        let softmax = Softmax { outer: 2, extent: 5, inner: 3 }.into();
        assert_eq!(Cpu.algorithm(&softmax), Algorithm::General);
        assert_eq!(MixedBfloat16.algorithm(&softmax), Algorithm::General);
        let product = Gemm { m: 2, k: 3, n: 5, bias: false, f: Activation::Linear }.into();
        assert_eq!(Cpu.algorithm(&product), Algorithm::General);
        assert_eq!(MixedBfloat16.algorithm(&product), Algorithm::RoundedProduct);
    }

    #[test]
    fn a_pool_is_fused_where_the_cells_are_at_hand() {
        assert!(Cpu.fuses_pool(&conv(3, 16, 32)), "Winograd's algorithm");
        assert!(Cpu.fuses_pool(&conv(3, 3, 32)), "few channels");
        assert!(!Cpu.fuses_pool(&conv(3, 6, 32)), "more channels");
        assert!(!Cpu.fuses_pool(&Conv2D { add: true, ..conv(3, 16, 32) }), "a branch");
        // It is exact under every policy.
        let pooled = ConvPool2D { conv: conv(3, 3, 32) }.into();
        assert_eq!(MixedBfloat16.algorithm(&pooled), Algorithm::Rows);
    }
}
