//! A cursor over tokens: what stands here, operators of several characters, the values of literals.

use std::rc::Rc;

use proc_macro2::{Delimiter, Group, Ident, Literal, Spacing, Span, TokenStream, TokenTree};

/// Operators, longer ones first.
const OPERATORS: &[&str] = &[
    "...", "..=", "<<=", ">>=", "**", "..", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "+=",
    "-=", "*=", "/=", "%=", "::", "=>", "->", "+", "-", "*", "/", "%", "<", ">", "=", "!", "&",
    "|", ".", ",", ";", ":", "#", "'", "?", "@", "^", "$", "~",
];

/// Tokens of one group, or of the whole block.
pub(crate) struct Tokens {
    trees: Vec<TokenTree>,
    at: usize,
    /// Where the tokens end: the closing delimiter.
    pub end: Span,
}

impl Tokens {
    pub(crate) fn new(stream: TokenStream, end: Span) -> Tokens {
        Tokens { trees: stream.into_iter().collect(), at: 0, end }
    }

    /// The tokens within a group.
    pub(crate) fn within(group: &Group) -> Tokens {
        Tokens::new(group.stream(), group.span_close())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.at >= self.trees.len()
    }

    /// The token some steps ahead.
    pub(crate) fn ahead(&self, steps: usize) -> Option<&TokenTree> {
        self.trees.get(self.at + steps)
    }

    pub(crate) fn peek(&self) -> Option<&TokenTree> {
        self.ahead(0)
    }

    pub(crate) fn bump(&mut self) -> Option<TokenTree> {
        let tree = self.trees.get(self.at).cloned();
        self.at += usize::from(tree.is_some());
        tree
    }

    /// The span of the next token.
    pub(crate) fn span(&self) -> Span {
        match self.peek() {
            Some(TokenTree::Group(group)) => group.span_open(),
            Some(tree) => tree.span(),
            None => self.end,
        }
    }

    /// The operator here; empty if there is none.
    pub(crate) fn operator(&self) -> &'static str {
        self.operator_ahead(0)
    }

    /// The operator behind the next token.
    pub(crate) fn after_identifier(&self) -> &'static str {
        self.operator_ahead(1)
    }

    fn operator_ahead(&self, steps: usize) -> &'static str {
        let mut text = String::new();
        for tree in self.trees.iter().skip(self.at + steps).take(3) {
            let TokenTree::Punct(punct) = tree else { break };
            text.push(punct.as_char());
            if punct.spacing() == Spacing::Alone {
                break;
            }
        }
        OPERATORS.iter().find(|operator| text.starts_with(**operator)).copied().unwrap_or("")
    }

    pub(crate) fn identifier(&self) -> Option<&Ident> {
        match self.peek() {
            Some(TokenTree::Ident(ident)) => Some(ident),
            _ => None,
        }
    }

    /// Whether this identifier or keyword stands here.
    pub(crate) fn at_word(&self, word: &str) -> bool {
        self.identifier().is_some_and(|ident| ident == word)
    }

    pub(crate) fn group(&self, delimiter: Delimiter) -> Option<&Group> {
        match self.peek() {
            Some(TokenTree::Group(group)) if group.delimiter() == delimiter => Some(group),
            _ => None,
        }
    }

    /// What stands here, for a message.
    pub(crate) fn found(&self) -> String {
        match self.peek() {
            None => "the end".to_string(),
            Some(TokenTree::Group(group)) => match group.delimiter() {
                Delimiter::Parenthesis => "`(`".to_string(),
                Delimiter::Brace => "`{`".to_string(),
                Delimiter::Bracket => "`[`".to_string(),
                Delimiter::None => "an expression".to_string(),
            },
            Some(TokenTree::Punct(_)) => format!("`{}`", self.operator()),
            Some(tree) => format!("`{tree}`"),
        }
    }
}

/// What a literal token means.
pub(crate) enum Meaning {
    Int(i64),
    Float(f64),
    Str(Rc<str>),
    /// Not one of these: why, and what to write.
    Wrong(&'static str, &'static str),
}

/// Reads a literal.
pub(crate) fn meaning(literal: &Literal) -> Meaning {
    let text = literal.to_string();
    match text.as_bytes() {
        [b'"', ..] => match unescape(&text) {
            Some(text) => Meaning::Str(text.into()),
            None => Meaning::Wrong("this string cannot be read", "write plain text in quotes"),
        },
        [b'r', b'"' | b'#', ..] => raw(&text),
        [b'\'', ..] => {
            Meaning::Wrong("a string stands in double quotes", "write `\"` in place of `'`")
        }
        [b'0'..=b'9', ..] => number(&text.replace('_', "")),
        _ => Meaning::Wrong("expected a number or a string", "write text as \"text\""),
    }
}

fn raw(text: &str) -> Meaning {
    let inner = text[1..].trim_start_matches('#').trim_end_matches('#');
    match inner.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')) {
        Some(inner) => Meaning::Str(inner.into()),
        None => Meaning::Wrong("this string cannot be read", "write plain text in quotes"),
    }
}

fn unescape(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut out = String::new();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next()? {
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            '0' => out.push('\0'),
            '\n' => {
                let rest = chars.as_str().trim_start();
                chars = rest.chars();
            }
            'x' => {
                let hex: String = chars.by_ref().take(2).collect();
                out.push(char::from(u8::from_str_radix(&hex, 16).ok()?));
            }
            'u' => {
                let hex: String = chars.by_ref().take_while(|c| *c != '}').collect();
                let code = u32::from_str_radix(hex.strip_prefix('{')?, 16).ok()?;
                out.push(char::from_u32(code)?);
            }
            other => out.push(other),
        }
    }
    Some(out)
}

fn number(text: &str) -> Meaning {
    const TOO_LARGE: Meaning =
        Meaning::Wrong("this number is too large", "numbers here have 64 bits");
    for (prefix, radix) in [("0x", 16), ("0b", 2), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
            return i64::from_str_radix(&digits[..end], radix).map_or(TOO_LARGE, Meaning::Int);
        }
    }
    let suffix = ["f32", "f64"].iter().find_map(|suffix| text.strip_suffix(suffix));
    let is_float = suffix.is_some() || text.contains(['.', 'e', 'E']) && !text.ends_with("size");
    if is_float {
        return match suffix.unwrap_or(text).parse::<f64>() {
            Ok(value) if value.is_finite() => Meaning::Float(value),
            _ => TOO_LARGE,
        };
    }
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().map_or(TOO_LARGE, Meaning::Int)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        match meaning(&text.parse::<Literal>().unwrap()) {
            Meaning::Int(value) => format!("int {value}"),
            Meaning::Float(value) => format!("float {value}"),
            Meaning::Str(value) => format!("str {value}"),
            Meaning::Wrong(..) => "wrong".to_string(),
        }
    }

    #[test]
    fn literals_are_read_as_rust_reads_them() {
        for (text, value) in [
            ("1_000usize", "int 1000"),
            ("0x1F", "int 31"),
            ("0b101u8", "int 5"),
            ("1e-4", "float 0.0001"),
            ("2f32", "float 2"),
            ("0.5", "float 0.5"),
            ("\"a\\n\\u{e9}\\x41\"", "str a\néA"),
            ("r#\"a\"b\"#", "str a\"b"),
            ("'a'", "wrong"),
            ("b\"a\"", "wrong"),
            ("9223372036854775808", "wrong"),
            ("1e400", "wrong"),
        ] {
            assert_eq!(read(text), value);
        }
    }
}
