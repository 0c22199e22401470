//! A miniature GPT: learns to continue Shakespeare, character by character, and prints a sample.
//!
//! Reads `$KERAS_HOME/datasets/text/tinyshakespeare.txt`, 1,115,394 bytes, from
//! <https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt>. The
//! last line is `val_loss: X`, the mean loss of a character of the last tenth of the text; 1.62 was
//! seen after 4 epochs.

use std::path::PathBuf;

use keras::prelude::*;

/// Characters that the model looks at.
const CONTEXT: usize = 64;
/// Different characters of the text.
const CHARACTERS: usize = 65;

model! {
    /// A transformer that says of each character which one comes next.
    pub struct MiniGpt;

    const WIDTH: usize = 128;

    let text = Input(shape = (64,), dtype = "int32", name = "text");
    let places = ops.cumsum(ops.ones_like(text), axis = 1) - 1;
    let mut x = Embedding(65, WIDTH)(text) + Embedding(64, WIDTH)(places);
    for _ in 0..4 {
        let normal = LayerNormalization(epsilon = 1e-5)(x);
        x = x + MultiHeadAttention(4, WIDTH / 4)(normal, normal, use_causal_mask = True);
        let wide = Dense(4 * WIDTH, activation = "gelu")(LayerNormalization(epsilon = 1e-5)(x));
        x = x + Dense(WIDTH)(wide);
    }
    Model(inputs = text, outputs = Dense(65)(LayerNormalization(epsilon = 1e-5)(x)))
}

const EPOCHS: usize = 4;
/// Characters from the first of a row to the first of the next.
const STRIDE: usize = 61;

/// The text as numbers, and the character that each number stands for.
fn read() -> keras::Result<(Vec<i32>, Vec<char>)> {
    let home = std::env::var_os("KERAS_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".keras"))).unwrap_or_default();
    let path = home.join("datasets/text/tinyshakespeare.txt");
    let text =
        std::fs::read_to_string(&path).map_err(|source| keras::Error::Io { path, source })?;
    let mut characters: Vec<char> = text.chars().collect();
    characters.sort_unstable();
    characters.dedup();
    assert_eq!(characters.len(), CHARACTERS, "the text is the one that the header names");
    let number = |c: char| characters.binary_search(&c).map_or(0, |number| number as i32);
    Ok((text.chars().map(number).collect(), characters))
}

/// Rows of characters, and for each character the one behind it.
fn rows(text: &[i32], stride: usize) -> (Vec<[i32; CONTEXT]>, Vec<[i32; CONTEXT]>) {
    let row = |begin: usize| std::array::from_fn(|i| text[begin + i]);
    let begins = || (0..text.len() - CONTEXT).step_by(stride);
    (begins().map(row).collect(), begins().map(|begin| row(begin + 1)).collect())
}

/// The learning rate falls along half a cosine.
fn rate(epoch: usize) -> f32 {
    3e-3 * 0.5 * (1.0 + (std::f32::consts::PI * epoch as f32 / EPOCHS as f32).cos())
}

/// Continues a text by `count` characters, each drawn by the probability that the model gives it.
fn sample(model: &MiniGpt, text: &mut Vec<i32>, count: usize) {
    let mut state = 7_u64;
    for _ in 0..count {
        let known = text.len().min(CONTEXT);
        let mut row = [0; CONTEXT];
        row[..known].copy_from_slice(&text[text.len() - known..]);
        let logits = &model.predict(&[row])[0][known - 1];
        let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weights = logits.map(|logit| (logit - largest).exp());
        // xorshift64*, Vigna 2016.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        let random = (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f32 / (1 << 24) as f32;
        let mut left = random * weights.iter().sum::<f32>();
        let next = weights.iter().position(|weight| {
            left -= weight;
            left <= 0.0
        });
        text.push(next.unwrap_or(0) as i32);
    }
}

fn main() -> keras::Result<()> {
    let (text, characters) = read()?;
    let (train, test) = text.split_at(text.len() / 10 * 9);
    let (x, y) = rows(train, STRIDE);
    let (val_x, val_y) = rows(test, CONTEXT);
    let mut model = MiniGpt::seeded(5);
    println!("{}", model.summary());
    let loss = SparseCategoricalCrossentropy {
        from_logits: true,
        ..SparseCategoricalCrossentropy::default()
    };
    let mut training = model.compile(AdamW { beta_2: 0.99, ..AdamW::default() }, loss);
    let schedule = LearningRateScheduler::new(|epoch, _| rate(epoch));
    training.fit(
        &x,
        &y,
        Fit { epochs: EPOCHS, callbacks: vec![Box::new(schedule)], ..Fit::default() },
    )?;
    let scores = training.evaluate(&val_x, &val_y)?;
    let mut text = vec![0];
    sample(&model, &mut text, 300);
    println!("{}", text.iter().map(|&c| characters[c as usize]).collect::<String>());
    println!("val_loss: {:.4}", scores["loss"]);
    Ok(())
}
