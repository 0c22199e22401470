//! `RNN`: any cell over the steps of a sequence.

use super::stacked_rnn_cells::{Cells, no_cell};
use super::{flags, recurrent_basics};
use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::{Layer, RecurrentLayer, Run};
use crate::layers::{Case, InnerLayer};
use crate::ops::Recurred;
use crate::parameter::Stateless;
use crate::schema::{Mismatch, ParameterType, layer, layer_basics};
use crate::value::{Argument, Object, Value};

layer! {
    /// Runs a cell, or several on top of each other, over the steps of a sequence.
    ///
    /// Shapes: `(batch, steps, features) -> (batch, units)`, or `(batch, steps, units)` with
    /// `return_sequences`; with `return_state` the states of all cells follow, one by one. A masked
    /// step leaves the states as they are. Source: Keras 3.15 `layers/rnn/rnn.py`.
    pub struct RNN {
        /// The cell, such as `LSTMCell(8)`, or a list of cells.
        cell: CellOrCells,
        /// Whether the output of each step is returned, and not that of the last alone.
        return_sequences: bool = false,
        /// Whether the states behind the last step are returned too.
        return_state: bool = false,
        /// Whether the sequence is read from its end.
        go_backwards: bool = false,
        /// Not supported: no state is kept between batches.
        stateful: Stateless = Stateless,
        /// Has no effect: the steps are one op.
        unroll: bool = false,
        /// Whether the output of a masked step is zero, and not that of the step before.
        zero_output_for_mask: bool = false,
    }
}

pub(in crate::layers) const CASES: &[Case] = &[
    Case { arguments: "GRUCell(3)", inputs: &[&[4, 2]], output: &[3] },
    Case {
        arguments: "[GRUCell(3), GRUCell(2), LSTMCell(4)], return_sequences = True",
        inputs: &[&[3, 2]],
        output: &[3, 4],
    },
];

/// A cell; a list of cells is one of class `StackedRNNCells`.
#[derive(Clone, Debug, PartialEq)]
pub struct CellOrCells(InnerLayer);

impl ParameterType for CellOrCells {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let stacked = match value {
            Value::List(_) => {
                // Its own messages say what is wrong with a cell.
                Cells::from_value(value)?;
                let argument = Argument { name: Some("cells".to_string()), value: value.clone() };
                let class = "StackedRNNCells".to_string();
                Some(Value::Layer(Object { class, arguments: vec![argument] }))
            }
            _ => None,
        };
        let cell = InnerLayer::from_value(stacked.as_ref().unwrap_or(value))?;
        match cell.layer.as_cell() {
            Some(_) => Ok(CellOrCells(cell)),
            None => Err(no_cell("a cell or a list of cells", &cell)),
        }
    }

    fn to_value(&self) -> Value {
        self.0.to_value()
    }
}

impl Layer for RNN {
    layer_basics!();

    recurrent_basics!();
}

impl RecurrentLayer for RNN {
    flags!();

    fn states(&self, _: &[usize]) -> Result<Vec<Vec<usize>>, LayerError> {
        Ok(self.cell.0.layer.as_cell().map_or(Vec::new(), |cell| cell.states()))
    }

    fn run(&self, graph: &mut Graph, x: NodeId, run: &Run) -> Result<Recurred, LayerError> {
        let InnerLayer { name, layer, trainable, .. } = &self.cell.0;
        let Some(cell) = layer.as_cell() else {
            return Err(LayerError::argument("cell", "`RNN` expects a cell"));
        };
        graph.in_inner("cell", name, *trainable, |graph| cell.run(graph, x, run))
    }
}
