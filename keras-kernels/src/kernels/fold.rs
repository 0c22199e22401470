//! A normalization by given statistics that is folded into the sums of a convolution.
//!
//! It is a factor and a term for each column, `gamma / √(variance + epsilon)` and
//! `beta + (bias - mean) · factor`, which are computed anew in each call: the weights may have
//! changed since the last.

use keras_ir::ops::Normalize;
use keras_target::cost::folded_len;

use super::epilogue::{Clip, Epilogue};
#[cfg(not(feature = "std"))]
use crate::float::Float as _;
use crate::simd::{Kernel, Simd, dispatch};

/// The inputs that an op always has; then `gamma` and `beta`, as far as it has them.
pub(super) fn split<'a, const N: usize>(
    inputs: &[&'a [f32]],
    [scale, center]: [bool; 2],
) -> ([&'a [f32]; N], [Option<&'a [f32]>; 2]) {
    let (always, rest) =
        inputs.split_first_chunk().expect("an op has the inputs that it documents");
    let mut rest = rest.iter().copied();
    let parameters = [scale, center].map(|has| if has { rest.next() } else { None });
    assert!(rest.next().is_none(), "an op has no other inputs than it documents");
    assert_eq!(parameters.map(|found| found.is_some()), [scale, center], "a parameter is there");
    (*always, parameters)
}

/// By what sums are normalized: mean and variance, then gamma and beta if there are.
type Statistics<'a> = (Normalize, [&'a [f32]; 2], [Option<&'a [f32]>; 2]);

/// What a convolution reads beside its input and its kernel.
pub(super) struct Inputs<'a> {
    bias: Option<&'a [f32]>,
    norm: Option<Statistics<'a>>,
    skip: Option<&'a [f32]>,
}

impl<'a> Inputs<'a> {
    /// The inputs that follow a kernel.
    pub(super) fn new(inputs: &[&'a [f32]], has_bias: bool, norm: Option<Normalize>) -> Inputs<'a> {
        let (bias, inputs) = inputs.split_at(usize::from(has_bias));
        let (normalized, skip) = inputs.split_at(norm.map_or(0, |norm| norm.inputs()));
        let skip = skip.first().copied();
        let norm = norm.map(|norm| {
            let (statistics, parameters) = split(normalized, [norm.scale, norm.center]);
            (norm, statistics, parameters)
        });
        Inputs { bias: bias.first().copied(), norm, skip }
    }

    /// The sum of a cell as plain loops make it.
    pub(super) fn number(&self, sum: f64, column: usize, place: usize) -> f64 {
        let of = |parameter: Option<&[f32]>, otherwise| {
            parameter.map_or(otherwise, |parameter| f64::from(parameter[column]))
        };
        let mut y = sum + of(self.bias, 0.0);
        if let Some((Normalize { epsilon, .. }, [mean, variance], [gamma, beta])) = self.norm {
            let r = 1.0 / f64::from(variance[column] + epsilon).sqrt();
            y = (y - f64::from(mean[column])) * r * of(gamma, 1.0) + of(beta, 0.0);
        }
        y + self.skip.map_or(0.0, |skip| f64::from(skip[place]))
    }

    /// What sums begin with, what becomes of them, and the workspace that is left. Factors and
    /// terms are written to its first [`folded_len`] elements.
    pub(super) fn fold(
        self,
        columns: usize,
        clip: Clip,
        workspace: &'a mut [f32],
    ) -> (Option<&'a [f32]>, Epilogue<'a>, &'a mut [f32]) {
        let Inputs { bias, norm, skip } = self;
        let Some((norm, statistics, parameters)) = norm else {
            return (bias, Epilogue { scale: None, skip, clip }, workspace);
        };
        let len = folded_len(Some(&norm), columns);
        let (numbers, workspace) = workspace.split_at_mut(len);
        let (scale, shift) = numbers.split_at_mut(len / 2);
        let (scale, shift) = (&mut scale[..columns], &mut shift[..columns]);
        let epsilon = norm.epsilon;
        dispatch(Fold {
            epsilon,
            statistics,
            parameters,
            bias,
            scale: &mut *scale,
            shift: &mut *shift,
        });
        (None, Epilogue { scale: Some([scale, shift]), skip, clip }, workspace)
    }
}

/// Computes factors and terms.
struct Fold<'a, 'b> {
    epsilon: f32,
    statistics: [&'a [f32]; 2],
    parameters: [Option<&'a [f32]>; 2],
    bias: Option<&'a [f32]>,
    scale: &'b mut [f32],
    shift: &'b mut [f32],
}

impl Kernel for Fold<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Fold { epsilon, statistics: [mean, variance], parameters, bias, scale, shift } = self;
        let [gamma, beta] = parameters;
        for (scale, variance) in scale.iter_mut().zip(variance) {
            *scale = 1.0 / (variance + epsilon).sqrt();
        }
        for (scale, gamma) in scale.iter_mut().zip(gamma.unwrap_or_default()) {
            *scale *= gamma;
        }
        for (shift, (scale, mean)) in shift.iter_mut().zip(scale.iter().zip(mean)) {
            *shift = -mean * scale;
        }
        for (shift, (scale, bias)) in
            shift.iter_mut().zip(scale.iter().zip(bias.unwrap_or_default()))
        {
            *shift += bias * scale;
        }
        for (shift, beta) in shift.iter_mut().zip(beta.unwrap_or_default()) {
            *shift += beta;
        }
    }
}
