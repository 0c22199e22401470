//! `StackedRNNCells`: cells that work as one.

use super::plain::CELL_CALL;
use super::run_step;
use crate::call::{Call, CallParameter, Lowered};
use crate::graph::{Graph, LayerError, NodeId};
use crate::layer::{Layer, RecurrentCell, Run};
use crate::layers::{Entry, InnerLayer};
use crate::ops::Recurred;
use crate::schema::{Mismatch, ParameterType, layer, layer_basics};
use crate::value::Value;

layer! {
    /// Cells on top of each other: each reads the output of the one before.
    ///
    /// Shapes: `(batch, features)` and the states of all cells `-> (batch, units)` of the last
    /// cell, and the new states, one behind the other. Source: Keras 3.15
    /// `layers/rnn/stacked_rnn_cells.py`.
    pub struct StackedRNNCells {
        /// The cells, from the first on, such as `[GRUCell(8), LSTMCell(4)]`.
        cells: Cells,
    }
}

/// The mismatch of a layer in the place of a cell.
pub(super) fn no_cell(expected: &str, found: &InnerLayer) -> Mismatch {
    let class = found.layer.schema().class;
    let cell = format!("{class}Cell");
    let help = match Entry::by_class(&cell) {
        Some(_) => format!("`{class}` runs over a sequence by itself: write `{cell}`"),
        None => "write a cell, such as `LSTMCell(8)`".to_string(),
    };
    Mismatch { expected: expected.to_string(), help: Some(help) }
}

/// A list of cells.
#[derive(Clone, Debug, PartialEq)]
pub struct Cells(Vec<InnerLayer>);

impl ParameterType for Cells {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let wrong = || Mismatch {
            expected: "a list of cells".to_string(),
            help: Some("write a list such as `[GRUCell(8), LSTMCell(4)]`".to_string()),
        };
        let Value::List(items) = value else { return Err(wrong()) };
        if items.is_empty() {
            return Err(wrong());
        }
        let mut cells: Vec<InnerLayer> = Vec::with_capacity(items.len());
        for item in items {
            let mut cell = InnerLayer::from_value(item)?;
            if cell.layer.as_cell().is_none() {
                return Err(no_cell("a list of cells", &cell));
            }
            // Keras counts the cells of a class.
            let base = cell.name.clone();
            let mut count = 0;
            while cells.iter().any(|other| other.name == cell.name) {
                count += 1;
                cell.name = format!("{base}_{count}");
            }
            cells.push(cell);
        }
        Ok(Cells(cells))
    }

    fn to_value(&self) -> Value {
        Value::List(self.0.iter().map(InnerLayer::to_value).collect())
    }
}

impl Layer for StackedRNNCells {
    layer_basics!();

    fn call_parameters(&self) -> &'static [CallParameter] {
        CELL_CALL
    }

    fn as_cell(&self) -> Option<&dyn RecurrentCell> {
        Some(self)
    }

    fn lower_call(
        &self,
        graph: &mut Graph,
        call: &Call<Lowered>,
    ) -> Result<Vec<Lowered>, LayerError> {
        run_step("StackedRNNCells", self, graph, call)
    }
}

impl RecurrentCell for StackedRNNCells {
    fn states(&self) -> Vec<Vec<usize>> {
        let cells = self.cells.0.iter().filter_map(|cell| cell.layer.as_cell());
        cells.flat_map(RecurrentCell::states).collect()
    }

    /// Each cell runs through the whole sequence, on the outputs of the one before: of a step it
    /// reads nothing else of it. A masked step changes no state of any cell.
    fn run(&self, graph: &mut Graph, x: NodeId, run: &Run) -> Result<Recurred, LayerError> {
        let mut whole = Recurred { output: x, states: Vec::new() };
        let mut initial = run.initial.as_slice();
        let last = self.cells.0.len() - 1;
        // Groups of a weights file are named for the class, counted.
        for (i, cell) in self.cells.0.iter().enumerate() {
            let Some(inner) = cell.layer.as_cell() else { continue };
            let own;
            (own, initial) = initial.split_at(inner.states().len().min(initial.len()));
            let run =
                Run { sequences: run.sequences || i < last, initial: own.to_vec(), ..run.clone() };
            let class = crate::names::snake_case(cell.layer.schema().class);
            let before = self.cells.0[..i].iter();
            let same =
                before.filter(|other| other.layer.schema().class == cell.layer.schema().class);
            let group = match same.count() {
                0 => format!("cells/{class}"),
                count => format!("cells/{class}_{count}"),
            };
            let made = graph.in_inner(&group, &cell.name, cell.trainable, |graph| {
                inner.run(graph, whole.output, &run)
            })?;
            whole.output = made.output;
            whole.states.extend(made.states);
        }
        Ok(whole)
    }
}
