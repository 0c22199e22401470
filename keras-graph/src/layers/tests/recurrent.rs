//! Recurrent layers: what their steps become, and what is refused.

use super::*;

/// The convolutions of a layer called on one tensor: how often each is repeated, and in how many
/// groups it works.
fn convolutions(class: &str, text: &str, mode: Mode, extents: &[usize]) -> Vec<[usize; 2]> {
    let (graph, _) = lower(&*layer(class, text), mode, &[extents]).unwrap();
    let of = |node: &crate::graph::Node| match node.op() {
        Some(Op::Conv2D(op)) => Some([node.repeat, op.groups]),
        _ => None,
    };
    graph.nodes().iter().filter_map(of).collect()
}

#[test]
fn the_inputs_of_all_steps_are_convolved_at_once() {
    // The first step has a state of zeros, and no convolution.
    let found = convolutions("ConvLSTM2D", "2, 3", TRAINING, &[4, 5, 6, 2]);
    assert_eq!(found, [[4, 1], [1, 1], [1, 1], [1, 1]]);
    let found = convolutions("ConvLSTM1D", "2, 3", TRAINING, &[1, 5, 2]);
    assert_eq!(found, [[1, 1], [1, 1]], "one step has a gradient by the kernel of the state too");
}

#[test]
fn each_gate_has_noise_of_its_own_while_training() {
    let text = "2, 3, dropout = 0.5, recurrent_dropout = 0.25";
    let extents = [2, 5, 6, 3];
    assert_eq!(convolutions("ConvLSTM2D", text, TRAINING, &extents), [[2, 4], [1, 4]]);
    assert_eq!(convolutions("ConvLSTM2D", text, Mode::Inference, &extents), [[2, 1], [1, 1]]);
    let (graph, _) = lower(&*layer("ConvLSTM2D", text), TRAINING, &[&extents]).unwrap();
    let mut noise = graph.nodes().iter().filter_map(|node| match node.op() {
        Some(Op::Dropout(op)) => Some((op.rate, op.mask[..op.rank].to_vec())),
        _ => None,
    });
    // The same in all steps: drawn for the elements of one.
    assert_eq!(noise.next(), Some((0.5, vec![1, 5, 6, 4 * 3])));
    assert_eq!(noise.next(), Some((0.25, vec![3 * 4 * 4 * 2])));
    assert_eq!(noise.next(), None);
}

#[test]
fn states_between_batches_are_refused_with_advice() {
    for (class, text) in [
        ("LSTM", "3, stateful = True"),
        ("GRU", "3, stateful = True"),
        ("SimpleRNN", "3, stateful = True"),
        ("RNN", "GRUCell(3), stateful = True"),
        ("ConvLSTM1D", "3, 2, stateful = True"),
        ("ConvLSTM2D", "3, 2, stateful = True"),
    ] {
        let error = argument_error(class, text);
        let expected = format!("`stateful` of `{class}` expects only `False`, found True");
        assert_eq!(error.message, expected);
        let help = error.help.unwrap();
        assert!(help.contains("`return_state = True`") && help.contains("`initial_state`"));
    }
}
