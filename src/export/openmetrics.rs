//! Runs as gauges in the `OpenMetrics` text format, of the kind that the textfile collector of the node exporter reads too:
//! no timestamps, and no types that only the newer of the two formats knows.
//!
//! Every gauge has the labels `run`, `sweep`, `model` and `gpu`; all conditions of a run are labels of `joules_run_info`,
//! to join by `run`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::runs::{Role, Run, known};

/// Details that are gauges: name, unit, meaning.
const DETAILS: [(&str, &str, &str); 6] = [
    ("window_s", "s", "Length of the window that was measured"),
    ("energy_j", "J", "Energy of all GPUs in the window"),
    ("bound_j", "J", "How far that energy may be off"),
    ("prefill_energy_per_token_j", "J", "Energy that a prompt token took"),
    ("decode_energy_per_token_j", "J", "Energy that an output token took"),
    ("base_power_w", "W", "Power that did not grow with tokens"),
];

/// Units of SI as the format spells them, at the end of a name.
const UNITS: [(&str, &str); 7] = [
    ("J", "joules"),
    ("W", "watts"),
    ("s", "seconds"),
    ("K", "kelvins"),
    ("Hz", "hertz"),
    ("B", "bytes"),
    ("1/s", "per_second"),
];

/// One gauge: what it means, its unit, its samples.
#[derive(Default)]
struct Family {
    help: String,
    unit: Option<&'static str>,
    samples: String,
}

/// The text of all runs.
pub fn openmetrics<'a>(runs: impl IntoIterator<Item = &'a Run>) -> String {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut infos = String::new();
    for run in runs {
        let labels = labels(run);
        let _ = writeln!(infos, "joules_run_info{{{}}} 1", conditions(run));
        let mut add = |name: &str, unit: &str, help: &str, value: f64| {
            let (name, unit) = family_name(name, unit);
            let family = families.entry(name.clone()).or_default();
            (family.help, family.unit) = (help.to_owned(), unit);
            let _ = writeln!(family.samples, "{name}{{{labels}}} {value}");
        };
        for (name, value) in run.metrics.iter().chain(&run.observed) {
            let known = known(name);
            let kind = known.map_or("Measured", |own| if own.role == Role::Metric { "Outcome" } else { "Observed" });
            let help = format!("{kind} `{name}` of a run");
            add(name, known.map_or("1", |own| own.unit), &help, *value);
        }
        for (name, unit, help) in DETAILS {
            let value = run.details.get(name).and_then(|text| text.parse::<f64>().ok());
            if let Some(value) = value.filter(|value| value.is_finite()) {
                let bare = name.rsplit_once('_').map_or(name, |(bare, _)| bare);
                add(bare, unit, help, value);
            }
        }
    }
    let mut text = String::new();
    if !infos.is_empty() {
        text.push_str("# HELP joules_run_info Conditions of a run\n# TYPE joules_run_info gauge\n");
        text.push_str(&infos);
    }
    for (name, family) in &families {
        let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} gauge", escaped(&family.help));
        if let Some(unit) = family.unit {
            let _ = writeln!(text, "# UNIT {name} {unit}");
        }
        text.push_str(&family.samples);
    }
    text.push_str("# EOF\n");
    text
}

/// `joules_energy_per_token_joules` of `energy_per_token` in J, and how the unit is spelled.
fn family_name(name: &str, unit: &str) -> (String, Option<&'static str>) {
    let spelled = UNITS.iter().find(|(own, _)| *own == unit).map(|(_, spelled)| *spelled);
    let end = spelled.map(|unit| format!("_{unit}")).unwrap_or_default();
    (format!("joules_{}{end}", metric_name(name)), spelled)
}

/// Letters, digits and underscores only.
fn metric_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// The labels of every gauge.
fn labels(run: &Run) -> String {
    let named = ["model", "gpu"].into_iter().filter_map(|name| Some((name, run.name(name)?)));
    let all = [("run", run.id.as_str()), ("sweep", run.source.as_str())].into_iter().chain(named);
    all.map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect::<Vec<_>>().join(",")
}

/// The id of a run and all of its conditions, as labels.
fn conditions(run: &Run) -> String {
    let id = [("run".to_owned(), run.id.clone()), ("sweep".to_owned(), run.source.clone())];
    let own = run.conditions.iter().map(|(name, value)| (metric_name(name), value.to_string()));
    let all = id.into_iter().chain(own);
    all.map(|(name, value)| format!("{name}=\"{}\"", escaped(&value))).collect::<Vec<_>>().join(",")
}

/// A text between quotation marks, or behind HELP.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::Value;

    #[test]
    fn a_run_is_gauges_with_units_and_escapes() {
        let mut run = Run { id: "s/a\"b\\c".to_owned(), source: "s".to_owned(), ..Run::default() };
        run.conditions.insert("model".to_owned(), Value::Name("Org/M".to_owned()));
        run.conditions.insert("batch_size".to_owned(), Value::Number(8.0));
        run.metrics.insert("energy_per_token".to_owned(), 0.25);
        run.observed.insert("prefill_ratio".to_owned(), 0.5);
        run.details.insert("window_s".to_owned(), "30.0000".to_owned());
        run.details.insert("energy_j".to_owned(), "many".to_owned());
        let of = r#"run="s/a\"b\\c",sweep="s",model="Org/M""#;
        let expected = format!(
            "# HELP joules_run_info Conditions of a run\n# TYPE joules_run_info gauge\n\
             joules_run_info{{run=\"s/a\\\"b\\\\c\",sweep=\"s\",batch_size=\"8\",model=\"Org/M\"}} 1\n\
             # HELP joules_energy_per_token_joules Outcome `energy_per_token` of a run\n\
             # TYPE joules_energy_per_token_joules gauge\n# UNIT joules_energy_per_token_joules joules\n\
             joules_energy_per_token_joules{{{of}}} 0.25\n\
             # HELP joules_prefill_ratio Observed `prefill_ratio` of a run\n# TYPE joules_prefill_ratio gauge\n\
             joules_prefill_ratio{{{of}}} 0.5\n\
             # HELP joules_window_seconds Length of the window that was measured\n\
             # TYPE joules_window_seconds gauge\n# UNIT joules_window_seconds seconds\n\
             joules_window_seconds{{{of}}} 30\n# EOF\n"
        );
        assert_eq!(openmetrics([&run]), expected);
        assert_eq!(openmetrics([]), "# EOF\n");
    }
}
