//! Several metrics: an array of one kind, a tuple of several, or for several outputs a struct of
//! these.

use keras_graph::value::Value;

use super::{Direction, Metric, MetricFunction, MetricState};

/// A metric and the output that it looks at.
pub struct MetricHead<'a> {
    /// Index of the output.
    pub output: usize,
    /// The metric.
    pub function: &'a dyn MetricFunction,
}

/// The metrics of a model.
pub trait Metrics: Send + Sync {
    /// Appends the metrics of the output number `output`, or of all outputs, counted from there.
    fn collect<'a>(&'a self, output: usize, heads: &mut Vec<MetricHead<'a>>);
}

/// Metrics that compare predictions of type `P` with targets of type `T`.
#[diagnostic::on_unimplemented(
    message = "the metrics `{Self}` do not compare predictions `{P}` with targets `{T}`",
    note = "integer labels go with `SparseCategoricalAccuracy`; most others take targets of the \
        prediction's own type"
)]
pub trait MetricSet<P, T>: Metrics {}

impl<M: MetricFunction, const N: usize> Metrics for [M; N] {
    fn collect<'a>(&'a self, output: usize, heads: &mut Vec<MetricHead<'a>>) {
        heads.extend(self.iter().map(|function| MetricHead { output, function: function as _ }));
    }
}
impl<P, T, M: Metric<P, T>, const N: usize> MetricSet<P, T> for [M; N] {}

macro_rules! tuples {
    ($(($($metric:ident),*);)*) => {
        $(
            #[allow(non_snake_case, reason = "a type parameter names its value")]
            impl<$($metric: MetricFunction),*> Metrics for ($($metric,)*) {
                #[allow(unused_variables, reason = "there may be no metric")]
                fn collect<'a>(&'a self, output: usize, heads: &mut Vec<MetricHead<'a>>) {
                    let ($($metric,)*) = self;
                    $(heads.push(MetricHead { output, function: $metric });)*
                }
            }
            impl<P, T, $($metric: Metric<P, T>),*> MetricSet<P, T> for ($($metric,)*) {}
        )*
    };
}
tuples! {
    ();
    (A);
    (A, B);
    (A, B, C);
    (A, B, C, D);
    (A, B, C, D, E);
    (A, B, C, D, E, F);
}

/// A metric that is logged under another name.
#[derive(Clone, Debug, PartialEq)]
pub struct Named<M> {
    name: String,
    metric: M,
}

/// Logs `metric` as `name`, e.g. `named("acc", SparseCategoricalAccuracy::default())`.
pub fn named<M: MetricFunction>(name: impl Into<String>, metric: M) -> Named<M> {
    Named { name: name.into(), metric }
}

impl<M: MetricFunction> MetricFunction for Named<M> {
    fn class(&self) -> &'static str {
        self.metric.class()
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn arguments(&self) -> Vec<(&'static str, Value)> {
        self.metric.arguments()
    }

    fn direction(&self) -> Direction {
        self.metric.direction()
    }

    fn start(&self) -> Box<dyn MetricState> {
        self.metric.start()
    }
}
impl<P, T, M: Metric<P, T>> Metric<P, T> for Named<M> {}
