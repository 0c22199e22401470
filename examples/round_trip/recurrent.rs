//! Architectures with recurrent layers, which are exchanged with Keras like those of `models.rs`.

use keras::prelude::*;

use crate::random::{Draw, Random};

model! {
    /// A mask through one recurrent layer after another, of each kind.
    pub(crate) struct Recurrent;

    Sequential([
        Input(shape = (7,), dtype = "int32"),
        Embedding(10, 6, mask_zero = True),
        LSTM(5, return_sequences = True),
        GRU(4, return_sequences = True, reset_after = False, go_backwards = True),
        GRU(6, return_sequences = True, zero_output_for_mask = True, recurrent_dropout = 0.25),
        SimpleRNN(4, activation = "relu", use_bias = False),
        Dense(3),
    ])
}

model! {
    /// Sequences that are read from both ends, with a mask, and layers that differ.
    pub(crate) struct Bidirected;

    Sequential([
        Input(shape = (6, 3)),
        ReLU(),
        Masking(),
        Bidirectional(LSTM(4, return_sequences = True, recurrent_activation = "hard_sigmoid")),
        Bidirectional(
            GRU(5, return_sequences = True),
            backward_layer = SimpleRNN(5, return_sequences = True, go_backwards = True),
            merge_mode = "ave",
        ),
        Bidirectional(RNN(GRUCell(3)), merge_mode = "mul"),
        Dense(2),
    ])
}

model! {
    /// Cells that work as one, two of them of one class.
    pub(crate) struct Stacked;

    Sequential([
        Input(shape = (5, 4)),
        RNN([GRUCell(4), LSTMCell(5), GRUCell(3, reset_after = False)], return_sequences = True),
        RNN(StackedRNNCells([SimpleRNNCell(4, activation = "elu"), LSTMCell(3)]), unroll = True),
        Dense(2),
    ])
}

model! {
    /// States that pass from one layer to the next, from both directions too, and results that are
    /// outputs.
    pub(crate) struct States;

    let words = Input(shape = (7,), dtype = "int32", name = "words");
    let before = Input(shape = (5, 2), name = "before");
    let x = Embedding(10, 4, mask_zero = True)(words);
    let (seen, forward_h, forward_c, backward_h, backward_c) =
        Bidirectional(LSTM(3, return_state = True))(x);
    let h = Concatenate()([forward_h, backward_h]);
    let c = Concatenate()([forward_c, backward_c]);
    let (y, last_h, last_c) = LSTM(6, return_sequences = True, return_state = True)(
        before, initial_state = [h, c],
    );
    let z = GRU(6, return_sequences = True)(y, initial_state = last_h);
    let next = TimeDistributed(Dense(3), name = "next")(z);
    let end = Dense(2, name = "end")(Add()([seen, last_c]));
    Model(inputs = [words, before], outputs = [next, end])
}

model! {
    /// A small classifier of sequences with masks, to train.
    pub(crate) struct Classifier;

    Sequential([
        Input(shape = (7,), dtype = "int32"),
        Embedding(10, 4, mask_zero = True),
        Bidirectional(GRU(4, return_sequences = True)),
        RNN([LSTMCell(4), GRUCell(3, reset_after = False)]),
        Dense(3, activation = "softmax"),
    ])
}

model! {
    /// An encoder whose states start a decoder, to train.
    pub(crate) struct Translator;

    let words = Input(shape = (7,), dtype = "int32", name = "words");
    let before = Input(shape = (5, 2), name = "before");
    let (_, h, c) = LSTM(4, return_state = True)(Embedding(10, 3, mask_zero = True)(words));
    let y = LSTM(4, return_sequences = True)(before, initial_state = [h, c]);
    Model(inputs = [words, before], outputs = Dense(2)(y))
}

impl Draw for StatesInputs {
    fn draw(random: &mut Random) -> Self {
        StatesInputs { words: Draw::draw(random), before: Draw::draw(random) }
    }
}

impl Draw for TranslatorInputs {
    fn draw(random: &mut Random) -> Self {
        TranslatorInputs { words: Draw::draw(random), before: Draw::draw(random) }
    }
}
