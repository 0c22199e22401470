//! Views of planned memory: many tensors are read and one is written, all in a few buffers.

use core::ops::Range;

use keras_graph::plan::{Place, Storage};

/// A buffer, all of it but a hole where something is being written.
#[derive(Clone, Copy)]
pub(super) struct Holed<'a> {
    before: &'a [f32],
    after: &'a [f32],
    /// Where `after` starts in the buffer.
    resumes: usize,
}

impl<'a> Holed<'a> {
    pub(super) fn intact(buffer: &'a [f32]) -> Holed<'a> {
        Holed { before: buffer, after: &[], resumes: buffer.len() }
    }

    /// The buffer without a part, and the part.
    pub(super) fn split(buffer: &'a mut [f32], hole: Range<usize>) -> (Holed<'a>, &'a mut [f32]) {
        let (before, rest) = buffer.split_at_mut(hole.start);
        let (part, after) = rest.split_at_mut(hole.len());
        (Holed { before, after, resumes: hole.end }, part)
    }

    /// Panics: if the range meets the hole.
    pub(super) fn part(&self, range: Range<usize>) -> &'a [f32] {
        if range.end <= self.before.len() {
            return &self.before[range];
        }
        let start =
            range.start.checked_sub(self.resumes).expect("a step never reads what it writes");
        &self.after[start..][..range.len()]
    }
}

/// Which samples a step is run on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    /// Index in the shard of the first one.
    pub(super) first: usize,
    /// How many.
    pub(super) samples: usize,
    /// Samples of the shard.
    pub(super) shard: usize,
}

impl Block {
    /// The elements of a tensor, counted from the start of its storage.
    pub(super) fn range(&self, place: Place) -> Range<usize> {
        let (start, samples) = match place.storage {
            Storage::Weights | Storage::Reduced | Storage::Gradient => (place.offset, 1),
            Storage::Block => (place.offset * self.samples, self.samples),
            Storage::Shard => (place.offset * self.shard + self.first * place.len, self.samples),
        };
        start..start + samples * place.len
    }
}
