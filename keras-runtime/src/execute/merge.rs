//! What follows the steps: the shards' reductions become one, and moving statistics move.

use keras_graph::plan::{GradientPart, Merge, Plan, Reduction};
use rayon::prelude::*;

use super::shard::Shard;
use crate::kernels::merge_moments;
use crate::optimizers::{complement, flush};

/// Elements of a gradient that one thread merges at a time.
const CHUNK: usize = 1 << 14;

/// Merges one reduction in the order of the shards.
pub(super) fn merge(shards: &[Shard], reduction: Reduction, merged: &mut [f32]) {
    let Reduction { offset, len, merge } = reduction;
    let to = &mut merged[offset..][..len];
    to.fill(0.0);
    for shard in shards {
        let from = &shard.reduced[offset..][..len];
        match merge {
            Merge::Sum => add(to, from),
            Merge::Moments => merge_moments(to, from),
        }
    }
}

/// Sums a part of the shards' gradients. Each element is added up in the order of the shards,
/// whoever does it.
pub(super) fn merge_gradient(shards: &[Shard], part: GradientPart, gradient: &mut [f32]) {
    let gradient = &mut gradient[part.to..][..part.len];
    let sum = |(i, to): (usize, &mut [f32])| {
        let from = part.from + i * CHUNK..part.from + i * CHUNK + to.len();
        for (l, shard) in shards.iter().enumerate() {
            let from = &shard.reduced[from.clone()];
            if l == 0 { to.copy_from_slice(from) } else { add(to, from) }
        }
    };
    if gradient.len() > CHUNK && rayon::current_num_threads() > 1 {
        gradient.par_chunks_mut(CHUNK).enumerate().for_each(sum);
    } else {
        gradient.chunks_mut(CHUNK).enumerate().for_each(sum);
    }
}

pub(super) fn add(to: &mut [f32], from: &[f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += from;
    }
}

/// `moving = momentum · moving + (1 - momentum) · batch`, for mean and biased variance, as Keras
/// has it.
pub(super) fn move_statistics(plan: &Plan, merged: &[f32], weights: &mut [f32]) {
    for average in plan.moving_averages.iter() {
        let channels = average.channels;
        let (mean, rest) = merged[average.moments..][..3 * channels].split_at(channels);
        let (m2, count) = rest.split_at(channels);
        let new = complement(average.momentum);
        let towards = |old: &mut f32, batch: f32| {
            *old = flush(average.momentum * *old + new * batch);
        };
        for c in 0..channels {
            towards(&mut weights[average.mean + c], mean[c]);
            // The variance of no elements, all of them masked, is 0.
            towards(&mut weights[average.variance + c], m2[c] / count[c].max(1.0));
        }
    }
}
