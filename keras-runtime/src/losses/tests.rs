use super::*;

/// Checks the gradient of a loss against differences of its value.
pub(super) fn check_gradient(loss: &impl RowLoss, y_true: Target<'_>, y_pred: &[f32]) {
    let mut d_y = vec![0.0; y_pred.len()];
    let value = loss.row(y_true, y_pred, &mut d_y);
    assert!((value - loss.value(y_true, y_pred)).abs() <= 1e-6 * value.abs(), "value");
    for i in 0..y_pred.len() {
        let step = 1e-2 * y_pred[i].abs().max(0.1);
        let at = |delta: f32| {
            let mut moved = y_pred.to_vec();
            moved[i] += delta;
            f64::from(loss.value(y_true, &moved))
        };
        // Richardson's extrapolation takes the error of the difference from step² to step⁴.
        let coarse = (at(step) - at(-step)) / f64::from(2.0 * step);
        let fine = (at(step / 2.0) - at(-step / 2.0)) / f64::from(step);
        let difference = (4.0 * fine - coarse) / 3.0;
        let error = (f64::from(d_y[i]) - difference).abs();
        assert!(error <= 2e-3 * difference.abs().max(0.1), "{i}: {} against {difference}", d_y[i]);
    }
}

#[test]
fn gradients_are_those_of_the_values() {
    let y = Target::Row(&[0.2, 0.0, 0.7, 0.1]);
    let p = [0.3, 0.25, 0.6, 0.45];
    let x = [0.3, -1.25, 2.6, -0.45];
    check_gradient(&MeanSquaredError::default(), y, &x);
    check_gradient(&MeanAbsoluteError::default(), y, &x);
    check_gradient(&BinaryCrossentropy { label_smoothing: 0.1, ..Default::default() }, y, &p);
    check_gradient(&BinaryCrossentropy { from_logits: true, ..Default::default() }, y, &x);
    check_gradient(&CategoricalCrossentropy { label_smoothing: 0.2, ..Default::default() }, y, &p);
    check_gradient(&CategoricalCrossentropy { from_logits: true, ..Default::default() }, y, &x);
    check_gradient(&SparseCategoricalCrossentropy::default(), Target::Label(2), &p);
    let logits = SparseCategoricalCrossentropy { from_logits: true, ..Default::default() };
    check_gradient(&logits, Target::Label(1), &x);
}

#[test]
fn weights_scale_a_row_and_its_gradient() {
    let loss = MeanSquaredError::default();
    let y = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let p = [1.5, 0.0, 3.0, 1.0, 5.0, 9.0];
    // Rows of two: (0.25 + 4) / 2, (0 + 9) / 2, (0 + 9) / 2.
    let (value, d_y) = evaluate(&loss, Values::Floats(&y), &p, 2, &[2.0, 0.0, -1.0]);
    assert_eq!(value, (2.0 * 2.125 - 4.5) / 3.0);
    assert_eq!(d_y, [1.0 / 3.0, -4.0 / 3.0, 0.0, 0.0, 0.0, -1.0]);
    let weighted = MeanSquaredError { reduction: Reduction::MeanWithSampleWeight };
    let (value, _) = evaluate(&weighted, Values::Floats(&y), &p, 2, &[2.0, 0.5, 1.5]);
    assert_eq!(value, (4.25 + 2.25 + 6.75) / 4.0);
}

#[test]
fn bad_targets_are_named() {
    let sparse = SparseCategoricalCrossentropy::default();
    let error = sparse.check(4, Values::Labels(&[2, 3]), 3).unwrap_err();
    assert_eq!(error.to_string(), "label of sample 4: expected one of 0..3, found 3");
    assert!(sparse.check(4, Values::Labels(&[2, 0]), 3).is_ok());
    let error = BinaryCrossentropy::default().check(1, Values::Labels(&[2]), 1).unwrap_err();
    assert_eq!(error.to_string(), "label of sample 1: expected one of 0..2, found 2");
    let nan = Values::Floats(&[1.0, f32::NAN]);
    let error = MeanSquaredError::default().check(0, nan, 2).unwrap_err();
    assert_eq!(error.to_string(), "target of sample 0: expected finite numbers, found NaN");
}
