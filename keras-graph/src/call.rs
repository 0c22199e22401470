//! One call of a layer: the tensors it is called on, and what is said by name:
//! `layer(x, mask = m, training = False)`.
//!
//! Each layer declares the arguments of its calls ([`CallParameter`]); [`bind`] sorts what a front
//! end found by them. The same [`Call`] holds tensors of a network, and nodes of a graph while the
//! network is lowered. Source: Keras 3.15 `layers/layer.py` (`CallSpec`),
//! `ops/symbolic_arguments.py`.

mod bind;

use std::convert::Infallible;

use crate::error::LayerError;
use crate::graph::NodeId;
use crate::value::Value;

pub use bind::{Given, bind};

/// What an argument of a call takes. `None` stands for an argument that is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// One tensor.
    Tensor,
    /// One tensor, which every call needs.
    Needed,
    /// One tensor, or a list of tensors of which some may be `None`.
    Tensors,
    /// `True` or `False`.
    Flag,
}

impl CallKind {
    fn accepts<T>(self, value: &CallValue<T>) -> bool {
        match (self, value) {
            (CallKind::Tensor | CallKind::Needed | CallKind::Tensors, CallValue::Tensor(_))
            | (CallKind::Flag, CallValue::Value(Value::Bool(_))) => true,
            (CallKind::Tensors, CallValue::List(items)) => items
                .iter()
                .all(|item| matches!(item, CallValue::Tensor(_) | CallValue::Value(Value::None))),
            _ => false,
        }
    }

    fn expected(self) -> &'static str {
        match self {
            CallKind::Tensor | CallKind::Needed => "a tensor",
            CallKind::Tensors => "a tensor or a list of tensors",
            CallKind::Flag => "`True` or `False`",
        }
    }
}

/// An argument that calls of a layer take beside the tensors that the layer is called on.
#[derive(Debug)]
pub struct CallParameter {
    /// Keras' name.
    pub name: &'static str,
    /// What it means.
    pub docs: &'static str,
    /// What it takes.
    pub kind: CallKind,
}

/// `training`, which calls of every layer take. A layer that lists it says where it stands among
/// its arguments.
pub const TRAINING: CallParameter = CallParameter {
    name: "training",
    docs: "Whether the layer works as in training; by default as the model does. `False` also \
        holds for the layers within a model.",
    kind: CallKind::Flag,
};

/// `mask`: which steps, or elements, count.
pub const MASK: CallParameter = CallParameter {
    name: "mask",
    docs: "Which steps count; by default the mask that the tensor carries.",
    kind: CallKind::Tensor,
};

/// The value of an argument: a tensor, a list, or neither.
#[derive(Clone, Debug, PartialEq)]
pub enum CallValue<T> {
    /// A tensor.
    Tensor(T),
    /// A list with tensors in it.
    List(Vec<CallValue<T>>),
    /// A value without tensors.
    Value(Value),
}

impl<T: Copy> CallValue<T> {
    /// The tensors in it, in order.
    pub fn tensors(&self) -> Vec<T> {
        match self {
            CallValue::Tensor(tensor) => vec![*tensor],
            CallValue::List(items) => items.iter().flat_map(CallValue::tensors).collect(),
            CallValue::Value(_) => Vec::new(),
        }
    }

    /// The same value with other tensors.
    pub fn try_map<U, E>(
        &self,
        tensor: &mut impl FnMut(T) -> Result<U, E>,
    ) -> Result<CallValue<U>, E> {
        Ok(match self {
            CallValue::Tensor(value) => CallValue::Tensor(tensor(*value)?),
            CallValue::List(items) => {
                let items = items.iter().map(|item| item.try_map(tensor));
                CallValue::List(items.collect::<Result<_, E>>()?)
            }
            CallValue::Value(value) => CallValue::Value(value.clone()),
        })
    }

    /// Whether it is a tensor, or a list of nothing but tensors.
    fn is_tensors(&self) -> bool {
        match self {
            CallValue::Tensor(_) => true,
            CallValue::List(items) => items.iter().all(|item| matches!(item, CallValue::Tensor(_))),
            CallValue::Value(_) => false,
        }
    }

    fn describe(&self) -> String {
        match self {
            CallValue::Tensor(_) => "a tensor".to_string(),
            CallValue::List(_) => "a list".to_string(),
            CallValue::Value(value) => format!("`{value}`"),
        }
    }
}

/// An argument of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct CallArgument<T> {
    /// The parameter it belongs to.
    pub name: &'static str,
    /// Whether it was given by position.
    pub is_positional: bool,
    /// Its value.
    pub value: CallValue<T>,
}

/// One call of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Call<T> {
    /// What the layer is called on: one tensor, or those of a list.
    pub inputs: Vec<T>,
    /// What else it is given: by position, in order, then by name, in the order of the names, as
    /// Keras counts them.
    pub arguments: Vec<CallArgument<T>>,
}

impl<T: Copy> Call<T> {
    /// A call on tensors alone.
    pub fn on(inputs: &[T]) -> Call<T> {
        Call { inputs: inputs.to_vec(), arguments: Vec::new() }
    }

    /// A call on tensors alone of a layer with these parameters: one that needs several tensors
    /// takes the first and, by position, the others; any other takes all of them.
    pub fn of(parameters: &'static [CallParameter], inputs: &[T]) -> Call<T> {
        let needs_several = parameters.first().is_some_and(|first| first.kind == CallKind::Needed);
        let (Some((first, others)), true) = (inputs.split_first(), needs_several) else {
            return Call::on(inputs);
        };
        let argument = |(parameter, tensor): (&CallParameter, &T)| CallArgument {
            name: parameter.name,
            is_positional: true,
            value: CallValue::Tensor(*tensor),
        };
        let arguments = parameters.iter().zip(others).map(argument).collect();
        Call { inputs: vec![*first], arguments }
    }

    /// All tensors that the call reads, in Keras' order.
    pub fn tensors(&self) -> Vec<T> {
        let named = self.arguments.iter().flat_map(|argument| argument.value.tensors());
        self.inputs.iter().copied().chain(named).collect()
    }

    /// The same call with other tensors.
    pub fn map<U>(&self, mut tensor: impl FnMut(T) -> U) -> Call<U> {
        let Ok(call) = self.try_map(|old| Ok::<U, Infallible>(tensor(old)));
        call
    }

    /// The same call with other tensors, or why one of them cannot be had.
    pub fn try_map<U, E>(&self, mut tensor: impl FnMut(T) -> Result<U, E>) -> Result<Call<U>, E> {
        let inputs = self.inputs.iter().map(|&input| tensor(input)).collect::<Result<_, E>>()?;
        let mut arguments = Vec::with_capacity(self.arguments.len());
        for CallArgument { name, is_positional, value } in &self.arguments {
            let value = value.try_map(&mut tensor)?;
            arguments.push(CallArgument { name, is_positional: *is_positional, value });
        }
        Ok(Call { inputs, arguments })
    }

    /// The value of an argument, if it is given.
    pub fn argument(&self, name: &str) -> Option<&CallValue<T>> {
        self.arguments.iter().find(|argument| argument.name == name).map(|found| &found.value)
    }

    /// The tensor that an argument is.
    pub fn tensor(&self, name: &str) -> Option<T> {
        match self.argument(name) {
            Some(CallValue::Tensor(tensor)) => Some(*tensor),
            _ => None,
        }
    }

    /// The tensors that an argument lists; those that are `None` are left out of it.
    pub fn list(&self, name: &str) -> Option<Vec<Option<T>>> {
        let one = |value: &CallValue<T>| match value {
            CallValue::Tensor(tensor) => Some(*tensor),
            CallValue::List(_) | CallValue::Value(_) => None,
        };
        self.argument(name).map(|value| match value {
            CallValue::List(items) => items.iter().map(one).collect(),
            value => vec![one(value)],
        })
    }

    /// The value of a flag, if it is given.
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.argument(name) {
            Some(CallValue::Value(Value::Bool(value))) => Some(*value),
            _ => None,
        }
    }
}

/// A tensor of a network in a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lowered {
    /// The tensor.
    pub node: NodeId,
    /// Its mask, of type bool: which of its steps count. None if all do.
    pub mask: Option<NodeId>,
}

impl Lowered {
    /// A tensor without a mask.
    pub fn unmasked(node: NodeId) -> Lowered {
        Lowered { node, mask: None }
    }
}

impl Call<Lowered> {
    /// The one tensor that a layer of this class is called on. Errors: a list of several.
    pub fn one(&self, class: &str) -> Result<NodeId, LayerError> {
        match self.inputs.as_slice() {
            [x] => Ok(x.node),
            many => Err(LayerError::several_tensors(class, many.len())),
        }
    }

    /// The mask that a call works with: the one it is given, or that of the first tensor.
    pub fn mask(&self) -> Option<NodeId> {
        let given = self.tensor(MASK.name).map(|mask| mask.node);
        given.or(self.inputs.first().and_then(|input| input.mask))
    }
}

#[cfg(test)]
mod tests;
