//! Translates dates in words, such as `the twenty-first of march 1987`, to ISO dates: an encoder
//! whose states start a decoder.
//!
//! The decoder learns with teacher forcing: it reads the true characters so far and answers with
//! the next one. To translate, `Encoder` and `Decoder` run with the weights of the model that was
//! trained, step by step, and the decoder reads what it wrote itself. The dates are made here, from
//! a fixed seed; those of the test are not among those that were learned. The last line is
//! `test_accuracy: X`, the share of translations without a mistake; 1.0 was seen.

#[path = "translate_dates/dates.rs"]
mod dates;

use std::collections::HashSet;

use dates::{Date, Random};
use keras::prelude::*;

model! {
    /// The next character of an ISO date, from a date in words and the characters before it.
    pub struct Translator;

    const WORDS: usize = 36;
    const ISO: usize = 10;
    const LETTERS: usize = 40;
    const SYMBOLS: usize = 12;
    const UNITS: usize = 96;

    let words = Input(shape = (WORDS,), dtype = "int32", name = "words");
    let before = Input(shape = (ISO,), dtype = "int32", name = "before");
    let letters = Embedding(LETTERS, 16, mask_zero = True, name = "letters")(words);
    let (_, h, c) = LSTM(UNITS, return_state = True, name = "encoder")(letters);
    let symbols = Embedding(SYMBOLS, 16, name = "symbols")(before);
    let decoded = LSTM(UNITS, return_sequences = True, name = "decoder")(
        symbols, initial_state = [h, c],
    );
    let next = Dense(SYMBOLS, activation = "softmax", name = "next")(decoded);
    Model(inputs = [words, before], outputs = next)
}

model! {
    /// The states behind a date in words.
    pub struct Encoder;

    const WORDS: usize = 36;
    const LETTERS: usize = 40;
    const UNITS: usize = 96;

    let words = Input(shape = (WORDS,), dtype = "int32", name = "words");
    let letters = Embedding(LETTERS, 16, mask_zero = True, name = "letters")(words);
    let (_, h, c) = LSTM(UNITS, return_state = True, name = "encoder")(letters);
    Model(inputs = words, outputs = [Identity(name = "h")(h), Identity(name = "c")(c)])
}

model! {
    /// One step of the decoder: the next character, and the states behind it.
    pub struct Decoder;

    const SYMBOLS: usize = 12;
    const UNITS: usize = 96;

    let before = Input(shape = (1,), dtype = "int32", name = "before");
    let old_h = Input(shape = (UNITS,), name = "old_h");
    let old_c = Input(shape = (UNITS,), name = "old_c");
    let symbols = Embedding(SYMBOLS, 16, name = "symbols")(before);
    let (y, h, c) = LSTM(UNITS, return_state = True, name = "decoder")(
        symbols, initial_state = [old_h, old_c],
    );
    let next = Dense(SYMBOLS, activation = "softmax", name = "next")(y);
    Model(
        inputs = [before, old_h, old_c],
        outputs = [next, Identity(name = "h")(h), Identity(name = "c")(c)],
    )
}

/// The characters of words; index 0 is padding.
const LETTERS: &str = "\0 -,0123456789abcdefghijklmnopqrstuvwxyz";
/// The characters of ISO dates; the first one starts a translation.
const SYMBOLS: &str = "\n-0123456789";
const START: i32 = 0;

const TRAIN: usize = 12_000;
const TEST: usize = 1_000;
const EPOCHS: usize = 10;

fn index(alphabet: &str, character: char) -> i32 {
    alphabet.find(character).expect("the alphabet has every character of a date") as i32
}

fn encode_words(words: &str) -> [i32; Translator::WORDS] {
    let mut encoded = [0; Translator::WORDS];
    for (code, letter) in encoded.iter_mut().zip(words.chars()) {
        *code = index(LETTERS, letter);
    }
    encoded
}

/// What the model reads and what it is to answer.
fn example(words: &str, date: Date) -> (TranslatorInputs, [u32; Translator::ISO]) {
    let mut target = [0; Translator::ISO];
    for (code, symbol) in target.iter_mut().zip(date.to_string().chars()) {
        *code = index(SYMBOLS, symbol);
    }
    let mut before = [START; Translator::ISO];
    before[1..].copy_from_slice(&target[..Translator::ISO - 1]);
    (TranslatorInputs { words: encode_words(words), before }, target.map(i32::cast_unsigned))
}

/// Dates in words; none of the dates is in `known`.
fn draw(count: usize, random: &mut Random, known: &HashSet<Date>) -> Vec<(String, Date)> {
    let dates = std::iter::from_fn(|| Some(Date::draw(random)));
    let unknown: Vec<Date> = dates.filter(|date| !known.contains(date)).take(count).collect();
    unknown.into_iter().map(|date| (date.in_words(random), date)).collect()
}

/// Copies the weights that two models have in common.
fn copy<A: Model, B: Model>(from: &A, to: &mut B) {
    for weight in B::WEIGHTS {
        let same = A::WEIGHTS.iter().find(|other| other.field == weight.field);
        let same = same.expect("a weight of the model that was trained");
        let len: usize = weight.shape.iter().product();
        let values = &from.weights()[same.offset..][..len];
        to.weights_mut()[weight.offset..][..len].copy_from_slice(values);
    }
}

/// Decodes step by step: each step reads the most probable character of the one before.
fn translate(encoder: &Encoder, decoder: &Decoder, words: &str) -> String {
    let EncoderOutputs { h, c } = encoder.call(&encode_words(words));
    let mut step = DecoderInputs { before: [START], old_h: h, old_c: c };
    let mut translation = String::new();
    for _ in 0..Translator::ISO {
        let DecoderOutputs { next, h, c } = decoder.call(&step);
        let best = (0..next.len()).max_by(|&a, &b| next[a].total_cmp(&next[b])).unwrap_or(0);
        translation.extend(SYMBOLS.chars().nth(best));
        step = DecoderInputs { before: [best as i32], old_h: h, old_c: c };
    }
    translation
}

/// The learning rate falls along half a cosine.
fn rate(epoch: usize) -> f32 {
    5e-3 * 0.5 * (1.0 + (std::f32::consts::PI * epoch as f32 / EPOCHS as f32).cos())
}

fn main() -> keras::Result<()> {
    let mut random = Random::new(1);
    let train = draw(TRAIN, &mut random, &HashSet::new());
    let known = train.iter().map(|(_, date)| *date).collect();
    let test = draw(TEST, &mut random, &known);
    let (x, y): (Vec<_>, Vec<_>) = train.iter().map(|(words, date)| example(words, *date)).unzip();

    let mut model = Translator::seeded(1);
    println!("{}", model.summary());
    let mut training = model
        .compile(Adam::default(), SparseCategoricalCrossentropy::default())
        .metrics([SparseCategoricalAccuracy::default()]);
    let schedule = LearningRateScheduler::new(|epoch, _| rate(epoch));
    training.fit(
        &x,
        &y,
        Fit {
            batch_size: 64,
            epochs: EPOCHS,
            callbacks: vec![Box::new(schedule)],
            ..Fit::default()
        },
    )?;

    let (mut encoder, mut decoder) = (Encoder::seeded(0), Decoder::seeded(0));
    copy(&*model, &mut *encoder);
    copy(&*model, &mut *decoder);
    let mut right = 0;
    for (i, (words, date)) in test.iter().enumerate() {
        let translation = translate(&encoder, &decoder, words);
        if i < 5 {
            println!("{words:36} {translation}");
        }
        right += usize::from(translation == date.to_string());
    }
    println!("test_accuracy: {:.4}", right as f32 / test.len() as f32);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both ways to decode are the same: by steps, and by the model that is trained.
    #[test]
    fn steps_answer_as_the_model_that_was_trained() {
        let model = Translator::seeded(3);
        let (mut encoder, mut decoder) = (Encoder::seeded(4), Decoder::seeded(5));
        copy(&*model, &mut *encoder);
        copy(&*model, &mut *decoder);
        let words = "march 3, 1987";
        let translation = translate(&encoder, &decoder, words);
        let mut before = [START; Translator::ISO];
        for (i, symbol) in translation.chars().enumerate() {
            let inputs = TranslatorInputs { words: encode_words(words), before };
            let next: [[f32; Translator::SYMBOLS]; Translator::ISO] = model.call(&inputs);
            let code = index(SYMBOLS, symbol);
            assert!(next[i].iter().all(|p| *p <= next[i][code as usize] + 1e-6));
            if let Some(place) = before.get_mut(i + 1) {
                *place = code;
            }
        }
    }

    #[test]
    fn an_example_is_answered_one_step_late() {
        let date = Date { year: 1987, month: 3, day: 21 };
        let (TranslatorInputs { words, before }, target) = example("21 march", date);
        assert_eq!(before, [START, 3, 11, 10, 9, 1, 2, 5, 1, 4]);
        assert_eq!(target, [3, 11, 10, 9, 1, 2, 5, 1, 4, 3]);
        assert_eq!(words[..4], [6, 5, 1, 26]);
        assert_eq!(words[8..], [0; 28]);
    }

    #[test]
    fn dates_of_the_test_are_new() {
        let mut random = Random::new(2);
        let known: HashSet<Date> =
            draw(5_000, &mut random, &HashSet::new()).iter().map(|(_, date)| *date).collect();
        let test = draw(500, &mut random, &known);
        assert!(test.len() == 500 && test.iter().all(|(_, date)| !known.contains(date)));
    }
}
