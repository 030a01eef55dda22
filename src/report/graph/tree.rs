//! The graph as a tree: from the metrics down to what the run and the catalog give.
//!
//! A node that acts on several others is drawn where it is nearest to the metric, and referred to elsewhere. What is
//! given stands beside the node that uses it, so that the tree is one of computed nodes.

use std::collections::{BTreeMap, VecDeque};

use super::super::{Document, Text};
use super::view::View;
use crate::model::Role;
use crate::notes::{list, plural};

/// The document of the tree; its lines are wrapped at `width`.
pub fn tree(view: &View<'_>, width: usize) -> Document {
    let model = view.model;
    let mut document = Document::new(Text::new().plain("Model ").code(&model.name));
    let counts: Vec<String> = [Role::Condition, Role::Property, Role::Latent, Role::Metric, Role::Identity]
        .into_iter()
        .filter_map(|role| counted(view.nodes().filter(|&node| view.node(node).role == role).count(), role))
        .collect();
    document.paragraph(Text::new().plain(format!(
        "{}. An equation names its causes by using them: they stand below it, and after ← what the run or a catalog \
         gives.",
        list(&counts)
    )));
    document.code(drawn(view, width.saturating_sub(2)));
    let given = given_fields(view);
    if !given.is_empty() {
        document.fields(given);
    }
    document
}

/// `3 metrics`; nothing if there is none.
fn counted(count: usize, role: Role) -> Option<String> {
    let noun = role.table();
    match (count, noun.strip_suffix('y')) {
        (0, _) => None,
        (2.., Some(stem)) => Some(format!("{count} {stem}ies")),
        _ => Some(plural(count, noun)),
    }
}

/// Who is drawn below whom: the children of each node of the tree, in order, and the roots.
struct Layout {
    roots: Vec<usize>,
    below: Vec<Vec<usize>>,
    /// Where a node is drawn: below this one; none for roots.
    owner: Vec<Option<usize>>,
}

fn layout(view: &View<'_>, given: &[bool]) -> Layout {
    let size = view.model.nodes.len();
    let sinks = view.nodes().filter(|&node| view.children(node).is_empty() && !given[node]);
    let chosen =
        view.model.node_index(&view.model.default_metric).filter(|&metric| view.nodes().any(|node| node == metric));
    let mut roots: Vec<usize> = chosen.into_iter().collect();
    let mut rest: Vec<usize> = sinks.filter(|node| chosen != Some(*node)).collect();
    rest.sort_by_key(|&node| (view.node(node).role == Role::Latent, node));
    roots.extend(rest);
    let mut layout = Layout { roots: roots.clone(), below: vec![Vec::new(); size], owner: vec![None; size] };
    let mut placed = vec![false; size];
    for root in roots {
        placed[root] = true;
        let mut open = VecDeque::from([root]);
        while let Some(node) = open.pop_front() {
            for parent in view.parents(node).into_iter().rev().filter(|&parent| !given[parent]) {
                layout.below[node].push(parent);
                if !placed[parent] && !layout.roots.contains(&parent) {
                    placed[parent] = true;
                    layout.owner[parent] = Some(node);
                    open.push_back(parent);
                }
            }
        }
    }
    layout
}

/// The lines of the tree.
fn drawn(view: &View<'_>, width: usize) -> String {
    let given = view.given();
    let layout = layout(view, &given);
    let mut order = Vec::new();
    for &root in &layout.roots {
        collect(&layout, root, &mut order);
    }
    let place: BTreeMap<usize, usize> = order.iter().enumerate().map(|(line, &node)| (node, line)).collect();
    let mut lines = Vec::new();
    for &root in &layout.roots {
        node_lines(view, &given, root, ["", ""], width, &mut lines);
        let mut branch = Branch { view, given: &given, layout: &layout, place: &place, width, lines: &mut lines };
        branch.draw(root, "");
    }
    lines.join("\n")
}

/// Nodes in the order in which they are drawn.
fn collect(layout: &Layout, node: usize, order: &mut Vec<usize>) {
    order.push(node);
    for &child in layout.below[node].iter().filter(|&&child| layout.owner[child] == Some(node)) {
        collect(layout, child, order);
    }
}

struct Branch<'v, 'a> {
    view: &'v View<'a>,
    given: &'v [bool],
    layout: &'v Layout,
    place: &'v BTreeMap<usize, usize>,
    width: usize,
    lines: &'v mut Vec<String>,
}

impl Branch<'_, '_> {
    /// Draws what stands below a node, each line after `stem`.
    fn draw(&mut self, node: usize, stem: &str) {
        // Where a node is only referred to, it comes first: a line without a branch.
        let mut below = self.layout.below[node].clone();
        below.sort_by_key(|&child| self.layout.owner[child] == Some(node));
        for (index, &child) in below.iter().enumerate() {
            let is_last = index + 1 == below.len();
            let (corner, down) = if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            let (first, rest) = (format!("{stem}{corner}"), format!("{stem}{down}"));
            if self.layout.owner[child] == Some(node) {
                let is_leaf = self.layout.below[child].is_empty();
                let hang = format!("{rest}{}", if is_leaf { "   " } else { "│  " });
                node_lines(self.view, self.given, child, [&first, &hang], self.width, self.lines);
                self.draw(child, &rest);
            } else {
                let above = self.place[&child] < self.place[&node];
                let name = &self.view.node(child).name;
                self.lines.push(format!("{first}{name} ({})", if above { "above" } else { "below" }));
            }
        }
    }
}

/// A node with its unit and what it is given, wrapped at `width`; further lines hang below the first.
fn node_lines(
    view: &View<'_>,
    given: &[bool],
    node: usize,
    [first, hang]: [&str; 2],
    width: usize,
    lines: &mut Vec<String>,
) {
    let own = view.node(node);
    let unit = if own.unit.label == "1" { String::new() } else { format!(" [{}]", own.unit.label) };
    let mut line = format!("{first}{}{unit}", own.name);
    let inputs: Vec<&str> = view
        .parents(node)
        .into_iter()
        .filter(|&parent| given[parent])
        .map(|parent| view.node(parent).name.as_str())
        .collect();
    for (index, input) in inputs.iter().enumerate() {
        let comma = if index + 1 < inputs.len() { "," } else { "" };
        let word = if index == 0 { format!(" ← {input}{comma}") } else { format!(" {input}{comma}") };
        if line.chars().count() + word.chars().count() > width {
            lines.push(std::mem::replace(&mut line, hang.to_owned()));
        }
        line.push_str(&word);
    }
    lines.push(line);
}

/// Conditions, and properties by what selects their entry in the catalog.
fn given_fields(view: &View<'_>) -> Vec<(Text, Text)> {
    let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut conditions = Vec::new();
    for node in view.nodes() {
        let name = view.node(node).name.as_str();
        match (view.node(node).role, &view.model.references[node]) {
            (Role::Condition, _) => conditions.push(name),
            (Role::Property, Some(from)) => groups.entry(from.keys.join(", ")).or_default().push(name),
            _ => {}
        }
    }
    let mut fields = Vec::new();
    if !conditions.is_empty() {
        fields.push((Text::from("set by the run"), Text::new().plain(conditions.join(", "))));
    }
    let by = |keys: String| Text::new().plain(format!("by {keys}"));
    fields.extend(groups.into_iter().map(|(keys, names)| (by(keys), Text::new().plain(names.join(", ")))));
    fields
}
