//! Calls of small dense nets: all steps in one function that is compiled for each instruction set
//! and entered once.
//!
//! What is emitted is safe code, generic over a token of instructions: a call of an inline function
//! of `keras_kernels::unrolled` for each step, with the extents as its parameters and a row of its
//! own on the stack for what it writes. Without optimisation such code crawls, so it stands beside
//! the general `call_into` and debug builds take that one.

use keras_graph::activation::Activation;
use keras_graph::algorithm::Algorithm;
use keras_graph::dtype::Dtype;
use keras_graph::literal::Literal as _;
use keras_graph::op::{Gemm, Op, Softmax};
use keras_graph::plan::{Place, Plan, Port, Step, Storage, ValueId};
use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote};

use crate::emit_call::{input, numbered};
use crate::emit_types::{array, is_boxed, port_field, port_type, source};

/// Most weights of such a model: they fill a first-level cache twice.
const MOST_WEIGHTS: usize = 16 * 1024;
/// Most numbers on the stack.
const MOST_ACTIVATIONS: usize = 4 * 1024;
/// Most steps: a step is some hundred bytes of code for each instruction set.
const MOST_STEPS: usize = 32;
/// Lanes of the longest vectors, `keras_kernels::unrolled`'s; a row is a multiple of them.
const LANES: usize = 8;

/// The function `__unrolled(&model, &x)`; none if a step has no inline form, or if the model is too
/// large for it.
pub(crate) fn function(
    plan: &Plan,
    model: &Ident,
    [x, y]: [&TokenStream; 2],
) -> Option<TokenStream> {
    let activations: usize = plan.steps.iter().map(|step| step.output.len).sum();
    let is_small = plan.weights_len <= MOST_WEIGHTS
        && activations <= MOST_ACTIVATIONS
        && plan.steps.len() <= MOST_STEPS
        && plan.inputs.iter().all(|port| port.dtype == Dtype::Float32);
    if !is_small || is_boxed(plan) || plan.steps.is_empty() {
        return None;
    }
    let mut body = Body::new(plan);
    let steps = plan.steps.iter().map(|step| body.step(step)).collect::<Option<TokenStream>>()?;
    let copies = plan.outputs.iter().enumerate().map(|(i, port)| {
        let (y, value, len) =
            (numbered("y", i), body.read(port.value)?, unsuffixed(port.place.len));
        Some(quote! { self.#y.copy_from_slice(&#value[..#len]); })
    });
    let copies = copies.collect::<Option<TokenStream>>()?;
    let names = |prefix, count| (0..count).map(move |i| numbered(prefix, i));
    let (xs, ys): (Vec<_>, Vec<_>) =
        (names("x", plan.inputs.len()).collect(), names("y", plan.outputs.len()).collect());
    let flats = names("flat", plan.outputs.len());
    let x_lens = plan.inputs.iter().map(|port| unsuffixed(port.place.len));
    let inputs = plan.inputs.iter().enumerate().map(|(i, port)| input(plan, i, port));
    let outputs = plan.outputs.iter().enumerate().map(|(i, port)| output(i, port));
    let (result, weights_len) = (result(plan, &quote! { #y }), unsuffixed(plan.weights_len));
    Some(quote! {
        #[cfg(not(debug_assertions))]
        fn __unrolled(__model: &#model, __x: &#x) -> #y {
            struct __Call<'a> {
                __weights: &'a [::core::primitive::f32; #weights_len],
                #(#xs: &'a [::core::primitive::f32],)*
                #(#ys: &'a mut [::core::primitive::f32],)*
            }
            impl ::keras::__private::Kernel for __Call<'_> {
                type Output = ();
                #[inline(always)]
                fn run<__S: ::keras::__private::Simd>(self, __simd: __S) {
                    #(let #xs = &self.#xs[..#x_lens];)*
                    #steps
                    #copies
                }
            }
            let __weights = ::keras::__private::Infer::weights(__model);
            let ::core::option::Option::Some(__weights) = __weights.first_chunk() else {
                ::core::panic!("a model has all of its weights");
            };
            #(#inputs)*
            #(#outputs)*
            ::keras::__private::dispatch_narrow(__Call { __weights, #(#xs,)* #(#ys: #flats,)* });
            #result
        }
    })
}

/// `let mut __y0 = ..`
fn output(i: usize, port: &Port) -> TokenStream {
    let (name, flat) = (numbered("y", i), numbered("flat", i));
    let zeros = array(&port.shape, &quote! { 0.0 });
    let ty = port_type(port);
    quote! {
        let mut #name: #ty = #zeros;
        let #flat = <#ty as ::keras::__private::Array>::flat_mut(
            ::core::slice::from_mut(&mut #name)
        );
    }
}

/// What a call returns, of type `ty`.
fn result(plan: &Plan, ty: &TokenStream) -> TokenStream {
    if plan.outputs.len() == 1 {
        return quote! { __y0 };
    }
    let fields = plan.outputs.iter().enumerate().map(|(i, port)| {
        let (field, name) = (port_field(port), numbered("y", i));
        quote! { #field: #name }
    });
    quote! { #ty { #(#fields),* } }
}

fn unsuffixed(number: usize) -> Literal {
    Literal::usize_unsuffixed(number)
}

/// The type of `keras_kernels::unrolled` for a function that has one.
fn inline_function(f: Activation) -> Option<TokenStream> {
    let name = match f {
        Activation::Linear => quote! { Linear },
        Activation::Sigmoid => quote! { Sigmoid },
        Activation::Silu => quote! { Silu },
        Activation::Tanh => quote! { Tanh },
        f if f == Activation::RELU => quote! { Relu },
        _ => return None,
    };
    Some(quote! { ::keras::__private::unrolled::#name })
}

/// The values that there are so far, as they are called here.
struct Body {
    values: Vec<(ValueId, TokenStream)>,
    rows: usize,
}

impl Body {
    fn new(plan: &Plan) -> Body {
        let inputs = plan.inputs.iter().enumerate().map(|(i, port)| {
            let x = numbered("x", i);
            (port.value, quote! { #x })
        });
        Body { values: inputs.collect(), rows: 0 }
    }

    /// The numbers of a value; padding may follow.
    fn read(&self, value: ValueId) -> Option<TokenStream> {
        self.values.iter().find(|(made, _)| *made == value).map(|(_, numbers)| numbers.clone())
    }

    fn step(&mut self, step: &Step) -> Option<TokenStream> {
        // A function's extents are those of one sample, and each op has one function.
        if step.repeat > 1 || step.algorithm != Algorithm::General {
            return None;
        }
        let row = format_ident!("__row{}", self.rows);
        let y = quote! { &mut #row.0 };
        let x = self.read(step.inputs.first()?.value)?;
        let (call, f) = match step.op {
            Op::Gemm(Gemm { m: 1, k, n, f, .. }) => {
                let weights = step.inputs[1..].iter().map(|input| weights(input.place));
                let mut weights = weights.collect::<Option<Vec<_>>>()?.into_iter();
                let (w, bias) = (weights.next()?, option(weights.next()));
                let (k, n, function) = (unsuffixed(k), unsuffixed(n), function_or_linear(f));
                let call = quote! { dense::<__S, #function, #k, #n>(__simd, #w, #bias, #x, #y) };
                (call, f)
            }
            Op::Unary(op) => {
                let (n, function) = (unsuffixed(op.len), function_or_linear(op.f));
                (quote! { map::<__S, #function, #n>(__simd, #x, #y) }, op.f)
            }
            Op::Affine(op) => {
                let [scale, offset] = [op.scale, op.offset].map(|number| source(&number.literal()));
                let n = unsuffixed(op.len);
                let call = quote! { affine::<__S, #n>(__simd, #scale, #offset, #x, #y) };
                (call, Activation::Linear)
            }
            Op::Softmax(Softmax { outer: 1, extent, inner: 1 }) => {
                let n = unsuffixed(extent);
                (quote! { softmax::<__S, #n>(__simd, #x, #y) }, Activation::Linear)
            }
            _ => return None,
        };
        self.values.push((step.value, quote! { &#row.0 }));
        self.rows += 1;
        let padded = unsuffixed(step.output.len.next_multiple_of(LANES));
        let rest = general_function(f, &row, step.output.len);
        Some(quote! {
            let mut #row = ::keras::__private::unrolled::Row([0.0; #padded]);
            ::keras::__private::unrolled::#call;
            #rest
        })
    }
}

fn function_or_linear(f: Activation) -> TokenStream {
    inline_function(f).unwrap_or_else(|| quote! { ::keras::__private::unrolled::Linear })
}

/// Applies what has no inline form.
fn general_function(f: Activation, row: &Ident, len: usize) -> TokenStream {
    if inline_function(f).is_some() {
        return TokenStream::new();
    }
    let (f, len) = (source(&f.literal()), unsuffixed(len));
    quote! { ::keras::__private::unrolled::activate(#f, &mut #row.0[..#len]); }
}

fn option(value: Option<TokenStream>) -> TokenStream {
    match value {
        Some(value) => quote! { ::core::option::Option::Some(#value) },
        None => quote! { ::core::option::Option::None },
    }
}

/// Some of the weights.
fn weights(place: Place) -> Option<TokenStream> {
    let (from, to) = (unsuffixed(place.offset), unsuffixed(place.offset + place.len));
    (place.storage == Storage::Weights).then(|| quote! { &self.__weights[#from..#to] })
}
