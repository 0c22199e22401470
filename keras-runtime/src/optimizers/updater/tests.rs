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
        (&AdamW { learning_rate: 0.1, weight_decay: Some(0.5), ..AdamW::default() }, [0.85, 1.05]),
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
    let g: Vec<f32> = (0..72).map(|i| if i == 40 { f32::NAN } else { i as f32 - 30.5 }).collect();
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
