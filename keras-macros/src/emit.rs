//! A network to Rust: the struct, its constants and the implementations of `Infer` and `Model`.
//!
//! Little is emitted: plans are statics, and the rest of the crate works on plans. Only [`call`] is
//! code. Every path is absolute, and helpers stand within a `const _`, so that no name of the
//! user's meets one of these.

use keras_graph::compile::{compile, describe};
use keras_graph::graph::{LayerError, Mode};
use keras_graph::literal::Literal as _;
use keras_graph::masks::compile_masks;
use keras_graph::names::{field_name, one_field};
use keras_graph::network::Network;
use keras_graph::plan::{Description, OutputMasks, Plan};
use keras_graph::summary::doc_table;
use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

use crate::ast::{Constant, Item};
use crate::constants;
use crate::emit_call as call;
use crate::emit_fields as fields;
use crate::emit_ports::{input_type, output_type, shape_constant};
use crate::emit_stream as stream;
use crate::emit_types::{
    FLOAT_BYTES, STACK_SCRATCH_BYTES, array, float, is_boxed, scratch_len, source, spare_len,
};
use crate::emit_unrolled as unrolled;
use crate::errors::{Mistakes, Spot};
use crate::expansion::Places;
use crate::file;
use crate::value::Value;

/// What a model consists of once it is compiled.
pub(crate) struct Compiled {
    pub inference: Plan,
    pub training: Plan,
    /// The masks of the outputs, if any has one.
    pub masks: Option<OutputMasks>,
    pub description: Description,
}

/// Runs the passes.
pub(crate) fn compiled(network: &Network) -> Result<Compiled, LayerError> {
    let config = file::config(network).map_err(|error| LayerError::input(error.to_string()))?;
    Ok(Compiled {
        inference: compile(network, Mode::Inference)?,
        training: compile(network, Mode::Training { input_gradients: false })?,
        masks: compile_masks(network)?,
        description: describe(network, config)?,
    })
}

/// The whole expansion; none, with the mistake noted, if the model cannot be.
pub(crate) fn model(
    item: &Item,
    network: &Network,
    constants: &[(Constant, Value)],
    places: &Places,
    mistakes: &mut Mistakes,
) -> Option<TokenStream> {
    let struct_spot = Spot::of(item.name.span(), 0);
    let compiled = match compiled(network) {
        Ok(compiled) => compiled,
        Err(error) => {
            let layer = error.layer.as_ref().and_then(|layer| places.layers.get(layer));
            let spot = layer.copied().unwrap_or(struct_spot);
            let mistake = mistakes.add(spot, error.message);
            if let Some(help) = error.help {
                mistake.help(help);
            }
            return None;
        }
    };
    let ports = [&compiled.inference.inputs, &compiled.inference.outputs];
    for ((what, ports), spots) in ["inputs", "outputs"].iter().zip(ports).zip(&places.ports) {
        for (i, port) in ports.iter().enumerate() {
            let field = field_name(&port.name);
            let other = ports[..i].iter().find(|other| field_name(&other.name) == field);
            if let Some(other) = other {
                let spot = spots.get(i).copied().unwrap_or(struct_spot);
                let (message, help) = one_field(what, [&other.name, &port.name]);
                mistakes.add(spot, message).help(help);
                return None;
            }
        }
    }
    let constants = constants::emit(item, constants, mistakes);
    let stream = stream::tokens(item, network);
    mistakes.is_empty().then(|| {
        let model = tokens(item, &compiled, &constants);
        quote! { #model #stream }
    })
}

/// Everything that a compiled model becomes.
pub(crate) fn tokens(item: &Item, compiled: &Compiled, constants: &TokenStream) -> TokenStream {
    let Item { attributes, visibility, name, .. } = item;
    let Compiled { inference, description, .. } = compiled;
    let table = doc_table(description);
    let fields = fields::structs(description, name, visibility);
    let (fields, structs) = (fields.fields, fields.structs);
    let (input, inputs) = input_type(item, inference);
    let (output, outputs) = output_type(item, inference);
    let figures = figures(item, compiled);
    let implementation = implementation(item, compiled, &input, &output);
    let len = description
        .weights
        .last()
        .map_or(0, |last| last.offset + last.shape.iter().product::<usize>());
    let bytes = Literal::usize_unsuffixed(len * FLOAT_BYTES);
    let trained = trained(item, compiled);
    quote! {
        #attributes
        #[doc = ""]
        #[doc = #table]
        #[repr(C)]
        #[derive(::core::fmt::Debug)]
        #visibility struct #name { #fields }
        #structs
        #inputs
        #outputs
        #[automatically_derived]
        impl #name {
            #constants
            #figures
        }
        const _: () = {
            #implementation
            ::core::assert!(::core::mem::size_of::<#name>() == #bytes);
        };
        ::keras::__private::training! { #trained }
    }
}

/// The struct's own constants, so that they need no trait in scope.
fn figures(item: &Item, compiled: &Compiled) -> TokenStream {
    let visibility = &item.visibility;
    let Compiled { inference, .. } = compiled;
    let (input_type, input_shape) = shape_constant(&inference.inputs);
    let (output_type, output_shape) = shape_constant(&inference.outputs);
    let name = &item.name;
    quote! {
        /// Number of weights, trained or not.
        #visibility const PARAMS: ::core::primitive::usize =
            <#name as ::keras::__private::Infer>::PARAMS;
        /// Extents of one sample; one array for each input.
        #visibility const INPUT_SHAPE: #input_type = #input_shape;
        /// Extents of one prediction; one array for each output.
        #visibility const OUTPUT_SHAPE: #output_type = #output_shape;
        /// Floating-point operations of one prediction; a multiplication and an addition count as
        /// two.
        #visibility const FLOPS: ::core::primitive::u64 =
            <#name as ::keras::__private::Infer>::FLOPS;
        /// Bytes of scratch that a prediction needs.
        #visibility const SCRATCH_BYTES: ::core::primitive::usize =
            <#name as ::keras::__private::Infer>::SCRATCH_BYTES;
    }
}

/// `impl Infer`
fn implementation(
    item: &Item,
    compiled: &Compiled,
    input: &TokenStream,
    output: &TokenStream,
) -> TokenStream {
    let name = &item.name;
    let Compiled { inference, description, .. } = compiled;
    let len = scratch_len(inference) + inference.workspace_len + spare_len(inference);
    let scratch_bytes = Literal::usize_unsuffixed(len * FLOAT_BYTES);
    let on_stack = if len * FLOAT_BYTES <= STACK_SCRATCH_BYTES { len } else { 0 };
    let scratch = array(&[on_stack], &float());
    let flops = Literal::u64_unsuffixed(inference.flops);
    let weights = description.weights.iter().map(|weight| source(&weight.literal()));
    let fingerprint = Literal::u64_suffixed(description.fingerprint);
    let (unrolled, methods) = methods(name, inference, [input, output]);
    let call_output = match is_boxed(inference) {
        true => quote! { ::keras::__private::Box<#output> },
        false => output.clone(),
    };
    quote! {
        #unrolled
        #[automatically_derived]
        unsafe impl ::keras::__private::Infer for #name {
            type Input = #input;
            type Output = #output;
            type CallOutput = #call_output;
            type Scratch = #scratch;
            const WEIGHTS: &'static [::keras::__private::WeightInfo] = &[#(#weights),*];
            const SCRATCH_BYTES: ::core::primitive::usize = #scratch_bytes;
            const FLOPS: ::core::primitive::u64 = #flops;
            const FINGERPRINT: ::core::primitive::u64 = #fingerprint;
            #methods
        }
    }
}

/// `impl Model`, and what it takes: what a program that only calls the model does not have.
fn trained(item: &Item, compiled: &Compiled) -> TokenStream {
    let Item { visibility, name, .. } = item;
    let Compiled { inference, training, masks, description } = compiled;
    let train_bytes = (training.block_len + training.shard_len) * FLOAT_BYTES;
    let train_bytes = Literal::usize_unsuffixed(train_bytes);
    let [model_name, class, config] = [&description.name, &description.class, &description.config]
        .map(|text| source(&text.literal()));
    let layers = source(&description.layers.literal());
    let [inference, training] = [inference, training].map(|plan| source(&plan.literal()));
    let (masks, masks_method) = masks.as_ref().map(output_masks).unwrap_or_default();
    quote! {
        #[automatically_derived]
        impl #name {
            /// Bytes of activations and gradients that training keeps for each sample of a block.
            #visibility const TRAIN_BYTES: ::core::primitive::usize =
                <#name as ::keras::__private::Model>::TRAIN_BYTES;
        }
        const _: () = {
            static INFERENCE: ::keras::__private::Plan = #inference;
            static TRAINING: ::keras::__private::Plan = #training;
            #masks
            static DESCRIPTION: ::keras::__private::Description = ::keras::__private::Description {
                name: #model_name,
                class: #class,
                weights: ::keras::__private::List::Borrowed(
                    <#name as ::keras::__private::Infer>::WEIGHTS
                ),
                layers: #layers,
                config: #config,
                fingerprint: <#name as ::keras::__private::Infer>::FINGERPRINT,
            };
            #[automatically_derived]
            impl ::keras::__private::Model for #name {
                const TRAIN_BYTES: ::core::primitive::usize = #train_bytes;
                fn description() -> &'static ::keras::__private::Description { &DESCRIPTION }
                fn inference() -> &'static ::keras::__private::Plan { &INFERENCE }
                fn training() -> &'static ::keras::__private::Plan { &TRAINING }
                #masks_method
            }
        };
    }
}

/// The constant of the outputs' masks, and the method that returns it.
fn output_masks(masks: &OutputMasks) -> (TokenStream, TokenStream) {
    let masks = source(&masks.literal());
    let constant = quote! { static MASKS: ::keras::__private::OutputMasks = #masks; };
    let method = quote! {
        fn masks() -> ::core::option::Option<&'static ::keras::__private::OutputMasks> {
            ::core::option::Option::Some(&MASKS)
        }
    };
    (constant, method)
}

/// `call_into`; for a small dense net also `call_in` and `call`, and the function beside the `impl`
/// that these three call unless it is a debug build.
fn methods(
    name: &Ident,
    plan: &Plan,
    [input, output]: [&TokenStream; 2],
) -> (TokenStream, TokenStream) {
    let call = call::body(plan);
    let float = float();
    let signature = quote! {
        fn call_into(&self, __scratch: &mut [#float], __x: &#input, __y: &mut #output)
    };
    let Some(unrolled) = unrolled::function(plan, name, [input, output]) else {
        return (TokenStream::new(), quote! { #signature { #call } });
    };
    let check = quote! {
        const LEN: ::core::primitive::usize =
            <#name as ::keras::__private::Infer>::SCRATCH_BYTES / #FLOAT_BYTES;
        ::core::assert!(__scratch.len() >= LEN, "the scratch is shorter than `SCRATCH_BYTES` says");
    };
    let methods = quote! {
        #[cfg(debug_assertions)]
        #signature { #call }
        #[cfg(not(debug_assertions))]
        #signature {
            #check
            *__y = __unrolled(self, __x);
        }
        #[cfg(not(debug_assertions))]
        fn call_in(&self, __scratch: &mut [#float], __x: &#input) -> #output {
            #check
            __unrolled(self, __x)
        }
        #[cfg(not(debug_assertions))]
        fn call(&self, __x: &#input) -> #output {
            __unrolled(self, __x)
        }
    };
    (unrolled, methods)
}
