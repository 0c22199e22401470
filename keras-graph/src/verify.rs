//! What makes a graph legal. Each pass is followed by a check in debug builds.

use crate::dtype::Dtype;
use crate::graph::{Node, NodeKind, Source};
use crate::moved::moved;
use crate::op::{Op, Operation as _, Reader, Tensor};
use crate::program::Program;

/// Checks every rule; tells each one that is broken, and where.
pub fn verify(program: &Program) -> Result<(), Vec<String>> {
    let mut mistakes = Vec::new();
    for (i, node) in program.graph.nodes.iter().enumerate() {
        // The others look at what is read.
        let broken = match reads_earlier_nodes(program, i, node) {
            Err(message) => vec![message],
            Ok(()) => RULES.iter().filter_map(|rule| rule(program, i, node).err()).collect(),
        };
        let name = node.op().map_or("input", Op::name);
        mistakes.extend(broken.iter().map(|message| format!("node {i} `{name}`: {message}")));
    }
    if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
}

type Rule = fn(&Program, usize, &Node) -> Result<(), String>;

const RULES: &[Rule] = &[
    has_no_empty_axis,
    reads_what_its_op_reads,
    makes_what_its_op_makes,
    keeps_the_type_of_what_it_moves,
    is_repeated_as_what_it_reads,
    does_not_cross_the_loss,
];

/// Every node stands after those it reads, and the weights it reads exist.
fn reads_earlier_nodes(program: &Program, i: usize, node: &Node) -> Result<(), String> {
    let exists = |source: &Source| match source {
        Source::Node(x) => x.0 < i,
        Source::Weight(weight) => weight.0 < program.graph.weights.len(),
    };
    match node.inputs.iter().find(|source| !exists(source)) {
        None => Ok(()),
        Some(source) => Err(format!("reads {source:?}, which does not stand before it")),
    }
}

/// Every extent is at least 1.
fn has_no_empty_axis(_: &Program, _: usize, node: &Node) -> Result<(), String> {
    if node.shape.is_empty() { Err(format!("has the shape {}", node.shape)) } else { Ok(()) }
}

/// What a node reads is of the kind and the length that its op declares: reductions are read only
/// as merged ones.
fn reads_what_its_op_reads(program: &Program, _: usize, node: &Node) -> Result<(), String> {
    let Some(op) = node.op() else {
        return if node.inputs.is_empty() { Ok(()) } else { Err("reads something".to_string()) };
    };
    // Among the repetitions it goes from parts of a sample to the sample and back.
    if let (Op::Reshape(_), [Source::Node(x)]) = (op, &node.inputs[..]) {
        let (x, found) = (&program.graph.nodes[x.0], node.elements());
        let fits = !x.is_reduced() && x.elements() == found;
        return if fits { Ok(()) } else { Err(format!("is {found} of {} elements", x.elements())) };
    }
    let found: Vec<Tensor> = node.inputs.iter().map(|&source| tensor(program, source)).collect();
    let mut compared = Compared { found: &found, expected: Vec::new(), fits: true };
    op.reads(&mut compared);
    let Compared { found: rest, expected, fits } = compared;
    if fits && rest.is_empty() {
        return Ok(());
    }
    Err(format!("expects {}, reads {found:?}", expected.join(", ")))
}

/// A weight or a node's result, as an op that reads it sees it.
fn tensor(program: &Program, source: Source) -> Tensor {
    let len = program.graph.source_shape(source).len();
    let node = match source {
        Source::Weight(_) => return Tensor::Weight(len),
        Source::Node(node) => &program.graph.nodes[node.0],
    };
    match node.kind {
        NodeKind::Input(_) | NodeKind::OutputGradient(_) | NodeKind::Sample(_) => {
            for_each_sample(node.dtype, len)
        }
        NodeKind::Reduced(_) => Tensor::Sum(len),
        NodeKind::Moments(_) => Tensor::Moments(len),
        NodeKind::Gradient(..) => Tensor::Gradient(len),
    }
}

/// A tensor of elements of a type for each sample.
fn for_each_sample(dtype: Dtype, len: usize) -> Tensor {
    match dtype {
        Dtype::Float32 | Dtype::Bool => Tensor::Sample(len),
        Dtype::Int32 => Tensor::Ids(len),
    }
}

/// Compares what a node reads with what its op declares.
struct Compared<'a> {
    /// What is not compared yet.
    found: &'a [Tensor],
    expected: Vec<String>,
    fits: bool,
}

impl Reader for Compared<'_> {
    fn tensor(&mut self, name: &'static str, tensor: Tensor) {
        self.expected.push(format!("{name}: {tensor:?}"));
        match self.found.split_first() {
            Some((&found, rest)) => {
                self.fits &= tensor.takes(found);
                self.found = rest;
            }
            None => self.fits = false,
        }
    }

    fn parts(&mut self, name: &'static str, unit: usize, len: usize) {
        self.expected.push(format!("{name}: parts of Sample({len}), each a multiple of {unit}"));
        let mut total = 0;
        for found in std::mem::take(&mut self.found) {
            match *found {
                Tensor::Sample(part) | Tensor::Ids(part) if part % unit == 0 => total += part,
                _ => self.fits = false,
            }
        }
        self.fits &= total == len;
    }
}

/// A node is of the kind and the length that its op makes.
fn makes_what_its_op_makes(program: &Program, _: usize, node: &Node) -> Result<(), String> {
    let Some(op) = node.op() else { return Ok(()) };
    let len = node.shape.len();
    let found = match node.kind {
        NodeKind::Input(_) | NodeKind::OutputGradient(_) | NodeKind::Sample(_) => {
            for_each_sample(node.dtype, len)
        }
        NodeKind::Reduced(_) => Tensor::Sum(len),
        NodeKind::Moments(_) => Tensor::Moments(len),
        NodeKind::Gradient(_, weight) => {
            let weight = &program.graph.weights[weight.0];
            if weight.shape.len() != len {
                return Err(format!("is a gradient of {len} elements by {}", weight.shape));
            }
            Tensor::Sum(len)
        }
    };
    let expected = op.makes();
    if expected.takes(found) { Ok(()) } else { Err(format!("makes {expected:?}, is {found:?}")) }
}

/// What an op moves as it is keeps its type: integers stay integers.
fn keeps_the_type_of_what_it_moves(program: &Program, _: usize, node: &Node) -> Result<(), String> {
    let Some(op) = node.op() else { return Ok(()) };
    let is_integer = |node: &Node| node.dtype == Dtype::Int32;
    let moved = moved(op, &node.inputs).into_iter().map(|x| &program.graph.nodes[x.0]);
    match moved.map(|x| x.dtype).find(|dtype| (*dtype == Dtype::Int32) != is_integer(node)) {
        Some(found) => Err(format!("is {}, moves {}", node.dtype.name(), found.name())),
        None => Ok(()),
    }
}

/// What is read for each sample is repeated as often as the op, but for a reshape.
fn is_repeated_as_what_it_reads(program: &Program, _: usize, node: &Node) -> Result<(), String> {
    if let Some(Op::Reshape(_)) = node.op() {
        return Ok(());
    }
    let read = node.nodes_read().map(|x| &program.graph.nodes[x.0]).filter(|x| !x.is_reduced());
    match read.map(|x| x.repeat).find(|&repeat| repeat != node.repeat) {
        Some(repeat) => Err(format!("runs {} times on what is there {repeat} times", node.repeat)),
        None => Ok(()),
    }
}

/// Gradients stand after the loss, and nothing else does.
fn does_not_cross_the_loss(program: &Program, i: usize, node: &Node) -> Result<(), String> {
    let after = i >= program.forward;
    let fits = match node.kind {
        NodeKind::Input(_) | NodeKind::Moments(_) => !after,
        NodeKind::OutputGradient(_) | NodeKind::Gradient(..) => after,
        NodeKind::Sample(_) | NodeKind::Reduced(_) => true,
    };
    if fits { Ok(()) } else { Err("stands on the wrong side of the loss".to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Mode, NodeId};
    use crate::models;
    use crate::shape::Shape;

    fn program() -> Program {
        Program::new(models::perceptron().lower(Mode::Inference).expect("a legal model"))
    }

    /// What is wrong after a change to the nodes: the input, and two products.
    fn mistakes(change: impl FnOnce(&mut [Node])) -> String {
        let mut program = program();
        change(&mut program.graph.nodes);
        verify(&program).expect_err("an illegal graph").join("\n")
    }

    #[test]
    fn a_lowered_model_is_legal() {
        assert_eq!(verify(&program()), Ok(()));
    }

    #[test]
    fn every_rule_finds_its_mistake() {
        let found = mistakes(|nodes| nodes[1].inputs[0] = NodeId(2).into());
        assert!(found.starts_with("node 1 `gemm`: reads Node(NodeId(2))"), "{found}");
        let found = mistakes(|nodes| nodes[0].shape = Shape::new([4]));
        assert!(found.contains("expects x: Sample(3), w: Weight(15), reads [Sample(4)"), "{found}");
        let found = mistakes(|nodes| nodes[2].inputs[1] = NodeId(0).into());
        assert!(found.contains("expects x: Sample(5), w: Weight(10), reads"), "{found}");
        let found = mistakes(|nodes| nodes[2].shape = Shape::new([3]));
        assert!(found.contains("makes Sample(2), is Sample(3)"), "{found}");
        let found = mistakes(|nodes| nodes[0].dtype = Dtype::Int32);
        assert!(found.contains("expects x: Sample(3), w: Weight(15), reads [Ids(3)"), "{found}");
        let found = mistakes(|nodes| nodes[1].dtype = Dtype::Int32);
        assert!(found.contains("node 1 `gemm`: makes Sample(5), is Ids(5)"), "{found}");
        let found = mistakes(|nodes| nodes[2].kind = NodeKind::OutputGradient(0));
        assert!(found.contains("wrong side of the loss"), "{found}");
        let found = mistakes(|nodes| nodes[2].repeat = 4);
        assert!(found.contains("runs 4 times on what is there 1 times"), "{found}");
    }
}
