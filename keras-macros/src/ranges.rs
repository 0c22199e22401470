//! Tokens to the tree: ranges, and what stands in the brackets behind a tensor.
//!
//! ```text
//! range    = binary [(".." | "..=") binary]
//! slice    = item { "," item } [","]
//! item     = "..." | binary | [binary] (".." | "..=") [binary]
//! ```

use crate::ast::{Expr, ExprKind, LEAST_BINDING};
use crate::errors::Spot;
use crate::parse::{Parsed, Parser};
use crate::tokens::Tokens;

impl Parser<'_> {
    /// A value, or a range between two.
    pub(crate) fn range(&mut self, tokens: &mut Tokens) -> Parsed<Expr> {
        let from = self.binary(tokens, LEAST_BINDING)?;
        let inclusive = match tokens.operator() {
            ".." => false,
            "..=" => true,
            _ => return Ok(from),
        };
        let operator = self.bump_operator(tokens);
        let to = self.binary(tokens, LEAST_BINDING)?;
        self.between(Some(from), Some(to), inclusive, operator)
    }

    /// What stands in the brackets behind a value: an index, or the items of a slice.
    pub(crate) fn slice(&mut self, tokens: &mut Tokens) -> Parsed<Expr> {
        let first = self.slice_item(tokens)?;
        if tokens.operator() != "," {
            return Ok(first);
        }
        let (mut spot, mut height) = (first.spot, first.height);
        let mut items = vec![first];
        while tokens.operator() == "," {
            self.bump(tokens);
            if tokens.is_empty() {
                break;
            }
            let item = self.slice_item(tokens)?;
            spot = spot.to(item.spot);
            height = height.max(item.height);
            items.push(item);
        }
        self.node(ExprKind::List(items), spot, height)
    }

    /// An item of a slice: `...`, an index, or a range of which an end may be left out.
    fn slice_item(&mut self, tokens: &mut Tokens) -> Parsed<Expr> {
        if tokens.operator() == "..." {
            let spot = self.bump_operator(tokens);
            return self.node(ExprKind::Ellipsis, spot, 0);
        }
        let is_range = |tokens: &Tokens| matches!(tokens.operator(), ".." | "..=");
        let from = match is_range(tokens) {
            true => None,
            false => {
                let from =
                    self.nested(tokens, |parser, tokens| parser.binary(tokens, LEAST_BINDING))?;
                if !is_range(tokens) {
                    return Ok(from);
                }
                Some(from)
            }
        };
        let inclusive = tokens.operator() == "..=";
        let operator = self.bump_operator(tokens);
        let to = match tokens.is_empty() || tokens.operator() == "," {
            true => None,
            false => {
                Some(self.nested(tokens, |parser, tokens| parser.binary(tokens, LEAST_BINDING))?)
            }
        };
        self.between(from, to, inclusive, operator)
    }

    /// A range between two ends, of which a slice may leave out either.
    fn between(
        &mut self,
        from: Option<Expr>,
        to: Option<Expr>,
        inclusive: bool,
        operator: Spot,
    ) -> Parsed<Expr> {
        let spot = from.as_ref().map_or(operator, |from| from.spot);
        let spot = spot.to(to.as_ref().map_or(operator, |to| to.spot));
        let height = [&from, &to].into_iter().flatten().map(|end| end.height).max().unwrap_or(0);
        let kind = match (from.map(Box::new), to.map(Box::new)) {
            (Some(from), Some(to)) => ExprKind::Range { from, to, inclusive },
            (from, to) => ExprKind::Open { from, to, inclusive },
        };
        self.node(kind, spot, height)
    }
}
