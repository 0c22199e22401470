//! Which keys count for which query: masks of steps, and masks of scores.

use super::{ATTENTION_MASK, CAUSAL, Heads, KEY_MASK, QUERY_MASK, Tensors, VALUE_MASK};
use crate::call::{Call, Lowered};
use crate::dtype::Dtype;
use crate::graph::{Graph, LayerError, NodeId};
use crate::shape::Shape;

impl Heads<'_> {
    /// Which keys count for which query, of the rank of the scores; None if all do.
    pub(super) fn mask(
        &self,
        graph: &mut Graph,
        call: &Call<Lowered>,
        tensors: &Tensors,
    ) -> Result<Option<NodeId>, LayerError> {
        let Tensors { query, value, key, axes, .. } = tensors;
        let [q, v] = [query, value].map(|tensor| graph.extents(tensor.node));
        let [of_queries, of_keys] =
            [&q, &v].map(|extents| axes.iter().map(|&axis| extents[axis]).collect::<Vec<usize>>());
        let steps = q.len() - 1;
        let pairs: Vec<usize> =
            (0..steps).filter(|axis| !axes.contains(axis)).map(|axis| q[axis]).collect();
        let scores = [&pairs[..], &[self.query_heads], &of_queries, &of_keys].concat();
        let mut masks = Vec::new();
        if let Some(given) = call.tensor(ATTENTION_MASK) {
            masks.push(self.score_mask(graph, given.node, &scores, 2 * axes.len())?);
        }
        for (name, owner, carries) in [
            (QUERY_MASK, query, true),
            (VALUE_MASK, value, true),
            (KEY_MASK, key, tensors.has_key || call.tensor(KEY_MASK).is_some()),
        ] {
            let Some(mask) = owner.mask.filter(|_| carries) else { continue };
            self.check_steps(graph, name, mask, owner.node, axes)?;
            let mask = graph.cast(mask, Dtype::Bool)?;
            let mut extents = graph.extents(mask);
            let last = extents.len();
            extents.insert(if name == QUERY_MASK { last } else { last - 1 }, 1);
            // Behind the axes in pairs stands that of the heads.
            extents.insert(pairs.len(), 1);
            masks.push(graph.reshape(mask, &extents)?);
        }
        let names =
            [(CAUSAL, call.flag(CAUSAL) == Some(true)), ("sliding_window", self.window.is_some())];
        for name in names.into_iter().filter_map(|(name, is_given)| is_given.then_some(name)) {
            if axes.len() > 1 {
                return Err(self.one_axis(name));
            }
        }
        graph.all_of(&masks)
    }

    /// A mask of the scores `(pairs.., heads, queries.., keys..)`, of their rank: the axis of the
    /// heads, and what stands before it, may be missing.
    fn score_mask(
        &self,
        graph: &mut Graph,
        mask: NodeId,
        scores: &[usize],
        met: usize,
    ) -> Result<NodeId, LayerError> {
        let found = graph.extents(mask);
        let aligned = found.len().checked_sub(met).map(|leading| {
            let missing = scores.len().saturating_sub(found.len());
            [&found[..leading], &vec![1; missing], &found[leading..]].concat()
        });
        let fits = |aligned: &Vec<usize>| {
            aligned.len() == scores.len()
                && aligned.iter().zip(scores).all(|(mask, score)| mask == score || *mask == 1)
        };
        let Some(aligned) = aligned.filter(fits) else {
            let heads = scores.len() - met - 1;
            let shared = Shape::new([&scores[..heads], &scores[heads + 1..]].concat());
            let (found, each) = (graph.shape(mask), Shape::new(scores));
            let message = format!(
                "`{}` expects `attention_mask` of shape {shared}, or {each} to differ by head, \
                 found {found}",
                self.class
            );
            return Err(LayerError::argument(ATTENTION_MASK, message)
                .help("axes of the mask may be of extent 1"));
        };
        let mask = graph.cast(mask, Dtype::Bool)?;
        graph.reshape(mask, &aligned)
    }

    /// Refuses a mask of steps that is not one of its tensor.
    fn check_steps(
        &self,
        graph: &Graph,
        name: &'static str,
        mask: NodeId,
        owner: NodeId,
        axes: &[usize],
    ) -> Result<(), LayerError> {
        let extents = graph.extents(owner);
        let steps = &extents[..extents.len() - 1];
        let found = graph.shape(mask);
        if found.extents() != steps {
            let expected = Shape::new(steps);
            let class = self.class;
            let message = format!("`{class}` expects `{name}` of shape {expected}, found {found}");
            return Err(LayerError::argument(name, message)
                .help("a mask of steps has all axes of its tensor but the last"));
        }
        if *axes != [steps.len() - 1] {
            return Err(self.one_axis(name));
        }
        Ok(())
    }

    fn one_axis(&self, name: &'static str) -> LayerError {
        let message = format!(
            "`{}` can use `{name}` only where it attends along one axis, the last before the \
             features",
            self.class
        );
        LayerError::argument(name, message).help("give an `attention_mask`")
    }
}
