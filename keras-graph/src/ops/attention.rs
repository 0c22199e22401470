//! Attention: each query takes a mean of values, weighted by how well the query fits their keys.
//!
//! Queries, keys and values stand as `(.., heads, features)`, where the axes before are steps.
//! Along some of those every query meets every key; along the others, and along the heads, they
//! meet in pairs. Source: Vaswani et al. 2017, "Attention Is All You Need"; Ainslie et al. 2023,
//! "GQA".

use crate::graph::{Graph, LayerError, NodeId, Source};
use crate::op::{Attention, AttentionGrad, BinaryFunction, Comparison, Slice};
use crate::ops::contract::{Label, Labelled};
use crate::ops::gradient::{Differentiate, Gradients, Made, no_gradient};
use crate::shape::{self, Shape, checked_len};

/// What stands in place of the score of a key that does not count.
const MASKED: f32 = -1e9;

/// Labels of the axes of steps, of queries and of keys.
const QUERY_STEPS: std::ops::RangeFrom<Label> = '\u{e000}'..;
const KEY_STEPS: std::ops::RangeFrom<Label> = '\u{f000}'..;

/// The shares of a query for which no key counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unmatched {
    /// All keys have the same share.
    Even,
    /// No key has a share.
    Zero,
}

/// How queries attend to keys.
#[derive(Clone, Debug)]
pub(crate) struct Attending {
    /// The axes of steps along which every query meets every key.
    pub(crate) axes: Vec<usize>,
    /// What a product of a query and a key is multiplied with.
    pub(crate) scale: f32,
    /// Whether no query attends to a later key. There is one axis then.
    pub(crate) causal: bool,
    /// How many steps a query looks to either side, its own among them. There is one axis then.
    pub(crate) window: Option<usize>,
    /// Which keys count for which query: truth values that repeat to the scores.
    pub(crate) mask: Option<NodeId>,
    /// What a query does for which no key counts.
    pub(crate) unmatched: Unmatched,
    /// The probability that a share is dropped in training.
    pub(crate) dropout: f32,
    /// The seed of the dropout; else the model's seed decides.
    pub(crate) seed: Option<u64>,
}

/// What queries take, and how they shared out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attended {
    /// What each query takes from the values, `(.., heads, features)`.
    pub(crate) taken: NodeId,
    /// The share that it gives to each key, `(pairs.., heads, queries.., keys..)`.
    pub(crate) shares: NodeId,
    /// Which keys count, of their rank; None if all do.
    pub(crate) mask: Option<NodeId>,
}

impl Graph {
    /// What each query takes from the values, of tensors `(steps, heads, features)`. Queries may
    /// have several heads for one of the keys.
    pub(crate) fn attend(
        &mut self,
        [queries, keys, values]: [NodeId; 3],
        attending: &Attending,
    ) -> Result<NodeId, LayerError> {
        let [q, k, v] = [queries, keys, values].map(|node| self.extents(node));
        let mut drops = false;
        if attending.dropout > 0.0 {
            drops = self.is_training("Dropout")?;
        }
        if drops && attending.dropout == 1.0 {
            // Nothing is left to take, which the op cannot divide by.
            return Ok(self.attend_with_scores([queries, keys, values], attending)?.taken);
        }
        let mask = attending.mask.map(|mask| self.extents(mask));
        let op = Attention {
            queries: q[0],
            first: 0,
            keys: k[0],
            heads: q[1],
            group: q[1] / k[1],
            key_dim: q[2],
            value_dim: v[2],
            scale: attending.scale,
            causal: attending.causal,
            window: attending.window,
            masked: mask.is_some(),
            mask: mask.map_or([1; 3], |mask| [mask[0], mask[1], mask[2]]),
            even: attending.unmatched == Unmatched::Even,
            rate: if drops { attending.dropout } else { 0.0 },
            key: if drops { self.next_dropout_key() } else { 0 },
            seed: attending.seed.filter(|_| drops),
        };
        let tensors = [queries, keys, values].into_iter().chain(attending.mask);
        let inputs: Vec<Source> = tensors.map(Source::from).collect();
        self.emit(op, &inputs, vec![q[0], q[1], v[2]])
    }

    /// As [`Graph::attend`], along any axes and with the shares: what takes them as results, or
    /// attends along several axes, takes the ops that attention is made of.
    pub(crate) fn attend_with_scores(
        &mut self,
        [queries, keys, values]: [NodeId; 3],
        attending: &Attending,
    ) -> Result<Attended, LayerError> {
        let queries = self.affine(queries, attending.scale, 0.0)?;
        let [q, k, v] = [self.extents(queries), self.extents(keys), self.extents(values)];
        let steps = q.len() - 2;
        let (heads, groups) = (k[steps], q[steps] / k[steps]);
        let Attending { axes, unmatched, dropout, seed, .. } = attending;
        let mask = self.counted(attending, &q, &k)?;
        let query_labels: Vec<Label> = QUERY_STEPS.take(steps).collect();
        let key_labels: Vec<Label> = (0..steps)
            .zip(KEY_STEPS)
            .map(|(axis, label)| if axes.contains(&axis) { label } else { query_labels[axis] })
            .collect();
        // The heads of queries of one head of keys stand side by side.
        let head_labels: &[Label] = if groups == 1 { &['h'] } else { &['h', 'g'] };
        let split = |extents: &[usize]| match groups {
            1 => extents.to_vec(),
            _ => [&extents[..steps], &[heads, groups], &extents[steps + 1..]].concat(),
        };
        let pairs: Vec<Label> =
            (0..steps).filter(|axis| !axes.contains(axis)).map(|axis| query_labels[axis]).collect();
        let met = |labels: &[Label]| axes.iter().map(|&axis| labels[axis]).collect::<Vec<Label>>();
        let scored = [&pairs[..], head_labels, &met(&query_labels), &met(&key_labels)].concat();
        let queries = self.reshape(queries, &split(&q))?;
        let queries =
            Labelled { node: queries, labels: [&query_labels[..], head_labels, &['x']].concat() };
        let keys = Labelled { node: keys, labels: [&key_labels[..], &['h', 'x']].concat() };
        let scores = self.contract(keys, queries, &scored)?;
        let split_scores = self.extents(scores);
        let of_heads = pairs.len()..pairs.len() + head_labels.len();
        let joined =
            [&split_scores[..of_heads.start], &[heads * groups], &split_scores[of_heads.end..]];
        let scores = self.reshape(scores, &joined.concat())?;
        let shares = self.shares(scores, axes.len(), mask, *unmatched)?;
        let kept = self.dropped(shares, *dropout, *seed)?;
        let kept = Labelled { node: self.reshape(kept, &split_scores)?, labels: scored };
        let values = Labelled { node: values, labels: [&key_labels[..], &['h', 'y']].concat() };
        let taken = [&query_labels[..], head_labels, &['y']].concat();
        let taken = self.contract(kept, values, &taken)?;
        let extents = [&q[..=steps], &v[steps + 1..]].concat();
        Ok(Attended { taken: self.reshape(taken, &extents)?, shares, mask })
    }

    /// Which keys count for which query by the mask and by their distance; None if all do.
    fn counted(
        &mut self,
        attending: &Attending,
        q: &[usize],
        k: &[usize],
    ) -> Result<Option<NodeId>, LayerError> {
        let Attending { axes, causal, window, mask, .. } = attending;
        let mut masks: Vec<NodeId> = mask.iter().copied().collect();
        if let &[axis] = &axes[..] {
            let steps = [q[axis], k[axis]];
            if let Some(near) = self.near_keys(steps, *causal, *window)? {
                // Before the queries stand the other axes of steps, and the heads.
                let extents = [&vec![1; q.len() - 2][..], &steps].concat();
                masks.push(self.reshape(near, &extents)?);
            }
        }
        self.all_of(&masks)
    }

    /// Scores as shares that sum to 1 along the last `axes` axes, of which masked ones have none.
    fn shares(
        &mut self,
        scores: NodeId,
        axes: usize,
        mask: Option<NodeId>,
        unmatched: Unmatched,
    ) -> Result<NodeId, LayerError> {
        let masked = match mask {
            Some(mask) => self.masked(scores, mask, MASKED)?,
            None => scores,
        };
        let extents = self.extents(scores);
        let (outer, keys) = extents.split_at(extents.len() - axes);
        let rows = self.reshape(masked, &[outer, &[keys.iter().product()]].concat())?;
        let shares = self.softmax(rows, outer.len())?;
        let shares = self.reshape(shares, &extents)?;
        match (mask, unmatched) {
            (Some(mask), Unmatched::Zero) => self.masked(shares, mask, 0.0),
            _ => Ok(shares),
        }
    }

    /// Which keys a query may look at by their distance: those up to its own place if `causal`, and
    /// those less than `window` steps away, `(queries, keys)`. None if it may look at all.
    pub(crate) fn near_keys(
        &mut self,
        [queries, keys]: [usize; 2],
        causal: bool,
        window: Option<usize>,
    ) -> Result<Option<NodeId>, LayerError> {
        if !causal && window.is_none() {
            return Ok(None);
        }
        let extents = [queries, keys];
        let rows = self.ramp(&[queries, 1], 0.0, 1.0)?;
        let rows = self.broadcast(rows, &extents)?;
        let columns = self.ramp(&[1, keys], 0.0, 1.0)?;
        let columns = self.broadcast(columns, &extents)?;
        let mut near = None;
        if causal {
            near = Some(self.compare(rows, columns, Comparison::GreaterEqual)?);
        }
        if let Some(window) = window {
            let distance = self.binary(rows, columns, BinaryFunction::Subtract)?;
            let window = window as f32;
            for (f, bound) in [(Comparison::Less, window), (Comparison::Greater, -window)] {
                let within = self.compare_with(distance, f, bound)?;
                near = Some(match near {
                    Some(near) => self.both(near, within)?,
                    None => within,
                });
            }
        }
        Ok(near)
    }

    /// Where all of several truth values hold; axes of extent 1 are repeated. None if there are
    /// none.
    pub(crate) fn all_of(&mut self, masks: &[NodeId]) -> Result<Option<NodeId>, LayerError> {
        let Some((&first, others)) = masks.split_first() else { return Ok(None) };
        let mut all = first;
        for &mask in others {
            let shapes = [all, mask].map(|mask| self.extents(mask));
            let Some(to) = shape::broadcast(&[&shapes[0], &shapes[1]]) else {
                let [all, mask] = shapes.map(Shape::new);
                let message = format!("masks of {all} and {mask} do not fit");
                return Err(LayerError::argument("attention_mask", message));
            };
            let (left, right) = (self.broadcast(all, &to)?, self.broadcast(mask, &to)?);
            all = self.both(left, right)?;
        }
        Ok(Some(all))
    }
}

impl Differentiate for Attention {
    /// One op for the three gradients, which have much in common, and slices of its result.
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let ([q, k, v], _) = made.first_inputs()?;
        if ![q, k, v].into_iter().any(|input| gradients.wants(input)) {
            return Ok(());
        }
        let lens = self.gradient_lens();
        let extent = checked_len(&[lens.iter().sum()])?;
        let inputs: Vec<Source> = made.inputs.iter().copied().chain([made.d_y]).collect();
        let graph = &mut gradients.program.graph;
        let all = graph.push(AttentionGrad { of: *self }, &inputs, Shape::new([extent]));
        let mut begin = 0;
        for (input, len) in [q, k, v].into_iter().zip(lens) {
            let slice = Slice { outer: 1, extent, inner: 1, begin, len };
            gradients.push(input, slice, &[all.into()]);
            begin += len;
        }
        Ok(())
    }
}

no_gradient! { AttentionGrad }
