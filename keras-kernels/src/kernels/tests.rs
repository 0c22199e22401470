use keras_ir::activation::Activation;
use keras_ir::ops::Gemm;

use super::{Backend, Call, Cpu, Reference, Run, run};

/// A product of so many elements of `x`, of two samples of three numbers each.
fn product_of<B: Backend>(x_len: usize, mixed: bool) {
    let op = Gemm { m: 1, k: 3, n: 5, bias: false, f: Activation::Linear }.into();
    let (x, w) = (vec![1.0; x_len], [1.0; 15]);
    let (inputs, run_of_call) = ([&x[..], &w[..]], Run::default());
    let (mut output, mut workspace) = ([0.0; 10], vec![0.0; 1 << 16]);
    let call = Call {
        samples: 2,
        inputs: &inputs,
        output: &mut output,
        workspace: &mut workspace,
        prepared: &[],
        run: run_of_call,
    };
    if mixed { B::mixed_bfloat16(&op, call) } else { run::<B>(&op, call) }
}

#[test]
#[should_panic(expected = "`gemm` of 2 samples cannot read [7, 15] elements and write 10")]
fn plain_loops_refuse_other_lengths() {
    product_of::<Reference>(7, false);
}

#[test]
#[should_panic(expected = "`gemm` of 2 samples cannot read [5, 15] elements and write 10")]
fn vectors_refuse_other_lengths() {
    product_of::<Cpu>(5, false);
}

#[test]
#[should_panic(expected = "`gemm` of 2 samples cannot read [5, 15] elements and write 10")]
fn rounded_products_refuse_other_lengths() {
    product_of::<Cpu>(5, true);
}

#[test]
fn declared_lengths_are_taken() {
    product_of::<Reference>(6, false);
    product_of::<Cpu>(6, false);
    product_of::<Cpu>(6, true);
}
