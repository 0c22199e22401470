//! Models that the tests of several passes share, made of layers that lower to whatever a test asks
//! for.

use crate::activation::Activation;
use crate::dtype::Dtype;
use crate::graph::{Graph, LayerError, MovingStatistics, Node, NodeId, NodeKind};
use crate::initializer::Initializer;
use crate::layer::Layer;
use crate::network::{Class, LayerId, LayerKind, Network, NetworkLayer, TensorId};
use crate::op::*;
use crate::schema::Schema;
use crate::shape::Shape;
use crate::value::Value;

type Lowering = fn(&mut Graph, &[NodeId]) -> Result<NodeId, LayerError>;

/// A layer that is a function.
#[derive(Clone, Debug)]
struct Function {
    schema: &'static Schema,
    lowering: Lowering,
}

impl Layer for Function {
    fn schema(&self) -> &'static Schema {
        self.schema
    }

    fn config(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    fn lower_list(&self, graph: &mut Graph, inputs: &[NodeId]) -> Result<NodeId, LayerError> {
        (self.lowering)(graph, inputs)
    }

    fn boxed(&self) -> Box<dyn Layer> {
        Box::new(self.clone())
    }
}

const DENSE: Schema = Schema { class: "Dense", docs: "", parameters: &[] };
const ADD: Schema = Schema { class: "Add", docs: "", parameters: &[] };
const OTHER: Schema = Schema { class: "Other", docs: "", parameters: &[] };

pub(crate) fn layer(name: &str, kind: LayerKind) -> NetworkLayer {
    NetworkLayer { name: name.to_string(), kind, trainable: true, activity_regularizer: None }
}

pub(crate) fn call(network: &mut Network, layer: LayerId, inputs: &[TensorId]) -> TensorId {
    network.call(layer, inputs).expect("a legal call")[0]
}

/// Calls a layer that lowers as told.
pub(crate) fn other(
    network: &mut Network,
    name: &str,
    lowering: Lowering,
    x: TensorId,
) -> TensorId {
    let function = Function { schema: &OTHER, lowering };
    let layer = network.add_layer(layer(name, LayerKind::Layer(Box::new(function))));
    call(network, layer, &[x])
}

/// A dense layer without bias, not yet called.
pub(crate) fn add_dense<const UNITS: usize>(network: &mut Network, name: &str) -> LayerId {
    let function =
        Function { schema: &DENSE, lowering: |graph, inputs| gemm(graph, inputs, UNITS) };
    network.add_layer(layer(name, LayerKind::Layer(Box::new(function))))
}

/// A dense layer without bias, called.
pub(crate) fn dense<const UNITS: usize>(
    network: &mut Network,
    name: &str,
    x: TensorId,
) -> TensorId {
    let layer = add_dense::<UNITS>(network, name);
    call(network, layer, &[x])
}

/// The sum of several tensors.
pub(crate) fn add(network: &mut Network, name: &str, inputs: &[TensorId]) -> TensorId {
    let lowering: Lowering = |graph, inputs| {
        let mut sum = inputs[0];
        for &x in &inputs[1..] {
            let shape = graph.shape(sum).clone();
            let op = Binary { len: shape.len(), f: BinaryFunction::Add };
            sum = graph.push(op, &[sum.into(), x.into()], shape);
        }
        Ok(sum)
    };
    let function = Function { schema: &ADD, lowering };
    let layer = network.add_layer(layer(name, LayerKind::Layer(Box::new(function))));
    call(network, layer, inputs)
}

pub(crate) fn input(network: &mut Network, name: &str, extent: usize) -> TensorId {
    network.add_input(name, Shape::new([extent]), Dtype::Float32)
}

fn gemm(graph: &mut Graph, inputs: &[NodeId], n: usize) -> Result<NodeId, LayerError> {
    let k = graph.shape(inputs[0]).len();
    let kernel = graph.weight("kernel", &[k, n], Initializer::GLOROT_UNIFORM)?;
    let op = Gemm { m: 1, k, n, bias: false, f: Activation::Linear };
    Ok(graph.push(op, &[inputs[0].into(), kernel.into()], Shape::new([n])))
}

/// A bias and an activation, as layers lower them.
pub(crate) fn bias_and<const GELU: bool>(
    graph: &mut Graph,
    inputs: &[NodeId],
) -> Result<NodeId, LayerError> {
    let y = gemm(graph, inputs, 5)?;
    let shape = graph.shape(y).clone();
    let bias = graph.weight("bias", &[5], Initializer::GLOROT_UNIFORM)?;
    let y = graph.push(BiasAdd { rows: 1, n: 5 }, &[y.into(), bias.into()], shape.clone());
    let f = if GELU { Activation::Gelu } else { Activation::RELU };
    Ok(graph.push(Unary { len: 5, f }, &[y.into()], shape))
}

/// A batch normalization, as the layer lowers it.
pub(crate) fn batch_norm(graph: &mut Graph, inputs: &[NodeId]) -> Result<NodeId, LayerError> {
    let x = inputs[0];
    let shape = graph.shape(x).clone();
    let channels = shape.len();
    let (outer, inner, epsilon, scale, center) = (1, 1, 1e-3, true, true);
    let f = Activation::Linear;
    let gamma = graph.weight("gamma", &[channels], Initializer::GLOROT_UNIFORM)?;
    let beta = graph.weight("beta", &[channels], Initializer::GLOROT_UNIFORM)?;
    let mean = graph.statistic("moving_mean", &[channels], Initializer::GLOROT_UNIFORM)?;
    let variance = graph.statistic("moving_variance", &[channels], Initializer::GLOROT_UNIFORM)?;
    if !graph.is_training("BatchNormalization")? || graph.is_frozen() {
        let op = ChannelNorm { outer, channels, inner, epsilon, scale, center, f };
        let inputs = [x.into(), mean.into(), variance.into(), gamma.into(), beta.into()];
        return Ok(graph.push(op, &inputs, shape));
    }
    let moments = graph.add(Node {
        kind: NodeKind::Moments(Moments { outer, channels, inner }.into()),
        inputs: vec![x.into()],
        shape: Shape::new([3 * channels]),
        dtype: Dtype::Float32,
        repeat: graph.repeat,
    });
    graph.follow(MovingStatistics { moments, mean, variance, momentum: 0.99 });
    let op = BatchNorm { outer, channels, inner, epsilon, scale, center, add: false, f };
    Ok(graph.push(op, &[x.into(), moments.into(), gamma.into(), beta.into()], shape))
}

/// A layer that only gives the tensor another shape.
pub(crate) fn flatten(graph: &mut Graph, inputs: &[NodeId]) -> Result<NodeId, LayerError> {
    let len = graph.shape(inputs[0]).len();
    Ok(graph.push(Reshape { len }, &[inputs[0].into()], Shape::new([len, 1])))
}

/// Two dense layers in a row.
pub(crate) fn perceptron() -> Network {
    let mut network = Network::new("perceptron", Class::Sequential);
    let x = input(&mut network, "input_layer", 3);
    let x = dense::<5>(&mut network, "dense", x);
    let x = dense::<2>(&mut network, "dense_1", x);
    network.finish(&[x]);
    network
}

/// Branches whose depth differs from the order in which they are written.
pub(crate) fn branches() -> Network {
    let mut n = Network::new("branches", Class::Functional);
    let x = input(&mut n, "x", 3);
    let long = dense::<4>(&mut n, "long1", x);
    let short = dense::<6>(&mut n, "short", x);
    let long = dense::<5>(&mut n, "long2", long);
    let long = dense::<6>(&mut n, "long3", long);
    let y = add(&mut n, "add", &[short, long]);
    let y = dense::<2>(&mut n, "head", y);
    n.finish(&[y]);
    n
}

/// A layer that is called twice.
pub(crate) fn shared() -> Network {
    let mut n = Network::new("shared_model", Class::Functional);
    let x = input(&mut n, "x", 3);
    let both = add_dense::<3>(&mut n, "shared");
    let late = dense::<3>(&mut n, "late", x);
    let a = call(&mut n, both, &[x]);
    let middle = dense::<3>(&mut n, "mid", a);
    let b = call(&mut n, both, &[middle]);
    let y = add(&mut n, "add", &[late, b]);
    n.finish(&[y]);
    n
}

/// Several inputs, one of them unused, and several outputs.
pub(crate) fn ports() -> Network {
    let mut n = Network::new("ports", Class::Functional);
    let b = input(&mut n, "b", 4);
    let a = input(&mut n, "a", 3);
    input(&mut n, "unused", 2);
    let pb = dense::<5>(&mut n, "pb", b);
    let pa = dense::<5>(&mut n, "pa", a);
    let join = add(&mut n, "join", &[pa, pb]);
    let o1 = dense::<1>(&mut n, "o1", join);
    let deep = dense::<7>(&mut n, "deep", join);
    let o2 = dense::<2>(&mut n, "o2", deep);
    n.finish(&[o2, o1]);
    n
}

/// Two models used as layers.
pub(crate) fn nested() -> Network {
    let mut encoder = Network::new("enc", Class::Functional);
    let x = input(&mut encoder, "ix", 3);
    let n1 = dense::<4>(&mut encoder, "n1", x);
    let n2 = dense::<4>(&mut encoder, "n2", n1);
    let n3 = dense::<4>(&mut encoder, "n3", x);
    let y = add(&mut encoder, "nadd", &[n3, n2]);
    encoder.finish(&[y]);
    let mut list = Network::new("seq", Class::Sequential);
    let x = input(&mut list, "si", 4);
    let y = dense::<5>(&mut list, "s1", x);
    let y = dense::<6>(&mut list, "s2", y);
    list.finish(&[y]);
    let mut n = Network::new("nested", Class::Functional);
    let x = input(&mut n, "x", 3);
    let q = dense::<6>(&mut n, "q", x);
    let encoder = n.add_layer(layer("enc", LayerKind::Network(Box::new(encoder))));
    let list = n.add_layer(layer("seq", LayerKind::Network(Box::new(list))));
    let y = call(&mut n, encoder, &[x]);
    let y = call(&mut n, list, &[y]);
    let y = add(&mut n, "add", &[y, q]);
    n.finish(&[y]);
    n
}

/// Two branches of one depth and an output in the middle.
pub(crate) fn diamond() -> Network {
    let mut n = Network::new("diamond", Class::Functional);
    let x = input(&mut n, "x", 3);
    let r = dense::<3>(&mut n, "r", x);
    let l = dense::<3>(&mut n, "l", x);
    let ll = dense::<3>(&mut n, "ll", l);
    let rr = dense::<3>(&mut n, "rr", r);
    let y = add(&mut n, "add", &[ll, rr, x]);
    n.finish(&[y, l]);
    n
}
