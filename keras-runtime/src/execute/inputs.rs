//! The list of an op's inputs, without an allocation.

/// Inputs of an op that need no list on the heap.
pub(super) const INLINE_INPUTS: usize = 16;

/// An empty list, in the memory of a list that is no longer needed.
pub(super) fn recycled<'b>(mut list: Vec<&[f32]>) -> Vec<&'b [f32]> {
    list.clear();
    // No item is left to convert: what `collect` takes over is the memory.
    list.into_iter().map(|_| -> &'b [f32] { unreachable!("the list is empty") }).collect()
}
