//! What becomes of the sums of a product or a convolution before they are written: a normalization
//! by given statistics, a tensor that is added, a ReLU.
//!
//! A normalization is a factor and a term for each column, `gamma / √(variance + epsilon)` and
//! `beta + (bias - mean) · factor`, which are computed anew in each call: the weights may have
//! changed since the last.

use keras_ir::activation::Activation;
use keras_ir::ops::Normalize;
use keras_target::cost::folded_len;

use super::batch_norm::split;
use super::vectors::{for_each_vector, load, store};
#[cfg(not(feature = "std"))]
use crate::float::Float as _;
use crate::simd::{Kernel, Simd, dispatch};

/// A ReLU, with or without an upper bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Clip {
    /// Nothing happens.
    Nothing,
    /// Negative numbers become 0.
    Relu,
    /// And larger ones this.
    Bounded(f32),
}

impl Clip {
    /// The activation as a clip, if it is one.
    pub(super) fn of(f: Activation) -> Option<Clip> {
        match f {
            Activation::Linear => Some(Clip::Nothing),
            Activation::RELU => Some(Clip::Relu),
            Activation::Relu { negative_slope: 0.0, max_value, threshold: 0.0 } => {
                (max_value > 0.0).then_some(Clip::Bounded(max_value))
            }
            _ => None,
        }
    }

    /// NaN stays NaN.
    #[inline(always)]
    pub(super) fn apply<S: Simd>(self, simd: S, x: S::F32) -> S::F32 {
        // In this order NaN is the one that is left.
        match self {
            Clip::Nothing => x,
            Clip::Relu => simd.max(simd.splat(0.0), x),
            Clip::Bounded(most) => simd.min(simd.splat(most), simd.max(simd.splat(0.0), x)),
        }
    }

    /// As [`Clip::apply`], of a tile of vectors, with one look at what is to be done.
    #[inline(always)]
    pub(super) fn apply_all<S: Simd, const ROWS: usize, const VECTORS: usize>(
        self,
        simd: S,
        tile: &mut [[S::F32; VECTORS]; ROWS],
    ) {
        macro_rules! each {
            ($clip:expr) => {
                for row in 0..ROWS {
                    for v in 0..VECTORS {
                        tile[row][v] = $clip.apply(simd, tile[row][v]);
                    }
                }
            };
        }
        match self {
            Clip::Nothing => {}
            Clip::Relu => each!(Clip::Relu),
            Clip::Bounded(most) => each!(Clip::Bounded(most)),
        }
    }
}

/// `y = clip(scale[column] · sum + shift[column] + skip)`, as far as there are such.
#[derive(Clone, Copy)]
pub(super) struct Finish<'a> {
    /// Factor and term of each column.
    pub(super) scale: Option<[&'a [f32]; 2]>,
    /// What is added; it lies as the output does.
    pub(super) skip: Option<&'a [f32]>,
    pub(super) clip: Clip,
}

impl<'a> Finish<'a> {
    /// Sums are written as they are.
    pub(super) const NOTHING: Finish<'static> =
        Finish { scale: None, skip: None, clip: Clip::Nothing };

    /// From a column on, which is so many elements further in the output too.
    #[inline(always)]
    pub(super) fn columns_from(self, column: usize) -> Finish<'a> {
        let scale = self.scale.map(|scale| scale.map(|numbers| &numbers[column..]));
        Finish { scale, ..self }.cells_from(column)
    }

    /// For what lies so many elements further in the output, in the same columns.
    #[inline(always)]
    pub(super) fn cells_from(self, cells: usize) -> Finish<'a> {
        Finish { skip: self.skip.map(|skip| &skip[cells..]), ..self }
    }

    /// Finishes sums of all columns of each row that `y` holds, beginning where `skip` does.
    #[inline(always)]
    pub(super) fn apply<S: Simd>(&self, simd: S, columns: usize, y: &mut [f32]) {
        for (row, y) in y.chunks_exact_mut(columns).enumerate() {
            for_each_vector!(S, columns, |c, len| {
                let mut cell = load(simd, &y[c..], len);
                if let Some([scale, shift]) = self.scale {
                    let (scale, shift) =
                        (load(simd, &scale[c..], len), load(simd, &shift[c..], len));
                    cell = simd.mul_add(cell, scale, shift);
                }
                if let Some(skip) = self.skip {
                    cell = simd.add(cell, load(simd, &skip[row * columns + c..], len));
                }
                store(simd, self.clip.apply(simd, cell), &mut y[c..], len);
            });
        }
    }

    /// One sum, of a column and a place in the output.
    #[inline(always)]
    pub(super) fn number(&self, sum: f32, column: usize, place: usize) -> f32 {
        let mut y = sum;
        if let Some([scale, shift]) = self.scale {
            y = y * scale[column] + shift[column];
        }
        if let Some(skip) = self.skip {
            y += skip[place];
        }
        // In this form NaN stays NaN.
        match self.clip {
            Clip::Relu | Clip::Bounded(_) if y < 0.0 => 0.0,
            Clip::Bounded(most) if y > most => most,
            Clip::Nothing | Clip::Relu | Clip::Bounded(_) => y,
        }
    }
}

/// A [`Finish`] of a vector of columns without cases: what does nothing is done with numbers that
/// change nothing.
#[derive(Clone, Copy)]
pub(super) struct Last<S: Simd> {
    scale: S::F32,
    shift: S::F32,
    least: S::F32,
    most: S::F32,
}

impl<S: Simd> Last<S> {
    /// Of the `len` columns from `c` on.
    #[inline(always)]
    pub(super) fn of(simd: S, finish: Finish<'_>, c: usize, len: usize) -> Last<S> {
        let [scale, shift] = match finish.scale {
            Some([scale, shift]) => [load(simd, &scale[c..], len), load(simd, &shift[c..], len)],
            // Added to a zero of either sign, this one leaves the sign.
            None => [simd.splat(1.0), simd.splat(-0.0)],
        };
        let [least, most] = match finish.clip {
            Clip::Nothing => [f32::NEG_INFINITY, f32::INFINITY],
            Clip::Relu => [0.0, f32::INFINITY],
            Clip::Bounded(most) => [0.0, most],
        };
        Last { scale, shift, least: simd.splat(least), most: simd.splat(most) }
    }

    /// What comes before a tensor is added.
    #[inline(always)]
    pub(super) fn scaled(&self, simd: S, sum: S::F32) -> S::F32 {
        simd.mul_add(sum, self.scale, self.shift)
    }

    /// What comes after. NaN stays NaN.
    #[inline(always)]
    pub(super) fn clipped(&self, simd: S, y: S::F32) -> S::F32 {
        // In this order NaN is the one that is left.
        simd.min(self.most, simd.max(self.least, y))
    }
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

    /// The sum of a cell as plain loops finish it.
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
    ) -> (Option<&'a [f32]>, Finish<'a>, &'a mut [f32]) {
        let Inputs { bias, norm, skip } = self;
        let Some((norm, statistics, parameters)) = norm else {
            return (bias, Finish { scale: None, skip, clip }, workspace);
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
        (None, Finish { scale: Some([scale, shift]), skip, clip }, workspace)
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

#[cfg(test)]
mod tests {
    use keras_ir::ops::{Conv2D, Depthwise2D, Op, Window};

    use super::*;
    use crate::kernels::check::{agreed, output, values};
    use crate::kernels::{Cpu, Reference};

    const SAMPLES: usize = 2;
    const RELU6: Activation =
        Activation::Relu { negative_slope: 0.0, max_value: 6.0, threshold: 0.0 };

    const fn window(
        input: usize,
        output: usize,
        kernel: usize,
        stride: usize,
        pad: usize,
    ) -> Window {
        Window { input, output, kernel, stride, dilation: 1, pad }
    }

    /// Convolutions that each take another way: products with one and with two blocks of rows and
    /// with half a vector of filters alone and behind a whole one, few filters, tiles of windows,
    /// Winograd.
    const CONVOLUTIONS: [(Window, Window, usize, usize); 7] = [
        (window(3, 3, 1, 1, 0), window(5, 5, 1, 1, 0), 9, 35),
        (window(3, 3, 1, 1, 0), window(5, 5, 1, 1, 0), 7, 8),
        (window(3, 3, 1, 1, 0), window(5, 5, 1, 1, 0), 134, 24),
        (window(1, 1, 1, 1, 0), window(3, 3, 1, 1, 0), 517, 18),
        (window(5, 5, 3, 1, 1), window(4, 4, 3, 1, 1), 37, 2),
        (window(7, 3, 3, 2, 0), window(6, 3, 3, 2, 1), 3, 19),
        (window(6, 6, 3, 1, 1), window(7, 7, 3, 1, 1), 32, 32),
    ];

    /// An op's inputs: of both signs, with positive variances.
    fn inputs(
        lens: &[usize],
        norm: Option<Normalize>,
        columns: usize,
        skip: usize,
    ) -> Vec<Vec<f32>> {
        let mut inputs: Vec<Vec<f32>> =
            lens.iter().zip(1..).map(|(&len, seed)| values(len, seed)).collect();
        for i in 0..norm.map_or(0, |norm| norm.inputs()) {
            let mut numbers = values(columns, 10 + i as u64);
            if i == 1 {
                numbers.iter_mut().for_each(|x| *x = *x * *x + 0.5);
            }
            inputs.push(numbers);
        }
        if skip > 0 {
            inputs.push(values(skip, 20));
        }
        inputs
    }

    #[track_caller]
    fn check(op: impl Into<Op>, inputs: &[Vec<f32>], y_len: usize) {
        let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
        let y = agreed(op, SAMPLES, &inputs, &vec![f32::NAN; y_len], 1e-4);
        assert!(y.iter().all(|y| y.is_finite()));
    }

    fn norms() -> [Option<Normalize>; 3] {
        let norm = Normalize { epsilon: 0.01, scale: true, center: true };
        [None, Some(norm), Some(Normalize { scale: false, center: false, ..norm })]
    }

    #[test]
    fn convolutions_finish_their_sums() {
        for (rows, columns, channels, filters) in CONVOLUTIONS {
            for norm in norms() {
                for (bias, add, f) in [
                    (true, true, Activation::RELU),
                    (false, true, RELU6),
                    (true, false, Activation::Linear),
                    (false, true, Activation::Tanh),
                ] {
                    let op =
                        Conv2D { rows, columns, channels, filters, groups: 1, bias, norm, add, f };
                    let x_len = SAMPLES * rows.input * columns.input * channels;
                    let y_len = SAMPLES * rows.output * columns.output * filters;
                    let w_len = rows.kernel * columns.kernel * channels * filters;
                    let lens = [x_len, w_len, filters];
                    let skip = if add { y_len } else { 0 };
                    let inputs = inputs(&lens[..2 + usize::from(bias)], norm, filters, skip);
                    check(op, &inputs, y_len);
                }
            }
        }
    }

    #[test]
    fn depthwise_convolutions_finish_their_sums() {
        let windows = [
            (window(5, 5, 3, 1, 1), window(7, 7, 3, 1, 1)),
            (window(6, 3, 3, 2, 0), window(8, 4, 3, 2, 0)),
            (window(5, 4, 2, 1, 0), window(6, 3, 4, 2, 1)),
        ];
        for (rows, columns) in windows {
            for (norm, (channels, multiplier)) in
                norms().into_iter().flat_map(|norm| [(19, 1), (32, 1), (3, 2)].map(|c| (norm, c)))
            {
                for (bias, f) in
                    [(true, RELU6), (false, Activation::Linear), (true, Activation::Tanh)]
                {
                    let op = Depthwise2D { rows, columns, channels, multiplier, bias, norm, f };
                    let filters = channels * multiplier;
                    let x_len = SAMPLES * rows.input * columns.input * channels;
                    let y_len = SAMPLES * rows.output * columns.output * filters;
                    let lens = [x_len, rows.kernel * columns.kernel * filters, filters];
                    let inputs = inputs(&lens[..2 + usize::from(bias)], norm, filters, 0);
                    check(op, &inputs, y_len);
                }
            }
        }
    }

    #[test]
    fn a_normalized_sum_by_hand() {
        let (rows, columns) = (window(1, 1, 1, 1, 0), window(2, 2, 1, 1, 0));
        let norm = Some(Normalize { epsilon: 0.0, scale: true, center: true });
        let (groups, bias, add) = (1, true, true);
        let op =
            Conv2D { rows, columns, channels: 1, filters: 1, groups, bias, norm, add, f: RELU6 };
        // (3 · x + 1 - 2) / √4 · 10 - 5, and 1 or 2 more, between 0 and 6.
        let inputs: [&[f32]; 8] =
            [&[1.0, 0.5], &[3.0], &[1.0], &[2.0], &[4.0], &[10.0], &[-5.0], &[0.5, 2.0]];
        assert_eq!(output::<Reference>(op, 1, &inputs, 2), [5.5, 0.0]);
        assert_eq!(output::<Cpu>(op, 1, &inputs, 2), [5.5, 0.0]);
        let inputs = [&[f32::NAN, 0.5][..]].iter().chain(&inputs[1..]).copied().collect::<Vec<_>>();
        assert!(output::<Cpu>(op, 1, &inputs, 2)[0].is_nan());
    }
}
