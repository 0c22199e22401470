//! How weights get their first values. Source: Keras 3.15 `initializers/random_initializers.py`.
//!
//! Fans follow Keras' generic rule for any kernel, so a transposed convolution has them swapped and
//! a depthwise one takes `channels · window` for its inputs.

mod orthogonal;

pub use keras_graph::initializer::fans;
use keras_graph::initializer::{Distribution, Fan, Initializer, Rule};
use keras_graph::plan::WeightInfo;

use crate::random::Random;

/// Standard deviation of a normal cut at two standard deviations, as Keras writes it.
const TRUNCATED_STDDEV: f64 = 0.879_625_661_034_239_8;

/// Fills all weights of a model. A weight's values depend on `seed` and its own path alone.
pub fn initialize(weights: &[WeightInfo], seed: u64, to: &mut [f32]) {
    for weight in weights {
        let len = weight.shape.iter().product();
        let Initializer { rule, seed: own, forget_gate, .. } = weight.initializer;
        // With a seed of its own an initializer gives every weight of one shape the same values, as
        // in Keras.
        let mut random = match own {
            Some(own) => Random::stream(own as u64, ""),
            None => Random::stream(seed, &format!("{}/{}", weight.layer, weight.name)),
        };
        let to = &mut to[weight.offset..][..len];
        fill(&rule, &weight.shape, &mut random, to);
        if forget_gate {
            to[len / 4..len / 2].fill(1.0);
        }
    }
}

/// Fills one weight of the given extents. Panics: if the lengths differ.
pub fn fill(rule: &Rule, shape: &[usize], random: &mut Random, to: &mut [f32]) {
    assert_eq!(to.len(), shape.iter().product::<usize>(), "as many elements as the shape has");
    let mut each = |draw: &mut dyn FnMut(&mut Random) -> f64| {
        for value in &mut *to {
            *value = draw(random) as f32;
        }
    };
    match *rule {
        Rule::Zeros => to.fill(0.0),
        Rule::Ones => to.fill(1.0),
        Rule::Unkept => unreachable!("`Model::seeded` does not compile with such a weight"),
        Rule::Constant { value } => to.fill(value),
        Rule::Identity { gain } => identity(gain, shape, to),
        Rule::RandomUniform { minval, maxval } => {
            each(&mut |random| between(minval.into(), maxval.into(), random));
        }
        Rule::RandomNormal { mean, stddev } => {
            each(&mut |random| f64::from(mean) + f64::from(stddev) * random.normal());
        }
        Rule::TruncatedNormal { mean, stddev } => {
            each(&mut |random| f64::from(mean) + f64::from(stddev) * random.truncated_normal());
        }
        Rule::VarianceScaling { scale, fan, distribution } => {
            let variance = f64::from(scale) / fan_len(fan, shape).max(1.0);
            match distribution {
                Distribution::Uniform => {
                    let limit = (3.0 * variance).sqrt();
                    each(&mut |random| between(-limit, limit, random));
                }
                Distribution::UntruncatedNormal => {
                    each(&mut |random| variance.sqrt() * random.normal());
                }
                Distribution::TruncatedNormal => {
                    let stddev = variance.sqrt() / TRUNCATED_STDDEV;
                    each(&mut |random| stddev * random.truncated_normal());
                }
            }
        }
        Rule::Orthogonal { gain } => orthogonal::fill(gain, shape, random, to),
    }
}

fn between(low: f64, high: f64, random: &mut Random) -> f64 {
    low + (high - low) * random.uniform()
}

fn identity(gain: f32, shape: &[usize], to: &mut [f32]) {
    to.fill(0.0);
    if let [rows, columns] = *shape {
        for i in 0..rows.min(columns) {
            to[i * columns + i] = gain;
        }
    }
}

fn fan_len(fan: Fan, shape: &[usize]) -> f64 {
    let (inputs, outputs) = fans(shape);
    match fan {
        Fan::In => inputs,
        Fan::Out => outputs,
        Fan::Average => (inputs + outputs) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: [usize; 4] = [3, 5, 40, 30];

    fn values(rule: Rule) -> Vec<f32> {
        let mut to = vec![f32::NAN; SHAPE.iter().product()];
        fill(&rule, &SHAPE, &mut Random::stream(11, "kernel"), &mut to);
        to
    }

    /// Standard deviation around 0, and the largest magnitude.
    fn spread(values: &[f32]) -> (f64, f64) {
        let sum: f64 = values.iter().map(|&x| f64::from(x).powi(2)).sum();
        let largest = values.iter().fold(0.0, |largest: f32, x| largest.max(x.abs()));
        ((sum / values.len() as f64).sqrt(), largest.into())
    }

    #[test]
    fn fans_are_keras_own() {
        assert_eq!(fans(&[]), (1.0, 1.0));
        assert_eq!(fans(&[7]), (7.0, 7.0));
        assert_eq!(fans(&[3, 5]), (3.0, 5.0));
        assert_eq!(fans(&SHAPE), (600.0, 450.0));
    }

    #[test]
    fn variance_scaling_has_its_spread_and_bounds() {
        let rule = |distribution| Rule::VarianceScaling { scale: 2.0, fan: Fan::In, distribution };
        let expected = (2.0f64 / 600.0).sqrt();
        // 18000 draws: five standard errors are below 3 %.
        for distribution in
            [Distribution::Uniform, Distribution::TruncatedNormal, Distribution::UntruncatedNormal]
        {
            let (stddev, _) = spread(&values(rule(distribution)));
            assert!((stddev / expected - 1.0).abs() < 0.03, "{distribution:?}: {stddev}");
        }
        let (_, largest) = spread(&values(rule(Distribution::Uniform)));
        assert!(largest <= 3f64.sqrt() * expected && largest > 1.7 * expected);
        let (_, largest) = spread(&values(rule(Distribution::TruncatedNormal)));
        assert!(largest <= 2.0 / 0.8796 * expected && largest > 2.2 * expected);
        let (_, largest) = spread(&values(rule(Distribution::UntruncatedNormal)));
        assert!(largest > 3.0 * expected);
    }

    #[test]
    fn plain_distributions_are_neither_centred_nor_rescaled() {
        let uniform = values(Rule::RandomUniform { minval: -0.5, maxval: 2.0 });
        assert!(uniform.iter().all(|x| (-0.5..=2.0).contains(x)));
        assert!((uniform.iter().sum::<f32>() / uniform.len() as f32 - 0.75).abs() < 0.03);
        let (stddev, largest) = spread(&values(Rule::TruncatedNormal { mean: 0.0, stddev: 3.0 }));
        assert!((stddev / (3.0 * 0.8796) - 1.0).abs() < 0.03 && largest <= 6.0);
    }

    #[test]
    fn constants_are_exact() {
        assert!(values(Rule::Constant { value: -1.5 }).iter().all(|&x| x == -1.5));
        assert!(values(Rule::Ones).iter().all(|&x| x == 1.0));
        let mut to = [9.0; 6];
        fill(&Rule::Identity { gain: 2.0 }, &[2, 3], &mut Random::stream(0, ""), &mut to);
        assert_eq!(to, [2.0, 0.0, 0.0, 0.0, 2.0, 0.0]);
    }
}
