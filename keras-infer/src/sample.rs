//! One sample of a model: what goes in, what comes out, and what should have come out.
//!
//! A model with one input takes plain nested arrays. With several, a sample is a struct with a
//! named field each, which [`inputs!`](crate::inputs) and [`outputs!`](crate::outputs) declare. The
//! training loop knows neither type: it reads a sample port by port as flat numbers, so that it is
//! compiled once and not for every model.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::borrow::BorrowMut;
use core::ops::Range;

use crate::array::{Array, Element};

/// The numbers of one port of one sample, in row-major order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Values<'a> {
    /// Data.
    Floats(&'a [f32]),
    /// Indices or class labels. What is larger than an `i32` holds is seen as negative, so that no
    /// model accepts it.
    Labels(&'a [i32]),
}

impl<'a> Values<'a> {
    /// The numbers of an array.
    pub fn of<A: Array>(sample: &'a A) -> Values<'a> {
        Values::of_all(core::slice::from_ref(sample))
    }

    /// The numbers of arrays, one array after the other.
    pub fn of_all<A: Array>(samples: &'a [A]) -> Values<'a> {
        let elements = A::flat(samples);
        if <A::Element as Element>::DTYPE == <f32 as Element>::DTYPE {
            Values::Floats(bytemuck::cast_slice(elements))
        } else {
            Values::Labels(bytemuck::cast_slice(elements))
        }
    }

    /// The same bits as floating-point numbers, which is how buffers hold both kinds.
    pub fn bits(self) -> &'a [f32] {
        match self {
            Values::Floats(values) => values,
            Values::Labels(labels) => bytemuck::must_cast_slice(labels),
        }
    }
}

/// A sample: one array, or a struct with an array for each port of a model.
pub trait Sample: Send + Sync + 'static {
    /// Number of ports.
    const PORTS: usize;

    /// The numbers of a port. Panics if `port >= PORTS`.
    fn port(&self, port: usize) -> Values<'_>;

    /// The numbers of a port of neighbouring samples, one sample after the other, if that is how
    /// they lie in memory.
    fn ports(_samples: &[Self], _port: usize) -> Option<Values<'_>>
    where
        Self: Sized,
    {
        None
    }

    /// Whether a port holds `u32`, so that a negative label or index stands for one above
    /// `i32::MAX`.
    fn is_unsigned(_port: usize) -> bool {
        false
    }
}

/// What a model returns for one sample.
pub trait Prediction: Sample + Zeroable {
    /// A number for each output, such as the weights of their losses: `f32`, or the struct with
    /// `f32` fields.
    type Scalars: Sample;

    /// Makes `count` predictions. `fill` gets a flat buffer of zeros for each output, `count` times
    /// its length, and writes it.
    fn collect(count: usize, fill: &mut dyn FnMut(&mut [&mut [f32]])) -> Vec<Self>;

    /// The numbers of an output, to be written. Panics if `port >= PORTS`.
    fn port_mut(&mut self, port: usize) -> &mut [f32];

    /// Those of neighbouring predictions, one after the other, if that is how they lie in memory.
    fn ports_mut(_predictions: &mut [Self], _port: usize) -> Option<&mut [f32]> {
        None
    }
}

/// What holds a prediction `Y` that a call returns: `Y` itself, or a `Box<Y>`.
pub trait CallOutput<Y>: BorrowMut<Y> + Send + Sync + 'static {
    /// A prediction of zeros, to be written.
    fn zeroed() -> Self;
}

impl<Y: Zeroable + Send + Sync + 'static> CallOutput<Y> for Y {
    fn zeroed() -> Y {
        Zeroable::zeroed()
    }
}

impl<Y: Zeroable + Send + Sync + 'static> CallOutput<Y> for Box<Y> {
    fn zeroed() -> Box<Y> {
        bytemuck::zeroed_box()
    }
}

impl<A: Array> Sample for A {
    const PORTS: usize = 1;

    fn port(&self, port: usize) -> Values<'_> {
        assert_eq!(port, 0, "an array is a single port");
        Values::of(self)
    }

    fn ports(samples: &[A], port: usize) -> Option<Values<'_>> {
        assert_eq!(port, 0, "an array is a single port");
        Some(Values::of_all(samples))
    }

    fn is_unsigned(_: usize) -> bool {
        <A::Element as Element>::DTYPE == <u32 as Element>::DTYPE
    }
}

impl<A: Array<Element = f32>> Prediction for A {
    type Scalars = f32;

    fn collect(count: usize, fill: &mut dyn FnMut(&mut [&mut [f32]])) -> Vec<Self> {
        let mut predictions = A::zeros(count);
        fill(&mut [A::flat_mut(&mut predictions)]);
        predictions
    }

    fn port_mut(&mut self, port: usize) -> &mut [f32] {
        assert_eq!(port, 0, "an array is a single port");
        A::flat_mut(core::slice::from_mut(self))
    }

    fn ports_mut(predictions: &mut [A], port: usize) -> Option<&mut [f32]> {
        assert_eq!(port, 0, "an array is a single port");
        Some(A::flat_mut(predictions))
    }
}

/// Many samples, of a type that the training loop does not know.
pub trait Samples: Sync {
    /// Number of samples.
    fn count(&self) -> usize;

    /// The numbers of a port of a sample. Panics if there is no such sample or port.
    fn port(&self, sample: usize, port: usize) -> Values<'_>;

    /// The numbers of a port of neighbouring samples, one sample after the other, if that is how
    /// they lie in memory.
    fn ports(&self, _samples: Range<usize>, _port: usize) -> Option<Values<'_>> {
        None
    }

    /// As [`Sample::is_unsigned`].
    fn is_unsigned(&self, _port: usize) -> bool {
        false
    }
}

impl<S: Sample> Samples for &[S] {
    fn count(&self) -> usize {
        self.len()
    }

    fn port(&self, sample: usize, port: usize) -> Values<'_> {
        self[sample].port(port)
    }

    fn ports(&self, samples: Range<usize>, port: usize) -> Option<Values<'_>> {
        S::ports(&self[samples], port)
    }

    fn is_unsigned(&self, port: usize) -> bool {
        S::is_unsigned(port)
    }
}

/// Copies the sample at `index` of a port's flat buffer to where it belongs; for
/// [`outputs!`](crate::outputs).
#[doc(hidden)]
pub fn copy_array<A: Array<Element = f32>>(flat: &[f32], index: usize, to: &mut A) {
    A::flat_mut(core::slice::from_mut(to)).copy_from_slice(&flat[index * A::LEN..][..A::LEN]);
}

/// Makes samples on the heap, however large one is; for [`outputs!`](crate::outputs).
#[doc(hidden)]
pub use bytemuck::{Zeroable, zeroed_vec};

/// Declares the struct of one sample of a model with several inputs.
///
/// ```
/// keras_infer::inputs! {
///     /// One sample for `Pair`.
///     pub struct PairInputs { 0 image: [[f32; 3]; 2], 1 token: i32 }
/// }
/// let x = PairInputs { image: [[0.5; 3]; 2], token: 7 };
/// let mut samples = PairInputs::zeros(20); // on the heap, however large a sample is
/// samples[19].token = 5;
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! inputs {
    ($(#[$docs:meta])* $visibility:vis struct $name:ident {
        $($port:literal $field:ident: $array:ty),* $(,)?
    }) => {
        $(#[$docs])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        $visibility struct $name {
            $(#[doc = concat!("Input `", stringify!($field), "`.")] pub $field: $array,)*
        }

        // SAFETY: the fields are arrays of numbers, for which zeros are a value.
        unsafe impl $crate::sample::Zeroable for $name {}

        #[allow(dead_code)]
        impl $name {
            /// Makes `count` samples of zeros, built on the heap however large one is.
            $visibility fn zeros(count: usize) -> $crate::alloc::vec::Vec<Self> {
                $crate::sample::zeroed_vec(count)
            }
        }

        impl $crate::sample::Sample for $name {
            const PORTS: usize = [$($port),*].len();

            fn port(&self, port: usize) -> $crate::sample::Values<'_> {
                match port {
                    $($port => $crate::sample::Values::of(&self.$field),)*
                    _ => ::core::panic!("there is no such input"),
                }
            }

            fn is_unsigned(port: usize) -> bool {
                match port {
                    $($port => <$array as $crate::sample::Sample>::is_unsigned(0),)*
                    _ => ::core::panic!("there is no such input"),
                }
            }
        }
    };
}

/// Declares the struct of what goes with each output of a model with several: predictions, targets,
/// losses, their weights, metrics. What losses and metrics need of it is `heads!` of
/// `keras-runtime`. Each field has two type parameters of its own: the type in question, and a
/// second one for the traits that relate two such structs.
///
/// ```
/// keras_infer::outputs! {
///     /// What goes with each output of `Pair`.
///     pub struct PairOutputs { 0 score (A, A1): [f32; 1], 1 class (B, B1): [f32; 4] }
/// }
/// let y: PairOutputs = PairOutputs { score: [0.5], class: [0.0, 1.0, 0.0, 0.0] };
/// let target: PairOutputs<f32, u32> = PairOutputs { score: 1.0, class: 3 };
/// let targets = PairOutputs::<f32, u32>::zeros(20); // on the heap, however large one is
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! outputs {
    ($(#[$docs:meta])* $visibility:vis struct $name:ident {
        $($port:literal $field:ident ($type:ident, $second:ident): $array:ty),* $(,)?
    }) => {
        $(#[$docs])*
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        $visibility struct $name<$($type = $array),*> {
            $(#[doc = concat!("For the output `", stringify!($field), "`.")] pub $field: $type,)*
        }

        impl<$($type: $crate::array::Array),*> $crate::sample::Sample for $name<$($type),*> {
            const PORTS: usize = [$($port),*].len();

            fn port(&self, port: usize) -> $crate::sample::Values<'_> {
                match port {
                    $($port => $crate::sample::Values::of(&self.$field),)*
                    _ => ::core::panic!("there is no such output"),
                }
            }

            fn is_unsigned(port: usize) -> bool {
                match port {
                    $($port => <$type as $crate::sample::Sample>::is_unsigned(0),)*
                    _ => ::core::panic!("there is no such output"),
                }
            }
        }

        // SAFETY: zeros are a value of each field, so they are one of all.
        unsafe impl<$($type: $crate::sample::Zeroable),*> $crate::sample::Zeroable
            for $name<$($type),*>
        {
        }

        #[allow(dead_code)]
        impl<$($type: $crate::array::Array),*> $name<$($type),*> {
            /// Makes `count` predictions or targets of zeros, built on the heap however large one
            /// is.
            $visibility fn zeros(count: usize) -> $crate::alloc::vec::Vec<Self> {
                $crate::sample::zeroed_vec(count)
            }
        }

        impl $crate::sample::Prediction for $name {
            type Scalars = $name<$($crate::sample::scalar!($type)),*>;

            fn collect(
                count: usize,
                fill: &mut dyn ::core::ops::FnMut(&mut [&mut [f32]]),
            ) -> $crate::alloc::vec::Vec<Self> {
                $(
                    let len = count * <$array as $crate::array::Array>::LEN;
                    let mut $field = $crate::alloc::vec![0.0; len];
                )*
                fill(&mut [$(&mut $field),*]);
                let mut predictions = $crate::sample::zeroed_vec::<Self>(count);
                for (i, prediction) in predictions.iter_mut().enumerate() {
                    $($crate::sample::copy_array::<$array>(&$field, i, &mut prediction.$field);)*
                }
                predictions
            }

            fn port_mut(&mut self, port: usize) -> &mut [f32] {
                match port {
                    $($port => $crate::sample::Prediction::port_mut(&mut self.$field, 0),)*
                    _ => ::core::panic!("there is no such output"),
                }
            }
        }
    };
}

/// `f32`, once for each type parameter of [`outputs!`](crate::outputs).
#[doc(hidden)]
#[macro_export]
macro_rules! __scalar {
    ($type:ident) => {
        f32
    };
}
#[doc(hidden)]
pub use __scalar as scalar;

#[cfg(test)]
#[allow(unsafe_code, reason = "what `outputs!` emits; users may forbid it all the same")]
mod tests;
