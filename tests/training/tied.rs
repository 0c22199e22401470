//! A matrix that is used both ways learns from both: with the vectors of a `ReversibleEmbedding`
//! that are tied, a step is the sum of the steps that two matrices of their own take.

use keras::array::Array;
use keras::prelude::*;

/// More than a training keeps in each shard: the gradients of such weights are computed at the end.
const IDS: usize = 1100;
const STEPS: usize = 6;
const ROWS: usize = 64;

model! {
    /// The same vectors there and back.
    struct Tied;

    let ids = Input(shape = (6,), dtype = "int32");
    let tokens = ReversibleEmbedding(1100, 8, logit_soft_cap = 2.0, name = "tokens");
    let x = tokens(ids);
    let x = RMSNormalization()(x);
    let y = tokens(x, reverse = True);
    Model(inputs = ids, outputs = y)
}

model! {
    /// A matrix of its own on the way back.
    struct Untied;

    let ids = Input(shape = (6,), dtype = "int32");
    let tokens =
        ReversibleEmbedding(1100, 8, tie_weights = False, logit_soft_cap = 2.0, name = "tokens");
    let x = tokens(ids);
    let x = RMSNormalization()(x);
    let y = tokens(x, reverse = True);
    Model(inputs = ids, outputs = y)
}

#[test]
fn a_tied_matrix_learns_from_both_ways() {
    let ids: Vec<[i32; STEPS]> = (0..ROWS)
        .map(|row| std::array::from_fn(|step| ((row * 7919 + step * 104_729) % IDS) as i32))
        .collect();
    let next: Vec<[u32; STEPS]> = (0..ROWS)
        .map(|row| std::array::from_fn(|step| ((row * 15_485_863 + step * 31) % IDS) as u32))
        .collect();
    let (mut tied, mut untied) = (Tied::seeded(5), Untied::seeded(6));
    untied.tokens.embeddings = tied.tokens.embeddings;
    for (id, vector) in tied.tokens.embeddings.iter().enumerate() {
        for (i, x) in vector.iter().enumerate() {
            untied.tokens.reverse_embeddings[i][id] = *x;
        }
    }
    let start = tied.tokens.embeddings;
    let sgd = SGD { learning_rate: 10.0, ..SGD::default() };
    let loss = SparseCategoricalCrossentropy { from_logits: true, ..Default::default() };
    let found = tied.compile(sgd, loss).train_on_batch(&ids, &next).unwrap()["loss"];
    let expected = untied.compile(sgd, loss).train_on_batch(&ids, &next).unwrap()["loss"];
    assert_eq!(found, expected);
    let mut moved = 0;
    for (id, vector) in tied.tokens.embeddings.iter().enumerate() {
        for (i, found) in vector.iter().enumerate() {
            let there = untied.tokens.embeddings[id][i];
            let back = untied.tokens.reverse_embeddings[i][id];
            let expected = there + back - start[id][i];
            assert!((found - expected).abs() <= 1e-5, "{id}, {i}: {found}, expected {expected}");
            moved += usize::from(there != start[id][i] && back != start[id][i]);
        }
    }
    assert!(moved > 500, "{moved} numbers moved in both ways");
    let scores = tied.predict(&ids);
    assert!(Array::flat(&scores).iter().all(|score: &f32| score.abs() <= 2.0));
}
