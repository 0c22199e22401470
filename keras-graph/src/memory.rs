//! Places for buffers: two that are in use at one time never overlap.
//!
//! Largest first, each at the lowest offset that is free for as long as it lives. Long ones begin
//! at a cache line.

pub use keras_target::LINE;

/// Elements from which on a buffer begins at a cache line; what is shorter is read in no time.
const LONG: usize = 16 * LINE;

/// A buffer that needs a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// Elements.
    pub len: usize,
    /// First moment of use.
    pub from: usize,
    /// Last moment of use, this one included.
    pub to: usize,
}

impl Buffer {
    fn meets(&self, other: &Buffer) -> bool {
        self.from <= other.to && other.from <= self.to
    }
}

/// Offsets of all buffers, and the elements that they take up together.
pub fn place(buffers: &[Buffer]) -> (Vec<usize>, usize) {
    let mut order: Vec<usize> = (0..buffers.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(buffers[i].len), buffers[i].from, i));
    let mut offsets = vec![0; buffers.len()];
    // Those placed so far, by offset.
    let mut placed: Vec<usize> = Vec::with_capacity(buffers.len());
    let mut total = 0;
    for i in order {
        let mut offset = 0;
        for &other in placed.iter().filter(|&&other| buffers[other].meets(&buffers[i])) {
            if offset + buffers[i].len <= offsets[other] {
                break;
            }
            let end = offsets[other] + buffers[other].len;
            let is_long = buffers[i].len >= LONG;
            offset = offset.max(if is_long { end.next_multiple_of(LINE) } else { end });
        }
        offsets[i] = offset;
        total = total.max(offset + buffers[i].len);
        let at = placed.partition_point(|&other| offsets[other] <= offset);
        placed.insert(at, i);
    }
    (offsets, total)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random; the same in each run.
    fn random(state: &mut u64, below: usize) -> usize {
        *state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((*state >> 33) as usize) % below
    }

    #[test]
    fn buffers_in_use_together_never_overlap() {
        let mut state = 1;
        for _ in 0..200 {
            let count = 1 + random(&mut state, 40);
            let buffers: Vec<Buffer> = (0..count)
                .map(|_| {
                    let from = random(&mut state, 30);
                    let to = from + random(&mut state, 8);
                    Buffer { len: 1 + random(&mut state, 50), from, to }
                })
                .collect();
            let (offsets, total) = place(&buffers);
            assert!(total <= buffers.iter().map(|buffer| buffer.len).sum());
            for (i, a) in buffers.iter().enumerate() {
                assert!(offsets[i] + a.len <= total);
                for (j, b) in buffers.iter().enumerate().skip(i + 1) {
                    let apart =
                        offsets[i] + a.len <= offsets[j] || offsets[j] + b.len <= offsets[i];
                    assert!(apart || a.to < b.from || b.to < a.from, "{a:?} {b:?}");
                }
            }
        }
    }

    #[test]
    fn a_buffer_takes_the_place_of_one_that_is_done() {
        let buffers = [
            Buffer { len: 5, from: 0, to: 1 },
            Buffer { len: 3, from: 1, to: 2 },
            Buffer { len: 4, from: 2, to: 3 },
        ];
        assert_eq!(place(&buffers), (vec![0, 5, 0], 8));
    }
}
