//! A model of sequences as a stream: the straight-line code of one step, with the states between
//! steps in the caller's memory. For a model that looks ahead, a `stream` that says why it cannot
//! be called.

use keras_graph::dtype::Dtype;
use keras_graph::network::Network;
use keras_graph::plan::{Plan, Port};
use keras_graph::stream::{compile_stream, is_of_sequences};
use proc_macro2::{Literal, TokenStream};
use quote::quote;

use crate::ast::Item;
use crate::emit_call::{numbered, steps};
use crate::emit_types::{array, float, port_type, scratch_len, spare_len};

/// All that a stream takes; nothing for a model without layers for sequences.
pub(crate) fn tokens(item: &Item, network: &Network) -> TokenStream {
    if !is_of_sequences(network) {
        return TokenStream::new();
    }
    match compile_stream(network) {
        Ok(stream) => stream_of(item, &stream.plan),
        Err(error) => {
            let layer = error.layer.map_or(String::new(), |layer| format!("the layer `{layer}`: "));
            refusal(item, &format!("{layer}{}", error.message))
        }
    }
}

/// The type of one step of a port.
fn frame_type(port: &Port) -> TokenStream {
    let element = match port.dtype {
        Dtype::Float32 | Dtype::Bool => float(),
        Dtype::Int32 => quote! { ::core::primitive::i32 },
    };
    array(port.shape.get(1..).unwrap_or_default(), &element)
}

fn stream_of(item: &Item, plan: &Plan) -> TokenStream {
    let (name, visibility) = (&item.name, &item.visibility);
    let (frame, output) = (frame_type(&plan.inputs[0]), frame_type(&plan.outputs[0]));
    let states: usize = plan.inputs[1..].iter().map(|port| port.place.len).sum();
    let scratch = states + scratch_len(plan) + plan.workspace_len + spare_len(plan);
    let [state, scratch] = [states, scratch].map(|len| array(&[len], &float()));
    let body = body(plan, states);
    quote! {
        #[automatically_derived]
        impl #name {
            /// A stream, before its first step: runs the model on one step of a sequence after the
            /// other, as on the whole sequence.
            #visibility const fn stream() -> ::keras::__private::Stream<#name> {
                ::keras::__private::Stream::new()
            }
        }
        const _: () = {
            #[automatically_derived]
            impl ::keras::__private::Streaming for #name {
                type Frame = #frame;
                type OutputFrame = #output;
                type State = #state;
                type StepScratch = #scratch;
                fn step_into(
                    &self,
                    __state: &mut [::core::primitive::f32],
                    __scratch: &mut [::core::primitive::f32],
                    __x: &#frame,
                    __y: &mut #output,
                ) {
                    #body
                }
            }
        };
    }
}

/// Statements of `step_into`.
fn body(plan: &Plan, states: usize) -> TokenStream {
    let input = frame(plan);
    let (y, output) = (numbered("flat", 0), frame_type(&plan.outputs[0]));
    let mut at = 0;
    let mut inputs = input;
    let mut outputs = quote! {
        let #y = <#output as ::keras::__private::Array>::flat_mut(::core::slice::from_mut(__y));
    };
    for (i, port) in plan.inputs.iter().enumerate().skip(1) {
        let len = port.place.len;
        let (x, y) = (numbered("x", i), numbered("flat", i));
        let [begin, end, len] = [at, at + len, len].map(Literal::usize_unsuffixed);
        inputs.extend(quote! { let #x = &__state[#begin..#end]; });
        outputs.extend(quote! { let (#y, __behind) = __behind.split_at_mut(#len); });
        at += port.place.len;
    }
    let steps = steps(plan, &inputs, &outputs);
    let len = Literal::usize_unsuffixed(states);
    // Steps may read a state when its new value is there already, so both are kept apart.
    quote! {
        let (__kept, __scratch) = __scratch.split_at_mut(#len);
        {
            let __behind = &mut *__kept;
            #steps
            let _ = __behind;
        }
        __state[..#len].copy_from_slice(__kept);
    }
}

/// `let __x0 = ..`: the frame as flat numbers.
fn frame(plan: &Plan) -> TokenStream {
    let (port, x) = (&plan.inputs[0], numbered("x", 0));
    let ty = frame_type(port);
    match port.dtype {
        Dtype::Float32 | Dtype::Bool => quote! {
            let #x = <#ty as ::keras::__private::Array>::flat(::core::slice::from_ref(__x));
        },
        Dtype::Int32 => {
            let whole = port_type(port);
            quote! {
                let __one = [*__x];
                let #x = ::keras::__private::Values::of::<#whole>(&__one).bits();
            }
        }
    }
}

/// A `stream` that nobody can call: the compiler says why.
fn refusal(item: &Item, why: &str) -> TokenStream {
    let (name, visibility) = (&item.name, &item.visibility);
    let message = format!("`{name}` cannot run as a stream");
    let docs = format!("Cannot be called: {why}.");
    quote! {
        const _: () = {
            #[diagnostic::on_unimplemented(message = #message, label = #why)]
            pub trait __Streams<'a> {}
            #[automatically_derived]
            impl #name {
                #[doc = #docs]
                #visibility fn stream() -> ::core::convert::Infallible
                where
                    for<'a> #name: __Streams<'a>,
                {
                    ::core::unreachable!()
                }
            }
        };
    }
}
