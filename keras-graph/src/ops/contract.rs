//! Products of two tensors along any axes: what `Dot`, `EinsumDense`, `matmul` and `einsum` have in
//! common.
//!
//! The axes of both tensors carry labels, as the letters of an einsum do. Labels that both tensors
//! and the result have are pairs of matrices, those that the result lacks are summed over, and the
//! others are rows or columns. So a product is at most a transpose of each tensor, one product of
//! matrices, and a transpose of the result.

use crate::graph::{Graph, LayerError, NodeId};
use crate::op::{BinaryFunction, Matmul};

/// What stands for an axis; the batch has none.
pub(crate) type Label = char;

/// A tensor and a label for each of its axes.
#[derive(Clone, Debug)]
pub(crate) struct Labelled {
    pub(crate) node: NodeId,
    pub(crate) labels: Vec<Label>,
}

/// The roles of the labels of a product, each in the order of the result or, where summed over, of
/// the left tensor.
struct Roles {
    pairs: Vec<Label>,
    rows: Vec<Label>,
    columns: Vec<Label>,
    summed: Vec<Label>,
}

impl Roles {
    fn of(a: &Labelled, b: &Labelled, result: &[Label]) -> Roles {
        let only = |filter: &dyn Fn(Label) -> bool| {
            result.iter().copied().filter(|&l| filter(l)).collect()
        };
        let (in_a, in_b) = (|l: Label| a.labels.contains(&l), |l: Label| b.labels.contains(&l));
        Roles {
            pairs: only(&|l| in_a(l) && in_b(l)),
            rows: only(&|l| in_a(l) && !in_b(l)),
            columns: only(&|l| !in_a(l) && in_b(l)),
            summed: a.labels.iter().copied().filter(|l| in_b(*l) && !result.contains(l)).collect(),
        }
    }

    /// The order of the left tensor's axes, and whether its matrices are transposed in it.
    fn left(&self, labels: &[Label]) -> (Vec<Label>, bool) {
        let straight = [&self.pairs[..], &self.rows, &self.summed].concat();
        let transposed = [&self.pairs[..], &self.summed, &self.rows].concat();
        nearer(labels, straight, transposed)
    }

    /// The order of the right tensor's axes, and whether its matrices are transposed in it.
    fn right(&self, labels: &[Label]) -> (Vec<Label>, bool) {
        let straight = [&self.pairs[..], &self.summed, &self.columns].concat();
        let transposed = [&self.pairs[..], &self.columns, &self.summed].concat();
        nearer(labels, straight, transposed)
    }

    fn result(&self) -> Vec<Label> {
        [&self.pairs[..], &self.rows, &self.columns].concat()
    }

    /// How many tensors a product has to transpose.
    fn transposes(&self, a: &Labelled, b: &Labelled, result: &[Label]) -> usize {
        let moves = [
            self.left(&a.labels).0 != a.labels,
            self.right(&b.labels).0 != b.labels,
            self.result() != result,
        ];
        moves.into_iter().filter(|moves| *moves).count()
    }
}

/// The one of two orders that the labels stand in already, if they do, and whether it is the
/// second.
fn nearer(labels: &[Label], straight: Vec<Label>, transposed: Vec<Label>) -> (Vec<Label>, bool) {
    let is_transposed = labels != straight && labels == transposed;
    (if is_transposed { transposed } else { straight }, is_transposed)
}

impl Graph {
    /// `y[result] = Σ a[..] · b[..]` over the labels that the result lacks. A label stands once in
    /// each list, and each of the result in `a` or in `b`. An axis of extent 1 repeats beside a
    /// longer one of the same label.
    ///
    /// Errors: extents of one label that differ.
    pub(crate) fn contract(
        &mut self,
        a: Labelled,
        b: Labelled,
        result: &[Label],
    ) -> Result<NodeId, LayerError> {
        let extents = self.label_extents(&[&a, &b])?;
        let extent =
            |label: &Label| extents.iter().find(|(l, _)| l == label).map_or(1, |(_, e)| *e);
        let a = self.simplified(a, &b, result, &extents)?;
        let b = self.simplified(b, &a, result, &extents)?;
        let (straight, swapped) = (Roles::of(&a, &b, result), Roles::of(&b, &a, result));
        let swaps = swapped.transposes(&b, &a, result) < straight.transposes(&a, &b, result);
        let (a, b, roles) = if swaps { (b, a, swapped) } else { (a, b, straight) };
        let len = |labels: &[Label]| labels.iter().map(extent).product::<usize>();
        let (pairs, m, k, n) =
            (len(&roles.pairs), len(&roles.rows), len(&roles.summed), len(&roles.columns));
        let (left, transposed_a) = roles.left(&a.labels);
        let (right, transposed_b) = roles.right(&b.labels);
        let made = roles.result();
        let made_extents: Vec<usize> = made.iter().map(extent).collect();
        let (a, b) = (self.reordered(&a, &left)?, self.reordered(&b, &right)?);
        let y = if m * n == 1 {
            // No rows and no columns: vectors of pairs are summed faster than matrices are made of
            // them.
            let (a, b) = (self.reshape(a, &[pairs, k])?, self.reshape(b, &[pairs, k])?);
            let products = self.binary(a, b, BinaryFunction::Multiply)?;
            let sums = if k == 1 { products } else { self.sum_axes(products, &[1])? };
            self.reshape(sums, &made_extents)?
        } else {
            let op = Matmul { pairs, m, k, n, transposed_a, transposed_b };
            self.emit(op, &[a.into(), b.into()], made_extents)?
        };
        self.reordered(&Labelled { node: y, labels: made }, result)
    }

    /// The extent of each label. Errors: two that differ, unless one is 1.
    fn label_extents(&self, tensors: &[&Labelled]) -> Result<Vec<(Label, usize)>, LayerError> {
        let mut extents: Vec<(Label, usize)> = Vec::new();
        for tensor in tensors {
            for (&label, &extent) in tensor.labels.iter().zip(self.shape(tensor.node).extents()) {
                match extents.iter_mut().find(|(known, _)| *known == label) {
                    None => extents.push((label, extent)),
                    Some((_, known)) if *known == extent || extent == 1 => {}
                    Some((_, known)) if *known == 1 => *known = extent,
                    Some((_, known)) => {
                        let shapes: Vec<String> =
                            tensors.iter().map(|t| self.shape(t.node).to_string()).collect();
                        return Err(LayerError::input(format!(
                            "the axis `{label}` is {known} and {extent} long in {}",
                            shapes.join(" and ")
                        )));
                    }
                }
            }
        }
        Ok(extents)
    }

    /// The tensor without axes that are its own and not the result's, which are summed over, and
    /// without those that would only repeat what the other tensor has.
    fn simplified(
        &mut self,
        x: Labelled,
        other: &Labelled,
        result: &[Label],
        extents: &[(Label, usize)],
    ) -> Result<Labelled, LayerError> {
        let Labelled { mut node, labels } = x;
        node = self.float(node)?;
        let own = |label: &Label| !other.labels.contains(label) && !result.contains(label);
        let axes: Vec<usize> = (0..labels.len()).filter(|&axis| own(&labels[axis])).collect();
        if !axes.is_empty() {
            node = self.sum_axes(node, &axes)?;
        }
        let mut labels: Vec<Label> = labels.into_iter().filter(|label| !own(label)).collect();
        let found = self.extents(node);
        let is_longer = |label: &Label| extents.iter().any(|(l, extent)| l == label && *extent > 1);
        let repeats = |axis: usize| found[axis] == 1 && is_longer(&labels[axis]);
        let kept: Vec<usize> = (0..labels.len()).filter(|&axis| !repeats(axis)).collect();
        if kept.len() < labels.len() {
            let extents: Vec<usize> = kept.iter().map(|&axis| found[axis]).collect();
            node = self.reshape(node, &extents)?;
            labels = kept.iter().map(|&axis| labels[axis]).collect();
        }
        Ok(Labelled { node, labels })
    }

    /// The tensor with its axes in another order.
    pub(crate) fn reordered(
        &mut self,
        x: &Labelled,
        order: &[Label],
    ) -> Result<NodeId, LayerError> {
        let axes: Vec<usize> =
            order.iter().filter_map(|l| x.labels.iter().position(|own| own == l)).collect();
        self.transpose(x.node, &axes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::Dtype;
    use crate::graph::Mode;
    use crate::shape::Shape;

    /// The ops that a product of these letters becomes, and its shape.
    fn ops(a: (&str, &[usize]), b: (&str, &[usize]), result: &str) -> (Vec<String>, String) {
        let mut graph = Graph::new(Mode::Inference);
        let [a, b] = [a, b].map(|(letters, extents)| Labelled {
            node: graph.input(0, Shape::new(extents), Dtype::Float32),
            labels: letters.chars().collect(),
        });
        let result: Vec<char> = result.chars().collect();
        let y = graph.contract(a, b, &result).expect("the extents fit");
        let ops = graph.nodes.iter().filter_map(|node| node.op());
        let names = ops.filter(|op| !matches!(op, crate::op::Op::Reshape(_)));
        let names = names.map(|op| match op {
            crate::op::Op::Matmul(op) => {
                let flag = |flag: bool| if flag { "t" } else { "" };
                format!(
                    "{} x {}x{}{} {}x{}{}",
                    op.pairs,
                    op.m,
                    op.k,
                    flag(op.transposed_a),
                    op.k,
                    op.n,
                    flag(op.transposed_b)
                )
            }
            op => op.name().to_string(),
        });
        (names.collect(), graph.shape(y).to_string())
    }

    #[test]
    fn products_move_as_little_as_they_can() {
        let made = ops(("hmk", &[2, 3, 4]), ("hkn", &[2, 4, 5]), "hmn");
        assert_eq!(made, (vec!["2 x 3x4 4x5".to_string()], "(batch, 2, 3, 5)".to_string()));
        let made = ops(("hmk", &[2, 3, 4]), ("hnk", &[2, 5, 4]), "hmn");
        assert_eq!(made.0, ["2 x 3x4 4x5t"]);
        let made = ops(("km", &[4, 3]), ("nk", &[5, 4]), "mn");
        assert_eq!(made.0, ["1 x 3x4t 4x5t"]);
        // The result the other way round: the tensors change places.
        let made = ops(("mk", &[3, 4]), ("kn", &[4, 5]), "nm");
        assert_eq!(made.0, ["1 x 5x4t 4x3t"]);
        // Heads between rows and features, as in attention.
        let made = ops(("qhd", &[3, 2, 4]), ("khd", &[5, 2, 4]), "hqk");
        assert_eq!(made.0, ["transpose", "transpose", "2 x 3x4 4x5"]);
        assert_eq!(made.1, "(batch, 2, 3, 5)");
    }

    #[test]
    fn axes_of_one_tensor_alone() {
        // An axis that repeats is one more of rows.
        let made = ops(("hmk", &[2, 3, 4]), ("hkn", &[1, 4, 5]), "hmn");
        assert_eq!(made.0, ["1 x 6x4 4x5"]);
        // An axis of one tensor that the result lacks is summed before.
        let made = ops(("mkz", &[3, 4, 7]), ("kn", &[4, 5]), "mn");
        assert_eq!(made.0, ["sum_to", "1 x 3x4 4x5"]);
        // Neither rows nor columns.
        let made = ops(("bk", &[3, 4]), ("bk", &[3, 4]), "b");
        assert_eq!(made, (vec!["binary".into(), "sum_to".into()], "(batch, 3)".to_string()));
        let made = ops(("m", &[3]), ("n", &[5]), "mn");
        assert_eq!(made.0, ["1 x 3x1 1x5"]);
    }

    #[test]
    fn extents_must_fit() {
        let mut graph = Graph::new(Mode::Inference);
        let [a, b] = [[3, 4], [5, 6]].map(|extents| Labelled {
            node: graph.input(0, Shape::new(extents), Dtype::Float32),
            labels: vec![],
        });
        let (a, b) =
            (Labelled { labels: vec!['m', 'k'], ..a }, Labelled { labels: vec!['k', 'n'], ..b });
        let error = graph.contract(a, b, &['m', 'n']).expect_err("4 is not 5");
        assert_eq!(
            error.message,
            "the axis `k` is 4 and 5 long in (batch, 3, 4) and (batch, 5, 6)"
        );
    }
}
