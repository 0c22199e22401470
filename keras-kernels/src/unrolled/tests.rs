//! Every inline step against the reference kernels, on every instruction set.

use super::*;
use crate::kernels::Reference;
use crate::kernels::check::{output, values};
use crate::simd::{Kernel, Level, dispatch_narrow, with_level};
use keras_ir::ops as op;

/// More than any row here needs.
const LEN: usize = 88;
/// What stands in a row before it is written.
const BEFORE: f32 = 9.0;

/// Runs a step on every instruction set. No number may be off by more than `tolerance`, relative to
/// it or to `least`.
fn check<K: Kernel<Output = [f32; LEN]> + Clone>(
    name: &str,
    step: K,
    expected: &[f32],
    tolerance: f32,
    least: f32,
) {
    for level in Level::available() {
        let found = with_level(level, || dispatch_narrow(step.clone())).expect("it is available");
        for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
            let error = (found - expected).abs();
            let is_right = error <= tolerance * expected.abs().max(least) || found == expected;
            assert!(
                is_right || (found.is_nan() && expected.is_nan()),
                "{name} at {level:?}: number {i} is {found}, not {expected}"
            );
        }
        let written = expected.len().next_multiple_of(8);
        assert!(found[expected.len()..written].iter().all(|x| x.is_finite()), "{name}: padding");
        assert!(found[written..].iter().all(|x| *x == BEFORE), "{name}: beyond the row");
    }
}

/// A dense step of `K` to `N` with and without a bias.
fn check_dense<F: Function + Clone, const K: usize, const N: usize>(f: Activation) {
    #[derive(Clone)]
    struct Dense<'a, F, const K: usize, const N: usize>(
        [&'a [f32]; 3],
        bool,
        core::marker::PhantomData<F>,
    );
    impl<F: Function, const K: usize, const N: usize> Kernel for Dense<'_, F, K, N> {
        type Output = [f32; LEN];
        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> [f32; LEN] {
            let [x, w, bias] = self.0;
            let mut y = [BEFORE; LEN];
            let bias = self.1.then_some(bias);
            dense::<S, F, K, N>(simd, w, bias, x, &mut y[..N.next_multiple_of(8)]);
            y
        }
    }
    let (x, w, bias) = (values(K, 1), values(K * N, 2), values(N, 3));
    for has_bias in [false, true] {
        let inputs: &[&[f32]] = if has_bias { &[&x, &w, &bias] } else { &[&x, &w] };
        let op = op::Gemm { m: 1, k: K, n: N, bias: has_bias, f };
        let expected = output::<Reference>(op, 1, inputs, N);
        let step = Dense::<F, K, N>([&x, &w, &bias], has_bias, core::marker::PhantomData);
        // A result may be small beside the terms of its sum.
        check(
            &format!("dense {K} to {N} {f:?}"),
            step,
            &expected,
            4.0 * f32::EPSILON * (K as f32 + 4.0),
            1.0,
        );
    }
}

macro_rules! check_dense_at {
    ($($k:literal: $($n:literal)*;)*) => {
        $($(check_dense::<Linear, $k, $n>(Activation::Linear);)*)*
    };
}

#[test]
fn dense_of_any_extents() {
    check_dense_at! {
        1: 1 2 3 4 5 7 8 9 15 16 17 31 33 70;
        2: 1 8 13;
        3: 1 5 16;
        4: 1 4 6 12;
        5: 1 3 8 11;
        7: 1 10 24 25;
        8: 1 8 16 20;
        13: 1 2 7 23 32;
        16: 1 8 9;
        31: 1 6 10 40 41;
        32: 1 10 47 48 49;
        33: 1 5 55 56 57 63 64 65;
        64: 1 10 32;
        70: 1 3 69 70;
    }
}

#[test]
fn dense_with_each_function() {
    check_dense::<Relu, 5, 11>(Activation::RELU);
    check_dense::<Tanh, 9, 3>(Activation::Tanh);
    check_dense::<Tanh, 6, 1>(Activation::Tanh);
    check_dense::<Sigmoid, 7, 12>(Activation::Sigmoid);
    check_dense::<Silu, 4, 19>(Activation::Silu);
}

#[derive(Clone)]
struct Map<F, const N: usize>([f32; N], core::marker::PhantomData<F>);

impl<F: Function, const N: usize> Kernel for Map<F, N> {
    type Output = [f32; LEN];
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> [f32; LEN] {
        let mut y = [BEFORE; LEN];
        map::<S, F, N>(simd, &self.0, &mut y[..N.next_multiple_of(8)]);
        y
    }
}

fn check_map<F: Function + Clone>(f: Activation) {
    const N: usize = 61;
    for scale in [1e-30, 1e-3, 1.0, 10.0, 40.0, 1e10] {
        let mut x = [0.0; N];
        x.copy_from_slice(&values(N, 7));
        x.iter_mut().for_each(|x| *x *= scale);
        x[0] = 0.0;
        let expected = output::<Reference>(op::Unary { len: N, f }, 1, &[&x], N);
        check(&format!("{f:?}"), Map::<F, N>(x, core::marker::PhantomData), &expected, 1e-6, 1e-3);
    }
    let x = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1.0, f32::NAN, -1.0, 2.0, 3.0, -0.0];
    let expected = output::<Reference>(op::Unary { len: 9, f }, 1, &[&x], 9);
    check(&format!("{f:?}"), Map::<F, 9>(x, core::marker::PhantomData), &expected, 1e-6, 1e-3);
}

#[test]
fn functions_everywhere() {
    check_map::<Linear>(Activation::Linear);
    check_map::<Relu>(Activation::RELU);
    check_map::<Tanh>(Activation::Tanh);
    check_map::<Sigmoid>(Activation::Sigmoid);
    check_map::<Silu>(Activation::Silu);
}

/// Errors relative to the number itself, however small.
#[test]
fn functions_are_close_to_the_truth() {
    const STEPS: usize = 100_000;
    type Truth = fn(f64) -> f64;
    fn check<F: Function + Clone>(name: &str, truth: Truth, low: f32, high: f32) {
        for level in Level::available() {
            for step in 0..STEPS / 8 {
                let x: [f32; 8] = core::array::from_fn(|lane| {
                    low + (high - low) * ((8 * step + lane) as f32 / STEPS as f32)
                });
                let map = Map::<F, 8>(x, core::marker::PhantomData);
                let found = with_level(level, || dispatch_narrow(map)).expect("it is available");
                for (x, found) in x.into_iter().zip(found) {
                    let (found, expected) = (f64::from(found), truth(f64::from(x)));
                    let error = (found - expected).abs();
                    let allowed = 1e-6 * expected.abs() + 1.5e-45;
                    assert!(error <= allowed, "{name}({x}) = {found}, not {expected}, {level:?}");
                }
            }
        }
    }
    check::<Tanh>("tanh", f64::tanh, -12.0, 12.0);
    check::<Tanh>("tanh", f64::tanh, -1e-3, 1e-3);
    check::<Sigmoid>("sigmoid", |x| 1.0 / (1.0 + (-x).exp()), -88.0, 40.0);
    check::<Silu>("silu", |x| x / (1.0 + (-x).exp()), -80.0, 40.0);
}

#[derive(Clone)]
struct Scaled<const N: usize>([f32; N]);

impl<const N: usize> Kernel for Scaled<N> {
    type Output = [f32; LEN];
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> [f32; LEN] {
        let mut y = [BEFORE; LEN];
        affine::<S, N>(simd, -2.5, 0.75, &self.0, &mut y[..N.next_multiple_of(8)]);
        y
    }
}

#[derive(Clone)]
struct Softmax<const N: usize>([f32; N]);

impl<const N: usize> Kernel for Softmax<N> {
    type Output = [f32; LEN];
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> [f32; LEN] {
        let mut y = [BEFORE; LEN];
        // What a row holds in its padding must not count.
        let mut row = Row([7.0; LEN]);
        row.0[..N].copy_from_slice(&self.0);
        softmax::<S, N>(simd, &row.0, &mut y[..N.next_multiple_of(8)]);
        let mut of_input = [BEFORE; LEN];
        softmax::<S, N>(simd, &self.0, &mut of_input[..N.next_multiple_of(8)]);
        assert!(y[..N].iter().zip(of_input).all(|(a, b)| *a == b || a.is_nan() && b.is_nan()));
        y
    }
}

fn check_softmax<const N: usize>(x: [f32; N]) {
    let op = op::Softmax { outer: 1, extent: N, inner: 1 };
    let expected = output::<Reference>(op, 1, &[&x], N);
    check(&format!("softmax of {N}"), Softmax(x), &expected, 2e-6, 1e-3);
}

fn check_rows<const N: usize>() {
    let mut x = [0.0; N];
    x.copy_from_slice(&values(N, 4));
    let op = op::Affine { len: N, scale: -2.5, offset: 0.75 };
    let expected = output::<Reference>(op, 1, &[&x], N);
    check(&format!("affine of {N}"), Scaled(x), &expected, 0.0, 0.0);
    check_softmax(x);
    check_softmax(x.map(|x| 30.0 * x));
}

#[test]
fn affine_and_softmax_of_any_length() {
    check_rows::<1>();
    check_rows::<2>();
    check_rows::<3>();
    check_rows::<4>();
    check_rows::<7>();
    check_rows::<8>();
    check_rows::<9>();
    check_rows::<10>();
    check_rows::<16>();
    check_rows::<17>();
    check_rows::<43>();
    check_rows::<70>();
}

#[test]
fn softmax_of_what_is_large_or_no_number() {
    check_softmax([1000.0, 999.0, -1000.0, 0.5, 998.0]);
    check_softmax([3e38, -3e38, 0.0]);
    check_softmax([-1e30, f32::NEG_INFINITY, -2e30]);
    let step = Softmax([1.0, f32::NAN, 2.0]);
    for level in Level::available() {
        let found = with_level(level, || dispatch_narrow(step.clone())).expect("it is available");
        assert!(found[..3].iter().all(|y| y.is_nan()));
    }
}
