//! `model!`: tokens in, tokens out.
//!
//! ```text
//! tokens → tree (parse) → network (evaluate, lower) → plans (keras-graph) → tokens (emit)
//! ```
//!
//! Whatever is wrong becomes errors beside a stub of the struct, so that nothing else of the user's
//! crate fails. A panic would be a mistake of this crate; it is caught and says so.

use std::panic::{AssertUnwindSafe, catch_unwind};

use keras_graph::names::snake_case;
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use crate::ast::{Block, Body, Statement};
use crate::emit;
use crate::errors::{Mistakes, Spot};
use crate::evaluate::{Evaluator, Stop};
use crate::expansion::{Expansion, Guess, Places};
use crate::file;
use crate::parse::Parser;
use crate::stub;
use crate::value::Value;

/// Expands `model! { .. }`.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    guarded(|| model(input))
}

/// Turns a panic into an error of the compiler.
pub(crate) fn guarded(expand: impl FnOnce() -> TokenStream) -> TokenStream {
    let panicked = match catch_unwind(AssertUnwindSafe(expand)) {
        Ok(tokens) => return tokens,
        Err(panicked) => panicked,
    };
    let text = panicked
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panicked.downcast_ref::<&str>().map(ToString::to_string))
        .unwrap_or_default();
    let mut mistakes = Mistakes::default();
    mistakes
        .add(Spot::of(Span::call_site(), 0), format!("`keras` failed to expand this: {text}"))
        .help("this is a mistake of the `keras` crate: please report it with the block");
    mistakes.tokens()
}

pub(crate) fn model(input: TokenStream) -> TokenStream {
    let mut mistakes = Mistakes::default();
    let item = Parser::new(&mut mistakes).item(input);
    let Some(item) = item else { return mistakes.tokens() };
    let expansion = match &item.body {
        Body::Block(block) => network(block, &item.name, &mut mistakes),
        Body::File(path, spot) => file::network(path, *spot, &mut mistakes),
    };
    let Expansion { network, constants, guess, places, dependency } = expansion;
    let emitted = match &network {
        Some(network) => emit::model(&item, network, &constants, &places, &mut mistakes),
        None => None,
    };
    let emitted = emitted.unwrap_or_else(|| stub::model(&item, &constants, guess));
    let errors = mistakes.tokens();
    quote! { #emitted #dependency #errors }
}

/// Runs a block.
pub(crate) fn network(block: &Block, name: &Ident, mistakes: &mut Mistakes) -> Expansion {
    let start = Spot::of(name.span(), 0);
    let mut evaluator = Evaluator::new(mistakes, &snake_case(&name.to_string()));
    let model = run(&mut evaluator, block, start);
    let mut places = Places::default();
    let network = match model {
        Ok(Some(layer)) => {
            places.layers = evaluator.builder.places(layer);
            evaluator.finished(layer)
        }
        Ok(None) | Err(Stop) => None,
    };
    places.ports = evaluator
        .builder
        .ports
        .each_ref()
        .map(|ports| ports.iter().map(|port| port.spot).collect());
    let guess = Guess::of(&evaluator.builder);
    let constants = std::mem::take(&mut evaluator.constants);
    Expansion { network, constants, guess, places, ..Expansion::default() }
}

/// The layer that holds the whole model.
fn run(
    evaluator: &mut Evaluator<'_>,
    block: &Block,
    start: Spot,
) -> Result<Option<keras_graph::network::LayerId>, Stop> {
    let mut last = None;
    for statement in &block.statements {
        if let Statement::Expr(value) = statement {
            last = Some((evaluator.expr_or_nothing(value)?, value.spot));
        } else {
            evaluator.statement(statement)?;
        }
    }
    let help =
        "end the block with `Sequential([..])` or `Model(inputs = x, outputs = y)`, without `;`";
    let Some(value) = &block.value else {
        match last {
            Some((Some(Value::Unknown), _)) => {}
            Some((Some(Value::Layer(_)), spot)) => {
                let help = "leave out the `;`: the last expression of a block is its value";
                evaluator.wrong(spot, "the `;` behind the model discards it", help);
            }
            _ if evaluator.mistakes.is_empty() => {
                let spot = if block.statements.is_empty() { start } else { block.end };
                evaluator.wrong(spot, "expected the model at the end of the block", help);
            }
            _ => {}
        }
        return Ok(None);
    };
    let found = evaluator.expr(value)?;
    match found {
        Value::Layer(layer) if !evaluator.builder.is_model(layer) => {
            evaluator.wrong(value.spot, "expected a model, found a single layer", help);
            Ok(None)
        }
        Value::Layer(layer) => Ok(Some(layer)),
        Value::Unknown => Ok(None),
        other => {
            evaluator.wrong(value.spot, format!("expected a model, found {other}"), help);
            Ok(None)
        }
    }
}
