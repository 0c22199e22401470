//! Runs a plan on a batch, for prediction or for training.
//!
//! A batch is cut into *shards*, and a shard into *blocks* small enough for a core's cache. A block
//! goes through all steps of a segment before the next block starts; shards run on whatever threads
//! there are. Both cuts depend on the plan and the batch alone, and what the shards have summed is
//! merged in their order, so any number of threads gives the same bits.
//!
//! ```text
//! copy large weights in the order in which kernels read them, in parallel
//! for segment in segments:
//!     for shard in shards, in parallel:
//!         for block in shard: load inputs, steps; after the last forward step: losses and metrics
//!     merge the segment's reductions, shard by shard
//! merge the gradient, shard by shard
//! gradients of large weights: on all samples, some rows at a time, in parallel; rows go into the
//!     optimizer's step while a cache has them
//! ```
//!
//! Nothing here allocates once the largest batch was seen.

mod aligned;
mod batch;
mod batch_steps;
mod cut;
mod execution;
mod inputs;
mod memory;
mod merge;
mod pace;
mod prepared;
mod session;
mod shard;
mod single;
#[cfg(test)]
mod tests;

pub use self::batch::{Batch, Head, Keep, NoHead, Rows};
pub use self::execution::Execution;
pub use self::session::{FlatSamples, Gradients, gradients, predict};
pub(crate) use self::session::{PREDICTED_TOGETHER, predict_batches};
pub(crate) use self::single::Single;
