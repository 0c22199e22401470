//! Classifies film reviews as good or bad: a bidirectional LSTM over the words of a review.
//!
//! Reads 5,000 reviews for training and 5,000 for testing from `$KERAS_HOME/datasets/text/`, the
//! files `imdb_train_5k.tsv.gz` and `imdb_test_5k.tsv.gz`: a header, then a line for each review
//! with its label, 0 or 1, in the first column and its text in the last. The last line is
//! `test_accuracy: X` with X of about 0.84.

#[path = "data/mod.rs"]
mod data;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::error::Error;

use keras::prelude::*;

model! {
    /// The probability that a review is good.
    pub struct Reviews;

    const WORDS: usize = 8_000;
    const LENGTH: usize = 240;

    Sequential([
        Input(shape = (LENGTH,), dtype = "int32"),
        Embedding(WORDS, 32, mask_zero = True),
        SpatialDropout1D(0.3),
        Bidirectional(LSTM(32, return_sequences = True)),
        GlobalAveragePooling1D(),
        Dropout(0.5),
        Dense(1, activation = "sigmoid"),
    ])
}

/// The id of what is no word; the mask leaves it out.
const PADDING: i32 = 0;
/// The id of a word that the vocabulary lacks.
const UNKNOWN: i32 = 1;
/// The id of the most frequent word.
const FIRST: i32 = 2;

/// The frequent words of some texts, each with an id.
struct Vocabulary(HashMap<String, i32>);

impl Vocabulary {
    /// The most frequent words, so many that all ids are below `Reviews::WORDS`. Of words that are
    /// equally frequent, those that come first in the alphabet.
    fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut counts: HashMap<String, usize> = HashMap::new();
        for word in texts.flat_map(words) {
            *counts.entry(word).or_default() += 1;
        }
        let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
        counts.sort_unstable_by(|(a, m), (b, n)| (Reverse(m), a).cmp(&(Reverse(n), b)));
        let words = counts.into_iter().map(|(word, _)| word);
        Vocabulary(words.zip(FIRST..Reviews::WORDS as i32).collect())
    }

    /// The ids of a text's last words, with padding behind those of a short text.
    fn encode(&self, text: &str) -> [i32; Reviews::LENGTH] {
        let ids = words(text).map(|word| self.0.get(&word).copied().unwrap_or(UNKNOWN));
        let ids: Vec<i32> = ids.collect();
        let last = &ids[ids.len().saturating_sub(Reviews::LENGTH)..];
        let mut encoded = [PADDING; Reviews::LENGTH];
        encoded[..last.len()].copy_from_slice(last);
        encoded
    }
}

/// The words of a text, in lower case and without apostrophes; marks between words, and the tags
/// that break lines, are left out.
fn words(text: &str) -> impl Iterator<Item = String> {
    let text = text.replace("<br />", " ").replace('\'', "").to_lowercase();
    let words = text.split(|letter: char| !letter.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_string).collect::<Vec<_>>().into_iter()
}

/// The label and the text of each line behind the header.
fn reviews(file: &str) -> Result<Vec<(f32, &str)>, Box<dyn Error>> {
    let lines = file.lines().skip(1).zip(2..);
    lines
        .map(|(line, number)| match (line.split('\t').next(), line.rsplit('\t').next()) {
            (Some("0"), Some(text)) => Ok((0.0, text)),
            (Some("1"), Some(text)) => Ok((1.0, text)),
            (found, _) => {
                let found = found.unwrap_or_default();
                Err(format!("line {number}: expected the label 0 or 1, found `{found}`").into())
            }
        })
        .collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    let [train, test] = ["text/imdb_train_5k.tsv.gz", "text/imdb_test_5k.tsv.gz"].map(data::read);
    let (train, test) = (train?, test?);
    let (train, test) = (reviews(&train)?, reviews(&test)?);
    let vocabulary = Vocabulary::of(train.iter().map(|(_, text)| *text));
    let encode = |reviews: &[(f32, &str)]| -> (Vec<_>, Vec<_>) {
        reviews.iter().map(|(label, text)| (vocabulary.encode(text), [*label])).unzip()
    };
    let (x, y) = encode(&train);
    let (x_test, y_test) = encode(&test);

    let mut model = Reviews::seeded(1);
    println!("{}", model.summary());
    let mut training = model
        .compile(Adam { learning_rate: 2e-3, ..Adam::default() }, BinaryCrossentropy::default())
        .metrics([BinaryAccuracy::default()]);
    let fit = Fit { batch_size: 32, epochs: 4, validation_split: 0.1, ..Fit::default() };
    training.fit(&x, &y, fit)?;
    let scores = training.evaluate(&x_test, &y_test)?;
    println!("test_accuracy: {:.4}", scores["binary_accuracy"]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Don't see it!<br /><br />It's BAD, bad ...";

    #[test]
    fn words_are_lower_case_and_without_marks() {
        assert_eq!(words(TEXT).collect::<Vec<_>>(), ["dont", "see", "it", "its", "bad", "bad"]);
    }

    #[test]
    fn frequent_words_have_the_lowest_ids() {
        let vocabulary = Vocabulary::of([TEXT, "see"].into_iter());
        let ids = vocabulary.encode("it was bad, see?");
        assert_eq!(ids[..4], [5, UNKNOWN, 2, 3]);
        assert!(ids[4..].iter().all(|id| *id == PADDING));
    }

    #[test]
    fn of_a_long_text_the_end_is_read() {
        let vocabulary = Vocabulary::of(["good bad"].into_iter());
        let ids = vocabulary.encode(&format!("{} good", "bad ".repeat(Reviews::LENGTH)));
        assert_eq!([ids[0], ids[Reviews::LENGTH - 2], ids[Reviews::LENGTH - 1]], [2, 2, 3]);
    }

    #[test]
    fn a_line_is_a_label_and_a_text() {
        let file = "label\trating\tid\ttext\n1\t9\tpos_3\tFine.\n0\t2\tneg_1\tDull.\n";
        assert_eq!(reviews(file).unwrap(), [(1.0, "Fine."), (0.0, "Dull.")]);
        let error = reviews("label\ttext\n1\ta\n2\tb\n").unwrap_err();
        assert_eq!(error.to_string(), "line 3: expected the label 0 or 1, found `2`");
    }
}
