//! A number that two models share when they compute the same outputs from the same weights and
//! inputs, whatever the order of their layers. Loading and embedding compare a file's model with
//! the one that the weights are for.
//!
//! Each tensor is hashed as the op that made it, together with the hashes of what that op reads.
//! The ops are those of a prediction before any are fused, so fusing may depend on their order.

use crate::graph::{NodeKind, Source};
use crate::literal::Literal as _;
use crate::op::{Binary, BinaryFunction, Op};
use crate::program::Program;

/// The number for the ops of a prediction, whose weights lie at these offsets. Padding is folded
/// into convolutions before: a layer of its own and an argument may say the same padding.
pub(crate) fn fingerprint(program: &Program, offsets: &[Option<usize>]) -> u64 {
    let graph = &program.graph;
    let mut hashes: Vec<u64> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let hash_of = |source: &Source| match source {
            Source::Node(x) => hashes[x.0],
            Source::Weight(weight) => {
                let len = graph.weights[weight.0].shape.len();
                hash(&format!("weight {:?} {len}", offsets[weight.0]))
            }
        };
        let mut read: Vec<u64> = node.inputs.iter().map(hash_of).collect();
        let made = match node.kind {
            NodeKind::Input(index) => hash(&format!("input {index}")),
            NodeKind::OutputGradient(index) => hash(&format!("gradient of output {index}")),
            // The same numbers in the same order.
            NodeKind::Sample(Op::Reshape(_)) => read[0],
            NodeKind::Sample(op)
            | NodeKind::Reduced(op)
            | NodeKind::Moments(op)
            | NodeKind::Gradient(op, _) => {
                if let Op::Binary(Binary { f: BinaryFunction::Add, .. }) = op {
                    // The same sum in either order.
                    read.sort_unstable();
                }
                hash(&format!("{} {} {read:?}", node.repeat, op.literal()))
            }
        };
        hashes.push(made);
    }
    let outputs: Vec<u64> = graph.outputs.iter().map(|output| hashes[output.0]).collect();
    hash(&format!("{outputs:?}"))
}

/// The 64-bit FNV-1a hash.
fn hash(text: &str) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    text.bytes().fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use crate::activation::Activation;
    use crate::compile::describe;
    use crate::graph::{Graph, LayerError, NodeId};
    use crate::initializer::Initializer;
    use crate::models;
    use crate::network::{Class, Network};
    use crate::op::{BinaryFunction, Window};

    type Lowering = fn(&mut Graph, &[NodeId]) -> Result<NodeId, LayerError>;

    /// The number of a model of one layer on 12 elements.
    fn fingerprint(lowering: Lowering) -> u64 {
        let mut network = Network::new("model", Class::Sequential);
        let x = models::input(&mut network, "x", 12);
        let y = models::other(&mut network, "layer", lowering, x);
        network.finish(&[y]);
        describe(&network, String::new()).expect("a legal model").fingerprint
    }

    /// A convolution of a 3 x 4 image, padded by a layer or by itself.
    fn padded<const BY_A_LAYER: bool, const LEFT: usize>(
        graph: &mut Graph,
        inputs: &[NodeId],
    ) -> Result<NodeId, LayerError> {
        let mut x = graph.reshape(inputs[0], &[3, 4, 1])?;
        let kernel = graph.weight("kernel", &[1, 3, 1, 2], Initializer::ZEROS)?;
        let window = |input, output, kernel, pad| Window {
            input,
            output,
            kernel,
            stride: 1,
            dilation: 1,
            pad,
        };
        let mut columns = window(4, 2 + LEFT, 3, LEFT);
        if BY_A_LAYER {
            x = graph.pad2d(x, [[0, 0], [LEFT, 0]])?;
            columns = window(4 + LEFT, 2 + LEFT, 3, 0);
        }
        graph.conv2d(x, kernel, [window(3, 3, 1, 0), columns], 1)
    }

    #[test]
    fn the_same_padding_is_written_in_two_ways() {
        assert_eq!(fingerprint(padded::<true, 1>), fingerprint(padded::<false, 1>));
        assert_ne!(fingerprint(padded::<true, 1>), fingerprint(padded::<true, 2>));
    }

    /// Two layers' results, joined in either order.
    fn joined<const SWAP: bool, const ADD: bool>(
        graph: &mut Graph,
        inputs: &[NodeId],
    ) -> Result<NodeId, LayerError> {
        let a = graph.unary(inputs[0], Activation::Tanh)?;
        let b = graph.unary(inputs[0], Activation::Sigmoid)?;
        let (a, b) = if SWAP { (b, a) } else { (a, b) };
        let f = if ADD { BinaryFunction::Add } else { BinaryFunction::Subtract };
        graph.binary(a, b, f)
    }

    #[test]
    fn a_sum_is_the_same_in_either_order() {
        assert_eq!(fingerprint(joined::<false, true>), fingerprint(joined::<true, true>));
        assert_ne!(fingerprint(joined::<false, false>), fingerprint(joined::<true, false>));
    }

    /// A layer with an activation, perhaps reshaped on the way.
    fn activated<const RESHAPE: bool, const TANH: bool>(
        graph: &mut Graph,
        inputs: &[NodeId],
    ) -> Result<NodeId, LayerError> {
        let mut x = inputs[0];
        if RESHAPE {
            let wide = graph.reshape(x, &[3, 4])?;
            x = graph.reshape(wide, &[12])?;
        }
        graph.unary(x, if TANH { Activation::Tanh } else { Activation::Sigmoid })
    }

    #[test]
    fn another_activation_is_another_model_and_a_reshape_is_not() {
        assert_eq!(fingerprint(activated::<false, true>), fingerprint(activated::<true, true>));
        assert_ne!(fingerprint(activated::<false, true>), fingerprint(activated::<false, false>));
    }
}
