//! How a batch is cut: into shards, and those into blocks. Both depend on the plan and the batch
//! alone.

use core::ops::Range;

use keras_graph::needs;
use keras_graph::plan::{Place, Plan, Segment, Step, Storage};

use crate::dtype_policy::DtypePolicy;

/// Most shards a batch is cut into; more threads than this do not help.
pub(super) const MAX_SHARDS: usize = 16;
/// Most memory that all shards' sums take together.
const MAX_SHARD_SUMS_BYTES: usize = 1 << 30;
/// A number that is summed by one more shard costs as much as so many floating-point operations: it
/// is cleared, summed in a copy of its own and merged, and kernels that get fewer samples at a time
/// are slower.
const FLOPS_PER_MERGED_NUMBER: usize = 144;
/// A weight that one more shard streams through its cache, likewise.
const FLOPS_PER_STREAMED_WEIGHT: usize = 48;
/// So many weights stay in a core's second-level cache, so that reading them once more costs
/// nothing.
const CACHED_WEIGHTS: usize = 1 << 17;
/// A shard with less work than this, forward, costs more to hand to another thread than it saves.
pub(super) const LEAST_SHARD_FLOPS: usize = 1 << 19;
/// What a block reads and writes in a segment should take no more than this, a core's second-level
/// cache.
const BLOCK_BYTES: usize = 1 << 20;

/// How many shards a batch is cut into: the more, the more threads can help, but each has sums to
/// be merged and weights to be read.
pub(super) fn shard_count(plan: &Plan, samples: usize, policy: DtypePolicy) -> usize {
    let merge_flops = FLOPS_PER_MERGED_NUMBER * plan.reduced_len;
    let stream_flops = if plan.weights_len > CACHED_WEIGHTS {
        // Of these operations, twice as many go by while a weight is read.
        let rate = if policy == DtypePolicy::MixedBfloat16 { 2 } else { 1 };
        rate * FLOPS_PER_STREAMED_WEIGHT * plan.weights_len
    } else {
        0
    };
    let least_flops = merge_flops.max(stream_flops).max(LEAST_SHARD_FLOPS);
    let least_samples = least_flops.div_ceil((plan.flops as usize).max(1));
    // Half as many as kernels like to have together are nearly as fast.
    let least_samples = least_samples.max(together(&plan.steps) / 2).max(1);
    let sums_bytes = plan.reduced_len.max(1) * size_of::<f32>();
    let most = MAX_SHARDS.min(MAX_SHARD_SUMS_BYTES / sums_bytes).max(1);
    // A power of two, so that two or four threads get as much each.
    let shards = (samples / least_samples).clamp(1, most);
    1 << shards.ilog2()
}

/// How many samples the kernels of some steps want together.
fn together(steps: &[Step]) -> usize {
    steps.iter().map(|step| needs::together(&step.op)).max().unwrap_or(1)
}

/// How a segment is cut into blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// Elements per sample of a block's buffer that the segment uses.
    pub(super) block_len: usize,
    /// Elements per sample that it reads or writes, those of the shard among them.
    touched_len: usize,
    /// Samples that its kernels want together.
    together: usize,
}

impl Cut {
    /// Of each segment.
    pub(super) fn of_segments(plan: &Plan) -> Vec<Cut> {
        plan.segments.iter().map(|segment| Cut::of(plan, segment)).collect()
    }

    fn of(plan: &Plan, segment: &Segment) -> Cut {
        let steps = plan.steps[segment.from..segment.to].iter();
        let mut places: Vec<Place> = steps.clone().map(|step| step.output).collect();
        places.extend(steps.flat_map(|step| step.inputs.iter()).map(|input| input.place));
        if has_head(plan, segment.from..segment.to) {
            // Ports are read and written where the loss stands, or by a step.
            let ports = plan.inputs.iter().chain(plan.outputs.iter());
            places.extend(
                ports
                    .flat_map(|port| {
                        [Some(port.place), port.gradient.map(|gradient| gradient.place)]
                    })
                    .flatten(),
            );
        }
        let ends = places.iter().filter(|place| place.storage == Storage::Block);
        let block_len = ends.map(|place| place.offset + place.len).max().unwrap_or(0);
        places.retain(|place| place.storage == Storage::Shard);
        places.sort_by_key(|place| (place.offset, place.len));
        places.dedup();
        let shard_len: usize = places.iter().map(|place| place.len).sum();
        let together = together(&plan.steps[segment.from..segment.to]);
        Cut { block_len, touched_len: block_len + shard_len, together }
    }

    /// Samples of a block, of a shard that has `samples`: where images are small, blocks have more
    /// of them.
    pub(super) fn block_samples(self, samples: usize) -> usize {
        let sample_bytes = self.touched_len.max(1) * size_of::<f32>();
        let most = (BLOCK_BYTES / sample_bytes).max(self.together).clamp(1, samples);
        samples.div_ceil(samples.div_ceil(most))
    }
}

/// Whether the loss stands in a segment of these steps.
pub(super) fn has_head(plan: &Plan, steps: Range<usize>) -> bool {
    (steps.start < plan.forward && plan.forward <= steps.end)
        || (steps.start == 0 && plan.forward == 0)
}
