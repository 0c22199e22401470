//! The family of `DepthwiseConv1D` and `DepthwiseConv2D`.

/// Declares a depthwise convolution over `axes` axes, and lowers it.
macro_rules! depthwise_convolution {
    (
        $(#[doc = $docs:literal])*
        pub struct $name:ident over $axes:literal axes {
            #[doc = $kernel_size_docs:literal]
            kernel_size,
            #[doc = $padding_docs:literal]
            padding,
            #[doc = $kernel_docs:literal]
            kernel,
        }
    ) => {
        $crate::schema::layer! {
            $(#[doc = $docs])*
            pub struct $name {
                #[doc = $kernel_size_docs]
                kernel_size: $crate::parameter::Sizes<$axes>,
                /// Steps between windows.
                strides: $crate::parameter::Sizes<$axes> = $crate::parameter::Sizes([1; $axes]),
                #[doc = $padding_docs]
                padding: $crate::parameter::Padding = $crate::parameter::Padding::Valid,
                /// Output channels for each input channel.
                depth_multiplier: usize = 1,
                /// Order of the axes.
                data_format: $crate::parameter::ChannelsLast<$axes> =
                    $crate::parameter::ChannelsLast,
                /// Steps between the cells of one window.
                dilation_rate: $crate::parameter::Sizes<$axes> =
                    $crate::parameter::Sizes([1; $axes]),
                /// Function of the result; none by default.
                activation: $crate::layers::NamedActivation =
                    $crate::layers::NamedActivation::LINEAR,
                /// Whether a learned bias is added.
                use_bias: bool = true,
            }
            weights {
                #[doc = $kernel_docs]
                depthwise = $crate::initializer::Initializer::GLOROT_UNIFORM,
                /// the bias
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
                let kernel = graph.weight("kernel", &extents, &self.depthwise)?;
                let mut y = graph.depthwise2d(x, kernel, windows)?;
                if self.use_bias {
                    let extents = [channels * self.depth_multiplier];
                    let bias = graph.weight("bias", &extents, &self.bias)?;
                    y = graph.bias_add(y, bias)?;
                }
                self.activation.lower(graph, y)
            }
        }
    };
}
pub(in crate::layers) use depthwise_convolution;
