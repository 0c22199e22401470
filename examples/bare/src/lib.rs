//! A trained model for a machine without an operating system: a static library with one function,
//! to be called from C or from a firmware in Rust.
//!
//! ```c
//! uint32_t classify(const float image[64], float probabilities[10]);
//! ```
//!
//! Nothing here needs the standard library, and no call allocates. `tools/bare.sh` builds it for
//! a microcontroller and for the host, where `main.c` calls it.

#![no_std]

use core::alloc::{GlobalAlloc, Layout};
use core::panic::PanicInfo;
use core::ptr::null_mut;

use keras::{Embedded, Infer, embed, model};

model! {
    /// The model of the example `digits`, as the file says it.
    pub struct Digits = include!("../digits.keras");
}

static DIGITS: Embedded<Digits> = embed!("../digits.keras");

/// Returns the digit that an image most likely shows, and writes the probability of each digit.
#[unsafe(no_mangle)]
pub extern "C" fn classify(image: &[[[f32; 1]; 8]; 8], probabilities: &mut [f32; 10]) -> u32 {
    let mut scratch = [0.0; Digits::SCRATCH_BYTES / size_of::<f32>()];
    DIGITS.call_into(&mut scratch, image, probabilities);
    let most_likely =
        (0..10).max_by(|&a: &usize, &b| probabilities[a].total_cmp(&probabilities[b]));
    most_likely.map_or(0, |digit| digit as u32)
}

/// Has no memory to give: whatever asks for some panics. The linker wants an allocator, as a model
/// can be copied into a `Box`.
struct Nothing;

// SAFETY: a null pointer says that there is no memory, so nothing is ever given back.
unsafe impl GlobalAlloc for Nothing {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        null_mut()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: Nothing = Nothing;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}
