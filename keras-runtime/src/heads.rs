//! Losses and metrics of a model with several outputs, given by name.

/// Lets the struct that [`outputs!`](crate::outputs) declares hold a loss, or metrics, for each
/// output. Takes what that takes.
#[doc(hidden)]
#[macro_export]
macro_rules! heads {
    ($(#[$docs:meta])* $visibility:vis struct $name:ident {
        $($port:literal $field:ident ($type:ident, $second:ident): $array:ty),* $(,)?
    }) => {
        impl<$($type: $crate::losses::Losses),*> $crate::losses::Losses for $name<$($type),*> {
            fn heads(&self) -> ::std::vec::Vec<&dyn $crate::losses::LossFunction> {
                let mut heads = ::std::vec::Vec::new();
                $(heads.extend(self.$field.heads());)*
                heads
            }

            fn head(&self, output: usize) -> &dyn $crate::losses::LossFunction {
                match output {
                    $($port => self.$field.head(0),)*
                    _ => ::core::panic!("there is no such output"),
                }
            }
        }

        impl<$($type, $second),*> $crate::losses::Loss<$name, $name<$($second),*>>
            for $name<$($type),*>
        where
            $($type: $crate::losses::Loss<$array, $second>),*
        {
        }

        impl<$($type: $crate::metrics::Metrics),*> $crate::metrics::Metrics for $name<$($type),*> {
            fn collect<'a>(
                &'a self,
                output: usize,
                heads: &mut ::std::vec::Vec<$crate::metrics::MetricHead<'a>>,
            ) {
                $(self.$field.collect(output + $port, heads);)*
            }
        }

        impl<$($type, $second),*> $crate::metrics::MetricSet<$name, $name<$($second),*>>
            for $name<$($type),*>
        where
            $($type: $crate::metrics::MetricSet<$array, $second>),*
        {
        }
    };
}

#[cfg(test)]
#[allow(unsafe_code, reason = "what `outputs!` emits; users may forbid it all the same")]
mod tests {
    crate::outputs! {
        /// Two outputs.
        struct PairOutputs { 0 score (A, A1): [f32; 1], 1 class (B, B1): [f32; 4] }
    }
    crate::heads! {
        struct PairOutputs { 0 score (A, A1): [f32; 1], 1 class (B, B1): [f32; 4] }
    }

    #[test]
    fn losses_and_metrics_are_given_by_name() {
        use crate::losses::{Loss, MeanSquaredError, SparseCategoricalCrossentropy};
        use crate::metrics::{MetricSet, SparseCategoricalAccuracy};

        fn names<P, T>(losses: &impl Loss<P, T>, metrics: &impl MetricSet<P, T>) -> Vec<String> {
            let mut heads = Vec::new();
            metrics.collect(0, &mut heads);
            let losses = losses.heads().into_iter().map(|loss| loss.class().to_string());
            losses
                .chain(heads.iter().map(|m| format!("{} {}", m.output, m.function.name())))
                .collect()
        }
        let losses = PairOutputs {
            score: MeanSquaredError::default(),
            class: SparseCategoricalCrossentropy::default(),
        };
        let metrics = PairOutputs { score: (), class: [SparseCategoricalAccuracy] };
        assert_eq!(
            names::<PairOutputs, PairOutputs<f32, u32>>(&losses, &metrics),
            ["MeanSquaredError", "SparseCategoricalCrossentropy", "1 sparse_categorical_accuracy"]
        );
    }
}
