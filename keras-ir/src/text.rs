//! Plans as text, one line a step: what golden tests compare and people read.
//!
//! ```text
//! b0+5 = gemm { m: 1, k: 3, n: 5, bias: true, f: Linear } b5+3 w0+15 w15+5
//! ```
//! A place is its memory's letter (`w` weights, `b` block, `s` shard, `r` reduced, `g` gradient),
//! its offset and its length. An algorithm is named unless it is the general one:
//! `conv2d { .. } by Winograd`.

use core::fmt;

use alloc::format;

use crate::algorithm::Algorithm;
use crate::ops::Op;
use crate::plan::{Place, Plan, Port, Step, Storage};

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memory = match self.storage {
            Storage::Weights => 'w',
            Storage::Block => 'b',
            Storage::Shard => 's',
            Storage::Reduced => 'r',
            Storage::Gradient => 'g',
        };
        write!(f, "{memory}{}+{}", self.offset, self.len)
    }
}

impl fmt::Display for Op {
    /// The op's name and its fields.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `Gemm(Gemm { .. })`: the struct's name says no more than the op's.
        let debug = format!("{self:?}");
        let fields = debug.find('{').map_or("", |start| &debug[start..debug.len() - 1]);
        write!(f, "{} {fields}", self.name())
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "block {} shard {} weights {} reduced {} workspace {} flops {}",
            self.block_len,
            self.shard_len,
            self.weights_len,
            self.reduced_len,
            self.workspace_len,
            self.flops
        )?;
        for port in self.inputs.iter() {
            write_port(f, "input", port)?;
        }
        for (i, segment) in self.segments.iter().enumerate() {
            writeln!(f, "segment {i}")?;
            for step in segment.from..segment.to {
                if step == self.forward {
                    writeln!(f, "  loss")?;
                }
                write_step(f, &self.steps[step])?;
            }
            for merge in segment.merges.iter() {
                writeln!(f, "  merge r{}+{} {:?}", merge.offset, merge.len, merge.merge)?;
            }
        }
        if !self.batch_steps.is_empty() {
            writeln!(f, "whole batch")?;
        }
        for step in self.batch_steps.iter() {
            write_step(f, step)?;
        }
        for port in self.outputs.iter() {
            write_port(f, "output", port)?;
        }
        for penalty in self.activity_penalties.iter() {
            writeln!(f, "penalty r{penalty}+1")?;
        }
        for part in self.shard_gradients.iter() {
            writeln!(f, "gradient g{}+{} = r{}", part.to, part.len, part.from)?;
        }
        for part in self.gradient_parts.iter() {
            writeln!(f, "gradient g{}+{} += r{}", part.to, part.len, part.from)?;
        }
        for m in self.moving_averages.iter() {
            let (mean, variance, channels) = (m.mean, m.variance, m.channels);
            writeln!(
                f,
                "moving w{mean}+{channels} w{variance}+{channels} by r{} momentum {:?}",
                m.moments, m.momentum
            )?;
        }
        Ok(())
    }
}

fn write_step(f: &mut fmt::Formatter<'_>, step: &Step) -> fmt::Result {
    write!(f, "  {} = {}", step.output, step.op)?;
    if step.algorithm != Algorithm::General {
        write!(f, " by {:?}", step.algorithm)?;
    }
    if step.repeat > 1 {
        write!(f, " x {}", step.repeat)?;
    }
    for input in step.inputs.iter() {
        write!(f, " {}", input.place)?;
    }
    writeln!(f)
}

fn write_port(f: &mut fmt::Formatter<'_>, what: &str, port: &Port) -> fmt::Result {
    write!(f, "{what} {} {:?} {} {}", port.name, port.shape, port.dtype.name(), port.place)?;
    match port.gradient {
        Some(gradient) => writeln!(f, " gradient {}", gradient.place),
        None => writeln!(f),
    }
}
