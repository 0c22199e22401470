//! The family of `Conv1DTranspose` and `Conv2DTranspose`.

/// Declares a transposed convolution over `axes` axes, and lowers it.
macro_rules! transposed_convolution {
    (
        $(#[doc = $docs:literal])*
        pub struct $name:ident over $axes:literal axes {
            #[doc = $kernel_size_docs:literal]
            kernel_size,
            #[doc = $output_padding_docs:literal]
            output_padding,
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
                /// Steps between the kernel's places in the output.
                strides: $crate::parameter::Sizes<$axes> = $crate::parameter::Sizes([1; $axes]),
                /// `"valid"`: all that the kernel reaches is kept; `"same"`: the edges are cut.
                padding: $crate::parameter::Padding = $crate::parameter::Padding::Valid,
                #[doc = $output_padding_docs]
                output_padding: Option<$crate::parameter::ZeroSizes<$axes>> = None,
                /// Order of the axes.
                data_format: $crate::parameter::ChannelsLast<$axes> =
                    $crate::parameter::ChannelsLast,
                /// Steps between the cells of the kernel.
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
                kernel = $crate::initializer::Initializer::GLOROT_UNIFORM,
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
                let added = self.output_padding.map(|added| added.0);
                $crate::layers::family::check_strides(class, strides, dilation)?;
                $crate::layers::family::check_output_padding(class, added, strides)?;
                let sides = $crate::window::Sides { kernel, strides, dilation, padding };
                let windows = sides.transposed(cells, added);
                let extents = [&kernel[..], &[self.filters, channels]].concat();
                let kernel = graph.weight("kernel", &extents, &self.kernel)?;
                let mut y = graph.conv2d_transpose(x, kernel, windows)?;
                if self.use_bias {
                    let bias = graph.weight("bias", &[self.filters], &self.bias)?;
                    y = graph.bias_add(y, bias)?;
                }
                self.activation.lower(graph, y)
            }
        }
    };
}
pub(in crate::layers) use transposed_convolution;

use crate::graph::LayerError;
use crate::window::shown;

/// Refuses an output padding that is not below the strides, as Keras does.
pub(in crate::layers) fn check_output_padding<const N: usize>(
    class: &str,
    added: Option<[usize; N]>,
    strides: [usize; N],
) -> Result<(), LayerError> {
    let Some(added) = added else { return Ok(()) };
    if added.iter().zip(strides).all(|(&added, stride)| added < stride) {
        return Ok(());
    }
    let message = format!(
        "`{class}` expects `output_padding` below `strides` = {}, found {}",
        shown(&strides),
        shown(&added)
    );
    Err(LayerError::argument("output_padding", message))
}
