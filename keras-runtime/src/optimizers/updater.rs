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
mod tests {
    use super::*;
    use crate::optimizers::{Adam, AdamW, RMSprop, SGD};
    use crate::simd::{Level, with_level};
    use keras_graph::initializer::Initializer;
    use std::borrow::Cow;

    fn weights(shapes: &[(usize, bool)]) -> Vec<WeightInfo> {
        let mut offset = 0;
        let mut infos = Vec::new();
        for &(len, trainable) in shapes {
            infos.push(WeightInfo {
                field: "w".into(),
                layer: "l".into(),
                name: "w".into(),
                path: "p".into(),
                shape: Cow::Owned(vec![len]),
                offset,
                trainable,
                initializer: Initializer::ZEROS,
                l1: 0.0,
                l2: 0.0,
                constraint: None,
            });
            offset += len;
        }
        infos
    }

    fn step(optimizer: &dyn Optimizer, w: &mut [f32], g: &[f32], shapes: &[(usize, bool)]) {
        Updater::new(optimizer, &weights(shapes)).step(optimizer, w, &mut g.to_vec());
    }

    #[test]
    fn untrained_weights_stay() {
        let mut w = [1.0, 2.0, 3.0, 4.0, 5.0];
        let sgd = SGD { learning_rate: 0.5, weight_decay: Some(0.1), ..SGD::default() };
        step(&sgd, &mut w, &[1.0, -1.0, 9.0, 2.0, 0.0], &[(2, true), (1, false), (2, true)]);
        assert_eq!(w, [0.95 - 0.5, 1.9 + 0.5, 3.0, 3.8 - 1.0, 4.75]);
    }

    #[test]
    fn first_steps_are_those_of_the_formulas() {
        let g = [0.5, -2.0];
        for (optimizer, expected) in [
            (&Adam { learning_rate: 0.1, ..Adam::default() } as &dyn Optimizer, [0.9, 1.1]),
            (
                &AdamW { learning_rate: 0.1, weight_decay: Some(0.5), ..AdamW::default() },
                [0.85, 1.05],
            ),
            // v = 0.1 · g², so the step is 0.1 · g / (√0.1 · |g|).
            (&RMSprop { learning_rate: 0.1, ..RMSprop::default() }, [0.683_772_3, 1.316_227_8]),
        ] {
            let mut w = [1.0, 1.0];
            step(optimizer, &mut w, &g, &[(2, true)]);
            for (w, expected) in w.iter().zip(expected) {
                assert!((w - expected).abs() < 1e-5, "{}: {w} {expected}", optimizer.class());
            }
        }
    }

    #[test]
    fn clipping_is_by_element_tensor_or_all() {
        let shapes = [(2, true), (1, true)];
        let g = [3.0, 4.0, -12.0];
        let run = |optimizer: SGD| {
            let mut w = [0.0; 3];
            step(&SGD { learning_rate: 1.0, ..optimizer }, &mut w, &g, &shapes);
            w.map(|w| -w)
        };
        assert_eq!(run(SGD { clipvalue: Some(3.5), ..SGD::default() }), [3.0, 3.5, -3.5]);
        assert_eq!(run(SGD { clipnorm: Some(2.5), ..SGD::default() }), [1.5, 2.0, -2.5]);
        let global = run(SGD { global_clipnorm: Some(6.5), ..SGD::default() });
        for (g, expected) in global.iter().zip([1.5, 2.0, -6.0]) {
            assert!((g - expected).abs() < 1e-6);
        }
        assert_eq!(run(SGD { global_clipnorm: Some(100.0), ..SGD::default() }), g);
    }

    #[test]
    fn any_number_of_threads_gives_the_same_bits() {
        let len = 5 * CHUNK_LEN + 17;
        let shapes = [(len / 3, true), (10, false), (len - len / 3 - 10, true)];
        let g: Vec<f32> = (0..len).map(|i| ((i * 37) % 101) as f32 / 50.0 - 1.0).collect();
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let adam = Adam { amsgrad: true, ..Adam::default() };
            let mut updater = Updater::new(&adam, &weights(&shapes));
            let mut w = vec![0.5; len];
            pool.install(|| (0..3).for_each(|_| updater.step(&adam, &mut w, &mut g.clone())));
            (w, updater.state().clone())
        };
        assert_eq!(run(1), run(3));
    }

    /// Every kind of update, with the numbers of slots that it has.
    fn optimizers() -> Vec<Box<dyn Optimizer>> {
        let momentum = 0.9;
        vec![
            Box::new(SGD { weight_decay: Some(0.1), ..SGD::default() }),
            Box::new(SGD { momentum, ..SGD::default() }),
            Box::new(SGD { momentum, nesterov: true, ..SGD::default() }),
            Box::new(RMSprop::default()),
            Box::new(RMSprop { momentum, ..RMSprop::default() }),
            Box::new(RMSprop { centered: true, ..RMSprop::default() }),
            Box::new(RMSprop { momentum, centered: true, ..RMSprop::default() }),
            Box::new(Adam::default()),
            Box::new(Adam { amsgrad: true, ..Adam::default() }),
            Box::new(AdamW::default()),
        ]
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        let shapes = [(7, true), (30, true), (3, false), (101, true)];
        let g: Vec<f32> = (0..141).map(|i| ((i * 37) % 101) as f32 / 50.0 - 1.0).collect();
        for optimizer in optimizers() {
            let run = |level| {
                let mut updater = Updater::new(&*optimizer, &weights(&shapes));
                let mut w: Vec<f32> = g.iter().map(|g| 0.3 - g).collect();
                let mut steps =
                    || (0..4).for_each(|_| updater.step(&*optimizer, &mut w, &mut g.clone()));
                with_level(level, &mut steps).unwrap();
                (w, updater.state().clone())
            };
            let portable = run(Level::Portable);
            for level in Level::available() {
                assert_eq!(run(level), portable, "{:?} at {level:?}", optimizer.config());
            }
        }
    }

    /// Refuses to update at another level than the plainest.
    struct AtPortable;

    impl Optimizer for AtPortable {
        fn class(&self) -> &'static str {
            "AtPortable"
        }

        fn arguments(&self) -> Vec<(&'static str, keras_graph::value::Value)> {
            vec![]
        }

        fn learning_rate(&self) -> f32 {
            0.1
        }

        fn options(&self) -> Options {
            Options::default()
        }

        fn slot_groups(&self) -> &'static [&'static [usize]] {
            &[]
        }

        fn update(&self, _: Progress, w: &mut [f32], _: &[f32], _: [&mut [f32]; MAX_SLOTS]) {
            assert_eq!(Level::current(), Level::Portable);
            w.fill(1.0);
        }
    }

    #[test]
    fn all_threads_update_at_the_level_of_the_caller() {
        let len = 64 * CHUNK_LEN;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let mut w = vec![0.0; len];
        let mut update = || step(&AtPortable, &mut w, &vec![0.0; len], &[(len, true)]);
        pool.install(|| with_level(Level::Portable, &mut update).unwrap());
        assert!(w.iter().all(|w| *w == 1.0));
    }

    /// Every kind of update, at a rate where weights decay by a twentieth a step.
    fn decaying() -> Vec<Box<dyn Optimizer>> {
        let (momentum, weight_decay) = (0.9, Some(0.5));
        let sgd = SGD { learning_rate: 0.1, weight_decay, ..SGD::default() };
        let rmsprop = RMSprop { learning_rate: 0.1, weight_decay, ..RMSprop::default() };
        let adam = Adam { learning_rate: 0.1, beta_2: 0.99, weight_decay, ..Adam::default() };
        vec![
            Box::new(sgd),
            Box::new(SGD { momentum, ..sgd }),
            Box::new(SGD { momentum, nesterov: true, ..sgd }),
            Box::new(rmsprop),
            Box::new(RMSprop { momentum, ..rmsprop }),
            Box::new(RMSprop { centered: true, ..rmsprop }),
            Box::new(RMSprop { momentum, centered: true, ..rmsprop }),
            Box::new(adam),
        ]
    }

    #[test]
    fn what_decays_ends_at_zero_and_is_never_subnormal() {
        let shapes = [(67, true)];
        // Small enough that means of squares come down in some thousand steps, and the smallest
        // have a square of zero.
        let g: Vec<f32> = (0..67).map(|i| (i as f32 - 33.5) * 1e-17 / 3f32.powi(i % 5)).collect();
        for optimizer in decaying() {
            let mut updater = Updater::new(&*optimizer, &weights(&shapes));
            let mut w: Vec<f32> = g.iter().map(|g| g * 1e-15).collect();
            updater.step(&*optimizer, &mut w, &mut g.clone());
            for _ in 0..4000 {
                updater.step(&*optimizer, &mut w, &mut [0.0; 67]);
                for values in updater.state().slots.iter().chain([&w]) {
                    assert!(values.iter().all(|v| !v.is_subnormal()), "{:?}", optimizer.config());
                }
            }
            for values in updater.state().slots.iter().chain([&w]) {
                assert!(values.iter().all(|v| *v == 0.0), "{:?}", optimizer.config());
            }
        }
    }

    #[test]
    fn nan_reaches_its_weight_alone_at_every_level() {
        let shapes = [(67, true), (5, true)];
        let g: Vec<f32> =
            (0..72).map(|i| if i == 40 { f32::NAN } else { i as f32 - 30.5 }).collect();
        for optimizer in optimizers() {
            for level in Level::available() {
                let mut updater = Updater::new(&*optimizer, &weights(&shapes));
                let mut w = vec![0.5; 72];
                let mut steps = || {
                    updater.step(&*optimizer, &mut w, &mut g.clone());
                    updater.step(&*optimizer, &mut w, &mut [1.0; 72]);
                };
                with_level(level, &mut steps).unwrap();
                for values in updater.state().slots.iter().chain([&w]) {
                    let nan = values.iter().enumerate().filter(|(_, x)| x.is_nan());
                    let nan: Vec<usize> = nan.map(|(i, _)| i).collect();
                    assert_eq!(nan, [40], "{:?} at {level:?}", optimizer.config());
                }
            }
        }
    }

    #[test]
    fn a_norm_that_is_none_spreads() {
        let (g, shapes) = ([1.0, f32::NAN, 2.0], [(2, true), (1, true)]);
        let nan = |optimizer: SGD| {
            let mut w = [0.0; 3];
            step(&optimizer, &mut w, &g, &shapes);
            w.map(f32::is_nan)
        };
        let clipped = SGD { clipvalue: Some(1.0), ..SGD::default() };
        assert_eq!(nan(clipped), [false, true, false]);
        let clipped = SGD { clipnorm: Some(1.0), ..SGD::default() };
        assert_eq!(nan(clipped), [true, true, false]);
        let clipped = SGD { global_clipnorm: Some(1.0), ..SGD::default() };
        assert_eq!(nan(clipped), [true; 3]);
    }

    #[test]
    fn gradients_of_denormal_squares_leave_no_trace() {
        // 2^-63 is the least number whose square is normal.
        let g = [1e-20, -1e-19, 2f32.powi(-63), -3e-19, f32::NAN];
        let adam = Adam { beta_2: 0.0, ..Adam::default() };
        let mut updater = Updater::new(&adam, &weights(&[(5, true)]));
        updater.step(&adam, &mut [0.0; 5], &mut g.clone());
        let v = &updater.state().slots[1];
        assert_eq!(v[..4], [0.0, 0.0, f32::MIN_POSITIVE, g[3] * g[3]]);
        assert!(v[4].is_nan());
    }

    #[test]
    fn neighbours_are_updated_together() {
        assert_eq!(joined(&[0..3, 3..5, 6..9, 9..10]), [0..5, 6..10]);
        assert!(joined(&[]).is_empty());
    }

    #[test]
    fn senseless_settings_are_named() {
        let both = SGD { clipnorm: Some(1.0), clipvalue: Some(1.0), ..SGD::default() };
        assert_eq!(
            both.check().unwrap_err().to_string(),
            "`SGD`: `clipvalue`: expected only one of clipnorm, clipvalue and global_clipnorm, \
             found clipnorm and clipvalue"
        );
        let rate = Adam { learning_rate: f32::NAN, ..Adam::default() };
        assert_eq!(
            rate.check().unwrap_err().to_string(),
            "`Adam`: `learning_rate`: expected a finite number of at least 0, found NaN"
        );
        assert!(Adam { beta_1: 1.5, ..Adam::default() }.check().is_err());
        assert!(AdamW::default().check().is_ok());
    }
}
