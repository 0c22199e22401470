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
mod reduce;
mod shape;

use crate::activation::FUNCTIONS;
use crate::call::{Call, CallParameter, CallValue, Lowered};
use crate::graph::{Graph, LayerError, NodeId};
use crate::schema::{Layer, Mismatch, ParameterType, Schema};
use crate::value::{Quotient, Value};

pub use bind::{bind, bind_operands};
pub use index::{ELLIPSIS, SLICE};
use operand::Operand;

/// The default of an argument.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Default {
    /// There is none.
    Required,
    None,
    Int(i64),
    Float(f64),
    Bool(bool),
    Str(&'static str),
}

impl Default {
    fn value(self) -> Option<Value> {
        Some(match self {
            Default::Required => return None,
            Default::None => Value::None,
            Default::Int(value) => Value::Int(value),
            Default::Float(value) => Value::Float(value),
            Default::Bool(value) => Value::Bool(value),
            Default::Str(value) => Value::Str(value.to_string()),
        })
    }
}

/// Appends the ops of a call on operands.
type Lower = fn(&Operation, &mut Graph, &[Operand]) -> Result<Vec<NodeId>, LayerError>;

/// What a division with a remainder means to an argument: see [`Quotient`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The whole number, of a count, an extent, an axis or an index.
    Whole,
    /// The fraction, of any other number.
    Fraction,
}

impl Meaning {
    /// The value without a division in it.
    fn of(self, value: Value) -> Value {
        match value {
            Value::Quotient(Quotient { whole, exact }) => match self {
                Meaning::Whole => Value::Int(whole),
                Meaning::Fraction => Value::Float(exact),
            },
            Value::List(items) => {
                Value::List(items.into_iter().map(|item| self.of(item)).collect())
            }
            value => value,
        }
    }
}

/// A function of `keras.ops` or `keras.activations`.
#[derive(Debug)]
pub struct Function {
    /// Its name in its module, and other names of it.
    pub names: &'static [&'static str],
    /// Keras' module of its class.
    pub module: &'static str,
    /// Class, documentation, and the arguments that Keras keeps with the class.
    pub schema: Schema,
    /// The defaults of those arguments.
    defaults: &'static [Default],
    /// What a division with a remainder means to each of them.
    meanings: &'static [Meaning],
    /// What it computes with, tensors or constants, in order; `*` in front of a name stands for all
    /// that follow, and behind it a `?` for what may be left out.
    operands: &'static [&'static str],
    /// The order of all arguments in a call of the function.
    pub signature: &'static [&'static str],
    lower: Lower,
}

/// Declares the functions of a family. An argument that is kept with the class is a whole number,
/// or made of such, unless `: number` says otherwise.
/// Where no module of `keras.ops` stands in front, the function is one of `keras.activations`.
macro_rules! functions {
    ($(
        $(#[doc = $docs:literal])*
        $($module:literal)? $class:ident($($name:literal),+)
        ($($signature:ident),*)
        [$($operand:literal),*]
        { $($(#[doc = $parameter_docs:literal])* $parameter:ident $(: $number:ident)? $(= $default:expr)?),* $(,)? }
        $lower:expr;
    )*) => {
        pub(crate) const FUNCTIONS: &[$crate::functions::Function] = &[$(
            $crate::functions::Function {
                names: &[$($name),+],
                module: $crate::functions::functions!(@module $($module)?),
                schema: $crate::schema::Schema {
                    class: stringify!($class),
                    docs: concat!($($docs, "\n"),*),
                    parameters: &[$($crate::schema::Parameter {
                        name: stringify!($parameter),
                        docs: concat!("" $(, $parameter_docs, "\n")*),
                        optional: $crate::functions::functions!(@optional $($default)?),
                    }),*],
                },
                defaults: &[$($crate::functions::functions!(@default $($default)?)),*],
                meanings: &[$($crate::functions::functions!(@meaning $($number)?)),*],
                operands: &[$($operand),*],
                signature: &[$(stringify!($signature)),*],
                lower: $lower,
            },
        )*];
    };
    (@module) => { $crate::functions::ACTIVATIONS_MODULE };
    (@module $module:literal) => { concat!("keras.src.ops.", $module) };
    (@meaning) => { $crate::functions::Meaning::Whole };
    (@meaning number) => { $crate::functions::Meaning::Fraction };
    (@optional) => { false };
    (@optional $default:expr) => { true };
    (@default) => { $crate::functions::Default::Required };
    (@default $default:expr) => { $default };
}
pub(crate) use functions;

/// Keras' module of the operations that only `keras.activations` has.
pub const ACTIVATIONS_MODULE: &str = "keras.src.activations.activations";

/// The families of `keras.ops`.
const FAMILIES: &[&[Function]] = &[
    activation::FUNCTIONS,
    arithmetic::FUNCTIONS,
    choice::FUNCTIONS,
    einsum::FUNCTIONS,
    elementwise::FUNCTIONS,
    index::FUNCTIONS,
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

    /// Its name in its module.
    pub fn name(&self) -> &'static str {
        self.names[0]
    }

    /// The operand of this index as it is called, and whether it may be left out.
    fn operand(&self, i: usize) -> Option<(&'static str, bool)> {
        let last = self.operands.last()?;
        let name = self.operands.get(i).or(last.starts_with('*').then_some(last))?;
        let name = name.strip_prefix('*').unwrap_or(name);
        Some((name.strip_suffix('?').unwrap_or(name), name.ends_with('?')))
    }
}

/// A function with the arguments that Keras keeps with its class: an operation of a model.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The function.
    pub function: &'static Function,
    /// The arguments, defaults included, in the order of the schema.
    pub arguments: Vec<(&'static str, Value)>,
}

impl Operation {
    /// Reads an argument. Errors: a value that its type does not take.
    fn argument<T: ParameterType>(&self, name: &'static str) -> Result<T, LayerError> {
        let none = Value::None;
        let found = self.arguments.iter().find(|(known, _)| *known == name);
        let value = found.map_or(&none, |(_, value)| value);
        T::from_value(value).map_err(|Mismatch { expected, help }| {
            let function = self.function.name();
            let message = format!("`{name}` of `{function}` expects {expected}, found {value}");
            let error = LayerError::argument(name, message);
            match help {
                Some(help) => error.help(help),
                None => error,
            }
        })
    }

    /// The error of a call whose operand is no tensor.
    fn expects_a_tensor(&self, graph: &Graph, found: &Operand) -> LayerError {
        let (name, found) = (self.function.name(), found.describe(graph));
        LayerError::input(format!("`{name}` expects a tensor, found {found}"))
    }

    /// The tensor that an operand is.
    fn tensor(&self, graph: &Graph, operands: &[Operand], i: usize) -> Result<NodeId, LayerError> {
        match operands.get(i) {
            Some(Operand::Node(node)) => Ok(*node),
            Some(other) => Err(self.expects_a_tensor(graph, other)),
            None => Err(LayerError::input(format!(
                "`{}` needs the argument `{}`",
                self.function.name(),
                self.function.operand(i).map_or("x", |(name, _)| name)
            ))),
        }
    }

    /// The tensors of an operand that is a list.
    fn tensors(&self, graph: &Graph, operands: &[Operand]) -> Result<Vec<NodeId>, LayerError> {
        let items = match operands.first() {
            Some(Operand::List(items)) => items.as_slice(),
            Some(one @ Operand::Node(_)) => std::slice::from_ref(one),
            _ => &[],
        };
        if items.is_empty() {
            let name = self.function.name();
            return Err(LayerError::input(format!("`{name}` expects a list of tensors"))
                .help(format!("write `ops.{name}([a, b])`")));
        }
        let node = |item: &Operand| match item {
            Operand::Node(node) => Ok(*node),
            other => Err(self.expects_a_tensor(graph, other)),
        };
        items.iter().map(node).collect()
    }

    /// The axis that an argument says, without the batch, of a tensor of `rank` axes beside it.
    fn axis(
        &self,
        name: &'static str,
        axis: i64,
        rank: usize,
        shape: &str,
    ) -> Result<usize, LayerError> {
        let counted = if axis < 0 { axis + rank as i64 + 1 } else { axis };
        let function = self.function.name();
        if counted == 0 {
            let message =
                format!("`{function}` cannot work along the batch, axis {axis} of {shape}");
            return Err(LayerError::argument(name, message)
                .help("axis 0 is the batch, of which a model sees one sample at a time"));
        }
        if !(1..=rank as i64).contains(&counted) {
            let message =
                format!("`{name}` of `{function}` expects an axis of {shape}, found {axis}");
            return Err(LayerError::argument(name, message));
        }
        Ok(counted as usize - 1)
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
