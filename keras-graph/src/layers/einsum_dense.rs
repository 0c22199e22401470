//! `EinsumDense`: a product with a kernel along the axes that an equation names.
//! Source: Keras 3.15 `layers/core/einsum_dense.py`.

use crate::graph::{Graph, LayerError, NodeId, WeightId};
use crate::initializer::{self, Fan, Initializer, Rule};
use crate::layer::Layer;
use crate::layers::{Case, NamedActivation};
use crate::op::BinaryFunction;
use crate::ops::contract::{Label, Labelled};
use crate::parameter::{
    CallOnly, Ellipsis, Equation, Letters, OnlyNone, PartialShape, WeightArguments,
};
use crate::regularizer::Regularizer;
use crate::schema::{ParameterType, layer, layer_basics};
use crate::shape::Shape;

layer! {
    /// Product with a kernel along named axes:
    /// `y = activation(einsum(equation, x, kernel) + bias)`.
    ///
    /// Shapes: as the equation says, e.g. `"abc,cd->abd"` takes `(batch, b, c)` to `(batch, b, d)`.
    pub struct EinsumDense {
        /// Axes of the input, of the kernel and of the output, a letter each; the first of input
        /// and output is the batch. `...` stands for any axes, in front (`"...x,xy->...y"`) or
        /// behind (`"ab...,bc->ac..."`).
        equation: Equation,
        /// Extents of the output without the batch and without what `...` stands for; `None` where
        /// one is the input's.
        output_shape: PartialShape,
        /// Function of the result; none by default.
        activation: NamedActivation = NamedActivation::LINEAR,
        /// Letters of the output's axes along which a learned bias differs; no bias by default.
        bias_axes: Option<Letters> = None,
    }
    weights {
        /// the kernel
        kernel = Initializer::GLOROT_UNIFORM,
        /// the bias
        bias = Initializer::ZEROS,
    }
    activity_regularizer: Option<Regularizer>;
    and {
        /// Not supported yet.
        lora_rank: CallOnly<OnlyNone> = CallOnly(OnlyNone),
        /// Not supported yet.
        lora_alpha: CallOnly<OnlyNone> = CallOnly(OnlyNone),
        /// Not supported yet.
        gptq_unpacked_column_size: CallOnly<OnlyNone> = CallOnly(OnlyNone),
        /// Not supported yet.
        quantization_config: OnlyNone = OnlyNone,
    }
}

pub(super) const CASES: &[Case] = &[
    Case {
        arguments: "\"abc,cd->abd\", output_shape = (None, 5), bias_axes = \"d\"",
        inputs: &[&[4, 3]],
        output: &[4, 5],
    },
    Case {
        arguments: "\"...x,xy->...y\", output_shape = 4, activation = \"gelu\"",
        inputs: &[&[2, 5, 3]],
        output: &[2, 5, 4],
    },
    Case {
        arguments: "\"abc,cde->abde\", output_shape = (None, 2, 3), bias_axes = \"de\"",
        inputs: &[&[4, 5]],
        output: &[4, 2, 3],
    },
    // A kernel with its outputs in front, and a result in another order.
    Case {
        arguments: "\"abc,dc->adb\", output_shape = (6, 4), bias_axes = \"d\"",
        inputs: &[&[4, 3]],
        output: &[6, 4],
    },
    // A kernel of its own for each position.
    Case {
        arguments: "\"abc,bdc->abd\", (4, 6), bias_axes = \"bd\"",
        inputs: &[&[4, 3]],
        output: &[4, 6],
    },
    Case {
        arguments: "\"ab...,bc->ac...\", 5, bias_axes = \"c\"",
        inputs: &[&[3, 4, 2]],
        output: &[5, 4, 2],
    },
];

/// Labels of the axes that `...` stands for: beyond the letters.
const OTHERS: std::ops::RangeFrom<Label> = '\u{e000}'..;

/// The labels of a call, without the batch, and the extents that they stand for.
struct Plan {
    input: Vec<Label>,
    kernel: Vec<Label>,
    output: Vec<Label>,
    extents: Vec<(Label, usize)>,
}

impl Plan {
    fn extent(&self, label: Label) -> usize {
        self.extents.iter().find(|(known, _)| *known == label).map_or(1, |(_, extent)| *extent)
    }

    fn all(&self, labels: &[Label]) -> Vec<usize> {
        labels.iter().map(|&label| self.extent(label)).collect()
    }
}

impl Layer for EinsumDense {
    layer_basics!();

    fn lower(&self, graph: &mut Graph, x: NodeId) -> Result<NodeId, LayerError> {
        let plan = self.plan(graph.shape(x))?;
        let extents = plan.all(&plan.kernel);
        // Of the kernel's axes those of the output are a unit's outputs, the others its inputs.
        let (outputs, inputs): (Vec<Label>, Vec<Label>) =
            plan.kernel.iter().partition(|&label| plan.output.contains(label));
        // As numbers that cannot overflow: whether the kernel is too large is found below.
        let fan = |labels: Vec<Label>| plan.all(&labels).iter().map(|&e| e as f64).product();
        let fans = [inputs, outputs].map(fan);
        let initializer = with_fans(self.kernel.initializer, &extents, fans);
        let arguments = WeightArguments { initializer, ..self.kernel.clone() };
        let kernel = graph.weight("kernel", &extents, arguments)?;
        let mut y = product(graph, x, kernel, &plan)?;
        if let Some(Letters(letters)) = &self.bias_axes {
            y = self.add_bias(graph, y, letters, &plan)?;
        }
        self.activation.lower(graph, y)
    }
}

impl EinsumDense {
    /// Labels and extents of a call on a tensor of this shape.
    fn plan(&self, shape: &Shape) -> Result<Plan, LayerError> {
        let Equation { ellipsis, letters: [input, kernel, output], .. } = &self.equation;
        let text = self.equation.to_value();
        // The batch is the first letter, unless `...` stands for it.
        let skipped = usize::from(*ellipsis != Ellipsis::Front);
        let (input, output) = (&input[skipped..], &output[skipped..]);
        let others = shape.rank().checked_sub(input.len());
        let Some(others) = others.filter(|&n| n == 0 || *ellipsis != Ellipsis::Absent) else {
            let message = format!(
                "the equation {text} expects {} axes beside the batch, found {shape}",
                input.len()
            );
            return Err(LayerError::argument("equation", message));
        };
        let others: Vec<Label> = OTHERS.take(others).collect();
        let with_others = |letters: &[Label]| match ellipsis {
            Ellipsis::Front => [&others[..], letters].concat(),
            Ellipsis::Absent | Ellipsis::Back => [letters, &others[..]].concat(),
        };
        let (input, full_output) = (with_others(input), with_others(output));
        let mut extents: Vec<(Label, usize)> =
            input.iter().copied().zip(shape.extents().iter().copied()).collect();
        if self.output_shape.0.len() != output.len() {
            let message = format!(
                "the output of {text} has {} axes beside the batch{}, \
                 found an `output_shape` of {}",
                output.len(),
                if others.is_empty() { "" } else { " and `...`" },
                self.output_shape.0.len()
            );
            return Err(LayerError::argument("output_shape", message));
        }
        for (&label, &given) in output.iter().zip(&self.output_shape.0) {
            let known = extents.iter().find(|(l, _)| *l == label).map(|(_, extent)| *extent);
            match (known, given) {
                (Some(known), Some(given)) if known != given => {
                    let message = format!(
                        "the axis `{label}` of {text} is {known} in the input {shape} and {given} \
                         in `output_shape`"
                    );
                    return Err(LayerError::argument("output_shape", message)
                        .help("write `None` for an axis that is the input's"));
                }
                (None, Some(given)) => extents.push((label, given)),
                (None, None) => {
                    let message = format!(
                        "the axis `{label}` of {text} is not the input's: \
                         `output_shape` must say how long it is"
                    );
                    return Err(LayerError::argument("output_shape", message));
                }
                (Some(_), _) => {}
            }
        }
        Ok(Plan { input, kernel: kernel.clone(), output: full_output, extents })
    }

    /// Adds a bias that differs along the axes `letters` of the output.
    fn add_bias(
        &self,
        graph: &mut Graph,
        y: NodeId,
        letters: &[Label],
        plan: &Plan,
    ) -> Result<NodeId, LayerError> {
        let places: Option<Vec<usize>> =
            letters.iter().map(|l| plan.output.iter().position(|known| known == l)).collect();
        let first = places.and_then(|places| places.into_iter().min());
        let Some(first) = first else {
            let (axes, text) = (Letters(letters.to_vec()).to_value(), self.equation.to_value());
            let message = format!(
                "`bias_axes` expects letters of the output of {text} but the batch, found {axes}"
            );
            return Err(LayerError::argument("bias_axes", message));
        };
        let differs = |label: &Label| letters.contains(label);
        let axes = &plan.output[first..];
        let extents: Vec<usize> = axes
            .iter()
            .map(|&label| if differs(&label) { plan.extent(label) } else { 1 })
            .collect();
        let bias = graph.weight("bias", &extents, &self.bias)?;
        if extents == plan.all(axes) {
            return graph.bias_add(y, bias);
        }
        let bias = graph.weight_tensor(bias)?;
        let bias = graph.broadcast(bias, &graph.extents(y))?;
        graph.binary(y, bias, BinaryFunction::Add)
    }
}

/// The initializer that draws for a weight of these extents what `initializer` draws where a unit
/// has `fans` inputs and outputs, which are not those that the extents alone would tell.
pub(super) fn with_fans(
    initializer: Initializer,
    extents: &[usize],
    fans: [f64; 2],
) -> Initializer {
    let Rule::VarianceScaling { scale, fan, distribution } = initializer.rule else {
        return initializer;
    };
    let of = |[inputs, outputs]: [f64; 2]| match fan {
        Fan::In => inputs,
        Fan::Out => outputs,
        Fan::Average => (inputs + outputs) / 2.0,
    };
    let (inputs, outputs) = initializer::fans(extents);
    let factor = of([inputs, outputs]).max(1.0) / of(fans).max(1.0);
    let scale = (f64::from(scale) * factor) as f32;
    Initializer { rule: Rule::VarianceScaling { scale, fan, distribution }, ..initializer }
}

/// The product with a kernel. One whose summed axes stand before the others, or behind them, is a
/// matrix; any other is multiplied as a tensor.
fn product(
    graph: &mut Graph,
    x: NodeId,
    kernel: WeightId,
    plan: &Plan,
) -> Result<NodeId, LayerError> {
    let x = Labelled { node: x, labels: plan.input.clone() };
    let (summed, columns): (Vec<Label>, Vec<Label>) =
        plan.kernel.iter().partition(|&label| !plan.output.contains(label));
    let is_straight = plan.kernel == [&summed[..], &columns].concat();
    let is_transposed = plan.kernel == [&columns[..], &summed].concat();
    let has_pairs = columns.iter().any(|label| plan.input.contains(label));
    if has_pairs || !(is_straight || is_transposed) {
        let kernel = graph.weight_tensor(kernel)?;
        let kernel = Labelled { node: kernel, labels: plan.kernel.clone() };
        return graph.contract(x, kernel, &plan.output);
    }
    let own: Vec<usize> = (0..x.labels.len())
        .filter(|&axis| {
            !plan.output.contains(&x.labels[axis]) && !plan.kernel.contains(&x.labels[axis])
        })
        .collect();
    let node = if own.is_empty() { x.node } else { graph.sum_axes(x.node, &own)? };
    let kept = |(axis, &label): (usize, &Label)| (!own.contains(&axis)).then_some(label);
    let labels: Vec<Label> = x.labels.iter().enumerate().filter_map(kept).collect();
    let rows: Vec<Label> =
        plan.output.iter().copied().filter(|label| labels.contains(label)).collect();
    let x = graph.reordered(&Labelled { node, labels }, &[&rows[..], &summed].concat())?;
    let labels = [&rows[..], &columns].concat();
    let [m, k, n] = [&rows, &summed, &columns].map(|labels| plan.all(labels).iter().product());
    let y = graph.matrix_product(x, kernel, [m, k, n], is_straight, plan.all(&labels))?;
    graph.reordered(&Labelled { node: y, labels }, &plan.output)
}
