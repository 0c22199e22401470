//! The family of `Conv1D` and `Conv2D`.

/// Declares a convolution over `axes` axes, and lowers it.
macro_rules! convolution {
    (
        $(#[doc = $docs:literal])*
        pub struct $name:ident over $axes:literal axes {
            #[doc = $kernel_size_docs:literal]
            kernel_size,
            $(#[doc = $padding_docs:literal])*
            padding: $padding:ty,
            #[doc = $kernel_docs:literal]
            kernel,
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
                $(#[doc = $padding_docs])*
                padding: $padding = $crate::parameter::Padding::Valid.into(),
                /// Order of the axes.
                data_format: $crate::parameter::ChannelsLast<$axes> =
                    $crate::parameter::ChannelsLast,
                /// Steps between the cells of one window.
                dilation_rate: $crate::parameter::Sizes<$axes> =
                    $crate::parameter::Sizes([1; $axes]),
                /// Parts that share out the input's and the output's channels.
                groups: usize = 1,
                /// Function of the result; none by default.
                activation: $crate::layers::NamedActivation =
                    $crate::layers::NamedActivation::LINEAR,
                /// Whether a learned bias is added.
                use_bias: bool = true,
            }
            weights {
                #[doc = $kernel_docs]
                kernel = $crate::initializer::Initializer::GLOROT_UNIFORM,
                /// the bias `(filters,)`
                bias = $crate::initializer::Initializer::ZEROS,
            }
            activity_regularizer: Option<$crate::regularizer::Regularizer>;
            and {
                /// Not supported yet.
                lora_rank: $crate::parameter::CallOnly<$crate::parameter::OnlyNone> =
                    $crate::parameter::CallOnly($crate::parameter::OnlyNone),
                /// Not supported yet.
                lora_alpha: $crate::parameter::CallOnly<$crate::parameter::OnlyNone> =
                    $crate::parameter::CallOnly($crate::parameter::OnlyNone),
            }
        }

        impl $crate::layer::Layer for $name {
            $crate::schema::layer_basics!();

            fn lower(
                &self,
                graph: &mut $crate::graph::Graph,
                x: $crate::graph::NodeId,
            ) -> Result<$crate::graph::NodeId, $crate::graph::LayerError> {
                let class = stringify!($name);
                let (kernel, strides) = (self.kernel_size.0, self.strides.0);
                let (dilation, padding) = (self.dilation_rate.0, self.padding.into());
                let reach = (kernel[0] - 1) * dilation[0];
                let (x, padding) =
                    $crate::layers::family::with_past(graph, class, x, reach, strides, padding)?;
                let (x, cells, channels) = graph.cells::<$axes>(class, x)?;
                $crate::layers::family::check_strides(class, strides, dilation)?;
                $crate::layers::family::check_groups(class, self.groups, self.filters, channels)?;
                let sides = $crate::window::Sides { kernel, strides, dilation, padding };
                let windows = sides.windows(class, "kernel_size", cells)?;
                let extents = [&kernel[..], &[channels / self.groups, self.filters]].concat();
                let kernel = graph.weight("kernel", &extents, &self.kernel)?;
                let mut y = graph.conv2d(x, kernel, windows, self.groups)?;
                if self.use_bias {
                    let bias = graph.weight("bias", &[self.filters], &self.bias)?;
                    y = graph.bias_add(y, bias)?;
                }
                self.activation.lower(graph, y)
            }
        }
    };
}
pub(in crate::layers) use convolution;
