use crate::call::{Call, CallKind, CallParameter, CallValue, Given, Lowered, bind};
use crate::compile::describe;
use crate::dtype::Dtype;
use crate::error::LayerError;
use crate::graph::{Graph, Mode};
use crate::layer::Layer;
use crate::layers::Entry;
use crate::models;
use crate::network::{Class, LayerId, LayerKind, Network, TensorId};
use crate::order;
use crate::schema::Schema;
use crate::shape::Shape;
use crate::value::{Argument, Value};

const TRAINING: Mode = Mode::Training { input_gradients: false };

fn add(network: &mut Network, class: &str, argument: Option<Value>, name: &str) -> LayerId {
    let arguments: Vec<Argument> =
        argument.into_iter().map(|value| Argument { name: None, value }).collect();
    let entry = Entry::by_class(class).expect("a layer of the catalogue");
    network.add_layer(entry.build(&arguments, || name.to_string()).expect("legal arguments"))
}

fn training(x: TensorId, value: bool) -> Call<TensorId> {
    let given = |name: Option<&str>, value| Given { name: name.map(str::to_string), value };
    let flag = CallValue::Value(Value::Bool(value));
    bind("Any", &[], vec![given(None, CallValue::Tensor(x)), given(Some("training"), flag)])
        .expect("every layer takes `training`")
}

fn ops(network: &Network, mode: Mode) -> Vec<&'static str> {
    let graph = network.lower(mode).expect("a legal model");
    graph.nodes().iter().filter_map(|node| node.op()).map(|op| op.name()).collect()
}

/// A model of a dropout and a normalization, and one that calls it with `training = False`.
fn nested() -> (Network, Network) {
    let mut inner = Network::new("inner", Class::Sequential);
    let x = models::input(&mut inner, "x", 3);
    let dropout = add(&mut inner, "Dropout", Some(Value::Float(0.5)), "dropout");
    let y = models::call(&mut inner, dropout, &[x]);
    let norm = add(&mut inner, "BatchNormalization", None, "norm");
    let y = models::call(&mut inner, norm, &[y]);
    inner.finish(&[y]);
    let mut outer = Network::new("outer", Class::Functional);
    let x = models::input(&mut outer, "x", 3);
    let kind = LayerKind::Network(Box::new(inner.clone()));
    let model = outer.add_layer(models::layer("inner", kind));
    let y = outer.call_with(model, training(x, false)).expect("a legal call")[0];
    outer.finish(&[y]);
    (inner, outer)
}

#[test]
fn a_call_says_whether_layers_train() {
    let (inner, outer) = nested();
    assert_eq!(ops(&inner, TRAINING), ["dropout", "moments", "batch_norm"]);
    assert_eq!(ops(&inner, Mode::Inference), ["channel_norm"]);
    // As Keras has it: no dropout, and normalization by the moving statistics, whose weights are
    // trained all the same.
    assert_eq!(ops(&outer, TRAINING), ["channel_norm"]);
    assert!(outer.lower(TRAINING).expect("legal").weights()[0].trainable);
}

#[test]
fn training_is_refused_where_it_would_change_predictions() {
    let mut network = Network::new("net", Class::Functional);
    let x = models::input(&mut network, "x", 3);
    let dense = add(&mut network, "Dense", Some(Value::Int(4)), "dense");
    let y = network.call_with(dense, training(x, true)).expect("a dense layer is the same")[0];
    let dropout = add(&mut network, "Dropout", Some(Value::Float(0.5)), "dropout");
    let error = network.call_with(dropout, training(y, true)).unwrap_err();
    assert_eq!(error.argument, Some("training"));
    assert_eq!(error.message, "`Dropout` cannot work as in training while it predicts");
}

/// A layer with two results, and an argument that is a list of tensors.
#[derive(Clone, Debug)]
struct Cell;

static CELL: Schema = Schema { class: "Cell", docs: "", parameters: &[] };

impl Layer for Cell {
    fn schema(&self) -> &'static Schema {
        &CELL
    }

    fn config(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    fn boxed(&self) -> Box<dyn Layer> {
        Box::new(self.clone())
    }

    fn call_parameters(&self) -> &'static [CallParameter] {
        &[CallParameter { name: "initial_state", docs: "", kind: CallKind::Tensors }]
    }

    fn lower_call(
        &self,
        graph: &mut Graph,
        call: &Call<Lowered>,
    ) -> Result<Vec<Lowered>, LayerError> {
        let mut y = call.inputs[0].node;
        for state in call.list("initial_state").into_iter().flatten().flatten() {
            y = graph.binary(y, state.node, crate::op::BinaryFunction::Add)?;
        }
        let state = graph.affine(y, 2.0, 0.0)?;
        Ok(vec![Lowered::unmasked(y), Lowered::unmasked(state)])
    }
}

#[test]
fn results_are_tensors_of_their_own() {
    let mut network = Network::new("net", Class::Functional);
    let x = network.add_input("x", Shape::new([3]), Dtype::Float32);
    let mut cell = |name: &str| {
        let kind = LayerKind::Layer(Box::new(Cell));
        network.add_layer(models::layer(name, kind))
    };
    let (first, second) = (cell("first"), cell("second"));
    let results = network.call(first, &[x]).expect("a legal call");
    assert_eq!(results.len(), 2);
    let d = models::dense::<3>(&mut network, "d", results[0]);
    let states = [d, results[1]].map(CallValue::Tensor).to_vec();
    let given = vec![
        Given { name: None, value: CallValue::Tensor(x) },
        Given { name: Some("initial_state".to_string()), value: CallValue::List(states) },
    ];
    let call = bind("Cell", network.call_parameters(second).1, given).expect("a legal call");
    let last = network.call_with(second, call).expect("a legal call");
    network.finish(&last[1..]);
    // Tensors that an argument lists are read like those that a layer is called on.
    let names: Vec<&str> =
        order::layers(&network).iter().map(|l| &*network.layers[l.0].name).collect();
    assert_eq!(names, ["x", "first", "d", "second"]);
    let description = describe(&network, String::new()).expect("a legal model");
    let read = description.layers[3].connected_to.join(", ");
    assert_eq!(read, "x[0][0], d[0][0], first[0][1]");
    assert_eq!(ops(&network, Mode::Inference), ["affine", "gemm", "binary", "binary", "affine"]);
}

#[test]
fn a_model_within_a_model_casts_what_it_is_called_on() {
    let mut inner = Network::new("inner", Class::Functional);
    let ids = inner.add_input("ids", Shape::new([3]), Dtype::Int32);
    inner.finish(&[ids]);
    let mut outer = Network::new("outer", Class::Functional);
    let x = models::input(&mut outer, "x", 3);
    let layer = outer.add_layer(crate::network::NetworkLayer {
        name: "inner".to_string(),
        kind: LayerKind::Network(Box::new(inner)),
        trainable: true,
        activity_regularizer: None,
    });
    let y = models::call(&mut outer, layer, &[x]);
    outer.finish(&[y]);
    assert_eq!(outer.tensors[y.0].dtype, Dtype::Int32);
    // A model's outputs are floats.
    assert_eq!(ops(&outer, Mode::Inference), ["cast_int", "cast_float"]);
}
