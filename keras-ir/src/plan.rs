//! The plan: what a model does, step by step, with every buffer placed. It is all that code
//! generation, the executor, files and summaries read, and it is a constant of the user's program.
//!
//! A plan is a list of *segments*. Within a segment every step treats samples one by one, so the
//! executor runs the whole segment on a few samples at a time (depth first) and on several threads.
//! Between segments stands a reduction that needs the whole batch, such as the moments of a batch
//! normalization. A batch is cut into *shards*, whose number does not depend on the threads; a
//! shard is run in *blocks* of samples. The result of a reduction is gathered shard by shard and
//! merged in the order of the shards, so that any number of threads gives the same bits.

use alloc::string::String;
use core::ops::Range;

use crate::algorithm::Algorithm;
use crate::constraint::Constraint;
use crate::dtype::Dtype;
use crate::initializer::Initializer;

use crate::literal::{List, Literal, Text, literal, literal_enum};
use crate::ops::{Op, Operation as _};

/// The number of a value: of an input, a weight, a step's result, or a gradient that the loss
/// writes. Buffers are used again for other values, numbers are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(pub usize);

impl Literal for ValueId {
    fn write(&self, out: &mut String) {
        out.push_str("::keras::__private::ValueId(");
        self.0.write(out);
        out.push(')');
    }
}

/// Where a tensor lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// The model's weights. Offset and length are absolute.
    Weights,
    /// The buffer of one block: holds `len` elements for each of the block's samples, from
    /// `offset · block` on.
    Block,
    /// The buffer of one shard: holds `len` elements for each of the shard's samples, from
    /// `offset · shard` on, because steps of several segments meet there.
    Shard,
    /// Results of reductions; absolute. A step that writes here adds to its shard's own copy; a
    /// step that reads sees the merged one.
    Reduced,
    /// The gradient by the weights, laid out as they are; absolute. Only steps on the whole batch
    /// write here.
    Gradient,
}
literal_enum!(Storage { Weights, Block, Shard, Reduced, Gradient });

/// How the shards' results of a reduction become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// Added, in the order of the shards.
    Sum,
    /// Joined as moments are: `[mean.., m2.., count..]`.
    Moments,
}
literal_enum!(Merge { Sum, Moments });

literal! {
    /// A tensor's place.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Place {
        /// Which memory.
        pub storage: Storage,
        /// First element; per sample for [`Storage::Block`] and [`Storage::Shard`].
        pub offset: usize,
        /// Number of elements; per sample likewise.
        pub len: usize,
    }

    /// A value that is read, and where it lies at that time.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Operand {
        /// Which value.
        pub value: ValueId,
        /// Where it lies.
        pub place: Place,
    }

    /// One op on placed tensors.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Step {
        /// What is computed.
        pub op: Op,
        /// How, by the choice of the plan's target.
        pub algorithm: Algorithm,
        /// On how many parts of each sample, as on so many samples.
        pub repeat: usize,
        /// What is read.
        pub inputs: List<Operand>,
        /// The value that is made.
        pub value: ValueId,
        /// Where it lies; never overlaps an input.
        pub output: Place,
    }

    /// Steps `from..to`, after which `merges` are merged over the shards.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Segment {
        /// First step.
        pub from: usize,
        /// One past the last step.
        pub to: usize,
        /// Reductions that end here; those of [`Plan::shard_gradients`] end with the last segment
        /// and are not listed.
        pub merges: List<Reduction>,
    }

    /// A place in the reduced memory and how it is merged.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Reduction {
        /// First element.
        pub offset: usize,
        /// Number of elements.
        pub len: usize,
        /// How.
        pub merge: Merge,
    }

    /// An input or an output of the model.
    ///
    /// An input in the [`Storage::Block`] is read in the first segment alone: fill it before each
    /// block of that segment. One in the [`Storage::Shard`] is filled once, before the shard's
    /// first block. An output holds its value when the loss is computed (in a plan for prediction:
    /// after the last step), and may be overwritten later. A gradient by an input holds its value
    /// after the last step: of each block of the last segment, or of the shard.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Port {
        /// Its name.
        pub name: Text,
        /// Extents per sample.
        pub shape: List<usize>,
        /// Element type.
        pub dtype: Dtype,
        /// The value that it is.
        pub value: ValueId,
        /// Where that lies.
        pub place: Place,
        /// In a training plan: the gradient of the loss by it. The loss writes that of an output.
        /// For an input, None if it was not asked for, or if no output depends on the input.
        pub gradient: Option<Operand>,
    }

    /// One weight, in Keras' order.
    #[derive(Clone, Debug, PartialEq)]
    pub struct WeightInfo {
        /// Field path in the struct, e.g. `conv2d.kernel`.
        pub field: Text,
        /// Layer path with Keras' names, e.g. `conv2d` or `encoder/dense_1`.
        pub layer: Text,
        /// The weight's own name, e.g. `kernel`.
        pub name: Text,
        /// Path in a weights file, e.g. `layers/conv2d/vars/0`.
        pub path: Text,
        /// Extents.
        pub shape: List<usize>,
        /// First element in the flat view.
        pub offset: usize,
        /// Whether an optimizer changes it.
        pub trainable: bool,
        /// How it starts.
        pub initializer: Initializer,
        /// Penalty `l1 · Σ|w| + l2 · Σw²` that training adds to the loss.
        pub l1: f32,
        /// See `l1`.
        pub l2: f32,
        /// What it is projected to after each step of an optimizer.
        pub constraint: Option<Constraint>,
    }

    /// A row of the summary.
    #[derive(Clone, Debug, PartialEq)]
    pub struct LayerInfo {
        /// Name, e.g. `conv2d_1`.
        pub name: Text,
        /// Class, e.g. `Conv2D`.
        pub class: Text,
        /// Output extents per sample.
        pub output_shape: List<usize>,
        /// Number of weights, trained or not.
        pub params: usize,
        /// What it reads, as `dense[0][0]`: the layer, which of its calls, which of its results.
        /// Only in functional models.
        pub connected_to: List<Text>,
        /// Path of the layer's group in a weights file, e.g. `layers/conv2d_1`.
        pub path: Text,
        /// Whether it is an operation on tensors, which has no group in a weights file.
        pub is_operation: bool,
    }

    /// Moves the statistics of a batch normalization:
    /// `moving = momentum · moving + (1 - momentum) · batch`.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct MovingAverage {
        /// Place of the merged moments in the reduced memory.
        pub moments: usize,
        /// Number of channels.
        pub channels: usize,
        /// Offset of the moving mean in the weights.
        pub mean: usize,
        /// Offset of the moving variance in the weights.
        pub variance: usize,
        /// Share of the old value.
        pub momentum: f32,
    }

    /// Where in the gradient a part of the reduced memory belongs: at `gradient[to..to + len]`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct GradientPart {
        /// First element in the reduced memory.
        pub from: usize,
        /// First element in the gradient.
        pub to: usize,
        /// Number of elements.
        pub len: usize,
    }

    /// A model, ready to run.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Plan {
        /// Steps in order. In a training plan the loss is computed after step `forward` - 1.
        pub steps: List<Step>,
        /// How many steps come before the loss.
        pub forward: usize,
        /// The steps' segments. Where the loss stands inside of a segment, the executor stops for
        /// it.
        pub segments: List<Segment>,
        /// Inputs, in the order of the model.
        pub inputs: List<Port>,
        /// Outputs, in the order of the model.
        pub outputs: List<Port>,
        /// Elements of a block's buffer per sample.
        pub block_len: usize,
        /// Elements of a shard's buffer per sample.
        pub shard_len: usize,
        /// Elements of the weights, and of the gradient.
        pub weights_len: usize,
        /// Elements of the reduced memory.
        pub reduced_len: usize,
        /// Scratch elements that the neediest step asks for, whatever the number of samples.
        pub workspace_len: usize,
        /// Offsets in the reduced memory of penalties on activations, one number each; their sum,
        /// divided by the samples of the batch, is part of the loss.
        pub activity_penalties: List<usize>,
        /// Gradients that the shards sum; merged at the end of a step.
        pub shard_gradients: List<GradientPart>,
        /// Merged reductions that are then added to the gradient, which starts from zero there.
        pub gradient_parts: List<GradientPart>,
        /// Gradients of large weights, of which a shard has no copy: steps after all segments, each
        /// on all samples of the batch. What they read lies in the shards; they write to
        /// [`Storage::Gradient`] and are split over threads by rows of what they write. Where two
        /// write to one place they add up.
        pub batch_steps: List<Step>,
        /// Statistics to move at the end of a training step.
        pub moving_averages: List<MovingAverage>,
        /// Floating-point operations per sample.
        pub flops: u64,
    }

    /// How the masks of a model's outputs are computed: losses and metrics need them before they
    /// look at the outputs, since a mean over the rows that count divides by their number.
    #[derive(Clone, Debug, PartialEq)]
    pub struct OutputMasks {
        /// Computes the masks from the model's inputs. No step reads a weight, so its `weights_len`
        /// is 0.
        pub plan: Plan,
        /// For each output of the model, which output of the plan its mask is, if it has one.
        pub of: List<Option<usize>>,
    }

    /// What does not depend on the mode: names, weights, the summary, the configuration.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Description {
        /// The model's name, e.g. `mnist`.
        pub name: Text,
        /// `Sequential` or `Functional`.
        pub class: Text,
        /// Weights in Keras' order.
        pub weights: List<WeightInfo>,
        /// Layers in Keras' order; those of a nested model follow it, with longer paths.
        pub layers: List<LayerInfo>,
        /// `config.json` of a `.keras` file, without `compile_config`.
        pub config: Text,
        /// A number that two models share when they compute the same outputs from the same
        /// weights and inputs. A file's model is compared by it with the model that its weights
        /// are loaded into.
        pub fingerprint: u64,
    }
}

impl Step {
    /// Floating-point operations per sample.
    pub fn flops(&self) -> u64 {
        self.op.flops().saturating_mul(self.repeat as u64)
    }
}

impl Plan {
    /// Whether it computes gradients.
    pub fn is_training(&self) -> bool {
        self.outputs.iter().any(|output| output.gradient.is_some())
    }

    /// Elements of the memory of a single sample: what all steps write, and the inputs.
    pub fn sample_len(&self) -> usize {
        self.block_len + self.shard_len + self.reduced_len
    }

    /// Where a place lies in the memory of a single sample: the block's buffer, the shard's, then
    /// what is reduced. None for weights and their gradient, which lie elsewhere.
    pub fn in_sample(&self, place: Place) -> Option<Range<usize>> {
        let buffer = match place.storage {
            Storage::Weights | Storage::Gradient => return None,
            Storage::Block => 0,
            Storage::Shard => self.block_len,
            Storage::Reduced => self.block_len + self.shard_len,
        };
        let start = buffer + place.offset;
        Some(start..start + place.len)
    }

    /// The index of the input that a value is, if it is one.
    pub fn input_of(&self, value: ValueId) -> Option<usize> {
        self.inputs.iter().position(|port| port.value == value)
    }

    /// Whether a step reads a value.
    pub fn reads(&self, value: ValueId) -> bool {
        let steps = self.steps.iter().chain(self.batch_steps.iter());
        steps.flat_map(|step| step.inputs.iter()).any(|input| input.value == value)
    }
}
