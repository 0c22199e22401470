//! File names with values in them: `{epoch:02d}-{val_loss:.4f}.keras`.
//!
//! A field is a name and, after a colon, Python's format specification
//! `[[fill]align][sign][0][width][.precision][type]`; `{{` and `}}` are braces. What else Python
//! knows (separators of thousands, conversions, attributes, hexadecimal numbers) is refused.
//! Source: Python 3.11, "Format String Syntax".

use std::path::PathBuf;

use crate::callbacks::monitor::missing;
use crate::error::{Error, Result};
use crate::logs::Logs;
use crate::python::{exponent, fixed, general, repr};

/// Digits after the point, or significant ones, of a field that does not say.
const DEFAULT_PRECISION: usize = 6;
/// Most characters or digits that a field may ask for; file systems end names well before.
const LIMIT: usize = 255;

/// A path with fields to be filled in.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    Field { name: String, spec: Spec },
}

/// How a number is written.
#[derive(Clone, Debug, PartialEq)]
struct Spec {
    fill: char,
    align: char,
    sign: char,
    width: usize,
    precision: Option<usize>,
    kind: Option<char>,
}

/// What a field is filled with.
#[derive(Clone, Copy)]
enum Number {
    Integer(usize),
    Float(f64),
}

impl Template {
    /// Reads the template. Errors: what is wrong with it, in words.
    pub(super) fn parse(text: &str) -> core::result::Result<Template, String> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            literal += &rest[..at];
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                literal += brace;
                rest = after;
                continue;
            }
            let Some((field, after)) = rest.split_once('}').filter(|_| brace == "{") else {
                return Err(format!("a single `{brace}`"));
            };
            pieces.push(Piece::Text(core::mem::take(&mut literal)));
            pieces.push(parse_field(field)?);
            rest = after;
        }
        pieces.push(Piece::Text(literal + rest));
        Ok(Template { pieces })
    }

    /// The path for an epoch, counted from 0; `batch`, likewise, if it is saved after a batch.
    /// Errors: [`Error::MissingLog`] if a field names what is not reported.
    pub(super) fn path(
        &self,
        callback: &'static str,
        (epoch, batch): (usize, Option<usize>),
        logs: &Logs,
    ) -> Result<PathBuf> {
        let mut path = String::new();
        for piece in &self.pieces {
            let (name, spec) = match piece {
                Piece::Text(text) => {
                    path += text;
                    continue;
                }
                Piece::Field { name, spec } => (name.as_str(), spec),
            };
            let number = match (name, batch) {
                ("epoch", _) => Some(Number::Integer(epoch + 1)),
                ("batch", Some(batch)) => Some(Number::Integer(batch + 1)),
                _ => logs.get(name).map(|value| Number::Float(f64::from(value))),
            };
            let Some(number) = number else {
                let batch = batch.map(|_| "batch");
                let keys = ["epoch"].into_iter().chain(batch).chain(logs.keys());
                return Err(missing(callback, name, keys));
            };
            path += &spec.write(name, number).map_err(|found| Error::InvalidCallback {
                callback,
                argument: "filepath",
                expected: "fields that fit their values".into(),
                found,
            })?;
        }
        Ok(path.into())
    }
}

fn parse_field(field: &str) -> core::result::Result<Piece, String> {
    let (name, spec) = field.split_once(':').unwrap_or((field, ""));
    let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '_')
        && name.chars().any(|c| !c.is_ascii_digit());
    if !is_name {
        return Err(format!("the field `{{{field}}}`, which does not begin with a name"));
    }
    let spec = Spec::parse(spec)
        .ok_or_else(|| format!("the field `{{{field}}}`, whose format is not supported"))?;
    Ok(Piece::Field { name: name.into(), spec })
}

impl Spec {
    fn parse(text: &str) -> Option<Spec> {
        let mut spec =
            Spec { fill: ' ', align: '>', sign: '-', width: 0, precision: None, kind: None };
        let mut rest = text;
        let is_align = |c: &char| "<>=^".contains(*c);
        let mut chars = text.chars();
        let (first, second) = (chars.next(), chars.next());
        let mut aligned = true;
        if let (Some(fill), Some(align)) = (first, second.filter(is_align)) {
            (spec.fill, spec.align) = (fill, align);
            rest = chars.as_str();
        } else if let Some(align) = first.filter(is_align) {
            spec.align = align;
            rest = &rest[1..];
        } else {
            aligned = false;
        }
        if let Some(sign) = rest.chars().next().filter(|c| "+- ".contains(*c)) {
            spec.sign = sign;
            rest = &rest[1..];
        }
        if rest.starts_with('0') && !aligned {
            (spec.fill, spec.align) = ('0', '=');
        }
        let width;
        (width, rest) = leading_number(rest);
        spec.width = width.unwrap_or(Some(0))?;
        if let Some(after) = rest.strip_prefix('.') {
            let precision;
            (precision, rest) = leading_number(after);
            spec.precision = Some(precision??);
        }
        let mut kind = rest.chars();
        spec.kind = kind.next();
        let known = spec.kind.is_none_or(|kind| "deEfFgG%".contains(kind));
        (known && kind.next().is_none()).then_some(spec)
    }

    /// The number in this format. Errors: what does not fit, in words.
    fn write(&self, name: &str, number: Number) -> core::result::Result<String, String> {
        let digits = match (number, self.kind) {
            (Number::Integer(_), None | Some('d')) if self.precision.is_some() => {
                return Err(format!("a precision for the integer `{name}`"));
            }
            (Number::Float(_), Some('d')) => {
                return Err(format!("an integer's format for the fraction `{name}`"));
            }
            (Number::Integer(value), None | Some('d')) => value.to_string(),
            (Number::Integer(value), Some(kind)) => self.float(value as f64, Some(kind)),
            (Number::Float(value), kind) => self.float(value, kind),
        };
        let (sign, digits) = match digits.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None if self.sign == '-' => ("", digits.as_str()),
            None => (if self.sign == '+' { "+" } else { " " }, digits.as_str()),
        };
        Ok(self.pad(sign, digits))
    }

    fn float(&self, value: f64, kind: Option<char>) -> String {
        let precision = self.precision.unwrap_or(DEFAULT_PRECISION);
        match kind {
            Some('f' | 'F') => fixed(value, precision),
            Some('e') => exponent(value, precision),
            Some('E') => exponent(value, precision).to_uppercase(),
            Some('g') => general(value, precision),
            Some('G') => general(value, precision).to_uppercase(),
            Some('%') => fixed(value * 100.0, precision) + "%",
            _ if self.precision.is_none() => repr(value),
            _ => with_point(value, precision),
        }
    }

    fn pad(&self, sign: &str, digits: &str) -> String {
        let len = sign.len() + digits.chars().count();
        let padding = |len: usize| self.fill.to_string().repeat(len);
        let missing = self.width.saturating_sub(len);
        match self.align {
            '<' => format!("{sign}{digits}{}", padding(missing)),
            '^' => {
                format!("{}{sign}{digits}{}", padding(missing / 2), padding(missing.div_ceil(2)))
            }
            '=' => format!("{sign}{}{digits}", padding(missing)),
            _ => format!("{}{sign}{digits}", padding(missing)),
        }
    }
}

/// A fraction with a precision and no type: as `g`, but always with a point or an exponent.
fn with_point(value: f64, precision: usize) -> String {
    let rounded = exponent(value, precision.max(1) - 1);
    let largest = rounded.split_once('e').and_then(|(_, power)| power.parse::<i64>().ok());
    match largest {
        // One digit before the point and one after it need two significant digits.
        Some(power) if power + 1 >= precision.max(1) as i64 => {
            let (mantissa, power) = rounded.split_once('e').unwrap_or((&rounded, "+00"));
            let mantissa = match mantissa.contains('.') {
                true => mantissa.trim_end_matches('0').trim_end_matches('.'),
                false => mantissa,
            };
            format!("{mantissa}e{power}")
        }
        _ => {
            let text = general(value, precision);
            let is_whole = text.chars().all(|c| c.is_ascii_digit() || c == '-');
            if is_whole { text + ".0" } else { text }
        }
    }
}

/// The number that a text begins with, and the rest: `None` without one, `Some(None)` beyond
/// [`LIMIT`].
fn leading_number(text: &str) -> (Option<Option<usize>>, &str) {
    let len = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(len);
    let number = digits.parse().ok().filter(|number| *number <= LIMIT);
    ((len > 0).then_some(number), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs() -> Logs {
        [("val_loss", 0.123_456_79), ("neg", -1.5), ("one", 1.0), ("big", 123_456.0)]
            .into_iter()
            .chain([("small", 1e-7)])
            .collect()
    }

    fn filled(template: &str) -> Result<PathBuf> {
        Template::parse(template).unwrap().path("ModelCheckpoint", (6, None), &logs())
    }

    #[test]
    fn fields_are_filled_as_by_python() {
        for (template, path) in [
            ("m-{epoch:02d}-{val_loss:.4f}.keras", "m-07-0.1235.keras"),
            ("{val_loss}.keras", "0.12345679104328156.keras"),
            (
                "{epoch:>5}|{epoch:<5}|{epoch:^5}|{epoch:+d}|{epoch:05}",
                "    7|7    |  7  |+7|00007",
            ),
            ("{val_loss:.3}|{val_loss:g}|{val_loss:.2e}", "0.123|0.123457|1.23e-01"),
            ("{val_loss:8.2f}|{val_loss:%}|{val_loss:.1%}", "    0.12|12.345679%|12.3%"),
            ("{val_loss:*>9.3f}|{val_loss:+08.2f}", "****0.123|+0000.12"),
            ("{epoch:.2f}|{epoch:e}|{{x}}|{neg:08.3f}", "7.00|7.000000e+00|{x}|-001.500"),
            ("{neg: }|{one:.4}|{one:.1}|{big:.3}|{big:.0f}", "-1.5|1.0|1e+00|1.23e+05|123456"),
            ("{neg:=+9.1f}|{neg:G}|{small:F}|{neg:9}", "-     1.5|-1.5|0.000000|     -1.5"),
        ] {
            assert_eq!(filled(template).unwrap(), PathBuf::from(path));
        }
    }

    #[test]
    fn a_batch_is_a_field_when_it_is_saved_after_one() {
        let template = Template::parse("{epoch}-{batch:03d}").unwrap();
        let path = template.path("ModelCheckpoint", (6, Some(11)), &logs()).unwrap();
        assert_eq!(path, PathBuf::from("7-012"));
        let error = filled("{batch}").unwrap_err().to_string();
        assert!(error.contains("expected `batch` to be reported, found `epoch`, `big`"), "{error}");
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for template in [
            "{}",
            "{0}",
            "{epoch",
            "epoch}",
            "{epoch!r}",
            "{val_loss:,}",
            "{epoch:x}",
            "{epoch:9999999999}",
            "{val_loss:.300f}",
            "{val_loss:.f}",
            "{val_loss:ff}",
            "{a.b}",
        ] {
            assert!(Template::parse(template).is_err(), "{template}");
        }
        for template in ["{val_loss:d}", "{epoch:.2}", "{epoch:.2d}"] {
            assert!(filled(template).is_err(), "{template}");
        }
    }
}
