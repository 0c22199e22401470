//! Keras files: `include!` of an architecture, `embed!` of trained weights, and the configuration
//! that a model is saved with.
//!
//! Paths are relative to the crate's root. The file is named in an `include_bytes!`, so that the
//! compiler looks again when it changes.

use std::path::{Path, PathBuf};

use keras_format::archive::Archive;
use keras_format::model::stored_weights;
use keras_format::network::{from_config, to_config};
use keras_format::python;
use keras_format::weights::{InPlace, Stored};
use keras_format::{Error, Result};
use keras_graph::compile::describe;
use keras_graph::network::Network;
use keras_graph::plan::WeightInfo;
use proc_macro2::{Literal, Span, TokenStream};
use quote::quote;

use crate::errors::{Mistakes, Spot};
use crate::expansion::Expansion;
use crate::parse::Parser;
use crate::tokens::Tokens;

/// `config.json` of a model; an error if JSON cannot hold it.
pub(crate) fn config(network: &Network) -> Result<String> {
    to_config(network).map(|json| python::to_string(&json))
}

/// A path as the user wrote it, from the crate's root.
fn absolute(path: &str) -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join(path)
}

/// Refuses other files than `.keras` by their name, so that the message says what to save in their
/// place.
fn check_ending(path: &str) -> Result<()> {
    if Path::new(path).extension().is_some_and(|extension| extension == "keras") {
        return Ok(());
    }
    Err(Error::Refused {
        path: path.to_string(),
        message: "expected a `.keras` file, which holds the architecture and the weights"
            .to_string(),
        help: Some("save the whole model: `model.save(\"model.keras\")`".to_string()),
    })
}

/// Makes the compiler depend on a file.
fn dependency(path: &str) -> TokenStream {
    let path = absolute(path).display().to_string();
    quote! { const _: &[::core::primitive::u8] = ::core::include_bytes!(#path); }
}

/// Reads an architecture.
pub(crate) fn network(path: &str, spot: Spot, mistakes: &mut Mistakes) -> Expansion {
    if path.is_empty() {
        return Expansion::default(); // The mistake is told.
    }
    let network = match check_ending(path)
        .and_then(|()| Archive::read(absolute(path)))
        .and_then(|file| from_config(&file.config))
    {
        Ok(network) => Some(network),
        Err(error) => {
            refuse(mistakes, spot, &error);
            None
        }
    };
    let dependency = if absolute(path).is_file() { dependency(path) } else { TokenStream::new() };
    Expansion { network, dependency, ..Expansion::default() }
}

fn refuse(mistakes: &mut Mistakes, spot: Spot, error: &Error) {
    let mistake = mistakes.add(spot, error.to_string());
    if let Error::Io { .. } = error {
        mistake.help("paths are relative to the folder of `Cargo.toml`");
    }
}

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
    /// Where in the file the bytes of each weight lie: first byte and length.
    Pieces(Vec<[usize; 2]>),
    /// Their bytes, where the file has them compressed or of another type.
    Bytes(Vec<u8>),
}

/// Reads a trained model.
fn trained(path: &str) -> Result<Trained> {
    check_ending(path)?;
    let (file, start) = Archive::read_in_place(absolute(path))?;
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
    let piece = |numbers: &Stored| match (start, numbers) {
        (Some(start), Stored::Bytes(first, bytes)) => Some([start + first, bytes.len()]),
        _ => None,
    };
    if let Some(pieces) = numbers.iter().map(piece).collect() {
        return Ok(Trained { weights, numbers: Numbers::Pieces(pieces), fingerprint });
    }
    let mut bytes = Vec::new();
    for numbers in numbers {
        match numbers {
            Stored::Bytes(_, piece) => bytes.extend_from_slice(piece),
            Stored::Values(values) => {
                let values = values.as_f32().unwrap_or_default();
                bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            }
        }
    }
    Ok(Trained { weights, numbers: Numbers::Bytes(bytes), fingerprint })
}

fn embedded(path: &str, trained: &Trained) -> TokenStream {
    let bytes = match &trained.numbers {
        Numbers::Pieces(pieces) => {
            let path = absolute(path).display().to_string();
            let len = Literal::usize_unsuffixed(pieces.iter().map(|[_, len]| len).sum());
            let pieces = pieces.iter().map(|piece| {
                let [start, len] = piece.map(Literal::usize_unsuffixed);
                quote! { [#start, #len] }
            });
            quote! {
                ::keras::__private::Aligned::<[::core::primitive::u8; #len]>::gathered(
                    ::core::include_bytes!(#path),
                    &[#(#pieces),*],
                )
            }
        }
        Numbers::Bytes(bytes) => {
            let bytes = Literal::byte_string(bytes);
            quote! { ::keras::__private::Aligned(*#bytes) }
        }
    };
    let dependency = match &trained.numbers {
        Numbers::Pieces(_) => TokenStream::new(),
        Numbers::Bytes(_) => dependency(path),
    };
    let fingerprint = Literal::u64_suffixed(trained.fingerprint);
    let table = trained.weights.iter().map(|weight| {
        let path = &*weight.path;
        let shape = weight.shape.iter().map(|&extent| Literal::usize_unsuffixed(extent));
        quote! { ::keras::__private::FileWeight { path: #path, shape: &[#(#shape),*] } }
    });
    quote! {
        {
            #dependency
            const BYTES: &::keras::__private::Aligned<[::core::primitive::u8]> = &#bytes;
            const FILE: &[::keras::__private::FileWeight] = &[#(#table),*];
            const { ::keras::__private::Embedded::new(BYTES, FILE, #fingerprint) }
        }
    }
}
