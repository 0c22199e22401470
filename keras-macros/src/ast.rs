//! The tree of a `model!` block. Every node keeps its place, so that a mistake found later points
//! at its tokens.

use std::rc::Rc;

use proc_macro2::{Ident, TokenStream};

use crate::errors::Spot;

/// A whole block.
pub(crate) struct Item {
    /// What stands before the struct: its docs.
    pub attributes: TokenStream,
    /// `pub`, or whatever the user wrote.
    pub visibility: TokenStream,
    /// The struct's name.
    pub name: Ident,
    /// The model.
    pub body: Body,
}

/// Where a model comes from.
pub(crate) enum Body {
    /// Statements and the model's expression.
    Block(Block),
    /// `= include!("model.keras")`
    File(Rc<str>, Spot),
}

/// A name in the text.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    /// The identifier.
    pub text: Rc<str>,
    /// Where it stands.
    pub spot: Spot,
}

/// Statements, then perhaps a value.
#[derive(Debug)]
pub(crate) struct Block {
    pub statements: Vec<Statement>,
    pub value: Option<Box<Expr>>,
    /// Levels of expressions within.
    pub height: u32,
    /// The closing brace, or the end of the macro's tokens.
    pub end: Spot,
}

/// A statement.
#[derive(Debug)]
pub(crate) enum Statement {
    /// `let pattern = value;`
    Let(Pattern, Expr),
    /// `const NAME: type = value;`
    Const(Constant),
    /// `name = value;`, or `name += value;` and the like.
    Assign(Name, Option<BinaryOp>, Expr),
    /// `for pattern in list { .. }`
    For(Pattern, Expr, Block),
    /// `value;`
    Expr(Expr),
}

impl Statement {
    /// Levels of expressions within.
    pub(crate) fn height(&self) -> u32 {
        match self {
            Statement::Let(_, value) | Statement::Assign(_, _, value) | Statement::Expr(value) => {
                value.height
            }
            Statement::Const(constant) => constant.value.height,
            Statement::For(_, list, body) => list.height.max(body.height) + 1,
        }
    }
}

/// A constant, which becomes one of the struct.
#[derive(Clone, Debug)]
pub(crate) struct Constant {
    /// Its docs.
    pub attributes: TokenStream,
    /// The identifier as written.
    pub ident: Ident,
    pub name: Name,
    /// Its type as written.
    pub ty: TokenStream,
    pub value: Rc<Expr>,
}

/// What `let`, `for` and a template's parameters bind.
#[derive(Debug)]
pub(crate) enum Pattern {
    Name { name: Name, mutable: bool },
    Ignored,
    List(Vec<Pattern>, Spot),
}

/// An expression.
#[derive(Debug)]
pub(crate) struct Expr {
    pub kind: ExprKind,
    pub spot: Spot,
    /// Levels of expressions within, this one included.
    pub height: u32,
}

#[derive(Debug)]
pub(crate) enum ExprKind {
    /// Could not be read; the mistake is noted.
    Wrong,
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Rc<str>),
    Name(Rc<str>),
    /// `value.name`, also a step of a path such as `keras.layers`.
    Field(Box<Expr>, Name),
    /// A list or a tuple.
    List(Vec<Expr>),
    Range {
        from: Box<Expr>,
        to: Box<Expr>,
        inclusive: bool,
    },
    /// A range of a slice, of which an end may be left out.
    Open {
        from: Option<Box<Expr>>,
        to: Option<Box<Expr>>,
        inclusive: bool,
    },
    /// `...`, in a slice.
    Ellipsis,
    Index(Box<Expr>, Box<Expr>),
    Call(Box<Expr>, Vec<Argument>),
    Not(Box<Expr>),
    Negative(Box<Expr>),
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `value as type`
    Cast(Box<Expr>, Name),
    If {
        condition: Box<Expr>,
        then: Block,
        otherwise: Option<Box<Expr>>,
    },
    Block(Block),
    Closure(Rc<Closure>),
}

/// One argument of a call.
#[derive(Debug)]
pub(crate) struct Argument {
    pub name: Option<Name>,
    pub value: Expr,
}

/// A template.
#[derive(Debug)]
pub(crate) struct Closure {
    pub parameters: Vec<Pattern>,
    pub body: Expr,
}

/// An operator between two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BinaryOp {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    ShiftLeft,
    ShiftRight,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
}

/// How tightly the operator binds that binds the least, `||`.
pub(crate) const LEAST_BINDING: u8 = 1;
/// How tightly `==`, `<` and the like bind.
pub(crate) const COMPARISON_BINDING: u8 = 3;
/// How tightly `**` binds: more than a sign before it, as in Python.
pub(crate) const POWER_BINDING: u8 = 7;

impl BinaryOp {
    /// As written.
    pub(crate) fn text(self) -> &'static str {
        match self {
            BinaryOp::Or => "||",
            BinaryOp::And => "&&",
            BinaryOp::Equal => "==",
            BinaryOp::NotEqual => "!=",
            BinaryOp::Less => "<",
            BinaryOp::LessEqual => "<=",
            BinaryOp::Greater => ">",
            BinaryOp::GreaterEqual => ">=",
            BinaryOp::ShiftLeft => "<<",
            BinaryOp::ShiftRight => ">>",
            BinaryOp::Add => "+",
            BinaryOp::Subtract => "-",
            BinaryOp::Multiply => "*",
            BinaryOp::Divide => "/",
            BinaryOp::Remainder => "%",
            BinaryOp::Power => "**",
        }
    }

    /// The operator of this text, and how tightly it binds.
    pub(crate) fn of(text: &str) -> Option<(BinaryOp, u8)> {
        use BinaryOp::*;
        Some(match text {
            "||" => (Or, LEAST_BINDING),
            "&&" => (And, 2),
            "==" => (Equal, COMPARISON_BINDING),
            "!=" => (NotEqual, COMPARISON_BINDING),
            "<" => (Less, COMPARISON_BINDING),
            "<=" => (LessEqual, COMPARISON_BINDING),
            ">" => (Greater, COMPARISON_BINDING),
            ">=" => (GreaterEqual, COMPARISON_BINDING),
            "<<" => (ShiftLeft, 4),
            ">>" => (ShiftRight, 4),
            "+" => (Add, 5),
            "-" => (Subtract, 5),
            "*" => (Multiply, 6),
            "/" => (Divide, 6),
            "%" => (Remainder, 6),
            "**" => (Power, POWER_BINDING),
            _ => return None,
        })
    }

    /// The function of `keras.ops` that it is between tensors.
    pub(crate) fn function(self) -> Option<&'static str> {
        Some(match self {
            BinaryOp::Add => "add",
            BinaryOp::Subtract => "subtract",
            BinaryOp::Multiply => "multiply",
            BinaryOp::Divide => "true_divide",
            BinaryOp::Power => "power",
            BinaryOp::Equal => "equal",
            BinaryOp::NotEqual => "not_equal",
            BinaryOp::Less => "less",
            BinaryOp::LessEqual => "less_equal",
            BinaryOp::Greater => "greater",
            BinaryOp::GreaterEqual => "greater_equal",
            _ => return None,
        })
    }
}
