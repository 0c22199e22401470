//! The functions of numbers that `core` lacks, for builds without the standard library: a file that
//! calls one of them imports the trait, which otherwise is not there.

/// See the methods of the same names of `f32` and `f64`.
pub(crate) trait Float: Sized {
    fn ceil(self) -> Self;
    fn cos(self) -> Self;
    fn exp(self) -> Self;
    fn exp_m1(self) -> Self;
    fn floor(self) -> Self;
    fn ln(self) -> Self;
    fn ln_1p(self) -> Self;
    fn powf(self, n: Self) -> Self;
    fn powi(self, n: i32) -> Self;
    fn sin(self) -> Self;
    fn sqrt(self) -> Self;
    fn tanh(self) -> Self;
}

macro_rules! float {
    ($number:ty, $power:ident, $($method:ident = $function:ident),*) => {
        impl Float for $number {
            $(
                #[inline]
                fn $method(self) -> $number {
                    libm::$function(self)
                }
            )*

            #[inline]
            fn powf(self, n: $number) -> $number {
                libm::$power(self, n)
            }

            #[inline]
            fn powi(self, n: i32) -> $number {
                let power = (0..n.unsigned_abs()).fold(1.0, |power, _| power * self);
                if n < 0 { 1.0 / power } else { power }
            }
        }
    };
}

float!(
    f32,
    powf,
    ceil = ceilf,
    cos = cosf,
    exp = expf,
    exp_m1 = expm1f,
    floor = floorf,
    ln = logf,
    ln_1p = log1pf,
    sin = sinf,
    sqrt = sqrtf,
    tanh = tanhf
);
float!(
    f64,
    pow,
    ceil = ceil,
    cos = cos,
    exp = exp,
    exp_m1 = expm1,
    floor = floor,
    ln = log,
    ln_1p = log1p,
    sin = sin,
    sqrt = sqrt,
    tanh = tanh
);
