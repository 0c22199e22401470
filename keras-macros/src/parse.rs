//! Tokens to the tree: the parser's state, and what stands before the block. Statements are in
//! [`statement`](crate::statement), expressions in [`expression`](crate::expression).
//!
//! It is Rust's own statement syntax with Keras' keyword arguments. A mistake is noted and reading
//! goes on after the next `;`, or in a list after the next `,`, so that one run tells all of them.
//! Nesting is bounded, so that no input exhausts the stack.

use std::rc::Rc;

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};

use crate::ast::{Body, Item};
use crate::errors::{Mistake, Mistakes, Spot};
use crate::tokens::{Meaning, Tokens, meaning};

/// Deepest nesting of brackets, operators and blocks.
pub(crate) const MAX_NESTING: u32 = 128;

/// Says that a mistake was noted and reading must go on elsewhere.
pub(crate) struct Noted;

pub(crate) type Parsed<T> = Result<T, Noted>;

pub(crate) struct Parser<'m> {
    pub mistakes: &'m mut Mistakes,
    /// Tokens read so far.
    order: u32,
    pub nesting: u32,
}

impl Parser<'_> {
    pub(crate) fn new(mistakes: &mut Mistakes) -> Parser<'_> {
        Parser { mistakes, order: 0, nesting: 0 }
    }

    /// The place of the next token.
    pub(crate) fn spot(&self, tokens: &Tokens) -> Spot {
        let last = match tokens.peek() {
            Some(TokenTree::Group(group)) => group.span_close(),
            _ => tokens.span(),
        };
        Spot { first: tokens.span(), last, order: self.order }
    }

    /// Takes the next token.
    pub(crate) fn bump(&mut self, tokens: &mut Tokens) -> Spot {
        let spot = self.spot(tokens);
        self.order = self.order.saturating_add(1);
        tokens.bump();
        spot
    }

    /// Takes an operator of several characters.
    pub(crate) fn bump_operator(&mut self, tokens: &mut Tokens) -> Spot {
        let mut spot = self.spot(tokens);
        for _ in 0..tokens.operator().len() {
            spot = spot.to(self.bump(tokens));
        }
        spot
    }

    /// Notes a mistake at the next token.
    pub(crate) fn wrong(&mut self, tokens: &Tokens, message: impl Into<String>) -> &mut Mistake {
        let spot = self.spot(tokens);
        self.mistakes.add(spot, message)
    }

    pub(crate) fn expected<T>(&mut self, tokens: &Tokens, what: &str) -> Parsed<T> {
        let found = tokens.found();
        let hint = python_hint(tokens);
        let mistake = self.wrong(tokens, format!("expected {what}, found {found}"));
        if let Some(hint) = hint {
            mistake.help(hint);
        }
        Err(Noted)
    }

    /// Goes one level deeper.
    pub(crate) fn nested<T>(
        &mut self,
        tokens: &mut Tokens,
        read: impl FnOnce(&mut Self, &mut Tokens) -> Parsed<T>,
    ) -> Parsed<T> {
        if self.nesting >= MAX_NESTING {
            let spot = self.spot(tokens);
            self.too_deep(spot);
            return Err(Noted);
        }
        self.nesting += 1;
        let result = read(self, tokens);
        self.nesting -= 1;
        result
    }

    pub(crate) fn too_deep(&mut self, spot: Spot) {
        self.mistakes
            .add(spot, format!("this is nested more than {MAX_NESTING} levels deep"))
            .help("bind a part to a name with `let`");
    }

    /// A whole block: the struct, then the statements. None if there is not even a struct.
    pub(crate) fn item(&mut self, stream: TokenStream) -> Option<Item> {
        let mut tokens = Tokens::new(stream, Span::call_site());
        let attributes =
            self.attributes(&mut tokens, &["doc", "allow", "expect", "deprecated", "must_use"]);
        let visibility = self.visibility(&mut tokens);
        let (name, is_file) = self.header(&mut tokens).ok()?;
        let body = if is_file {
            let (path, spot) =
                self.file(&mut tokens).unwrap_or(("".into(), Spot::of(name.span(), 0)));
            Body::File(path, spot)
        } else {
            Body::Block(self.block(&mut tokens))
        };
        Some(Item { attributes, visibility, name, body })
    }

    fn header(&mut self, tokens: &mut Tokens) -> Parsed<(Ident, bool)> {
        if !tokens.at_word("struct") {
            self.wrong(tokens, "expected the struct that holds the weights")
                .help("begin with `pub struct Name;`");
            return Err(Noted);
        }
        self.bump(tokens);
        let Some(name) = tokens.identifier().cloned() else {
            return self.expected(tokens, "the struct's name");
        };
        self.bump(tokens);
        match tokens.operator() {
            ";" => self.bump(tokens),
            "=" => {
                self.bump(tokens);
                return Ok((name, true));
            }
            _ => {
                let help = format!("write `struct {name};`: its fields are the model's weights");
                self.wrong(tokens, "expected `;` after the struct's name").help(help);
                if tokens.group(Delimiter::Brace).is_some() {
                    self.bump(tokens);
                }
                self.spot(tokens)
            }
        };
        Ok((name, false))
    }

    /// `include!("model.keras");`
    fn file(&mut self, tokens: &mut Tokens) -> Parsed<(Rc<str>, Spot)> {
        let help = "write `include!(\"model.keras\");`, a path from the crate's root";
        if !tokens.at_word("include") {
            self.wrong(tokens, "expected `include!` of a Keras file").help(help);
            return Err(Noted);
        }
        self.bump(tokens);
        if tokens.operator() == "!" {
            self.bump(tokens);
        }
        let Some(group) = tokens.group(Delimiter::Parenthesis).cloned() else {
            self.wrong(tokens, "expected the path of a Keras file").help(help);
            return Err(Noted);
        };
        self.bump(tokens);
        if tokens.operator() == ";" {
            self.bump(tokens);
        }
        if !tokens.is_empty() {
            self.wrong(tokens, "nothing may stand after a model read from a file");
        }
        self.path(&mut Tokens::within(&group), help)
    }

    /// A string literal alone.
    pub(crate) fn path(&mut self, tokens: &mut Tokens, help: &str) -> Parsed<(Rc<str>, Spot)> {
        if let Some(TokenTree::Literal(literal)) = tokens.peek()
            && let Meaning::Str(path) = meaning(literal)
        {
            let spot = self.bump(tokens);
            if tokens.operator() == "," {
                self.bump(tokens);
            }
            if tokens.is_empty() {
                return Ok((path, spot));
            }
        }
        self.wrong(tokens, "expected the path of a Keras file, as a string literal").help(help);
        Err(Noted)
    }

    /// `#[..]`, as many as there are; only those of the listed names are kept.
    pub(crate) fn attributes(&mut self, tokens: &mut Tokens, allowed: &[&str]) -> TokenStream {
        let mut kept = TokenStream::new();
        while tokens.operator() == "#" {
            let Some(TokenTree::Group(group)) = tokens.ahead(1).cloned() else { break };
            let spot = self.spot(tokens);
            let name = group.stream().into_iter().next().map(|t| t.to_string()).unwrap_or_default();
            if allowed.contains(&name.as_str()) {
                kept.extend([tokens.bump(), tokens.bump()].into_iter().flatten());
                continue;
            }
            let help = match allowed {
                ["doc"] => "attributes stand before the struct".to_string(),
                _ => format!("allowed: {}", allowed.join(", ")),
            };
            let name = if name == "doc" { "a doc comment".into() } else { format!("`#[{name}]`") };
            self.mistakes.add(spot, format!("{name} cannot stand here")).help(help);
            self.bump(tokens);
            self.bump(tokens);
        }
        kept
    }

    pub(crate) fn visibility(&mut self, tokens: &mut Tokens) -> TokenStream {
        if !tokens.at_word("pub") {
            return TokenStream::new();
        }
        let word = tokens.bump();
        let scope = tokens.group(Delimiter::Parenthesis).is_some().then(|| tokens.bump());
        [word, scope.flatten()].into_iter().flatten().collect()
    }
}

/// What to write in place of something from Python.
fn python_hint(tokens: &Tokens) -> Option<&'static str> {
    Some(match tokens.identifier().map(ToString::to_string).unwrap_or_default().as_str() {
        "and" => "write `&&`",
        "or" => "write `||`",
        "not" => "write `!`",
        "lambda" => "write a template: `|x| { .. }`",
        "for" => "write a `for` statement: `for i in 0..3 { .. }`",
        "if" => "write `if condition { a } else { b }`",
        "elif" => "write `else if`",
        _ => match tokens.operator() {
            "'" => "a string stands in double quotes: write `\"` in place of `'`",
            "#" => "a comment starts with `//`",
            ":" => "a block stands in braces: `{ .. }`",
            _ => return None,
        },
    })
}
