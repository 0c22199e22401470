//! A model's weights as flat memory and back: the one place, beside SIMD, where the compiler cannot
//! check what is done.
//!
//! Everything here rests on the contract of [`Infer`]: a model is `f32` numbers and nothing else,
//! in the order and at the offsets that [`Infer::WEIGHTS`] states.
#![allow(unsafe_code, reason = "flat views cannot be had without")]

use alloc::borrow::Cow;
use alloc::boxed::Box;
use core::slice;

use keras_ir::initializer::Rule;
use keras_ir::plan::WeightInfo;

use crate::infer::Infer;

/// Number of weights of a model. Panics (while compiling) if a model breaks its contract.
pub(crate) const fn len<M: Infer>() -> usize {
    let mut len = 0;
    let mut i = 0;
    while i < M::WEIGHTS.len() {
        assert!(M::WEIGHTS[i].offset == len, "weights lie one after the other");
        len += elements(&M::WEIGHTS[i]);
        i += 1;
    }
    assert!(size_of::<M>() == len * size_of::<f32>(), "a model is its weights and nothing else");
    // A reference to a model without weights is aligned for whatever holds no number.
    assert!(len == 0 || align_of::<M>() == align_of::<f32>(), "a model is made of f32");
    len
}

/// Number of elements of a weight.
const fn elements(weight: &WeightInfo) -> usize {
    let shape = extents(weight);
    let mut len = 1;
    let mut axis = 0;
    while axis < shape.len() {
        len *= shape[axis];
        axis += 1;
    }
    len
}

/// Extents of a weight.
pub(crate) const fn extents(weight: &WeightInfo) -> &[usize] {
    match &weight.shape {
        Cow::Borrowed(shape) => shape,
        Cow::Owned(_) => panic!("a model's constants are borrowed"),
    }
}

/// Panics (while compiling) if a weight starts as an array of a file, which is not kept.
pub const fn assert_drawn(weights: &[WeightInfo]) {
    let mut i = 0;
    while i < weights.len() {
        assert!(
            !matches!(weights[i].initializer.rule, Rule::Unkept),
            "a weight starts as an array of numbers in the file, which is not kept: \
             `load` the model"
        );
        i += 1;
    }
}

/// All weights, in Keras' order.
pub(crate) fn view<M: Infer>(model: &M) -> &[f32] {
    let len = const { len::<M>() };
    if len == 0 {
        return &[];
    }
    // SAFETY: by its contract a model is `len` numbers and nothing else, and `len` was checked
    // against its size.
    unsafe { slice::from_raw_parts((&raw const *model).cast::<f32>(), len) }
}

/// All weights, in Keras' order, to be changed.
pub(crate) fn view_mut<M: Infer>(model: &mut M) -> &mut [f32] {
    let len = const { len::<M>() };
    if len == 0 {
        return &mut [];
    }
    // SAFETY: as in `view`; every pattern of bits is a number, so that nothing written can break
    // the model.
    unsafe { slice::from_raw_parts_mut((&raw mut *model).cast::<f32>(), len) }
}

/// A model of zeros, made on the heap.
pub fn zeroed<M: Infer>() -> Box<M> {
    let model = Box::new_zeroed();
    // SAFETY: by its contract a model is made of `f32`, for which zeros are a value.
    unsafe { model.assume_init() }
}

/// Numbers that lie as a model's weights do, as a model. Panics if `bytes` has another length than
/// the model.
pub(crate) const fn from_bytes<M: Infer>(bytes: &'static Aligned<[u8]>) -> &'static M {
    const { len::<M>() };
    assert!(bytes.0.len() == size_of::<M>(), "as many bytes as the model has");
    assert!(align_of::<M>() <= align_of::<Aligned<()>>(), "aligned for the model");
    let start = (&raw const bytes.0).cast::<M>();
    // SAFETY: the bytes are aligned, as many as the model's, live forever, and every pattern of
    // bits is a number.
    unsafe { &*start }
}

/// Bytes that start where a cache line does, as `&Aligned(*include_bytes!(..))`.
#[repr(C, align(64))]
pub struct Aligned<B: ?Sized>(
    /// The bytes.
    pub B,
);

impl<const N: usize> Aligned<[u8; N]> {
    /// Some pieces of a file one behind the other, each said by its first byte and its length.
    /// Copies them without a loop over bytes, which the compiler would take minutes for. Panics: if
    /// the pieces have another length than `N` together, or reach beyond the file.
    pub const fn gathered(file: &[u8], pieces: &[[usize; 2]]) -> Self {
        let mut gathered = Aligned([0; N]);
        let mut rest: &mut [u8] = &mut gathered.0;
        let mut i = 0;
        while i < pieces.len() {
            let [start, len] = pieces[i];
            let (piece, after) = rest.split_at_mut(len);
            piece.copy_from_slice(file.split_at(start).1.split_at(len).0);
            rest = after;
            i += 1;
        }
        assert!(rest.is_empty(), "as many bytes as the pieces have");
        gathered
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::Example;

    #[test]
    fn pieces_of_a_file_are_gathered_in_their_order() {
        const GATHERED: Aligned<[u8; 5]> =
            Aligned::gathered(b"abcdefgh", &[[5, 2], [0, 0], [1, 3]]);
        assert_eq!(&GATHERED.0, b"fgbcd");
        for pieces in [[[0, 2], [7, 2]], [[0, 2], [3, 4]], [[0, 1], [1, 1]]] {
            let gather = || Aligned::<[u8; 4]>::gathered(b"abcdefgh", &pieces);
            assert!(std::panic::catch_unwind(gather).is_err(), "{pieces:?}");
        }
    }

    #[test]
    fn the_flat_view_follows_the_fields() {
        let mut model: Box<Example> = zeroed();
        assert!(view(&*model).iter().all(|&w| w == 0.0));
        view_mut(&mut *model)[5] = -3.0;
        assert_eq!(model.hidden.kernel[1][1], -3.0);
        model.output.bias[1] = 7.0;
        assert_eq!(view(&*model).last(), Some(&7.0));
        assert_eq!(view(&*model).len(), Example::PARAMS);
    }
}
