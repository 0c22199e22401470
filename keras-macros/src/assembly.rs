//! Data of the program that the assembler copies from a file.
//!
//! `include_bytes!` of a large file makes the compiler hold the bytes as a literal, as a constant,
//! as LLVM's constant and, in an optimised build, as bitcode for each unit of code. `.incbin` of
//! `global_asm!` is a line of text until the object file is written.
//!
//! The object formats differ in sections, and in how a definition that is there twice is dropped.

use std::hash::{DefaultHasher, Hash, Hasher};

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::quote;

/// Pieces of a file that lie one behind the other in the program.
pub(crate) struct Pieces {
    /// Path of the file, from the root of the file system.
    pub(crate) path: String,
    /// Checksum of the file's numbers.
    pub(crate) checksum: u32,
    /// First byte in the file and length of each piece.
    pub(crate) places: Vec<[usize; 2]>,
}

impl Pieces {
    /// Length of all pieces together.
    pub(crate) fn len(&self) -> usize {
        self.places.iter().map(|[_, len]| len).sum()
    }

    /// A name that the file's numbers alone have in the program. Whoever embeds the same file, in
    /// one crate or several, shares them.
    fn symbol(&self) -> String {
        let mut hasher = DefaultHasher::new();
        (&self.path, self.checksum, &self.places).hash(&mut hasher);
        format!("keras_embed_{:016x}", hasher.finish())
    }
}

/// LLVM's assembler copies a piece to memory that it doubles when it is full, and starts anew for
/// the next.
const CHUNK_BYTES: usize = 4 << 20;

/// The condition under which [`bytes`] compiles.
pub(crate) fn is_supported() -> TokenStream {
    let (elf, mach_o, coff) = formats();
    quote! { all(any(#elf, #mach_o, #coff), not(miri)) }
}

/// The conditions of ELF, Mach-O and COFF, for systems and processors where `global_asm!` is
/// stable.
fn formats() -> (TokenStream, TokenStream, TokenStream) {
    let elf = quote! {
        all(
            any(
                target_os = "linux",
                target_os = "android",
                target_os = "freebsd",
                target_os = "netbsd",
                target_os = "openbsd",
                target_os = "none"
            ),
            any(
                target_arch = "x86",
                target_arch = "x86_64",
                target_arch = "arm",
                target_arch = "aarch64",
                target_arch = "riscv32",
                target_arch = "riscv64",
                target_arch = "loongarch64"
            )
        )
    };
    let mach_o = quote! {
        all(target_vendor = "apple", any(target_arch = "x86_64", target_arch = "aarch64"))
    };
    // On 32 bits, names have an underscore in front and those of some functions more.
    let coff = quote! {
        all(target_os = "windows", any(target_arch = "x86_64", target_arch = "aarch64"))
    };
    (elf, mach_o, coff)
}

/// A constant `BYTES`, the address of the pieces' copy in the program.
pub(crate) fn bytes(pieces: &Pieces) -> TokenStream {
    let symbol = pieces.symbol();
    let (elf, mach_o, coff) = formats();
    let (elf_text, mach_o_text, coff_text) = (
        text(&elf_section(&symbol), &symbol, pieces),
        text(&mach_o_section(&symbol), &format!("_{symbol}"), pieces),
        text(&coff_section(&symbol), &symbol, pieces),
    );
    let symbol = Ident::new(&symbol, Span::mixed_site());
    let len = Literal::usize_unsuffixed(pieces.len());
    quote! {
        const BYTES: &::keras::__private::Aligned<[::core::primitive::u8]> = {
            // `global_asm!` is an item, and a block holds it only within a module.
            mod assembled {
                #[cfg(#elf)]
                ::core::arch::global_asm!(#elf_text, options(raw));
                #[cfg(#mach_o)]
                ::core::arch::global_asm!(#mach_o_text, options(raw));
                #[cfg(#coff)]
                ::core::arch::global_asm!(#coff_text, options(raw));
                unsafe extern "C" {
                    pub(super) safe static #symbol:
                        ::keras::__private::Aligned<[::core::primitive::u8; #len]>;
                }
            }
            &assembled::#symbol
        };
    }
}

/// The directives that define a symbol of some pieces, in a section that `section` begins.
fn text(section: &str, symbol: &str, pieces: &Pieces) -> String {
    // In the assembler's text as in Rust's.
    let path = pieces.path.replace('\\', "\\\\").replace('"', "\\\"");
    // What one unit of code embeds twice, or several do that link-time optimisation makes one of,
    // is defined once.
    let mut text = format!(".ifndef {symbol}\n{section}\n.p2align 6\n{symbol}:\n");
    for &[start, len] in &pieces.places {
        for first in (0..len).step_by(CHUNK_BYTES) {
            let (start, len) = (start + first, CHUNK_BYTES.min(len - first));
            text += &format!(".incbin \"{path}\", {start}, {len}\n");
        }
    }
    // Were the file cut short meanwhile, zeros would follow: nothing beyond is ever read.
    text + &format!(".org {symbol} + {}\n.popsection\n.endif\n", pieces.len())
}

fn elf_section(symbol: &str) -> String {
    format!(
        ".pushsection .rodata.{symbol}, \"aG\", %progbits, {symbol}, comdat\n\
         .weak {symbol}\n.hidden {symbol}\n.type {symbol}, %object"
    )
}

fn mach_o_section(symbol: &str) -> String {
    format!(
        ".pushsection __TEXT, __const\n.globl _{symbol}\n.weak_definition _{symbol}\n\
         .private_extern _{symbol}"
    )
}

fn coff_section(symbol: &str) -> String {
    format!(".pushsection .rdata${symbol}, \"dr\", discard, {symbol}\n.globl {symbol}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(path: &str, checksum: u32) -> Pieces {
        let places = vec![[300, CHUNK_BYTES + 8], [40, 12]];
        Pieces { path: path.to_owned(), checksum, places }
    }

    #[test]
    fn pieces_become_directives_in_their_order() {
        let text = text(".section", "numbers", &pieces(r#"C:\a "b".keras"#, 1));
        let path = r#""C:\\a \"b\".keras""#;
        let expected = [
            ".ifndef numbers".to_owned(),
            ".section".to_owned(),
            ".p2align 6".to_owned(),
            "numbers:".to_owned(),
            format!(".incbin {path}, 300, 4194304"),
            format!(".incbin {path}, 4194604, 8"),
            format!(".incbin {path}, 40, 12"),
            ".org numbers + 4194324".to_owned(),
            ".popsection".to_owned(),
            ".endif".to_owned(),
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn only_the_same_numbers_share_a_symbol() {
        let symbol = pieces("/a.keras", 1).symbol();
        assert_eq!(symbol, pieces("/a.keras", 1).symbol());
        assert_ne!(symbol, pieces("/b.keras", 1).symbol());
        assert_ne!(symbol, pieces("/a.keras", 2).symbol());
        let other = Pieces { places: vec![[40, 12]], ..pieces("/a.keras", 1) };
        assert_ne!(symbol, other.symbol());
    }
}
