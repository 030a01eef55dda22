//! Units are crossed here, once: a number of a source becomes one in SI.

use crate::unit::{Dimension, Unit, UnitError};

/// 0 °C in kelvin.
const FREEZING: f64 = 273.15;

/// How a number of the source becomes SI.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    factor: f64,
    offset: f64,
}

/// Why a unit of a source is not that of a column.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ScaleFault {
    /// No unit that is known.
    Unknown(UnitError),
    /// A unit of something else: what the column measures, and what the source does.
    Other(Dimension, Dimension),
}

impl Scale {
    pub(super) const ONE: Self = Self { factor: 1.0, offset: 0.0 };

    /// From `unit` to the SI unit `own`, which stands in the table of names or in a declaration.
    pub(super) fn between(unit: &str, own: &str) -> Result<Self, ScaleFault> {
        if unit == "degC" && own == "K" {
            return Ok(Self { factor: 1.0, offset: FREEZING });
        }
        let own = Unit::parse(own).expect("names and declarations hold units that parse");
        let found = Unit::parse(unit).map_err(ScaleFault::Unknown)?;
        if found.dimension != own.dimension {
            return Err(ScaleFault::Other(own.dimension, found.dimension));
        }
        Ok(Self { factor: found.factor, offset: 0.0 })
    }

    /// `number` in SI. A small factor divides by its inverse: 1000 is exact in binary, 0.001 is not.
    pub(super) fn to_si(self, number: f64) -> f64 {
        let scaled = if self.factor < 1.0 { number / (1.0 / self.factor) } else { number * self.factor };
        scaled + self.offset
    }
}

/// Words that other programs use in units, and the symbol that is meant; counts carry no unit.
const WORDS: &[(&str, &str)] = &[
    ("sec", "s"),
    ("second", "s"),
    ("seconds", "s"),
    ("milliseconds", "ms"),
    ("microseconds", "us"),
    ("nanoseconds", "ns"),
    ("Watt", "W"),
    ("Watts", "W"),
    ("watts", "W"),
    ("Joule", "J"),
    ("Joules", "J"),
    ("joules", "J"),
    ("percent", "percent"),
    ("fraction", "1"),
    ("ratio", "1"),
    ("count", "1"),
    ("query", "1"),
    ("queries", "1"),
    ("user", "1"),
    ("users", "1"),
    ("output_token", "1"),
    ("total_token", "1"),
    ("C", "degC"),
    ("°C", "degC"),
    ("celsius", "degC"),
];

/// The unit that another program means: `requests/sec` is `requests/s`, `mJ/token` stays.
pub(super) fn meant(unit: &str) -> String {
    let word = |word: &str| {
        let word = word.trim();
        WORDS.iter().find(|(theirs, _)| *theirs == word).map_or(word, |(_, ours)| ours).to_owned()
    };
    unit.split('/').map(word).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_other_programs_become_si() {
        let case = |unit: &str, own: &str, number: f64, expected: f64| {
            let scale = Scale::between(&meant(unit), own).unwrap_or_else(|fault| panic!("{unit}: {fault:?}"));
            assert!((scale.to_si(number) - expected).abs() <= 1e-12 * expected.abs(), "{unit}");
        };
        case("ms", "s", 12.5, 0.0125);
        case("ms/token", "s", 12.5, 0.0125);
        case("mJ/token", "J", 250.0, 0.25);
        case("MJ", "J", 0.5, 5e5);
        case("kWh", "J", 1.0, 3.6e6);
        case("tokens/sec", "1/s", 7.0, 7.0);
        case("queries/s", "1/s", 7.0, 7.0);
        case("Watts", "W", 7.0, 7.0);
        case("percent", "1", 50.0, 0.5);
        case("C", "K", 60.0, 333.15);
        case("MHz", "Hz", 1980.0, 1.98e9);
    }

    #[test]
    fn a_unit_of_something_else_is_no_unit() {
        assert!(matches!(Scale::between("W", "J"), Err(ScaleFault::Other(..))));
        assert!(matches!(Scale::between("furlong", "J"), Err(ScaleFault::Unknown(_))));
    }
}
