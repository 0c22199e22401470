//! `ops!` declares the ops of a family: what each computes, its fields, what it reads and makes,
//! and what it costs.
//!
//! ```text
//! /// `y[m, n] = Σ_k x[m, k] · w[k, n] + bias[n]`
//! Product { m: usize, k: usize, n: usize, bias: bool }
//! reads (x: sample(m * k), w: weight(k * n), bias: weight(n) if bias)
//! makes sample(m * n)
//! flops m * n * (2 * k + bias);
//! ```
//! What is read and made is a kind of tensor with its number of elements: `sample`, `ids` and `any`
//! hold so many for each sample, `weight`, `sum` and `moments` so many in all
//! ([`Tensor`](super::Tensor)). `parts(unit, len)` is one tensor or more, each of a multiple of
//! `unit` elements, of `len` together; `..other` is whatever the op in the field `other` reads,
//! in front of the rest.
//!
//! In `flops` a field stands for a number that stops at the largest instead of overflowing
//! ([`Count`](super::count::Count)).

macro_rules! ops {
    ($(
        $(#[$docs:meta])*
        $name:ident { $($(#[$field_docs:meta])* $field:ident: $type:ty),* $(,)? }
        reads $reads:tt
        makes $kind:ident($len:expr)
        flops $flops:expr;
    )*) => {
        $crate::literal::literal! {
            $(
                $(#[$docs])*
                ///
                #[doc = concat!("Reads `", stringify!($reads), "`,")]
                #[doc = concat!("makes `", stringify!($kind($len)), "`.")]
                #[derive(Clone, Copy, Debug, PartialEq)]
                pub struct $name { $($(#[$field_docs])* pub $field: $type,)* }
            )*
        }

        $(
            impl $crate::ops::Operation for $name {
                #[inline(always)]
                fn reads(&self, reader: &mut impl $crate::ops::Reader) {
                    #[allow(unused_variables, reason = "not all are lengths")]
                    let $name { $($field),* } = *self;
                    $crate::ops::declare::reads!(reader $reads);
                }

                #[inline(always)]
                fn makes(&self) -> $crate::ops::Tensor {
                    #[allow(unused_variables, reason = "not all are lengths")]
                    let $name { $($field),* } = *self;
                    $crate::ops::tensor::$kind($len)
                }

                fn flops(&self) -> u64 {
                    #[allow(unused_variables, reason = "not all cost")]
                    let ($($field,)*) = ($($crate::ops::count::Counted::counted(self.$field),)*);
                    $crate::ops::count::Count::from($flops).get()
                }
            }
        )*
    };
}
pub(crate) use ops;

/// Shows a reader the tensors of a list, one after the other.
macro_rules! reads {
    ($reader:ident ()) => {
        let _ = &$reader;
    };
    ($reader:ident (..$op:ident $(, $($rest:tt)*)?)) => {
        $op.reads($reader);
        $crate::ops::declare::reads!($reader ($($($rest)*)?));
    };
    ($reader:ident ($input:ident: parts($unit:expr, $len:expr))) => {
        $reader.parts(stringify!($input), $unit, $len)
    };
    ($reader:ident (
        $input:ident: $kind:ident($len:expr) $(if $present:expr)? $(, $($rest:tt)*)?
    )) => {
        if true $(&& $present)? {
            $reader.tensor(stringify!($input), $crate::ops::tensor::$kind($len));
        }
        $crate::ops::declare::reads!($reader ($($($rest)*)?));
    };
}
pub(crate) use reads;
