//! One step of any optimizer on the flat weights.

use core::ops::Range;

use keras_graph::plan::WeightInfo;

use super::constraint::Constrained;
use super::{MAX_SLOTS, Optimizer, Options, Progress, Square, sum};
use crate::simd::Choice;

/// Elements that a thread updates at a time. Fixed, so that the number of threads changes nothing.
const CHUNK_LEN: usize = 16 * 1024;

/// What an optimizer remembers between steps; saved with a training.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdaterState {
    /// Updates so far.
    pub iterations: u64,
    /// The learning rate of the next step.
    pub learning_rate: f32,
    /// Slots, each laid out as the weights are; the elements of untrained weights stay zero.
    pub slots: Vec<Vec<f32>>,
}

/// Applies an optimizer to the weights of one model.
#[derive(Clone, Debug)]
pub struct Updater {
    state: UpdaterState,
    /// The trained weights in pieces of at most `CHUNK_LEN`; neighbours share one.
    trained: Vec<Range<usize>>,
    /// Trained weights, for norms.
    tensors: Vec<Range<usize>>,
    /// Trained weights that have a constraint.
    constrained: Vec<Constrained>,
}

impl Updater {
    /// Fresh slots for a model's weights.
    pub fn new(optimizer: &dyn Optimizer, weights: &[WeightInfo]) -> Updater {
        let range = |w: &WeightInfo| w.offset..w.offset + w.shape.iter().product::<usize>();
        let len = weights.iter().map(|w| range(w).end).max().unwrap_or(0);
        let tensors: Vec<_> = weights.iter().filter(|w| w.trainable).map(range).collect();
        let trained = pieces(joined(&tensors));
        let slots = vec![vec![0.0; len]; optimizer.slot_count()];
        let learning_rate = optimizer.learning_rate();
        let state = UpdaterState { iterations: 0, learning_rate, slots };
        let constrained = weights.iter().filter_map(Constrained::of).collect();
        Updater { state, trained, tensors, constrained }
    }

    /// What is remembered.
    pub fn state(&self) -> &UpdaterState {
        &self.state
    }

    /// What is remembered, to be changed.
    pub fn state_mut(&mut self) -> &mut UpdaterState {
        &mut self.state
    }

    /// Moves the weights by a gradient, which is clipped in place, and projects those that have a
    /// constraint. Allocates nothing.
    pub fn step(&mut self, optimizer: &dyn Optimizer, weights: &mut [f32], gradient: &mut [f32]) {
        self.clip(optimizer.options(), gradient);
        let Updater { state, trained, .. } = self;
        let mut moving = Moving::new(state, optimizer, weights);
        moving.each(trained, &|piece, weights| weights.step(&gradient[piece]));
        drop(moving);
        self.project(weights);
    }

    /// Projects the weights that have a constraint: the end of a step. Allocates nothing.
    pub(crate) fn project(&mut self, weights: &mut [f32]) {
        self.constrained.iter_mut().for_each(|constrained| constrained.apply(weights));
    }

    /// A step whose gradient is not clipped, to be taken piece by piece; [`Updater::project`] ends
    /// it.
    pub(crate) fn moving<'a>(
        &'a mut self,
        optimizer: &'a dyn Optimizer,
        weights: &'a mut [f32],
    ) -> Moving<'a> {
        Moving::new(&mut self.state, optimizer, weights)
    }

    /// Pieces of the trained weights outside of some ranges, which come in their order. None if
    /// these are not all trained.
    pub(crate) fn pieces_outside(&self, ranges: &[Range<usize>]) -> Option<Vec<Range<usize>>> {
        let mut outside = Vec::new();
        let mut ranges = ranges.iter().peekable();
        for trained in joined(&self.tensors) {
            let mut begin = trained.start;
            while let Some(range) = ranges.next_if(|range| range.start < trained.end) {
                if range.start < begin || range.end > trained.end {
                    return None;
                }
                outside.push(begin..range.start);
                begin = range.end;
            }
            outside.push(begin..trained.end);
        }
        outside.retain(|range| !range.is_empty());
        ranges.next().is_none().then(|| pieces(outside))
    }

    fn clip(&self, options: Options, gradient: &mut [f32]) {
        let Options { clipnorm, clipvalue, global_clipnorm, .. } = options;
        if let Some(limit) = clipvalue {
            for tensor in &self.tensors {
                gradient[tensor.clone()].iter_mut().for_each(|g| *g = g.clamp(-limit, limit));
            }
        }
        if let Some(limit) = clipnorm {
            for tensor in &self.tensors {
                let gradient = &mut gradient[tensor.clone()];
                let norm = sum(gradient, Square).sqrt() as f32;
                // NaN spreads, as in Keras.
                let longer = if norm < limit { limit } else { norm };
                scale(gradient, limit / longer);
            }
        }
        if let Some(limit) = global_clipnorm {
            let squares = self.tensors.iter().map(|tensor| sum(&gradient[tensor.clone()], Square));
            let norm = squares.sum::<f64>().sqrt() as f32;
            // NaN spreads, as in Keras, where an infinite norm cannot say how far to scale down.
            let factor =
                if norm.is_finite() { limit * (1.0 / norm).min(1.0 / limit) } else { f32::NAN };
            for tensor in &self.tensors {
                scale(&mut gradient[tensor.clone()], factor);
            }
        }
    }
}

/// Ranges, in their order, with those that follow each other made one.
fn joined(ranges: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut joined: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => joined.push(range.clone()),
        }
    }
    joined
}

fn scale(values: &mut [f32], factor: f32) {
    values.iter_mut().for_each(|value| *value *= factor);
}

/// Ranges cut into pieces of at most [`CHUNK_LEN`].
fn pieces(ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    let cut = |range: Range<usize>| {
        let end = range.end;
        range.step_by(CHUNK_LEN).map(move |at| at..end.min(at + CHUNK_LEN))
    };
    ranges.into_iter().flat_map(cut).collect()
}

/// A step of an optimizer on weights and their slots, which is over when this is dropped.
pub(crate) struct Moving<'a> {
    optimizer: &'a dyn Optimizer,
    progress: Progress,
    iterations: &'a mut u64,
    weights: &'a mut [f32],
    slots: [&'a mut [f32]; MAX_SLOTS],
}

impl<'a> Moving<'a> {
    fn new(
        state: &'a mut UpdaterState,
        optimizer: &'a dyn Optimizer,
        weights: &'a mut [f32],
    ) -> Moving<'a> {
        let UpdaterState { iterations, learning_rate, slots } = state;
        let decay = optimizer.options().weight_decay;
        let keep = decay.map_or(1.0, |decay| 1.0 - decay * *learning_rate);
        let progress = Progress { learning_rate: *learning_rate, iterations: *iterations, keep };
        let mut slots = slots.iter_mut();
        let mut next = || slots.next().map_or(&mut [][..], Vec::as_mut_slice);
        let slots = [next(), next(), next()];
        Moving { optimizer, progress, iterations, weights, slots }
    }

    /// Does something with each of these pieces, which come in their order, on whatever threads
    /// there are.
    pub(crate) fn each(
        &mut self,
        pieces: &[Range<usize>],
        work: &(dyn Fn(Range<usize>, Piece<'_>) + Sync),
    ) {
        let slots = self.slots.each_mut().map(|slot| &mut **slot);
        let weights = &mut *self.weights;
        let (optimizer, progress, choice) = (self.optimizer, self.progress, Choice::current());
        let piece = Piece { optimizer, progress, choice, weights, slots };
        each_piece(pieces, 0, piece, work);
    }
}

impl Drop for Moving<'_> {
    fn drop(&mut self) {
        *self.iterations += 1;
    }
}

/// Some neighbouring weights and their slots, in the middle of a step.
pub(crate) struct Piece<'a> {
    optimizer: &'a dyn Optimizer,
    progress: Progress,
    choice: Choice,
    weights: &'a mut [f32],
    slots: [&'a mut [f32]; MAX_SLOTS],
}

impl<'a> Piece<'a> {
    /// Moves them by their gradient.
    pub(crate) fn step(self, gradient: &[f32]) {
        let Piece { optimizer, progress, choice, weights, slots } = self;
        choice.apply(|| optimizer.update(progress, weights, gradient, slots));
    }

    /// The first `middle` of them, and the others.
    fn split_at(self, middle: usize) -> (Piece<'a>, Piece<'a>) {
        let Piece { optimizer, progress, choice, weights, slots } = self;
        let (left_weights, right_weights) = weights.split_at_mut(middle);
        let mut right_slots: [&mut [f32]; MAX_SLOTS] = [&mut [], &mut [], &mut []];
        let mut left_slots: [&mut [f32]; MAX_SLOTS] = [&mut [], &mut [], &mut []];
        for (i, slot) in slots.into_iter().enumerate().filter(|(_, slot)| !slot.is_empty()) {
            (left_slots[i], right_slots[i]) = slot.split_at_mut(middle);
        }
        let piece = |weights, slots| Piece { optimizer, progress, choice, weights, slots };
        (piece(left_weights, left_slots), piece(right_weights, right_slots))
    }
}

/// Calls `work` for each of the `pieces` of what begins at element `first`, halving the list among
/// threads.
fn each_piece(
    pieces: &[Range<usize>],
    first: usize,
    all: Piece<'_>,
    work: &(dyn Fn(Range<usize>, Piece<'_>) + Sync),
) {
    match pieces {
        [] => {}
        [piece] => {
            let (_, rest) = all.split_at(piece.start - first);
            let (weights, _) = rest.split_at(piece.len());
            work(piece.clone(), weights);
        }
        pieces => {
            let (left, right) = pieces.split_at(pieces.len() / 2);
            let middle = right[0].start;
            let (left_weights, right_weights) = all.split_at(middle - first);
            let left = || each_piece(left, first, left_weights, work);
            let right = || each_piece(right, middle, right_weights, work);
            if rayon::current_num_threads() > 1 {
                rayon::join(left, right);
            } else {
                left();
                right();
            }
        }
    }
}

#[cfg(test)]
mod tests;
