//! What an import brought, or would bring.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Column, Document, Table, Text};
use crate::import::{About, Doubt, Inspection, SweepInspection};
use crate::notes::{list, plural};
use crate::runs::Role;

/// What was written into `folder`.
pub fn imported(inspection: &Inspection, folder: &Path) -> Document {
    let runs = total(inspection);
    let mut document = Document::new(Text::new().plain(format!("Imported {runs}")));
    document.paragraph(
        Text::new()
            .plain(format!("From {}, into ", inspection.format.words()))
            .code(folder.display().to_string())
            .plain(": one CSV file and one TOML file with the provenance for each sweep."),
    );
    about(&mut document, inspection);
    document.paragraph(
        Text::new().plain("Next: ").code(format!("joules runs --runs {}", folder.display())).plain(" lists them."),
    );
    document
}

/// What an import of `path` would write.
pub fn inspected(inspection: &Inspection, path: &Path) -> Document {
    let mut document = Document::new(Text::new().plain(format!("An import would bring {}", total(inspection))));
    document.paragraph(
        Text::new()
            .code(path.display().to_string())
            .plain(format!(" holds {}. Nothing was written.", inspection.format.words())),
    );
    about(&mut document, inspection);
    if let Some(about) = inspection.format.about() {
        source(&mut document, about);
    }
    document
}

fn total(inspection: &Inspection) -> String {
    let runs = plural(inspection.sweeps.iter().map(|sweep| sweep.runs).sum(), "run");
    format!("{runs} in {}", plural(inspection.sweeps.len(), "sweep"))
}

/// Runs and columns of every sweep, and what its provenance assumes or leaves out.
fn about(document: &mut Document, inspection: &Inspection) {
    let mut table = Table::new([
        Column::left("sweep"),
        Column::right("runs"),
        Column::right("conditions"),
        Column::right("observed"),
        Column::right("metrics"),
        Column::right("details"),
    ]);
    for sweep in &inspection.sweeps {
        let count = |role| sweep.columns.iter().filter(|(column, _)| column.role == role).count().to_string();
        table.row([
            Text::new().plain(&sweep.name),
            Text::new().plain(sweep.runs.to_string()),
            Text::new().plain(count(Role::Condition)),
            Text::new().plain(count(Role::Observed)),
            Text::new().plain(count(Role::Metric)),
            Text::new().plain(sweep.details.len().to_string()),
        ]);
    }
    document.table(table);
    let mut alike: Vec<Vec<&SweepInspection>> = Vec::new();
    for sweep in &inspection.sweeps {
        let same =
            |group: &&mut Vec<&SweepInspection>| columns(group[0]) == columns(sweep) && group[0].notes == sweep.notes;
        match alike.iter_mut().find(same) {
            Some(group) => group.push(sweep),
            None => alike.push(vec![sweep]),
        }
    }
    for group in alike {
        let names: Vec<&str> = group.iter().map(|sweep| sweep.name.as_str()).collect();
        document.subheading(Text::new().plain(names.join(", "))).fields(columns(group[0]));
        if !group[0].notes.is_empty() {
            document.list(group[0].notes.iter().map(|note| Text::new().plain(note)));
        }
    }
    doubts(document, inspection);
}

/// What runs lack, and what to doubt in them.
fn doubts(document: &mut Document, inspection: &Inspection) {
    let lacking = inspection.sweeps.iter().flat_map(|sweep| &sweep.lacking).map(|(names, runs)| {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        format!("{} in {}: say it with `--set NAME=VALUE`", list(&names), plural(*runs, "run"))
    });
    let lacking: Vec<Text> = lacking.map(|line| Text::new().plain(line)).collect();
    if !lacking.is_empty() {
        document.subheading("Missing").list(lacking);
    }
    let mut all: BTreeMap<&str, Doubt> = BTreeMap::new();
    for (code, doubt) in inspection.sweeps.iter().flat_map(|sweep| &sweep.caveats) {
        all.entry(code).and_modify(|all| all.runs += doubt.runs).or_insert_with(|| doubt.clone());
    }
    if !all.is_empty() {
        let line = |(code, doubt): (&str, Doubt)| {
            let example = if doubt.runs > 1 { ", such as" } else { "" };
            Text::new().code(code).plain(format!(" in {}{example}: {}", plural(doubt.runs, "run"), doubt.seen))
        };
        document.subheading("To doubt in single runs (in their detail `caveats`)").list(all.into_iter().map(line));
    }
}

/// What is known of the format: what its numbers are of, in which units, and where they mislead.
fn source(document: &mut Document, about: &About) {
    document.subheading("The format");
    document.fields([("written by", about.tool), ("form read in", about.schema), ("numbers of", about.scope)]);
    let units: Vec<Text> =
        about.units.iter().map(|(field, unit)| Text::new().plain(format!("{field}: {unit}"))).collect();
    if !units.is_empty() {
        document.subheading("Units taken").list(units);
    }
    let defects = about.defects.iter().map(|(code, text)| Text::new().code(*code).plain(format!(": {text}")));
    document.subheading("Known defects").list(defects);
}

/// The names of a sweep's columns by role; with a count where not every run has a value.
fn columns(sweep: &SweepInspection) -> Vec<(Text, Text)> {
    let roles = [("conditions", Role::Condition), ("observed", Role::Observed), ("metrics", Role::Metric)];
    let named = |name: &str, filled: usize| {
        if filled == sweep.runs { name.to_owned() } else { format!("{name} ({filled})") }
    };
    let mut fields = Vec::new();
    for (title, role) in roles {
        let of_role = sweep.columns.iter().filter(|(column, _)| column.role == role);
        let names: Vec<String> = of_role.map(|(column, filled)| named(&column.header(), *filled)).collect();
        fields.push((title, names));
    }
    fields.push(("details", sweep.details.iter().map(|(name, filled)| named(name, *filled)).collect()));
    fields.retain(|(_, names)| !names.is_empty());
    fields.into_iter().map(|(title, names)| (title.into(), Text::new().plain(names.join(", ")))).collect()
}
