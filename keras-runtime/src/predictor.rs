//! Predictions, batch after batch, in memory that is kept.

use core::marker::PhantomData;

use crate::dtype_policy::DtypePolicy;
use crate::error::{Error, Result};
use crate::execute::{Batch, Execution, Keep, NoHead, Rows, Single};
use crate::kernels::Cpu;
use crate::model::Model;
use crate::sample::Prediction;

/// Predicts batches of a model, on all threads, and allocates nothing after the largest of them.
///
/// [`Model::predict`] is simpler where its buffers are small beside the work.
pub struct Predictor<M> {
    execution: Execution<'static>,
    policy: DtypePolicy,
    model: PhantomData<fn(&M)>,
}

impl<M: Model> Predictor<M> {
    /// A predictor that has no memory yet.
    pub fn new() -> Predictor<M> {
        Predictor::under(DtypePolicy::default())
    }

    /// A predictor that computes under a policy. [`call`](crate::infer::Infer::call) and
    /// [`Model::predict`] are always in `f32`.
    pub fn under(policy: DtypePolicy) -> Predictor<M> {
        let execution = Execution::under::<Cpu>(policy, M::inference(), Keep::Outputs);
        Predictor { execution, policy, model: PhantomData }
    }

    /// This predictor for one model, whose weights stay as they are while it is borrowed: what
    /// kernels read of them in another order is copied once, and not for each batch.
    pub fn bind(mut self, model: &M) -> BoundPredictor<'_, M> {
        self.execution.keep_weights();
        BoundPredictor { predictor: self, model, single: None }
    }

    /// Writes the predictions for all samples to `outputs`. All samples are run together: memory
    /// grows with their number. Errors: as many outputs as samples are needed.
    pub fn predict(&mut self, model: &M, x: &[M::Input], outputs: &mut [M::Output]) -> Result<()> {
        if outputs.len() != x.len() {
            let (first, second) = ("x".to_string(), "outputs".to_string());
            let (first_len, second_len) = (x.len(), outputs.len());
            return Err(Error::LengthsDiffer { first, first_len, second, second_len });
        }
        if x.is_empty() {
            return Ok(());
        }
        let batch = Batch { x: &x, rows: Rows::Range(0..x.len()), seed: 0, step: 0 };
        self.execution.run(model.weights(), &batch, &NoHead);
        for port in 0..M::inference().outputs.len() {
            match M::Output::ports_mut(outputs, port) {
                Some(outputs) => self.execution.copy_output(port, outputs),
                None => self.execution.each_output(port, &mut |sample, y_pred| {
                    outputs[sample].port_mut(port).copy_from_slice(y_pred);
                }),
            }
        }
        Ok(())
    }
}

/// A [`Predictor`] of one model, made by [`Predictor::bind`].
pub struct BoundPredictor<'m, M> {
    predictor: Predictor<M>,
    model: &'m M,
    /// What predicts a sample that is alone, once there was one.
    single: Option<Single>,
}

impl<M: Model> BoundPredictor<'_, M> {
    /// As [`Predictor::predict`]. A single sample is run on prepared weights, too, and its large
    /// steps are shared by threads of this predictor's own, as many as rayon's pool has, which
    /// after a prediction look for the next one for a millisecond, at full load, before they sleep.
    /// The copies take about as much memory as the weights, four times as much where Winograd's
    /// algorithm is used.
    pub fn predict(&mut self, x: &[M::Input], outputs: &mut [M::Output]) -> Result<()> {
        let ([x], [y]) = (x, &mut *outputs) else {
            return self.predictor.predict(self.model, x, outputs);
        };
        let (weights, threads) = (self.model.weights(), rayon::current_num_threads());
        let single = match &mut self.single {
            Some(single) if single.threads() == threads => single,
            single => {
                let (plan, policy) = (M::inference(), self.predictor.policy);
                single.insert(Single::new::<Cpu>(policy, plan, weights, threads))
            }
        };
        single.call(weights, x, y);
        Ok(())
    }
}

impl<M: Model> Default for Predictor<M> {
    fn default() -> Predictor<M> {
        Predictor::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::Example;
    use crate::infer::Infer;

    #[test]
    fn predictions_are_those_of_the_model_in_batches_of_any_size() {
        let (model, other) = (Example::seeded(3), Example::seeded(4));
        let x: Vec<[f32; 3]> = (0..70).map(|i| [i as f32, 0.5, -1.0]).collect();
        let mut predictor = Predictor::<Example>::new();
        for count in [70, 0, 1, 33, 70] {
            let mut y = vec![[f32::NAN; 2]; count];
            predictor.predict(&model, &x[..count], &mut y).unwrap();
            assert_eq!(y, model.predict(&x[..count]));
            predictor.predict(&other, &x[..count], &mut y).unwrap();
            assert_eq!(y, other.predict(&x[..count]));
        }
        let mut bound = Predictor::new().bind(&*model);
        for count in [1, 70, 33, 2, 70] {
            let mut y = vec![[f32::NAN; 2]; count];
            bound.predict(&x[..count], &mut y).unwrap();
            assert_eq!(y, model.predict(&x[..count]));
        }
        let error = bound.predict(&x[..1], &mut []).unwrap_err();
        assert_eq!(error.to_string(), "`outputs`: expected 1 samples, as many as `x` has, found 0");
        let error = predictor.predict(&model, &x[..3], &mut [[0.0; 2]; 2]).unwrap_err();
        assert_eq!(error.to_string(), "`outputs`: expected 3 samples, as many as `x` has, found 2");
    }

    #[test]
    fn what_predicts_a_sample_is_kept_for_any_number_of_threads() {
        let model = Example::seeded(3);
        for threads in [1, 2, 64] {
            let (policy, plan) = (DtypePolicy::default(), Example::inference());
            let single = Single::new::<Cpu>(policy, plan, model.weights(), threads);
            assert_eq!(single.threads(), threads);
        }
    }
}
