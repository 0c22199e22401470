//! What arguments and shapes are refused, and how.

use super::*;
use crate::dtype::Dtype;
use crate::graph::NodeKind;
use crate::op::Op;
use crate::parameter::MAX_COUNT;

#[test]
fn wrong_arguments_say_what_was_expected() {
    for (class, text, message, help) in [
        ("Dense", "0", "`units` of `Dense` expects a positive integer, found 0", None),
        (
            "Dense",
            "units = 3, activaton = \"relu\"",
            "`Dense` has no argument `activaton`",
            Some("did you mean `activation`?"),
        ),
        (
            "Dense",
            "3, activation = \"rleu\"",
            "`activation` of `Dense` expects the name of an activation, such as `\"relu\"`, \
             or `None`, found \"rleu\"",
            Some("did you mean `\"relu\"`?"),
        ),
        (
            "Dense",
            "3, kernel_constraint = \"max_morn\"",
            "`kernel_constraint` of `Dense` expects the name of a constraint, such as \
             `\"non_neg\"`, or an object such as `constraints.MaxNorm(3)`, or `None`, \
             found \"max_morn\"",
            Some("did you mean `\"max_norm\"`?"),
        ),
        ("Dropout", "1.5", "`rate` of `Dropout` expects a number from 0 to 1, found 1.5", None),
        (
            "Conv2D",
            "4, (3, 3, 3)",
            "`kernel_size` of `Conv2D` expects a positive integer or a tuple of 2, \
             such as `(3, 3)`, found (3, 3, 3)",
            None,
        ),
        (
            "Conv2D",
            "4, 3, padding = \"sme\"",
            "`padding` of `Conv2D` expects `\"valid\"` or `\"same\"`, found \"sme\"",
            Some("did you mean `\"same\"`?"),
        ),
        (
            "Dot",
            "(1, 2, 3)",
            "`axes` of `Dot` expects an axis or a tuple of 2, such as `(2, 1)`, found (1, 2, 3)",
            None,
        ),
        (
            "EinsumDense",
            "\"abc,dc->aed\", 3",
            "`equation` of `EinsumDense` expects an equation of an input, a kernel and an output, \
             such as `\"abc,cd->abd\"`, found \"abc,dc->aed\"",
            Some(
                "each letter stands once in a term; the first of input and output is the batch, \
                 and those of the kernel are in one of the two",
            ),
        ),
        (
            "BatchNormalization",
            "epsilon = 0.0",
            "`epsilon` of `BatchNormalization` expects a positive number, found 0.0",
            None,
        ),
    ] {
        let error = argument_error(class, text);
        assert_eq!((error.message.as_str(), error.help.as_deref()), (message, help));
    }
    let error = argument_error("Dense", "3, kernel_initializer = \"he_norml\"");
    assert_eq!(error.help.as_deref(), Some("did you mean `\"he_normal\"`?"));
    let error = argument_error("Dense", "3, kernel_initializer = HeNormal(scale = 2)");
    assert!(
        error.message.contains("`HeNormal` with the arguments that it takes (seed"),
        "{}",
        error.message
    );
    let error = argument_error("Dense", "3, kernel_regularizer = L2(-0.5)");
    assert!(
        error.message.contains("`L2` with a number of at least 0 for `l2`"),
        "{}",
        error.message
    );
    assert_eq!(build("Conv2D", "0, 0, strides = 0").unwrap_err().len(), 3);
}

#[test]
fn wrong_shapes_say_what_was_expected() {
    for (class, text, inputs, message, help) in [
        (
            "Dense",
            "3",
            &[&[][..]][..],
            "`Dense` expects (batch, ..., features), found (batch)",
            Some("write `Input(shape = (features,))`"),
        ),
        (
            "Conv2D",
            "4, 3",
            &[&[784]],
            "`Conv2D` expects (batch, height, width, channels), found (batch, 784)",
            Some("put `Reshape(target_shape = (28, 28, 1))` before it"),
        ),
        (
            "MaxPooling2D",
            "",
            &[&[3072]],
            "`MaxPooling2D` expects (batch, height, width, channels), found (batch, 3072)",
            Some("put `Reshape(target_shape = (32, 32, 3))` before it"),
        ),
        (
            "Conv2D",
            "4, (3, 5)",
            &[&[6, 4, 2]],
            "`Conv2D` has a kernel of (3, 5), larger than its input of width 4 in (batch, 6, 4, \
             ...)",
            Some("write `padding = \"same\"` or a smaller kernel"),
        ),
        (
            "Reshape",
            "(5, 3)",
            &[&[4, 4]],
            "`Reshape` to (batch, 5, 3) needs 15 elements per sample, found 16 in (batch, 4, 4)",
            Some("write -1 for an extent that follows from the others"),
        ),
        (
            "Dot",
            "(1, 2)",
            &[&[4, 6], &[5, 7]],
            "`Dot` expects equal extents to sum over, found 4 in axis 1 of (batch, 4, 6) and 7 in \
             axis 2 of (batch, 5, 7)",
            None,
        ),
        (
            "Dot",
            "0",
            &[&[4], &[4]],
            "`Dot` expects `axes` to be among the axes of (batch, 4) but the batch, found 0",
            None,
        ),
        (
            "EinsumDense",
            "\"abc,cd->abd\", (7, 5)",
            &[&[4, 6]],
            "the axis `b` of \"abc,cd->abd\" is 4 in the input (batch, 4, 6) and 7 in \
             `output_shape`",
            Some("write `None` for an axis that is the input's"),
        ),
        (
            "EinsumDense",
            "\"abc,cd->abd\", 5",
            &[&[4, 6]],
            "the output of \"abc,cd->abd\" has 2 axes beside the batch, \
             found an `output_shape` of 1",
            None,
        ),
        (
            "EinsumDense",
            "\"abc,cd->abd\", (None, None)",
            &[&[4, 6]],
            "the axis `d` of \"abc,cd->abd\" is not the input's: `output_shape` must say how long \
             it is",
            None,
        ),
        (
            "Add",
            "",
            &[&[4, 6, 8], &[4, 6, 9]],
            "`Add` expects equal shapes, found (batch, 4, 6, 8) and (batch, 4, 6, 9)",
            Some("put `Conv2D(8, kernel_size = 1)` before the others, or use `Concatenate()`"),
        ),
    ] {
        let error = lower_error(class, text, inputs);
        assert_eq!((error.message.as_str(), error.help.as_deref()), (message, help));
    }
    assert_eq!(lower_error("Conv2D", "6, 3, groups = 4", &[&[5, 6, 8]]).argument, Some("groups"));
    assert_eq!(lower_error("Conv2D", "6, 3, groups = 3", &[&[5, 6, 8]]).argument, Some("groups"));
    let both = "6, 3, strides = 2, dilation_rate = 2";
    assert_eq!(lower_error("Conv2D", both, &[&[9, 8, 3]]).argument, Some("dilation_rate"));
    assert_eq!(lower_error("BatchNormalization", "axis = 0", &[&[3, 4]]).argument, Some("axis"));
    let noise = "0.5, noise_shape = (None, 2)";
    assert_eq!(lower_error("Dropout", noise, &[&[3]]).argument, Some("noise_shape"));
    assert!(lower_error("Dense", "2000000000", &[&[2000000]]).message.contains("`kernel`"));
}

#[test]
fn windows_and_axes_are_checked() {
    let message =
        |class: &str, text: &str, inputs: &[&[usize]]| lower_error(class, text, inputs).message;
    let dilated = lower_error("Conv2D", "4, 3, dilation_rate = (1, 4)", &[&[6, 8, 2]]);
    assert_eq!(dilated.argument, Some("kernel_size"));
    assert!(dilated.message.contains("which dilation spreads to 9"), "{}", dilated.message);
    assert_eq!(
        lower_error("AveragePooling2D", "(2, 9)", &[&[6, 8, 2]]).argument,
        Some("pool_size")
    );
    let padding = "3, 2, strides = (2, 3), output_padding = (1, 3)";
    assert_eq!(
        lower_error("Conv2DTranspose", padding, &[&[4, 5, 2]]).argument,
        Some("output_padding")
    );
    assert_eq!(
        message("Permute", "(1, 3)", &[&[4, 5]]),
        "`Permute` expects `dims` to hold each axis of (batch, 4, 5) once, 1 to 2, found (1, 3)"
    );
    assert_eq!(
        message("Concatenate", "", &[&[4, 5], &[3, 5]]),
        "`Concatenate` expects shapes that differ in axis 2 alone, found (batch, 4, 5) and (batch, \
         3, 5)"
    );
    for (class, text) in [
        ("Softmax", "axis = 0"),
        ("LayerNormalization", "axis = [1, -2]"),
        ("Concatenate", "axis = 3"),
    ] {
        assert_eq!(lower_error(class, text, &[&[4, 5]]).argument, Some("axis"), "{class}");
    }
    assert_eq!(lower_error("PReLU", "shared_axes = [3]", &[&[4, 5]]).argument, Some("shared_axes"));
    assert_eq!(message("Subtract", "", &[&[3]]), "`Subtract` expects a list of 2 tensors, found 1");
    assert_eq!(
        message("Dense", "3", &[&[4], &[4]]),
        "`Dense` expects one tensor, found a list of 2"
    );
    assert!(message("Activation", "\"glu\"", &[&[4, 5]]).contains("even extent"));
    assert!(
        message("Dense", "3, bias_initializer = \"orthogonal\"", &[&[4]])
            .contains("two axes or more")
    );
}

#[test]
fn no_extent_overflows() {
    let huge = usize::try_from(MAX_COUNT).unwrap();
    for (class, text, input) in [
        ("UpSampling2D", "2000000000", &[2000000000, 2, 1][..]),
        ("ZeroPadding2D", "2000000000", &[5, 6, 4]),
        ("RepeatVector", "2000000000", &[2000000000]),
        ("Conv2DTranspose", "2000000000, 2000000000, strides = 2000000000", &[6, 5, 2]),
        ("Conv2D", "3, 2000000000, padding = \"same\", dilation_rate = 2000000000", &[6, 5, 2]),
        ("DepthwiseConv2D", "3, depth_multiplier = 2000000000", &[6, 5, 4]),
        ("SeparableConv2D", "3, 3, depth_multiplier = 2000000000", &[6, 5, 4]),
        ("Flatten", "", &[huge, huge, huge]),
        ("Dense", "3", &[huge, huge, huge]),
        ("Reshape", "(2000000000, 2000000000, 2000000000)", &[6]),
    ] {
        assert!(lower(&*layer(class, text), TRAINING, &[input]).is_err(), "{class}({text})");
    }
}

#[test]
fn numbers_are_cast_to_what_a_layer_reads() {
    let mut graph = Graph::new(Mode::Inference);
    let x = graph.input(0, Shape::new([10]), Dtype::Float32);
    layer("Embedding", "7, 3").lower(&mut graph, x).unwrap();
    assert!(graph.nodes().iter().any(|node| matches!(node.kind, NodeKind::Sample(Op::CastInt(_)))));
    // Other layers compute with the integers as floats.
    let ids = graph.input(1, Shape::new([4]), Dtype::Int32);
    let y = layer("Dense", "3").lower(&mut graph, ids).unwrap();
    assert_eq!(graph.dtype(y), Dtype::Float32);
    assert!(
        graph.nodes().iter().any(|node| matches!(node.kind, NodeKind::Sample(Op::CastFloat(_))))
    );
}

#[test]
fn inputs_are_read() {
    let read = |text: &str| InputArguments::read(&arguments(text));
    let input = read("shape = (28, 27, 3), name = \"image\"").unwrap();
    assert_eq!(input.shape, Shape::new([28, 27, 3]));
    assert_eq!(input.name.as_deref(), Some("image"));
    assert_eq!(read("batch_shape = (None, 5), dtype = \"int32\"").unwrap().shape, Shape::new([5]));
    let errors = read("(None, 4)").unwrap_err();
    assert_eq!(errors[0].help.as_deref(), Some("every extent but the batch must be known"));
    assert_eq!(read("(4)").unwrap().shape, Shape::new([4]));
    assert_eq!(read("4").unwrap_err()[0].help.as_deref(), Some("write `shape = (4,)`"));
    assert!(read("(100000, 100000)").is_err());
    assert_eq!(read("(3,), trainable = False").unwrap_err()[0].at, At::Keyword(1));
}
