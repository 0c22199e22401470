//! What a plan is run on, and who looks at what it predicts.

use core::ops::Range;

use crate::sample::Samples;

/// Which rows of the data make up a batch.
#[derive(Clone, Debug)]
pub enum Rows<'a> {
    /// Neighbours.
    Range(Range<usize>),
    /// Any, in any order.
    List(&'a [usize]),
}

impl Rows<'_> {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Rows::Range(range) => range.len(),
            Rows::List(rows) => rows.len(),
        }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where sample `sample` of the batch stands in the data.
    pub fn row(&self, sample: usize) -> usize {
        match self {
            Rows::Range(range) => range.start + sample,
            Rows::List(rows) => rows[sample],
        }
    }
}

/// A batch, and the random numbers that go with it.
#[derive(Clone)]
pub struct Batch<'a> {
    /// The data.
    pub x: &'a dyn Samples,
    /// Its rows in this batch.
    pub rows: Rows<'a>,
    /// Seed of dropout.
    pub seed: u64,
    /// Number of training steps before this one.
    pub step: u64,
}

impl<'a> Batch<'a> {
    /// The numbers of input `i` of some samples, if they are neighbours in memory. Steps then read
    /// them there, and no copy is made.
    pub(super) fn input(&self, i: usize, samples: &Range<usize>) -> Option<&'a [f32]> {
        match &self.rows {
            Rows::Range(rows) => {
                let rows = rows.start + samples.start..rows.start + samples.end;
                self.x.ports(rows, i).map(|values| values.bits())
            }
            Rows::List(_) => None,
        }
    }
}

/// What is done with a prediction: losses, their gradients, metrics.
pub trait Head: Sync {
    /// How many sums the head gathers over the samples of a batch.
    fn sums(&self) -> usize;

    /// Looks at one output of neighbouring samples of the batch, one sample after the other.
    /// `d_y_pred` gets the gradient of the loss, if anything needs it.
    fn samples(
        &self,
        output: usize,
        samples: Range<usize>,
        y_pred: &[f32],
        d_y_pred: Option<&mut [f32]>,
        sums: &mut [f64],
    );

    /// Whether [`Head::samples`] does anything; a head that does not is not shown the outputs.
    fn looks(&self) -> bool {
        true
    }
}

/// The head of a prediction.
#[derive(Clone, Copy, Debug)]
pub struct NoHead;

impl Head for NoHead {
    fn sums(&self) -> usize {
        0
    }

    fn samples(&self, _: usize, _: Range<usize>, _: &[f32], _: Option<&mut [f32]>, _: &mut [f64]) {}

    fn looks(&self) -> bool {
        false
    }
}

/// What an execution keeps for whoever asks afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Sums and gradients by the weights.
    Sums,
    /// Also the outputs.
    Outputs,
    /// Also the outputs and the gradients by the inputs.
    InputGradients,
}
