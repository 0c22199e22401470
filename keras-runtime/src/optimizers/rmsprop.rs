//! RMSprop.

use keras_graph::value::Value;

use super::{MAX_SLOTS, Optimizer, Options, Progress, float, flush};

/// Steps divided by the root of a moving mean of squares.
///
/// `v = rho · v + (1 - rho) · g²`; the step is `learning_rate · g / √(v + epsilon)`, with `centered` `√(v - a² + epsilon)` where `a`
/// is the moving mean of `g`. With momentum `m = momentum · m + step`, `w -= m`. The epsilon is inside of the root, as
/// Keras has it; Adam adds its own outside.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "the fields of every optimizer are those of `Options`")]
pub struct RMSprop {
    /// Step size.
    pub learning_rate: f32,
    /// Share of the old moving mean that is kept.
    pub rho: f32,
    /// Share of the last step that is kept.
    pub momentum: f32,
    /// Keeps the root from zero.
    pub epsilon: f32,
    /// Whether the variance takes the place of the mean square.
    pub centered: bool,
    pub weight_decay: Option<f32>,
    pub clipnorm: Option<f32>,
    pub clipvalue: Option<f32>,
    pub global_clipnorm: Option<f32>,
}

impl Default for RMSprop {
    fn default() -> Self {
        RMSprop {
            learning_rate: 0.001,
            rho: 0.9,
            momentum: 0.0,
            epsilon: 1e-7,
            centered: false,
            weight_decay: None,
            clipnorm: None,
            clipvalue: None,
            global_clipnorm: None,
        }
    }
}

impl Optimizer for RMSprop {
    fn class(&self) -> &'static str {
        "RMSprop"
    }

    fn arguments(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("rho", float(self.rho)),
            ("momentum", float(self.momentum)),
            ("epsilon", float(self.epsilon)),
            ("centered", Value::Bool(self.centered)),
        ]
    }

    fn learning_rate(&self) -> f32 {
        self.learning_rate
    }

    fn options(&self) -> Options {
        let RMSprop { weight_decay, clipnorm, clipvalue, global_clipnorm, .. } = *self;
        Options { weight_decay, clipnorm, clipvalue, global_clipnorm }
    }

    fn slot_groups(&self) -> &'static [&'static [usize]] {
        match (self.momentum > 0.0, self.centered) {
            (false, false) => &[&[0]],
            (true, false) | (false, true) => &[&[0], &[1]],
            (true, true) => &[&[0], &[1], &[2]],
        }
    }

    fn update(&self, progress: Progress, w: &mut [f32], g: &[f32], slots: [&mut [f32]; MAX_SLOTS]) {
        let rate = progress.learning_rate;
        let [v, second, third] = slots;
        let (m, a) = if self.momentum > 0.0 { (second, third) } else { (third, second) };
        let keep = 1.0 - self.rho;
        for i in 0..w.len() {
            let g = g[i];
            v[i] = flush(self.rho * v[i] + keep * g * g);
            let mut square = v[i] + self.epsilon;
            if self.centered {
                a[i] = flush(self.rho * a[i] + keep * g);
                square -= a[i] * a[i];
            }
            let step = rate * g / square.sqrt();
            if self.momentum > 0.0 {
                m[i] = flush(self.momentum * m[i] + step);
                w[i] -= m[i];
            } else {
                w[i] -= step;
            }
        }
    }
}
