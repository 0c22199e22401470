//! Operators on values: Rust's meaning, every one checked.
//!
//! A division of integers that leaves a remainder has two meanings: Rust drops the remainder, Keras
//! keeps it. Both are computed on ([`Quotient`]), and who reads the result chooses: a count, an
//! extent, an axis, an index or a bound of a range is Rust's whole number, any other number of a
//! layer is Keras' fraction. Where nobody chooses and the two would differ, it is a mistake.

use keras_graph::value::Quotient;

use crate::ast::BinaryOp;
use crate::value::Value;

/// Why an operator has no result, and what to write instead.
pub(crate) struct Refused {
    pub message: String,
    pub help: Option<String>,
}

impl Refused {
    fn new(message: impl Into<String>) -> Refused {
        Refused { message: message.into(), help: None }
    }
}

/// `left op right`
pub(crate) fn binary(op: BinaryOp, left: &Value, right: &Value) -> Result<Value, Refused> {
    use Value::*;
    match (left, right) {
        (Unknown, _) | (_, Unknown) => Ok(Unknown),
        (Int(a), Int(b)) if op == BinaryOp::Divide && *b != 0 && a.wrapping_rem(*b) != 0 => {
            Ok(Quotient(quotient(*a / *b, *a as f64 / *b as f64)))
        }
        (Int(a), Int(b)) => integers(op, *a, *b),
        (Int(_) | Quotient(_), Int(_) | Quotient(_)) => quotients(op, left, right),
        (Int(_) | Float(_) | Quotient(_), Int(_) | Float(_) | Quotient(_)) => {
            floats(op, exact(left), exact(right))
        }
        (Str(a), Str(b)) if op == BinaryOp::Add => Ok(Str(format!("{a}{b}").into())),
        (List(a), List(b)) if op == BinaryOp::Add => {
            Ok(Value::list(a.items.iter().chain(&b.items).cloned().collect()))
        }
        (Bool(a), Bool(b)) if op == BinaryOp::And => Ok(Bool(*a && *b)),
        (Bool(a), Bool(b)) if op == BinaryOp::Or => Ok(Bool(*a || *b)),
        (Tensor(_), _) | (_, Tensor(_)) => Err(tensors(op)),
        _ => match (op, left.argument(), right.argument()) {
            (BinaryOp::Equal, Some(a), Some(b)) => Ok(Bool(a == b)),
            (BinaryOp::NotEqual, Some(a), Some(b)) => Ok(Bool(a != b)),
            _ => Err(Refused::new(format!(
                "`{}` has no meaning between {left} and {right}",
                op.text()
            ))),
        },
    }
}

fn quotient(whole: i64, exact: f64) -> Quotient {
    Quotient { whole, exact }
}

/// A number with its fraction. 0 for what is no number.
fn exact(value: &Value) -> f64 {
    match value {
        Value::Int(value) => *value as f64,
        Value::Float(value) => *value,
        Value::Quotient(quotient) => quotient.exact,
        _ => 0.0,
    }
}

/// An operator on integers, of which one is a division with a remainder.
fn quotients(op: BinaryOp, left: &Value, right: &Value) -> Result<Value, Refused> {
    let (Some(a), Some(b)) = (left.integer(), right.integer()) else { return Ok(Value::Unknown) };
    let whole = integers(op, a, b);
    if matches!(op, BinaryOp::ShiftLeft | BinaryOp::ShiftRight) {
        return whole;
    }
    let exact = floats(op, exact(left), exact(right));
    match (whole, exact) {
        (Ok(Value::Int(whole)), Ok(Value::Float(exact))) if whole as f64 != exact => {
            Ok(Value::Quotient(quotient(whole, exact)))
        }
        (Ok(Value::Bool(whole)), Ok(Value::Bool(exact))) if whole != exact => {
            Err(ambiguous(&format!("`{}`", op.text()), left, right))
        }
        (Ok(whole), Ok(_)) => Ok(whole),
        // Such as 1 divided by 1 / 2, which has a meaning as a fraction alone.
        (Err(_), Ok(exact)) => Ok(exact),
        (_, Err(refused)) => Err(refused),
    }
}

/// A division with a remainder where its two meanings differ.
fn ambiguous(what: &str, left: &Value, right: &Value) -> Refused {
    let found = [left, right].into_iter().find_map(|value| match value {
        Value::Quotient(quotient) => Some(*quotient),
        _ => None,
    });
    let meanings = found.map_or_else(String::new, |Quotient { whole, exact }| {
        format!(": {whole} as a whole number, {exact:?} as a fraction")
    });
    let help = "write a fraction with a point, as in `1.0 / 255.0`, and a whole number as in \
                `(n / 2) as i64`";
    Refused {
        message: format!("{what} of a division with a remainder can mean two things{meanings}"),
        help: Some(help.to_string()),
    }
}

/// What tensors have no operator for.
fn tensors(op: BinaryOp) -> Refused {
    let help = match op {
        BinaryOp::And => Some("write `ops.logical_and(a, b)`".to_string()),
        BinaryOp::Or => Some("write `ops.logical_or(a, b)`".to_string()),
        _ => None,
    };
    Refused { message: format!("`{}` has no meaning for tensors", op.text()), help }
}

fn integers(op: BinaryOp, a: i64, b: i64) -> Result<Value, Refused> {
    let text = op.text();
    let result = match op {
        BinaryOp::Add => a.checked_add(b),
        BinaryOp::Subtract => a.checked_sub(b),
        BinaryOp::Multiply => a.checked_mul(b),
        BinaryOp::Divide | BinaryOp::Remainder if b == 0 => {
            return Err(Refused::new(format!("`{a} {text} 0`: division by zero")));
        }
        BinaryOp::Divide => a.checked_div(b),
        BinaryOp::Remainder => a.checked_rem(b),
        BinaryOp::ShiftLeft | BinaryOp::ShiftRight if !(0..64).contains(&b) => {
            return Err(Refused::new(format!("`{a} {text} {b}`: integers here have 64 bits")));
        }
        BinaryOp::ShiftLeft => Some(a << b).filter(|shifted| shifted >> b == a),
        BinaryOp::ShiftRight => Some(a >> b),
        BinaryOp::Power => match u32::try_from(b) {
            Ok(b) => a.checked_pow(b),
            Err(_) => return floats(op, a as f64, b as f64),
        },
        _ => return compare(op, a.cmp(&b)),
    };
    result
        .map(Value::Int)
        .ok_or_else(|| Refused::new(format!("`{a} {text} {b}` overflows 64 bits")))
}

fn floats(op: BinaryOp, a: f64, b: f64) -> Result<Value, Refused> {
    let text = op.text();
    let result = match op {
        BinaryOp::Add => a + b,
        BinaryOp::Subtract => a - b,
        BinaryOp::Multiply => a * b,
        BinaryOp::Divide | BinaryOp::Remainder if b == 0.0 => {
            return Err(Refused::new(format!("`{a:?} {text} 0`: division by zero")));
        }
        BinaryOp::Divide => a / b,
        BinaryOp::Remainder => a % b,
        BinaryOp::Power => a.powf(b),
        BinaryOp::ShiftLeft | BinaryOp::ShiftRight => {
            return Err(Refused::new(format!(
                "`{text}` expects integers, found `{a:?}` and `{b:?}`"
            )));
        }
        _ => match a.partial_cmp(&b) {
            Some(ordering) => return compare(op, ordering),
            None => return Ok(Value::Bool(op == BinaryOp::NotEqual)),
        },
    };
    if result.is_finite() {
        return Ok(Value::Float(result));
    }
    Err(Refused::new(format!("`{a:?} {text} {b:?}` is not a finite number")))
}

fn compare(op: BinaryOp, ordering: std::cmp::Ordering) -> Result<Value, Refused> {
    Ok(Value::Bool(match op {
        BinaryOp::Equal => ordering.is_eq(),
        BinaryOp::NotEqual => ordering.is_ne(),
        BinaryOp::Less => ordering.is_lt(),
        BinaryOp::LessEqual => ordering.is_le(),
        BinaryOp::Greater => ordering.is_gt(),
        BinaryOp::GreaterEqual => ordering.is_ge(),
        _ => return Err(Refused::new(format!("`{}` expects `true` or `false`", op.text()))),
    }))
}

/// `-value`
pub(crate) fn negative(value: &Value) -> Result<Value, Refused> {
    match value {
        Value::Unknown => Ok(Value::Unknown),
        Value::Int(value) => value
            .checked_neg()
            .map(Value::Int)
            .ok_or_else(|| Refused::new(format!("`-{value}` overflows 64 bits"))),
        // It has a remainder, so that it is not the least integer.
        Value::Quotient(Quotient { whole, exact }) => {
            Ok(Value::Quotient(quotient(whole.saturating_neg(), -exact)))
        }
        Value::Float(value) => Ok(Value::Float(-value)),
        other => Err(Refused::new(format!("`-` expects a number, found {other}"))),
    }
}

/// `!value`
pub(crate) fn not(value: &Value) -> Result<Value, Refused> {
    match value {
        Value::Unknown => Ok(Value::Unknown),
        Value::Bool(value) => Ok(Value::Bool(!value)),
        other => Err(Refused::new(format!("`!` expects `true` or `false`, found {other}"))),
    }
}

/// `value as ty`
pub(crate) fn cast(value: &Value, ty: &str) -> Result<Value, Refused> {
    let is_float = matches!(ty, "f32" | "f64");
    let is_integer = ty
        .strip_prefix(['i', 'u'])
        .is_some_and(|bits| matches!(bits, "8" | "16" | "32" | "64" | "128" | "size"));
    match value {
        _ if !is_float && !is_integer => Err(Refused::new(format!("`{ty}` is no type of number"))),
        Value::Unknown => Ok(Value::Unknown),
        Value::Quotient(quotient) if is_integer => Ok(Value::Int(quotient.whole)),
        Value::Quotient(_) => Err(ambiguous(&format!("`as {ty}`"), value, &Value::None)),
        Value::Int(value) if is_float => Ok(Value::Float(*value as f64)),
        Value::Float(value) if is_integer => Ok(Value::Int(*value as i64)),
        Value::Bool(value) if is_integer => Ok(Value::Int(i64::from(*value))),
        Value::Int(_) | Value::Float(_) => Ok(value.clone()),
        other => Err(Refused::new(format!("`as {ty}` expects a number, found {other}"))),
    }
}

/// `list[index]`; negative indices count from the end, as in Python.
pub(crate) fn index(list: &Value, index: &Value) -> Result<Value, Refused> {
    let (items, at) = match (list, index.integer()) {
        _ if list.is_unknown() || index.is_unknown() => return Ok(Value::Unknown),
        (Value::List(list), Some(at)) => (&list.items, at),
        (Value::List(_), None) => {
            return Err(Refused::new(format!("an index is an integer, found {index}")));
        }
        (other, _) => {
            return Err(Refused::new(format!("expected a list to index, found {other}")));
        }
    };
    let from_start = if at < 0 { at + items.len() as i64 } else { at };
    usize::try_from(from_start)
        .ok()
        .and_then(|at| items.get(at))
        .cloned()
        .ok_or_else(|| Refused::new(format!("there is no item {at}: the list has {}", items.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(op: BinaryOp, a: Value, b: Value) -> String {
        match binary(op, &a, &b) {
            Ok(value) => value.to_string(),
            Err(refused) => refused.message,
        }
    }

    #[test]
    fn integers_are_checked() {
        use BinaryOp::*;
        for (op, a, b, result) in [
            (Add, 3, -5, "`-2`"),
            (Divide, 6, 2, "`3`"),
            (Divide, 7, 2, "`3.5`"),
            (Remainder, -7, 3, "`-1`"),
            (Power, 2, 10, "`1024`"),
            (Power, 2, -1, "`0.5`"),
            (ShiftLeft, 16, 2, "`64`"),
            (ShiftRight, 64, 3, "`8`"),
            (LessEqual, 3, 3, "`True`"),
            (Divide, 7, 0, "`7 / 0`: division by zero"),
            (ShiftLeft, 1, 64, "`1 << 64`: integers here have 64 bits"),
            (ShiftLeft, 3, 63, "`3 << 63` overflows 64 bits"),
            (Multiply, i64::MAX, 2, "`9223372036854775807 * 2` overflows 64 bits"),
        ] {
            assert_eq!(of(op, Value::Int(a), Value::Int(b)), result);
        }
        assert!(negative(&Value::Int(i64::MIN)).is_err());
    }

    #[test]
    fn a_division_with_a_remainder_keeps_both_meanings() {
        use BinaryOp::*;
        let both = |op, a: &Value, b: &Value| match binary(op, a, b) {
            Ok(Value::Quotient(Quotient { whole, exact })) => format!("{whole} or {exact}"),
            Ok(value) => value.to_string(),
            Err(refused) => refused.message,
        };
        let of = |a: i64, b: i64| Value::Quotient(quotient(a / b, a as f64 / b as f64));
        let (half, seven_halves) = (of(1, 2), of(-7, 2));
        for (op, a, b, result) in [
            (Divide, &Value::Int(-7), &Value::Int(2), "-3 or -3.5"),
            (Multiply, &seven_halves, &Value::Int(2), "-6 or -7"),
            (Add, &seven_halves, &half, "`-3`"),
            (Subtract, &half, &Value::Int(3), "-3 or -2.5"),
            (Multiply, &half, &Value::Float(0.5), "`0.25`"),
            (Divide, &Value::Int(1), &half, "`2.0`"),
            (Remainder, &seven_halves, &Value::Int(2), "-1 or -1.5"),
            (ShiftLeft, &seven_halves, &Value::Int(1), "`-6`"),
            (Less, &half, &Value::Int(2), "`True`"),
            (
                Equal,
                &half,
                &Value::Int(0),
                "`==` of a division with a remainder can mean two things: 0 as a whole number, \
                 0.5 as a fraction",
            ),
        ] {
            assert_eq!(both(op, a, b), result, "{a} {} {b}", op.text());
        }
        assert_eq!(cast(&seven_halves, "usize").ok().unwrap().to_string(), "`-3`");
        assert!(cast(&seven_halves, "f32").is_err());
        let list = Value::list(vec![Value::Int(4), Value::Int(5)]);
        assert_eq!(index(&list, &of(3, 2)).ok().unwrap().to_string(), "`5`");
    }

    #[test]
    fn kinds_that_do_not_go_together_are_refused() {
        use BinaryOp::*;
        assert_eq!(of(Add, Value::Int(1), Value::Float(0.5)), "`1.5`");
        assert_eq!(of(Equal, Value::Str("a".into()), Value::None), "`False`");
        assert_eq!(
            of(Add, Value::Str("a".into()), Value::Int(1)),
            "`+` has no meaning between `\"a\"` and `1`"
        );
        assert_eq!(of(Divide, Value::Float(1.0), Value::Int(0)), "`1.0 / 0`: division by zero");
        let list = Value::list(vec![Value::Int(4), Value::Int(5)]);
        let last = index(&list, &Value::Int(-1)).map(|value| value.to_string());
        assert_eq!(last.ok().as_deref(), Some("`5`"));
        assert!(index(&list, &Value::Int(2)).is_err());
    }
}
