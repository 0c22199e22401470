//! `plain_layers!`: a recurrent layer and its cell, whose steps are one op; and what all recurrent
//! layers have alike.

/// Declares a recurrent layer and its cell, which have most arguments in common.
macro_rules! plain_layers {
    (
        $(#[doc = $layer_docs:literal])* layer $layer:ident,
        $(#[doc = $cell_docs:literal])* cell $cell:ident,
        kernels $kernel_docs:literal, $recurrent_docs:literal, $bias_docs:literal,
        functions { $($functions:tt)* }
        more { $($more:tt)* }
        with |$this:ident| { kind $kind:expr, gates $gates:expr, forget_gate $forget:expr }
        $(configured without $left_out:literal)?
    ) => {
        $crate::schema::layer! {
            $(#[doc = $layer_docs])*
            pub struct $layer {
                /// Extent of the state.
                units: usize,
                $($functions)*
                /// Whether a learned bias is added.
                use_bias: bool = true,
            }
            weights {
                #[doc = $kernel_docs]
                kernel = $crate::initializer::Initializer::GLOROT_UNIFORM,
                #[doc = $recurrent_docs]
                recurrent = $crate::initializer::Initializer::ORTHOGONAL,
                #[doc = $bias_docs]
                bias = $crate::initializer::Initializer::ZEROS,
            }
            activity_regularizer: Option<$crate::regularizer::Regularizer>;
            and {
                /// Probability that a feature of the input is 0 in all steps, while training.
                dropout: $crate::parameter::Share = $crate::parameter::Share(0.0),
                /// Probability that an element of the state is, where it is multiplied.
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
                /// Has no effect: the steps are one op.
                unroll: bool = false,
                $($more)*
                /// Whether the output of a masked step is zero, and not that of the step before.
                zero_output_for_mask: bool = false,
                /// Has no effect.
                use_cudnn: $crate::layers::recurrent::UseCudnn
                    = $crate::layers::recurrent::UseCudnn::AUTO,
            }
        }

        $crate::schema::layer! {
            $(#[doc = $cell_docs])*
            pub struct $cell {
                /// Extent of the state.
                units: usize,
                $($functions)*
                /// Whether a learned bias is added.
                use_bias: bool = true,
            }
            weights {
                #[doc = $kernel_docs]
                kernel = $crate::initializer::Initializer::GLOROT_UNIFORM,
                #[doc = $recurrent_docs]
                recurrent = $crate::initializer::Initializer::ORTHOGONAL,
                #[doc = $bias_docs]
                bias = $crate::initializer::Initializer::ZEROS,
            }
            and {
                /// Probability that a feature of the input is 0 in all steps, while training.
                dropout: $crate::parameter::Share = $crate::parameter::Share(0.0),
                /// Probability that an element of the state is, where it is multiplied.
                recurrent_dropout: $crate::parameter::Share = $crate::parameter::Share(0.0),
                $($more)*
                /// Seed of the noise of this cell alone; else the model's seed decides.
                seed: Option<i64> = None,
            }
        }

        impl $layer {
            $crate::layers::recurrent::plain_layers!(@plain $layer, $this, $kind, $gates, $forget);
        }

        impl $cell {
            $crate::layers::recurrent::plain_layers!(@plain $cell, $this, $kind, $gates, $forget);
        }

        impl $crate::layer::Layer for $layer {
            $crate::schema::layer_basics!(no config);

            fn config(&self) -> Vec<(&'static str, $crate::value::Value)> {
                #[allow(unused_mut, reason = "not all leave something out")]
                let mut config = self.config_values();
                $(config.retain(|(name, _)| *name != $left_out);)?
                config
            }

            $crate::layers::recurrent::recurrent_basics!();
        }

        impl $crate::layer::RecurrentLayer for $layer {
            $crate::layers::recurrent::flags!();

            fn states(
                &self,
                _: &[usize],
            ) -> Result<Vec<Vec<usize>>, $crate::graph::LayerError> {
                Ok($crate::layer::RecurrentCell::states(&self.plain()))
            }

            fn run(
                &self,
                graph: &mut $crate::graph::Graph,
                x: $crate::graph::NodeId,
                run: &$crate::layer::Run,
            ) -> Result<$crate::ops::Recurred, $crate::graph::LayerError> {
                use $crate::layer::RecurrentCell as _;
                let name = $crate::names::snake_case(stringify!($cell));
                graph.in_inner("cell", &name, true, |graph| self.plain().run(graph, x, run))
            }
        }

        impl $crate::layer::Layer for $cell {
            $crate::schema::layer_basics!();

            fn call_parameters(&self) -> &'static [$crate::call::CallParameter] {
                $crate::layers::recurrent::CELL_CALL
            }

            fn as_cell(&self) -> Option<&dyn $crate::layer::RecurrentCell> {
                Some(self)
            }

            fn lower_call(
                &self,
                graph: &mut $crate::graph::Graph,
                call: &$crate::call::Call<$crate::call::Lowered>,
            ) -> Result<Vec<$crate::call::Lowered>, $crate::graph::LayerError> {
                $crate::layers::recurrent::run_step(stringify!($cell), self, graph, call)
            }
        }

        impl $crate::layer::RecurrentCell for $cell {
            fn states(&self) -> Vec<Vec<usize>> {
                self.plain().states()
            }

            fn run(
                &self,
                graph: &mut $crate::graph::Graph,
                x: $crate::graph::NodeId,
                run: &$crate::layer::Run,
            ) -> Result<$crate::ops::Recurred, $crate::graph::LayerError> {
                self.plain().run(graph, x, run)
            }
        }
    };
    (@plain $class:ident, $this:ident, $kind:expr, $gates:expr, $forget:expr) => {
        /// What is run.
        fn plain(&self) -> $crate::layers::recurrent::Plain<'_> {
            let $this = self;
            let mut bias = self.bias.clone();
            bias.initializer.forget_gate = $forget;
            $crate::layers::recurrent::Plain {
                class: stringify!($class),
                kind: $kind,
                units: self.units,
                activation: &self.activation,
                recurrent_activation: $gates,
                use_bias: self.use_bias,
                kernel: &self.kernel,
                recurrent: &self.recurrent,
                bias,
                dropout: self.dropout.0,
                recurrent_dropout: self.recurrent_dropout.0,
                seed: self.seed,
            }
        }
    };
}
pub(crate) use plain_layers;

/// The methods of [`Layer`](crate::layer::Layer) that all layers have alike which run a cell.
macro_rules! recurrent_basics {
    () => {
        fn call_parameters(&self) -> &'static [$crate::call::CallParameter] {
            $crate::layers::recurrent::CALL
        }

        fn supports_masking(&self) -> bool {
            true
        }

        fn mask_sources(&self, _: &[$crate::layer::MaskedRank]) -> Vec<$crate::layer::MaskSource> {
            use $crate::layer::RecurrentLayer as _;
            $crate::layers::recurrent::mask_sources(&self.flags())
        }

        fn as_recurrent(&self) -> Option<&dyn $crate::layer::RecurrentLayer> {
            Some(self)
        }

        fn lower_call(
            &self,
            graph: &mut $crate::graph::Graph,
            call: &$crate::call::Call<$crate::call::Lowered>,
        ) -> Result<Vec<$crate::call::Lowered>, $crate::graph::LayerError> {
            $crate::layers::recurrent::run_layer(self, graph, call, true)
        }
    };
}
pub(crate) use recurrent_basics;

/// [`RecurrentLayer::flags`](crate::layer::RecurrentLayer::flags), from the arguments that all of
/// these layers have.
macro_rules! flags {
    () => {
        fn flags(&self) -> $crate::layer::Flags {
            $crate::layer::Flags {
                return_sequences: self.return_sequences,
                return_state: self.return_state,
                go_backwards: self.go_backwards,
                // Keras does not look at it where it unrolls.
                zero_output_for_mask: self.zero_output_for_mask && !self.unroll,
            }
        }
    };
}
pub(crate) use flags;
