//! Configurations as people type them: `model=Qwen/Qwen3-32B,gpu=B200,gpus=1,2,batch_size=8..1024`.

use std::collections::{BTreeMap, BTreeSet};

use super::check::{ValueFault, check_value};
use super::column::Column;
use super::names::{self, Kind, canonical_value, split_precision};
use super::run::{Run, Value};
use super::selector::quantity;
use crate::notes::{did_you_mean, nearest};

/// Most configurations that one grid may hold.
const MOST: usize = 1_000_000;

/// Id of a configuration of which nothing varies.
const UNNAMED: &str = "configuration";

/// Why a text is no configuration.
#[derive(Clone, Debug, PartialEq, thiserror::Error, miette::Diagnostic)]
pub enum GridError {
    /// No name, or no value.
    #[error("`{part}` is not of the form `condition=value`")]
    #[diagnostic(help(
        "write `gpu=B200`, a list `gpus=1,2,4`, a doubling range `batch_size=8..1024`, or steps `8..1024/64`"
    ))]
    NoName {
        /// The part.
        part: String,
    },
    /// A name of no condition.
    #[error("`{name}` is no condition{}", did_you_mean(nearest.as_deref()))]
    #[diagnostic(help("conditions are what is set before a run: `joules graph --format json` lists those of a model"))]
    Unknown {
        /// As written.
        name: String,
        /// The nearest one.
        nearest: Option<String>,
    },
    /// A name given twice.
    #[error("`{name}` is set twice")]
    #[diagnostic(help("write one list: `{name}=a,b`"))]
    Twice {
        /// The condition.
        name: String,
    },
    /// A value that cannot be.
    #[error("`{name}={value}` cannot be: {reason}")]
    #[diagnostic(help("{help}"))]
    Value {
        /// The condition.
        name: String,
        /// As written.
        value: String,
        /// Why.
        reason: String,
        /// What can be.
        help: String,
    },
    /// More configurations than anybody reads.
    #[error("this grid has {count} configurations, more than {MOST}")]
    #[diagnostic(help("narrow a range, or ask in parts"))]
    TooMany {
        /// How many.
        count: usize,
    },
}

/// One condition with its values.
pub type Axis = (String, Vec<Value>);

/// Reads `name=value`, lists and ranges, separated by commas; a part without `=` goes on with the list before it.
/// A value that is given twice counts once.
pub fn axes(text: &str) -> Result<Vec<Axis>, GridError> {
    let mut found: Vec<Axis> = Vec::new();
    let mut written = String::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let value = match part.split_once('=') {
            Some((name, value)) => {
                let known = condition(name.trim())?;
                if found.iter().any(|(own, _)| own == known.name) {
                    return Err(GridError::Twice { name: known.name.to_owned() });
                }
                found.push((known.name.to_owned(), Vec::new()));
                name.trim().clone_into(&mut written);
                value.trim()
            }
            None => part,
        };
        let Some((_, values)) = found.last_mut() else { return Err(GridError::NoName { part: part.to_owned() }) };
        values.extend(read(&written, value)?);
    }
    for (_, values) in &mut found {
        let mut known = BTreeSet::new();
        values.retain(|value| known.insert(value.to_string()));
    }
    Ok(found)
}

fn condition(name: &str) -> Result<&'static names::Name, GridError> {
    names::condition_name(name).ok_or_else(|| {
        let all = names::conditions().flat_map(|own| own.aliases.iter().copied().chain([own.name]));
        GridError::Unknown { name: name.to_owned(), nearest: nearest(name, all).map(str::to_owned) }
    })
}

/// The values of one part: one, or those of a range.
fn read(name: &str, text: &str) -> Result<Vec<Value>, GridError> {
    let known = condition(name)?;
    let refuse = |reason: String| GridError::Value {
        name: name.to_owned(),
        value: text.to_owned(),
        reason,
        help: match known.kind {
            Kind::Number | Kind::Count => {
                format!("write a number{}, or a range such as `8..1024` or `8..1024/64`", unit_hint(known.unit))
            }
            Kind::Flag => "write `true` or `false`".to_owned(),
            Kind::Name => "write a name".to_owned(),
        },
    };
    let column = Column::from(known);
    let checked = |value: Value| match check_value(&column, &value) {
        Ok(()) => Ok(value),
        Err(ValueFault::NotFinite { found }) => Err(refuse(format!("`{found}` is not finite"))),
        Err(fault) => Err(refuse(fault.to_string())),
    };
    match known.kind {
        Kind::Name => Ok(vec![checked(Value::Name(canonical_value(known.name, text).to_owned()))?]),
        Kind::Flag => match text {
            "true" | "on" | "1" => Ok(vec![Value::Flag(true)]),
            "false" | "off" | "0" => Ok(vec![Value::Flag(false)]),
            _ => Err(refuse("it is neither on nor off".to_owned())),
        },
        Kind::Number | Kind::Count => {
            let number = |text: &str| quantity(text.trim(), known.unit).ok_or_else(|| refuse(no_number(text.trim())));
            let Some((first, rest)) = text.split_once("..") else {
                return Ok(vec![checked(Value::Number(number(text)?))?]);
            };
            let (last, step) = match rest.split_once('/') {
                Some((last, step)) => (number(last)?, Some(number(step)?)),
                None => (number(rest)?, None),
            };
            let first = number(first)?;
            if !(first > 0.0 && last >= first) || step.is_some_and(|step| step <= 0.0) {
                return Err(refuse("a range rises from above zero, in steps above zero".to_owned()));
            }
            let count = match step {
                Some(step) => (last - first) / step,
                None => (last / first).log2(),
            };
            // From one that is not finite, too many as well.
            let count = ((count + 1e-9).floor() as usize).saturating_add(1);
            if count > MOST || !first.is_finite() {
                return Err(GridError::TooMany { count });
            }
            (0..count)
                .map(|index| match step {
                    Some(step) => first + step * index as f64,
                    None => first * (index as f64).exp2(),
                })
                .map(|value| checked(Value::Number(value)))
                .collect()
        }
    }
}

fn no_number(text: &str) -> String {
    if text.is_empty() { "a number is missing".to_owned() } else { format!("`{text}` is no number") }
}

fn unit_hint(unit: &str) -> String {
    if unit == "1" { String::new() } else { format!(" ({unit})") }
}

/// `base` with every combination of the values, first axis slowest. A run is named by what varies, after the base's id.
pub fn expand(base: &Run, axes: &[Axis]) -> Result<Vec<Run>, GridError> {
    let count: usize = axes.iter().map(|(_, values)| values.len()).product();
    if count > MOST {
        return Err(GridError::TooMany { count });
    }
    let mut runs = vec![Run { metrics: BTreeMap::new(), observed: BTreeMap::new(), ..base.clone() }];
    for (name, values) in axes {
        let varies = values.len() > 1;
        runs = runs.iter().flat_map(|run| values.iter().map(move |value| with(run, name, value, varies))).collect();
    }
    for run in &mut runs {
        if run.id.is_empty() {
            UNNAMED.clone_into(&mut run.id);
        }
    }
    Ok(runs)
}

fn with(run: &Run, name: &str, value: &Value, varies: bool) -> Run {
    let mut run = run.clone();
    set(&mut run, name, value.clone());
    if varies {
        run.id = if run.id.is_empty() || run.id == UNNAMED {
            format!("{name}={value}")
        } else {
            format!("{},{name}={value}", run.id)
        };
    }
    run
}

/// Sets a condition of a run with what must come with it: a count of GPUs takes back the degrees that followed from the old
/// one, a task its lengths and modality, and a checkpoint whose name spells a precision brings that precision.
pub fn set(run: &mut Run, name: &str, value: Value) {
    let follow: &[&str] = match name {
        "gpus" => &["tensor_parallel", "expert_parallel", "ulysses", "ring"],
        "task" => &["modality", "prompt_tokens", "output_tokens", "output_tokens_dispersion", "request_repeats"],
        "model" => &["checkpoint"],
        _ => &[],
    };
    for name in follow {
        run.conditions.remove(*name);
    }
    if let ("model", Value::Name(published)) = (name, &value)
        && let (base, Some(precision)) = split_precision(published)
    {
        run.conditions.insert("checkpoint".to_owned(), value.clone());
        run.conditions.insert("precision".to_owned(), Value::Name(precision.to_owned()));
        run.conditions.insert("model".to_owned(), Value::Name(base.to_owned()));
        return;
    }
    run.conditions.insert(name.to_owned(), value);
}

/// The configurations of a TOML file: `[[configuration]]` tables whose values are conditions, lists or ranges.
pub fn parse_configurations(text: &str) -> Result<Vec<Run>, String> {
    let file: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
    let mut faults: Vec<String> = file
        .keys()
        .filter(|key| *key != "configuration")
        .map(|key| format!("unknown key `{key}`; expected `[[configuration]]` tables"))
        .collect();
    let tables = file.get("configuration").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    if tables.is_empty() {
        faults.push("it has no `[[configuration]]`".to_owned());
    }
    let mut runs = Vec::new();
    for (index, table) in tables.iter().enumerate() {
        let place = format!("configuration {}", index + 1);
        let Some(table) = table.as_table() else {
            faults.push(format!("{place} is no table"));
            continue;
        };
        let mut base = Run { id: place.replace(' ', "-"), ..Run::default() };
        let mut axes: Vec<Axis> = Vec::new();
        for (name, value) in table {
            if name == "id" {
                base.id = value.as_str().unwrap_or(&base.id).to_owned();
                continue;
            }
            let values = match value {
                toml::Value::Array(values) => values.clone(),
                one => vec![one.clone()],
            };
            let read = |value: &toml::Value| {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                read(name, &text)
            };
            match values.iter().map(read).collect::<Result<Vec<_>, _>>() {
                Ok(values) => {
                    axes.push((condition(name).map_or(name.as_str(), |own| own.name).to_owned(), values.concat()));
                }
                Err(error) => faults.push(format!("{place}: {error}")),
            }
        }
        match expand(&base, &axes) {
            Ok(own) => runs.extend(own),
            Err(error) => faults.push(format!("{place}: {error}")),
        }
    }
    if faults.is_empty() { Ok(runs) } else { Err(faults.join("\n")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(text: &str) -> Vec<f64> {
        axes(text).unwrap()[0].1.iter().filter_map(Value::number).collect()
    }

    #[test]
    fn ranges_double_or_step() {
        assert_eq!(numbers("batch_size=8..70"), [8.0, 16.0, 32.0, 64.0]);
        assert_eq!(numbers("batch_size=8..40/16"), [8.0, 24.0, 40.0]);
        assert_eq!(numbers("gpus=1,2,8"), [1.0, 2.0, 8.0]);
        assert_eq!(numbers("gpus=1..4,2,8"), [1.0, 2.0, 4.0, 8.0]);
        assert_eq!(numbers("power_limit=0.5 kW"), [500.0]);
    }

    #[test]
    fn a_grid_has_every_combination() {
        let axes = axes("gpu=H100,B200,max_num_seqs=8..16,gpus=1").unwrap();
        let runs = expand(&Run::default(), &axes).unwrap();
        let ids: Vec<&str> = runs.iter().map(|run| run.id.as_str()).collect();
        assert_eq!(
            ids,
            ["gpu=H100,batch_size=8", "gpu=H100,batch_size=16", "gpu=B200,batch_size=8", "gpu=B200,batch_size=16"]
        );
        assert!(runs.iter().all(|run| run.number("gpus") == Some(1.0)));
    }

    #[test]
    fn what_follows_from_an_old_value_goes() {
        let mut run = expand(&Run::default(), &axes("gpus=4,tensor_parallel=4,model=a/b").unwrap()).unwrap().remove(0);
        set(&mut run, "gpus", Value::Number(2.0));
        set(&mut run, "model", Value::Name("a/b-FP8".to_owned()));
        assert_eq!(run.number("tensor_parallel"), None);
        assert_eq!((run.name("model"), run.name("precision")), (Some("a/b"), Some("fp8")));
    }

    #[test]
    fn faults_say_what_and_how() {
        let told = |text: &str| axes(text).unwrap_err().to_string();
        assert_eq!(told("H100"), "`H100` is not of the form `condition=value`");
        assert_eq!(told("bach_size=8"), "`bach_size` is no condition; did you mean `batch_size`?");
        assert_eq!(told("batch_size=0"), "`batch_size=0` cannot be: `0` is not a whole number of at least 1");
        assert_eq!(
            told("batch_size=64..8"),
            "`batch_size=64..8` cannot be: a range rises from above zero, in steps above zero"
        );
        assert_eq!(told("gpus=1,gpus=2"), "`gpus` is set twice");
    }

    #[test]
    fn a_file_tells_all_its_faults() {
        let text = "[[configuration]]\nbatch_size = \"8..16\"\ngpus = [1, 2]\n\n[[configuration]]\ngpus = -1\nx = 2\n";
        let told = parse_configurations(text).unwrap_err();
        assert!(told.contains("configuration 2: `gpus=-1`") && told.contains("`x` is no condition"), "{told}");
    }
}
