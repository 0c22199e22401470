//! Recurrent layers over all steps of a sequence.
//!
//! The part of a step that depends on the input alone, `z[t] = x[t] · kernel`, is one product for
//! all steps and an op of its own. What remains is computed step by step by one op, whose gradient
//! runs the other way. A sequence is never turned: `backward` says that the state goes from the
//! last step to the first, and results stand at their own steps. A step where the mask is 0 leaves
//! the state as it is.

use crate::activation::Activation;
use crate::literal::{literal, literal_enum};
use crate::ops::declare::ops;

/// How a step makes a new state `h` from the old one; `g` is the recurrent activation, `f` the
/// other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellKind {
    /// `h = f(z + h · w)`
    Simple,
    /// Of `z + h · w`, the columns `i, f, c, o`: `c = g(f) · c + g(i) · f(c)`, `h = g(o) · f(c)`
    /// (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000).
    Lstm,
    /// Of `z` and `q = h · w + b`, the columns `z, r, h`: `z = g(z + q_z)`, `r = g(r + q_r)`,
    /// `h = z · h + (1 - z) · f(h + r · q_h)` (Cho et al. 2014, as cuDNN has it).
    Gru,
    /// As [`CellKind::Gru`], with `q_h = (r · h) · w_h` outside of the reset: `f(h + q_h)`.
    GruResetBefore,
}
literal_enum!(CellKind { Simple, Lstm, Gru, GruResetBefore });

impl CellKind {
    /// Columns of the kernels, in multiples of the units.
    pub const fn gates(self) -> usize {
        match self {
            CellKind::Simple => 1,
            CellKind::Lstm => 4,
            CellKind::Gru | CellKind::GruResetBefore => 3,
        }
    }

    /// What a training keeps of a step beside the states, likewise: the gates, and of a
    /// [`CellKind::Gru`] `q_h`.
    pub const fn kept(self) -> usize {
        match self {
            CellKind::Simple => 0,
            CellKind::Lstm | CellKind::Gru => 4,
            CellKind::GruResetBefore => 3,
        }
    }

    /// The gradient by what enters a step, likewise: that by `z`, and of a [`CellKind::Gru`] that
    /// by `q`.
    pub const fn gradients(self) -> usize {
        match self {
            CellKind::Simple => 1,
            CellKind::Lstm => 4,
            CellKind::Gru => 6,
            CellKind::GruResetBefore => 3,
        }
    }

    /// Tensors of the state: `h`, and of an LSTM `c`.
    pub const fn states(self) -> usize {
        match self {
            CellKind::Lstm => 2,
            CellKind::Simple | CellKind::Gru | CellKind::GruResetBefore => 1,
        }
    }
}

literal! {
    /// What the ops of a recurrent layer have in common.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct Cell {
        /// How a step is made.
        pub kind: CellKind,
        /// Steps of the sequence.
        pub steps: usize,
        /// Extent of a state.
        pub units: usize,
        /// Whether the state goes from the last step to the first.
        pub backward: bool,
        /// Function of the new state.
        pub f: Activation,
        /// Function of the gates.
        pub g: Activation,
        /// Whether states are multiplied by noise before each product, one factor for each gate
        /// and unit, the same in all steps.
        pub noise: bool,
        /// Whether some steps are masked.
        pub mask: bool,
    }
}

impl Cell {
    /// Elements of `z`.
    pub const fn input_len(&self) -> usize {
        self.steps * self.kind.gates() * self.units
    }

    /// Elements of the recurrent kernel.
    pub const fn kernel_len(&self) -> usize {
        self.units * self.kind.gates() * self.units
    }

    /// Elements of all states.
    pub const fn state_len(&self) -> usize {
        self.kind.states() * self.units
    }

    /// Elements of the noise.
    pub const fn noise_len(&self) -> usize {
        self.kind.gates() * self.units
    }

    /// Elements of what a training keeps: the states before each step and behind the last, one
    /// tensor after the other, then what is kept of each step.
    pub const fn kept_len(&self) -> usize {
        (self.steps + 1) * self.state_len() + self.steps * self.kind.kept() * self.units
    }

    /// Elements of the results: `h` of each step, or of the last; and the other state of the last,
    /// if it is asked for.
    pub const fn results_len(&self, sequences: bool, state: bool) -> usize {
        let outputs = if sequences { self.steps } else { 1 };
        let others = if state { self.kind.states() - 1 } else { 0 };
        (outputs + others) * self.units
    }

    /// Elements of the gradient by what enters the steps, and by the initial states if they are
    /// given.
    pub const fn gradients_len(&self, initial: bool) -> usize {
        let states = if initial { self.state_len() } else { 0 };
        self.steps * self.kind.gradients() * self.units + states
    }
}

ops! {
    /// All steps. `bias` is that of a [`CellKind::Gru`], in two rows: of `z` and of `q`. The result
    /// is what [`RecurrentResults`] would make.
    Recurrent { cell: Cell, bias: bool, initial: bool, sequences: bool, state: bool }
    reads (
        z: sample(cell.input_len()),
        w: weight(cell.kernel_len()),
        bias: weight(2 * cell.noise_len()) if bias,
        h: sample(cell.units) if initial,
        c: sample(cell.units) if initial && cell.kind.states() > 1,
        noise: sample(cell.noise_len()) if cell.noise,
        mask: sample(cell.steps) if cell.mask,
    )
    makes sample(cell.results_len(sequences, state))
    flops cell;

    /// As [`Recurrent`], with all that the gradient needs: the states `h` before each step and
    /// behind the last, of an LSTM `c` likewise, then what [`CellKind::kept`] names, step by step.
    /// States stand in the order of the sequence, so those of a `backward` one begin with the last.
    RecurrentKept { cell: Cell, bias: bool, initial: bool }
    reads (
        z: sample(cell.input_len()),
        w: weight(cell.kernel_len()),
        bias: weight(2 * cell.noise_len()) if bias,
        h: sample(cell.units) if initial,
        c: sample(cell.units) if initial && cell.kind.states() > 1,
        noise: sample(cell.noise_len()) if cell.noise,
        mask: sample(cell.steps) if cell.mask,
    )
    makes sample(cell.kept_len())
    flops cell;

    /// Of what was kept: `h` of each step, or of the last; then, if it is asked for, the `c` of an
    /// LSTM's last step.
    RecurrentResults { cell: Cell, sequences: bool, state: bool }
    reads (kept: sample(cell.kept_len()))
    makes sample(cell.results_len(sequences, state))
    flops 0;

    /// The gradients by what enters each step, from those by the results; then, if they were given,
    /// by the initial states.
    RecurrentGrad { cell: Cell, initial: bool, sequences: bool, state: bool }
    reads (
        kept: sample(cell.kept_len()),
        d_results: sample(cell.results_len(sequences, state)),
        w: weight(cell.kernel_len()),
        noise: sample(cell.noise_len()) if cell.noise,
        mask: sample(cell.steps) if cell.mask,
    )
    makes sample(cell.gradients_len(initial))
    flops 2 * cell;
}
