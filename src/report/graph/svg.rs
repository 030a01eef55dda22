//! The graph as a picture: columns from causes to effects, boxes colored by role.

use std::fmt::Write as _;

use super::super::markup::escaped;
use super::drawing::{colors, hint};
use super::view::View;
use crate::model::Role;

/// Height of a box, and the distance from one box to the next below.
const BOX: f64 = 24.0;
const PITCH: f64 = 34.0;
/// Room between columns for the edges.
const GAP: f64 = 70.0;
/// Width of a letter of the labels.
const LETTER: f64 = 6.8;
/// Room around everything; above it stands the legend.
const MARGIN: f64 = 24.0;
const LEGEND: f64 = 40.0;
/// How often boxes are moved towards their neighbors; more changes nothing visible.
const SWEEPS: usize = 24;

/// Where a box stands: its left end, its middle, its width.
#[derive(Clone, Copy, Default)]
struct Place {
    x: f64,
    y: f64,
    width: f64,
}

/// An SVG page of its own; pointing at a box tells its meaning and equation.
pub fn svg(view: &View<'_>) -> String {
    let columns = columns(view);
    let (places, width, height) = places(view, &columns);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\">\n\
         <title>{}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
        escaped(&format!("Causal graph of model {}", view.model.name))
    );
    legend(&mut text);
    text.push_str("<g fill=\"none\" stroke=\"#9ca3af\" stroke-opacity=\"0.6\">\n");
    for (parent, child) in view.edges() {
        let (from, to) = (places[parent], places[child]);
        let (x1, x2) = (from.x + from.width, to.x);
        let bend = GAP.max((x2 - x1) / 2.0) / 2.0;
        let _ = writeln!(
            text,
            "<path d=\"M{x1:.1} {:.1}C{:.1} {:.1} {:.1} {:.1} {x2:.1} {:.1}\"/>",
            from.y,
            x1 + bend,
            from.y,
            x2 - bend,
            to.y,
            to.y
        );
    }
    text.push_str("</g>\n");
    for index in view.nodes() {
        let node = view.node(index);
        node_box(&mut text, places[index], &node.name, node.role, &hint(node));
    }
    text + "</svg>\n"
}

/// A box with its name.
fn node_box(text: &mut String, place: Place, name: &str, role: Role, hint: &str) {
    let [fill, stroke] = colors(role);
    let _ = writeln!(
        text,
        "<g><title>{}</title><rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{BOX}\" rx=\"7\" fill=\"{fill}\" \
         stroke=\"{stroke}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#111827\">{}</text></g>",
        escaped(hint),
        place.x,
        place.y - BOX / 2.0,
        place.width,
        place.x + place.width / 2.0,
        place.y + 4.0,
        escaped(name),
    );
}

fn legend(text: &mut String) {
    let mut x = MARGIN;
    for role in [Role::Condition, Role::Property, Role::Latent, Role::Metric, Role::Identity] {
        let place = Place { x, y: MARGIN, width: width_of(role.table()) };
        node_box(text, place, role.table(), role, role.table());
        x += place.width + 12.0;
    }
}

fn width_of(name: &str) -> f64 {
    name.chars().count() as f64 * LETTER + 18.0
}

/// The nodes of every column. A computed node stands right of all its causes, a given one just left of its first effect.
fn columns(view: &View<'_>) -> Vec<Vec<usize>> {
    let mut depth = vec![0_usize; view.model.nodes.len()];
    for node in view.nodes() {
        depth[node] = view.parents(node).iter().map(|&parent| depth[parent] + 1).max().unwrap_or(0);
    }
    let order: Vec<usize> = view.nodes().collect();
    for &node in order.iter().rev().filter(|&&node| view.parents(node).is_empty()) {
        let nearest = view.children(node).iter().map(|&child| depth[child]).min();
        depth[node] = nearest.map_or(0, |nearest| nearest.saturating_sub(1));
    }
    let deepest = order.iter().map(|&node| depth[node]).max().unwrap_or(0);
    let mut columns = vec![Vec::new(); deepest + 1];
    for node in order {
        columns[depth[node]].push(node);
    }
    columns
}

/// Where every box stands, and the size of the page. Boxes are sorted by the mean height of their neighbors.
fn places(view: &View<'_>, columns: &[Vec<usize>]) -> (Vec<Place>, f64, f64) {
    let tallest = columns.iter().map(Vec::len).max().unwrap_or(0) as f64 * PITCH;
    let mut columns = columns.to_vec();
    let mut places = vec![Place::default(); view.model.nodes.len()];
    let mut x = MARGIN;
    for column in &columns {
        let widest = column.iter().map(|&node| width_of(&view.node(node).name)).fold(0.0, f64::max);
        for &node in column {
            let width = width_of(&view.node(node).name);
            places[node] = Place { x: x + (widest - width) / 2.0, y: 0.0, width };
        }
        x += widest + GAP;
    }
    for column in &columns {
        stack(column, tallest, &mut places);
    }
    for sweep in 0..SWEEPS {
        let rightwards = sweep % 2 == 0;
        for step in 0..columns.len() {
            let at = if rightwards { step } else { columns.len() - 1 - step };
            let mean = |node: usize| {
                let near = if rightwards { view.parents(node) } else { view.children(node) };
                let sum: f64 = near.iter().map(|&other| places[other].y).sum();
                if near.is_empty() { places[node].y } else { sum / near.len() as f64 }
            };
            let mut sorted: Vec<(f64, usize)> = columns[at].iter().map(|&node| (mean(node), node)).collect();
            sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            columns[at] = sorted.into_iter().map(|(_, node)| node).collect();
            stack(&columns[at], tallest, &mut places);
        }
    }
    (places, x - GAP + MARGIN, tallest + 2.0 * MARGIN + LEGEND)
}

/// Spreads the boxes of a column evenly around the middle of the page.
fn stack(column: &[usize], tallest: f64, places: &mut [Place]) {
    let pitch = (tallest / column.len().max(1) as f64).min(2.0 * PITCH);
    let top = MARGIN + LEGEND + (tallest - pitch * column.len() as f64) / 2.0;
    for (index, &node) in column.iter().enumerate() {
        places[node].y = top + (index as f64 + 0.5) * pitch;
    }
}
