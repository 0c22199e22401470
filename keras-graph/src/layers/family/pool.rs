//! The family of the layers that pool windows of a sequence or an image.

use crate::value::Value;

/// Declares a layer that pools windows over `axes` axes, and lowers it to a method of the graph.
macro_rules! pool {
    (
        $(#[doc = $docs:literal])*
        pub struct $name:ident over $axes:literal axes by $pool:ident {
            #[doc = $pool_size_docs:literal]
            pool_size $(= $pool_size:expr)?,
            $(#[doc = $padding_docs:literal])*
            padding,
        }
    ) => {
        $crate::schema::layer! {
            $(#[doc = $docs])*
            pub struct $name {
                #[doc = $pool_size_docs]
                pool_size: $crate::parameter::Sizes<$axes> $(= $pool_size)?,
                /// Steps between windows; `pool_size` by default.
                strides: Option<$crate::parameter::Sizes<$axes>> = None,
                $(#[doc = $padding_docs])*
                padding: $crate::parameter::Padding = $crate::parameter::Padding::Valid,
                /// Order of the axes.
                data_format: $crate::parameter::ChannelsLast<$axes> =
                    $crate::parameter::ChannelsLast,
                /// The layer's name.
                name: $crate::parameter::CallOnly<Option<$crate::parameter::LayerName>> =
                    $crate::parameter::CallOnly(None),
            }
        }

        impl $crate::layer::Layer for $name {
            $crate::schema::layer_basics!(no config);

            fn config(&self) -> Vec<(&'static str, $crate::value::Value)> {
                $crate::layers::family::with_strides(self.config_values())
            }

            fn lower(
                &self,
                graph: &mut $crate::graph::Graph,
                x: $crate::graph::NodeId,
            ) -> Result<$crate::graph::NodeId, $crate::graph::LayerError> {
                let class = stringify!($name);
                let (x, cells, _) = graph.cells::<$axes>(class, x)?;
                let (kernel, padding) = (self.pool_size.0, self.padding);
                let strides = self.strides.map_or(kernel, |strides| strides.0);
                let dilation = [1; $axes];
                let sides = $crate::window::Sides { kernel, strides, dilation, padding };
                let windows = sides.windows(class, "pool_size", cells)?;
                graph.$pool(x, windows)
            }
        }
    };
}
pub(in crate::layers) use pool;

/// The configuration with the strides that `None` stands for.
pub(in crate::layers) fn with_strides(
    mut values: Vec<(&'static str, Value)>,
) -> Vec<(&'static str, Value)> {
    let pool_size =
        values.iter().find(|(name, _)| *name == "pool_size").map(|(_, value)| value.clone());
    for (name, value) in &mut values {
        if let (&mut "strides", Value::None, Some(pool_size)) = (name, &*value, &pool_size) {
            *value = pool_size.clone();
        }
    }
    values
}
