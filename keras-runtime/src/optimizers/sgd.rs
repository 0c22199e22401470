//! Gradient descent.

use keras_graph::value::Value;

use super::{Element, MAX_SLOTS, Optimizer, Options, Progress, each_element};

/// Gradient descent, with momentum if wanted.
///
/// Without: `w -= learning_rate · g`. With: `m = momentum · m - learning_rate · g`, then `w += m`,
/// or `w += momentum · m - learning_rate · g` with `nesterov`.
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
        vec![("momentum", Value::from(self.momentum)), ("nesterov", Value::Bool(self.nesterov))]
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
        let Progress { learning_rate: rate, keep, .. } = progress;
        let momentum = self.momentum;
        let [m, ..] = slots;
        match (momentum == 0.0, self.nesterov) {
            (true, _) => each_element(w, g, [], Plain { rate, keep }),
            (false, false) => each_element(w, g, [m], Momentum { rate, keep, momentum }),
            (false, true) => each_element(w, g, [m], Nesterov { rate, keep, momentum }),
        }
    }
}

#[derive(Clone, Copy)]
struct Plain {
    rate: f32,
    keep: f32,
}

impl Element<0> for Plain {
    #[inline(always)]
    fn update(self, w: f32, g: f32, _: [f32; 0]) -> (f32, [f32; 0]) {
        (w * self.keep - self.rate * g, [])
    }
}

#[derive(Clone, Copy)]
struct Momentum {
    rate: f32,
    keep: f32,
    momentum: f32,
}

impl Element<1> for Momentum {
    #[inline(always)]
    fn update(self, w: f32, g: f32, [m]: [f32; 1]) -> (f32, [f32; 1]) {
        let m = self.momentum * m - self.rate * g;
        (w * self.keep + m, [m])
    }
}

#[derive(Clone, Copy)]
struct Nesterov {
    rate: f32,
    keep: f32,
    momentum: f32,
}

impl Element<1> for Nesterov {
    #[inline(always)]
    fn update(self, w: f32, g: f32, [m]: [f32; 1]) -> (f32, [f32; 1]) {
        let m = self.momentum * m - self.rate * g;
        (w * self.keep + (self.momentum * m - self.rate * g), [m])
    }
}
