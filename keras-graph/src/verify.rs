//! What makes a graph legal. Each pass is followed by a check in debug builds.

use crate::graph::Node;
use crate::op::Op;
use crate::program::Program;

/// Checks every rule; tells each one that is broken, and where.
pub fn verify(program: &Program) -> Result<(), Vec<String>> {
    let mut mistakes = Vec::new();
    for (i, node) in program.graph.nodes.iter().enumerate() {
        for rule in RULES {
            if let Err(message) = rule(program, i, node) {
                mistakes.push(format!("node {i} `{}`: {message}", name(node)));
            }
        }
    }
    if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
}

fn name(node: &Node) -> &'static str {
    node.op().map_or("input", Op::name)
}

type Rule = fn(&Program, usize, &Node) -> Result<(), String>;

const RULES: &[Rule] = &[reads_earlier_nodes];

/// Every node stands after those it reads.
fn reads_earlier_nodes(_: &Program, i: usize, node: &Node) -> Result<(), String> {
    match node.nodes_read().find(|x| x.0 >= i) {
        None => Ok(()),
        Some(x) => Err(format!("reads the later node {}", x.0)),
    }
}
