//! Any name that Keras takes is a field, in a block and in a file.
#![forbid(unsafe_code)]
#![deny(missing_docs, missing_debug_implementations, unused, nonstandard_style, clippy::all)]

use keras::prelude::*;

model! {
    /// The model of `golden/files/names.keras`.
    pub struct Names;

    let a = Input(shape = (3,), name = "inputs");
    let b = Input(shape = (4,), name = "type");
    let x = Dense(5, name = "卷积", activation = "relu")(a);
    let y = Dense(5, name = "é ü", activation = "relu")(b);
    let z = Concatenate(name = "αβ")([Dense(2, name = "__")(x), Dense(3, name = "_")(y)]);
    let inner = Sequential(
        [Input(shape = (5,)), Dense(4, name = "outputs"), Dense(5, name = "1 \"x\"")],
        name = "😀",
    );
    let z = Add(name = "+")([inner(z), x]);
    Model([a, b], [Dense(2, name = "Self")(z), Dense(3, name = "模型")(z)], name = "names")
}

model! {
    /// The same model from Keras' file.
    pub struct Read = include!("golden/files/names.keras");
}

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/files/names.keras");

#[test]
fn blocks_and_files_have_the_same_fields() -> keras::Result<()> {
    let (block, file) = (Names::load(FILE)?, Read::load(FILE)?);
    assert_eq!(block.u5377_u79ef.kernel, file.u5377_u79ef.kernel);
    assert_eq!(block.ue9_ufc.bias, file.ue9_ufc.bias);
    assert_eq!(block.___.kernel, file.___.kernel);
    assert_eq!(block.__.kernel, file.__.kernel);
    assert_eq!(block.u1f600.outputs.kernel, file.u1f600.outputs.kernel);
    assert_eq!(block.u1f600._1__x_.kernel, file.u1f600._1__x_.kernel);
    assert_eq!(block.u6a21_u578b.bias, file.u6a21_u578b.bias);
    let (inputs, type_) = ([0.5, -1.0, 2.0], [1.0, 0.0, -0.5, 0.25]);
    let NamesOutputs { Self_: first, u6a21_u578b: second } =
        block.call(&NamesInputs { inputs, type_ });
    let y = file.call(&ReadInputs { inputs, type_ });
    assert_eq!((first, second), (y.Self_, y.u6a21_u578b));
    assert_eq!(Names::WEIGHTS.len(), 16);
    Ok(())
}

model! {
    /// Layers whose structs would have the names of the model's own.
    struct Taken;

    Sequential([
        Input(shape = (3,), name = "Taken"),
        Dense(2, name = "inputs"),
        Dense(3, name = "outputs"),
        Dense(2, name = "Inputs"),
        Dense(2, name = "in_puts"),
        Dense(2, name = "InPuts"),
        Dense(2, name = ""),
    ])
}

#[test]
fn structs_of_layers_keep_apart() {
    let model = Taken::seeded(1);
    let fields = [model.in_puts.bias, model.InPuts.bias, model.Inputs.bias, model.__.bias];
    assert_eq!(fields, [[0.0; 2]; 4]);
    assert_eq!(model.call(&[0.0; 3]), [0.0; 2]);
}

model! {
    /// A layer whose struct is `Net_AB`.
    struct Net;

    Sequential([Input(shape = (3,)), Dense(2, name = "a_b")])
}

model! {
    /// A layer whose struct is `NetA_B`.
    struct NetA;

    Sequential([Input(shape = (3,)), Dense(2, name = "b"), Dense(2, name = "inputs")])
}

#[test]
fn layers_of_two_models_keep_apart() {
    assert_eq!(Net::seeded(1).a_b.bias, NetA::seeded(1).b.bias);
}
