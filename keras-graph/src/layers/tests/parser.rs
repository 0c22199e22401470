//! Reads arguments as a `model!` block has them.

use crate::layers::Entry;
use crate::value::{Argument, Object, Value};

/// Reads `a = (1, None), b = "relu", c = regularizers.L2(1e-4)`.
struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    /// Takes a token; the empty one stands at the end alone.
    fn eat(&mut self, token: &str) -> bool {
        self.rest = self.rest.trim_start();
        if token.is_empty() {
            return self.rest.is_empty();
        }
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn word(&mut self) -> String {
        self.rest = self.rest.trim_start();
        let ends = |c: char| !(c.is_alphanumeric() || "_.-+".contains(c));
        let (word, rest) = self.rest.split_at(self.rest.find(ends).unwrap_or(self.rest.len()));
        self.rest = rest;
        word.to_string()
    }

    fn arguments(&mut self, end: &str) -> Vec<Argument> {
        let mut arguments = Vec::new();
        while !self.eat(end) {
            let before = self.rest;
            let name = self.word();
            let named = !name.is_empty() && self.eat("=");
            if !named {
                self.rest = before;
            }
            let value = self.value();
            arguments.push(Argument { name: named.then_some(name), value });
            self.eat(",");
        }
        arguments
    }

    fn value(&mut self) -> Value {
        if self.eat("\"") {
            let (text, rest) = self.rest.split_once('"').unwrap();
            self.rest = rest;
            return Value::Str(text.to_string());
        }
        for (open, close) in [("(", ")"), ("[", "]")] {
            if self.eat(open) {
                let items = self.arguments(close).into_iter().map(|item| item.value);
                return Value::List(items.collect());
            }
        }
        let word = self.word();
        match word.as_str() {
            "None" => Value::None,
            "True" => Value::Bool(true),
            "False" => Value::Bool(false),
            word => word
                .parse()
                .map(Value::Int)
                .or_else(|_| word.parse().map(Value::Float))
                .unwrap_or_else(|_| self.object(word)),
        }
    }

    fn object(&mut self, path: &str) -> Value {
        let class = path.rsplit('.').next().unwrap().to_string();
        assert!(!class.is_empty(), "no value at {:?}", self.rest);
        let arguments = if self.eat("(") { self.arguments(")") } else { vec![] };
        let is_layer = path == class && Entry::by_class(path).is_some();
        let object = Object { class, arguments };
        if is_layer { Value::Layer(object) } else { Value::Object(object) }
    }
}

/// The arguments of a call, as a `model!` block has them.
pub(super) fn arguments(text: &str) -> Vec<Argument> {
    Parser { rest: text }.arguments("")
}
