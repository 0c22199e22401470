//! Tokens to the tree: operators between and before values.
//!
//! ```text
//! binary   = unary { operator unary }      by precedence, as in Rust; at most one comparison
//! unary    = ("-" | "!") unary | power
//! power    = cast [ "**" unary ]           as in Python: `-x ** 2` is `-(x ** 2)`
//! cast     = postfix { "as" type }
//! ```

use crate::ast::{BinaryOp, COMPARISON_BINDING, Expr, ExprKind, POWER_BINDING};
use crate::parse::{Noted, Parsed, Parser};
use crate::tokens::Tokens;

impl Parser<'_> {
    /// Values between operators that bind at least so tightly.
    pub(crate) fn binary(&mut self, tokens: &mut Tokens, least: u8) -> Parsed<Expr> {
        let mut left = self.unary(tokens)?;
        let mut is_compared = false;
        while let Some((op, binding)) = BinaryOp::of(tokens.operator()) {
            if binding < least {
                break;
            }
            if binding == COMPARISON_BINDING && is_compared {
                return self.compared_again(tokens);
            }
            is_compared = binding == COMPARISON_BINDING;
            self.bump_operator(tokens);
            // A power binds to the right and, as in Python, more loosely than a sign behind it.
            let right = match op {
                BinaryOp::Power => {
                    self.nested(tokens, |parser, tokens| parser.binary(tokens, binding))?
                }
                _ => self.binary(tokens, binding + 1)?,
            };
            let height = left.height.max(right.height);
            let spot = left.spot.to(right.spot);
            left =
                self.node(ExprKind::Binary(op, Box::new(left), Box::new(right)), spot, height)?;
        }
        Ok(left)
    }

    /// Notes that the result of a comparison is compared. Python reads `a < b < c` as two
    /// comparisons, Rust refuses it.
    fn compared_again<T>(&mut self, tokens: &Tokens) -> Parsed<T> {
        let operator = tokens.operator();
        self.wrong(tokens, format!("`{operator}` cannot stand behind another comparison")).help(
            "write `a < b && b < c`, or for tensors `ops.logical_and(a < b, b < c)`; \
             brackets compare a result: `(a < b) == c`",
        );
        Err(Noted)
    }

    fn unary(&mut self, tokens: &mut Tokens) -> Parsed<Expr> {
        let make = match tokens.operator() {
            "-" => ExprKind::Negative,
            "!" => ExprKind::Not,
            _ => return self.cast(tokens),
        };
        let spot = self.bump(tokens);
        let operand = |parser: &mut Self, tokens: &mut Tokens| parser.binary(tokens, POWER_BINDING);
        let value = self.nested(tokens, operand)?;
        let (spot, height) = (spot.to(value.spot), value.height);
        self.node(make(Box::new(value)), spot, height)
    }

    fn cast(&mut self, tokens: &mut Tokens) -> Parsed<Expr> {
        let mut value = self.postfix(tokens)?;
        while tokens.at_word("as") {
            self.bump(tokens);
            let Some(ty) = self.name(tokens) else { return self.expected(tokens, "a type") };
            let (spot, height) = (value.spot.to(ty.spot), value.height);
            value = self.node(ExprKind::Cast(Box::new(value), ty), spot, height)?;
        }
        Ok(value)
    }
}
