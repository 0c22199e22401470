//! Numbers written as Python writes them: the progress bar, CSV logs and file names are compared
//! with Keras' own.
//!
//! Rust and Python both print the shortest digits that read back as the same number, and both round
//! a fixed count of digits exactly, halves to even. Exponents, `nan` and the choice of notation
//! differ, and are set right here. Source: Python 3.11, `float.__repr__` and the format
//! specification mini-language.

use core::fmt;

/// `repr` turns to exponents below `1e-4`, and from this power of ten on.
const REPR_LIMIT: i32 = 16;
/// `repr` and `g` write numbers below ten to this power with an exponent.
const SMALLEST_PLAIN_EXPONENT: i32 = -4;
/// Below this a metric is shown with an exponent.
pub(crate) const SMALLEST_FIXED_VALUE: f64 = 1e-3;
/// Digits after the point of a metric that is shown.
pub(crate) const METRIC_DIGITS: usize = 4;

/// `repr(value)`: `0.5`, `1.0`, `1e-05`, `nan`.
pub(crate) fn repr(value: f64) -> String {
    if let Some(word) = word(value) {
        return word.into();
    }
    let shortest = format!("{value:e}");
    let (mantissa, exponent) = split_exponent(&shortest);
    if (SMALLEST_PLAIN_EXPONENT..REPR_LIMIT).contains(&exponent) {
        return format!("{value:?}");
    }
    join_exponent(mantissa, exponent)
}

/// The 64-bit number of the digits that `value` was most likely written with: `0.1` for `0.1_f32`.
///
/// Arguments of Keras are 64-bit; with this, products with them round as in Keras.
pub(crate) fn as_written(value: f32) -> f64 {
    format!("{value:e}").parse().unwrap_or(f64::from(value))
}

/// `"%.<digits>f" % value`.
pub(crate) fn fixed(value: f64, digits: usize) -> String {
    word(value).map_or_else(|| format!("{value:.digits$}"), String::from)
}

/// `"%.<digits>e" % value`: the exponent has a sign and at least two digits.
pub(crate) fn exponent(value: f64, digits: usize) -> String {
    if let Some(word) = word(value) {
        return word.into();
    }
    let text = format!("{value:.digits$e}");
    let (mantissa, exponent) = split_exponent(&text);
    join_exponent(mantissa, exponent)
}

/// `"%.<digits>g" % value`: `digits` significant digits without trailing zeros, in the shorter
/// notation.
pub(crate) fn general(value: f64, digits: usize) -> String {
    if let Some(word) = word(value) {
        return word.into();
    }
    let digits = digits.max(1);
    let rounded = format!("{value:.*e}", digits - 1);
    let (mantissa, exponent) = split_exponent(&rounded);
    let last_plain = i32::try_from(digits).unwrap_or(i32::MAX);
    if !(SMALLEST_PLAIN_EXPONENT..last_plain).contains(&exponent) {
        return join_exponent(without_trailing_zeros(mantissa), exponent);
    }
    let after_point = usize::try_from(last_plain - 1 - exponent).unwrap_or(0);
    without_trailing_zeros(&format!("{value:.after_point$}")).into()
}

/// A metric's value as Keras shows it: `0.1562`, but `9.9000e-04` for small ones.
pub(crate) struct MetricValue(pub(crate) f64);

impl fmt::Display for MetricValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0.abs() > SMALLEST_FIXED_VALUE {
            true => fixed(self.0, METRIC_DIGITS),
            false => exponent(self.0, METRIC_DIGITS),
        };
        f.write_str(&text)
    }
}

/// How Python writes what is no finite number.
fn word(value: f64) -> Option<&'static str> {
    match value {
        _ if value.is_nan() => Some("nan"),
        f64::INFINITY => Some("inf"),
        f64::NEG_INFINITY => Some("-inf"),
        _ => None,
    }
}

/// The two sides of the `e` in a number that Rust wrote.
fn split_exponent(text: &str) -> (&str, i32) {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    (mantissa, exponent.parse().unwrap_or(0))
}

fn join_exponent(mantissa: &str, exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

fn without_trailing_zeros(text: &str) -> &str {
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repr_is_pythons() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (3.0, "3.0"),
            (-0.25, "-0.25"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (-1.25e-7, "-1.25e-07"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (f64::from(0.965_357_4_f32), "0.9653574228286743"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(repr(value), text);
        }
    }

    #[test]
    fn digits_are_kept_as_written() {
        for (value, written) in
            [(0.1, 0.1), (-2e-5, -2e-5), (3.0, 3.0), (f32::INFINITY, f64::INFINITY)]
        {
            assert_eq!(as_written(value), written);
        }
    }

    #[test]
    fn a_set_count_of_digits_is_pythons() {
        assert_eq!(fixed(2.5, 0), "2");
        assert_eq!(fixed(-1.23456, 4), "-1.2346");
        assert_eq!(exponent(0.00012345, 4), "1.2345e-04");
        assert_eq!(exponent(-1.5e123, 1), "-1.5e+123");
        assert_eq!(exponent(0.0, 4), "0.0000e+00");
        for (value, digits, text) in [
            (0.0001, 6, "0.0001"),
            (0.00001, 6, "1e-05"),
            (1_234_567.0, 6, "1.23457e+06"),
            (999_999.9, 6, "1e+06"),
            (123.456, 4, "123.5"),
            (100.0, 3, "100"),
            (100.0, 2, "1e+02"),
            (0.0, 0, "0"),
        ] {
            assert_eq!(general(value, digits), text);
        }
    }

    #[test]
    fn a_metric_at_one_thousandth_has_an_exponent() {
        assert_eq!(MetricValue(0.001).to_string(), "1.0000e-03");
        assert_eq!(MetricValue(-0.0011).to_string(), "-0.0011");
        assert_eq!(MetricValue(f64::NAN).to_string(), "nan");
    }
}
