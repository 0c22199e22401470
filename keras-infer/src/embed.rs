//! A trained model inside the program: the bytes of its weights, checked against the model while
//! compiling.

use alloc::borrow::Cow;
use core::ops::Deref;

use keras_ir::plan::WeightInfo;

use crate::infer::Infer;
use crate::weights::{Aligned, extents, from_bytes};

/// A weight that a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileWeight {
    /// Its path, e.g. `layers/conv2d/vars/0`.
    pub path: &'static str,
    /// Its extents.
    pub shape: &'static [usize],
}

/// A trained model that is part of the program. It needs no loading and no heap; `embed!` makes it.
#[derive(Clone, Copy, Debug)]
pub struct Embedded<T: 'static> {
    model: &'static T,
}

impl<T: Infer> Embedded<T> {
    /// The model whose weights are `bytes`: little-endian `f32` in the model's order. `found` lists
    /// what the file holds, in the same order. Panics (that is an error of the compiler in a
    /// `static`) where it does not fit the model, naming the first weight that differs; also where
    /// `fingerprint`, that of the file's model, is not the model's own.
    #[doc(hidden)]
    #[track_caller]
    pub const fn new(
        bytes: &'static Aligned<[u8]>,
        found: &[FileWeight],
        fingerprint: u64,
    ) -> Embedded<T> {
        const { assert!(cfg!(target_endian = "little"), "embedded weights are little-endian") };
        check(T::WEIGHTS, found);
        assert!(
            T::FINGERPRINT == fingerprint,
            "the file's model has the same weights and another architecture: an activation, \
             a stride or another argument differs"
        );
        Embedded { model: from_bytes(bytes) }
    }
}

impl<T> Deref for Embedded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.model
    }
}

const fn path(weight: &WeightInfo) -> &str {
    match &weight.path {
        Cow::Borrowed(path) => path,
        Cow::Owned(_) => panic!("a model's constants are borrowed"),
    }
}

#[track_caller]
const fn check(expected: &[WeightInfo], found: &[FileWeight]) {
    let mut i = 0;
    while i < expected.len() || i < found.len() {
        let mut message = Message { bytes: [0; MESSAGE_BYTES], len: 0 };
        if i >= found.len() {
            message
                .text("the file ends before weight `")
                .text(path(&expected[i]))
                .text("` of shape ")
                .shape(extents(&expected[i]));
        } else if i >= expected.len() {
            message
                .text("the file has a weight `")
                .text(found[i].path)
                .text("` that the model does not have");
        } else if !same_text(path(&expected[i]), found[i].path) {
            message
                .text("expected weight `")
                .text(path(&expected[i]))
                .text("`, found `")
                .text(found[i].path)
                .text("`");
        } else if !same_shape(extents(&expected[i]), found[i].shape) {
            message
                .text("weight `")
                .text(found[i].path)
                .text("`: expected shape ")
                .shape(extents(&expected[i]));
            message.text(", found ").shape(found[i].shape);
        }
        if message.len > 0 {
            panic!("{}", message.as_str());
        }
        i += 1;
    }
}

const fn same_text(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut i = 0;
    while i < a.len() && i < b.len() && a[i] == b[i] {
        i += 1;
    }
    a.len() == b.len() && i == a.len()
}

const fn same_shape(a: &[usize], b: &[usize]) -> bool {
    let mut i = 0;
    while i < a.len() && i < b.len() && a[i] == b[i] {
        i += 1;
    }
    a.len() == b.len() && i == a.len()
}

/// Longest message; the rest is cut.
const MESSAGE_BYTES: usize = 512;

/// Text that is put together while compiling, where there is no `format!`.
struct Message {
    bytes: [u8; MESSAGE_BYTES],
    len: usize,
}

impl Message {
    const fn text(&mut self, text: &str) -> &mut Self {
        let text = text.as_bytes();
        let mut i = 0;
        while i < text.len() && self.len < MESSAGE_BYTES {
            self.bytes[self.len] = text[i];
            self.len += 1;
            i += 1;
        }
        self
    }

    const fn number(&mut self, number: usize) -> &mut Self {
        if number >= 10 {
            self.number(number / 10);
        }
        let digits = "0123456789".split_at(number % 10).1;
        self.text(digits.split_at(1).0)
    }

    /// A shape as Python writes it: `(3, 4)`, `(4,)`.
    const fn shape(&mut self, shape: &[usize]) -> &mut Self {
        self.text("(");
        let mut axis = 0;
        while axis < shape.len() {
            if axis > 0 {
                self.text(", ");
            }
            self.number(shape[axis]);
            axis += 1;
        }
        self.text(if shape.len() == 1 { ",)" } else { ")" })
    }

    const fn as_str(&self) -> &str {
        match core::str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => text,
            Err(_) => "the file holds other weights than the model",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::Example;

    const FILE: [FileWeight; 4] = [
        FileWeight { path: "layers/dense/vars/0", shape: &[3, 4] },
        FileWeight { path: "layers/dense/vars/1", shape: &[4] },
        FileWeight { path: "layers/dense_1/vars/0", shape: &[4, 2] },
        FileWeight { path: "layers/dense_1/vars/1", shape: &[2] },
    ];

    const fn bytes() -> [u8; 4 * Example::PARAMS] {
        let mut bytes = [0; 4 * Example::PARAMS];
        bytes[3] = 0xc0; // -2.0, little-endian
        bytes[4 * Example::PARAMS - 2] = 0x40;
        bytes[4 * Example::PARAMS - 1] = 0x40; // 3.0
        bytes
    }

    static MODEL: Embedded<Example> = Embedded::new(&Aligned(bytes()), &FILE, Example::FINGERPRINT);

    #[test]
    fn an_embedded_model_reads_its_bytes() {
        assert_eq!(MODEL.hidden.kernel[0], [-2.0, 0.0, 0.0, 0.0]);
        assert_eq!(MODEL.output.bias, [0.0, 3.0]);
    }

    /// What the compiler says of a file, here said at run time.
    fn refusal(found: &[FileWeight]) -> String {
        let panic = std::panic::catch_unwind(|| check(Example::WEIGHTS, found)).unwrap_err();
        panic.downcast_ref::<String>().expect("a formatted message").clone()
    }

    #[test]
    fn a_file_that_does_not_fit_is_refused_by_name() {
        let mut other = FILE;
        other[2].shape = &[2, 14];
        assert_eq!(
            refusal(&other),
            "weight `layers/dense_1/vars/0`: expected shape (4, 2), found (2, 14)"
        );
        other[1].path = "layers/conv/vars/1";
        assert_eq!(
            refusal(&other),
            "expected weight `layers/dense/vars/1`, found `layers/conv/vars/1`"
        );
        assert_eq!(
            refusal(&FILE[..1]),
            "the file ends before weight `layers/dense/vars/1` of shape (4,)"
        );
        let longer =
            [FILE.as_slice(), &[FileWeight { path: "layers/x/vars/0", shape: &[] }]].concat();
        assert_eq!(
            refusal(&longer),
            "the file has a weight `layers/x/vars/0` that the model does not have"
        );
    }
}
