//! RMSprop.

use keras_graph::value::Value;

use super::{Element, MAX_SLOTS, Optimizer, Options, Progress, complement, each_element, square};

/// Steps divided by the root of a moving mean of squares.
///
/// `v = rho · v + (1 - rho) · g²`; the step is `learning_rate · g / √(v + epsilon)`, with
/// `centered` `√(v - a² + epsilon)` where `a` is the moving mean of `g`. With momentum `m =
/// momentum · m + step`, `w -= m`. The epsilon is inside of the root, as Keras has it; Adam adds
/// its own outside.
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
            ("rho", Value::from(self.rho)),
            ("momentum", Value::from(self.momentum)),
            ("epsilon", Value::from(self.epsilon)),
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
        let Progress { learning_rate: rate, keep, .. } = progress;
        let RMSprop { rho, momentum, epsilon, .. } = *self;
        let step = Step { rate, keep, rho, new: complement(rho), momentum, epsilon };
        let [first, second, third] = slots;
        match (momentum > 0.0, self.centered) {
            (false, false) => each_element(w, g, [first], Uncentered(step)),
            (true, false) => each_element(w, g, [first, second], Uncentered(step)),
            (false, true) => each_element(w, g, [first, second], Centered(step)),
            (true, true) => each_element(w, g, [first, second, third], Centered(step)),
        }
    }
}

/// A step on one element.
#[derive(Clone, Copy)]
struct Step {
    rate: f32,
    keep: f32,
    rho: f32,
    new: f32,
    momentum: f32,
    epsilon: f32,
}

impl Step {
    /// The moving mean `mean`, moved towards `x`.
    #[inline(always)]
    fn towards(self, mean: f32, x: f32) -> f32 {
        self.rho * mean + x
    }

    #[inline(always)]
    fn square(self, v: f32, g: f32) -> f32 {
        self.towards(v, self.new * square(g))
    }

    #[inline(always)]
    fn mean(self, a: f32, g: f32) -> f32 {
        self.towards(a, self.new * g)
    }

    #[inline(always)]
    fn step(self, g: f32, square: f32) -> f32 {
        self.rate * g / square.sqrt()
    }

    #[inline(always)]
    fn momentum(self, m: f32, step: f32) -> f32 {
        self.momentum * m + step
    }
}

/// Divides by the root of the mean square.
#[derive(Clone, Copy)]
struct Uncentered(Step);

impl Element<1> for Uncentered {
    #[inline(always)]
    fn update(self, w: f32, g: f32, [v]: [f32; 1]) -> (f32, [f32; 1]) {
        let v = self.0.square(v, g);
        (w * self.0.keep - self.0.step(g, v + self.0.epsilon), [v])
    }
}

/// With momentum.
impl Element<2> for Uncentered {
    #[inline(always)]
    fn update(self, w: f32, g: f32, [v, m]: [f32; 2]) -> (f32, [f32; 2]) {
        let v = self.0.square(v, g);
        let m = self.0.momentum(m, self.0.step(g, v + self.0.epsilon));
        (w * self.0.keep - m, [v, m])
    }
}

/// Divides by the root of the variance.
#[derive(Clone, Copy)]
struct Centered(Step);

impl Element<2> for Centered {
    #[inline(always)]
    fn update(self, w: f32, g: f32, [v, a]: [f32; 2]) -> (f32, [f32; 2]) {
        let (v, a) = (self.0.square(v, g), self.0.mean(a, g));
        (w * self.0.keep - self.0.step(g, v + self.0.epsilon - a * a), [v, a])
    }
}

/// With momentum.
impl Element<3> for Centered {
    #[inline(always)]
    fn update(self, w: f32, g: f32, [v, m, a]: [f32; 3]) -> (f32, [f32; 3]) {
        let (v, a) = (self.0.square(v, g), self.0.mean(a, g));
        let m = self.0.momentum(m, self.0.step(g, v + self.0.epsilon - a * a));
        (w * self.0.keep - m, [v, m, a])
    }
}
