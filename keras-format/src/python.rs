//! JSON as Python writes it: with `Infinity`, `-Infinity` and `NaN`, which JSON does not have.
//!
//! `serde_json` has no number for them either. In a tree they are objects of one key,
//! `{"__float__": "Infinity"}`, which no object of Keras looks like; as text they are Python's
//! words again. Source: Python 3.11 `json`, `allow_nan`.

use serde_json::{Value as Json, json};

/// The only key of a number that is not finite.
const KEY: &str = "__float__";
/// Python's words, and the numbers.
const WORDS: [(&str, f64); 3] =
    [("-Infinity", f64::NEG_INFINITY), ("Infinity", f64::INFINITY), ("NaN", f64::NAN)];

/// Reads JSON of Python. Errors: those of `serde_json`.
pub fn from_slice(bytes: &[u8]) -> serde_json::Result<Json> {
    serde_json::from_slice(bytes).or_else(|error| match framed(bytes) {
        Some(framed) => serde_json::from_slice(&framed),
        None => Err(error),
    })
}

/// The JSON that Python reads.
pub fn to_string(json: &Json) -> String {
    // No text of the tree looks like the frame, since its quotes are escaped.
    WORDS.iter().fold(json.to_string(), |text, (word, _)| {
        text.replace(&format!("{{\"{KEY}\":\"{word}\"}}"), word)
    })
}

/// A number that is not finite, as it stands in a tree. None if it is finite.
pub(crate) fn float(value: f64) -> Option<Json> {
    let same = |number: f64| number == value || (number.is_nan() && value.is_nan());
    WORDS.iter().find(|(_, number)| same(*number)).map(|(word, _)| json!({ KEY: word }))
}

/// The number that stands in a tree.
pub(crate) fn as_float(json: &Json) -> Option<f64> {
    let fields = json.as_object().filter(|fields| fields.len() == 1)?;
    let text = fields.get(KEY)?.as_str()?;
    WORDS.iter().find(|(word, _)| *word == text).map(|(_, number)| *number)
}

/// The text with each of Python's words in a frame; none if it has none of them.
fn framed(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut framed = Vec::new();
    let (mut is_text, mut is_escaped, mut found) = (false, false, false);
    let mut rest = bytes;
    while let [byte, after @ ..] = rest {
        let word = WORDS.iter().find(|(word, _)| rest.starts_with(word.as_bytes()));
        if let Some((word, _)) = word.filter(|_| !is_text) {
            framed.extend_from_slice(format!("{{\"{KEY}\":\"{word}\"}}").as_bytes());
            rest = &rest[word.len()..];
            found = true;
            continue;
        }
        (is_text, is_escaped) = match byte {
            b'"' if !is_escaped => (!is_text, false),
            b'\\' if is_text => (true, !is_escaped),
            _ => (is_text, false),
        };
        framed.push(*byte);
        rest = after;
    }
    found.then_some(framed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_python_are_numbers_and_in_texts_words() {
        let text = r#"{"a":[Infinity,-Infinity,NaN,-1.5],"b":"NaN \" Infinity \\","c":"\"NaN"}"#;
        let json = from_slice(text.as_bytes()).expect("JSON of Python");
        let number = |i: usize| as_float(&json["a"][i]);
        assert_eq!((number(0), number(1)), (Some(f64::INFINITY), Some(f64::NEG_INFINITY)));
        assert!(number(2).is_some_and(f64::is_nan) && number(3).is_none());
        assert_eq!((&json["b"], &json["c"]), (&json!("NaN \" Infinity \\"), &json!("\"NaN")));
        assert_eq!(to_string(&json), text);
        for value in [f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(float(value).as_ref().and_then(as_float), Some(value));
        }
        assert!(float(1.0).is_none());
    }

    #[test]
    fn other_mistakes_stay_errors() {
        for text in ["{\"a\": Inf}", "[1,", "", "NaNa", "{NaN: 1}"] {
            assert!(from_slice(text.as_bytes()).is_err(), "{text}");
        }
    }
}
