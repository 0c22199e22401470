//! The family of `SeparableConv1D` and `SeparableConv2D`.

/// Declares a separable convolution over `axes` axes, and lowers it.
macro_rules! separable_convolution {
    (
        $(#[doc = $docs:literal])*
        pub struct $name:ident over $axes:literal axes {
            #[doc = $kernel_size_docs:literal]
            kernel_size,
            #[doc = $padding_docs:literal]
            padding,
            #[doc = $depthwise_docs:literal]
            depthwise,
            #[doc = $pointwise_docs:literal]
            pointwise,
        }
    ) => {
        $crate::schema::layer! {
            $(#[doc = $docs])*
            pub struct $name {
                /// Extent of the output's last axis.
                filters: usize,
                #[doc = $kernel_size_docs]
                kernel_size: $crate::parameter::Sizes<$axes>,
                /// Steps between windows.
                strides: $crate::parameter::Sizes<$axes> = $crate::parameter::Sizes([1; $axes]),
                #[doc = $padding_docs]
                padding: $crate::parameter::Padding = $crate::parameter::Padding::Valid,
                /// Order of the axes.
                data_format: $crate::parameter::ChannelsLast<$axes> =
                    $crate::parameter::ChannelsLast,
                /// Steps between the cells of one window.
                dilation_rate: $crate::parameter::Sizes<$axes> =
                    $crate::parameter::Sizes([1; $axes]),
                /// Channels made of each input channel before they are mixed.
                depth_multiplier: usize = 1,
                /// Function of the result; none by default.
                activation: $crate::layers::NamedActivation =
                    $crate::layers::NamedActivation::LINEAR,
                /// Whether a learned bias is added.
                use_bias: bool = true,
            }
            weights {
                #[doc = $depthwise_docs]
                depthwise = $crate::initializer::Initializer::GLOROT_UNIFORM,
                #[doc = $pointwise_docs]
                pointwise = $crate::initializer::Initializer::GLOROT_UNIFORM,
                /// the bias `(filters,)`
                bias = $crate::initializer::Initializer::ZEROS,
            }
            activity_regularizer: Option<$crate::regularizer::Regularizer>;
        }

        impl $crate::layer::Layer for $name {
            $crate::schema::layer_basics!();

            fn lower(
                &self,
                graph: &mut $crate::graph::Graph,
                x: $crate::graph::NodeId,
            ) -> Result<$crate::graph::NodeId, $crate::graph::LayerError> {
                let class = stringify!($name);
                let (x, cells, channels) = graph.cells::<$axes>(class, x)?;
                let (kernel, strides) = (self.kernel_size.0, self.strides.0);
                let (dilation, padding) = (self.dilation_rate.0, self.padding);
                let sides = $crate::window::Sides { kernel, strides, dilation, padding };
                let windows = sides.windows(class, "kernel_size", cells)?;
                let extents = [&kernel[..], &[channels, self.depth_multiplier]].concat();
                let depthwise = graph.weight("depthwise_kernel", &extents, &self.depthwise)?;
                let y = graph.depthwise2d(x, depthwise, windows)?;
                let sides = $crate::window::Sides::<$axes>::POINT;
                let extents =
                    [&sides.kernel[..], &[channels * self.depth_multiplier, self.filters]].concat();
                let pointwise = graph.weight("pointwise_kernel", &extents, &self.pointwise)?;
                let (y, cells, _) = graph.cells::<$axes>(class, y)?;
                let windows = sides.windows(class, "kernel_size", cells)?;
                let mut y = graph.conv2d(y, pointwise, windows, 1)?;
                if self.use_bias {
                    let bias = graph.weight("bias", &[self.filters], &self.bias)?;
                    y = graph.bias_add(y, bias)?;
                }
                self.activation.lower(graph, y)
            }
        }
    };
}
pub(in crate::layers) use separable_convolution;
