//! `embed!`: trained weights as a part of the program.
//!
//! The weights stay in the `.keras` file where they lie there as the model has them; the program is
//! told from which bytes to take them. A constant expression gathers those of a small file. It
//! would hold a large one in memory many times, so the assembler copies that
//! ([`assembly`](crate::assembly)).

use keras_format::archive::{Archive, Place};
use keras_format::model::stored_weights;
use keras_format::network::from_config;
use keras_format::weights::{InPlace, Stored};
use keras_format::{Error, Result};
use keras_graph::compile::describe;
use keras_graph::plan::WeightInfo;
use proc_macro2::{Literal, Span, TokenStream};
use quote::quote;

use crate::assembly::{self, Pieces};
use crate::errors::Mistakes;
use crate::file::{absolute, check_ending, dependency, refuse};
use crate::parse::Parser;
use crate::tokens::Tokens;

/// From this size on, weights go through the assembler where there is one.
const LARGE_BYTES: usize = 64 << 10;

/// Expands `embed!("model.keras")`.
pub(crate) fn embed(input: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let mut tokens = Tokens::new(input, Span::call_site());
    let help = "write `embed!(\"model.keras\")`, a path from the crate's root";
    let Ok((path, spot)) = Parser::new(&mut mistakes).path(&mut tokens, help) else {
        return mistakes.tokens();
    };
    match trained(&path) {
        Ok(trained) => embedded(&path, &trained),
        Err(error) => {
            refuse(&mut mistakes, spot, &error);
            mistakes.tokens()
        }
    }
}

/// A trained model.
struct Trained {
    /// In the model's order.
    weights: Vec<WeightInfo>,
    numbers: Numbers,
    fingerprint: u64,
}

/// The numbers of all weights, in the model's order.
enum Numbers {
    /// Where they lie in the file.
    Pieces(Pieces),
    /// Their bytes, where the file has them compressed or of another type.
    Bytes(Vec<u8>),
}

/// Reads a trained model.
fn trained(path: &str) -> Result<Trained> {
    check_ending(path)?;
    let (file, place) = Archive::read_in_place(absolute(path))?;
    let network = from_config(&file.config).map_err(|error| error.within(path))?;
    let refused = |message: String, help: Option<String>| Error::Refused {
        path: path.to_string(),
        message,
        help,
    };
    let description =
        describe(&network, String::new()).map_err(|error| refused(error.message, error.help))?;
    let fingerprint = description.fingerprint;
    let stored = InPlace::read(file.weights).map_err(|error| error.within(path))?;
    let weights = description.weights.into_owned();
    let numbers = stored_weights(&stored, &weights).map_err(|error| error.within(path))?;
    if let Some(pieces) = place.and_then(|place| pieces(path, place, &numbers)) {
        return Ok(Trained { weights, numbers: Numbers::Pieces(pieces), fingerprint });
    }
    let mut bytes = Vec::new();
    for (weight, numbers) in weights.iter().zip(numbers) {
        match numbers {
            Stored::Bytes(_, piece) => bytes.extend_from_slice(piece),
            Stored::Values(values) => {
                let values = values.as_f32().unwrap_or_default();
                bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            }
            Stored::Same(value) => {
                let len: usize = weight.shape.iter().product();
                bytes.extend(std::iter::repeat_n(value.to_le_bytes(), len).flatten());
            }
        }
    }
    Ok(Trained { weights, numbers: Numbers::Bytes(bytes), fingerprint })
}

/// Where the weights lie in the file, if it has all of them as the model has them.
fn pieces(path: &str, place: Place, numbers: &[Stored]) -> Option<Pieces> {
    let piece = |numbers: &Stored| match numbers {
        Stored::Bytes(first, bytes) => Some([place.start + first, bytes.len()]),
        Stored::Values(_) | Stored::Same(_) => None,
    };
    Some(Pieces {
        path: absolute(path).display().to_string(),
        checksum: place.checksum,
        places: numbers.iter().map(piece).collect::<Option<_>>()?,
    })
}

fn embedded(path: &str, trained: &Trained) -> TokenStream {
    let bytes = match &trained.numbers {
        Numbers::Pieces(pieces) if pieces.len() >= LARGE_BYTES => {
            let gathered = gathered(pieces);
            let (dependency, assembled) = (dependency(path), assembly::bytes(pieces));
            let has_assembler = assembly::is_supported();
            quote! {
                #[cfg(#has_assembler)]
                #dependency
                #[cfg(#has_assembler)]
                #assembled
                #[cfg(not(#has_assembler))]
                #gathered
            }
        }
        Numbers::Pieces(pieces) => gathered(pieces),
        Numbers::Bytes(bytes) => {
            let dependency = dependency(path);
            let bytes = Literal::byte_string(bytes);
            quote! {
                #dependency
                const BYTES: &::keras::__private::Aligned<[::core::primitive::u8]> =
                    &::keras::__private::Aligned(*#bytes);
            }
        }
    };
    let fingerprint = Literal::u64_suffixed(trained.fingerprint);
    let table = trained.weights.iter().map(|weight| {
        let path = &*weight.path;
        let shape = weight.shape.iter().map(|&extent| Literal::usize_unsuffixed(extent));
        quote! { ::keras::__private::FileWeight { path: #path, shape: &[#(#shape),*] } }
    });
    quote! {
        {
            #bytes
            const FILE: &[::keras::__private::FileWeight] = &[#(#table),*];
            const { ::keras::__private::Embedded::new(BYTES, FILE, #fingerprint) }
        }
    }
}

/// The weights as a constant that the compiler puts together from the file.
fn gathered(pieces: &Pieces) -> TokenStream {
    let path = &pieces.path;
    let len = Literal::usize_unsuffixed(pieces.len());
    let places = pieces.places.iter().map(|place| {
        let [start, len] = place.map(Literal::usize_unsuffixed);
        quote! { [#start, #len] }
    });
    quote! {
        const BYTES: &::keras::__private::Aligned<[::core::primitive::u8]> =
            &::keras::__private::Aligned::<[::core::primitive::u8; #len]>::gathered(
                ::core::include_bytes!(#path),
                &[#(#places),*],
            );
    }
}
