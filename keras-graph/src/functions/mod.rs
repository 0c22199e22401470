//! The functions of `keras.ops`: a catalogue beside that of the layers. A function has no weights;
//! called on a tensor it is an operation of the model, which Keras saves as it saves layers: class,
//! arguments, and the call with its constants.
//!
//! A family has a file, in which a table says for each function what it takes and how it becomes
//! ops. The batch is axis 0, as in Keras, and stays in front: what would reduce, move or mix it is
//! refused. Source: Keras 3.15 `ops/numpy.py`, `ops/nn.py`, `ops/core.py`.

mod activation;
mod arithmetic;
mod bind;
mod choice;
mod einsum;
mod elementwise;
mod index;
mod operand;
pub mod operation;
mod order;
mod pad;
mod reduce;
mod shape;

use crate::activation::FUNCTIONS;
use crate::call::{Call, CallParameter, CallValue, Lowered};
use crate::graph::{Graph, LayerError};
use crate::layer::Layer;
use crate::schema::Schema;
use crate::value::Value;

pub use bind::{bind, bind_operands};
pub use index::{ELLIPSIS, SLICE};
use operand::Operand;
pub use operation::ACTIVATIONS_MODULE;
pub(crate) use operation::{Default, functions};
pub use operation::{Function, Operation};

/// The families of `keras.ops`.
const FAMILIES: &[&[Function]] = &[
    activation::FUNCTIONS,
    arithmetic::FUNCTIONS,
    choice::FUNCTIONS,
    einsum::FUNCTIONS,
    elementwise::FUNCTIONS,
    index::FUNCTIONS,
    order::FUNCTIONS,
    pad::FUNCTIONS,
    reduce::FUNCTIONS,
    shape::FUNCTIONS,
];

impl Function {
    /// All functions of `keras.ops`.
    pub fn all() -> impl Iterator<Item = &'static Function> {
        FAMILIES.iter().flat_map(|family| family.iter())
    }

    /// The function of this name in `keras.ops`.
    pub fn by_name(name: &str) -> Option<&'static Function> {
        Function::all().find(|function| function.names.contains(&name))
    }

    /// The function of this name in `keras.activations`; `linear` is none, it returns what it is
    /// called on.
    pub fn activation(name: &str) -> Option<&'static Function> {
        let own = activation::own::FUNCTIONS.iter().chain(activation::FUNCTIONS);
        let is_activation = FUNCTIONS.iter().any(|(known, _)| *known == name);
        own.into_iter()
            .find(|function| function.names.contains(&name))
            .or_else(|| Function::by_name(name).filter(|_| is_activation))
    }

    /// The function that Keras saves as this class.
    pub fn by_class(class: &str) -> Option<&'static Function> {
        let all = Function::all().chain(activation::own::FUNCTIONS);
        all.into_iter().find(|function| function.schema.class == class)
    }
}

impl Layer for Operation {
    fn schema(&self) -> &'static Schema {
        &self.function.schema
    }

    fn config(&self) -> Vec<(&'static str, Value)> {
        self.arguments.clone()
    }

    fn module(&self) -> &'static str {
        self.function.module
    }

    fn as_operation(&self) -> Option<&Operation> {
        Some(self)
    }

    fn call_parameters(&self) -> &'static [CallParameter] {
        &[]
    }

    fn lower_call(
        &self,
        graph: &mut Graph,
        call: &Call<Lowered>,
    ) -> Result<Vec<Lowered>, LayerError> {
        fn operand(value: &CallValue<Lowered>) -> Operand {
            match value {
                CallValue::Tensor(tensor) => Operand::Node(tensor.node),
                CallValue::List(items) => Operand::List(items.iter().map(operand).collect()),
                CallValue::Value(value) => Operand::Constant(value.clone()),
            }
        }
        let operands: Vec<Operand> =
            call.arguments.iter().map(|argument| operand(&argument.value)).collect();
        let nodes = (self.function.lower)(self, graph, &operands)?;
        Ok(nodes.into_iter().map(Lowered::unmasked).collect())
    }

    fn boxed(&self) -> Box<dyn Layer> {
        Box::new(self.clone())
    }
}

#[cfg(test)]
mod tests;
