//! The regularizers `l1 · Σ |x| + l2 · Σ x²` and their gradient. The slope of `|x|` at 0 is 0.

use super::vectorized::vectorized;
use super::{Call, Cpu, Reference, lanes};
use crate::simd::Simd;
use keras_graph::op;

impl Reference {
    pub(crate) fn penalty(op: &op::Penalty, call: Call<'_>) {
        let [x] = call.inputs();
        assert_eq!(x.len(), op.len * call.samples, "the input has the op's length");
        assert_eq!(call.output.len(), 1, "a penalty is one number");
        let (l1, l2) = (f64::from(op.l1), f64::from(op.l2));
        let each = |x: &f32| l1 * f64::from(x.abs()) + l2 * f64::from(*x).powi(2);
        call.output[0] += x.iter().map(each).sum::<f64>() as f32;
    }

    pub(crate) fn penalty_grad(op: &op::PenaltyGrad, call: Call<'_>) {
        let [x] = call.inputs();
        assert_eq!(x.len(), op.len * call.samples, "the input has the op's length");
        assert_eq!(call.output.len(), x.len(), "the gradient has the input's length");
        let share = 1.0 / call.run.batch as f32;
        for (d_x, x) in call.output.iter_mut().zip(x) {
            let sign = if *x == 0.0 { 0.0 } else { 1.0_f32.copysign(*x) };
            *d_x = share * (op.l1 * sign + 2.0 * op.l2 * x);
        }
    }
}

impl Cpu {
    pub(crate) fn penalty_grad(op: &op::PenaltyGrad, call: Call<'_>) {
        Reference::penalty_grad(op, call);
    }
}

vectorized! {
    penalty: Penalty,
}

#[inline(always)]
fn penalty<S: Simd>(op: &op::Penalty, call: Call<'_>) {
    let [x] = call.inputs();
    assert_eq!(x.len(), op.len * call.samples, "the input has the op's length");
    assert_eq!(call.output.len(), 1, "a penalty is one number");
    call.output[0] += lanes::sum_of(x, |x| op.l1 * x.abs() + op.l2 * x * x);
}
