//! The graph in the languages of others: DOT, Mermaid, JSON.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use super::view::View;
use crate::model::{Node, Role};

/// Fill and stroke of a node.
pub(super) fn colors(role: Role) -> [&'static str; 2] {
    match role {
        Role::Condition => ["#dbeafe", "#1d4ed8"],
        Role::Property => ["#e5e7eb", "#4b5563"],
        Role::Latent => ["#ffffff", "#6b7280"],
        Role::Metric => ["#fde68a", "#b45309"],
        Role::Identity => ["#dcfce7", "#15803d"],
    }
}

/// What one reads on pointing at a node.
pub(super) fn hint(node: &Node) -> String {
    let unit = if node.unit.label == "1" { String::new() } else { format!(" [{}]", node.unit.label) };
    let parts = [format!("{}{unit}, {}", node.name, node.role.table()), node.meaning.clone(), node.equation.clone()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

/// The graph for Graphviz.
pub fn dot(view: &View<'_>) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"));
    let mut text = format!(
        "digraph {} {{\n  rankdir=LR;\n  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\", fontsize=11];\n",
        quoted(&view.model.name)
    );
    for index in view.nodes() {
        let node = view.node(index);
        let [fill, stroke] = colors(node.role);
        let _ = writeln!(
            text,
            "  {} [fillcolor=\"{fill}\", color=\"{stroke}\", tooltip={}];",
            quoted(&node.name),
            quoted(&hint(node))
        );
    }
    for (parent, child) in view.edges() {
        let _ = writeln!(text, "  {} -> {};", quoted(&view.node(parent).name), quoted(&view.node(child).name));
    }
    text + "}\n"
}

/// The graph for Mermaid, as Markdown pages draw it.
pub fn mermaid(view: &View<'_>) -> String {
    let mut text = "flowchart LR\n".to_owned();
    for index in view.nodes() {
        let node = view.node(index);
        let name = node.name.replace('#', "#35;").replace('"', "#quot;").replace('<', "#lt;");
        let _ = writeln!(text, "  n{index}(\"{name}\"):::{}", node.role.table());
    }
    for (parent, child) in view.edges() {
        let _ = writeln!(text, "  n{parent} --> n{child}");
    }
    for role in [Role::Condition, Role::Property, Role::Latent, Role::Metric, Role::Identity] {
        let [fill, stroke] = colors(role);
        let _ = writeln!(text, "  classDef {} fill:{fill},stroke:{stroke},color:#111827", role.table());
    }
    text
}

/// The graph for programs; `paths` from the first to the last node of a question are added where there is one.
pub fn json(view: &View<'_>, ends: Option<(usize, usize, usize)>) -> Json {
    let name = |node: usize| view.node(node).name.as_str();
    let nodes: Vec<Json> = view.nodes().map(|index| node_json(view, index)).collect();
    let edges: Vec<[&str; 2]> = view.edges().into_iter().map(|(parent, child)| [name(parent), name(child)]).collect();
    let mut answer = json!({ "model": view.model.name, "nodes": nodes, "edges": edges });
    if let Some((from, to, limit)) = ends {
        let found = view.model.graph.paths(from, to, limit);
        let paths: Vec<Vec<&str>> = found.iter().map(|path| path.iter().map(|&node| name(node)).collect()).collect();
        answer["path_count"] = json!(view.model.graph.path_counts(to)[from] as u64);
        answer["paths"] = json!(paths);
    }
    answer
}

fn node_json(view: &View<'_>, index: usize) -> Json {
    let node = view.node(index);
    let parents: Vec<&str> = view.parents(index).into_iter().map(|parent| view.node(parent).name.as_str()).collect();
    let parameters: Vec<Json> = view
        .parameters(index)
        .iter()
        .flat_map(|parameter| view.estimates(&parameter.name))
        .map(|estimate| {
            json!({
                "parameter": estimate.name,
                "level": if estimate.level.is_empty() { Json::Null } else { json!(estimate.level) },
                "value": estimate.value,
                "interval": [estimate.lower, estimate.upper],
                "unit": estimate.unit,
                "decided_by_data": estimate.decided,
            })
        })
        .collect();
    json!({
        "name": node.name,
        "role": node.role.table(),
        "unit": node.unit.label,
        "meaning": node.meaning,
        "equation": node.equation,
        "source": node.source,
        "observed": node.observed,
        "parents": parents,
        "parameters": parameters,
    })
}
