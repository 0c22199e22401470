//! Where the batches of an epoch come from: arrays in memory, or anything that yields batches.

use crate::error::Result;
use crate::execute::Rows;
use crate::random::Random;
use crate::sample::Sample;
use crate::training::ports::Supervised;

/// What becomes of an epoch after a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// On to the next batch.
    Continue,
    /// Enough.
    Stop,
}

/// A batch's way to the training.
pub(crate) type Show<'a> = dyn FnMut(&Supervised<'_>, Rows<'_>) -> Result<Flow> + 'a;

/// A source of batches, whatever the types of its samples.
pub(crate) trait Feed {
    /// Batches of an epoch, if that is known.
    fn steps(&self) -> Option<usize>;

    /// Whether its data was looked at already.
    fn is_checked(&self) -> bool;

    /// Shows all batches of an epoch, which begins after so many steps of the optimizer.
    fn epoch(&mut self, epoch: usize, iterations: u64, show: &mut Show<'_>) -> Result<()>;
}

/// Rows of arrays, shuffled anew in each epoch or in their order.
pub(crate) struct Arrays<'a> {
    pub(crate) rows: Supervised<'a>,
    pub(crate) batch_size: usize,
    /// The rows in the order in which they are taken.
    pub(crate) order: Vec<usize>,
    pub(crate) shuffle: Option<Shuffle>,
}

/// How rows are shuffled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shuffle {
    pub(crate) seed: u64,
}

impl Feed for Arrays<'_> {
    fn steps(&self) -> Option<usize> {
        Some(self.order.len().div_ceil(self.batch_size))
    }

    fn is_checked(&self) -> bool {
        true
    }

    fn epoch(&mut self, _: usize, iterations: u64, show: &mut Show<'_>) -> Result<()> {
        if let Some(Shuffle { seed }) = self.shuffle {
            // The order follows from the steps done, so that a training that was saved goes on as
            // if it never stopped.
            self.order.iter_mut().enumerate().for_each(|(i, row)| *row = i);
            Random::stream(seed, &format!("shuffle/{iterations}")).shuffle(&mut self.order);
        }
        for rows in self.order.chunks(self.batch_size) {
            if show(&self.rows, Rows::List(rows))? == Flow::Stop {
                break;
            }
        }
        Ok(())
    }
}

/// A batch: inputs, and a target for each.
pub type OwnedBatch<I, T> = (Vec<I>, Vec<T>);

/// Anything that yields the batches of an epoch, such as a reader of files; a closure `|epoch|
/// iterator` is one.
pub trait Batches {
    /// One sample's input.
    type Input: Sample;
    /// One sample's target.
    type Target: Sample;

    /// The batches of an epoch, counted from 0. An error ends the training and is what
    /// `fit_batches` returns.
    fn batches(
        &mut self,
        epoch: usize,
    ) -> impl Iterator<Item = Result<OwnedBatch<Self::Input, Self::Target>>>;

    /// How many batches an epoch has, if that is known; only the progress bar asks.
    fn steps(&self) -> Option<usize> {
        None
    }
}

impl<F, B, I: Sample, T: Sample> Batches for F
where
    F: FnMut(usize) -> B,
    B: IntoIterator<Item = Result<OwnedBatch<I, T>>>,
{
    type Input = I;
    type Target = T;

    fn batches(&mut self, epoch: usize) -> impl Iterator<Item = Result<OwnedBatch<I, T>>> {
        self(epoch).into_iter()
    }
}

/// A source of the user's.
pub(crate) struct Streamed<S>(pub(crate) S);

impl<S: Batches> Feed for Streamed<S> {
    fn steps(&self) -> Option<usize> {
        self.0.steps()
    }

    fn is_checked(&self) -> bool {
        false
    }

    fn epoch(&mut self, epoch: usize, _: u64, show: &mut Show<'_>) -> Result<()> {
        for batch in self.0.batches(epoch) {
            let (x, y) = batch?;
            let (x, y) = (x.as_slice(), y.as_slice());
            let rows = Supervised { x: &x, y: &y, sample_weight: None };
            if show(&rows, Rows::Range(0..x.len()))? == Flow::Stop {
                break;
            }
        }
        Ok(())
    }
}
