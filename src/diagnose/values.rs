//! The values of a cause in two runs, in words.

use crate::catalog::{Catalog, CatalogValue};
use crate::model::{Cause, Model};
use crate::runs::{Run, Value, known};
use crate::unit::{show, show_plain};

/// The values of a cause in two runs, in words: of its conditions that differ, or of its properties.
pub(super) fn values(model: &Model, catalog: &Catalog, cause: &Cause, a: &Run, b: &Run) -> (String, String) {
    let differing: Vec<&String> =
        cause.conditions.iter().filter(|name| a.conditions.get(*name) != b.conditions.get(*name)).collect();
    // The cause's first condition speaks for it without its name; what only refines it (`output_tokens_dispersion`)
    // stays silent, as does what neither run recorded.
    let primary = cause.conditions.first().filter(|first| differing.contains(first));
    let one = |run: &Run| -> String {
        let mut parts: Vec<String> = Vec::new();
        for name in &differing {
            match primary {
                Some(first) if first == *name => parts.push(condition_words(run, name)),
                Some(first) if name.starts_with(first.as_str()) || !run.conditions.contains_key(*name) => {}
                _ => parts.push(format!("{name} {}", condition_words(run, name))),
            }
        }
        parts.extend(cause.properties.iter().filter_map(|name| property_words(model, catalog, run, name)));
        parts.join(", ")
    };
    let (from, to) = (one(a), one(b));
    // What differs only beyond the digits shown is shown with all of them.
    match primary {
        Some(name) if from == to => {
            let all = |run: &Run| run.conditions.get(name).map_or_else(String::new, ToString::to_string);
            (all(a), all(b))
        }
        _ => (from, to),
    }
}

fn property_words(model: &Model, catalog: &Catalog, run: &Run, name: &str) -> Option<String> {
    let label = &model.node(name)?.unit.label;
    match model.property(catalog, run, name)? {
        CatalogValue::Number(value) if value >= 1e8 && label == "1" => {
            Some(format!("{} billion", show_plain(value / 1e9)))
        }
        CatalogValue::Number(value) => Some(show(value, label)),
        CatalogValue::Name(name) => Some(name),
        CatalogValue::Flag(on) => Some(on.to_string()),
    }
}

/// A value of a condition with its unit, in words: `7035 tokens`, `fp8`.
fn condition_words(run: &Run, condition: &str) -> String {
    match run.conditions.get(condition) {
        None => "not recorded".to_owned(),
        Some(Value::Number(value)) => {
            let unit = known(condition).map_or("1", |name| name.unit);
            show(*value, unit)
        }
        Some(other) => other.to_string(),
    }
}
