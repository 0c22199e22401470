//! Layers over sequences: they are the ops over images, of images with one row.

use super::*;
use crate::op::{Conv2D as Convolution, Dropout as Dropped};

/// The ops of a layer called on one tensor, as text.
fn ops(class: &str, text: &str, extents: &[usize]) -> Vec<String> {
    let (graph, _) = lower(&*layer(class, text), TRAINING, &[extents]).unwrap();
    let ops = graph.nodes().iter().filter_map(|node| node.op());
    ops.map(|op| format!("{op:?}")).collect()
}

#[test]
fn a_sequence_is_an_image_of_one_row() {
    for (sequence, image, arguments, on_image) in [
        ("Conv1D", "Conv2D", "6, 3, strides = 2", "6, (1, 3), strides = (1, 2)"),
        ("Conv1DTranspose", "Conv2DTranspose", "6, 3", "6, (1, 3)"),
        (
            "DepthwiseConv1D",
            "DepthwiseConv2D",
            "3, dilation_rate = 2",
            "(1, 3), dilation_rate = (1, 2)",
        ),
        ("SeparableConv1D", "SeparableConv2D", "6, 3", "6, (1, 3)"),
        ("MaxPooling1D", "MaxPooling2D", "3", "(1, 3)"),
        (
            "AveragePooling1D",
            "AveragePooling2D",
            "3, padding = \"same\"",
            "(1, 3), padding = \"same\"",
        ),
        ("UpSampling1D", "UpSampling2D", "3", "(1, 3)"),
        ("ZeroPadding1D", "ZeroPadding2D", "(2, 3)", "((0, 0), (2, 3))"),
        ("Cropping1D", "Cropping2D", "(2, 3)", "((0, 0), (2, 3))"),
    ] {
        let found = ops(sequence, arguments, &[8, 4]);
        assert_eq!(found, ops(image, on_image, &[1, 8, 4]), "{sequence}({arguments})");
    }
}

#[test]
fn causal_windows_end_at_their_step() {
    let text = "3, 4, padding = \"causal\", dilation_rate = 2";
    let (graph, _) = lower(&*layer("Conv1D", text), TRAINING, &[&[9, 2]]).unwrap();
    let mut ops = graph.nodes().iter().filter_map(|node| node.op());
    let Some(Op::Conv2D(Convolution { columns, .. })) = ops.find(|op| matches!(op, Op::Conv2D(_)))
    else {
        panic!("no convolution");
    };
    let reach = (columns.kernel - 1) * columns.dilation;
    assert_eq!((columns.output, columns.pad), (9, reach));
}

#[test]
fn channels_fall_together_in_a_spatial_dropout() {
    let cases = [
        ("SpatialDropout1D", &[4, 3][..], [1, 3, 1]),
        ("SpatialDropout2D", &[4, 5, 3][..], [1, 1, 3]),
    ];
    for (class, extents, expected) in cases {
        let (graph, y) = lower(&*layer(class, "0.5"), TRAINING, &[extents]).unwrap();
        let Some(Op::Dropout(Dropped { rank, mask, .. })) = graph.nodes()[y.0].op() else {
            panic!("{class} is no dropout");
        };
        assert_eq!((*rank, &mask[..3]), (extents.len(), &expected[..]), "{class}");
    }
}

#[test]
fn what_does_not_fit_a_sequence_is_refused_by_name() {
    for (class, text, extents, argument, message, help) in [
        (
            "Conv1D",
            "4, 5",
            &[3, 2][..],
            Some("kernel_size"),
            "`Conv1D` has a kernel of 5, larger than its input of 3 steps in (batch, 3, ...)",
            Some("write `padding = \"same\"` or a smaller kernel"),
        ),
        (
            "MaxPooling1D",
            "4",
            &[28, 28, 3],
            None,
            "`MaxPooling1D` expects (batch, steps, features), found (batch, 28, 28, 3)",
            Some("put `Reshape(target_shape = (28, 84))` before it, or write `MaxPooling2D`"),
        ),
        (
            "GlobalMaxPooling1D",
            "",
            &[9],
            None,
            "`GlobalMaxPooling1D` expects (batch, steps, features), found (batch, 9)",
            Some("put `Reshape(target_shape = (9, 1))` before it"),
        ),
        (
            "SpatialDropout1D",
            "0.5",
            &[],
            None,
            "`SpatialDropout1D` expects (batch, steps, features), found (batch)",
            Some("write `Input(shape = (steps, features))`"),
        ),
        (
            "Conv1D",
            "4, 2, strides = 3, dilation_rate = 2",
            &[9, 2],
            Some("dilation_rate"),
            "`Conv1D` expects either strides or dilation of 1, found `strides = 3` and \
             `dilation_rate = 2`",
            None,
        ),
        (
            "Conv1D",
            "6, 2, groups = 4",
            &[9, 4],
            Some("groups"),
            "`Conv1D` expects `groups` to divide the filters, found `groups = 4` and 6",
            None,
        ),
        (
            "Conv1DTranspose",
            "6, 2, strides = 2, output_padding = 2",
            &[9, 4],
            Some("output_padding"),
            "`Conv1DTranspose` expects `output_padding` below `strides` = 2, found 2",
            None,
        ),
        (
            "Cropping1D",
            "(2, 3)",
            &[5, 2],
            Some("cropping"),
            "`Cropping1D` expects to leave some of axis 1 of (batch, 5, 2), 5 long, found \
             `cropping = (2, 3)`",
            None,
        ),
        (
            "Cropping2D",
            "((0, 0), (2, 2))",
            &[5, 4, 2],
            Some("cropping"),
            "`Cropping2D` expects to leave some of axis 2 of (batch, 5, 4, 2), 4 long, found \
             `cropping = ((0, 0), (2, 2))`",
            None,
        ),
    ] {
        let error = lower_error(class, text, &[extents]);
        let found = (error.argument, error.message.as_str(), error.help.as_deref());
        assert_eq!(found, (argument, message, help));
    }
}

#[test]
fn arguments_of_sequences_are_read_as_numbers_of_one() {
    for (class, text, message, help) in [
        (
            "Conv1D",
            "4, (3, 3)",
            "`kernel_size` of `Conv1D` expects a positive integer, found (3, 3)",
            None,
        ),
        (
            "Conv1D",
            "4, 3, padding = \"casual\"",
            "`padding` of `Conv1D` expects `\"valid\"`, `\"same\"` or `\"causal\"`, \
             found \"casual\"",
            Some("did you mean `\"causal\"`?"),
        ),
        (
            "Conv1DTranspose",
            "4, 3, padding = \"causal\"",
            "`padding` of `Conv1DTranspose` expects `\"valid\"` or `\"same\"`, found \"causal\"",
            None,
        ),
        (
            "ZeroPadding1D",
            "((1, 2), 3)",
            "`padding` of `ZeroPadding1D` expects an integer or a tuple `(left, right)`, none \
             negative, found ((1, 2), 3)",
            None,
        ),
        (
            "Cropping2D",
            "(1, 2, 3)",
            "`cropping` of `Cropping2D` expects an integer, a tuple `(height, width)` or \
             `((top, bottom), (left, right))`, none negative, found (1, 2, 3)",
            None,
        ),
        (
            "AveragePooling1D",
            "2, data_format = \"channels_first\"",
            "`data_format` of `AveragePooling1D` expects only `\"channels_last\"` or `None`, \
             found \"channels_first\"",
            Some("put `Permute((2, 1))` before the layer to move the channels"),
        ),
    ] {
        let error = argument_error(class, text);
        assert_eq!((error.message.as_str(), error.help.as_deref()), (message, help));
    }
    let value = |class: &str, text: &str, key: &str| {
        let config = layer(class, text).config();
        config.iter().find(|(name, _)| *name == key).unwrap().1.to_string()
    };
    assert_eq!(value("Conv1D", "4, (3,), padding = \"CAUSAL\"", "padding"), "\"causal\"");
    assert_eq!(value("Conv1D", "4, 3", "kernel_size"), "(3,)");
    assert_eq!(value("MaxPooling1D", "3", "strides"), "(3,)");
    assert_eq!(value("ZeroPadding1D", "2", "padding"), "(2, 2)");
    assert_eq!(value("UpSampling1D", "3", "size"), "3");
}
