//! Adam, and Adam with decoupled weight decay.

use keras_graph::value::Value;

use super::{Element, MAX_SLOTS, Optimizer, Options, Progress, complement, each_element, square};

/// Declares an optimizer of the Adam family; they differ in name and default weight decay.
macro_rules! adam {
    ($(#[doc = $docs:literal])* $name:ident, $weight_decay:expr) => {
        $(#[doc = $docs])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[allow(missing_docs, reason = "the last fields of every optimizer are those of `Options`")]
        pub struct $name {
            /// Step size.
            pub learning_rate: f32,
            /// Share of the old mean that is kept.
            pub beta_1: f32,
            /// Share of the old mean square that is kept.
            pub beta_2: f32,
            /// Keeps the divisor from zero.
            pub epsilon: f32,
            /// Whether the largest mean square so far is used.
            pub amsgrad: bool,
            pub weight_decay: Option<f32>,
            pub clipnorm: Option<f32>,
            pub clipvalue: Option<f32>,
            pub global_clipnorm: Option<f32>,
        }

        impl Default for $name {
            fn default() -> Self {
                $name {
                    learning_rate: 0.001,
                    beta_1: 0.9,
                    beta_2: 0.999,
                    epsilon: 1e-7,
                    amsgrad: false,
                    weight_decay: $weight_decay,
                    clipnorm: None,
                    clipvalue: None,
                    global_clipnorm: None,
                }
            }
        }

        impl Optimizer for $name {
            fn class(&self) -> &'static str {
                stringify!($name)
            }

            fn arguments(&self) -> Vec<(&'static str, Value)> {
                vec![
                    ("beta_1", Value::from(self.beta_1)),
                    ("beta_2", Value::from(self.beta_2)),
                    ("epsilon", Value::from(self.epsilon)),
                    ("amsgrad", Value::Bool(self.amsgrad)),
                ]
            }

            fn learning_rate(&self) -> f32 {
                self.learning_rate
            }

            fn options(&self) -> Options {
                let $name { weight_decay, clipnorm, clipvalue, global_clipnorm, .. } = *self;
                Options { weight_decay, clipnorm, clipvalue, global_clipnorm }
            }

            fn slot_groups(&self) -> &'static [&'static [usize]] {
                if self.amsgrad { &[&[0, 1], &[2]] } else { &[&[0, 1]] }
            }

            fn update(
                &self,
                progress: Progress,
                w: &mut [f32],
                g: &[f32],
                slots: [&mut [f32]; MAX_SLOTS],
            ) {
                let $name { beta_1, beta_2, epsilon, amsgrad, .. } = *self;
                step(Moments { beta_1, beta_2, epsilon, amsgrad }, progress, w, g, slots);
            }
        }
    };
}

adam! {
    /// Steps along a moving mean of gradients, divided by the root of a moving mean of their
    /// squares.
    ///
    /// `m += (g - m) · (1 - beta_1)`, `v += (g² - v) · (1 - beta_2)`, `w -= alpha · m / (√v +
    /// epsilon)` with `alpha = learning_rate · √(1 - beta_2^t) / (1 - beta_1^t)`. With `amsgrad`
    /// the largest `v` so far takes its place. Source: Kingma and Ba 2015; the epsilon is not
    /// corrected for bias, as in Keras.
    Adam, None
}

adam! {
    /// Adam with decoupled weight decay: `w -= weight_decay · learning_rate · w` before each of
    /// [`Adam`]'s steps. Source: Loshchilov and Hutter 2019.
    AdamW, Some(0.004)
}

/// What the family's step depends on.
#[derive(Clone, Copy)]
struct Moments {
    beta_1: f32,
    beta_2: f32,
    epsilon: f32,
    amsgrad: bool,
}

fn step(
    moments: Moments,
    progress: Progress,
    w: &mut [f32],
    g: &[f32],
    [m, v, largest]: [&mut [f32]; MAX_SLOTS],
) {
    let Moments { beta_1, beta_2, epsilon, amsgrad } = moments;
    let t = (progress.iterations + 1) as f64;
    // Keras takes the power in 32 bits, and what is left of 1 shows its rounding.
    let correction = |beta: f32| 1.0 - f64::from(beta).powf(t) as f32;
    let alpha = progress.learning_rate * correction(beta_2).sqrt() / correction(beta_1);
    let (new_m, new_v) = (complement(beta_1), complement(beta_2));
    let step = Step { alpha, keep: progress.keep, new_m, new_v, epsilon };
    match amsgrad {
        false => each_element(w, g, [m, v], step),
        true => each_element(w, g, [m, v, largest], step),
    }
}

/// A step on one element.
#[derive(Clone, Copy)]
struct Step {
    alpha: f32,
    keep: f32,
    new_m: f32,
    new_v: f32,
    epsilon: f32,
}

impl Step {
    #[inline(always)]
    fn moments(self, g: f32, m: f32, v: f32) -> (f32, f32) {
        (m + (g - m) * self.new_m, v + (square(g) - v) * self.new_v)
    }

    #[inline(always)]
    fn weight(self, w: f32, m: f32, square: f32) -> f32 {
        w * self.keep - self.alpha * m / (square.sqrt() + self.epsilon)
    }
}

impl Element<2> for Step {
    #[inline(always)]
    fn update(self, w: f32, g: f32, [m, v]: [f32; 2]) -> (f32, [f32; 2]) {
        let (m, v) = self.moments(g, m, v);
        (self.weight(w, m, v), [m, v])
    }
}

/// With `amsgrad`.
impl Element<3> for Step {
    #[inline(always)]
    fn update(self, w: f32, g: f32, [m, v, largest]: [f32; 3]) -> (f32, [f32; 3]) {
        let (m, v) = self.moments(g, m, v);
        // NaN where `v` is.
        let largest = if largest > v { largest } else { v };
        (self.weight(w, m, largest), [m, v, largest])
    }
}
