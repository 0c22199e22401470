//! Turns loops into kernels: they are compiled once for each instruction set.
//!
//! The loops are an `#[inline(always)]` function, generic over the token, so that its closures are
//! compiled with it. Plain loops are left to the compiler to vectorise; they use no fused
//! multiply-add and a fixed number of lanes, so their bits are the same on every instruction set.
//! Loops that it does not vectorise take the token: `with simd:`.

/// Gives [`Cpu`](super::Cpu) the kernel `method`, for each `method: Op` whose loops are a function
/// of that name here.
macro_rules! vectorized {
    (with simd: $($method:ident: $name:ident,)*) => {
        $crate::kernels::vectorized::vectorized! {
            @ |simd, op, call| (simd, op, call): $($method: $name,)*
        }
    };
    (@ |$simd:ident, $op:ident, $call:ident| $arguments:tt: $($method:ident: $name:ident,)*) => {
        impl $crate::kernels::Cpu {
            $(pub(crate) fn $method(
                op: &keras_ir::ops::$name,
                call: $crate::kernels::Call<'_>,
            ) {
                struct Loops<'a>(&'a keras_ir::ops::$name, $crate::kernels::Call<'a>);
                impl $crate::simd::Kernel for Loops<'_> {
                    type Output = ();
                    #[inline(always)]
                    fn run<S: $crate::simd::Simd>(self, $simd: S) {
                        let Loops($op, $call) = self;
                        $method::<S> $arguments;
                    }
                }
                $crate::simd::dispatch(Loops(op, call));
            })*
        }
    };
    ($($method:ident: $name:ident,)*) => {
        $crate::kernels::vectorized::vectorized! {
            @ |_simd, op, call| (op, call): $($method: $name,)*
        }
    };
}
pub(super) use vectorized;
