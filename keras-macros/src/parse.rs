//! Tokens to the tree: the block, its statements, lists and their recovery. Expressions are in [`expression`](crate::expression).
//!
//! It is Rust's own statement syntax with Keras' keyword arguments. A mistake is noted and reading goes on after the
//! next `;`, or in a list after the next `,`, so that one run tells all of them. Nesting is bounded, so that no input
//! exhausts the stack.

use std::rc::Rc;

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

use crate::ast::{BinaryOp, Block, Body, Constant, Expr, ExprKind, Item, Name, Pattern, Statement};
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
    fn attributes(&mut self, tokens: &mut Tokens, allowed: &[&str]) -> TokenStream {
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

    fn visibility(&mut self, tokens: &mut Tokens) -> TokenStream {
        if !tokens.at_word("pub") {
            return TokenStream::new();
        }
        let word = tokens.bump();
        let scope = tokens.group(Delimiter::Parenthesis).is_some().then(|| tokens.bump());
        [word, scope.flatten()].into_iter().flatten().collect()
    }

    /// Statements up to the end of `tokens`.
    pub(crate) fn block(&mut self, tokens: &mut Tokens) -> Block {
        let mut statements = Vec::new();
        let mut value: Option<Box<Expr>> = None;
        while !tokens.is_empty() {
            match self.statement(tokens) {
                Ok(Step::Statement(statement)) => statements.push(statement),
                Ok(Step::Value(expr)) => value = Some(Box::new(expr)),
                Ok(Step::Nothing) => {}
                Err(Noted) => {
                    statements.push(Statement::Expr(self.wrong_expr(tokens)));
                    self.skip_past(tokens, ";");
                }
            }
        }
        let heights = statements.iter().map(Statement::height);
        let height = heights.chain(value.iter().map(|value| value.height)).max().unwrap_or(0);
        Block { statements, value, height, end: self.spot(tokens) }
    }

    /// A block in braces.
    pub(crate) fn braces(&mut self, tokens: &mut Tokens, after: &str) -> Parsed<Block> {
        let Some(group) = tokens.group(Delimiter::Brace).cloned() else {
            return self.expected(tokens, &format!("`{{` after {after}"));
        };
        self.nested(tokens, |parser, tokens| {
            parser.bump(tokens);
            Ok(parser.block(&mut Tokens::within(&group)))
        })
    }

    fn skip_past(&mut self, tokens: &mut Tokens, operator: &str) {
        while !tokens.is_empty() && tokens.operator() != operator {
            self.bump(tokens);
        }
        self.bump(tokens);
    }

    pub(crate) fn wrong_expr(&self, tokens: &Tokens) -> Expr {
        Expr { kind: ExprKind::Wrong, spot: self.spot(tokens), height: 1 }
    }

    fn statement(&mut self, tokens: &mut Tokens) -> Parsed<Step> {
        if tokens.operator() == "#"
            && tokens.ahead(1).is_some_and(|t| matches!(t, TokenTree::Group(_)))
        {
            let attributes = self.attributes(tokens, &["doc"]);
            if !attributes.is_empty() && !tokens.at_word("const") && !tokens.at_word("pub") {
                self.wrong(tokens, "a doc comment before this has no effect").help(
                    "docs stand before the struct or a `const`; a comment here starts with `//`",
                );
            }
            if tokens.at_word("const") || tokens.at_word("pub") {
                return self.constant(tokens, attributes).map(Step::Statement);
            }
        }
        let word = tokens.identifier().map(ToString::to_string).unwrap_or_default();
        match word.as_str() {
            "let" => self.binding(tokens).map(Step::Statement),
            "const" | "pub" => self.constant(tokens, TokenStream::new()).map(Step::Statement),
            "for" => self.repetition(tokens).map(Step::Statement),
            "fn" | "def" | "while" | "loop" | "match" | "return" | "struct" | "use" | "static"
            | "class" | "import" | "from" => self.foreign(tokens, &word),
            _ if tokens.operator() == ";" => {
                self.bump(tokens);
                Ok(Step::Nothing)
            }
            _ => self.assignment_or_value(tokens),
        }
    }

    fn foreign(&mut self, tokens: &Tokens, word: &str) -> Parsed<Step> {
        let help = match word {
            "fn" | "def" => "write a template: `let name = |x, filters| { .. };`",
            "while" | "loop" => "repeat with `for i in 0..3 { .. }`",
            "match" => "choose with `if`",
            "return" => "the last expression of a block is its value",
            "struct" | "class" => "one block makes one model; write a second `model!` for another",
            _ => "layers are known by their Keras names; nothing is imported",
        };
        self.wrong(tokens, format!("`{word}` cannot stand in a model")).help(help);
        Err(Noted)
    }

    /// `let mut name = value;`
    fn binding(&mut self, tokens: &mut Tokens) -> Parsed<Statement> {
        self.bump(tokens);
        let pattern = self.pattern(tokens)?;
        self.skip_type(tokens);
        let value = self.assigned(tokens).unwrap_or_else(|Noted| self.abandoned(tokens));
        Ok(Statement::Let(pattern, value))
    }

    /// `= value;`
    fn assigned(&mut self, tokens: &mut Tokens) -> Parsed<Expr> {
        if tokens.operator() != "=" {
            return self.expected(tokens, "`=`");
        }
        self.bump(tokens);
        let value = self.expr(tokens)?;
        self.semicolon(tokens)?;
        Ok(value)
    }

    /// Gives a statement up: what it binds is unknown, and says nothing more.
    fn abandoned(&mut self, tokens: &mut Tokens) -> Expr {
        let value = self.wrong_expr(tokens);
        self.skip_past(tokens, ";");
        value
    }

    /// Passes over `: type`; values know their own.
    pub(crate) fn skip_type(&mut self, tokens: &mut Tokens) {
        if tokens.operator() == ":" {
            while !tokens.is_empty() && !matches!(tokens.operator(), "=" | "," | "|" | ";") {
                self.bump(tokens);
            }
        }
    }

    fn constant(&mut self, tokens: &mut Tokens, attributes: TokenStream) -> Parsed<Statement> {
        self.visibility(tokens);
        if !tokens.at_word("const") {
            return self.expected(tokens, "`const`");
        }
        self.bump(tokens);
        let Some(ident) = tokens.identifier().cloned() else {
            return self.expected(tokens, "the constant's name");
        };
        let name = Name { text: ident.to_string().into(), spot: self.bump(tokens) };
        match self.typed(tokens, &ident) {
            Ok((ty, value)) => {
                let value = Rc::new(value);
                Ok(Statement::Const(Constant { attributes, ident, name, ty, value }))
            }
            Err(Noted) => {
                let value = self.abandoned(tokens);
                Ok(Statement::Let(Pattern::Name { name, mutable: false }, value))
            }
        }
    }

    /// `: type = value;`
    fn typed(&mut self, tokens: &mut Tokens, ident: &Ident) -> Parsed<(TokenStream, Expr)> {
        if tokens.operator() != ":" {
            self.wrong(tokens, format!("the constant `{ident}` needs a type"))
                .help(format!("write `const {ident}: usize = ...;`"));
            return Err(Noted);
        }
        self.bump(tokens);
        let mut ty = TokenStream::new();
        while !tokens.is_empty() && !matches!(tokens.operator(), "=" | ";") {
            ty.extend(tokens.bump());
        }
        Ok((ty, self.assigned(tokens)?))
    }

    /// `for pattern in list { .. }`
    fn repetition(&mut self, tokens: &mut Tokens) -> Parsed<Statement> {
        self.bump(tokens);
        let pattern = self.pattern(tokens)?;
        if !tokens.at_word("in") {
            return self.expected(tokens, "`in`");
        }
        self.bump(tokens);
        let list = self.expr(tokens)?;
        let body = self.braces(tokens, "the list of a `for`")?;
        Ok(Statement::For(pattern, list, body))
    }

    fn assignment_or_value(&mut self, tokens: &mut Tokens) -> Parsed<Step> {
        if let Some(ident) = tokens.identifier().cloned() {
            let after = tokens.after_identifier();
            let binary = after.strip_suffix('=').and_then(BinaryOp::of);
            let compound = matches!(after, "+=" | "-=" | "*=" | "/=" | "%=" | "<<=" | ">>=");
            if after == "=" || compound {
                let name = Name { text: ident.to_string().into(), spot: self.bump(tokens) };
                self.bump_operator(tokens);
                let value = self.expr(tokens)?;
                self.semicolon(tokens)?;
                let op = binary.map(|(op, _)| op).filter(|_| compound);
                return Ok(Step::Statement(Statement::Assign(name, op, value)));
            }
        }
        let is_statement = tokens.at_word("if") || tokens.group(Delimiter::Brace).is_some();
        let expr = if is_statement { self.primary(tokens)? } else { self.expr(tokens)? };
        if tokens.is_empty() {
            return Ok(Step::Value(expr));
        }
        if !is_statement || tokens.operator() == ";" {
            self.semicolon(tokens)?;
        }
        Ok(Step::Statement(Statement::Expr(expr)))
    }

    fn semicolon(&mut self, tokens: &mut Tokens) -> Parsed<()> {
        if tokens.operator() == ";" {
            self.bump(tokens);
            return Ok(());
        }
        self.expected(tokens, "`;`")
    }

    /// What is bound: a name, `_`, or several in brackets.
    pub(crate) fn pattern(&mut self, tokens: &mut Tokens) -> Parsed<Pattern> {
        let list =
            tokens.group(Delimiter::Parenthesis).or(tokens.group(Delimiter::Bracket)).cloned();
        if let Some(group) = list {
            return self.nested(tokens, |parser, tokens| parser.list_pattern(tokens, &group));
        }
        let mutable = tokens.at_word("mut");
        if mutable {
            self.bump(tokens);
        }
        match tokens.identifier().map(ToString::to_string) {
            Some(text) if text == "_" => {
                self.bump(tokens);
                Ok(Pattern::Ignored)
            }
            Some(text) => {
                let name = Name { text: text.into(), spot: self.bump(tokens) };
                Ok(Pattern::Name { name, mutable })
            }
            None => self.expected(tokens, "a name"),
        }
    }

    fn list_pattern(&mut self, tokens: &mut Tokens, group: &Group) -> Parsed<Pattern> {
        let spot = self.bump(tokens);
        let mut inner = Tokens::within(group);
        let mut items = Vec::new();
        while !inner.is_empty() {
            items.push(self.pattern(&mut inner)?);
            match inner.operator() {
                "," => {
                    self.bump(&mut inner);
                }
                _ if inner.is_empty() => {}
                _ => return self.expected(&inner, "`,`"),
            }
        }
        Ok(Pattern::List(items, spot))
    }
}

/// What a statement turned out to be.
enum Step {
    Statement(Statement),
    Value(Expr),
    Nothing,
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
