//! The tables `[residual]` and `[[shift]]`: what the equations miss, and the kinds of questions.

use toml::de::DeTable;

use super::definition::{KernelDefinition, ResidualDefinition, ShiftDefinition};
use super::fault::{Fault, span};
use super::reader::{Entry, Reader, Text};
use crate::notes::{list, nearest};

/// Standard deviation of the log that a component is expected to have, where the file does not say.
const AMPLITUDE: f64 = 0.05;

/// `[residual]` with its `[[residual.kernel]]`.
pub(super) fn residual<'t>(reader: &mut Reader<'t>, root: &DeTable<'t>) -> Option<ResidualDefinition> {
    let value = root.get("residual")?;
    let table = reader.table("residual", value)?;
    let entry = Entry { place: "[residual]".to_owned(), at: value.span(), table };
    reader.only(&entry, &["on", "features", "noise", "kernel"]);
    let on = reader.strings(&entry, "on");
    if on.is_empty() {
        reader.missing(&entry, "on", "write `on = [\"throughput\", \"power\"]`: nodes with noise");
    }
    let features = features(reader, &entry);
    let kernels: Vec<KernelDefinition> = reader
        .array(table, "kernel", "[[residual.kernel]]")
        .iter()
        .map(|entry| kernel(reader, entry, &features))
        .collect();
    if kernels.is_empty() {
        reader.missing(&entry, "kernel", "write `[[residual.kernel]]` with its `levels`, `rbf` or `linear`");
    }
    let noise = reader.expressions(&entry, "noise");
    Some(ResidualDefinition { at: entry.at, on, features, kernels, noise })
}

fn features<'t>(reader: &mut Reader<'t>, entry: &Entry<'_, 't>) -> Vec<(Text, (Text, super::Expression))> {
    let Some(value) = entry.table.get("features") else { return Vec::new() };
    let Some(table) = reader.table("features", value) else { return Vec::new() };
    let inner = Entry { place: "`features` of [residual]".to_owned(), at: value.span(), table };
    let mut names: Vec<Text> =
        table.keys().map(|key| Text { text: key.get_ref().to_string(), at: key.span() }).collect();
    names.sort_by_key(|name| name.at.start);
    names.into_iter().filter_map(|name| Some((name.clone(), reader.expression(&inner, &name.text)?))).collect()
}

fn kernel<'t>(
    reader: &mut Reader<'t>,
    entry: &Entry<'_, 't>,
    features: &[(Text, (Text, super::Expression))],
) -> KernelDefinition {
    reader.only(entry, &["on", "levels", "rbf", "linear", "amplitude", "meaning"]);
    let levels = reader.expressions(entry, "levels");
    let linear = reader.strings(entry, "linear");
    let mut rbf = Vec::new();
    if let Some(value) = entry.table.get("rbf")
        && let Some(table) = reader.table("rbf", value)
    {
        let inner = Entry { place: "`rbf` of [[residual.kernel]]".to_owned(), at: value.span(), table };
        for key in table.keys() {
            let name = Text { text: key.get_ref().to_string(), at: key.span() };
            if let Some(length) = reader.number(&inner, &name.text) {
                positive(reader, length, &name);
                rbf.push((name, length));
            }
        }
        rbf.sort_by_key(|a| a.0.at.start);
    }
    for name in rbf.iter().map(|(name, _)| name).chain(&linear) {
        if !features.iter().any(|(known, _)| known.text == name.text) {
            let known: Vec<&str> = features.iter().map(|(known, _)| known.text.as_str()).collect();
            let near = nearest(&name.text, known.iter().copied());
            let help = near.map_or_else(
                || format!("the features of [residual] are {}", list(&known)),
                |near| format!("did you mean `{near}`?"),
            );
            reader.faults.push(Fault::UnknownName { name: name.text.clone(), at: span(&name.at), help: Some(help) });
        }
    }
    let amplitude = reader.number(entry, "amplitude");
    if let Some(amplitude) = amplitude {
        positive(reader, amplitude, &Text { text: "amplitude".to_owned(), at: entry.at.clone() });
    }
    let on = reader.strings(entry, "on");
    KernelDefinition { at: entry.at.clone(), on, levels, rbf, linear, amplitude: amplitude.unwrap_or(AMPLITUDE) }
}

fn positive(reader: &mut Reader<'_>, value: f64, name: &Text) {
    if value <= 0.0 || !value.is_finite() {
        reader.faults.push(Fault::WrongType {
            key: name.text.clone(),
            expected: "a positive number".to_owned(),
            found: format!("`{value}`"),
            at: span(&name.at),
        });
    }
}

/// `[[shift]]`, in the order of the file.
pub(super) fn shifts<'t>(reader: &mut Reader<'t>, root: &DeTable<'t>) -> Vec<ShiftDefinition> {
    let entries = reader.array(root, "shift", "[[shift]]");
    entries
        .iter()
        .filter_map(|entry| {
            reader.only(entry, &["kind", "by", "meaning"]);
            let kind = reader.required(entry, "kind", "write `kind = \"unseen-batch\"`");
            let by = reader.expressions(entry, "by");
            if by.is_empty() {
                reader.missing(entry, "by", "write `by = [\"batch_size\"]`: what no measured run has");
            }
            Some(ShiftDefinition { kind: kind?, by })
        })
        .collect()
}
