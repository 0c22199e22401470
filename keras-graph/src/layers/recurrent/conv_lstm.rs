//! The family of `ConvLSTM1D` and `ConvLSTM2D`, declared once as a macro that a layer's own file
//! fills in.

/// Declares a convolutional LSTM over `axes` axes beside steps and channels.
macro_rules! conv_lstm {
    (
        $(#[doc = $docs:literal])*
        pub struct $name:ident over $axes:literal axes {
            #[doc = $kernel_size_docs:literal]
            kernel_size,
            $kernel_docs:literal, $recurrent_docs:literal,
        }
    ) => {
        $crate::schema::layer! {
            $(#[doc = $docs])*
            pub struct $name {
                /// Channels of the state.
                filters: usize,
                #[doc = $kernel_size_docs]
                kernel_size: $crate::parameter::Sizes<$axes>,
                /// Steps between windows over the input.
                strides: $crate::parameter::Sizes<$axes> = $crate::parameter::Sizes([1; $axes]),
                /// How windows over the input meet its edge: `"valid"`, or `"same"`: zeros around
                /// it. The state's convolution is always `"same"`.
                padding: $crate::parameter::Padding = $crate::parameter::Padding::Valid,
                /// Order of the axes.
                data_format: $crate::parameter::ChannelsLast<$axes, 1> =
                    $crate::parameter::ChannelsLast,
                /// Steps between the cells of one window over the input.
                dilation_rate: $crate::parameter::Sizes<$axes> =
                    $crate::parameter::Sizes([1; $axes]),
                /// Function of the new memory, and of what it shows.
                activation: $crate::layers::NamedActivation =
                    $crate::layers::NamedActivation::TANH,
                /// Function of the gates.
                recurrent_activation: $crate::layers::NamedActivation =
                    $crate::layers::NamedActivation::SIGMOID,
                /// Whether a learned bias is added.
                use_bias: bool = true,
            }
            weights {
                #[doc = $kernel_docs]
                kernel = $crate::initializer::Initializer::GLOROT_UNIFORM,
                #[doc = $recurrent_docs]
                recurrent = $crate::initializer::Initializer::ORTHOGONAL,
                /// the bias `(4 · filters,)`
                bias = $crate::initializer::Initializer::ZEROS,
            }
            activity_regularizer: Option<$crate::regularizer::Regularizer>;
            and {
                /// Probability that an element of the input is 0 in all steps, while training.
                dropout: $crate::parameter::Share = $crate::parameter::Share(0.0),
                /// Probability that an element of the state is, where it is convolved.
                recurrent_dropout: $crate::parameter::Share = $crate::parameter::Share(0.0),
                /// Seed of the noise of this layer alone; else the model's seed decides.
                seed: Option<i64> = None,
                /// Whether the output of each step is returned, and not that of the last alone.
                return_sequences: bool = false,
                /// Whether the states behind the last step are returned too.
                return_state: bool = false,
                /// Whether the sequence is read from its end.
                go_backwards: bool = false,
                /// Not supported: no state is kept between batches.
                stateful: $crate::parameter::Stateless = $crate::parameter::Stateless,
                /// Whether the bias of the forget gate starts at 1.
                unit_forget_bias: bool = true,
                /// Has no effect: the steps are always ops of their own.
                unroll: bool = false,
                /// Whether the output of a masked step is zero, and not that of the step before.
                zero_output_for_mask: bool = false,
            }
        }

        impl $name {
            /// What is run.
            fn parts(&self) -> $crate::layers::recurrent::ConvLstm<'_, $axes> {
                let mut bias = self.bias.clone();
                bias.initializer.forget_gate = self.unit_forget_bias;
                $crate::layers::recurrent::ConvLstm {
                    class: stringify!($name),
                    filters: self.filters,
                    sides: $crate::window::Sides {
                        kernel: self.kernel_size.0,
                        strides: self.strides.0,
                        dilation: self.dilation_rate.0,
                        padding: self.padding,
                    },
                    activation: &self.activation,
                    recurrent_activation: &self.recurrent_activation,
                    use_bias: self.use_bias,
                    kernel: &self.kernel,
                    recurrent: &self.recurrent,
                    bias,
                    dropout: self.dropout.0,
                    recurrent_dropout: self.recurrent_dropout.0,
                    seed: self.seed,
                }
            }
        }

        impl $crate::layer::Layer for $name {
            $crate::schema::layer_basics!();
            $crate::layers::recurrent::recurrent_basics!();
        }

        impl $crate::layer::RecurrentLayer for $name {
            $crate::layers::recurrent::flags!();

            fn states(
                &self,
                extents: &[usize],
            ) -> Result<Vec<Vec<usize>>, $crate::graph::LayerError> {
                self.parts().states(extents)
            }

            fn run(
                &self,
                graph: &mut $crate::graph::Graph,
                x: $crate::graph::NodeId,
                run: &$crate::layer::Run,
            ) -> Result<$crate::ops::Recurred, $crate::graph::LayerError> {
                graph.in_inner("cell", "conv_lstm_cell", true, |graph| {
                    self.parts().run(graph, x, run)
                })
            }
        }
    };
}
pub(crate) use conv_lstm;
