//! Models that run step by step: each step gives what the whole sequence gives there.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)] // What a helper of a test cannot do, the test cannot do.

use keras::prelude::*;
use keras::stream::{Stream, Streaming};

/// Steps of the sequences.
const STEPS: usize = 40;

model! {
    /// Every kind of layer that keeps a past, and some that need none.
    struct Filter;

    Sequential([
        Input(shape = (40, 2)),
        Conv1D(5, 3, padding = "causal", dilation_rate = 2, activation = "tanh"),
        LayerNormalization(),
        LSTM(6, return_sequences = True),
        GRU(4, return_sequences = True),
        Dropout(0.5),
        RNN(GRUCell(3, reset_after = False), return_sequences = True),
        SimpleRNN(5, return_sequences = True),
        TimeDistributed(Dense(4, activation = "relu")),
        Dense(1),
    ])
}

model! {
    /// A branch around a recurrent layer.
    struct Skip;

    let x = Input(shape = (40, 1));
    let y = Dense(1)(LSTM(8, return_sequences = True)(x));
    Model(inputs = x, outputs = Add()([x, y]))
}

model! {
    /// Words, one at a time.
    struct Words;

    Sequential([
        Input(shape = (40,), dtype = "int32"),
        Embedding(7, 3),
        GRU(4, return_sequences = True),
        Dense(7, activation = "softmax"),
    ])
}

/// A number that looks random, for each index.
fn number(i: usize) -> f32 {
    ((i * 7919) % 1009) as f32 / 504.5 - 1.0
}

fn sequence<const N: usize>() -> [[f32; N]; STEPS] {
    std::array::from_fn(|step| std::array::from_fn(|i| number(step * N + i)))
}

/// Compares the steps of a stream with the outputs of the whole sequence.
fn check<M, const N: usize>(model: &M, frames: &[M::Frame; STEPS], expected: &[[f32; N]; STEPS])
where
    M: Streaming<OutputFrame = [f32; N]>,
{
    let mut stream = Stream::<M>::new();
    for _ in 0..2 {
        for (frame, expected) in frames.iter().zip(expected) {
            let found = stream.step(model, frame);
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() <= 1e-6, "{found} {expected}");
            }
        }
        stream.reset();
    }
    let mut found = [[0.0; N]; STEPS];
    stream.block(model, &frames[..7], &mut found[..7]);
    stream.block(model, &frames[7..], &mut found[7..]);
    stream.reset();
    for (frame, found) in frames.iter().zip(found) {
        assert_eq!(stream.step(model, frame), found);
    }
}

#[test]
fn steps_are_those_of_the_whole_sequence() {
    let x = sequence::<2>();
    let model = Filter::seeded(3);
    check(&*model, &x, &model.predict(&[x])[0]);
    let x = sequence::<1>();
    let model = Skip::seeded(4);
    check(&*model, &x, &model.predict(&[x])[0]);
    let words: [i32; STEPS] = std::array::from_fn(|step| (step * 5 % 7) as i32);
    let model = Words::seeded(5);
    check(&*model, &words, &model.predict(&[words])[0]);
}

#[test]
fn silence_leaves_no_denormal_numbers() {
    let mut model = Skip::seeded(4);
    // Forget gates below 1, so that the state fades.
    model.lstm.lstm_cell.bias.fill(-3.0);
    model.lstm.lstm_cell.kernel = [[1.0; 32]];
    let mut stream = Skip::stream();
    stream.step(&model, &[1.0]);
    for _ in 0..2000 {
        stream.step(&model, &[0.0]);
    }
    let state = format!("{stream:?}");
    assert!(!state.contains("e-3") && !state.contains("e-4"), "{state}");
}

#[test]
#[should_panic(expected = "a block of 2 frames has as many outputs")]
fn a_block_of_another_length_is_refused() {
    let model = Skip::seeded(4);
    Skip::stream().block(&*model, &[[0.0]; 2], &mut [[0.0]; 3]);
}

#[test]
fn a_stream_may_be_a_static() {
    static START: Stream<Skip> = Skip::stream();
    let model = Skip::seeded(4);
    assert_eq!(START.clone().step(&*model, &[0.5]), Skip::stream().step(&*model, &[0.5]));
}
