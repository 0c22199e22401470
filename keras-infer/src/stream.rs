//! Streams: a model of sequences, run step by step.

use core::fmt;

use crate::array::Array;
use crate::infer::Infer;

/// States below this are 0: denormal numbers slow a processor down, and nobody hears them.
const LEAST: f32 = 1e-30;

/// A model that can run step by step: what it needs of the past is a state of fixed length.
/// `model!` implements it for a model whose layers look backwards only.
pub trait Streaming: Infer {
    /// One step of the input.
    type Frame: Array;
    /// One step of the output.
    type OutputFrame: Array<Element = f32>;
    /// What is kept between steps, `[f32; N]`.
    type State: Array<Element = f32>;
    /// Scratch of one step, `[f32; N]`.
    type StepScratch: Array<Element = f32>;

    /// Computes one step; `state` is that before it, and becomes that behind it. Panics: if a slice
    /// is shorter than the array of its type.
    fn step_into(
        &self,
        state: &mut [f32],
        scratch: &mut [f32],
        frame: &Self::Frame,
        y: &mut Self::OutputFrame,
    );
}

/// A stream: the state of a model that runs step by step, and its scratch. It lies where it is
/// declared; nothing is allocated, nothing is locked.
///
/// Each step gives what the model would give for the whole sequence so far at its last step.
///
/// ```
/// # use keras_infer::stream::{Stream, Streaming};
/// # fn run<M>(model: &M, samples: &mut [f32])
/// # where
/// #     M: Streaming<Frame = [f32; 1], OutputFrame = [f32; 1]>,
/// # {
/// let mut stream = Stream::<M>::new();
/// for sample in samples {
///     [*sample] = stream.step(model, &[*sample]);
/// }
/// # }
/// ```
pub struct Stream<M: Streaming> {
    state: M::State,
    scratch: M::StepScratch,
}

impl<M: Streaming> Clone for Stream<M> {
    fn clone(&self) -> Stream<M> {
        let mut stream = Stream::new();
        let state = M::State::flat_mut(core::slice::from_mut(&mut stream.state));
        state.copy_from_slice(M::State::flat(core::slice::from_ref(&self.state)));
        stream
    }
}

impl<M: Streaming> fmt::Debug for Stream<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = M::State::flat(core::slice::from_ref(&self.state));
        f.debug_struct("Stream").field("state", &state).finish_non_exhaustive()
    }
}

impl<M: Streaming> Default for Stream<M> {
    fn default() -> Stream<M> {
        Stream::new()
    }
}

impl<M: Streaming> Stream<M> {
    /// A stream before its first step: all states are zero.
    pub const fn new() -> Stream<M> {
        Stream { state: M::State::ZERO, scratch: M::StepScratch::ZERO }
    }

    /// Back to before the first step.
    pub fn reset(&mut self) {
        M::State::flat_mut(core::slice::from_mut(&mut self.state)).fill(0.0);
    }

    /// The output of the next step.
    #[inline]
    pub fn step(&mut self, model: &M, frame: &M::Frame) -> M::OutputFrame {
        let mut y = M::OutputFrame::ZERO;
        self.step_to(model, frame, &mut y);
        y
    }

    /// The outputs of the next steps, one for each frame. Panics: if there are not as many outputs
    /// as frames.
    pub fn block(&mut self, model: &M, frames: &[M::Frame], outputs: &mut [M::OutputFrame]) {
        let (found, expected) = (outputs.len(), frames.len());
        assert_eq!(found, expected, "a block of {expected} frames has as many outputs");
        for (frame, y) in frames.iter().zip(outputs) {
            self.step_to(model, frame, y);
        }
    }

    #[inline]
    fn step_to(&mut self, model: &M, frame: &M::Frame, y: &mut M::OutputFrame) {
        let state = M::State::flat_mut(core::slice::from_mut(&mut self.state));
        let scratch = M::StepScratch::flat_mut(core::slice::from_mut(&mut self.scratch));
        model.step_into(state, scratch, frame, y);
        for state in state {
            *state = if state.abs() < LEAST { 0.0 } else { *state };
        }
    }
}
