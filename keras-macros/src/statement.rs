//! Statements: `let`, `const`, `for`, assignments, and what is bound. A statement that cannot be
//! read is noted, and reading goes on after its `;`.

use std::rc::Rc;

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};

use crate::ast::{BinaryOp, Block, Constant, Expr, ExprKind, Name, Pattern, Statement};
use crate::parse::{Noted, Parsed, Parser};
use crate::tokens::Tokens;

impl Parser<'_> {
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
