//! One sample of a model: what goes in, what comes out, and what should have come out.
//!
//! A model with one input takes plain nested arrays. With several, a sample is a struct with a
//! named field each, which [`inputs!`](crate::inputs) and [`outputs!`](crate::outputs) declare. The
//! training loop knows neither type: it reads a sample port by port as flat numbers, so that it is
//! compiled once and not for every model.

mod structs;

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

/// Makes samples on the heap, however large one is; for [`outputs!`](crate::outputs).
#[doc(hidden)]
pub use bytemuck::{Zeroable, zeroed_vec};
#[doc(hidden)]
pub use structs::{copy_array, scalar};
