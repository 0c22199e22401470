//! `layer!`: the declaration of a layer's arguments, as a struct with its schema, its reader and
//! its configuration.

/// Declares a layer's arguments, in the order in which Keras takes them.
///
/// ```text
/// layer! {
///     /// What it computes.
///     pub struct Dense {
///         /// What it means.
///         units: usize,
///         /// What it means.
///         use_bias: bool = true,
///     }
///     weights {
///         /// the kernel `(features, units)`
///         kernel = Initializer::GLOROT_UNIFORM,
///         /// the bias `(units,)`
///         bias = Initializer::ZEROS,
///     }
///     activity_regularizer: CallOnly<Option<Regularizer>>;
///     and {
///         /// What it means.
///         quantization_config: OnlyNone = OnlyNone,
///     }
/// }
/// ```
///
/// Each of the `weights` is a field of type [`WeightArguments`](crate::parameter::WeightArguments)
/// that stands for three arguments. All initializers come first, then all regularizers, that of the
/// output if there is one, and all constraints: `kernel_initializer`, `bias_initializer`,
/// `kernel_regularizer`, ... `statistics` behind the `weights` have an initializer alone.
macro_rules! layer {
    ($(#[doc = $docs:literal])* pub struct $name:ident {
        $($(#[doc = $field_docs:literal])* $field:ident: $type:ty $(= $default:expr)?),* $(,)?
    }
    $(
        weights {
            $(#[doc = $weight_docs:literal] $weight:ident = $start:expr),* $(,)?
        }
        $(statistics {
            $(#[doc = $statistic_docs:literal] $statistic:ident = $statistic_start:expr),* $(,)?
        })?
        $(activity_regularizer: $activity:ty;)?
        $(and {
            $($(#[doc = $more_docs:literal])* $more:ident: $more_type:ty = $more_default:expr),*
            $(,)?
        })?
    )?) => {
        $(#[doc = $docs])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $($(#[doc = $field_docs])* pub $field: $type,)*
            $(
                $(
                    #[doc = concat!("Arguments of", $weight_docs, ".")]
                    pub $weight: $crate::parameter::WeightArguments,
                )*
                $($(
                    #[doc = concat!("How", $statistic_docs, " starts.")]
                    pub $statistic: $crate::initializer::Initializer,
                )*)?
                $(
                    /// Penalty on the output.
                    pub activity_regularizer: $activity,
                )?
                $($($(#[doc = $more_docs])* pub $more: $more_type,)*)?
            )?
        }

        impl $name {
            /// What the layer accepts.
            pub const SCHEMA: $crate::schema::Schema = $crate::schema::Schema {
                class: stringify!($name),
                docs: concat!($($docs, "\n"),*),
                parameters: &[
                    $($crate::schema::Parameter {
                        name: stringify!($field),
                        docs: concat!($($field_docs, "\n"),*),
                        optional: $crate::schema::layer!(@optional $($default)?),
                    },)*
                    $(
                        $($crate::schema::Parameter {
                            name: concat!(stringify!($weight), "_initializer"),
                            docs: concat!(" How", $weight_docs, " starts.\n"),
                            optional: true,
                        },)*
                        $($($crate::schema::Parameter {
                            name: concat!(stringify!($statistic), "_initializer"),
                            docs: concat!(" How", $statistic_docs, " starts.\n"),
                            optional: true,
                        },)*)?
                        $($crate::schema::Parameter {
                            name: concat!(stringify!($weight), "_regularizer"),
                            docs: concat!(" Penalty on", $weight_docs, ".\n"),
                            optional: true,
                        },)*
                        $($crate::schema::Parameter {
                            name: $crate::schema::layer!(@activity $activity),
                            docs: " Penalty on the output.\n",
                            optional: true,
                        },)?
                        $($crate::schema::Parameter {
                            name: concat!(stringify!($weight), "_constraint"),
                            docs: concat!(
                                " What", $weight_docs, " is projected to after each step.\n"
                            ),
                            optional: true,
                        },)*
                        $($($crate::schema::Parameter {
                            name: stringify!($more),
                            docs: concat!($($more_docs, "\n"),*),
                            optional: true,
                        },)*)?
                    )?
                ],
            };

            /// Reads the arguments of a call; notes every mistake in `bound`.
            pub(crate) fn read(
                #[allow(unused_variables)] bound: &mut $crate::schema::Bound<'_>,
            ) -> Option<Box<dyn $crate::layer::Layer>> {
                $(let $field: Option<$type> =
                    $crate::schema::layer!(@read bound, $field $(, $default)?);)*
                $(
                    $(let mut $weight = $crate::parameter::Reading::default();)*
                    $($weight.initializer =
                        bound.or(concat!(stringify!($weight), "_initializer"), $start);)*
                    $($(let $statistic = bound.or(
                        concat!(stringify!($statistic), "_initializer"),
                        $statistic_start,
                    );)*)?
                    $($weight.regularizer =
                        bound.or(concat!(stringify!($weight), "_regularizer"), None);)*
                    $(let activity_regularizer = bound.or(
                        "activity_regularizer",
                        <$activity as Default>::default(),
                    );)?
                    $($weight.constraint =
                        bound.or(concat!(stringify!($weight), "_constraint"), None);)*
                    $($(let $more: Option<$more_type> =
                        bound.or(stringify!($more), $more_default);)*)?
                )?
                Some(Box::new($name {
                    $($field: $field?,)*
                    $(
                        $($weight: $weight.complete()?,)*
                        $($($statistic: $statistic?,)*)?
                        $(activity_regularizer: $crate::schema::layer!(
                            @first activity_regularizer, $activity
                        )?,)?
                        $($($more: $more?,)*)?
                    )?
                }))
            }

            fn config_values(&self) -> Vec<(&'static str, $crate::value::Value)> {
                let values: Vec<Option<(&'static str, $crate::value::Value)>> = vec![
                    $($crate::schema::in_config(stringify!($field), &self.$field),)*
                    $(
                        $($crate::schema::in_config(
                            concat!(stringify!($weight), "_initializer"),
                            &self.$weight.initializer,
                        ),)*
                        $($($crate::schema::in_config(
                            concat!(stringify!($statistic), "_initializer"),
                            &self.$statistic,
                        ),)*)?
                        $($crate::schema::in_config(
                            concat!(stringify!($weight), "_regularizer"),
                            &self.$weight.regularizer,
                        ),)*
                        $($crate::schema::in_config::<$activity>(
                            "activity_regularizer",
                            &self.activity_regularizer,
                        ),)?
                        $($crate::schema::in_config(
                            concat!(stringify!($weight), "_constraint"),
                            &self.$weight.constraint,
                        ),)*
                        $($($crate::schema::in_config(stringify!($more), &self.$more),)*)?
                    )?
                ];
                values.into_iter().flatten().collect()
            }
        }
    };
    (@optional) => { false };
    (@optional $default:expr) => { true };
    (@activity $activity:ty) => { "activity_regularizer" };
    (@first $value:ident, $type:ty) => { $value };
    (@read $bound:ident, $field:ident) => { $bound.required(stringify!($field)) };
    (@read $bound:ident, $field:ident, $default:expr) => {
        $bound.or(stringify!($field), $default)
    };
}
pub(crate) use layer;

/// The methods of [`Layer`] that are the same for every layer made by `layer!`;
/// `layer_basics!(no config)` leaves `config` to the layer. `layer_basics!(masking)` says that the
/// layer takes note of masks, and `layer_basics!(masking, [MASK])` beside it which arguments its
/// calls take.
macro_rules! layer_basics {
    (masking $(, $parameters:expr)?) => {
        $crate::schema::layer_basics!();

        fn supports_masking(&self) -> bool {
            true
        }

        $(
            fn call_parameters(&self) -> &'static [$crate::call::CallParameter] {
                const { &$parameters }
            }
        )?
    };
    () => {
        $crate::schema::layer_basics!(no config);

        fn config(&self) -> Vec<(&'static str, $crate::value::Value)> {
            self.config_values()
        }
    };
    (no config) => {
        fn schema(&self) -> &'static $crate::schema::Schema {
            &Self::SCHEMA
        }

        fn boxed(&self) -> Box<dyn $crate::layer::Layer> {
            Box::new(self.clone())
        }
    };
}
pub(crate) use layer_basics;
