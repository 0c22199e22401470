//! Tokens to the tree: expressions.
//!
//! ```text
//! expr     = range, see `ranges.rs`
//! binary   = see `operators.rs`
//! postfix  = primary { "(" arguments ")" | "[" slice "]" | ("." | "::") (name | index) }
//! slice    = see `ranges.rs`
//! primary  = literal | name | "(" list ")" | "[" list "]" | block | if | closure
//! list     = [expr { "," expr } [","]]
//! arguments are a list in which `name =` may stand before an item
//! ```

use std::rc::Rc;

use proc_macro2::{Delimiter, Group, TokenTree};

use crate::ast::{Argument, Closure, Expr, ExprKind, Name};
use crate::errors::Spot;
use crate::parse::{MAX_NESTING, Noted, Parsed, Parser};
use crate::tokens::{Meaning, Tokens, meaning};

impl Parser<'_> {
    /// An expression.
    pub(crate) fn expr(&mut self, tokens: &mut Tokens) -> Parsed<Expr> {
        self.nested(tokens, Parser::range)
    }

    /// A node around others of this height.
    pub(crate) fn node(&mut self, kind: ExprKind, spot: Spot, height: u32) -> Parsed<Expr> {
        if height >= MAX_NESTING {
            self.too_deep(spot);
            return Err(Noted);
        }
        Ok(Expr { kind, spot, height: height + 1 })
    }

    pub(crate) fn name(&mut self, tokens: &mut Tokens) -> Option<Name> {
        let text = tokens.identifier()?.to_string().into();
        Some(Name { text, spot: self.bump(tokens) })
    }

    pub(crate) fn postfix(&mut self, tokens: &mut Tokens) -> Parsed<Expr> {
        let mut value = self.primary(tokens)?;
        // As a statement each of these ends here.
        if matches!(value.kind, ExprKind::If { .. } | ExprKind::Block(_)) {
            return Ok(value);
        }
        loop {
            let height = value.height;
            if let Some(group) = tokens.group(Delimiter::Parenthesis).cloned() {
                let (end, arguments) = self.items(tokens, &group, Parser::argument)?;
                let tallest = arguments.iter().map(|a| a.value.height).fold(height, u32::max);
                let spot = value.spot.to(end);
                value = self.node(ExprKind::Call(Box::new(value), arguments), spot, tallest)?;
            } else if let Some(group) = tokens.group(Delimiter::Bracket).cloned() {
                let end = self.bump(tokens);
                let mut inner = Tokens::within(&group);
                let index = self.slice(&mut inner)?;
                if !inner.is_empty() {
                    return self.expected(&inner, "`]`");
                }
                let (spot, height) = (value.spot.to(end), height.max(index.height));
                value =
                    self.node(ExprKind::Index(Box::new(value), Box::new(index)), spot, height)?;
            } else if matches!(tokens.operator(), "." | "::") {
                self.bump_operator(tokens);
                value = self.field(tokens, value)?;
            } else {
                return Ok(value);
            }
        }
    }

    /// What stands behind a dot: a name, or an index such as `.0`.
    fn field(&mut self, tokens: &mut Tokens, value: Expr) -> Parsed<Expr> {
        let height = value.height;
        if let Some(TokenTree::Literal(literal)) = tokens.peek()
            && let Meaning::Int(index) = meaning(literal)
        {
            let end = self.bump(tokens);
            let spot = value.spot.to(end);
            let index = Expr { kind: ExprKind::Int(index), spot: end, height: 1 };
            return self.node(ExprKind::Index(Box::new(value), Box::new(index)), spot, height);
        }
        let Some(name) = self.name(tokens) else { return self.expected(tokens, "a name") };
        let spot = value.spot.to(name.spot);
        self.node(ExprKind::Field(Box::new(value), name), spot, height)
    }

    /// Items between commas. One that is wrong is noted and the next is read.
    fn items<T: Wrong>(
        &mut self,
        tokens: &mut Tokens,
        group: &Group,
        item: impl Fn(&mut Self, &mut Tokens) -> Parsed<T>,
    ) -> Parsed<(Spot, Vec<T>)> {
        let spot = self.bump(tokens);
        let mut inner = Tokens::within(group);
        let mut items = Vec::new();
        while !inner.is_empty() {
            let mut read = item(self, &mut inner);
            if read.is_ok() && !inner.is_empty() && inner.operator() != "," {
                read = self.missing_comma(&inner);
            }
            items.push(read.unwrap_or_else(|Noted| T::wrong(self.wrong_expr(&inner))));
            while !inner.is_empty() && inner.operator() != "," {
                self.bump(&mut inner);
            }
            self.bump(&mut inner);
        }
        Ok((Spot { first: spot.last, ..spot }, items))
    }

    fn missing_comma<T>(&mut self, tokens: &Tokens) -> Parsed<T> {
        if tokens.operator() == ":" {
            self.wrong(tokens, "expected `,`, found `:`")
                .help("a keyword argument is written `name = value`");
            return Err(Noted);
        }
        self.expected(tokens, "`,`")
    }

    fn argument(&mut self, tokens: &mut Tokens) -> Parsed<Argument> {
        let named = tokens.identifier().is_some() && tokens.after_identifier() == "=";
        let name = if named { self.name(tokens) } else { None };
        if named {
            self.bump(tokens);
        }
        let value = match self.expr(tokens) {
            Ok(value) => value,
            Err(Noted) => self.wrong_expr(tokens),
        };
        Ok(Argument { name, value })
    }

    pub(crate) fn primary(&mut self, tokens: &mut Tokens) -> Parsed<Expr> {
        let Some(tree) = tokens.peek().cloned() else {
            return self.expected(tokens, "a value");
        };
        match tree {
            TokenTree::Literal(literal) => {
                let spot = self.spot(tokens);
                let kind = match meaning(&literal) {
                    Meaning::Int(value) => ExprKind::Int(value),
                    Meaning::Float(value) => ExprKind::Float(value),
                    Meaning::Str(value) => ExprKind::Str(value),
                    Meaning::Wrong(message, help) => {
                        self.wrong(tokens, message).help(help);
                        ExprKind::Wrong
                    }
                };
                self.bump(tokens);
                self.node(kind, spot, 0)
            }
            TokenTree::Group(group) => self.group(tokens, &group),
            TokenTree::Ident(ident) => self.word(tokens, &ident.to_string()),
            TokenTree::Punct(_) if matches!(tokens.operator(), "|" | "||") => self.closure(tokens),
            TokenTree::Punct(_) if tokens.operator() == "*" => {
                self.wrong(tokens, "a list cannot be unpacked here")
                    .help("write its items, or call a layer on the list itself");
                Err(Noted)
            }
            TokenTree::Punct(_) => self.expected(tokens, "a value"),
        }
    }

    fn group(&mut self, tokens: &mut Tokens, group: &Group) -> Parsed<Expr> {
        let start = self.spot(tokens);
        match group.delimiter() {
            Delimiter::Brace => {
                let block = self.braces(tokens, "this")?;
                let height = block.height;
                self.node(ExprKind::Block(block), start, height)
            }
            // A fragment that a `macro_rules!` around this block passed.
            Delimiter::None => self.nested(tokens, |parser, tokens| {
                parser.bump(tokens);
                let mut inner = Tokens::within(group);
                let value = parser.expr(&mut inner)?;
                if inner.is_empty() { Ok(value) } else { parser.expected(&inner, "the end") }
            }),
            Delimiter::Parenthesis | Delimiter::Bracket => {
                let is_tuple = group.delimiter() == Delimiter::Parenthesis;
                let ends_in_comma = matches!(
                    group.stream().into_iter().last(),
                    Some(TokenTree::Punct(punct)) if punct.as_char() == ','
                );
                let (_, mut items) = self.items(tokens, group, Parser::expr)?;
                if is_tuple && items.len() == 1 && !ends_in_comma {
                    return items.pop().ok_or(Noted);
                }
                let height = items.iter().map(|item| item.height).max().unwrap_or(0);
                self.node(ExprKind::List(items), start, height)
            }
        }
    }

    fn word(&mut self, tokens: &mut Tokens, word: &str) -> Parsed<Expr> {
        let kind = match word {
            "True" | "true" => ExprKind::Bool(true),
            "False" | "false" => ExprKind::Bool(false),
            "None" => ExprKind::None,
            "if" => return self.nested(tokens, Parser::choice),
            "move" => {
                self.bump(tokens);
                return self.closure(tokens);
            }
            "lambda" | "not" | "else" | "elif" | "and" | "or" | "in" | "let" | "for" | "mut"
            | "match" | "while" | "loop" | "fn" | "return" | "unsafe" | "_" => {
                return self.expected(tokens, "a value");
            }
            _ => ExprKind::Name(word.into()),
        };
        let spot = self.bump(tokens);
        self.node(kind, spot, 0)
    }

    /// `if condition { .. } else { .. }`
    fn choice(&mut self, tokens: &mut Tokens) -> Parsed<Expr> {
        let start = self.bump(tokens);
        let condition = Box::new(self.expr(tokens)?);
        let then = self.braces(tokens, "the condition of an `if`")?;
        let mut otherwise = None;
        if tokens.at_word("else") {
            self.bump(tokens);
            otherwise = Some(Box::new(if tokens.at_word("if") {
                self.nested(tokens, Parser::choice)?
            } else {
                let spot = self.spot(tokens);
                let block = self.braces(tokens, "`else`")?;
                let height = block.height;
                self.node(ExprKind::Block(block), spot, height)?
            }));
        }
        let last = otherwise.as_ref().map_or(0, |otherwise| otherwise.height);
        let height = condition.height.max(then.height).max(last);
        self.node(ExprKind::If { condition, then, otherwise }, start, height)
    }

    /// `|x, filters| value`
    fn closure(&mut self, tokens: &mut Tokens) -> Parsed<Expr> {
        let start = self.spot(tokens);
        let mut parameters = Vec::new();
        if tokens.operator() == "||" {
            self.bump_operator(tokens);
        } else {
            self.bump(tokens);
            while !tokens.operator().starts_with('|') {
                parameters.push(self.pattern(tokens)?);
                self.skip_type(tokens);
                match tokens.operator() {
                    "," => {
                        self.bump(tokens);
                    }
                    operator if operator.starts_with('|') => {}
                    _ => return self.expected(tokens, "`,` or `|`"),
                }
            }
            self.bump(tokens);
        }
        let body = self.expr(tokens)?;
        let height = body.height;
        self.node(ExprKind::Closure(Rc::new(Closure { parameters, body })), start, height)
    }
}

/// What takes the place of an item that could not be read.
trait Wrong {
    fn wrong(expr: Expr) -> Self;
}

impl Wrong for Expr {
    fn wrong(expr: Expr) -> Expr {
        expr
    }
}

impl Wrong for Argument {
    fn wrong(value: Expr) -> Argument {
        Argument { name: None, value }
    }
}
