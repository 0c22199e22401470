use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::activation::Activation;

/// What an op reads, by name.
struct Names(Vec<(&'static str, Tensor)>);

impl Reader for Names {
    fn tensor(&mut self, name: &'static str, tensor: Tensor) {
        self.0.push((name, tensor));
    }

    fn parts(&mut self, name: &'static str, _: usize, len: usize) {
        self.0.push((name, Tensor::Sample(len)));
    }
}

fn read_by(op: impl Operation) -> Vec<(&'static str, Tensor)> {
    let mut names = Names(vec![]);
    op.reads(&mut names);
    names.0
}

const GEMM: Gemm = Gemm { m: 2, k: 3, n: 5, bias: true, f: Activation::Linear };

#[test]
fn a_declaration_says_what_is_read_made_and_paid() {
    use Tensor::{Sample, Weight};
    assert_eq!(read_by(GEMM), [("x", Sample(6)), ("w", Weight(15)), ("bias", Weight(5))]);
    assert_eq!(read_by(Gemm { bias: false, ..GEMM }).len(), 2);
    assert_eq!((GEMM.makes(), GEMM.flops()), (Sample(10), 2 * 2 * 3 * 5 + 10));
    let f = Activation::Sigmoid;
    assert_eq!(Op::from(Gemm { f, ..GEMM }).flops(), 2 * 2 * 3 * 5 + 10 + 4 * 10);
}

#[test]
fn what_pools_reads_as_its_convolution() {
    let window = Window { input: 7, output: 5, kernel: 3, stride: 1, dilation: 1, pad: 0 };
    let norm = Some(Normalize { epsilon: 0.1, scale: true, center: true });
    let (channels, filters, groups, f) = (4, 6, 2, Activation::Linear);
    let (bias, add, rows, columns) =
        (true, false, window, Window { input: 9, output: 7, ..window });
    let conv = Conv2D { rows, columns, channels, filters, groups, bias, norm, add, f };
    let names = ["x", "kernel", "bias", "mean", "variance", "gamma", "beta"];
    assert!(read_by(conv).iter().map(|(name, _)| *name).eq(names));
    assert_eq!(read_by(conv)[1].1, Tensor::Weight(9 * 2 * 6));
    assert_eq!(read_by(ConvPool2D { conv }), read_by(conv));
    assert_eq!(ConvPool2D { conv }.makes(), Tensor::Sample(2 * 3 * 6));
    assert_eq!(conv.flops(), 5 * 7 * 6 * (2 * 9 * 2 + 1 + 2));
    assert_eq!(ConvPool2D { conv }.flops(), conv.flops() + 4 * 2 * 3 * 6);
}

#[test]
fn slices_of_other_lengths_are_not_taken() {
    let [x, w, bias, y] = [[0.0; 18], [0.0; 18], [0.0; 18], [0.0; 18]];
    let takes = |samples: usize, lens: &[usize], output: usize| {
        let inputs = [&x[..], &w[..], &bias[..], &y[..]];
        let inputs: Vec<&[f32]> =
            inputs.iter().zip(lens).map(|(input, &len)| &input[..len]).collect();
        Gemm { k: 2, n: 3, ..GEMM }.takes(samples, &inputs, &y[..output])
    };
    assert!(takes(3, &[12, 6, 3], 18));
    assert!(!takes(2, &[12, 6, 3], 18), "of another number of samples");
    assert!(!takes(3, &[12, 6, 2], 18), "a short bias");
    assert!(!takes(3, &[12, 6], 18), "no bias");
    assert!(!takes(3, &[12, 6, 3, 1], 18), "one tensor more");
    assert!(!takes(3, &[12, 6, 3], 17), "a short output");
}

#[test]
fn parts_are_as_many_as_are_given() {
    let (op, x) = (Concat { outer: 2, extent: 5, inner: 3 }, [0.0; 30]);
    assert!(op.takes(1, &[&x[..12], &x[..18]], &x));
    assert!(op.takes(1, &[&x], &x));
    assert!(!op.takes(1, &[&x[..12], &x[..12]], &x), "an element of the axis is missing");
    assert!(!op.takes(1, &[&x[..9], &x[..21]], &x), "half of an element of the axis");
    assert!(!op.takes(1, &[], &x), "nothing");
}

#[test]
fn costs_stop_at_the_largest_number() {
    let kernel = i32::MAX as usize;
    let window = Window { input: 9, output: 9, kernel, stride: 1, dilation: 1, pad: kernel / 2 };
    let op = AveragePool2D { rows: window, columns: window, channels: 3 };
    assert_eq!(op.flops(), u64::MAX);
}
