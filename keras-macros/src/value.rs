//! The values that a `model!` block computes with.

use std::fmt;
use std::rc::Rc;

use keras_graph::network::{LayerId, TensorId};
use keras_graph::value as graph;

use crate::ast::{self, Name};
use crate::errors::Spot;

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// Follows from a mistake that was told; whatever is made of it is unknown too, and says
    /// nothing.
    Unknown,
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    /// A division of integers that leaves a remainder, and what was computed with one.
    Quotient(graph::Quotient),
    Str(Rc<str>),
    /// A list or a tuple.
    List(Rc<List>),
    /// `from..to`
    Range {
        from: i64,
        to: i64,
        reversed: bool,
    },
    /// An object of Keras that is no layer, such as `regularizers.L2(1e-4)`.
    Object(Rc<graph::Object>),
    /// A layer, or a model used as one.
    Layer(LayerId),
    /// A symbolic tensor. What a call with several results returns is a list of them.
    Tensor(TensorId),
    /// A function of the block: `|x, filters| { .. }`.
    Template(Rc<Template>),
}

/// Items, how deep lists nest within them and how many values they hold in all.
#[derive(Debug)]
pub(crate) struct List {
    pub items: Vec<Value>,
    pub depth: u32,
    pub size: usize,
}

/// A closure with the names that were known where it was written.
#[derive(Debug)]
pub(crate) struct Template {
    pub closure: Rc<ast::Closure>,
    pub captured: Vec<Binding>,
    pub depth: u32,
}

/// A name and its value.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    pub name: Rc<str>,
    pub value: Value,
    pub access: Access,
}

/// Whether a name may be assigned to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Mutable,
    Immutable,
    /// Captured by a template.
    Captured,
    Constant,
}

/// An evaluated argument.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub name: Option<Name>,
    pub value: Value,
    pub spot: Spot,
    /// The name it was written as, if it is one.
    pub variable: Option<Rc<str>>,
}

impl Value {
    /// A list of these items.
    pub(crate) fn list(items: Vec<Value>) -> Value {
        let depth = 1 + items.iter().map(Value::depth).max().unwrap_or(0);
        let size = items.iter().map(Value::size).fold(1, usize::saturating_add);
        Value::List(Rc::new(List { items, depth, size }))
    }

    /// How many values are in it, itself included.
    pub(crate) fn size(&self) -> usize {
        match self {
            Value::List(list) => list.size,
            Value::Object(object) => object_size(object),
            Value::Str(text) => 1 + text.len() / 16,
            _ => 1,
        }
    }

    /// How deep lists and captured values nest.
    pub(crate) fn depth(&self) -> u32 {
        match self {
            Value::List(list) => list.depth,
            Value::Template(template) => template.depth,
            _ => 0,
        }
    }

    /// What kind of value it is, for a message.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Value::Unknown => "an unknown value",
            Value::None => "`None`",
            Value::Bool(_) => "a boolean",
            Value::Int(_) => "an integer",
            Value::Float(_) | Value::Quotient(_) => "a number",
            Value::Str(_) => "a string",
            Value::List(_) => "a list",
            Value::Range { .. } => "a range",
            Value::Object(_) => "an object",
            Value::Layer(_) => "a layer",
            Value::Tensor(_) => "a tensor",
            Value::Template(_) => "a template",
        }
    }

    /// The value as an argument of a layer; none if it cannot be one.
    pub(crate) fn argument(&self) -> Option<graph::Value> {
        Some(match self {
            Value::None => graph::Value::None,
            Value::Bool(value) => graph::Value::Bool(*value),
            Value::Int(value) => graph::Value::Int(*value),
            Value::Float(value) => graph::Value::Float(*value),
            Value::Quotient(quotient) => graph::Value::Quotient(*quotient),
            Value::Str(value) => graph::Value::Str(value.to_string()),
            Value::List(list) => {
                graph::Value::List(list.items.iter().map(Value::argument).collect::<Option<_>>()?)
            }
            Value::Object(object) => graph::Value::Object((**object).clone()),
            Value::Unknown
            | Value::Range { .. }
            | Value::Layer(_)
            | Value::Tensor(_)
            | Value::Template(_) => return None,
        })
    }

    /// The layer that it is, or the layers of a list.
    pub(crate) fn layers(&self) -> Vec<LayerId> {
        match self {
            Value::Layer(layer) => vec![*layer],
            Value::List(list) => list.items.iter().flat_map(Value::layers).collect(),
            _ => Vec::new(),
        }
    }

    /// The value where an integer is wanted.
    pub(crate) fn integer(&self) -> Option<i64> {
        match self {
            Value::Int(value) => Some(*value),
            Value::Quotient(quotient) => Some(quotient.whole),
            _ => None,
        }
    }

    /// Whether an unknown value is in it.
    pub(crate) fn is_unknown(&self) -> bool {
        match self {
            Value::Unknown => true,
            Value::List(list) => list.items.iter().any(Value::is_unknown),
            _ => false,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Range { from, to, .. } => write!(f, "`{from}..{to}`"),
            value => match value.argument() {
                Some(argument) => write!(f, "`{argument}`"),
                None => f.write_str(value.kind()),
            },
        }
    }
}

fn object_size(object: &graph::Object) -> usize {
    fn size(value: &graph::Value) -> usize {
        match value {
            graph::Value::List(items) => 1 + items.iter().map(size).sum::<usize>(),
            graph::Value::Object(object) | graph::Value::Layer(object) => object_size(object),
            _ => 1,
        }
    }
    1 + object.arguments.iter().map(|argument| size(&argument.value)).sum::<usize>()
}
