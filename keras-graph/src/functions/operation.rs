//! What a function of `keras.ops` is, and a call of one with the arguments that Keras keeps.

use super::operand::Operand;
use crate::dtype::Dtype;
use crate::graph::{Graph, LayerError, NodeId};
use crate::parameter::bound;
use crate::parameter::{AxesOrNone, DtypeName};
use crate::schema::{Mismatch, ParameterType, Schema};
use crate::value::{Object, Quotient, Value};

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
    pub(super) fn value(self) -> Option<Value> {
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
    pub(super) fn of(self, value: Value) -> Value {
        match value {
            Value::Quotient(Quotient { whole, exact }) => match self {
                Meaning::Whole => Value::Int(whole),
                Meaning::Fraction => Value::Float(exact),
            },
            // Files hold the number, not the call that made it.
            Value::Object(Object { ref class, .. }) if class == "float" => match bound(&value) {
                Some(number) => Value::Float(number.into()),
                None => value,
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
    pub(super) defaults: &'static [Default],
    /// What a division with a remainder means to each of them.
    pub(super) meanings: &'static [Meaning],
    /// What it computes with, tensors or constants, in order; `*` in front of a name stands for all
    /// that follow, and behind it a `?` for what may be left out.
    pub(super) operands: &'static [&'static str],
    /// The order of all arguments in a call of the function.
    pub signature: &'static [&'static str],
    pub(super) lower: Lower,
}

/// Declares the functions of a family. An argument that is kept with the class is a whole number,
/// or made of such, unless `: number` says otherwise.
/// Where no module of `keras.ops` stands in front, the function is one of `keras.activations`.
/// It becomes ops by a closure, or by a function and what that takes beside: `=> compare(f)`.
macro_rules! functions {
    ($(
        $(#[doc = $docs:literal])*
        $($module:literal)? $class:ident($($name:literal),+)
        ($($signature:ident),*)
        [$($operand:literal),*]
        {
            $(
                $(#[doc = $parameter_docs:literal])*
                $parameter:ident $(: $number:ident)? $(= $default:expr)?
            ),*
            $(,)?
        }
        $($lower:expr)? $(=> $by:ident($($beside:expr),*))?;
    )*) => {
        pub(crate) const FUNCTIONS: &[$crate::functions::operation::Function] = &[$(
            $crate::functions::operation::Function {
                names: &[$($name),+],
                module: $crate::functions::operation::functions!(@module $($module)?),
                schema: $crate::schema::Schema {
                    class: stringify!($class),
                    docs: concat!($($docs, "\n"),*),
                    parameters: &[$($crate::schema::Parameter {
                        name: stringify!($parameter),
                        docs: concat!("" $(, $parameter_docs, "\n")*),
                        optional: $crate::functions::operation::functions!(@optional $($default)?),
                    }),*],
                },
                defaults: &[$($crate::functions::operation::functions!(@default $($default)?)),*],
                meanings: &[$($crate::functions::operation::functions!(@meaning $($number)?)),*],
                operands: &[$($operand),*],
                signature: &[$(stringify!($signature)),*],
                lower: $($lower)? $(|op, graph, args| $by(op, graph, args, $($beside),*))?,
            },
        )*];
    };
    (@module) => { $crate::functions::operation::ACTIVATIONS_MODULE };
    (@module $module:literal) => { concat!("keras.src.ops.", $module) };
    (@meaning) => { $crate::functions::operation::Meaning::Whole };
    (@meaning number) => { $crate::functions::operation::Meaning::Fraction };
    (@optional) => { false };
    (@optional $default:expr) => { true };
    (@default) => { $crate::functions::operation::Default::Required };
    (@default $default:expr) => { $default };
}
pub(crate) use functions;

/// Keras' module of the operations that only `keras.activations` has.
pub const ACTIVATIONS_MODULE: &str = "keras.src.activations.activations";

impl Function {
    /// Its name in its module.
    pub fn name(&self) -> &'static str {
        self.names[0]
    }

    /// The operand of this index as it is called, and whether it may be left out.
    pub(super) fn operand(&self, i: usize) -> Option<(&'static str, bool)> {
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
    pub(super) fn argument<T: ParameterType>(&self, name: &'static str) -> Result<T, LayerError> {
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
    pub(super) fn tensor(
        &self,
        graph: &Graph,
        operands: &[Operand],
        i: usize,
    ) -> Result<NodeId, LayerError> {
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

    /// The operands of a function that takes so many.
    pub(super) fn operands<'a, const N: usize>(
        &self,
        operands: &'a [Operand],
    ) -> Result<&'a [Operand; N], LayerError> {
        operands.try_into().map_err(|_| {
            let (name, signature) = (self.function.name(), self.function.signature.join(", "));
            LayerError::input(format!("`{name}` expects the arguments {signature}"))
        })
    }

    /// The tensors of an operand that is a list.
    pub(super) fn tensors(
        &self,
        graph: &Graph,
        operands: &[Operand],
    ) -> Result<Vec<NodeId>, LayerError> {
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
    pub(super) fn axis(
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

    /// The axes of the argument `axis` without the batch, in order. Errors: an axis that is not
    /// there, is the batch, or stands twice; no axis, as all of them would contain the batch.
    pub(super) fn axes(&self, graph: &Graph, x: NodeId) -> Result<Vec<usize>, LayerError> {
        let (rank, shape) = (graph.shape(x).rank(), graph.shape(x).to_string());
        let name = self.function.name();
        let AxesOrNone(Some(axes)) = self.argument::<AxesOrNone>("axis")? else {
            let message = format!("`{name}` with `axis = None` would reduce the batch of {shape}");
            let all: Vec<String> = (1..=rank).map(|axis| axis.to_string()).collect();
            return Err(LayerError::argument("axis", message)
                .help(format!("name the others: `axis = ({})`", all.join(", "))));
        };
        let mut found = Vec::new();
        for &axis in axes.list() {
            let axis = self.axis("axis", axis, rank, &shape)?;
            if found.contains(&axis) {
                let message =
                    format!("`axis` of `{name}` expects each axis once, found {} twice", axis + 1);
                return Err(LayerError::argument("axis", message));
            }
            found.push(axis);
        }
        found.sort_unstable();
        Ok(found)
    }

    /// The type of numbers that the argument `dtype` names, if it is given.
    pub(super) fn dtype_or(&self, default: Dtype) -> Result<Dtype, LayerError> {
        let dtype = self.argument::<Option<DtypeName>>("dtype")?;
        Ok(dtype.map_or(default, |DtypeName(dtype)| dtype))
    }
}
