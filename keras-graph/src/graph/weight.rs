//! The weights of a graph: made when a layer asks for them first, and found again.

use super::{Graph, WeightId};
use crate::constraint::{self, Constraint};
use crate::error::LayerError;
use crate::initializer::{Initializer, Rule};
use crate::parameter::WeightArguments;
use crate::regularizer::Regularizer;
use crate::schema::ParameterType;
use crate::shape::{MAX_LEN, Shape};

/// A weight of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Weight {
    /// Layer path, names joined by `/`.
    pub layer: String,
    /// Name within the layer, e.g. `kernel`.
    pub name: &'static str,
    /// Of a weight of a layer within a layer: its path in a weights file from the outer layer on,
    /// made of the names of attributes, such as `layer`. Else empty.
    pub group: String,
    /// Extents.
    pub shape: Shape,
    /// Whether an optimizer changes it.
    pub trainable: bool,
    /// How it starts.
    pub initializer: Initializer,
    /// Penalty on it.
    pub regularizer: Option<Regularizer>,
    /// What it is projected to after each step of an optimizer.
    pub constraint: Option<constraint::Resolved>,
}

impl Graph {
    /// A weight of the current layer. A layer that is called again gets the one that it made
    /// before.
    pub fn weight(
        &mut self,
        name: &'static str,
        extents: &[usize],
        arguments: impl Into<WeightArguments>,
    ) -> Result<WeightId, LayerError> {
        self.add_weight(name, extents, arguments.into(), !self.is_frozen())
    }

    /// A weight that no optimizer changes, such as a moving statistic.
    pub fn statistic(
        &mut self,
        name: &'static str,
        extents: &[usize],
        initializer: Initializer,
    ) -> Result<WeightId, LayerError> {
        self.add_weight(name, extents, initializer.into(), false)
    }

    fn add_weight(
        &mut self,
        name: &'static str,
        extents: &[usize],
        arguments: WeightArguments,
        trainable: bool,
    ) -> Result<WeightId, LayerError> {
        let layer = self.scope.join("/");
        let shape = Shape::new(extents);
        let WeightArguments { initializer, regularizer, constraint } = arguments;
        check_weight(name, extents, initializer)?;
        let id = WeightId(self.weights.len());
        let key = (layer.clone(), name);
        if let Some(&known) = self.by_name.get(&key) {
            let built = &self.weights[known.0].shape;
            if *built != shape {
                return Err(LayerError::input(format!(
                    "`{layer}` was called before with an input that made its `{name}` {:?}; \
                     this input asks for {:?}",
                    built.extents(),
                    extents,
                ))
                .help(
                    "a layer that is called twice shares its weights: \
                     make a second layer for other shapes",
                ));
            }
            return Ok(known);
        }
        let constraint = constraint.map(|constraint| resolved(name, extents, &constraint));
        let constraint = constraint.transpose()?;
        let group = self.attributes.join("/");
        self.weights.push(Weight {
            layer,
            name,
            group,
            shape,
            trainable,
            initializer,
            regularizer,
            constraint,
        });
        self.by_name.insert(key, id);
        Ok(id)
    }
}

/// A constraint on a weight of these extents.
fn resolved(
    name: &str,
    extents: &[usize],
    constraint: &Constraint,
) -> Result<constraint::Resolved, LayerError> {
    constraint.resolve(extents).ok_or_else(|| {
        LayerError::input(format!(
            "`axis` of `{}` expects different axes of the weight `{name}`, which has the extents \
             {extents:?}, found `{}`",
            constraint.class(),
            constraint.to_value(),
        ))
        .help("write `axis = 0` for the first of them")
    })
}

/// Refuses weights of too many elements and shapes that an initializer has no values for.
fn check_weight(name: &str, extents: &[usize], initializer: Initializer) -> Result<(), LayerError> {
    let len = extents.iter().try_fold(1usize, |len, &extent| len.checked_mul(extent));
    if len.is_none_or(|len| len > MAX_LEN) {
        return Err(LayerError::input(format!(
            "the weight `{name}` would have the extents {extents:?}, more than {MAX_LEN} elements"
        )));
    }
    let needs = match initializer.rule {
        Rule::Orthogonal { .. } if extents.len() < 2 => "two axes or more",
        Rule::Identity { .. } if extents.len() != 2 => "two axes",
        _ => return Ok(()),
    };
    Err(LayerError::input(format!(
        "the initializer `{}` needs a weight of {needs}, but `{name}` has the extents {extents:?}",
        initializer.class
    )))
}
