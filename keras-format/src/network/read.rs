//! From `config.json` to a network.

use std::collections::HashSet;

use keras_graph::call::Call;
use keras_graph::layers::InputArguments;
use keras_graph::network::{
    Class, InputDtype, LayerId, LayerKind, MAX_LAYERS, Network, NetworkLayer, TensorId,
};
use keras_graph::shape::Shape;
use serde_json::{Map, Value as Json};

use super::calls;
use super::parts::{
    arguments, built_with, catalogue_layer, is_input, list, model_class, name, refused, trainable,
};
use super::ports::Ports;
use crate::error::{Error, Result};
use crate::json::Framed;

/// Nesting of models beyond that of any file; the parser of JSON gives up before.
const MAX_DEPTH: usize = 64;
/// Each call of a layer checks the earlier ones again, and calling a model is calling its layers;
/// this many layers may be looked at while a file is read. A file of nested models, each called
/// twice, would take forever.
const MAX_VISITS: usize = 1 << 18;

/// Reads the `config.json` of a sequential or functional model.
///
/// Layers may come in any order, and a sequential model may lack its `InputLayer` if a shape to
/// build it with is there. Errors name the layer by its path, then the argument, what was expected
/// and what was found: keys that are missing, classes that are unknown, not Keras' or hold code,
/// arguments and inputs that a layer refuses, names that occur twice, calls in a circle, more
/// layers or deeper nesting than a model may have.
pub fn from_config(config: &Json) -> Result<Network> {
    let mut reader = Reader { layers_left: MAX_LAYERS, visits_left: MAX_VISITS };
    let read = reader.model(config, 0)?;
    Ok(read.network)
}

/// Bounds that all models of a file share.
pub(super) struct Reader {
    layers_left: usize,
    visits_left: usize,
}

/// A model that was read.
pub(super) struct Model {
    pub(super) network: Network,
    trainable: bool,
    /// Layers that are looked at when it is called once.
    visits: usize,
}

/// A layer that was read, and how many layers a call of it looks at.
struct Part {
    layer: NetworkLayer,
    visits: usize,
}

impl Reader {
    fn model(&mut self, json: &Json, depth: usize) -> Result<Model> {
        if depth > MAX_DEPTH {
            let expected = format!("models nested at most {MAX_DEPTH} deep");
            return Err(Error::malformed(expected, "deeper"));
        }
        if let (Some(Json::Null), Some(Json::String(class))) =
            (json.get("module"), json.get("class_name"))
        {
            let found = format!("the Python code of the class `{class}`, a subclass of `Model`,");
            let help = "save a functional or sequential model; `keras.Model(model.inputs, \
                model.outputs)` makes one of a subclass of a functional model";
            return Err(Error::unsupported(found, help));
        }
        let framed = Framed::from_json(json)?;
        let Some(class) = model_class(&framed) else {
            let found =
                format!("the class `{}` of the module `{}`", framed.class_name, framed.module);
            let help = "save a `Sequential` or functional model, which is data and no code";
            return Err(Error::unsupported(found, help));
        };
        let name = name(framed.config)?;
        let trainable = trainable(framed.config).map_err(|error| error.within(&name))?;
        let read = match class {
            Class::Sequential => self.sequential(&name, json, framed.config, depth),
            Class::Functional => self.functional(&name, framed.config, depth),
        };
        let (network, visits) = read.map_err(|error| error.within(&name))?;
        Ok(Model { network, trainable, visits })
    }

    fn sequential(
        &mut self,
        name: &str,
        json: &Json,
        config: &Map<String, Json>,
        depth: usize,
    ) -> Result<(Network, usize)> {
        let mut layers = list(config, "layers")?;
        let mut building = Building::new(name, Class::Sequential);
        if let Some((first, rest)) = layers.split_first()
            && is_input(first)
        {
            self.take_layer()?;
            building.add_input(first)?;
            layers = rest;
        }
        for (i, json_layer) in layers.iter().enumerate() {
            if is_input(json_layer) {
                let expected = "one `InputLayer`, the first layer";
                return Err(Error::malformed(expected, format!("another as layer {i}")));
            }
            let part = self.layer(json_layer, depth)?;
            if building.network.inputs.is_empty() {
                let (shape, dtype) = built_with(json, json_layer, &part.layer)?;
                // No path of a weights file counts inputs, so that any free name will do.
                building.add_named_input(&format!("{name}_input"), shape, dtype)?;
            }
            let id = building.add(part)?;
            let x = TensorId(building.network.tensors.len() - 1);
            let outputs = self.call(&mut building, id, Call::on(&[x]))?;
            if outputs.len() != 1 {
                let found = format!("{} outputs", outputs.len());
                let name = &building.network.layers[id.0].name;
                return Err(Error::malformed("a layer with one output", found).within(name));
            }
        }
        if layers.is_empty() {
            return Err(Error::malformed("a layer beside the input", "none").within("layers"));
        }
        let output = TensorId(building.network.tensors.len() - 1);
        building.network.finish(&[output]);
        Ok((building.network, building.called.max(1)))
    }

    fn functional(
        &mut self,
        name: &str,
        config: &Map<String, Json>,
        depth: usize,
    ) -> Result<(Network, usize)> {
        let layers = list(config, "layers")?;
        let mut building = Building::new(name, Class::Functional);
        let mut inbound: Vec<&[Json]> = Vec::new();
        for json in layers {
            if is_input(json) {
                self.take_layer()?;
                building.add_input(json)?;
                inbound.push(&[]);
                continue;
            }
            let part = self.layer(json, depth)?;
            let name = part.layer.name.clone();
            if let Some(other) = json.get("name")
                && other.as_str() != Some(&name)
            {
                let other = other.as_str().map_or(other.to_string(), str::to_owned);
                let found = format!("`{other}` in its frame");
                return Err(Error::malformed(format!("the name `{name}`"), found).within(&name));
            }
            building.add(part)?;
            let nodes = json.as_object().map(|json| list(json, "inbound_nodes"));
            inbound.push(nodes.unwrap_or(Ok(&[])).map_err(|error| error.within(&name))?);
        }
        let mut histories = calls::read(&building.network, &inbound)?;
        for call in histories.order(&building.network)? {
            let (layer, read) = histories.made_call(&building.network, call)?;
            let outputs = self.call(&mut building, layer, read)?;
            histories.set_outputs(call, outputs);
        }
        let inputs = Ports::read(config, "input_layers")?;
        let outputs = Ports::read(config, "output_layers")?;
        building.network.inputs = inputs.inputs(&building.network, &histories)?;
        let tensors = outputs.tensors(&building.network, &histories)?;
        building.network.finish(&tensors);
        if let Some(keys) = &outputs.keys {
            building.network.output_names.clone_from(keys);
        }
        building.network.input_keys = inputs.keys;
        building.network.output_keys = outputs.keys;
        Ok((building.network, building.called.max(1)))
    }

    /// Reads a layer that is no input.
    fn layer(&mut self, json: &Json, depth: usize) -> Result<Part> {
        self.take_layer()?;
        let framed = Framed::from_json(json)?;
        let part = if model_class(&framed).is_some() {
            let Model { network, trainable, visits } = self.model(json, depth + 1)?;
            let layer = NetworkLayer {
                name: network.name.clone(),
                kind: LayerKind::Network(Box::new(network)),
                trainable,
                activity_regularizer: None,
            };
            Part { layer, visits }
        } else {
            let name = name(framed.config)?;
            let layer = catalogue_layer(&framed).map_err(|error| error.within(&name))?;
            Part { layer, visits: 1 }
        };
        if json.get("shared_object_id").is_some() {
            let help = "give each model its own layer";
            let found = "a layer that another model of the file has as well";
            return Err(Error::unsupported(found, help).within(&part.layer.name));
        }
        Ok(part)
    }

    fn take_layer(&mut self) -> Result<()> {
        let left = self.layers_left.checked_sub(1);
        self.layers_left =
            left.ok_or_else(|| Error::malformed(format!("at most {MAX_LAYERS} layers"), "more"))?;
        Ok(())
    }

    fn call(
        &mut self,
        building: &mut Building,
        layer: LayerId,
        call: Call<TensorId>,
    ) -> Result<Vec<TensorId>> {
        let Building { network, visits, calls, called, .. } = building;
        let name = network.layers[layer.0].name.clone();
        calls[layer.0] += 1;
        *called = called.saturating_add(visits[layer.0]);
        let looked_at = visits[layer.0].saturating_mul(calls[layer.0]);
        let Some(left) = self.visits_left.checked_sub(looked_at) else {
            let expected = format!("calls that come to at most {MAX_VISITS} layers");
            return Err(Error::malformed(expected, "more").within(&name));
        };
        self.visits_left = left;
        network.call_with(layer, call).map_err(|error| {
            let message = match error.argument {
                Some(argument) => format!("`{argument}`: {}", error.message),
                None => error.message,
            };
            Error::Refused { path: name, message, help: error.help }
        })
    }
}

/// A network that is being read.
struct Building {
    network: Network,
    names: HashSet<String>,
    /// For each layer, how many layers a call of it looks at.
    visits: Vec<usize>,
    /// For each layer, how often it was called.
    calls: Vec<usize>,
    /// Layers that all calls so far look at.
    called: usize,
}

impl Building {
    fn new(name: &str, class: Class) -> Building {
        let network = Network::new(name, class);
        Building { network, names: HashSet::new(), visits: vec![], calls: vec![], called: 0 }
    }

    fn add_name(&mut self, name: &str) -> Result<()> {
        if self.names.insert(name.to_owned()) {
            return Ok(());
        }
        Err(Error::malformed("one layer of this name", "two").within(name))
    }

    fn add(&mut self, part: Part) -> Result<LayerId> {
        self.add_name(&part.layer.name)?;
        self.visits.push(part.visits);
        self.calls.push(0);
        Ok(self.network.add_layer(part.layer))
    }

    fn add_input(&mut self, json: &Json) -> Result<()> {
        let framed = Framed::from_json(json)?;
        let name = name(framed.config)?;
        let within = |error: Error| error.within(&name);
        let arguments = arguments(framed.config).map_err(within)?;
        let input = InputArguments::read(&arguments).map_err(refused).map_err(within)?;
        self.add_named_input(&name, input.shape, input.dtype)
    }

    fn add_named_input(&mut self, name: &str, shape: Shape, dtype: InputDtype) -> Result<()> {
        self.add_name(name)?;
        self.visits.push(0);
        self.calls.push(1);
        self.network.add_input(name, shape, dtype);
        Ok(())
    }
}
