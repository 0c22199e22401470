//! Random matrices with orthogonal rows or columns.
//!
//! Keras takes Q of the QR decomposition of a normal matrix, with the signs that make the diagonal
//! of R positive. That Q is what Gram and Schmidt find; their procedure is run twice, for rounding.

use crate::random::Random;

/// Fills a weight, seen as the matrix of its last axis by all others, with an orthogonal one times
/// `gain`.
pub(super) fn fill(gain: f32, shape: &[usize], random: &mut Random, to: &mut [f32]) {
    let columns = shape.last().copied().unwrap_or(1).max(1);
    let rows = to.len() / columns;
    let (long, short) = (rows.max(columns), rows.min(columns));
    // `short` vectors of `long` elements: the columns of Keras' matrix.
    let mut vectors: Vec<f64> = (0..long * short).map(|_| random.normal()).collect();
    for i in 0..short {
        let (done, rest) = vectors.split_at_mut(i * long);
        orthonormalize(done, &mut rest[..long]);
    }
    for (i, value) in to.iter_mut().enumerate() {
        let (row, column) = (i / columns, i % columns);
        let element = if rows >= columns { column * long + row } else { row * long + column };
        *value = gain * vectors[element] as f32;
    }
}

/// Makes `vector` orthogonal to those in `done`, and of length 1.
fn orthonormalize(done: &[f64], vector: &mut [f64]) {
    for _ in 0..2 {
        for other in done.chunks_exact(vector.len()) {
            let projection: f64 = other.iter().zip(&*vector).map(|(a, b)| a * b).sum();
            for (x, other) in vector.iter_mut().zip(other) {
                *x -= projection * other;
            }
        }
    }
    let norm = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
    for x in vector {
        *x /= norm;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shorter side's Gram matrix.
    fn gram(rows: usize, columns: usize, matrix: &[f32]) -> Vec<f32> {
        let at = |i: usize, k: usize| match rows >= columns {
            true => matrix[k * columns + i],
            false => matrix[i * columns + k],
        };
        let (long, short) = (rows.max(columns), rows.min(columns));
        (0..short * short)
            .map(|ij| (0..long).map(|k| at(ij / short, k) * at(ij % short, k)).sum())
            .collect()
    }

    #[test]
    fn the_shorter_side_is_orthogonal() {
        for shape in [&[7, 4][..], &[4, 7], &[2, 3, 5], &[5, 5]] {
            let columns = shape[shape.len() - 1];
            let mut to = vec![0.0; shape.iter().product()];
            fill(1.5, shape, &mut Random::stream(2, "q"), &mut to);
            let rows = to.len() / columns;
            let short = rows.min(columns);
            for (ij, found) in gram(rows, columns, &to).into_iter().enumerate() {
                let expected = if ij / short == ij % short { 2.25 } else { 0.0 };
                assert!((found - expected).abs() < 1e-5, "{shape:?}: {found}");
            }
            assert!(to.iter().any(|&x| x < 0.0) && to.iter().any(|&x| x > 0.0));
        }
    }
}
