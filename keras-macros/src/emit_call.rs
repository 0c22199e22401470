//! The body of `call_into`: one call of a kernel after the other, with every op and every place a
//! constant.
//!
//! The scratch is cut around each step's output, which never overlaps an input. What stands in an
//! input is read where the caller has it, and what only the caller reads is written where the
//! caller gets it.

use core::ops::Range;

use keras_graph::dtype::Dtype;
use keras_graph::literal::Literal as _;
use keras_graph::memory::LINE;
use keras_graph::plan::{Operand, Plan, Port, Step};
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{format_ident, quote};

use crate::emit_types::{FLOAT_BYTES, port_field, port_type, scratch_len, source, spare_len};

/// Steps in one function. A longer plan becomes several: what rustc takes to check a function grows
/// with the square of its length.
const STEPS_PER_FUNCTION: usize = 64;

/// The plan, and which of its steps write outputs.
struct Body<'p> {
    plan: &'p Plan,
    /// For each output, the step that writes it straight into the result.
    direct: Vec<Option<usize>>,
}

/// Statements of `call_into(&self, __scratch, __x, __y)`.
pub(crate) fn body(plan: &Plan) -> TokenStream {
    let inputs = plan.inputs.iter().enumerate().map(|(i, port)| input(plan, i, port));
    let outputs = plan.outputs.iter().enumerate().map(|(i, port)| output(plan, i, port));
    steps(plan, &inputs.collect(), &outputs.collect())
}

/// The steps, with statements before them that call the inputs `__x0`, `__x1`, .. and the outputs
/// `__flat0`, `__flat1`, ..
pub(crate) fn steps(plan: &Plan, inputs: &TokenStream, outputs: &TokenStream) -> TokenStream {
    let direct = plan.outputs.iter().map(|port| direct_step(plan, port)).collect();
    let body = Body { plan, direct };
    let len = Literal::usize_unsuffixed(scratch_len(plan));
    let align = align(plan);
    let steps: Vec<TokenStream> =
        plan.steps.iter().enumerate().map(|(i, step)| body.step(i, step)).collect();
    let steps = functions(plan, &steps);
    let copies: TokenStream =
        plan.outputs.iter().enumerate().map(|(i, port)| body.copy(i, port)).collect();
    quote! {
        #align
        let ::core::option::Option::Some((__block, __workspace)) =
            __scratch.split_first_chunk_mut::<#len>() else {
            ::core::panic!("the scratch is shorter than `SCRATCH_BYTES` says");
        };
        let __run = <::keras::__private::Run as ::core::default::Default>::default();
        let __weights = ::keras::__private::Infer::weights(self);
        #inputs
        #outputs
        #steps
        #copies
    }
}

/// Skips what stands before the scratch's first cache line, if [`spare_len`] left room for that.
fn align(plan: &Plan) -> TokenStream {
    if spare_len(plan) == 0 {
        return TokenStream::new();
    }
    let bytes = Literal::usize_unsuffixed(LINE * FLOAT_BYTES);
    quote! {
        let __skip = __scratch.as_ptr().align_offset(#bytes);
        let __scratch = __scratch.get_mut(__skip..).unwrap_or_default();
    }
}

/// The steps as they are, or cut into functions if they are many.
fn functions(plan: &Plan, steps: &[TokenStream]) -> TokenStream {
    if steps.len() <= STEPS_PER_FUNCTION {
        return steps.iter().cloned().collect();
    }
    let float = quote! { ::core::primitive::f32 };
    let len = Literal::usize_unsuffixed(scratch_len(plan));
    let inputs: Vec<Ident> = (0..plan.inputs.len()).map(|i| numbered("x", i)).collect();
    let outputs: Vec<Ident> = (0..plan.outputs.len()).map(|i| numbered("flat", i)).collect();
    let function = |(i, steps): (usize, &[TokenStream])| {
        let name = numbered("steps", i);
        quote! {
            #[allow(unused_variables, clippy::too_many_arguments)]
            fn #name(
                __block: &mut [#float; #len],
                __workspace: &mut [#float],
                __weights: &[#float],
                __run: ::keras::__private::Run,
                #(#inputs: &[#float],)*
                #(#outputs: &mut [#float],)*
            ) {
                #(#steps)*
            }
            #name(
                &mut *__block,
                &mut *__workspace,
                __weights,
                __run,
                #(#inputs,)*
                #(&mut *#outputs,)*
            );
        }
    };
    steps.chunks(STEPS_PER_FUNCTION).enumerate().map(function).collect()
}

pub(crate) fn numbered(prefix: &str, i: usize) -> Ident {
    format_ident!("__{prefix}{i}", span = Span::call_site())
}

/// `let __x0 = ..`: a port of the sample as flat numbers.
pub(crate) fn input(plan: &Plan, i: usize, port: &Port) -> TokenStream {
    let (name, ty) = (numbered("x", i), port_type(port));
    let value = if plan.inputs.len() == 1 {
        quote! { __x }
    } else {
        let field = port_field(port);
        quote! { &__x.#field }
    };
    match port.dtype {
        Dtype::Float32 | Dtype::Bool => quote! {
            let #name = <#ty as ::keras::__private::Array>::flat(::core::slice::from_ref(#value));
        },
        Dtype::Int32 => quote! {
            let #name = ::keras::__private::Values::of::<#ty>(#value).bits();
        },
    }
}

/// `let __flat0 = ..`: a port of the caller's output as flat numbers, to be written.
fn output(plan: &Plan, i: usize, port: &Port) -> TokenStream {
    let (flat, ty) = (numbered("flat", i), port_type(port));
    let value = if plan.outputs.len() == 1 {
        quote! { __y }
    } else {
        let field = port_field(port);
        quote! { &mut __y.#field }
    };
    quote! {
        let #flat = <#ty as ::keras::__private::Array>::flat_mut(::core::slice::from_mut(#value));
    }
}

fn span(from: usize, to: usize) -> TokenStream {
    let (from, to) = (Literal::usize_unsuffixed(from), Literal::usize_unsuffixed(to));
    quote! { [#from..#to] }
}

/// The step that can write an output where the caller gets it: neither a step nor another output
/// reads that value.
fn direct_step(plan: &Plan, port: &Port) -> Option<usize> {
    let is_shared = plan.outputs.iter().filter(|other| other.value == port.value).count() > 1;
    let made = || plan.steps.iter().position(|step| step.value == port.value);
    if is_shared || plan.reads(port.value) { None } else { made() }
}

impl Body<'_> {
    fn step(&self, i: usize, step: &Step) -> TokenStream {
        let written = self.plan.in_sample(step.output).unwrap_or(0..0);
        let direct = self.direct.iter().position(|direct| *direct == Some(i));
        let around = if direct.is_some() { None } else { Some(&written) };
        let inputs: Vec<TokenStream> =
            step.inputs.iter().map(|&operand| self.read(operand, around)).collect();
        let method = Ident::new(step.op.name(), Span::call_site());
        let samples = Literal::usize_unsuffixed(step.repeat);
        let algorithm = source(&step.algorithm.literal());
        // `Op::Gemm(Gemm { .. })` without the enum: the call is to the kernel itself.
        let op = step.op.literal();
        let op = op.split_once('(').and_then(|(_, op)| op.strip_suffix(')')).unwrap_or(&op);
        let op = source(op);
        let (cut, y) = match direct {
            Some(port) => {
                let flat = numbered("flat", port);
                (TokenStream::new(), quote! { &mut *#flat })
            }
            None => {
                let from = Literal::usize_unsuffixed(written.start);
                let len = Literal::usize_unsuffixed(written.len());
                let cut = quote! {
                    let (__before, __rest) = __block.split_at_mut(#from);
                    let (__y, __after) = __rest.split_at_mut(#len);
                };
                (cut, quote! { __y })
            }
        };
        quote! {
            {
                #cut
                <::keras::__private::Cpu as ::keras::__private::Backend>::#method(
                    &const { #op },
                    ::keras::__private::Call {
                        algorithm: #algorithm,
                        samples: #samples,
                        inputs: &[#(#inputs),*],
                        output: #y,
                        workspace: &mut *__workspace,
                        prepared: &[],
                        run: __run,
                    },
                );
            }
        }
    }

    /// A value, while the scratch is cut around an output.
    fn read(
        &self,
        Operand { value, place }: Operand,
        around: Option<&Range<usize>>,
    ) -> TokenStream {
        if let Some(i) = self.plan.input_of(value) {
            let name = numbered("x", i);
            return quote! { #name };
        }
        let Some(range) = self.plan.in_sample(place) else {
            let span = span(place.offset, place.offset + place.len);
            return quote! { &__weights #span };
        };
        match around {
            None => {
                let span = span(range.start, range.end);
                quote! { &__block #span }
            }
            Some(cut) if range.end <= cut.start => {
                let span = span(range.start, range.end);
                quote! { &__before #span }
            }
            Some(cut) => {
                let span = span(range.start - cut.end, range.end - cut.end);
                quote! { &__after #span }
            }
        }
    }

    /// Copies an output that no step wrote straight into the result.
    fn copy(&self, i: usize, port: &Port) -> TokenStream {
        if self.direct[i].is_some() {
            return TokenStream::new();
        }
        let operand = Operand { value: port.value, place: port.place };
        let (flat, value) = (numbered("flat", i), self.read(operand, None));
        quote! { #flat.copy_from_slice(#value); }
    }
}
