use super::*;
use crate::layers::Entry;
use crate::models;
use crate::shape::Shape;
use crate::value::Argument;

/// Calls a layer of the catalogue, made with one argument or none.
fn call(
    network: &mut Network,
    class: &str,
    argument: Option<Value>,
    name: &str,
    x: TensorId,
) -> TensorId {
    let arguments: Vec<Argument> =
        argument.into_iter().map(|value| Argument { name: None, value }).collect();
    let entry = Entry::by_class(class).expect("a layer of the catalogue");
    let layer = entry.build(&arguments, || name.to_string()).expect("legal arguments");
    let layer = network.add_layer(layer);
    models::call(network, layer, &[x])
}

fn sequence(network: &mut Network, name: &str) -> TensorId {
    network.add_input(name, Shape::new([4, 3]), crate::dtype::Dtype::Float32)
}

#[test]
fn masks_are_computed_from_the_inputs_alone() {
    let mut network = Network::new("net", Class::Functional);
    let [x, z] = ["x", "z"].map(|name| sequence(&mut network, name));
    let masked = call(&mut network, "Masking", None, "masking", z);
    let tags = call(&mut network, "Dense", Some(Value::Int(2)), "tags", masked);
    let dense = call(&mut network, "Dense", Some(Value::Int(5)), "dense", x);
    network.finish(&[dense, tags]);
    let OutputMasks { plan, of } = compile_masks(&network).expect("legal").expect("a mask");
    assert_eq!(*of, [None, Some(0)]);
    let names: Vec<&str> = plan.inputs.iter().map(|port| &*port.name).collect();
    assert_eq!(names, ["x", "z"]);
    assert_eq!(*plan.outputs[0].shape, [4]);
    assert_eq!(plan.weights_len, 0);
    assert!(plan.reads(plan.inputs[1].value) && !plan.reads(plan.inputs[0].value));
}

#[test]
fn a_model_without_masks_has_no_plan_for_them() {
    assert_eq!(compile_masks(&models::perceptron()), Ok(None));
}

#[test]
fn a_mask_of_weights_or_of_training_is_refused_at_its_output() {
    for (class, argument) in [("Dense", Value::Int(3)), ("Dropout", Value::Float(0.5))] {
        let mut network = Network::new("net", Class::Functional);
        let x = sequence(&mut network, "x");
        let masked = call(&mut network, "Masking", None, "masking", x);
        let right = call(&mut network, "Dense", Some(Value::Int(2)), "right", masked);
        let changed = call(&mut network, class, Some(argument), "changed", x);
        let masked = call(&mut network, "Masking", None, "masking_1", changed);
        let wrong = call(&mut network, "Dense", Some(Value::Int(5)), "wrong", masked);
        network.finish(&[right, wrong]);
        let error = compile_masks(&network).expect_err("a mask behind a layer");
        let message = "the mask of the output `wrong` does not follow from the inputs alone";
        assert_eq!((error.layer.as_deref(), &*error.message), (Some("wrong"), message), "{class}");
        assert!(error.help.is_some());
    }
}
