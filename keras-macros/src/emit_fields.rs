//! The struct's fields: one struct for each layer with weights, nested as models nest, in the order
//! of the weights.
//!
//! The struct of the layer `conv2d_1` in the model `Net` is `Net_Conv2d1`. The `_` behind the
//! model's name keeps it apart from the structs of other models, whose names Rust writes without
//! one: `Net_AB` is a layer of `Net`, `NetA_B` one of `NetA`. It also keeps it apart from
//! `NetInputs` and `NetOutputs`.

use std::collections::HashSet;

use keras_graph::plan::{Description, WeightInfo};
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::emit_types::array;

/// Fields of the model's struct, and the structs of its layers.
pub(crate) struct Fields {
    pub fields: TokenStream,
    pub structs: TokenStream,
}

/// A struct that is being put together.
struct Node<'d> {
    /// Path of Keras' names; empty for the model itself.
    layer: String,
    fields: Vec<(&'d str, Field<'d>)>,
}

enum Field<'d> {
    Weight(&'d WeightInfo),
    Layer(Node<'d>),
}

/// The fields that hold the weights of `description`.
pub(crate) fn structs(description: &Description, name: &Ident, visibility: &TokenStream) -> Fields {
    let mut root = Node { layer: String::new(), fields: Vec::new() };
    for weight in description.weights.iter() {
        let path: Vec<&str> = weight.field.split('.').collect();
        let names: Vec<&str> = weight.layer.split('/').collect();
        root.insert(&path, &names, weight);
    }
    let mut writer = Writer { visibility, used: HashSet::new(), structs: TokenStream::new() };
    let fields = writer.fields(&root, &format!("{name}_"));
    Fields { fields, structs: writer.structs }
}

impl<'d> Node<'d> {
    /// Adds a weight at a path of fields. The weights of a layer follow each other, so only the
    /// last field can be the one.
    fn insert(&mut self, path: &[&'d str], names: &[&str], weight: &'d WeightInfo) {
        match path {
            [] => {}
            [field] => self.fields.push((field, Field::Weight(weight))),
            [field, rest @ ..] => {
                let (first, others) = names.split_first().unwrap_or((field, &[]));
                let is_open =
                    matches!(self.fields.last(), Some((last, Field::Layer(_))) if last == field);
                if !is_open {
                    let layer = match self.layer.as_str() {
                        "" => (*first).to_string(),
                        outer => format!("{outer}/{first}"),
                    };
                    self.fields.push((field, Field::Layer(Node { layer, fields: Vec::new() })));
                }
                if let Some((_, Field::Layer(node))) = self.fields.last_mut() {
                    node.insert(rest, others, weight);
                }
            }
        }
    }
}

struct Writer<'v> {
    visibility: &'v TokenStream,
    used: HashSet<String>,
    structs: TokenStream,
}

impl Writer<'_> {
    fn fields(&mut self, node: &Node<'_>, prefix: &str) -> TokenStream {
        let mut tokens = TokenStream::new();
        for (field, kind) in &node.fields {
            let ident = Ident::new(field, Span::call_site());
            let visibility = self.visibility;
            let (docs, ty) = match kind {
                Field::Weight(weight) => {
                    let docs = format!("`{}`, of shape `{:?}`.", weight.name, weight.shape);
                    (docs, array(&weight.shape, &quote! { ::core::primitive::f32 }))
                }
                Field::Layer(layer) => {
                    let name = self.layer(layer, &format!("{prefix}{}", camel(field)));
                    (format!("Weights of `{}`.", layer.layer), quote! { #name })
                }
            };
            tokens.extend(quote! { #[doc = #docs] #visibility #ident: #ty, });
        }
        tokens
    }

    /// Declares the struct of a layer; its name.
    fn layer(&mut self, node: &Node<'_>, name: &str) -> Ident {
        let mut name = name.to_string();
        while !self.used.insert(name.clone()) {
            name.push('_');
        }
        let fields = self.fields(node, &name);
        let name = Ident::new(&name, Span::call_site());
        let docs = format!("Weights of the layer `{}`.", node.layer);
        let visibility = self.visibility;
        self.structs.extend(quote! {
            #[doc = #docs]
            #[repr(C)]
            #[derive(::core::clone::Clone, ::core::fmt::Debug)]
            #visibility struct #name { #fields }
        });
        name
    }
}

/// `conv2d_1` as part of a type's name: `Conv2d1`. A field of nothing but `_` stays.
fn camel(field: &str) -> String {
    if field.chars().all(|c| c == '_') {
        return field.to_string();
    }
    let mut name = String::new();
    for word in field.split('_') {
        let mut chars = word.chars();
        name.extend(chars.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(chars.as_str());
    }
    name
}
