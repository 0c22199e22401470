//! Penalties on weights and activations. Source: Keras 3.15 `regularizers/regularizers.py`.

/// `l1 · Σ|w| + l2 · Σw²`, without a factor of one half.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Regularizer {
    /// Keras' class: `L1`, `L2` or `L1L2`.
    pub class: &'static str,
    /// Weight of the sum of magnitudes.
    pub l1: f32,
    /// Weight of the sum of squares.
    pub l2: f32,
}
