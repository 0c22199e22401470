//! Normalizations and embeddings: what axes, groups and calls they take.

use super::*;
use crate::call::{CallArgument, CallValue};

/// A `ReversibleEmbedding` called on this input, and its weights.
fn reversed(text: &str, extents: &[usize]) -> Result<(Vec<usize>, String), LayerError> {
    let layer = layer("ReversibleEmbedding", text);
    let mut graph = Graph::new(TRAINING);
    let x = graph.input(0, Shape::new(extents), Dtype::Float32);
    let mut call = Call::on(&[Lowered::unmasked(x)]);
    let value = CallValue::Value(Value::Bool(true));
    call.arguments.push(CallArgument { name: "reverse", is_positional: false, value });
    let y = graph.in_layer("layer", true, |graph| layer.lower_call(graph, &call))?[0];
    assert_eq!(y.mask, None);
    let weights: Vec<String> =
        graph.weights().iter().map(|w| format!("{}{:?}", w.name, w.shape.extents())).collect();
    Ok((graph.extents(y.node), weights.join(" ")))
}

#[test]
fn a_reversible_embedding_leads_back() {
    let (extents, weights) = reversed("7, 3, mask_zero = True", &[4, 3]).unwrap();
    assert_eq!((extents.as_slice(), weights.as_str()), (&[4, 7][..], "embeddings[7, 3]"));
    let (extents, weights) = reversed("7, 3, tie_weights = False", &[3]).unwrap();
    assert_eq!(
        (extents.as_slice(), weights.as_str()),
        (&[7][..], "embeddings[7, 3] reverse_embeddings[3, 7]")
    );
    let error = reversed("7, 3", &[3, 4]).unwrap_err();
    assert_eq!(
        error.message,
        "`ReversibleEmbedding` with `reverse = True` expects (batch, ..., 3), found (batch, 3, 4)"
    );
}

#[test]
fn the_ids_of_a_reversible_embedding_make_a_mask() {
    for (text, expected) in [("7, 3, mask_zero = True", true), ("7, 3", false)] {
        let layer = layer("ReversibleEmbedding", text);
        let mut graph = Graph::new(TRAINING);
        let ids = graph.input(0, Shape::new([4]), Dtype::Int32);
        let call = Call::on(&[Lowered::unmasked(ids)]);
        let made = graph.in_layer("layer", true, |graph| layer.lower_call(graph, &call)).unwrap();
        assert_eq!(made[0].mask.map(|mask| graph.extents(mask)), expected.then(|| vec![4]));
    }
}

#[test]
fn axes_and_groups_that_do_not_fit_are_refused() {
    for (class, text, extents, argument, message, help) in [
        (
            "GroupNormalization",
            "4",
            &[5, 6][..],
            "groups",
            "`GroupNormalization` expects `groups` to divide the channels, found `groups = 4` and \
             6 channels",
            Some("write `groups = 3`, or -1 for each channel"),
        ),
        (
            "GroupNormalization",
            "",
            &[5, 7],
            "groups",
            "`GroupNormalization` expects `groups` to divide the channels, found `groups = 32` \
             and 7 channels",
            Some("write `groups = 7`, or -1 for each channel"),
        ),
        (
            "GroupNormalization",
            "2, axis = 3",
            &[5, 6],
            "axis",
            "`GroupNormalization` expects `axis` to be one of (batch, 5, 6) but the batch, found \
             `axis = 3`",
            None,
        ),
        (
            "RMSNormalization",
            "axis = 1",
            &[5, 6],
            "axis",
            "`RMSNormalization` expects `axis` to be the last axes of (batch, 5, 6), found \
             `axis = 1`",
            Some("its `scale` goes along the last axes: move them there with `Permute(..)`"),
        ),
        (
            "RMSNormalization",
            "axis = [0, 2]",
            &[5, 6],
            "axis",
            "`RMSNormalization` expects `axis` to be among the axes of (batch, 5, 6) but the \
             batch, each once, found `axis = (0, 2)`",
            None,
        ),
        (
            "UnitNormalization",
            "axis = (1, 3)",
            &[5, 6],
            "axis",
            "`UnitNormalization` expects `axis` to be among the axes of (batch, 5, 6) but the \
             batch, each once, found `axis = (1, 3)`",
            None,
        ),
    ] {
        let error = lower_error(class, text, &[extents]);
        let found = (error.argument, error.message.as_str(), error.help.as_deref());
        assert_eq!(found, (Some(argument), message, help));
    }
    let error = argument_error("GroupNormalization", "0");
    assert_eq!(
        error.message,
        "`groups` of `GroupNormalization` expects a positive integer, or -1 for groups of one \
         channel, found 0"
    );
}
