//! The JSON form: `{"runs":[{"id","conditions","observed","metrics","source","details"}]}`.

use std::path::Path;

use serde_json::{Map, Value as Json, json};

use super::check::{check_number, check_value};
use super::column::{Column, nearest_name, of_name};
use super::error::RunsError;
use super::names::{Kind, Role, canonical_value};
use super::run::{Run, Value};
use super::sweep::read_text;
use crate::notes::did_you_mean;

/// Whole numbers up to this are written as integers; all of them are exact.
const EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;

fn number(value: f64) -> Json {
    if value.fract() == 0.0 && value.abs() < EXACT_INTEGER { json!(value as i64) } else { json!(value) }
}

/// A condition's value.
pub fn condition_json(value: &Value) -> Json {
    match value {
        Value::Number(value) => number(*value),
        Value::Name(name) => json!(name),
        Value::Flag(on) => json!(on),
    }
}

/// One run. `details` (window length, request count …) stands there only if it has some.
pub fn run_json(run: &Run) -> Json {
    let numbers = |map: &std::collections::BTreeMap<String, f64>| -> Map<String, Json> {
        map.iter().map(|(name, value)| (name.clone(), number(*value))).collect()
    };
    let conditions: Map<String, Json> =
        run.conditions.iter().map(|(name, value)| (name.clone(), condition_json(value))).collect();
    let mut object = Map::new();
    object.insert("id".to_owned(), json!(run.id));
    object.insert("conditions".to_owned(), Json::Object(conditions));
    object.insert("observed".to_owned(), Json::Object(numbers(&run.observed)));
    object.insert("metrics".to_owned(), Json::Object(numbers(&run.metrics)));
    object.insert("source".to_owned(), json!(run.source));
    if !run.details.is_empty() {
        object.insert("details".to_owned(), json!(run.details));
    }
    Json::Object(object)
}

/// The answer of `joules runs --format json`.
pub fn runs_json<'a>(runs: impl IntoIterator<Item = &'a Run>) -> Json {
    json!({ "runs": runs.into_iter().map(run_json).collect::<Vec<_>>() })
}

/// Whether a file of this run could be read again; else all that is wrong with it.
pub fn check_run(own: &Run) -> Result<(), String> {
    run(&run_json(own)).map(drop)
}

/// The runs of a JSON file: one run, or the whole answer of `joules runs --format json`.
pub fn read(path: &Path) -> Result<Vec<Run>, RunsError> {
    let file = path.display().to_string();
    let text = read_text(path)?;
    parse(&text).map_err(|message| RunsError::Json { file, message })
}

fn parse(text: &str) -> Result<Vec<Run>, String> {
    let json: Json = serde_json::from_str(text).map_err(|error| error.to_string())?;
    match json.get("runs") {
        Some(Json::Array(runs)) => runs.iter().map(run).collect(),
        Some(_) => Err("`runs` must be a list".to_owned()),
        None => Ok(vec![run(&json)?]),
    }
}

/// What a run file may say.
const KEYS: [&str; 6] = ["id", "conditions", "observed", "metrics", "source", "details"];

fn run(json: &Json) -> Result<Run, String> {
    let object = json.as_object().ok_or("expected an object with `id`, `conditions` and `metrics`")?;
    let mut faults: Vec<String> =
        object.keys().filter(|key| !KEYS.contains(&key.as_str())).map(|key| format!("unknown key `{key}`")).collect();
    let text = |key: &str| object.get(key).and_then(Json::as_str).map(str::to_owned);
    let mut run =
        Run { id: text("id").unwrap_or_default(), source: text("source").unwrap_or_default(), ..Run::default() };
    if run.id.is_empty() {
        faults.push("`id` is missing".to_owned());
    }
    for (part, role) in [("conditions", Role::Condition), ("observed", Role::Observed), ("metrics", Role::Metric)] {
        let Some(values) = object.get(part) else { continue };
        let Some(values) = values.as_object() else {
            faults.push(format!("`{part}` must be an object"));
            continue;
        };
        for (name, value) in values.iter().filter(|(_, value)| !value.is_null()) {
            if let Err(fault) = value_of(name, role, value).map(|(column, value)| column.insert(&mut run, value)) {
                faults.push(format!("`{part}.{name}`: {fault}"));
            }
        }
    }
    if let Some(details) = object.get("details").and_then(Json::as_object) {
        for (name, value) in details {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            run.details.insert(name.clone(), text);
        }
    }
    if faults.is_empty() { Ok(run) } else { Err(faults.join("; ")) }
}

/// A value of the run, checked. Conditions of a sweep's own are taken as they are: a run file has no declarations.
fn value_of(name: &str, role: Role, json: &Json) -> Result<(Column, Value), String> {
    let value = match json {
        Json::Number(number) => Value::Number(number.as_f64().unwrap_or(f64::NAN)),
        Json::String(text) => Value::Name(canonical_value(name, text).to_owned()),
        Json::Bool(on) => Value::Flag(*on),
        _ => return Err("expected a number, a name or a flag".to_owned()),
    };
    let nearest = || did_you_mean(nearest_name(name, &[]).as_deref());
    let column = match of_name(name, &[]) {
        Some(column) if column.role == role => column,
        Some(_) => return Err("it stands under the wrong heading".to_owned()),
        None if nearest().is_empty() => {
            let kind = match value {
                Value::Number(_) => Kind::Number,
                Value::Name(_) => Kind::Name,
                Value::Flag(_) => Kind::Flag,
            };
            Column { name: name.to_owned(), role, kind, unit: "1".to_owned() }
        }
        None => return Err(format!("it is not known{}", nearest())),
    };
    match (role, &value) {
        (Role::Condition, _) => check_value(&column, &value).map_err(|fault| fault.to_string())?,
        (_, Value::Number(number)) => check_number(&column, *number).map(|_| ()).map_err(|fault| fault.to_string())?,
        _ => return Err(format!("`{value}` is not a number")),
    }
    Ok((column, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_survives_its_json() {
        let csv = "id,gpu,gpus,enforce_eager,running_batch,power_w,detail.window_s\nr,H100,2,true,7.5,700.25,5\n";
        let sweep = crate::runs::Sweep::parse("s", csv, "").unwrap();
        assert_eq!(parse(&runs_json(&sweep.runs).to_string()).unwrap(), sweep.runs);
        assert_eq!(parse(&run_json(&sweep.runs[0]).to_string()).unwrap(), sweep.runs);
        assert_eq!(check_run(&sweep.runs[0]), Ok(()));
        let mut impossible = sweep.runs[0].clone();
        impossible.observed.insert("running_batch".to_owned(), -0.147);
        assert_eq!(check_run(&impossible).unwrap_err(), "`observed.running_batch`: `-0.147` is negative");
    }

    #[test]
    fn a_bad_run_file_says_all_that_is_wrong() {
        let text = r#"{"conditions":{"gpus":0,"bach_size":8},"metrics":{"power":-1},"x":1}"#;
        let message = parse(text).unwrap_err();
        for part in
            ["unknown key `x`", "`id` is missing", "`conditions.gpus`", "did you mean `batch_size`", "is negative"]
        {
            assert!(message.contains(part), "{part} in {message}");
        }
    }
}
