//! The structs of samples of models with several inputs or outputs, a field for each.

use crate::array::Array;

/// Copies the sample at `index` of a port's flat buffer to where it belongs; for
/// [`outputs!`](crate::outputs).
#[doc(hidden)]
pub fn copy_array<A: Array<Element = f32>>(flat: &[f32], index: usize, to: &mut A) {
    A::flat_mut(core::slice::from_mut(to)).copy_from_slice(&flat[index * A::LEN..][..A::LEN]);
}

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
mod tests {
    use super::super::{Prediction, Sample, Samples, Values};

    inputs! {
        /// Two inputs.
        struct PairInputs { 0 image: [[f32; 3]; 2], 1 token: i32 }
    }
    outputs! {
        /// Two outputs.
        struct PairOutputs { 0 score (A, A1): [f32; 1], 1 class (B, B1): [f32; 4] }
    }

    #[test]
    fn ports_are_flat_and_keep_their_kind() {
        let x = PairInputs { image: [[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]], token: -7 };
        assert_eq!(PairInputs::PORTS, 2);
        assert_eq!(x.port(0), Values::Floats(&[1.0, -2.0, 3.0, 4.0, 5.0, -6.0]));
        assert_eq!(x.port(1), Values::Labels(&[-7]));
        let target = PairOutputs { score: 0.5, class: u32::MAX };
        assert_eq!(target.port(1), Values::Labels(&[-1]));
        let unsigned = [0, 1].map(<PairOutputs<[f32; 1], u32> as Sample>::is_unsigned);
        assert_eq!(unsigned, [false, true]);
        assert!(!PairInputs::is_unsigned(1));
        let samples: &[_] = &[x, PairInputs { token: 5, ..x }];
        let many: &dyn Samples = &samples;
        assert_eq!((many.count(), many.port(1, 1)), (2, Values::Labels(&[5])));
    }

    #[test]
    fn predictions_are_collected_from_flat_buffers() {
        let fill = &mut |ports: &mut [&mut [f32]]| {
            for (p, port) in ports.iter_mut().enumerate() {
                for (i, value) in port.iter_mut().enumerate() {
                    *value = (10 * p + i) as f32;
                }
            }
        };
        assert_eq!(<[f32; 2]>::collect(2, fill), [[0.0, 1.0], [2.0, 3.0]]);
        let second = PairOutputs { score: [1.0], class: [14.0, 15.0, 16.0, 17.0] };
        assert_eq!(PairOutputs::collect(2, fill)[1], second);
    }
}
