//! The inner loops of every product: tiles of the result that stay in registers.
//!
//! A product is cut into *panels* of a few vectors of columns, and a panel into tiles of rows. A
//! tile's sums are built by one fused multiply-add for each element of the inner axis, in its
//! order; so an element's value depends on its own row and column alone, never on the rows that
//! come with it.
//!
//! A left matrix by [`Rows`] is read along its rows, which may overlap and consist of several runs:
//! that makes a convolution a product without copies. One by [`Columns`] is read down its columns,
//! as gradients of weights need it. Source: Goto and van de Geijn, "Anatomy of High-Performance
//! Matrix Multiplication", 2008.

mod left;
mod multiply;
mod panels;
mod right;

pub(super) use self::left::{Columns, Left, Rows};
pub(super) use self::multiply::{Product, Write, multiply};
pub(super) use self::panels::{Panel, Panels, largest_height};
pub(super) use self::right::{CACHE_LINE, Right};
