//! The mistakes found in one block: collected, then reported together.
//!
//! Each is a `compile_error!` whose text holds what was expected, what was found, the shapes so far
//! and what to write. Its first token carries the span where the mistake starts and its last token
//! the one where it ends, so that the compiler underlines everything in between.

use proc_macro2::{Delimiter, Group, Literal, Span, TokenStream, TokenTree};
use quote::quote_spanned;

/// Most mistakes that one block reports.
const MAX_MISTAKES: usize = 40;
/// Most lines that one mistake takes.
const MAX_LINES: usize = 12;
/// Longest line, in characters; a user's own text may be of any length.
const MAX_LINE_LEN: usize = 300;

/// A place in the user's text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot {
    /// Where it starts.
    pub first: Span,
    /// Where it ends.
    pub last: Span,
    /// Counts tokens from the start of the block: tells places apart, and which comes first.
    pub order: u32,
}

impl Spot {
    /// The place of one token.
    pub(crate) fn of(span: Span, order: u32) -> Spot {
        Spot { first: span, last: span, order }
    }

    /// From here to the end of another place.
    pub(crate) fn to(self, end: Spot) -> Spot {
        Spot { last: end.last, ..self }
    }
}

/// One mistake.
#[derive(Debug)]
pub(crate) struct Mistake {
    spot: Spot,
    lines: Vec<String>,
}

impl Mistake {
    /// Appends a line, such as the shapes so far.
    pub(crate) fn note(&mut self, note: impl Into<String>) -> &mut Mistake {
        self.lines.push(note.into());
        self
    }

    /// Appends what to write instead.
    pub(crate) fn help(&mut self, help: impl AsRef<str>) -> &mut Mistake {
        self.note(format!("help: {}", help.as_ref()))
    }

    fn text(&self) -> String {
        let lines: Vec<String> = self
            .lines
            .iter()
            .flat_map(|line| line.lines())
            .take(MAX_LINES)
            .map(|line| match line.char_indices().nth(MAX_LINE_LEN) {
                Some((end, _)) => format!("{}...", &line[..end]),
                None => line.to_string(),
            })
            .collect();
        lines.join("\n")
    }

    fn tokens(&self) -> TokenStream {
        let Spot { first, last, .. } = self.spot;
        let mut literal = Literal::string(&self.text());
        literal.set_span(last);
        let mut group = Group::new(Delimiter::Brace, TokenTree::from(literal).into());
        group.set_span(last);
        quote_spanned!(first=> ::core::compile_error! #group)
    }
}

/// Mistakes in the order of the block.
#[derive(Debug, Default)]
pub(crate) struct Mistakes {
    list: Vec<Mistake>,
}

impl Mistakes {
    /// Adds a mistake; details follow by [`Mistake::note`] and [`Mistake::help`].
    pub(crate) fn add(&mut self, spot: Spot, message: impl Into<String>) -> &mut Mistake {
        self.list.push(Mistake { spot, lines: vec![message.into()] });
        let last = self.list.len() - 1;
        &mut self.list[last]
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// One `compile_error!` each. A template that is expanded twice repeats its mistakes; they are
    /// told once.
    pub(crate) fn tokens(&self) -> TokenStream {
        let mut told: Vec<&Mistake> = Vec::new();
        for mistake in &self.list {
            let same =
                |m: &&Mistake| m.spot.order == mistake.spot.order && m.lines[0] == mistake.lines[0];
            if told.len() < MAX_MISTAKES && !told.iter().any(same) {
                told.push(mistake);
            }
        }
        told.sort_by_key(|mistake| mistake.spot.order);
        told.into_iter().map(Mistake::tokens).collect()
    }

    /// The texts, in the order found.
    #[cfg(test)]
    pub(crate) fn texts(&self) -> Vec<String> {
        self.list.iter().map(Mistake::text).collect()
    }
}
