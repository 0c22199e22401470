//! The catalogue: one file per layer, three lines here.

mod activation;
mod activity_regularization;
mod add;
mod additive_attention;
mod attention;
mod average;
mod average_pooling1d;
mod average_pooling2d;
mod batch_normalization;
mod concatenate;
mod conv1d;
mod conv1d_transpose;
mod conv2d;
mod conv2d_transpose;
mod cropping1d;
mod cropping2d;
mod dense;
mod depthwise_conv1d;
mod depthwise_conv2d;
mod dot;
mod dropout;
mod einsum_dense;
mod elu;
mod embedding;
mod family;
mod flatten;
mod global_average_pooling1d;
mod global_average_pooling2d;
mod global_max_pooling1d;
mod global_max_pooling2d;
mod group_normalization;
mod group_query_attention;
mod heads;
mod identity;
mod inner;
mod input;
mod layer_normalization;
mod leaky_re_lu;
mod masking;
mod max_pooling1d;
mod max_pooling2d;
mod maximum;
mod merge;
mod minimum;
mod multi_head_attention;
mod multiply;
mod named_activation;
mod p_re_lu;
mod permute;
mod re_lu;
pub mod recurrent;
mod repeat_vector;
mod rescaling;
mod reshape;
mod reversible_embedding;
mod rms_normalization;
mod separable_conv1d;
mod separable_conv2d;
mod softmax;
mod spatial_dropout1d;
mod spatial_dropout2d;
mod subtract;
mod time_distributed;
mod unit_normalization;
mod up_sampling1d;
mod up_sampling2d;
mod zero_padding1d;
mod zero_padding2d;

pub use activation::Activation;
pub use activity_regularization::ActivityRegularization;
pub use add::Add;
pub use additive_attention::AdditiveAttention;
pub use attention::{Attention, ScoreMode};
pub use average::Average;
pub use average_pooling1d::AveragePooling1D;
pub use average_pooling2d::AveragePooling2D;
pub use batch_normalization::BatchNormalization;
pub use concatenate::Concatenate;
pub use conv1d::Conv1D;
pub use conv1d_transpose::Conv1DTranspose;
pub use conv2d::Conv2D;
pub use conv2d_transpose::Conv2DTranspose;
pub use cropping1d::Cropping1D;
pub use cropping2d::Cropping2D;
pub use dense::Dense;
pub use depthwise_conv1d::DepthwiseConv1D;
pub use depthwise_conv2d::DepthwiseConv2D;
pub use dot::Dot;
pub use dropout::Dropout;
pub use einsum_dense::EinsumDense;
pub use elu::ELU;
pub use embedding::Embedding;
pub use flatten::Flatten;
pub use global_average_pooling1d::GlobalAveragePooling1D;
pub use global_average_pooling2d::GlobalAveragePooling2D;
pub use global_max_pooling1d::GlobalMaxPooling1D;
pub use global_max_pooling2d::GlobalMaxPooling2D;
pub use group_normalization::GroupNormalization;
pub use group_query_attention::GroupQueryAttention;
pub use identity::Identity;
pub use inner::InnerLayer;
pub use input::{INPUT, InputArguments};
pub use layer_normalization::LayerNormalization;
pub use leaky_re_lu::LeakyReLU;
pub use masking::Masking;
pub use max_pooling1d::MaxPooling1D;
pub use max_pooling2d::MaxPooling2D;
pub use maximum::Maximum;
pub use minimum::Minimum;
pub use multi_head_attention::MultiHeadAttention;
pub use multiply::Multiply;
pub use named_activation::NamedActivation;
pub use p_re_lu::PReLU;
pub use permute::Permute;
pub use re_lu::ReLU;
pub use recurrent::{
    Bidirectional, ConvLSTM1D, ConvLSTM2D, GRU, GRUCell, LSTM, LSTMCell, RNN, SimpleRNN,
    SimpleRNNCell, StackedRNNCells,
};
pub use repeat_vector::RepeatVector;
pub use rescaling::Rescaling;
pub use reshape::Reshape;
pub use reversible_embedding::ReversibleEmbedding;
pub use rms_normalization::RMSNormalization;
pub use separable_conv1d::SeparableConv1D;
pub use separable_conv2d::SeparableConv2D;
pub use softmax::Softmax;
pub use spatial_dropout1d::SpatialDropout1D;
pub use spatial_dropout2d::SpatialDropout2D;
pub use subtract::Subtract;
pub use time_distributed::TimeDistributed;
pub use unit_normalization::UnitNormalization;
pub use up_sampling1d::UpSampling1D;
pub use up_sampling2d::UpSampling2D;
pub use zero_padding1d::ZeroPadding1D;
pub use zero_padding2d::ZeroPadding2D;

use crate::layer::Layer;
use crate::network::{LayerKind, NetworkLayer};
use crate::parameter::LayerName;
use crate::schema::{ArgumentError, Bound, Schema};
use crate::value::Argument;
use inner::Held;
use input::LayerDtype;
use recurrent::{bidirectional, cells, conv_lstm1d, conv_lstm2d, gru, lstm, rnn, simple_rnn};

/// A call that tests check, numerically too: arguments as a user writes them, the input's and the
/// output's extents.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Arguments, as in a `model!` block.
    pub arguments: &'static str,
    /// Extents per sample of each input.
    pub inputs: &'static [&'static [usize]],
    /// Extents per sample of the output.
    pub output: &'static [usize],
}

/// A layer of the catalogue.
pub struct Entry {
    /// What it accepts.
    pub schema: &'static Schema,
    /// Other names that Keras has for it.
    pub aliases: &'static [&'static str],
    /// Its test cases.
    pub cases: &'static [Case],
    read: fn(&mut Bound<'_>) -> Option<Box<dyn Layer>>,
}

macro_rules! catalogue {
    ($($module:ident::$name:ident $([$($alias:literal),* $(,)?])?,)*) => {
        /// Every layer, in alphabetical order.
        pub const CATALOGUE: &[Entry] = &[$(Entry {
            schema: &$name::SCHEMA,
            aliases: &[$($($alias),*)?],
            cases: $module::CASES,
            read: $name::read,
        },)*];
    };
}
catalogue! {
    activation::Activation,
    activity_regularization::ActivityRegularization,
    add::Add,
    additive_attention::AdditiveAttention,
    attention::Attention,
    average::Average,
    average_pooling1d::AveragePooling1D["AvgPool1D"],
    average_pooling2d::AveragePooling2D["AvgPool2D"],
    batch_normalization::BatchNormalization,
    bidirectional::Bidirectional,
    concatenate::Concatenate,
    conv1d::Conv1D["Convolution1D"],
    conv1d_transpose::Conv1DTranspose["Convolution1DTranspose"],
    conv2d::Conv2D["Convolution2D"],
    conv2d_transpose::Conv2DTranspose["Convolution2DTranspose"],
    conv_lstm1d::ConvLSTM1D,
    conv_lstm2d::ConvLSTM2D,
    cropping1d::Cropping1D,
    cropping2d::Cropping2D,
    dense::Dense,
    depthwise_conv1d::DepthwiseConv1D,
    depthwise_conv2d::DepthwiseConv2D,
    dot::Dot,
    dropout::Dropout,
    einsum_dense::EinsumDense,
    elu::ELU,
    embedding::Embedding,
    flatten::Flatten,
    global_average_pooling1d::GlobalAveragePooling1D["GlobalAvgPool1D"],
    global_average_pooling2d::GlobalAveragePooling2D["GlobalAvgPool2D"],
    global_max_pooling1d::GlobalMaxPooling1D["GlobalMaxPool1D"],
    global_max_pooling2d::GlobalMaxPooling2D["GlobalMaxPool2D"],
    group_normalization::GroupNormalization,
    group_query_attention::GroupQueryAttention,
    gru::GRU,
    cells::GRUCell,
    identity::Identity,
    layer_normalization::LayerNormalization,
    leaky_re_lu::LeakyReLU,
    lstm::LSTM,
    cells::LSTMCell,
    masking::Masking,
    maximum::Maximum,
    max_pooling1d::MaxPooling1D["MaxPool1D"],
    max_pooling2d::MaxPooling2D["MaxPool2D"],
    minimum::Minimum,
    multi_head_attention::MultiHeadAttention,
    multiply::Multiply,
    permute::Permute,
    p_re_lu::PReLU,
    re_lu::ReLU,
    repeat_vector::RepeatVector,
    rescaling::Rescaling,
    reshape::Reshape,
    reversible_embedding::ReversibleEmbedding,
    rms_normalization::RMSNormalization,
    rnn::RNN,
    separable_conv1d::SeparableConv1D["SeparableConvolution1D"],
    separable_conv2d::SeparableConv2D["SeparableConvolution2D"],
    simple_rnn::SimpleRNN,
    cells::SimpleRNNCell,
    softmax::Softmax,
    spatial_dropout1d::SpatialDropout1D,
    spatial_dropout2d::SpatialDropout2D,
    cells::StackedRNNCells,
    subtract::Subtract,
    time_distributed::TimeDistributed,
    unit_normalization::UnitNormalization,
    up_sampling1d::UpSampling1D,
    up_sampling2d::UpSampling2D,
    zero_padding1d::ZeroPadding1D,
    zero_padding2d::ZeroPadding2D,
}

impl Entry {
    /// The layer that Keras calls `class`.
    pub fn by_class(class: &str) -> Option<&'static Entry> {
        CATALOGUE.iter().find(|entry| entry.schema.class == class || entry.aliases.contains(&class))
    }

    /// Builds the layer from the arguments of a call, or tells every mistake in them.
    /// `automatic_name` is used where the arguments give none.
    pub fn build(
        &self,
        arguments: &[Argument],
        automatic_name: impl FnOnce() -> String,
    ) -> Result<NetworkLayer, Vec<ArgumentError>> {
        let mut bound = Bound::new(self.schema, arguments);
        let layer = (self.read)(&mut bound);
        let trainable = bound.or("trainable", true);
        let name: Option<Option<LayerName>> = bound.or("name", None);
        let activity_regularizer = bound.or("activity_regularizer", None);
        bound.or("dtype", LayerDtype);
        // A common parameter that the layer lists as well is read twice.
        let mut errors: Vec<ArgumentError> = Vec::new();
        for error in bound.errors {
            if !errors.contains(&error) {
                errors.push(error);
            }
        }
        match (layer, trainable, name, activity_regularizer) {
            (Some(layer), Some(trainable), Some(name), Some(activity_regularizer))
                if errors.is_empty() =>
            {
                Ok(NetworkLayer {
                    name: name.map_or_else(automatic_name, |name| name.0),
                    kind: LayerKind::Layer(layer),
                    trainable,
                    activity_regularizer,
                })
            }
            _ => Err(errors),
        }
    }
}

#[cfg(test)]
mod tests;
