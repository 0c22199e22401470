//! Optimizers: how a gradient moves the weights.
//!
//! An optimizer is a function of one element and its *slots* (momentum and the like), applied in
//! one pass over the flat weights in fixed chunks, on as many threads as there are, with the
//! vectors of the processor ([`simd`](crate::simd)). [`Updater`] keeps the slots and does what all
//! optimizers share, in Keras' order: clip the gradient, decay the weights, update. Weights and
//! slots hold no denormal number afterwards. Source: Keras 3.15 `optimizers/base_optimizer.py`.

mod adam;
mod constraint;
mod rmsprop;
mod sgd;
mod sums;
mod updater;

pub use adam::{Adam, AdamW};
pub use rmsprop::RMSprop;
pub use sgd::SGD;
pub(crate) use sums::{Square, Term, sum};
pub(crate) use updater::Moving;
pub use updater::{Updater, UpdaterState};

use keras_graph::value::Value;

use crate::error::{Error, Result};
use crate::simd::{Kernel, Simd, dispatch};

/// What every optimizer can do to gradients and weights before its own update.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Options {
    /// `w -= weight_decay · learning_rate · w` for every trained weight.
    pub weight_decay: Option<f32>,
    /// Each weight's gradient is scaled down to this L2 norm.
    pub clipnorm: Option<f32>,
    /// Each element of the gradient is kept within plus and minus this.
    pub clipvalue: Option<f32>,
    /// The whole gradient is scaled down to this L2 norm.
    pub global_clipnorm: Option<f32>,
}

impl Options {
    /// Whether gradients are clipped.
    pub(crate) fn clips(&self) -> bool {
        [self.clipnorm, self.clipvalue, self.global_clipnorm].iter().any(Option::is_some)
    }
}

/// Where training stands, as an update needs to know it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// The learning rate of this step.
    pub learning_rate: f32,
    /// Updates before this one.
    pub iterations: u64,
    /// What the weights are multiplied by before the update: `1 - weight_decay · learning_rate`, or
    /// 1.
    pub keep: f32,
}

/// An optimizer.
pub trait Optimizer: Send + Sync {
    /// Keras' class.
    fn class(&self) -> &'static str;

    /// Its own arguments, as Keras' configuration names them, without those of [`Options`] and the
    /// learning rate.
    fn arguments(&self) -> Vec<(&'static str, Value)>;

    /// The learning rate that training starts with.
    fn learning_rate(&self) -> f32;

    /// Clipping and weight decay.
    fn options(&self) -> Options;

    /// The slots in the groups that Keras saves: of a group, all slots of a weight stand together.
    /// Adam's momentum and velocity are one group, `[[0, 1]]`; RMSprop's velocities come before all
    /// of its momenta, `[[0], [1]]`.
    fn slot_groups(&self) -> &'static [&'static [usize]];

    /// Multiplies the weights `w` by `progress.keep`, then moves them by the gradient `g`; `slots`
    /// are those of the same elements.
    ///
    /// Called for parts of the weights, from several threads: an element must depend on its own
    /// numbers alone.
    fn update(&self, progress: Progress, w: &mut [f32], g: &[f32], slots: [&mut [f32]; MAX_SLOTS]);

    /// Refuses settings that make no sense. Errors: more than one kind of clipping, a rate that is
    /// negative or not finite, a momentum outside of `[0, 1]`.
    fn check(&self) -> Result<()> {
        let Options { weight_decay, clipnorm, clipvalue, global_clipnorm } = self.options();
        let wrong = |argument: &str, expected: &str, found: String| Error::InvalidOptimizer {
            optimizer: self.class(),
            argument: argument.to_string(),
            expected: expected.to_string(),
            found,
        };
        let clips = [
            ("clipnorm", clipnorm),
            ("clipvalue", clipvalue),
            ("global_clipnorm", global_clipnorm),
        ];
        let given: Vec<&str> = clips.iter().filter(|(_, v)| v.is_some()).map(|(n, _)| *n).collect();
        if given.len() > 1 {
            return Err(wrong(
                given[1],
                "only one of clipnorm, clipvalue and global_clipnorm",
                given.join(" and "),
            ));
        }
        let numbers =
            [("learning_rate", Some(self.learning_rate())), ("weight_decay", weight_decay)];
        for (name, value) in numbers.into_iter().chain(clips) {
            if let Some(value) = value.filter(|value| !value.is_finite() || *value < 0.0) {
                return Err(wrong(name, "a finite number of at least 0", value.to_string()));
            }
        }
        for (name, value) in self.arguments() {
            let share = ["momentum", "rho", "beta_1", "beta_2"].contains(&name);
            if let Value::Float(value) = value
                && (!value.is_finite() || value < 0.0 || (share && value > 1.0))
            {
                let expected =
                    if share { "a number in [0, 1]" } else { "a finite number of at least 0" };
                return Err(wrong(name, expected, value.to_string()));
            }
        }
        Ok(())
    }

    /// Number of slots per weight.
    fn slot_count(&self) -> usize {
        self.slot_groups().iter().map(|group| group.len()).sum()
    }

    /// Keras' configuration.
    fn config(&self) -> Vec<(&'static str, Value)> {
        let optional = |value: Option<f32>| value.map_or(Value::None, Value::from);
        let options = self.options();
        let mut config = vec![
            ("name", Value::Str(keras_graph::names::snake_case(self.class()))),
            ("learning_rate", Value::from(self.learning_rate())),
            ("weight_decay", optional(options.weight_decay)),
            ("clipnorm", optional(options.clipnorm)),
            ("global_clipnorm", optional(options.global_clipnorm)),
            ("clipvalue", optional(options.clipvalue)),
            ("use_ema", Value::Bool(false)),
            ("ema_momentum", Value::Float(0.99)),
            ("ema_overwrite_frequency", Value::None),
            ("loss_scale_factor", Value::None),
            ("gradient_accumulation_steps", Value::None),
        ];
        config.extend(self.arguments());
        config
    }
}

/// Most slots that an optimizer keeps per weight; slots that it does not use are empty.
pub const MAX_SLOTS: usize = 3;

/// `1 - share` as Keras has it, which subtracts in 64 bits: the complement of 0.999 is 0.001, while
/// that of the 32-bit number next to 0.999 differs in the fifth digit.
pub(crate) fn complement(share: f32) -> f32 {
    /// Below 1, 32 bits tell numbers of so many decimals apart.
    const DECIMALS: f64 = 1e7;
    (1.0 - (f64::from(share) * DECIMALS).round() / DECIMALS) as f32
}

/// Zero in place of a denormal number, which many processors are slow on. A moving average that
/// decays would stay one for long.
#[inline(always)]
pub(crate) fn flush(x: f32) -> f32 {
    if x.abs() < f32::MIN_POSITIVE { 0.0 } else { x }
}

/// `g²`, or zero where that would be denormal.
#[inline(always)]
fn square(g: f32) -> f32 {
    /// The root of the least normal number, `2^-126`.
    const ROOT: f32 = f32::from_bits((127 - 63) << 23);
    if g.abs() < ROOT { 0.0 } else { g * g }
}

/// The numbers of one element while it is updated: the weight, its gradient, `N` slots.
trait Element<const N: usize>: Copy {
    /// Moves the weight and the slots.
    fn update(self, w: f32, g: f32, slots: [f32; N]) -> (f32, [f32; N]);

    /// As [`Element::update`], with zero in place of denormal numbers: what decays ends there, in
    /// place of staying the smallest number that there is.
    #[inline(always)]
    fn updated(self, w: f32, g: f32, slots: [f32; N]) -> (f32, [f32; N]) {
        let (w, slots) = self.update(w, g, slots);
        (flush(w), slots.map(flush))
    }
}

/// Updates all elements in one pass. Plain loops that the compiler vectorises for each instruction
/// set; no multiply-add is fused, so that the bits are the same on all of them. Panics: if the
/// lengths differ.
fn each_element<const N: usize>(
    w: &mut [f32],
    g: &[f32],
    slots: [&mut [f32]; N],
    element: impl Element<N>,
) {
    dispatch(Pass { w, g, slots, element });
}

struct Pass<'a, E, const N: usize> {
    w: &'a mut [f32],
    g: &'a [f32],
    slots: [&'a mut [f32]; N],
    element: E,
}

/// Elements of a vector's worth of work: a fixed number, which the compiler unrolls into vectors of
/// any length.
const GROUP: usize = 32;

impl<E: Element<N>, const N: usize> Kernel for Pass<'_, E, N> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Pass { w, g, slots, element } = self;
        let len = w.len();
        assert_eq!(g.len(), len, "a gradient for each weight");
        assert!(slots.iter().all(|slot| slot.len() == len), "a slot for each weight");
        let (w, w_rest) = w.as_chunks_mut::<GROUP>();
        let (g, g_rest) = g.as_chunks::<GROUP>();
        let parts = slots.map(|slot| slot.as_chunks_mut::<GROUP>());
        for (i, (w, g)) in w.iter_mut().zip(g).enumerate() {
            // Copies, which stay in registers: the compiler cannot know that slots do not overlap.
            let (mut weights, gradient) = (*w, *g);
            let mut group: [[f32; GROUP]; N] = core::array::from_fn(|s| parts[s].0[i]);
            for e in 0..GROUP {
                let slots = core::array::from_fn(|s| group[s][e]);
                let (weight, slots) = element.updated(weights[e], gradient[e], slots);
                weights[e] = weight;
                for s in 0..N {
                    group[s][e] = slots[s];
                }
            }
            *w = weights;
            for s in 0..N {
                parts[s].0[i] = group[s];
            }
        }
        for (i, (w, g)) in w_rest.iter_mut().zip(g_rest).enumerate() {
            let (weight, slots) = element.updated(*w, *g, core::array::from_fn(|s| parts[s].1[i]));
            *w = weight;
            for s in 0..N {
                parts[s].1[i] = slots[s];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::complement;

    #[test]
    fn a_complement_is_that_of_the_digits() {
        let complements = [0.999, 0.9, 0.99, 0.95, 0.25, 0.0, 1.0].map(complement);
        assert_eq!(complements, [0.001, 0.1, 0.01, 0.05, 0.75, 1.0, 0.0]);
        assert_ne!(1.0 - 0.999f32, 0.001);
    }
}
