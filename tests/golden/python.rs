//! The Python of the reference data's `code` fields: one call with literal arguments, e.g.
//! `Dense(4, kernel_regularizer=regularizers.L2(0.01))`.

use keras_graph::layers::Entry;
use keras_graph::value::{Argument, Object, Value};

/// Parses a call. Panics on anything else: the cases are fixed files.
pub(crate) fn call(code: &str) -> Object {
    let mut parser = Parser { text: code.as_bytes(), at: 0 };
    match parser.value() {
        Value::Object(object) | Value::Layer(object) => object,
        other => panic!("expected a call, found {other}"),
    }
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
}

impl Parser<'_> {
    fn peek(&mut self) -> Option<u8> {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.text.get(self.at).copied()
    }

    fn eat(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self) -> String {
        let from = self.at;
        while self.text.get(self.at).is_some_and(|c| c.is_ascii_alphanumeric() || b"_.".contains(c))
        {
            self.at += 1;
        }
        String::from_utf8_lossy(&self.text[from..self.at]).into_owned()
    }

    /// A literal, perhaps divided by another.
    fn value(&mut self) -> Value {
        let value = self.atom();
        if !self.eat(b'/') {
            return value;
        }
        match (value, self.atom()) {
            (Value::Float(a), Value::Float(b)) => Value::Float(a / b),
            (a, b) => panic!("cannot divide {a} by {b}"),
        }
    }

    fn atom(&mut self) -> Value {
        match self.peek().expect("a value") {
            b'(' => self.list(b'(', b')'),
            b'[' => self.list(b'[', b']'),
            b'"' => {
                self.at += 1;
                let from = self.at;
                while self.text[self.at] != b'"' {
                    self.at += 1;
                }
                self.at += 1;
                Value::Str(String::from_utf8_lossy(&self.text[from..self.at - 1]).into_owned())
            }
            b'-' | b'0'..=b'9' => self.number(),
            _ => self.name(),
        }
    }

    fn list(&mut self, open: u8, close: u8) -> Value {
        assert!(self.eat(open));
        let mut items = Vec::new();
        while !self.eat(close) {
            items.push(self.value());
            self.eat(b',');
        }
        Value::List(items)
    }

    fn number(&mut self) -> Value {
        let from = self.at;
        while self.text.get(self.at).is_some_and(|c| {
            c.is_ascii_digit()
                || b".e".contains(c)
                || (b"-+".contains(c) && (self.at == from || self.text[self.at - 1] == b'e'))
        }) {
            self.at += 1;
        }
        let text = String::from_utf8_lossy(&self.text[from..self.at]).into_owned();
        match text.parse::<i64>() {
            Ok(value) => Value::Int(value),
            Err(_) => Value::Float(text.parse().expect("a number")),
        }
    }

    fn name(&mut self) -> Value {
        let word = self.word();
        match word.as_str() {
            "None" => return Value::None,
            "True" => return Value::Bool(true),
            "False" => return Value::Bool(false),
            _ => {}
        }
        assert!(self.eat(b'('), "expected a call of `{word}`");
        let mut arguments = Vec::new();
        while !self.eat(b')') {
            arguments.push(self.argument());
            self.eat(b',');
        }
        let class = word.rsplit('.').next().unwrap_or(&word).to_string();
        let is_layer = word == class && Entry::by_class(&word).is_some();
        let object = Object { class, arguments };
        if is_layer { Value::Layer(object) } else { Value::Object(object) }
    }

    fn argument(&mut self) -> Argument {
        self.peek();
        let start = self.at;
        let word = self.word();
        if !word.is_empty() && self.eat(b'=') {
            return Argument { name: Some(word), value: self.value() };
        }
        self.at = start;
        // The tensor of a function's call, `activations.elu(input_0, alpha=1.5)`.
        if word.starts_with("input_") {
            self.word();
            return Argument { name: Some("input".to_string()), value: Value::None };
        }
        Argument { name: None, value: self.value() }
    }
}
