//! `einsum`: sums of products along named axes.

use super::operand::Operand;
use super::{Operation, functions};
use crate::graph::{Graph, LayerError, NodeId};
use crate::ops::contract::{Label, Labelled};
use crate::value::Value;

type Result<T> = std::result::Result<T, LayerError>;

functions! {
    /// Sums of products along named axes: `ops.einsum("bij,bjk->bik", x, y)`
    "numpy" Einsum("einsum") (subscripts, operands) ["*operands"] {
        /// A letter for each axis of each tensor, and of the result; the batch's is in front of
        /// each.
        subscripts,
    } => einsum();
}

/// The letters of the tensors and of the result.
fn parse(text: &str) -> Option<(Vec<Vec<char>>, Vec<char>)> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let (operands, result) = match text.split_once("->") {
        Some((operands, result)) => (operands.to_string(), result.to_string()),
        // Without an arrow the letters that stand once remain, in alphabetical order.
        None => {
            let count = |letter: char| text.chars().filter(|other| *other == letter).count();
            let mut once: Vec<char> =
                text.chars().filter(|&c| c.is_ascii_alphabetic() && count(c) == 1).collect();
            once.sort_unstable();
            (text.clone(), once.into_iter().collect())
        }
    };
    let letters = |term: &str| -> Option<Vec<char>> {
        let letters: Vec<char> = term.chars().collect();
        let differ = letters.iter().enumerate().all(|(i, letter)| !letters[..i].contains(letter));
        (differ && letters.iter().all(char::is_ascii_alphabetic)).then_some(letters)
    };
    let terms: Option<Vec<Vec<char>>> = operands.split(',').map(letters).collect();
    let (terms, result) = (terms?, letters(&result)?);
    let is_known = |letter: &char| terms.iter().any(|term| term.contains(letter));
    result.iter().all(is_known).then_some((terms, result))
}

fn einsum(op: &Operation, graph: &mut Graph, args: &[Operand]) -> Result<Vec<NodeId>> {
    let subscripts = op.arguments.iter().find(|(name, _)| *name == "subscripts");
    let text = match subscripts {
        Some((_, Value::Str(text))) => text.clone(),
        _ => String::new(),
    };
    let wrong = |message: String| LayerError::argument("subscripts", message);
    let Some((terms, result)) = parse(&text) else {
        return Err(wrong(format!(
            "`subscripts` of `einsum` expects letters such as \"bij,bjk->bik\", \
             each once in a term, found {text:?}"
        ))
        .help("write out `...`; a repeated letter, a diagonal, is not supported"));
    };
    if terms.len() != args.len() {
        return Err(wrong(format!(
            "`subscripts` of `einsum` names {} tensors, found {} in the call",
            terms.len(),
            args.len()
        )));
    }
    let batch = result.first().copied();
    if terms.iter().any(|term| term.first().copied() != batch || batch.is_none()) {
        return Err(wrong(format!(
            "`subscripts` of `einsum` expects one letter for the batch in front of each term and \
             of the result, found {text:?}"
        )));
    }
    let mut operands = Vec::new();
    for (i, term) in terms.iter().enumerate() {
        let node = op.tensor(graph, args, i)?;
        let shape = graph.shape(node);
        if shape.rank() + 1 != term.len() {
            return Err(wrong(format!(
                "`subscripts` of `einsum` has {} letters for {shape}",
                term.len()
            )));
        }
        operands.push(Labelled { node, labels: term[1..].to_vec() });
    }
    let result = &result[1..];
    let mut operands = operands.into_iter();
    let Some(mut product) = operands.next() else {
        return Err(wrong("`einsum` is called on no tensor".to_string()));
    };
    let rest: Vec<Labelled> = operands.collect();
    if rest.is_empty() {
        return Ok(vec![alone(graph, product, result)?]);
    }
    for (i, next) in rest.iter().enumerate() {
        // What a later tensor or the result has is kept.
        let later = |label: &Label| {
            result.contains(label) || rest[i + 1..].iter().any(|other| other.labels.contains(label))
        };
        let last = i + 1 == rest.len();
        let mut kept: Vec<Label> = Vec::new();
        for &label in product.labels.iter().chain(&next.labels) {
            if later(&label) && !kept.contains(&label) {
                kept.push(label);
            }
        }
        let kept = if last { result.to_vec() } else { kept };
        let node = graph.contract(product, next.clone(), &kept)?;
        product = Labelled { node, labels: kept };
    }
    Ok(vec![product.node])
}

/// One tensor: axes that the result lacks are summed over, the others come into its order.
fn alone(graph: &mut Graph, x: Labelled, result: &[Label]) -> Result<NodeId> {
    let axes: Vec<usize> =
        (0..x.labels.len()).filter(|&axis| !result.contains(&x.labels[axis])).collect();
    let node = graph.float(x.node)?;
    let node = if axes.is_empty() { node } else { graph.sum_axes(node, &axes)? };
    let labels = x.labels.iter().copied().filter(|label| result.contains(label)).collect();
    let y = graph.reordered(&Labelled { node, labels }, result)?;
    if y == x.node { graph.copied(y) } else { Ok(y) }
}
