//! `Input`: the shape of a sample. Front ends make it, so it is not in the catalogue; its arguments
//! are read here.

use crate::dtype::Dtype;
use crate::network::InputDtype;
use crate::parameter::{Counts, LayerName, OnlyFalse, OnlyNone};
use crate::schema::{ArgumentError, Bound, Mismatch, Parameter, ParameterType, Schema};
use crate::shape::Shape;
use crate::shape::checked_len;
use crate::value::{Argument, Object, Value};

macro_rules! parameters {
    ($($name:literal: $docs:literal,)*) => {
        &[$(Parameter { name: $name, docs: $docs, optional: true },)*]
    };
}

/// What an `Input` accepts.
pub const INPUT: Schema = Schema {
    class: "Input",
    docs: "An input of the model.\n\nShapes: `(batch, *shape)`.",
    parameters: parameters! {
        "shape": "Extents of one sample: the batch is implied.",
        "batch_size": "Any batch size works, so this says nothing.",
        "dtype": "The type of a sample of the struct. Every float type is `f32`, \
            which is the default, every integer type is `i32`, and `\"bool\"` is `f32`, \
            where 0 is false. A layer casts what it reads: an `Embedding` takes any of them.",
        "sparse": "Not supported yet.",
        "ragged": "Not supported yet.",
        "batch_shape": "Another way to write `shape`, the batch first.",
        "name": "The input's name.",
        "tensor": "Not supported yet.",
        "optional": "Not supported yet.",
    },
};

/// A read `Input`.
#[derive(Clone, Debug, PartialEq)]
pub struct InputArguments {
    /// Extents per sample.
    pub shape: Shape,
    /// Element type.
    pub dtype: InputDtype,
    /// The name, if one is given.
    pub name: Option<String>,
}

impl InputArguments {
    /// Reads the arguments of an `Input` call, or tells every mistake in them.
    pub fn read(arguments: &[Argument]) -> Result<InputArguments, Vec<ArgumentError>> {
        let mut bound = Bound::new(&INPUT, arguments);
        let batch_shape: Option<BatchShape> = bound.or("batch_shape", None).flatten();
        let shape = match batch_shape {
            Some(BatchShape(shape)) if bound.position("shape").is_none() => Some(shape),
            _ => bound.required("shape").map(|SampleShape(shape)| shape),
        };
        let dtype = bound.or("dtype", InputDtype::from(Dtype::Float32));
        let name: Option<Option<LayerName>> = bound.or("name", None);
        bound.or::<Option<usize>>("batch_size", None);
        bound.or::<Option<OnlyFalse>>("sparse", None);
        bound.or::<Option<OnlyFalse>>("ragged", None);
        bound.or("tensor", OnlyNone);
        bound.or("optional", OnlyFalse);
        match (shape, dtype, name) {
            (Some(shape), Some(dtype), Some(name)) if bound.errors.is_empty() => {
                Ok(InputArguments { shape, dtype, name: name.map(|name| name.0) })
            }
            _ => Err(bound.errors),
        }
    }
}

/// A shape whose extents are all known.
struct SampleShape(Shape);

impl ParameterType for SampleShape {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let open = matches!(value, Value::List(items) if items.contains(&Value::None));
        let read = Counts::from_value(value).ok().filter(|counts| checked_len(&counts.0).is_ok());
        read.map(|counts| SampleShape(Shape::new(counts.0))).ok_or_else(|| Mismatch {
            expected: "a tuple of positive integers, such as `(28, 28, 1)`".to_string(),
            help: match value {
                Value::Int(extent) => Some(format!("write `shape = ({extent},)`")),
                _ if open => Some("every extent but the batch must be known".to_string()),
                _ => None,
            },
        })
    }

    fn to_value(&self) -> Value {
        Counts(self.0.extents().to_vec()).to_value()
    }
}

/// A shape with the batch, of any size, in front.
struct BatchShape(Shape);

impl ParameterType for BatchShape {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let shape = match value {
            Value::List(items) => items.split_first().and_then(|(batch, items)| {
                let batch = Option::<usize>::from_value(batch);
                let shape = SampleShape::from_value(&Value::List(items.to_vec()));
                batch.and(shape).ok()
            }),
            _ => None,
        };
        shape
            .map(|SampleShape(shape)| BatchShape(shape))
            .ok_or_else(|| Mismatch::expected("a tuple such as `(None, 28, 28, 1)`"))
    }

    fn to_value(&self) -> Value {
        let extents = self.0.extents().iter().map(usize::to_value);
        Value::List(std::iter::once(Value::None).chain(extents).collect())
    }
}

/// Keras' types, and how their elements are kept.
const DTYPES: &[(&str, Dtype)] = &[
    ("float32", Dtype::Float32),
    ("float16", Dtype::Float32),
    ("bfloat16", Dtype::Float32),
    ("float64", Dtype::Float32),
    ("int32", Dtype::Int32),
    ("int8", Dtype::Int32),
    ("int16", Dtype::Int32),
    ("int64", Dtype::Int32),
    ("uint8", Dtype::Int32),
    ("uint16", Dtype::Int32),
    ("uint32", Dtype::Int32),
    ("bool", Dtype::Bool),
];

impl ParameterType for InputDtype {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        if *value == Value::None {
            return Ok(Dtype::Float32.into());
        }
        let name = dtype_name(value);
        match DTYPES.iter().find(|(known, _)| Some(*known) == name) {
            Some(&(name, dtype)) => Ok(InputDtype { dtype, name }),
            None => Err(Mismatch::expected(
                "`\"float32\"`, `\"int32\"`, `\"bool\"`, or another float or integer",
            )),
        }
    }

    fn to_value(&self) -> Value {
        Value::Str(self.name.to_string())
    }
}

/// The name in a dtype, or in a `DTypePolicy` that a file has in its place.
fn dtype_name(value: &Value) -> Option<&str> {
    match value {
        Value::Str(name) => Some(name),
        Value::Object(Object { class, arguments }) if class == "DTypePolicy" => {
            match arguments.as_slice() {
                [Argument { value: Value::Str(name), .. }, ..] => Some(name),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The type that a layer computes in: float32.
pub(super) struct LayerDtype;

impl ParameterType for LayerDtype {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        if *value == Value::None || dtype_name(value) == Some("float32") {
            return Ok(LayerDtype);
        }
        let help = match dtype_name(value) {
            Some("mixed_bfloat16") => Some(
                "a policy is of a run: `.dtype_policy(DtypePolicy::MixedBfloat16)` of a training; \
                 a file is read if the model is saved under `float32`, \
                 or its weights alone as `.weights.h5`"
                    .to_string(),
            ),
            _ => None,
        };
        Err(Mismatch { help, ..Mismatch::expected("only `\"float32\"` or `None`") })
    }

    fn to_value(&self) -> Value {
        Value::Str("float32".to_string())
    }
}
