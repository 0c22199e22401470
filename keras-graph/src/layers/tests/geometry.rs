//! Extreme windows: what is accepted compiles without a loop over strides or padding, and what is
//! too large is refused.
//!
//! No test has a clock: a loop over an extent of 2³¹ squared does not end.

use super::*;

/// Compiles a layer on an image in all modes.
fn plans(class: &str, text: &str, image: &[usize]) -> Vec<crate::plan::Plan> {
    let mut network = Network::new("model", Class::Functional);
    let x = network.add_input("x", Shape::new(image), Dtype::Float32);
    let layer = network.add_layer(build(class, text).unwrap());
    let y = network.call(layer, &[x]).unwrap_or_else(|error| panic!("{class}({text}): {error:?}"));
    network.finish(&y);
    let training = Mode::Training { input_gradients: true };
    [Mode::Inference, training].map(|mode| compile(&network, mode).unwrap()).into()
}

#[test]
fn padding_and_strides_cost_nothing() {
    for (class, text, output) in [
        ("AveragePooling2D", "2147483647, padding = \"same\"", [1, 1, 3]),
        ("AveragePooling2D", "2147483647, strides = (1, 2), padding = \"same\"", [24, 8, 3]),
        ("MaxPooling2D", "2147483647, padding = \"same\"", [1, 1, 3]),
        ("MaxPooling2D", "2, strides = 2147483647", [1, 1, 3]),
        ("Conv2D", "3, 17, strides = (2147483647, 4), padding = \"same\"", [1, 4, 3]),
        ("Conv2D", "16, 3, strides = 2147483647", [1, 1, 16]),
        ("Conv2D", "3, 1, dilation_rate = 2147483647", [24, 16, 3]),
        ("DepthwiseConv2D", "17, strides = 2147483647, padding = \"same\"", [1, 1, 3]),
        ("DepthwiseConv2D", "3, dilation_rate = 2147483647, padding = \"same\"", [24, 16, 3]),
        ("SeparableConv2D", "3, 17, strides = 2147483647, padding = \"same\"", [1, 1, 3]),
        ("SeparableConv2D", "5, 3, dilation_rate = 2147483647, padding = \"same\"", [24, 16, 5]),
    ] {
        for plan in plans(class, text, &[24, 16, 3]) {
            let len = output.iter().product::<usize>();
            assert_eq!(plan.outputs[0].place.len, len, "{class}({text})");
            // Nothing is as large as the padding.
            assert!(plan.workspace_len < 1 << 20, "{class}({text}): {}", plan.workspace_len);
            for step in plan.steps.iter() {
                for count in [2, 16] {
                    crate::split::split(&step.op, step.algorithm, count);
                }
            }
        }
    }
}

#[test]
fn large_images_and_usual_dilations_are_accepted() {
    // Dilation beyond a small image, as at the end of a network for segmentation; much scratch for
    // an image that is larger.
    for (class, text, image) in [
        ("Conv2D", "256, 3, dilation_rate = 36, padding = \"same\"", [9, 8, 512]),
        ("Conv2D", "3, 31, padding = \"same\"", [600, 4000, 512]),
        ("Conv2DTranspose", "3, 3, dilation_rate = 12, padding = \"same\"", [9, 8, 64]),
    ] {
        let layer = layer(class, text);
        lower(&*layer, TRAINING, &[&image]).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    }
}

#[test]
fn what_is_too_large_is_refused_by_name() {
    let same = "padding = \"same\"";
    for (class, text, image, argument, part) in [
        (
            "Conv2DTranspose",
            "2, 255, strides = (33, 1048576)",
            [24, 16, 1],
            None,
            "(batch, 1014, 16777216, 2) has more than 2147483648 elements",
        ),
        (
            "Conv2DTranspose",
            "2, 255, strides = (33, 1048576), padding = \"same\"",
            [24, 16, 1],
            None,
            "(batch, 792, 16777216, 2) has more than 2147483648 elements",
        ),
        (
            "Conv2D",
            "3, 17, dilation_rate = 2147483647, padding = \"same\"",
            [24, 16, 3],
            Some("dilation_rate"),
            "a kernel that reaches over (34359738353, 34359738353) cells of 3 channels",
        ),
        (
            "Conv2DTranspose",
            "2, 3, dilation_rate = 1000000, padding = \"same\"",
            [24, 16, 3],
            Some("dilation_rate"),
            "a kernel that reaches over (2000001, 2000001) cells",
        ),
        ("ZeroPadding2D", "2147483647", [24, 16, 3], None, "more than 2147483648 elements"),
        ("UpSampling2D", "2147483647", [24, 16, 3], None, "more than 2147483648 elements"),
        ("Conv2D", "3, 2147483647, padding = \"same\"", [24, 16, 3], None, "the weight `kernel`"),
        ("MaxPooling2D", "2147483647", [24, 16, 3], Some("pool_size"), same),
    ] {
        let error = lower_error(class, text, &[&image]);
        assert_eq!(error.argument, argument, "{class}({text}): {error:?}");
        let said = format!("{} {}", error.message, error.help.unwrap_or_default());
        assert!(said.contains(part), "{class}({text}): {said}");
    }
    let error = argument_error("AveragePooling2D", "2147483649");
    assert!(error.message.contains("`pool_size`"), "{error:?}");
}
