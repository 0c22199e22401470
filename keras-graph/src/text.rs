//! Graphs as text, one line a node: what golden tests compare and people read.
//!
//! ```text
//! %1 [5] = gemm { m: 1, k: 3, n: 5, bias: false, f: Linear } %0 layer/kernel
//! ```

use std::fmt;

use crate::graph::{Graph, Node, NodeKind, Source};

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, node) in self.nodes().iter().enumerate() {
            write!(f, "%{i} {:?}", node.shape.extents())?;
            if node.repeat > 1 {
                write!(f, " x {}", node.repeat)?;
            }
            write!(f, " = ")?;
            self.write_node(f, node)?;
            writeln!(f)?;
        }
        f.write_str("outputs")?;
        for output in self.outputs() {
            write!(f, " %{}", output.0)?;
        }
        writeln!(f)
    }
}

impl Graph {
    fn write_node(&self, f: &mut fmt::Formatter<'_>, node: &Node) -> fmt::Result {
        match node.kind {
            NodeKind::Input(index) => write!(f, "input {index} {}", node.dtype.name())?,
            NodeKind::OutputGradient(index) => write!(f, "gradient of output {index}")?,
            NodeKind::Sample(op) => write!(f, "{op}")?,
            NodeKind::Reduced(op) => write!(f, "sum {op}")?,
            NodeKind::Moments(op) => write!(f, "merge {op}")?,
            NodeKind::Gradient(op, weight) => {
                write!(f, "gradient ")?;
                self.write_source(f, weight.into())?;
                write!(f, " {op}")?;
            }
        }
        for &source in &node.inputs {
            f.write_str(" ")?;
            self.write_source(f, source)?;
        }
        Ok(())
    }

    fn write_source(&self, f: &mut fmt::Formatter<'_>, source: Source) -> fmt::Result {
        match source {
            Source::Node(node) => write!(f, "%{}", node.0),
            Source::Weight(weight) => {
                let weight = &self.weights()[weight.0];
                write!(f, "{}/{}", weight.layer, weight.name)
            }
        }
    }
}
