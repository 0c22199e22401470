//! Turns plain loops into kernels: they are compiled once for each instruction set, and the compiler vectorises them.
//!
//! The loops are an `#[inline(always)]` function, generic over the token, so that its closures are compiled with it.
//! They use no fused multiply-add and a fixed number of lanes, so their bits are the same on every instruction set.

/// Gives [`Cpu`](super::Cpu) the kernel `method`, for each `method: Op` whose loops are a function of that name here.
macro_rules! vectorized {
    ($($method:ident: $name:ident,)*) => {
        impl $crate::kernels::Cpu {
            $(pub(crate) fn $method(
                op: &keras_graph::op::$name,
                call: $crate::kernels::Call<'_>,
            ) {
                struct Loops<'a>(&'a keras_graph::op::$name, $crate::kernels::Call<'a>);
                impl $crate::simd::Kernel for Loops<'_> {
                    type Output = ();
                    #[inline(always)]
                    fn run<S: $crate::simd::Simd>(self, _: S) {
                        $method::<S>(self.0, self.1);
                    }
                }
                $crate::simd::dispatch(Loops(op, call));
            })*
        }
    };
}
pub(super) use vectorized;
