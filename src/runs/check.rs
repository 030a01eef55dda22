//! What a cell may hold. Nothing is repaired: a value that cannot be is refused where it enters.

use super::column::Column;
use super::names::{Kind, Role, canonical_value};
use super::run::Value;

/// Latents and knobs that are shares of a whole.
const SHARES: &[&str] = &[
    "kv_cache_use",
    "gpu_utilization",
    "sm_activity",
    "dram_activity",
    "tensor_activity",
    "gpu_wait",
    "power_cap_share",
    "gpu_memory_utilization",
];

/// A measured share may exceed 1 by the jitter of two clocks, not by a forgotten percent sign.
const SHARE_JITTER: f64 = 0.02;

/// Why a value is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ValueFault {
    /// Text where a number is due.
    #[error("`{found}` is not a number")]
    NotANumber {
        /// The text.
        found: String,
    },
    /// NaN or infinite.
    #[error("`{}` is not finite; leave it out if it was not measured", plain(*found))]
    NotFinite {
        /// The number.
        found: f64,
    },
    /// Below zero, where nothing negative can be.
    #[error("`{}` is negative", plain(*found))]
    Negative {
        /// The number.
        found: f64,
    },
    /// A measured outcome of zero.
    #[error("`{}` is not above zero; leave it out if it was not measured", plain(*found))]
    Zero {
        /// The number.
        found: f64,
    },
    /// A count that is fractional or below one.
    #[error("`{}` is not a whole number of at least 1", plain(*found))]
    NotACount {
        /// The number.
        found: f64,
    },
    /// A share above one.
    #[error("`{}` is not a share of 0 to 1; divide percent by 100", plain(*found))]
    NotAShare {
        /// The number.
        found: f64,
    },
    /// Neither on nor off.
    #[error("`{found}` is neither `true` nor `false`")]
    NotAFlag {
        /// The text.
        found: String,
    },
    /// A name of no letters.
    #[error("the name is empty; leave it out if it is not known")]
    EmptyName,
    /// A number or flag where a name is due, or the reverse.
    #[error("`{found}` is not {expected}")]
    WrongKind {
        /// The value.
        found: String,
        /// What the column holds.
        expected: &'static str,
    },
}

/// A number in few digits, however small or large it is.
fn plain(number: f64) -> String {
    let is_long = number.is_finite() && number != 0.0 && !(1e-6..1e15).contains(&number.abs());
    if is_long { format!("{number:e}") } else { number.to_string() }
}

/// `number`, if `column` can hold it.
pub fn check_number(column: &Column, number: f64) -> Result<f64, ValueFault> {
    if !number.is_finite() {
        return Err(ValueFault::NotFinite { found: number });
    }
    if column.kind == Kind::Count && (number < 1.0 || number.fract() != 0.0) {
        return Err(ValueFault::NotACount { found: number });
    }
    if number < 0.0 {
        return Err(ValueFault::Negative { found: number });
    }
    if number == 0.0 && (column.role == Role::Metric || column.unit == "K") {
        return Err(ValueFault::Zero { found: number });
    }
    if SHARES.contains(&column.name.as_str()) && number > 1.0 + SHARE_JITTER {
        return Err(ValueFault::NotAShare { found: number });
    }
    Ok(number)
}

/// The value of a cell of `column`; the cell is not empty.
pub fn parse_value(column: &Column, text: &str) -> Result<Value, ValueFault> {
    match column.kind {
        Kind::Number | Kind::Count => {
            let number = text.trim().parse().map_err(|_| ValueFault::NotANumber { found: text.to_owned() })?;
            check_number(column, number).map(Value::Number)
        }
        Kind::Name if text.is_empty() => Err(ValueFault::EmptyName),
        Kind::Name => Ok(Value::Name(canonical_value(&column.name, text).to_owned())),
        Kind::Flag => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "on" => Ok(Value::Flag(true)),
            "false" | "0" | "off" => Ok(Value::Flag(false)),
            _ => Err(ValueFault::NotAFlag { found: text.to_owned() }),
        },
    }
}

/// Whether `column` can hold `value`.
pub fn check_value(column: &Column, value: &Value) -> Result<(), ValueFault> {
    let wrong = |expected| Err(ValueFault::WrongKind { found: value.to_string(), expected });
    match (column.kind, value) {
        (Kind::Number | Kind::Count, Value::Number(number)) => check_number(column, *number).map(|_| ()),
        (Kind::Name, Value::Name(name)) if name.is_empty() => Err(ValueFault::EmptyName),
        (Kind::Name, Value::Name(_)) | (Kind::Flag, Value::Flag(_)) => Ok(()),
        (Kind::Number | Kind::Count, _) => wrong("a number"),
        (Kind::Name, _) => wrong("a name"),
        (Kind::Flag, _) => wrong("on or off"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::known;

    #[test]
    fn impossible_values_are_refused_by_name() {
        let case = |name: &str, text: &str, expected: &str| {
            let column = Column::from(known(name).unwrap());
            assert_eq!(parse_value(&column, text).unwrap_err().to_string(), expected);
        };
        case("power", "-3", "`-3` is negative");
        case("power", "NaN", "`NaN` is not finite; leave it out if it was not measured");
        case("power", "0", "`0` is not above zero; leave it out if it was not measured");
        case("power", "much", "`much` is not a number");
        case("batch_size", "0", "`0` is not a whole number of at least 1");
        case("gpus", "1e-300", "`1e-300` is not a whole number of at least 1");
        case("gpus", "1.5", "`1.5` is not a whole number of at least 1");
        case("gpu_utilization", "98", "`98` is not a share of 0 to 1; divide percent by 100");
        case("enforce_eager", "maybe", "`maybe` is neither `true` nor `false`");
    }

    #[test]
    fn names_are_kept_and_known_spellings_unified() {
        let precision = Column::from(known("precision").unwrap());
        assert_eq!(parse_value(&precision, "bfloat16"), Ok(Value::Name("bf16".to_owned())));
    }
}
