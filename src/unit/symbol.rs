//! Names of units: `"TB/s"`, `"40 us"`, `"tokens/s"`.

use super::Dimension;

/// A unit as somebody wrote it.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// The text as written; a label for display.
    pub label: String,
    /// SI base units in one of this unit.
    pub factor: f64,
    /// What it measures.
    pub dimension: Dimension,
}

/// Why a text is no unit or no quantity.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum UnitError {
    /// A symbol that no table has.
    #[error("`{found}` is not a unit")]
    UnknownSymbol {
        /// The symbol as written.
        found: String,
    },
    /// `"700"` where `"700 W"` was meant.
    #[error("`{found}` has no unit")]
    NoUnit {
        /// The quantity as written.
        found: String,
    },
    /// `"seven W"`.
    #[error("`{found}` is not a number followed by a unit")]
    NotANumber {
        /// The text as written.
        found: String,
    },
}

/// Counts: dimension 1, kept as a label for display.
const COUNTS: &[&str] = &[
    "1", "token", "tokens", "request", "requests", "GPU", "GPUs", "layer", "layers", "head", "heads", "step", "steps",
    "pixel", "pixels", "image", "images", "video", "videos", "frame", "frames", "expert", "experts", "items", "liter",
    "liters",
];

/// Symbol, SI base units in one of it, dimension.
const SYMBOLS: &[(&str, f64, Dimension)] = &[
    ("s", 1.0, Dimension::TIME),
    ("ms", 1e-3, Dimension::TIME),
    ("us", 1e-6, Dimension::TIME),
    ("ns", 1e-9, Dimension::TIME),
    ("min", 60.0, Dimension::TIME),
    ("h", 3600.0, Dimension::TIME),
    ("J", 1.0, Dimension::ENERGY),
    ("mJ", 1e-3, Dimension::ENERGY),
    ("uJ", 1e-6, Dimension::ENERGY),
    ("kJ", 1e3, Dimension::ENERGY),
    ("MJ", 1e6, Dimension::ENERGY),
    ("pJ", 1e-12, Dimension::ENERGY),
    ("nJ", 1e-9, Dimension::ENERGY),
    ("Wh", 3600.0, Dimension::ENERGY),
    ("kWh", 3.6e6, Dimension::ENERGY),
    ("W", 1.0, Dimension::POWER),
    ("mW", 1e-3, Dimension::POWER),
    ("kW", 1e3, Dimension::POWER),
    ("MW", 1e6, Dimension::POWER),
    ("Hz", 1.0, Dimension::FREQUENCY),
    ("kHz", 1e3, Dimension::FREQUENCY),
    ("MHz", 1e6, Dimension::FREQUENCY),
    ("GHz", 1e9, Dimension::FREQUENCY),
    ("B", 1.0, Dimension::BYTES),
    ("kB", 1e3, Dimension::BYTES),
    ("MB", 1e6, Dimension::BYTES),
    ("GB", 1e9, Dimension::BYTES),
    ("TB", 1e12, Dimension::BYTES),
    ("KiB", 1024.0, Dimension::BYTES),
    ("MiB", 1_048_576.0, Dimension::BYTES),
    ("GiB", 1_073_741_824.0, Dimension::BYTES),
    ("TiB", 1_099_511_627_776.0, Dimension::BYTES),
    ("FLOP", 1.0, Dimension::FLOP),
    ("GFLOP", 1e9, Dimension::FLOP),
    ("TFLOP", 1e12, Dimension::FLOP),
    ("PFLOP", 1e15, Dimension::FLOP),
    ("K", 1.0, Dimension::TEMPERATURE),
    ("percent", 0.01, Dimension::ONE),
    ("%", 0.01, Dimension::ONE),
    ("thousand", 1e3, Dimension::ONE),
    ("million", 1e6, Dimension::ONE),
    ("billion", 1e9, Dimension::ONE),
    ("trillion", 1e12, Dimension::ONE),
    ("ppm", 1e-6, Dimension::ONE),
];

/// Factor and dimension of one symbol.
fn symbol(text: &str) -> Option<(f64, Dimension)> {
    if COUNTS.contains(&text) {
        return Some((1.0, Dimension::ONE));
    }
    SYMBOLS.iter().find(|(name, ..)| *name == text).map(|&(_, factor, dimension)| (factor, dimension))
}

impl Unit {
    /// Reads a product or quotient of symbols with whole powers: `"TB/s"`, `"J/tokens"`, `"s^2"`, `"W*h"`.
    /// Several divisors may follow one slash as factors of their own: `"B/s/GPU"`.
    pub fn parse(text: &str) -> Result<Self, UnitError> {
        let trimmed = text.trim();
        let unknown = |found: &str| UnitError::UnknownSymbol { found: found.to_owned() };
        if trimmed.is_empty() {
            return Err(unknown(text));
        }
        let (mut factor, mut dimension) = (1.0, Dimension::ONE);
        for (index, quotient) in trimmed.split('/').enumerate() {
            for part in quotient.split(['*', '·']) {
                let (name, exponent) = match part.split_once('^') {
                    Some((name, exponent)) => (name.trim(), exponent.trim().parse::<f64>().map_err(|_| unknown(part))?),
                    None => (part.trim(), 1.0),
                };
                let (own_factor, own_dimension) = symbol(name).ok_or_else(|| unknown(name))?;
                let signed = if index == 0 { exponent } else { -exponent };
                factor *= own_factor.powf(signed);
                dimension = dimension * own_dimension.power(signed).ok_or_else(|| unknown(part))?;
            }
        }
        Ok(Self { label: trimmed.to_owned(), factor, dimension })
    }

    /// Whether `text` is one symbol of the tables (used by the reader of literals such as `40 us`).
    pub fn is_symbol(text: &str) -> bool {
        symbol(text).is_some()
    }
}

/// Reads `"3.35 TB/s"` into SI base units and its dimension. A bare number is an error that asks for a unit.
pub fn parse_quantity(text: &str) -> Result<(f64, Unit), UnitError> {
    let trimmed = text.trim();
    let split = trimmed
        .char_indices()
        .find(|&(at, c)| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | '_') || is_exponent(trimmed, at)))
        .map_or(trimmed.len(), |(at, _)| at);
    let number: f64 =
        trimmed[..split].replace('_', "").parse().map_err(|_| UnitError::NotANumber { found: text.to_owned() })?;
    if trimmed[split..].trim().is_empty() {
        return Err(UnitError::NoUnit { found: text.to_owned() });
    }
    let unit = Unit::parse(&trimmed[split..])?;
    Ok((number * unit.factor, unit))
}

/// Whether the letter at `at` is the `e` of a number such as `1.5e-3`.
fn is_exponent(text: &str, at: usize) -> bool {
    let bytes = text.as_bytes();
    matches!(bytes[at], b'e' | b'E')
        && at > 0
        && bytes[at - 1].is_ascii_digit()
        && bytes.get(at + 1).is_some_and(|b| b.is_ascii_digit() || matches!(b, b'-' | b'+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_become_si() {
        let case = |text: &str, value: f64, dimension: Dimension| {
            let (found, unit) = parse_quantity(text).unwrap();
            assert!((found / value - 1.0).abs() < 1e-12, "{text}: {found}");
            assert_eq!(unit.dimension, dimension, "{text}");
        };
        case("3.35 TB/s", 3.35e12, Dimension::BYTES / Dimension::TIME);
        case("40us", 40e-6, Dimension::TIME);
        case("1.5e-3 s", 1.5e-3, Dimension::TIME);
        case("700 W", 700.0, Dimension::POWER);
        case("1.5 kWh", 5.4e6, Dimension::ENERGY);
        case("20 tokens/s", 20.0, Dimension::FREQUENCY);
    }

    #[test]
    fn a_bare_number_asks_for_a_unit() {
        assert_eq!(parse_quantity("700"), Err(UnitError::NoUnit { found: "700".into() }));
        assert_eq!(parse_quantity("700 Q"), Err(UnitError::UnknownSymbol { found: "Q".into() }));
        assert_eq!(parse_quantity("fast"), Err(UnitError::NotANumber { found: "fast".into() }));
    }
}
