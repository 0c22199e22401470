//! Types and sizes in the tokens of a model: arrays, the fields of its inputs and outputs, scratch.

use keras_graph::dtype::Dtype;
use keras_graph::memory::LINE;
use keras_graph::names::field_name;
use keras_graph::plan::{Plan, Port};
use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::quote;

/// Largest scratch that `Infer::call` takes from the stack;
/// `keras_infer::infer::STACK_SCRATCH_BYTES`.
pub(crate) const STACK_SCRATCH_BYTES: usize = 64 * 1024;
/// Largest output that `Infer::call` returns by value; `keras_infer::infer::BY_VALUE_BYTES`.
const BY_VALUE_BYTES: usize = 16 * 1024;
pub(crate) const FLOAT_BYTES: usize = size_of::<f32>();

/// Source that `keras-graph` wrote, as tokens.
pub(crate) fn source(text: &str) -> TokenStream {
    text.parse().expect("what `Literal` writes is Rust")
}

/// `[[f32; 3]; 2]`
pub(crate) fn array(extents: &[usize], element: &TokenStream) -> TokenStream {
    extents.iter().rev().fold(element.clone(), |inner, &extent| {
        let extent = Literal::usize_unsuffixed(extent);
        quote! { [#inner; #extent] }
    })
}

/// `f32`
pub(crate) fn float() -> TokenStream {
    quote! { ::core::primitive::f32 }
}

/// The type of one sample of a port.
pub(crate) fn port_type(port: &Port) -> TokenStream {
    let element = match port.dtype {
        Dtype::Float32 | Dtype::Bool => float(),
        Dtype::Int32 => quote! { ::core::primitive::i32 },
    };
    array(&port.shape, &element)
}

pub(crate) fn port_field(port: &Port) -> Ident {
    Ident::new(&field_name(&port.name), Span::call_site())
}

/// Elements of scratch that a call needs beside the kernels' workspace, which begins at a cache
/// line if the scratch does.
pub(crate) fn scratch_len(plan: &Plan) -> usize {
    plan.sample_len().next_multiple_of(LINE)
}

/// Elements of scratch that a call may skip to begin at a cache line; none where all of it is
/// small, and on the stack.
pub(crate) fn spare_len(plan: &Plan) -> usize {
    let len = scratch_len(plan) + plan.workspace_len;
    if len * FLOAT_BYTES <= STACK_SCRATCH_BYTES { 0 } else { LINE - 1 }
}

/// Whether a call returns its output in a box.
pub(crate) fn is_boxed(plan: &Plan) -> bool {
    let len: usize = plan.outputs.iter().map(|port| port.place.len).sum();
    len * FLOAT_BYTES > BY_VALUE_BYTES
}
