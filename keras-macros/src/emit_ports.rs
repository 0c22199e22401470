//! What goes into a model and what comes out of it, in tokens: arrays, or structs of several.

use keras_graph::plan::{Plan, Port};
use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

use crate::ast::Item;
use crate::emit_types::{port_field, port_type};

/// The type of one sample, and its declaration if it is a struct.
pub(crate) fn input_type(item: &Item, plan: &Plan) -> (TokenStream, TokenStream) {
    if let [port] = &*plan.inputs {
        return (port_type(port), TokenStream::new());
    }
    let visibility = &item.visibility;
    let name = format_ident!("{}Inputs", item.name);
    let docs = format!("One sample for [`{}`].", item.name);
    let fields = plan.inputs.iter().enumerate().map(|(i, port)| {
        let (i, field, ty) = (Literal::usize_unsuffixed(i), port_field(port), port_type(port));
        quote! { #i #field: #ty, }
    });
    let declaration = quote! {
        ::keras::__private::inputs! { #[doc = #docs] #visibility struct #name { #(#fields)* } }
    };
    (quote! { #name }, declaration)
}

/// The type of one prediction, and its declaration if it is a struct.
pub(crate) fn output_type(item: &Item, plan: &Plan) -> (TokenStream, TokenStream) {
    if let [port] = &*plan.outputs {
        return (port_type(port), TokenStream::new());
    }
    let visibility = &item.visibility;
    let name = format_ident!("{}Outputs", item.name);
    let docs =
        format!("What goes with each output of [`{}`]: predictions, targets, losses.", item.name);
    let fields = plan.outputs.iter().enumerate().map(|(i, port)| {
        let letter = u8::try_from(i).ok().filter(|i| *i < 26).map(|i| char::from(b'A' + i));
        let first = letter.map_or_else(|| format!("T{i}"), String::from);
        let (first, second) = (format_ident!("{first}"), format_ident!("{first}1"));
        let (i, field, ty) = (Literal::usize_unsuffixed(i), port_field(port), port_type(port));
        quote! { #i #field (#first, #second): #ty, }
    });
    let fields: TokenStream = fields.collect();
    let declaration = quote! {
        ::keras::__private::outputs! { #[doc = #docs] #visibility struct #name { #fields } }
        ::keras::__private::training! {
            ::keras::__private::heads! { #visibility struct #name { #fields } }
        }
    };
    (quote! { #name }, declaration)
}

/// Extents per sample as a constant: an array, or a tuple of arrays if there are several ports.
pub(crate) fn shape_constant(ports: &[Port]) -> (TokenStream, TokenStream) {
    let one = |port: &Port| {
        let rank = Literal::usize_unsuffixed(port.shape.len());
        let extents = port.shape.iter().map(|&extent| Literal::usize_unsuffixed(extent));
        (quote! { [::core::primitive::usize; #rank] }, quote! { [#(#extents),*] })
    };
    match ports {
        [port] => one(port),
        ports => {
            let (types, values): (Vec<_>, Vec<_>) = ports.iter().map(one).unzip();
            (quote! { (#(#types,)*) }, quote! { (#(#values,)*) })
        }
    }
}
