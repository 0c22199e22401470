//! Plain data as Rust source.
//!
//! A [`Plan`](crate::plan::Plan) is made while a macro expands and becomes a constant of the user's
//! program. `literal!` declares a struct together with the source that makes it again; the paths
//! are those of the facade's private module.

use alloc::string::String;
use core::fmt::Write as _;

/// A value that can be written as a Rust expression.
pub trait Literal {
    /// Appends the expression to `out`.
    fn write(&self, out: &mut String);

    /// The expression.
    fn literal(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }
}

/// Declares structs and writes [`Literal`] for them.
macro_rules! literal {
    ($($(#[$docs:meta])* pub struct $name:ident {
        $($(#[$field_docs:meta])* pub $field:ident: $type:ty),* $(,)?
    })*) => {
        $(
            $(#[$docs])*
            pub struct $name { $($(#[$field_docs])* #[allow(missing_docs)] pub $field: $type,)* }

            impl $crate::literal::Literal for $name {
                fn write(&self, out: &mut alloc::string::String) {
                    out.push_str(concat!("::keras::__private::", stringify!($name), "{"));
                    $(
                        out.push_str(concat!(stringify!($field), ": "));
                        $crate::literal::Literal::write(&self.$field, out);
                        out.push(',');
                    )*
                    out.push('}');
                }
            }
        )*
    };
}
pub(crate) use literal;

/// Writes [`Literal`] for enums without fields.
macro_rules! literal_enum {
    ($name:ident { $($variant:ident),* $(,)? }) => {
        impl $crate::literal::Literal for $name {
            fn write(&self, out: &mut alloc::string::String) {
                out.push_str(match self {
                    $($name::$variant => concat!(
                        "::keras::__private::", stringify!($name), "::", stringify!($variant)
                    ),)*
                });
            }
        }
    };
}
pub(crate) use literal_enum;

macro_rules! integers {
    ($($type:ident),*) => {
        $(impl Literal for $type {
            fn write(&self, out: &mut String) {
                write!(out, concat!("{}", stringify!($type)), self)
                    .expect("writing to a string cannot fail");
            }
        })*
    };
}
integers!(usize, u32, u64, i64);

impl Literal for bool {
    fn write(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }
}

impl Literal for f32 {
    fn write(&self, out: &mut String) {
        // Bits, so that infinities and the last digit survive.
        write!(out, "::core::primitive::f32::from_bits({}u32)", self.to_bits())
            .expect("writing to a string cannot fail");
    }
}

impl Literal for str {
    fn write(&self, out: &mut String) {
        write!(out, "{self:?}").expect("writing to a string cannot fail");
    }
}

impl<T: Literal> Literal for Option<T> {
    fn write(&self, out: &mut String) {
        match self {
            None => out.push_str("::core::option::Option::None"),
            Some(value) => {
                out.push_str("::core::option::Option::Some(");
                value.write(out);
                out.push(')');
            }
        }
    }
}

impl<T: Literal, const N: usize> Literal for [T; N] {
    fn write(&self, out: &mut String) {
        out.push('[');
        for item in self {
            item.write(out);
            out.push(',');
        }
        out.push(']');
    }
}

/// A list that is a constant in an emitted program and a vector in one that plans at run time.
pub type List<T> = alloc::borrow::Cow<'static, [T]>;

/// Text that is a constant in an emitted program.
pub type Text = alloc::borrow::Cow<'static, str>;

impl<T: Literal + Clone> Literal for List<T> {
    fn write(&self, out: &mut String) {
        out.push_str("::keras::__private::List::Borrowed(&[");
        for item in self.iter() {
            item.write(out);
            out.push(',');
        }
        out.push_str("])");
    }
}

impl Literal for Text {
    fn write(&self, out: &mut String) {
        out.push_str("::keras::__private::Text::Borrowed(");
        Literal::write(self.as_ref(), out);
        out.push(')');
    }
}
