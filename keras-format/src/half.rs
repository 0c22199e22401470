//! Floats of 16 bits, widened to `f32` without rounding.
//!
//! A file's weights are all that is ever read of them, so two functions stand here and no crate.

/// Exponent of all ones: infinities and NaN.
const SPECIAL: u32 = 31;
/// The bias of an `f32`'s exponent less that of an IEEE half's: 127 - 15.
const REBIAS: u32 = 112;
/// Bits of an `f32`'s fraction, and how many of them a half lacks.
const FRACTION_BITS: u32 = 23;
const LACKING_BITS: u32 = 13;
/// The smallest half above zero, `2^-24`.
const SMALLEST: f32 = 1.0 / (1 << 24) as f32;

/// The value of an IEEE half: a sign bit, 5 bits of exponent, 10 of fraction. Source: IEEE
/// 754-2008, binary16.
pub(crate) fn from_ieee(bits: u16) -> f32 {
    let sign = u32::from(bits >> 15) << 31;
    let exponent = u32::from(bits >> 10) & SPECIAL;
    let fraction = u32::from(bits & 0x3ff);
    let magnitude = match exponent {
        0 => (fraction as f32 * SMALLEST).to_bits(),
        SPECIAL => f32::INFINITY.to_bits() | fraction << LACKING_BITS,
        _ => (exponent + REBIAS) << FRACTION_BITS | fraction << LACKING_BITS,
    };
    f32::from_bits(sign | magnitude)
}

/// The value of a bfloat16: the upper half of an `f32`.
pub(crate) fn from_bfloat(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_by_hand() {
        let cases = [
            (0x0000, 0.0),
            (0x8000, -0.0),
            (0x3c00, 1.0),
            (0xc580, -5.5),
            (0x3555, 0.333_251_95),
            (0x7bff, 65_504.0),
            (0x0400, 6.103_515_6e-5), // the smallest normal
            (0x03ff, 6.097_555e-5),   // the largest below
            (0x8001, -5.960_464_5e-8),
            (0x7c00, f32::INFINITY),
            (0xfc00, f32::NEG_INFINITY),
        ];
        for (bits, value) in cases {
            assert_eq!(from_ieee(bits).to_bits(), f32::to_bits(value), "{bits:#06x}");
        }
        assert!(from_ieee(0x7e01).is_nan() && from_ieee(0xfd00).is_nan());
    }

    #[test]
    fn bfloats_by_hand() {
        let cases = [(0x3f80, 1.0), (0xc0b0, -5.5), (0x8000, -0.0), (0xff80, f32::NEG_INFINITY)];
        for (bits, value) in cases {
            assert_eq!(from_bfloat(bits).to_bits(), f32::to_bits(value), "{bits:#06x}");
        }
        assert!(from_bfloat(0x7fc1).is_nan());
    }
}
