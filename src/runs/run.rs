//! One measured steady state of one configuration.

use std::collections::BTreeMap;
use std::fmt;

/// The value of a condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number in SI base units, or a count.
    Number(f64),
    /// A name: `H100`, `fp8`, `Qwen/Qwen3-32B`.
    Name(String),
    /// On or off.
    Flag(bool),
}

impl Value {
    /// The number, if it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(value) => Some(*value),
            Self::Name(_) | Self::Flag(_) => None,
        }
    }

    /// The name, if it is one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Number(_) | Self::Flag(_) => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(value) => write!(f, "{value}"),
            Self::Name(name) => f.write_str(name),
            Self::Flag(on) => write!(f, "{on}"),
        }
    }
}

/// A measured steady state: what was set, what was seen on the way, what came out. Missing is absent, never 0 or NaN.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Run {
    /// Unique in its store and stable.
    pub id: String,
    /// Knobs and properties, by name.
    pub conditions: BTreeMap<String, Value>,
    /// Measured latents, by node name, SI.
    pub observed: BTreeMap<String, f64>,
    /// Measured outcomes, by metric name, SI.
    pub metrics: BTreeMap<String, f64>,
    /// The sweep it belongs to: the name of its CSV file without the extension.
    pub source: String,
    /// What else the source records (window length, request count …), as text.
    pub details: BTreeMap<String, String>,
}

impl Run {
    /// A condition that is a number.
    pub fn number(&self, condition: &str) -> Option<f64> {
        self.conditions.get(condition).and_then(Value::number)
    }

    /// A condition that is a name.
    pub fn name(&self, condition: &str) -> Option<&str> {
        self.conditions.get(condition).and_then(Value::name)
    }
}
