//! The arguments that every trained weight of a layer has.

use crate::constraint::Constraint;
use crate::initializer::Initializer;
use crate::regularizer::Regularizer;

/// `kernel_initializer`, `kernel_regularizer` and `kernel_constraint` of a weight `kernel`;
/// `layer!` declares them by its `weights`.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightArguments {
    /// How it starts.
    pub initializer: Initializer,
    /// Penalty on it.
    pub regularizer: Option<Regularizer>,
    /// What it is projected to after each step of an optimizer.
    pub constraint: Option<Constraint>,
}

impl From<Initializer> for WeightArguments {
    fn from(initializer: Initializer) -> WeightArguments {
        WeightArguments { initializer, regularizer: None, constraint: None }
    }
}

impl From<&WeightArguments> for WeightArguments {
    fn from(arguments: &WeightArguments) -> WeightArguments {
        arguments.clone()
    }
}

/// The arguments of a weight while they are read; what is wrong is missing.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    pub(crate) initializer: Option<Initializer>,
    pub(crate) regularizer: Option<Option<Regularizer>>,
    pub(crate) constraint: Option<Option<Constraint>>,
}

impl Reading {
    /// All of them, unless one was wrong.
    pub(crate) fn complete(self) -> Option<WeightArguments> {
        let Reading { initializer, regularizer, constraint } = self;
        Some(WeightArguments {
            initializer: initializer?,
            regularizer: regularizer?,
            constraint: constraint?,
        })
    }
}
