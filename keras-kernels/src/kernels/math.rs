//! Elementary functions of one `f32`, without a branch and without a library call, so that loops
//! over them vectorise.
//!
//! Each is within 1e-6, relative, of the true value over the whole range: what overflows is
//! infinite, what underflows goes to zero through the denormals, and NaN stays NaN. Nothing here
//! fuses a multiplication with an addition, so the bits are the same on every instruction set.
//! Sources: the exponential's polynomial is that of Cephes' `expf` (Moshier 1992); that of the
//! normal tail was fitted, for least largest relative error on 0 to 14.5, to `scipy.special.erfcx`.

/// Added and taken away again, it rounds a number to whole: 1.5 · 2^23, where floats are one apart.
const ROUNDER: f32 = 12_582_912.0;
/// The high part of ln 2, whose product with a small whole number is exact.
const LN_2_HIGH: f32 = 0.693_359_4;
/// What is missing from [`LN_2_HIGH`].
const LN_2_LOW: f32 = -2.121_944_4e-4;
/// Where a `f32` keeps its exponent.
const EXPONENT_SHIFT: u32 = 23;
/// What is added to a stored exponent.
const EXPONENT_BIAS: i32 = 127;

/// `2^n`, for `n` in -126 to 127.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(EXPONENT_BIAS) as u32).wrapping_shl(EXPONENT_SHIFT))
}

/// Splits `x = n · ln 2 + r` with whole `n` and `|r| <= ln 2 / 2`.
#[inline(always)]
fn split_exponent(x: f32) -> (i32, f32) {
    let shifted = x * core::f32::consts::LOG2_E + ROUNDER;
    let n = (shifted.to_bits() as i32).wrapping_sub(ROUNDER.to_bits() as i32);
    let whole = shifted - ROUNDER;
    (n, x - whole * LN_2_HIGH - whole * LN_2_LOW)
}

/// `e^r - 1`, for `|r| <= ln 2 / 2`.
#[inline(always)]
fn exp_m1_near_zero(r: f32) -> f32 {
    let p = 1.987_569_1e-4 * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    p * (r * r) + r
}

/// `e^x`.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    exp_of_sum(x, 0.0)
}

/// `e^(x + rest)`, for a `rest` that is small beside 1 and would be lost in the sum.
#[inline(always)]
fn exp_of_sum(x: f32, rest: f32) -> f32 {
    // Beyond these the result is infinite, or less than half of the least denormal.
    let (n, r) = split_exponent(x.clamp(-105.0, 90.0));
    // Two factors, as the power alone may be no number when the product is.
    let half = n >> 1;
    (exp_m1_near_zero(r + rest) + 1.0) * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

/// `e^x - 1`.
#[inline(always)]
pub(crate) fn exp_m1(x: f32) -> f32 {
    // Below this the result rounds to -1.
    let (n, r) = split_exponent(x.clamp(-18.0, 89.0));
    // Half of the power, as the whole one overflows before the result does.
    let half = power_of_two(n.wrapping_sub(1));
    2.0 * (half * exp_m1_near_zero(r) + (half - 0.5))
}

/// `log(1 + u)`, for `u` in 0 to 1.
#[inline(always)]
pub(crate) fn ln_1p_unit(u: f32) -> f32 {
    // log(1 + u) = 2 · artanh(s), with s at most a third, so that the ninth term is below 2e-9 of
    // the first.
    let s = u / (2.0 + u);
    let q = s * s;
    let p = q * (1.0 / 17.0) + 1.0 / 15.0;
    let p = p * q + 1.0 / 13.0;
    let p = p * q + 1.0 / 11.0;
    let p = p * q + 1.0 / 9.0;
    let p = p * q + 1.0 / 7.0;
    let p = p * q + 1.0 / 5.0;
    let p = p * q + 1.0 / 3.0;
    2.0 * (s + s * q * p)
}

/// `log x`: minus infinity at 0, NaN below.
#[inline(always)]
pub(crate) fn ln(x: f32) -> f32 {
    /// The bits of √2 / 2, from which on mantissas are taken.
    const LEAST_MANTISSA: i32 = 0x3f35_04f3;
    /// Makes denormals normal.
    const NORMALIZER: f32 = 8_388_608.0;
    let is_tiny = x < f32::MIN_POSITIVE;
    let normal = if is_tiny { x * NORMALIZER } else { x };
    let exponent = (normal.to_bits() as i32).wrapping_sub(LEAST_MANTISSA) >> EXPONENT_SHIFT;
    let bits = (normal.to_bits() as i32).wrapping_sub(exponent.wrapping_shl(EXPONENT_SHIFT));
    let n = exponent as f32 - if is_tiny { EXPONENT_SHIFT as f32 } else { 0.0 };
    // log m = 2 · artanh(s), with s at most 0.172, so that the eleventh term is below 2e-9 of the
    // first.
    let m = f32::from_bits(bits as u32);
    let s = (m - 1.0) / (m + 1.0);
    let q = s * s;
    let p = q * (1.0 / 9.0) + 1.0 / 7.0;
    let p = p * q + 1.0 / 5.0;
    let p = p * q + 1.0 / 3.0;
    let log = n * LN_2_HIGH + (2.0 * (s + s * q * p) + n * LN_2_LOW);
    let positive = if x > 0.0 { log } else { f32::NAN };
    let positive = if x == f32::INFINITY { x } else { positive };
    if x == 0.0 { f32::NEG_INFINITY } else { positive }
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// `tanh x`.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    let e = exp_m1(-2.0 * x.abs());
    (-e / (e + 2.0)).copysign(x)
}

/// `log(1 + e^x)`.
#[inline(always)]
pub(crate) fn softplus(x: f32) -> f32 {
    let positive = if x < 0.0 { 0.0 } else { x };
    positive + ln_1p_unit(exp(-x.abs()))
}

/// The normal distribution at `x`: the probability of less, `Φ(x) = (1 + erf(x / √2)) / 2`, and
/// `e^(-x² / 2)`.
#[inline(always)]
pub(crate) fn normal(x: f32) -> (f32, f32) {
    let a = x.abs().clamp(0.0, 20.0);
    // x² by parts, as its rounding error would be a relative error of the exponential.
    let high = f32::from_bits(a.to_bits() & 0xffff_f000);
    let bell = exp_of_sum(-0.5 * high * high, -0.5 * (a - high) * (a + high));
    let t = 1.0 / (1.0 + 0.21 * a);
    let p = -0.071_298_44 * t + 0.281_822_55;
    let p = p * t - 0.326_531_22;
    let p = p * t + 0.345_031_3;
    let p = p * t - 0.090_804_5;
    let p = p * t + 0.123_486_29;
    let p = p * t + 0.069_565_93;
    let p = p * t + 0.085_013_01;
    let p = p * t + 0.083_715_12;
    let tail = bell * (p * t);
    (if x > 0.0 { 1.0 - tail } else { tail }, bell)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative error that the functions keep to, beside one step of the denormals.
    const TOLERANCE: f64 = 1e-6;

    fn check(name: &str, f: fn(f32) -> f32, truth: fn(f64) -> f64, range: core::ops::Range<f32>) {
        const STEPS: usize = 200_003;
        for step in 0..STEPS {
            let x = range.start + (range.end - range.start) * (step as f32 / STEPS as f32);
            let (found, expected) = (f64::from(f(x)), truth(f64::from(x)));
            if expected > f64::from(f32::MAX) {
                assert!(found > 3.4e38, "{name}({x}) = {found}, not {expected}");
                continue;
            }
            let error = (found - expected).abs();
            assert!(
                error <= TOLERANCE * expected.abs() + 1.5e-45,
                "{name}({x}) = {found}, not {expected}"
            );
        }
    }

    #[test]
    fn close_to_the_truth() {
        check("exp", exp, f64::exp, -110.0..95.0);
        check("exp", exp, f64::exp, -1.0..1.0);
        check("exp_m1", exp_m1, f64::exp_m1, -110.0..95.0);
        check("exp_m1", exp_m1, f64::exp_m1, -1e-3..1e-3);
        check("ln_1p_unit", ln_1p_unit, f64::ln_1p, 0.0..1.0);
        check("ln_1p_unit", ln_1p_unit, f64::ln_1p, 0.0..1e-6);
        check("sigmoid", sigmoid, |x| 1.0 / (1.0 + (-x).exp()), -87.0..100.0);
        check("tanh", tanh, f64::tanh, -30.0..30.0);
        check("tanh", tanh, f64::tanh, -1e-3..1e-3);
        check("softplus", softplus, |x| x.max(0.0) + (-x.abs()).exp().ln_1p(), -90.0..120.0);
    }

    #[test]
    fn ends_of_the_range() {
        let (inf, nan) = (f32::INFINITY, f32::NAN);
        assert_eq!((exp(inf), exp(-inf), exp(0.0), exp(-0.0)), (inf, 0.0, 1.0, 1.0));
        assert_eq!((exp(1e30), exp(-1e30)), (inf, 0.0));
        assert_eq!((exp_m1(inf), exp_m1(-inf), exp_m1(0.0)), (inf, -1.0, 0.0));
        assert_eq!((tanh(inf), tanh(-inf), tanh(0.0)), (1.0, -1.0, 0.0));
        assert_eq!((sigmoid(inf), sigmoid(-inf), sigmoid(0.0)), (1.0, 0.0, 0.5));
        assert_eq!((softplus(inf), softplus(-inf)), (inf, 0.0));
        assert_eq!((normal(inf).0, normal(-inf).0), (1.0, 0.0));
        for f in [exp, exp_m1, tanh, sigmoid, softplus, |x| normal(x).0] {
            assert!(f(nan).is_nan());
        }
    }

    /// `Φ(x)` from tables, to nine digits: Python's `scipy.special.ndtr`.
    #[test]
    fn normal_distribution() {
        for (x, expected) in NORMAL {
            let found = f64::from(normal(*x).0);
            assert!((found - expected).abs() <= TOLERANCE * expected, "Φ({x}) = {found}");
        }
    }

    const NORMAL: &[(f32, f64)] = &[
        (-12.5, 3.732564299e-36),
        (-9.3, 7.022271643e-21),
        (-7.0, 1.279812544e-12),
        (-5.1, 1.698268263e-07),
        (-3.7, 1.077997132e-04),
        (-2.2, 1.390344582e-02),
        (-1.5, 6.680720127e-02),
        (-1.0, 1.586552539e-01),
        (-0.6, 2.742531098e-01),
        (-0.25, 4.012936743e-01),
        (-0.01, 4.960106438e-01),
        (0.0, 5.000000000e-01),
        (0.02, 5.079783135e-01),
        (0.4, 6.554217438e-01),
        (0.9, 8.159398683e-01),
        (1.3, 9.031995072e-01),
        (2.6, 9.953388107e-01),
        (4.1, 9.999793425e-01),
        (8.0, 1.000000000e+00),
    ];
}
