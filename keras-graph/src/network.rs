//! A model as Keras sees it: layers, and calls of layers on symbolic tensors. Front ends build one
//! call by call (`model!` from tokens, the file reader from JSON); it checks each call's shapes at
//! once and is then lowered to a [`Graph`] for prediction and another for training.

use crate::call::{Call, CallKind, CallParameter, Lowered, MASK, TRAINING};
use crate::dtype::Dtype;
use crate::graph::{Graph, LayerError, Mode};
use crate::layer::Layer;
use crate::names::distinct;
use crate::regularizer::Regularizer;
use crate::shape::Shape;

/// Most layers a model may have, those of nested models included.
pub const MAX_LAYERS: usize = 10_000;

/// What calls of a model take.
const MODEL_PARAMETERS: &[CallParameter] = &[
    TRAINING,
    CallParameter {
        name: MASK.name,
        docs: "The masks of its inputs; by default those that the tensors carry.",
        kind: CallKind::Tensors,
    },
];

/// Index of a layer in its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LayerId(pub usize);

/// Index of a symbolic tensor in its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TensorId(pub usize);

/// How a model was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A list of layers.
    Sequential,
    /// Calls of layers on tensors.
    Functional,
}

impl Class {
    /// Keras' name of the class.
    pub fn name(self) -> &'static str {
        match self {
            Class::Sequential => "Sequential",
            Class::Functional => "Functional",
        }
    }
}

/// Element type of an input: in memory, and what Keras calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputDtype {
    /// Of the elements in memory.
    pub dtype: Dtype,
    /// Keras' name of the type that was asked for, such as `int64`: a file keeps it.
    pub name: &'static str,
}

impl From<Dtype> for InputDtype {
    fn from(dtype: Dtype) -> InputDtype {
        InputDtype { dtype, name: dtype.name() }
    }
}

/// What a layer of a network is.
#[derive(Clone, Debug)]
pub enum LayerKind {
    /// An `Input`.
    Input {
        /// Extents per sample.
        shape: Shape,
        /// Element type.
        dtype: InputDtype,
    },
    /// A layer of the catalogue.
    Layer(Box<dyn Layer>),
    /// A whole model used as a layer.
    Network(Box<Network>),
}

/// A layer of a network.
#[derive(Clone, Debug)]
pub struct NetworkLayer {
    /// Its name, unique in the network.
    pub name: String,
    /// What it is.
    pub kind: LayerKind,
    /// Whether an optimizer may change its weights.
    pub trainable: bool,
    /// Penalty on its output.
    pub activity_regularizer: Option<Regularizer>,
}

impl NetworkLayer {
    /// Whether it is a function of `keras.ops` and no layer.
    pub fn is_operation(&self) -> bool {
        matches!(&self.kind, LayerKind::Layer(layer) if layer.as_operation().is_some())
    }

    /// Keras' class of the layer.
    pub fn class(&self) -> &'static str {
        match &self.kind {
            LayerKind::Input { .. } => "InputLayer",
            LayerKind::Layer(layer) => layer.schema().class,
            LayerKind::Network(network) => network.class.name(),
        }
    }
}

/// A symbolic tensor: a result of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Extents per sample.
    pub shape: Shape,
    /// Element type.
    pub dtype: Dtype,
    /// Extents of its mask per sample, if it has one.
    pub mask: Option<Shape>,
    /// The same of the mask that it has while Keras builds the model: a model that is called as a
    /// layer makes the masks of its results only when it runs.
    pub mask_while_building: Option<Shape>,
    /// Index of the call that made it.
    pub call: usize,
}

/// One call of a layer. An `Input` is a call without inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerCall {
    /// The layer.
    pub layer: LayerId,
    /// What it is called on, and what is said by name.
    pub call: Call<TensorId>,
    /// What it returns.
    pub outputs: Vec<TensorId>,
}

/// A model.
#[derive(Clone, Debug)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// How it was written.
    pub class: Class,
    /// Layers in the order of their making.
    pub layers: Vec<NetworkLayer>,
    /// Calls in order; each stands after those that made its inputs.
    pub calls: Vec<LayerCall>,
    /// All tensors.
    pub tensors: Vec<Tensor>,
    /// The model's inputs.
    pub inputs: Vec<TensorId>,
    /// The model's outputs.
    pub outputs: Vec<TensorId>,
    /// The key of each input, if the model takes a dictionary, as Keras sorts it.
    pub input_keys: Option<Vec<String>>,
    /// The key of each output, if the model returns a dictionary, as Keras sorts it.
    pub output_keys: Option<Vec<String>>,
    /// The outputs' names, by which losses and metrics are given: Keras' name of the layer that
    /// made each.
    pub output_names: Vec<String>,
}

impl Network {
    /// A network without layers.
    pub fn new(name: impl Into<String>, class: Class) -> Network {
        Network {
            name: name.into(),
            class,
            layers: Vec::new(),
            calls: Vec::new(),
            tensors: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            input_keys: None,
            output_keys: None,
            output_names: Vec::new(),
        }
    }

    /// Adds a layer, not yet called.
    pub fn add_layer(&mut self, layer: NetworkLayer) -> LayerId {
        self.layers.push(layer);
        LayerId(self.layers.len() - 1)
    }

    /// Adds an input: a layer and its call. It becomes the model's next input.
    pub fn add_input(
        &mut self,
        name: impl Into<String>,
        shape: Shape,
        dtype: impl Into<InputDtype>,
    ) -> TensorId {
        let dtype = dtype.into();
        let layer = self.add_layer(NetworkLayer {
            name: name.into(),
            kind: LayerKind::Input { shape: shape.clone(), dtype },
            trainable: true,
            activity_regularizer: None,
        });
        let InputDtype { dtype, .. } = dtype;
        let (mask, call) = (None, self.calls.len());
        let described = Tensor { shape, dtype, mask_while_building: None, mask, call };
        let tensor = self.add_call(layer, Call::on(&[]), vec![described])[0];
        self.inputs.push(tensor);
        tensor
    }

    /// Element type of an input that takes the place of a tensor of this network.
    pub fn input_dtype(&self, tensor: &Tensor) -> InputDtype {
        match &self.layers[self.calls[tensor.call].layer.0].kind {
            LayerKind::Input { dtype, .. } => *dtype,
            LayerKind::Layer(_) | LayerKind::Network(_) => tensor.dtype.into(),
        }
    }

    /// Calls a layer on tensors. The layer's errors name what was expected and what was found.
    pub fn call(
        &mut self,
        layer: LayerId,
        inputs: &[TensorId],
    ) -> Result<Vec<TensorId>, LayerError> {
        let (_, parameters) = self.call_parameters(layer);
        self.call_with(layer, Call::of(parameters, inputs))
    }

    /// Calls a layer with arguments beside the tensors, as [`bind`](crate::call::bind) sorted them.
    pub fn call_with(
        &mut self,
        layer: LayerId,
        call: Call<TensorId>,
    ) -> Result<Vec<TensorId>, LayerError> {
        // Weights that the first call made must fit this one too, so that one is lowered again.
        let mut graph = Graph::new(Mode::Inference);
        if let Some(first) = self.calls.iter().find(|call| call.layer == layer) {
            self.lower_alone(&mut graph, layer, &first.call, |tensor| tensor.mask.as_ref())?;
        }
        let outputs = self.lower_alone(&mut graph, layer, &call, |tensor| tensor.mask.as_ref())?;
        let masks_while_building = self.masks_while_building(layer, &call)?;
        let described = |(i, output): (usize, &Lowered)| {
            let mask = output.mask.map(|mask| graph.shape(mask).clone());
            let mask_while_building = match &masks_while_building {
                Some(masks) => masks.get(i).cloned().flatten(),
                None => mask.clone(),
            };
            Tensor {
                shape: graph.shape(output.node).clone(),
                dtype: graph.dtype(output.node),
                mask,
                mask_while_building,
                call: self.calls.len(),
            }
        };
        let described = outputs.iter().enumerate().map(described).collect();
        Ok(self.add_call(layer, call, described))
    }

    /// The masks that the results of a call have while Keras builds the model, if they are not
    /// those that they have when it runs.
    fn masks_while_building(
        &self,
        layer: LayerId,
        call: &Call<TensorId>,
    ) -> Result<Option<Vec<Option<Shape>>>, LayerError> {
        if let LayerKind::Network(_) = self.layers[layer.0].kind {
            return Ok(Some(Vec::new()));
        }
        let is_same = |tensor: TensorId| {
            let tensor = &self.tensors[tensor.0];
            tensor.mask == tensor.mask_while_building
        };
        if call.tensors().into_iter().all(is_same) {
            return Ok(None);
        }
        let mut graph = Graph::new(Mode::Inference);
        let outputs = self
            .lower_alone(&mut graph, layer, call, |tensor| tensor.mask_while_building.as_ref())?;
        let shape = |output: &Lowered| output.mask.map(|mask| graph.shape(mask).clone());
        Ok(Some(outputs.iter().map(shape).collect()))
    }

    /// The class of a layer, and the arguments that its calls take.
    pub fn call_parameters(&self, layer: LayerId) -> (&'static str, &'static [CallParameter]) {
        let layer = &self.layers[layer.0];
        let parameters = match &layer.kind {
            LayerKind::Input { .. } => &[],
            LayerKind::Layer(layer) => layer.call_parameters(),
            LayerKind::Network(_) => MODEL_PARAMETERS,
        };
        (layer.class(), parameters)
    }

    fn add_call(
        &mut self,
        layer: LayerId,
        call: Call<TensorId>,
        outputs: Vec<Tensor>,
    ) -> Vec<TensorId> {
        let first = self.tensors.len();
        self.tensors.extend(outputs);
        let outputs: Vec<TensorId> = (first..self.tensors.len()).map(TensorId).collect();
        self.calls.push(LayerCall { layer, call, outputs: outputs.clone() });
        outputs
    }

    /// The shape of a tensor, per sample.
    pub fn shape(&self, tensor: TensorId) -> &Shape {
        &self.tensors[tensor.0].shape
    }

    /// Names the model's outputs by their layers, those of one layer with a number; ends the
    /// building.
    pub fn finish(&mut self, outputs: &[TensorId]) {
        self.outputs = outputs.to_vec();
        let names = outputs.iter().map(|output| {
            let call = self.tensors[output.0].call;
            self.layers[self.calls[call].layer.0].name.clone()
        });
        self.output_names = distinct(names.collect());
    }
}
