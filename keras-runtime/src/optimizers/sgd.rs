//! Gradient descent.

use keras_graph::value::Value;

use super::{MAX_SLOTS, Optimizer, Options, Progress, float, flush};

/// Gradient descent, with momentum if wanted.
///
/// Without: `w -= learning_rate · g`. With: `m = momentum · m - learning_rate · g`, then `w += m`, or `w += momentum · m -
/// learning_rate · g` with `nesterov`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "the fields of every optimizer are those of `Options`")]
pub struct SGD {
    /// Step size.
    pub learning_rate: f32,
    /// Share of the last step that is kept.
    pub momentum: f32,
    /// Whether the gradient counts as taken after the momentum's step.
    pub nesterov: bool,
    pub weight_decay: Option<f32>,
    pub clipnorm: Option<f32>,
    pub clipvalue: Option<f32>,
    pub global_clipnorm: Option<f32>,
}

impl Default for SGD {
    fn default() -> Self {
        SGD {
            learning_rate: 0.01,
            momentum: 0.0,
            nesterov: false,
            weight_decay: None,
            clipnorm: None,
            clipvalue: None,
            global_clipnorm: None,
        }
    }
}

impl Optimizer for SGD {
    fn class(&self) -> &'static str {
        "SGD"
    }

    fn arguments(&self) -> Vec<(&'static str, Value)> {
        vec![("momentum", float(self.momentum)), ("nesterov", Value::Bool(self.nesterov))]
    }

    fn learning_rate(&self) -> f32 {
        self.learning_rate
    }

    fn options(&self) -> Options {
        let SGD { weight_decay, clipnorm, clipvalue, global_clipnorm, .. } = *self;
        Options { weight_decay, clipnorm, clipvalue, global_clipnorm }
    }

    fn slot_groups(&self) -> &'static [&'static [usize]] {
        if self.momentum == 0.0 { &[] } else { &[&[0]] }
    }

    fn update(&self, progress: Progress, w: &mut [f32], g: &[f32], slots: [&mut [f32]; MAX_SLOTS]) {
        let rate = progress.learning_rate;
        if self.momentum == 0.0 {
            for (w, g) in w.iter_mut().zip(g) {
                *w -= rate * g;
            }
            return;
        }
        let [m, ..] = slots;
        for ((w, g), m) in w.iter_mut().zip(g).zip(m) {
            *m = flush(self.momentum * *m - rate * g);
            *w += if self.nesterov { self.momentum * *m - rate * g } else { *m };
        }
    }
}
