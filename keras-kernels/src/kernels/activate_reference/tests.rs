use super::super::activate::{activate, derivative};
use super::super::check::assert_close;
use super::*;
use crate::simd::{Level, with_level};

/// Every function that has a name, and more parameters.
fn functions() -> Vec<Activation> {
    use Activation::*;
    use keras_graph::activation::{ActivationFunction, FUNCTIONS};
    let named = FUNCTIONS.iter().filter_map(|(_, function)| match function {
        ActivationFunction::ElementWise(f) => Some(*f),
        ActivationFunction::Softmax
        | ActivationFunction::LogSoftmax
        | ActivationFunction::Sparsemax
        | ActivationFunction::Glu => None,
    });
    let relu = |negative_slope, max_value, threshold| Relu { negative_slope, max_value, threshold };
    let infinite = f32::INFINITY;
    named
        .chain([
            GeluTanh,
            Elu { alpha: 0.7 },
            Elu { alpha: -0.4 },
            Celu { alpha: 1.7 },
            Celu { alpha: -0.6 },
            Threshold { threshold: 0.4, value: -2.0 },
            Squareplus { b: 0.3 },
            LeakyRelu { negative_slope: -0.3 },
            relu(0.2, 3.0, -0.5),
            relu(0.2, 3.0, 0.7),
            relu(0.3, infinite, 0.0),
            relu(0.3, 2.0, 0.0),
            relu(0.0, infinite, 1.5),
            relu(0.0, infinite, -1.5),
            relu(-0.1, 4.0, 0.0),
            Log,
            Sqrt,
            Absolute,
            Sign,
            Floor,
            Log1p,
            Sin,
            Cos,
        ])
        .collect()
}

/// Both signs, the kinks, and where something could overflow; at a length that no vector
/// divides.
fn points() -> Vec<f32> {
    let near = (0..=1600).map(|i| (i - 800) as f32 / 100.0);
    let tiny = [1e-30, 1e-8, 1e-4, -1e-30, -1e-8, -1e-4, 0.0];
    let far = [12.0, 17.5, 40.0, 87.0, 89.0, 104.0, 500.0, 1e10, 1e18, 3e38];
    near.chain(tiny).chain(far.into_iter().flat_map(|x| [x, -x])).collect()
}

#[test]
fn fast_values_are_the_definitions() {
    for f in functions() {
        for level in Level::available() {
            let points = points();
            let mut found = points.clone();
            with_level(level, || activate(f, &mut found)).expect("the level is available");
            for (x, found) in points.iter().zip(found) {
                let expected = value(f, *x);
                // Two close numbers' difference; an argument whose rounding an exponential
                // makes larger.
                let (relative, absolute) = match f {
                    Activation::TanhShrink => (2e-6, 2e-6 * x.abs()),
                    Activation::GeluTanh => (1e-5, 0.0),
                    _ => (2e-6, 1e-36),
                };
                let bound = relative * expected.abs() + absolute;
                let is_squareplus = matches!(f, Activation::Squareplus { .. });
                assert!(
                    found == expected
                        || found.is_nan() && expected.is_nan()
                        || (found - expected).abs() <= bound
                        // There the definition itself cancels, in `f64`.
                        || is_squareplus && *x < -1e4 && found < 1e-4,
                    "{f:?}({x}) is {found}, not {expected}, on {level:?}"
                );
            }
            let mut nan = [f32::NAN; 3];
            with_level(level, || activate(f, &mut nan)).expect("the level is available");
            assert!(nan.iter().all(|y| y.is_nan()), "{f:?} hides NaN");
        }
    }
}

#[test]
fn fast_derivatives_are_the_definitions() {
    for f in functions() {
        let kept: Vec<f32> = points()
            .into_iter()
            .map(|x| if f.derivative_from_output() { value(f, x) } else { x })
            .filter(|kept| kept.is_finite())
            .collect();
        let d_y: Vec<f32> = (0..kept.len()).map(|i| (i % 7) as f32 - 2.5).collect();
        let expected: Vec<f32> =
            kept.iter().zip(&d_y).map(|(kept, d_y)| d_y * slope(f, *kept)).collect();
        for level in Level::available() {
            let mut found = vec![f32::NAN; kept.len()];
            with_level(level, || derivative(f, &kept, &d_y, &mut found))
                .expect("the level is available");
            assert_close(&found, &expected, 2e-6, &format!("{f:?} on {level:?}"));
        }
    }
}

#[test]
fn derivatives_are_slopes_of_the_values() {
    const STEP: f64 = 1e-5;
    for f in functions() {
        // Off the kinks, all of which lie on multiples of a tenth.
        for x in (-130..130).map(|i| f64::from(i) / 20.0 + 0.013) {
            // A logarithm and a root have none below 0, and bend too much for the step beside it.
            let least = match f {
                Activation::Log | Activation::Sqrt => 0.05,
                Activation::Log1p => -0.95,
                _ => f64::NEG_INFINITY,
            };
            if x < least {
                continue;
            }
            let kept = if f.derivative_from_output() { value_f64(f, x) } else { x };
            let difference = (value_f64(f, x + STEP) - value_f64(f, x - STEP)) / (2.0 * STEP);
            let found = slope_f64(f, kept);
            let bound = 1e-7 * difference.abs().max(1.0);
            assert!((found - difference).abs() < bound, "{f:?}'({x}): {found}, {difference}");
        }
    }
}

/// At 0, where the inputs of a sparse network lie, TensorFlow's and jax's slopes.
#[test]
fn kinks() {
    assert_eq!(slope(Activation::RELU, 0.0), 0.0);
    assert_eq!(slope(Activation::LeakyRelu { negative_slope: 0.25 }, 0.0), 0.25);
    assert_eq!(slope(Activation::HardTanh, 1.0), 1.0);
    assert_eq!(slope(Activation::HardTanh, -1.0), 1.0);
    assert_eq!(slope(Activation::HardShrink { threshold: 0.5 }, 0.5), 0.0);
}
