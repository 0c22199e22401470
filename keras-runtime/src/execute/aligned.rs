//! Memory that begins where a cache line does, so that a vector whose offset is a multiple of its
//! length lies in one line.

use std::ops::{Deref, DerefMut};

/// Elements of a cache line.
const LINE: usize = 64 / size_of::<f32>();

/// Numbers whose first begins a cache line.
#[derive(Default)]
pub(super) struct Aligned {
    /// With a line to spare.
    cells: Vec<f32>,
    start: usize,
    len: usize,
}

impl Aligned {
    /// Makes it hold `len` numbers, which may be any.
    pub(super) fn resize(&mut self, len: usize) {
        if len != self.len {
            self.cells.resize(len + LINE, 0.0);
            self.start = self.cells.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE);
            self.len = len;
        }
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.cells[self.start..][..self.len]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.cells[self.start..][..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_begin_where_a_cache_line_does() {
        let mut cells = Aligned::default();
        assert!(cells.is_empty());
        for len in [3, 1000, 17, 0, 5000] {
            cells.resize(len);
            assert_eq!(cells.len(), len);
            assert!(cells.as_ptr().addr().is_multiple_of(64));
        }
    }
}
