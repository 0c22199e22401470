//! Ops that move elements.

use crate::dtype::Dtype;
use crate::graph::{Graph, LayerError, Node, NodeId, NodeKind, Source};
use crate::op::{Broadcast, Concat, Crop2D, MAX_RANK, Pad2D, Reshape, Slice, SumTo, Transpose};
use crate::ops::gradient::{Differentiate, Gradients, Made};
use crate::ops::ranked;
use crate::shape::{Shape, checked_len};

impl Graph {
    /// Repeats `x` along axes where its extent is 1; missing axes are inserted after the batch.
    /// Errors: extents that differ and are not 1.
    pub fn broadcast(&mut self, x: NodeId, to: &[usize]) -> Result<NodeId, LayerError> {
        if self.shape(x).extents() == to {
            return Ok(x);
        }
        let extents = self.extents(x);
        let missing = to.len().saturating_sub(extents.len());
        let from = [vec![1; missing], extents].concat();
        let fits = from.len() == to.len()
            && from.iter().zip(to).all(|(&from, &to)| from == to || from == 1);
        if !fits {
            let (found, to) = (self.shape(x), Shape::new(to));
            return Err(LayerError::input(format!("{found} cannot be repeated to {to}")));
        }
        let op = Broadcast { rank: to.len(), from: ranked(&from)?, to: ranked(to)? };
        self.emit(op, &[x.into()], to.to_vec())
    }

    /// Axis `a` of the result is axis `axes[a]` of `x`.
    pub fn transpose(&mut self, x: NodeId, axes: &[usize]) -> Result<NodeId, LayerError> {
        let from = self.extents(x);
        let mut sorted = axes.to_vec();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(0..from.len()) {
            let axes: Vec<usize> = axes.iter().map(|axis| axis + 1).collect();
            return Err(LayerError::input(format!(
                "{axes:?} is no order of the axes 1 to {} of {}",
                from.len(),
                self.shape(x)
            )));
        }
        if sorted == axes {
            return Ok(x);
        }
        let mut all = std::array::from_fn(|axis| axis);
        let op_from = ranked(&from)?;
        all[..axes.len()].copy_from_slice(axes);
        let op = Transpose { rank: from.len(), from: op_from, axes: all };
        self.emit(op, &[x.into()], axes.iter().map(|&axis| from[axis]).collect())
    }

    /// Computes on `x` with some axes, given in order, moved to the end, and moves them back.
    pub fn with_axes_last(
        &mut self,
        x: NodeId,
        axes: &[usize],
        compute: impl FnOnce(&mut Graph, NodeId) -> Result<NodeId, LayerError>,
    ) -> Result<NodeId, LayerError> {
        let others = (0..self.shape(x).rank()).filter(|axis| !axes.contains(axis));
        let order: Vec<usize> = others.chain(axes.iter().copied()).collect();
        let moved = self.transpose(x, &order)?;
        let y = compute(self, moved)?;
        let mut back = vec![0; order.len()];
        for (to, &from) in order.iter().enumerate() {
            back[from] = to;
        }
        self.transpose(y, &back)
    }

    /// The same elements under another shape. Errors: another number of elements.
    pub fn reshape(&mut self, x: NodeId, extents: &[usize]) -> Result<NodeId, LayerError> {
        if self.shape(x).extents() == extents {
            return Ok(x);
        }
        let (len, wanted) = (checked_len(self.shape(x).extents())?, checked_len(extents)?);
        if len != wanted {
            let (found, wanted_shape) = (self.shape(x), Shape::new(extents));
            return Err(LayerError::input(format!(
                "{wanted_shape} has {wanted} elements per sample, found {found} with {len}"
            )));
        }
        let kind = NodeKind::Sample(Reshape { len }.into());
        let (dtype, shape, repeat) = (self.dtype(x), Shape::new(extents), self.repeat);
        Ok(self.add(Node { kind, inputs: vec![x.into()], shape, dtype, repeat }))
    }

    /// Runs `lower` on each of the `times` parts of tensors along their first axis, and joins the
    /// results along a new first axis. The ops run as on `times` samples for each sample.
    ///
    /// Errors: those of `lower`; more elements than a tensor may have.
    pub fn repeated(
        &mut self,
        inputs: &[NodeId],
        times: usize,
        lower: impl FnOnce(&mut Graph, &[NodeId]) -> Result<NodeId, LayerError>,
    ) -> Result<NodeId, LayerError> {
        let outside = self.repeat;
        self.repeat = checked_len(&[outside, times])?;
        let parts: Vec<NodeId> = inputs.iter().map(|&x| self.part_of_first_axis(x)).collect();
        let y = lower(self, &parts);
        self.repeat = outside;
        let y = y?;
        let extents = [&[times], self.shape(y).extents()].concat();
        checked_len(&[&[outside], &extents[..]].concat())?;
        Ok(self.share(y, &extents))
    }

    /// A part along the first axis, of which the current repetition has as many.
    fn part_of_first_axis(&mut self, x: NodeId) -> NodeId {
        let extents = self.extents(x);
        self.share(x, &extents[1..])
    }

    /// The same elements under another shape, repeated as often as what is appended now.
    fn share(&mut self, x: NodeId, extents: &[usize]) -> NodeId {
        let (dtype, shape, repeat) = (self.dtype(x), Shape::new(extents), self.repeat);
        let kind = NodeKind::Sample(Reshape { len: shape.len() }.into());
        self.add(Node { kind, inputs: vec![x.into()], shape, dtype, repeat })
    }

    /// Joins tensors along an axis; those of several types become floats. Errors: other extents
    /// that differ.
    pub fn concat(&mut self, inputs: &[NodeId], axis: usize) -> Result<NodeId, LayerError> {
        let dtypes: Vec<Dtype> = inputs.iter().map(|&x| self.dtype(x)).collect();
        let is_one_type = dtypes.iter().all(|dtype| *dtype == dtypes[0]);
        let inputs: Vec<NodeId> = match is_one_type {
            true => inputs.to_vec(),
            false => inputs.iter().map(|&x| self.float(x)).collect::<Result<_, _>>()?,
        };
        let Some(&first) = inputs.first() else {
            return Err(LayerError::input("expects one tensor or more, found none"));
        };
        let mut extents = self.extents(first);
        let mut extent = 0usize;
        for &x in &inputs {
            let found = self.shape(x).extents();
            let mut expected = extents.clone();
            if let (Some(expected), Some(found)) = (expected.get_mut(axis), found.get(axis)) {
                *expected = *found;
                extent = extent.saturating_add(*found);
            }
            if expected != found || axis >= found.len() {
                return Err(LayerError::input(format!(
                    "expects shapes that differ in axis {} alone, found {} and {}",
                    axis + 1,
                    self.shape(first),
                    self.shape(x)
                )));
            }
        }
        extents[axis] = extent;
        checked_len(&extents)?;
        let (outer, extent, inner) = Shape::new(extents.clone()).around(axis);
        let sources: Vec<Source> = inputs.into_iter().map(Source::from).collect();
        self.emit(Concat { outer, extent, inner }, &sources, extents)
    }

    /// `x[begin..begin + len]` along an axis, which must hold so many.
    pub fn slice(
        &mut self,
        x: NodeId,
        axis: usize,
        begin: usize,
        len: usize,
    ) -> Result<NodeId, LayerError> {
        let (outer, extent, inner) = self.shape(x).around(axis);
        let mut extents = self.extents(x);
        extents[axis] = len;
        self.emit(Slice { outer, extent, inner, begin, len }, &[x.into()], extents)
    }

    /// `count` elements along an axis, which must hold them: that at `begin`, and each that stands
    /// `step` behind the one before.
    pub(crate) fn strided(
        &mut self,
        x: NodeId,
        axis: usize,
        begin: usize,
        count: usize,
        step: usize,
    ) -> Result<NodeId, LayerError> {
        if count == 1 {
            return self.slice(x, axis, begin, 1);
        }
        // Runs of `step` elements, each of which has one: as many as fit in the axis.
        let mut extents = self.extents(x);
        let runs = count.min(extents[axis] / step);
        let first = begin.min(extents[axis] - runs * step);
        let cut = self.slice(x, axis, first, runs * step)?;
        let (outer, _, inner) = self.shape(cut).around(axis);
        let op = Slice { outer: outer * runs, extent: step, inner, begin: begin - first, len: 1 };
        extents[axis] = runs;
        let picked = self.emit(op, &[cut.into()], extents)?;
        if runs == count {
            return Ok(picked);
        }
        let last = self.slice(x, axis, begin + runs * step, 1)?;
        self.concat(&[picked, last], axis)
    }

    /// Zeros around an image, `[[top, bottom], [left, right]]`, or a sequence, which has one row.
    pub fn pad2d(
        &mut self,
        x: NodeId,
        [[top, bottom], [left, right]]: [[usize; 2]; 2],
    ) -> Result<NodeId, LayerError> {
        let [h, w, c] = self.as_image(x);
        let add = |extent: usize, front: usize, back: usize| {
            extent.saturating_add(front).saturating_add(back)
        };
        let extents = self.cells_like(x, [add(h, top, bottom), add(w, left, right)], c);
        self.emit(Pad2D { h, w, c, top, bottom, left, right }, &[x.into()], extents)
    }

    /// An image without its edges, `[[top, bottom], [left, right]]`, which must leave some of it,
    /// or a sequence, which has one row.
    pub fn crop2d(
        &mut self,
        x: NodeId,
        [[top, bottom], [left, right]]: [[usize; 2]; 2],
    ) -> Result<NodeId, LayerError> {
        let [rows, columns, c] = self.as_image(x);
        let (h, w) = (rows - top - bottom, columns - left - right);
        let extents = self.cells_like(x, [h, w], c);
        self.emit(Crop2D { h, w, c, top, bottom, left, right }, &[x.into()], extents)
    }
}

impl Differentiate for Broadcast {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let ([x], Broadcast { rank, from, to }) = (made.inputs()?, *self);
        gradients.push(x, SumTo { rank, from: to, to: from }, &[made.d_y]);
        Ok(())
    }
}

impl Differentiate for SumTo {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let ([x], SumTo { rank, from, to }) = (made.inputs()?, *self);
        gradients.push(x, Broadcast { rank, from: to, to: from }, &[made.d_y]);
        Ok(())
    }
}

impl Differentiate for Transpose {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let [x] = made.inputs()?;
        gradients.push(x, inverse(self), &[made.d_y]);
        Ok(())
    }
}

/// The transpose that undoes another.
fn inverse(op: &Transpose) -> Transpose {
    let (mut from, mut axes) = ([1; MAX_RANK], [0; MAX_RANK]);
    for (i, &axis) in op.axes[..op.rank].iter().enumerate() {
        from[i] = op.from[axis];
        axes[axis] = i;
    }
    for (i, axis) in axes.iter_mut().enumerate().skip(op.rank) {
        *axis = i;
    }
    Transpose { rank: op.rank, from, axes }
}

impl Differentiate for Reshape {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let [x] = made.inputs()?;
        // A part of a sample and the sample have other lengths.
        gradients.push(x, Reshape { len: gradients.len(x) }, &[made.d_y]);
        Ok(())
    }
}

impl Differentiate for Concat {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let Concat { outer, extent, inner } = *self;
        let mut begin = 0;
        for &x in made.inputs {
            let len = gradients.len(x) / (outer * inner);
            gradients.push(x, Slice { outer, extent, inner, begin, len }, &[made.d_y]);
            begin += len;
        }
        Ok(())
    }
}

impl Differentiate for Slice {
    /// Zeros before and behind it.
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let ([x], Slice { outer, extent, inner, begin, len }) = (made.inputs()?, *self);
        let right = extent - begin - len;
        let zeros = Pad2D { h: outer, w: len, c: inner, top: 0, bottom: 0, left: begin, right };
        gradients.push(x, zeros, &[made.d_y]);
        Ok(())
    }
}

impl Differentiate for Pad2D {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let ([x], Pad2D { h, w, c, top, bottom, left, right }) = (made.inputs()?, *self);
        gradients.push(x, Crop2D { h, w, c, top, bottom, left, right }, &[made.d_y]);
        Ok(())
    }
}

impl Differentiate for Crop2D {
    fn differentiate(&self, gradients: &mut Gradients, made: &Made) -> Result<(), LayerError> {
        let ([x], Crop2D { h, w, c, top, bottom, left, right }) = (made.inputs()?, *self);
        gradients.push(x, Pad2D { h, w, c, top, bottom, left, right }, &[made.d_y]);
        Ok(())
    }
}
