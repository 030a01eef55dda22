//! Dimensions: exponents of the base units s, J, B, FLOP and K.

use std::fmt;
use std::ops::{Div, Mul};

/// Names of the base units, in the order of the exponents.
const BASE: [&str; 5] = ["s", "J", "B", "FLOP", "K"];

/// Exponents are kept in twelfths, so that square and cube roots stay exact.
const DENOMINATOR: i32 = 12;

/// A product of powers of the base units. Counts (tokens, requests, GPUs) have dimension 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Dimension([i32; 5]);

impl Dimension {
    /// A pure number or a count.
    pub const ONE: Self = Self([0; 5]);
    /// Time, s.
    pub const TIME: Self = Self([DENOMINATOR, 0, 0, 0, 0]);
    /// Energy, J.
    pub const ENERGY: Self = Self([0, DENOMINATOR, 0, 0, 0]);
    /// Data, B.
    pub const BYTES: Self = Self([0, 0, DENOMINATOR, 0, 0]);
    /// Arithmetic, FLOP.
    pub const FLOP: Self = Self([0, 0, 0, DENOMINATOR, 0]);
    /// Temperature, K.
    pub const TEMPERATURE: Self = Self([0, 0, 0, 0, DENOMINATOR]);
    /// Power, W = J/s.
    pub const POWER: Self = Self([-DENOMINATOR, DENOMINATOR, 0, 0, 0]);
    /// Frequency, Hz = 1/s.
    pub const FREQUENCY: Self = Self([-DENOMINATOR, 0, 0, 0, 0]);

    /// Whether this is a pure number or a count.
    pub fn is_one(self) -> bool {
        self == Self::ONE
    }

    /// The dimension to a power; `None` if an exponent would not be a multiple of 1/12.
    pub fn power(self, exponent: f64) -> Option<Self> {
        let mut result = [0; 5];
        for (slot, own) in result.iter_mut().zip(self.0) {
            let scaled = f64::from(own) * exponent;
            if (scaled - scaled.round()).abs() > 1e-9 {
                return None;
            }
            *slot = scaled.round() as i32;
        }
        Some(Self(result))
    }
}

impl Mul for Dimension {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + other.0[i]))
    }
}

impl Div for Dimension {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] - other.0[i]))
    }
}

impl fmt::Display for Dimension {
    /// `1`, `s`, `W`, `B/s`, `B·s/FLOP`, `s^0.5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_one() {
            return f.write_str("1");
        }
        if *self == Self::POWER {
            return f.write_str("W");
        }
        if *self == Self::FREQUENCY {
            return f.write_str("Hz");
        }
        let factors = |sign: i32| {
            BASE.iter()
                .zip(self.0)
                .filter(|(_, exponent)| exponent * sign > 0)
                .map(|(name, exponent)| {
                    let power = f64::from(exponent * sign) / f64::from(DENOMINATOR);
                    if power == 1.0 { (*name).to_owned() } else { format!("{name}^{power}") }
                })
                .collect::<Vec<_>>()
                .join("·")
        };
        let (above, below) = (factors(1), factors(-1));
        match (above.is_empty(), below.is_empty()) {
            (false, true) => f.write_str(&above),
            (true, _) => write!(f, "1/{below}"),
            (false, false) => write!(f, "{above}/{below}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions_are_written_as_a_reader_expects() {
        let case = |dimension: Dimension, text: &str| assert_eq!(dimension.to_string(), text);
        case(Dimension::ONE, "1");
        case(Dimension::POWER, "W");
        case(Dimension::BYTES / Dimension::TIME, "B/s");
        case(Dimension::BYTES * Dimension::TIME / Dimension::FLOP, "s·B/FLOP");
        case(Dimension::TIME.power(0.5).unwrap(), "s^0.5");
        case(Dimension::ONE / Dimension::ENERGY, "1/J");
    }

    #[test]
    fn a_root_that_twelfths_cannot_hold_is_refused() {
        assert_eq!(Dimension::TIME.power(0.69), None);
        assert_eq!(Dimension::ONE.power(0.69), Some(Dimension::ONE));
    }
}
