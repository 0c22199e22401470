//! The regularizers `l1 · Σ |x| + l2 · Σ x²` and their gradient. The slope of `|x|` at 0 is 0.

use super::vectorized::vectorized;
use super::{Call, Cpu, Reference, lanes};
#[cfg(not(feature = "std"))]
use crate::float::Float as _;
use crate::simd::Simd;
use keras_ir::ops as op;

impl Reference {
    pub(crate) fn penalty(op: &op::Penalty, call: Call<'_>) {
        let [x] = call.inputs();
        let (l1, l2) = (f64::from(op.l1), f64::from(op.l2));
        let each = |x: &f32| l1 * f64::from(x.abs()) + l2 * f64::from(*x).powi(2);
        call.output[0] += x.iter().map(each).sum::<f64>() as f32;
    }

    pub(crate) fn penalty_grad(op: &op::PenaltyGrad, call: Call<'_>) {
        let [x] = call.inputs();
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
    call.output[0] += lanes::sum_of(x, |x| op.l1 * x.abs() + op.l2 * x * x);
}

#[cfg(test)]
mod tests {
    use super::super::check::{agreed, assert_close, values};
    use super::*;
    use crate::kernels::{Backend, Run};
    use keras_ir::algorithm::Algorithm;

    #[test]
    fn penalty_at_any_length() {
        for len in [1, 17, 97, 5003] {
            let x = values(2 * len, 1);
            let total = agreed(op::Penalty { len, l1: 0.3, l2: 0.7 }, 2, &[&x], &[2.5], 1e-5);
            let expected: f64 =
                x.iter().map(|x| 0.3 * f64::from(x.abs()) + 0.7 * f64::from(x * x)).sum();
            assert_close(&total, &[expected as f32 + 2.5], 1e-5, "penalty");
        }
    }

    fn gradient<B: Backend>(x: &[f32], batch: usize) -> Vec<f32> {
        let mut d_x = vec![f32::NAN; x.len()];
        let run = Run { batch, ..Run::default() };
        let op = op::PenaltyGrad { len: x.len(), l1: 0.5, l2: 0.25 };
        let (inputs, output, workspace) = (&[x][..], &mut d_x[..], &mut [][..]);
        let (algorithm, prepared) = (Algorithm::General, &[]);
        let call = Call { algorithm, samples: 1, inputs, output, workspace, prepared, run };
        B::penalty_grad(&op, call);
        d_x
    }

    #[test]
    fn gradient_is_shared_by_the_batch() {
        let x = [-3.0, 0.0, -0.0, 2.0];
        let expected = [-0.5, 0.0, 0.0, 0.375];
        assert_eq!(gradient::<Reference>(&x, 4), expected);
        assert_eq!(gradient::<Cpu>(&x, 4), expected);
    }
}
