//! Inputs that are read where the user has them, without a copy: samples that are neighbours in memory.

use core::ops::Range;

use keras_graph::plan::{Place, Plan};

use super::lane::overlap;
use super::{Batch, Rows};

/// Which inputs of a plan can be read in place.
pub(super) struct Direct {
    /// For each input, the step before which whoever reads its place means the input; 0 if it must be copied there.
    until: Vec<usize>,
}

impl Direct {
    pub(super) fn new(plan: &Plan) -> Direct {
        let until = plan.inputs.iter().map(|port| until(plan, port.place)).collect();
        Direct { until }
    }

    /// Whether input `i` of some samples of a batch need not be copied to its place.
    pub(super) fn is_read_in_place(
        &self,
        batch: &Batch<'_>,
        i: usize,
        samples: &Range<usize>,
    ) -> bool {
        self.until[i] > 0 && of(batch, i, samples).is_some()
    }

    /// What a step finds at a place, if that is an input of samples that are read where the user has them.
    pub(super) fn read<'a>(
        &self,
        plan: &Plan,
        batch: &Batch<'a>,
        step: usize,
        place: Place,
        samples: &Range<usize>,
    ) -> Option<&'a [f32]> {
        let is_meant = |i: &usize| step < self.until[*i] && plan.inputs[*i].place == place;
        (0..self.until.len()).find(is_meant).and_then(|i| of(batch, i, samples))
    }
}

/// The numbers of input `i` of neighbouring samples of a batch, if they are neighbours in memory.
fn of<'a>(batch: &Batch<'a>, i: usize, samples: &Range<usize>) -> Option<&'a [f32]> {
    match &batch.rows {
        Rows::Range(rows) => {
            let rows = rows.start + samples.start..rows.start + samples.end;
            batch.x.ports(rows, i).map(|values| values.bits())
        }
        Rows::List(_) => None,
    }
}

/// The step before which whoever reads the place of an input means the input, all of it; 0 if it is also read in another way.
fn until(plan: &Plan, input: Place) -> usize {
    let step = plan.steps.iter().position(|step| overlap(step.output, input));
    // The loss writes too, behind the forward steps.
    let mut gradients = plan.outputs.iter().filter_map(|port| port.gradient);
    let loss = gradients.any(|place| overlap(place, input)).then_some(plan.forward);
    let until = step.into_iter().chain(loss).min().unwrap_or(usize::MAX);
    let read = plan.steps.iter().take(until).chain(plan.whole.iter());
    let mut read = read.flat_map(|step| step.inputs.iter()).filter(|place| overlap(**place, input));
    // The output of a model without a step is its input.
    let is_input = |place: Place| !plan.steps.iter().any(|step| step.output == place);
    let mut outputs = plan.outputs.iter().map(|port| port.place);
    let is_plain = read.all(|place| *place == input)
        && !outputs.any(|place| overlap(place, input) && is_input(place));
    if is_plain { until } else { 0 }
}
