//! What an op reads and makes: kinds of tensors and their lengths, and the check that a kernel's
//! slices have them.

/// A tensor as an op sees it: how it is kept, and its number of elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tensor {
    /// So many floats for each sample.
    Sample(usize),
    /// So many integers for each sample.
    Ids(usize),
    /// So many elements for each sample, which are moved as they are: all that an op moves are of
    /// one type.
    Any(usize),
    /// A weight.
    Weight(usize),
    /// A sum over all samples: a reduction, read when it is merged.
    Sum(usize),
    /// Moments of all samples: likewise.
    Moments(usize),
    /// A weight's gradient, which the optimizer alone reads.
    Gradient(usize),
}

impl Tensor {
    /// Whether an op that reads, or makes, `self` can read or make `found`.
    pub fn takes(self, found: Tensor) -> bool {
        match (self, found) {
            (Tensor::Any(len), Tensor::Sample(other) | Tensor::Ids(other)) => len == other,
            _ => self == found,
        }
    }

    /// Elements of all samples together.
    #[inline(always)]
    pub fn len_of(self, samples: usize) -> usize {
        match self {
            Tensor::Sample(len) | Tensor::Ids(len) | Tensor::Any(len) => len * samples,
            Tensor::Weight(len)
            | Tensor::Sum(len)
            | Tensor::Moments(len)
            | Tensor::Gradient(len) => len,
        }
    }
}

/// Whoever is shown what an op reads, in order.
pub trait Reader {
    /// The next input.
    fn tensor(&mut self, name: &'static str, tensor: Tensor);

    /// The next inputs, one or more: floats for each sample, each a multiple of `unit`, `len` of
    /// all together.
    fn parts(&mut self, name: &'static str, unit: usize, len: usize);
}

macro_rules! kinds {
    ($($function:ident $kind:ident)*) => {
        $(#[inline(always)] pub(crate) fn $function(len: usize) -> Tensor { Tensor::$kind(len) })*
    };
}
kinds! { sample Sample ids Ids any Any weight Weight sum Sum moments Moments }

/// Compares the slices that a kernel is given with what its op reads.
pub(crate) struct Slices<'a> {
    pub(crate) samples: usize,
    pub(crate) inputs: &'a [&'a [f32]],
    pub(crate) fits: bool,
}

impl Reader for Slices<'_> {
    #[inline(always)]
    fn tensor(&mut self, _: &'static str, tensor: Tensor) {
        match self.inputs.split_first() {
            Some((input, rest)) => {
                self.fits &= input.len() == tensor.len_of(self.samples);
                self.inputs = rest;
            }
            None => self.fits = false,
        }
    }

    #[inline(always)]
    fn parts(&mut self, _: &'static str, unit: usize, len: usize) {
        let unit = unit * self.samples;
        let is_part = |part: &&[f32]| part.len().is_multiple_of(unit);
        let total = self.inputs.iter().map(|part| part.len()).sum::<usize>();
        self.fits &= self.inputs.iter().all(is_part) && total == len * self.samples;
        self.inputs = &[];
    }
}
