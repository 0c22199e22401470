//! Penalties on activations. What they add to gradients is put there where a walk starts.

use crate::op::{Penalty, PenaltyGrad};
use crate::ops::gradient::no_gradient;

no_gradient! { Penalty, PenaltyGrad }
