//! The block's `const` lines as constants of the struct.

use proc_macro2::{Delimiter, Group, Literal, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};

use crate::ast::{Constant, Item};
use crate::errors::Mistakes;
use crate::value::Value;

/// Names that the struct's own constants have.
const RESERVED: &[&str] =
    &["PARAMS", "INPUT_SHAPE", "OUTPUT_SHAPE", "FLOPS", "SCRATCH_BYTES", "TRAIN_BYTES"];

/// The constants as associated ones. What cannot be one is noted.
pub(crate) fn emit(
    item: &Item,
    constants: &[(Constant, Value)],
    mistakes: &mut Mistakes,
) -> TokenStream {
    let mut tokens = TokenStream::new();
    for (constant, value) in constants {
        let spot = constant.name.spot;
        if RESERVED.contains(&&*constant.name.text) {
            mistakes
                .add(spot, format!("`{}` is a constant that every model has", constant.name.text))
                .help("choose another name");
            continue;
        }
        let Constant { attributes, ident, ty, .. } = constant;
        let Some(value) = literal(value, ty, constant.value.spot.first) else {
            if !value.is_unknown() {
                mistakes.add(
                    constant.value.spot,
                    format!("a constant is a number, text or a list of them, found {value}"),
                );
            }
            continue;
        };
        let visibility = &item.visibility;
        let docs = attributes.is_empty().then(|| {
            let text = format!("`{}` of the block.", constant.name.text);
            quote! { #[doc = #text] }
        });
        tokens.extend(quote! { #attributes #docs #visibility const #ident: #ty = #value; });
    }
    tokens
}

/// The value as the constant's type has it: a division with a remainder is a fraction if the type
/// has one, and else a whole number.
pub(crate) fn typed(value: &Value, ty: &TokenStream) -> Value {
    match value {
        Value::Quotient(quotient) if has_fraction(ty) => Value::Float(quotient.exact),
        Value::Quotient(quotient) => Value::Int(quotient.whole),
        Value::List(list) => Value::list(list.items.iter().map(|item| typed(item, ty)).collect()),
        value => value.clone(),
    }
}

/// Whether `f32` or `f64` is in a type.
fn has_fraction(ty: &TokenStream) -> bool {
    ty.clone().into_iter().any(|tree| match tree {
        TokenTree::Group(group) => has_fraction(&group.stream()),
        TokenTree::Ident(ident) => ident == "f32" || ident == "f64",
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// The value as a literal of the type that the user wrote; none of a layer or the like.
fn literal(value: &Value, ty: &TokenStream, span: Span) -> Option<TokenStream> {
    let literal = |mut literal: Literal| {
        literal.set_span(span);
        Some(TokenTree::Literal(literal).into())
    };
    match value {
        Value::Bool(value) => Some(quote_spanned!(span=> #value)),
        Value::Int(value) if *value < 0 => {
            let magnitude = Literal::u64_unsuffixed(value.unsigned_abs());
            Some(quote_spanned!(span=> -#magnitude))
        }
        Value::Int(value) => literal(Literal::i64_unsuffixed(*value)),
        Value::Float(value) if value.is_sign_negative() => {
            let magnitude = Literal::f64_unsuffixed(-value);
            Some(quote_spanned!(span=> -#magnitude))
        }
        Value::Float(value) => literal(Literal::f64_unsuffixed(*value)),
        Value::Str(text) => literal(Literal::string(text)),
        Value::List(list) => {
            let (delimiter, inner) = delimiter(ty);
            let items: Option<Vec<TokenStream>> =
                list.items.iter().map(|item| self::literal(item, &inner, span)).collect();
            let items = items?;
            let mut group = Group::new(delimiter, quote_spanned!(span=> #(#items,)*));
            group.set_span(span);
            let by_reference = ty.to_string().starts_with('&');
            Some(if by_reference {
                quote_spanned!(span=> &#group)
            } else {
                TokenTree::Group(group).into()
            })
        }
        _ => None,
    }
}

/// How a list of this type is written, and the type of its items.
fn delimiter(ty: &TokenStream) -> (Delimiter, TokenStream) {
    let group = ty.clone().into_iter().find_map(|tree| match tree {
        TokenTree::Group(group) => Some(group),
        _ => None,
    });
    match group {
        Some(group) => (group.delimiter(), group.stream()),
        None => (Delimiter::Bracket, TokenStream::new()),
    }
}
