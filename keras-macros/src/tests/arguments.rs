//! What arguments of layers may be.

use super::*;

#[test]
fn arguments_are_lists_infinity_and_layers_with_weights() {
    let body = "let x = Input((4, 3)); \
                let y = Rescaling([0.5, 2.0, 1.0], offset = [1, 0, -1])(x); \
                let y = ReLU(max_value = float(\"inf\"))(y); \
                let bound = constraints.MaxNorm(float(\"inf\")); \
                Model(x, Dense(2, kernel_constraint = bound, activation = PReLU())(y))";
    let expected = "input_layer (batch, 4, 3); rescaling (batch, 4, 3); re_lu (batch, 4, 3); \
                    dense (batch, 4, 2)";
    assert_eq!(layers(body), expected);
}

#[test]
fn cells_are_given_alone_and_in_lists() {
    let body = "let x = Input(shape = (4, 3));
        let cells = [GRUCell(3), GRUCell(2), LSTMCell(5, unit_forget_bias = False)];
        let y = RNN(cells, return_sequences = True, unroll = True)(x);
        Model(inputs = x, outputs = RNN(StackedRNNCells([SimpleRNNCell(2)]))(LSTM(3, unroll = \
        True, return_sequences = True)(y)))";
    assert_eq!(
        layers(body),
        "input_layer (batch, 4, 3); rnn (batch, 4, 5); lstm (batch, 4, 3); rnn_1 (batch, 2)"
    );
    let told = mistakes(
        "let x = Input(shape = (4, 3));
        let cell = GRUCell(3);
        let y = RNN(cell, return_sequences = True)(x);
        Model(inputs = x, outputs = RNN([cell, LSTMCell(2)])(y))",
    );
    let expected = "`gru_cell` is within another layer, which calls it\nhelp: call that layer, or \
                    make a second one: a layer within another shares no weights";
    assert_eq!(told, [expected]);
}
