//! Limits on metrics, as people type them: `itl_p50=50ms`, `throughput>=5000`.

use crate::model::Model;
use crate::notes::{did_you_mean, list, nearest};
use crate::runs::more_is_worse;
use crate::unit::{parse_quantity, show};

/// A limit on a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    /// The metric.
    pub metric: String,
    /// Its SI unit.
    pub unit: String,
    /// The limit, SI.
    pub limit: f64,
    /// Whether it is the most, else the least.
    pub at_most: bool,
}

/// A budget that cannot be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error, miette::Diagnostic)]
pub enum BudgetError {
    /// No relation.
    #[error("`{text}` is no budget: expected `metric=limit`")]
    #[diagnostic(help("write `itl_p50=50ms`, `power=2kW` or `throughput>=5000 tokens/s`"))]
    Form {
        /// As written.
        text: String,
    },
    /// No metric of the model.
    #[error("`{metric}` is no metric of model `{model}`{}", did_you_mean(near.as_deref()))]
    #[diagnostic(help("its metrics are {}", list(known)))]
    Metric {
        /// As written.
        metric: String,
        /// The model.
        model: String,
        /// The nearest.
        near: Option<String>,
        /// All of them.
        known: Vec<String>,
    },
    /// No quantity of the metric's unit.
    #[error("`{value}` cannot limit `{metric}`: {reason}")]
    #[diagnostic(help("write a number above zero with its unit, such as `{metric}={example}`"))]
    Value {
        /// The metric.
        metric: String,
        /// As written.
        value: String,
        /// Why not.
        reason: String,
        /// What could be.
        example: String,
    },
}

impl Budget {
    /// Reads a limit. `=` and `<=` are the most, `>=` the least; `=` on a metric of which more is better is the least.
    pub fn parse(text: &str, model: &Model) -> Result<Self, BudgetError> {
        let relation = ["<=", ">=", "=", "<", ">"].into_iter().find(|sign| text.contains(sign));
        let parts =
            relation.and_then(|sign| text.split_once(sign).map(|(name, value)| (name.trim(), sign, value.trim())));
        let Some((name, sign, value)) = parts else { return Err(BudgetError::Form { text: text.to_owned() }) };
        let Some(node) = model.metrics().find(|node| node.name == name) else {
            let known: Vec<String> = model.metrics().map(|node| node.name.clone()).collect();
            let near = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
            return Err(BudgetError::Metric { metric: name.to_owned(), model: model.name.clone(), near, known });
        };
        let refuse = |reason: String| BudgetError::Value {
            metric: name.to_owned(),
            value: value.to_owned(),
            reason,
            example: if name.starts_with("itl") {
                "50ms".to_owned()
            } else {
                show(1000.0, &node.unit.label).replace(' ', "")
            },
        };
        let (number, unit) = parse_quantity(value).map_err(|error| refuse(error.to_string()))?;
        if unit.dimension != node.unit.dimension {
            return Err(refuse(format!("it is in `{}`, and the metric in `{}`", unit.label, node.unit.label)));
        }
        let limit = number;
        if !(limit.is_finite() && limit > 0.0) {
            return Err(refuse("it is not a finite number above zero".to_owned()));
        }
        let at_most = if sign == "=" { more_is_worse(name) } else { sign.starts_with('<') };
        Ok(Self { metric: name.to_owned(), unit: node.unit.label.clone(), limit, at_most })
    }

    /// `itl_p50 ≤ 50 ms`.
    pub fn words(&self) -> String {
        format!("{} {} {}", self.metric, if self.at_most { "≤" } else { "≥" }, show(self.limit, &self.unit))
    }
}
