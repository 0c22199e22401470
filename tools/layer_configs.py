"""Prints the keys of Keras' `get_config()` for each layer of the catalogue, one layer a line.

    KERAS_BACKEND=jax python tools/layer_configs.py > keras-graph/tests/fixtures/configs.txt

Keys that every layer has (`name`, `trainable`, `dtype`) are left out. `--values` prints the values
too.
"""

import json
import sys

import keras
from keras import layers

LAYERS = [
    layers.Activation("relu"),
    layers.ActivityRegularization(),
    layers.Add(),
    layers.AdditiveAttention(),
    layers.Attention(),
    layers.Average(),
    layers.AveragePooling1D(2),
    layers.AveragePooling2D(2),
    layers.BatchNormalization(),
    layers.Bidirectional(layers.LSTM(2)),
    layers.Concatenate(),
    layers.Conv1D(2, 3),
    layers.Conv1DTranspose(2, 3),
    layers.Conv2D(2, 3),
    layers.Conv2DTranspose(2, 3),
    layers.ConvLSTM1D(2, 3),
    layers.ConvLSTM2D(2, 3),
    layers.Cropping1D(),
    layers.Cropping2D(),
    layers.Dense(2),
    layers.DepthwiseConv1D(3),
    layers.DepthwiseConv2D(3),
    layers.Dot(1),
    layers.Dropout(0.5),
    layers.ELU(),
    layers.EinsumDense("ab,bc->ac", 2),
    layers.Embedding(3, 2),
    layers.Flatten(),
    layers.GRU(2),
    layers.GRUCell(2),
    layers.GlobalAveragePooling1D(),
    layers.GlobalAveragePooling2D(),
    layers.GlobalMaxPooling1D(),
    layers.GlobalMaxPooling2D(),
    layers.GroupNormalization(2),
    layers.GroupQueryAttention(2, 4, 2),
    layers.Identity(),
    layers.LSTM(2),
    layers.LSTMCell(2),
    layers.LayerNormalization(),
    layers.LeakyReLU(),
    layers.Masking(),
    layers.MaxPooling1D(),
    layers.MaxPooling2D(),
    layers.Maximum(),
    layers.Minimum(),
    layers.MultiHeadAttention(2, 3),
    layers.Multiply(),
    layers.PReLU(),
    layers.Permute((2, 1)),
    layers.RMSNormalization(),
    layers.RNN(layers.GRUCell(2)),
    layers.ReLU(),
    layers.RepeatVector(2),
    layers.Rescaling(2.0),
    layers.Reshape((2, 3)),
    layers.ReversibleEmbedding(3, 2),
    layers.SeparableConv1D(2, 3),
    layers.SeparableConv2D(2, 3),
    layers.SimpleRNN(2),
    layers.SimpleRNNCell(2),
    layers.Softmax(),
    layers.SpatialDropout1D(0.5),
    layers.SpatialDropout2D(0.5),
    layers.StackedRNNCells([layers.GRUCell(2)]),
    layers.Subtract(),
    layers.TimeDistributed(layers.Dense(2)),
    layers.UnitNormalization(),
    layers.UpSampling1D(),
    layers.UpSampling2D(),
    layers.ZeroPadding1D(),
    layers.ZeroPadding2D(),
]
COMMON = {"name", "trainable", "dtype"}


def main():
    print(f"# Keras {keras.__version__}, made by tools/layer_configs.py")
    for layer in LAYERS:
        config = {k: v for k, v in layer.get_config().items() if k not in COMMON}
        # As files have it: a class may be exported by another name than its own.
        name = keras.saving.serialize_keras_object(layer)["class_name"]
        if "--values" in sys.argv:
            print(f"{name}: {json.dumps(config)}")
        else:
            print(" ".join([f"{name}:", *sorted(config)]))


main()
