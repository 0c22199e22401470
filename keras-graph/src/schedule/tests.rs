//! Tests of the order of steps, of segments and of places.

use super::*;
use crate::grad::differentiate;
use crate::graph::Mode;
use crate::models;
use crate::network::{Class, Network};
use crate::recompute::recompute;
use crate::regularizer::Regularizer;

const BLOCK: usize = 2;
const BLOCKS: usize = 3;
const SHARD: usize = BLOCK * BLOCKS;

/// The memory of one shard: for each element, whose value it holds.
struct Memory<'a> {
    schedule: &'a Schedule,
    owner: Vec<usize>,
    block: Vec<Option<usize>>,
    shard: Vec<Option<usize>>,
}

impl Memory<'_> {
    fn of(&mut self, node: NodeId, block: usize) -> Option<&mut [Option<usize>]> {
        let Place { storage, offset, len } = self.schedule.places[node.0]?;
        match storage {
            Storage::Block => Some(&mut self.block[offset * BLOCK..][..len * BLOCK]),
            Storage::Shard => {
                let start = offset * SHARD + block * BLOCK * len;
                Some(&mut self.shard[start..][..len * BLOCK])
            }
            Storage::Weights | Storage::Reduced | Storage::Gradient => None,
        }
    }

    fn write(&mut self, node: NodeId, block: usize) {
        let owner = self.owner[node.0];
        if let Some(cells) = self.of(node, block) {
            cells.fill(Some(owner));
        }
    }

    fn read(&mut self, node: NodeId, block: usize) {
        let owner = self.owner[node.0];
        if let Some(cells) = self.of(node, block) {
            assert!(cells.iter().all(|&cell| cell == Some(owner)), "node {} is lost", node.0);
        }
    }
}

/// Runs a program as an executor does, and checks that whatever is read was not overwritten.
fn run(program: &Program) {
    let schedule = schedule(program);
    let mut memory = Memory {
        owner: owners(program),
        block: vec![None; schedule.block_len * BLOCK],
        shard: vec![None; schedule.shard_len * SHARD],
        schedule: &schedule,
    };
    let inputs: Vec<NodeId> = (0..program.forward)
        .map(NodeId)
        .filter(|node| matches!(program.graph.nodes[node.0].kind, NodeKind::Input(_)))
        .collect();
    let mut from = 0;
    for (segment, &to) in schedule.ends.iter().enumerate() {
        memory.block.fill(None);
        for block in 0..BLOCKS {
            if segment == 0 {
                inputs.iter().for_each(|&node| memory.write(node, block));
            }
            for step in from..to {
                let node = schedule.steps[step];
                program.graph.nodes[node.0].nodes_read().for_each(|x| memory.read(x, block));
                memory.write(node, block);
                if step + 1 == schedule.forward {
                    program.graph.outputs.iter().for_each(|&y| memory.read(y, block));
                    program.output_gradients.iter().for_each(|&d_y| memory.write(d_y, block));
                }
            }
            if to == schedule.steps.len() {
                let gradients = program.input_gradients.iter().flatten();
                gradients.for_each(|&d_x| memory.read(d_x, block));
            }
        }
        from = to;
    }
    assert_eq!(from, schedule.steps.len());
    for node in
        schedule.batch_steps.iter().flat_map(|node| program.graph.nodes[node.0].nodes_read())
    {
        (0..BLOCKS).for_each(|block| memory.read(node, block));
    }
}

/// Two batch normalizations, a way around them, two outputs at different depths and a penalty.
fn residual() -> Network {
    let mut n = Network::new("residual", Class::Functional);
    let x = models::input(&mut n, "x", 3);
    let a = models::dense::<5>(&mut n, "a", x);
    n.layers[1].activity_regularizer = Some(Regularizer { class: "L2", l1: 0.0, l2: 0.5 });
    let b = models::other(&mut n, "norm", models::batch_norm, a);
    let b = models::dense::<7>(&mut n, "b", b);
    let b = models::other(&mut n, "flat", models::flatten, b);
    let c = models::other(&mut n, "norm_1", models::batch_norm, b);
    let c = models::dense::<5>(&mut n, "c", c);
    let d = models::add(&mut n, "add", &[a, c]);
    let e = models::dense::<2>(&mut n, "e", d);
    n.finish(&[a, e]);
    n
}

/// A layer whose gradient is computed on the whole batch, between two that are normalized.
fn large() -> Network {
    let mut n = Network::new("large", Class::Functional);
    let x = models::input(&mut n, "x", 3);
    let x = models::dense::<90>(&mut n, "a", x);
    let x = models::other(&mut n, "norm", models::batch_norm, x);
    let x = models::dense::<100>(&mut n, "b", x);
    let x = models::other(&mut n, "norm_1", models::batch_norm, x);
    let x = models::dense::<2>(&mut n, "c", x);
    n.finish(&[x]);
    n
}

#[test]
fn nothing_is_overwritten_that_is_still_read() {
    let networks = [
        residual(),
        large(),
        models::branches(),
        models::shared(),
        models::ports(),
        models::nested(),
    ];
    for network in &networks {
        for mode in [
            Mode::Inference,
            Mode::Training { input_gradients: false },
            Mode::Training { input_gradients: true },
        ] {
            let mut program = Program::new(network.lower(mode).expect("a legal model"));
            differentiate(&mut program).expect("every op has a gradient");
            program.remove_dead();
            run(&program);
            recompute(&mut program, 1);
            run(&program);
        }
    }
}

#[test]
fn nothing_after_the_loss_stands_before_it() {
    let mode = Mode::Training { input_gradients: false };
    let mut program = Program::new(residual().lower(mode).expect("a legal model"));
    differentiate(&mut program).expect("every op has a gradient");
    let schedule = schedule(&program);
    let (before, after) = schedule.steps.split_at(schedule.forward);
    assert!(before.iter().all(|node| node.0 < program.forward));
    assert!(after.iter().all(|node| node.0 >= program.forward));
    // Forward up to each normalization, the loss, backward through each of them.
    assert_eq!(schedule.ends.len(), 5);
}
