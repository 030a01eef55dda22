//! What the model says of single nodes, and the ways by which one acts on another.

use super::super::{Column, Document, Table, Text};
use super::view::{View, in_unit};
use crate::model::NodeDefinition;
use crate::notes::plural;
use crate::unit::percent;

/// Every one of `nodes` with its equation, meaning, unit, source, and the estimates of the parameters it uses.
pub fn equations(view: &View<'_>, nodes: impl IntoIterator<Item = usize>) -> Document {
    let mut document = Document::default();
    for node in nodes {
        about(view, node, &mut document);
    }
    document
}

fn about(view: &View<'_>, index: usize, document: &mut Document) {
    let node = view.node(index);
    let unit = if node.unit.label == "1" { String::new() } else { format!(" [{}]", node.unit.label) };
    document.subheading(Text::new().code(&node.name).plain(unit).dim(format!(", {}", node.role.table())));
    let names = |indices: Vec<usize>| {
        indices.into_iter().map(|index| view.node(index).name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let mut fields: Vec<(&str, Text)> = vec![
        ("meaning", Text::new().plain(&node.meaning)),
        ("equation", Text::new().code(&node.equation)),
        ("source", Text::new().plain(&node.source)),
    ];
    fields.extend(view.written(index).map(written).into_iter().flatten());
    for regime in view.regimes(index) {
        let states = Text::new().code(&regime.name).plain(format!(" is {}", regime.states.join(" or ")));
        fields.push(("hidden state", states.plain(": ").plain(&regime.meaning)));
        fields.push(("its probability", Text::new().code(&regime.probability.0.text)));
    }
    fields.push(("measured as", Text::new().plain(node.observed.as_deref().unwrap_or_default())));
    fields.push(("causes", Text::new().plain(names(view.parents(index)))));
    fields.push(("effects", Text::new().plain(names(view.children(index)))));
    document.fields(fields.into_iter().filter(|(_, text)| !text.is_empty()));
    let parameters = parameters(view, index);
    if !parameters.is_empty() {
        document.table(parameters);
    }
}

/// What only the file says.
fn written(node: &NodeDefinition) -> Vec<(&'static str, Text)> {
    let code = |text: Option<&String>| text.map_or_else(Text::new, |text| Text::new().code(text));
    vec![
        ("if missing", code(node.missing.as_ref().map(|(text, _)| &text.text))),
        ("noise", code(node.noise.as_ref().map(|(text, _)| &text.text))),
        ("valid", Text::new().plain(&node.valid)),
    ]
}

/// The parameters that a node uses, with their estimates, or with their priors where there is no fit.
fn parameters(view: &View<'_>, node: usize) -> Table {
    let (estimate, decided) =
        if view.is_fitted { ("estimate", Some("decided by data")) } else { ("prior median", None) };
    let heads = [Column::left("parameter"), Column::right(estimate), Column::left("90 % interval")];
    let mut table = Table::new(heads.into_iter().chain(decided.map(Column::right)));
    for parameter in view.parameters(node) {
        let known = parameter.prior.is_fixed();
        for estimate in view.estimates(&parameter.name) {
            let name = match estimate.level.as_str() {
                "" => Text::new().plain(&estimate.name),
                level => Text::new().dim("· ").plain(level),
            };
            let show = |value: f64| in_unit(value, &estimate.unit);
            let interval = if known {
                "known".to_owned()
            } else {
                format!("{} … {}", show(estimate.lower), show(estimate.upper))
            };
            let mut row = vec![name, Text::new().plain(show(estimate.value)), Text::new().plain(interval)];
            row.extend(decided.filter(|_| !known).map(|_| Text::new().plain(percent(estimate.decided.max(0.0)))));
            table.row(row);
        }
    }
    table
}

/// The directed paths from one node to another, shortest first, at most `limit` of them.
pub fn paths(view: &View<'_>, from: usize, to: usize, limit: usize) -> Document {
    let name = |node: usize| view.node(node).name.as_str();
    let graph = &view.model.graph;
    let total = graph.path_counts(to)[from];
    let found = graph.paths(from, to, limit);
    let mut document = Document::new(Text::new().plain("How ").code(name(from)).plain(" acts on ").code(name(to)));
    let through = view.nodes().count().saturating_sub(2);
    document.paragraph(Text::new().plain(format!(
        "{}, by way of {}{}",
        plural(total as usize, "path"),
        plural(through, "node"),
        if found.len() < total as usize {
            format!("; the {} shortest (--limit N shows more):", found.len())
        } else {
            ":".to_owned()
        }
    )));
    let lines = found.iter().map(|path| {
        let names: Vec<&str> = path.iter().map(|&node| name(node)).collect();
        Text::new().plain(names.join(" → "))
    });
    document.list(lines);
    document
}
