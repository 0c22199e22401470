//! Parameters about axes and extents: kernels, strides, padding, shapes.
//!
//! What Keras has for sequences and for images alike is written once, for `N` axes.

use super::{MAX_COUNT, count, unknown_word, word};
use crate::schema::{Mismatch, ParameterType};
use crate::value::Value;

/// The order of the axes of a sequence (`N` = 1) or an image (2), with `LEADING` axes before
/// them, such as that of time: channels last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelsLast<const N: usize, const LEADING: usize = 0>;

impl<const N: usize, const LEADING: usize> ParameterType for ChannelsLast<N, LEADING> {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        match value {
            Value::None => Ok(ChannelsLast),
            Value::Str(format) if format == "channels_last" => Ok(ChannelsLast),
            _ => {
                let channels = LEADING + 1;
                let cells = channels + 1..channels + 1 + N;
                let axes: Vec<String> =
                    (1..channels).chain(cells).map(|axis| axis.to_string()).collect();
                Err(Mismatch {
                    expected: "only `\"channels_last\"` or `None`".to_string(),
                    help: Some(format!(
                        "put `Permute(({}, {channels}))` before the layer to move the channels",
                        axes.join(", ")
                    )),
                })
            }
        }
    }

    fn to_value(&self) -> Value {
        Value::Str("channels_last".to_string())
    }
}

/// A count for each axis of windows: the steps of a sequence (`N` = 1), height and width of an
/// image (2). One number stands for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes<const N: usize>(pub [usize; N]);

impl<const N: usize> ParameterType for Sizes<N> {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        sizes(value, 1)
            .map(Sizes)
            .ok_or_else(|| Mismatch::expected(format!("a positive integer{}", or_tuple::<N>(3))))
    }

    fn to_value(&self) -> Value {
        Value::List(self.0.iter().map(usize::to_value).collect())
    }
}

/// ` or a tuple of 2, such as ..`, where one number is not all there is.
fn or_tuple<const N: usize>(example: usize) -> String {
    match N {
        1 => String::new(),
        _ => format!(" or a tuple of {N}, such as `{}`", Sizes([example; N]).to_value()),
    }
}

fn sizes<const N: usize>(value: &Value, least: i64) -> Option<[usize; N]> {
    match value {
        Value::List(items) => {
            let sizes: Option<Vec<usize>> = items.iter().map(|item| count(item, least)).collect();
            sizes?.try_into().ok()
        }
        _ => count(value, least).map(|all| [all; N]),
    }
}

/// A count for each axis of windows, which may be 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZeroSizes<const N: usize>(pub [usize; N]);

impl<const N: usize> ParameterType for ZeroSizes<N> {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        sizes(value, 0).map(ZeroSizes).ok_or_else(|| {
            Mismatch::expected(format!("an integer of at least 0{}", or_tuple::<N>(1)))
        })
    }

    fn to_value(&self) -> Value {
        Sizes(self.0).to_value()
    }
}

/// What is added to, or cut off, each axis in front and behind: `[left, right]` of a sequence,
/// `[[top, bottom], [left, right]]` of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Margins<const N: usize>(pub [[usize; 2]; N]);

impl<const N: usize> ParameterType for Margins<N> {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let margins: Option<Vec<[usize; 2]>> = match value {
            Value::List(items) if N > 1 => items.iter().map(|item| sizes(item, 0)).collect(),
            _ => sizes(value, 0).map(|both| vec![both; N]),
        };
        margins.and_then(|margins| margins.try_into().ok()).map(Margins).ok_or_else(|| {
            Mismatch::expected(match N {
                1 => "an integer or a tuple `(left, right)`, none negative",
                _ => {
                    "an integer, a tuple `(height, width)` or `((top, bottom), (left, right))`, \
                     none negative"
                }
            })
        })
    }

    fn to_value(&self) -> Value {
        match self.0.as_slice() {
            [sides] => Sizes(*sides).to_value(),
            all => Value::List(all.iter().map(|&sides| Sizes(sides).to_value()).collect()),
        }
    }
}

/// How windows meet the edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Windows stay within the image.
    Valid,
    /// Zeros around the image, so that at stride 1 the output is as large as the input.
    Same,
    /// Zeros in front of a sequence, so that no window sees what comes later.
    Causal,
}

const PADDINGS: [(&str, Padding); 3] =
    [("valid", Padding::Valid), ("same", Padding::Same), ("causal", Padding::Causal)];

impl Padding {
    /// The padding that a value says, one of the first `count` of [`PADDINGS`].
    fn among(value: &Value, count: usize) -> Result<Padding, Mismatch> {
        let known = &PADDINGS[..count];
        let name = word(value).map(str::to_ascii_lowercase);
        let found = known.iter().find(|(known, _)| Some(*known) == name.as_deref());
        found.map(|(_, padding)| *padding).ok_or_else(|| {
            let names = known.iter().map(|(name, _)| *name);
            let quoted: Vec<String> = names.clone().map(|name| format!("`\"{name}\"`")).collect();
            let (last, others) = quoted.split_last().expect("there is more than one padding");
            unknown_word(value, format!("{} or {last}", others.join(", ")), names)
        })
    }
}

impl ParameterType for Padding {
    /// `"causal"` is refused: a [`CausalPadding`] takes it.
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        Padding::among(value, 2)
    }

    fn to_value(&self) -> Value {
        let known = PADDINGS.iter().find(|(_, padding)| padding == self);
        Value::Str(known.map_or("valid", |(name, _)| name).to_string())
    }
}

/// A padding that may be causal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CausalPadding(pub Padding);

impl ParameterType for CausalPadding {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        Padding::among(value, 3).map(CausalPadding)
    }

    fn to_value(&self) -> Value {
        self.0.to_value()
    }
}

impl From<Padding> for CausalPadding {
    fn from(padding: Padding) -> CausalPadding {
        CausalPadding(padding)
    }
}

impl From<CausalPadding> for Padding {
    fn from(padding: CausalPadding) -> Padding {
        padding.0
    }
}

/// One axis or several, as Keras counts them: 0 is the batch, negative ones count from the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Axes {
    /// Written as a number.
    One(i64),
    /// Written as a list.
    Many(Vec<i64>),
}

impl Axes {
    /// The axes as a list.
    pub fn list(&self) -> &[i64] {
        match self {
            Axes::One(axis) => std::slice::from_ref(axis),
            Axes::Many(axes) => axes,
        }
    }
}

impl ParameterType for Axes {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let axes = match value {
            Value::List(items) if !items.is_empty() => integers(items).map(Axes::Many),
            value => value.integer().map(Axes::One),
        };
        axes.ok_or_else(|| Mismatch::expected("an axis, such as `-1`, or a list of axes"))
    }

    fn to_value(&self) -> Value {
        match self {
            Axes::One(axis) => Value::Int(*axis),
            Axes::Many(axes) => Value::List(axes.iter().map(i64::to_value).collect()),
        }
    }
}

fn integers(items: &[Value]) -> Option<Vec<i64>> {
    items.iter().map(|item| i64::from_value(item).ok()).collect()
}

/// A list of extents, of which one may be -1: it follows from the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetShape(pub Vec<i64>);

impl TargetShape {
    /// The extents for so many elements, and that of -1; None if they do not fit.
    pub fn of(&self, len: usize) -> Option<Vec<usize>> {
        let known = self.known();
        let is_open = self.0.contains(&-1);
        let fits = if is_open { len.is_multiple_of(known) } else { len == known };
        let extent = |&extent: &i64| usize::try_from(extent).unwrap_or(len / known);
        fits.then(|| self.0.iter().map(extent).collect())
    }

    /// The product of the extents that are known.
    pub fn known(&self) -> usize {
        let known = self.0.iter().filter_map(|&extent| usize::try_from(extent).ok());
        known.fold(1, usize::saturating_mul)
    }
}

impl ParameterType for TargetShape {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let extents = match value {
            Value::List(items) => integers(items),
            _ => None,
        };
        let legal = |extents: &Vec<i64>| {
            extents.iter().filter(|&&extent| extent == -1).count() <= 1
                && extents.iter().all(|&extent| extent == -1 || (1..=MAX_COUNT).contains(&extent))
        };
        extents.filter(legal).map(TargetShape).ok_or_else(|| {
            Mismatch::expected(
                "a tuple of positive integers, of which one may be -1, such as `(28, 28, 1)`",
            )
        })
    }

    fn to_value(&self) -> Value {
        Value::List(self.0.iter().map(i64::to_value).collect())
    }
}

/// A list of positive integers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts(pub Vec<usize>);

impl ParameterType for Counts {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let counts = match value {
            Value::List(items) => items.iter().map(|item| count(item, 1)).collect(),
            _ => None,
        };
        counts
            .map(Counts)
            .ok_or_else(|| Mismatch::expected("a tuple of positive integers, such as `(2, 1)`"))
    }

    fn to_value(&self) -> Value {
        Value::List(self.0.iter().map(usize::to_value).collect())
    }
}

/// Into how many groups channels are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupCount {
    /// So many.
    Groups(usize),
    /// As many as there are channels, written as -1.
    EachChannel,
}

impl ParameterType for GroupCount {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        match value.integer() {
            Some(-1) => Ok(GroupCount::EachChannel),
            _ => count(value, 1).map(GroupCount::Groups).ok_or_else(|| {
                Mismatch::expected("a positive integer, or -1 for groups of one channel")
            }),
        }
    }

    fn to_value(&self) -> Value {
        match self {
            GroupCount::Groups(groups) => groups.to_value(),
            GroupCount::EachChannel => Value::Int(-1),
        }
    }
}

/// Extents behind the steps of a sequence; one number is a list of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extents(pub Vec<usize>);

impl ParameterType for Extents {
    fn from_value(value: &Value) -> Result<Self, Mismatch> {
        let extents = match value {
            Value::List(items) if !items.is_empty() => {
                items.iter().map(|item| count(item, 1)).collect()
            }
            value => count(value, 1).map(|extent| vec![extent]),
        };
        extents
            .map(Extents)
            .ok_or_else(|| Mismatch::expected("a positive integer or a tuple of them"))
    }

    fn to_value(&self) -> Value {
        Value::List(self.0.iter().map(usize::to_value).collect())
    }
}
