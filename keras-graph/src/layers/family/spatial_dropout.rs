//! The family of `SpatialDropout1D` and `SpatialDropout2D`.

/// Declares a dropout of whole channels over `axes` axes, and lowers it.
macro_rules! spatial_dropout {
    (
        $(#[doc = $docs:literal])*
        pub struct $name:ident over $axes:literal axes {
            $(
                $(#[doc = $more_docs:literal])*
                $more:ident: $more_type:ty = $more_default:expr,
            )*
        }
    ) => {
        $crate::schema::layer! {
            $(#[doc = $docs])*
            pub struct $name {
                /// Probability that a channel becomes 0.
                rate: $crate::parameter::Share,
                $(
                    $(#[doc = $more_docs])*
                    $more: $more_type = $more_default,
                )*
                /// Seed of this layer alone; else the model's seed decides.
                seed: Option<i64> = None,
                /// The layer's name.
                name: $crate::parameter::CallOnly<Option<$crate::parameter::LayerName>> =
                    $crate::parameter::CallOnly(None),
            }
        }

        impl $crate::layer::Layer for $name {
            $crate::schema::layer_basics!();

            fn supports_masking(&self) -> bool {
                true
            }

            fn has_bare_config(&self) -> bool {
                true
            }

            fn lower(
                &self,
                graph: &mut $crate::graph::Graph,
                x: $crate::graph::NodeId,
            ) -> Result<$crate::graph::NodeId, $crate::graph::LayerError> {
                let class = stringify!($name);
                let (x, _, channels) = graph.cells::<$axes>(class, x)?;
                let mut mask = vec![1; $axes];
                mask.push(channels);
                $crate::layers::dropout::dropped(
                    graph,
                    class,
                    x,
                    self.rate,
                    Some(mask),
                    self.seed,
                )
            }
        }
    };
}
pub(in crate::layers) use spatial_dropout;
