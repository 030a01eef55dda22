//! A public benchmark graph of 20 nodes, as a model without any known form: the language is not about inference.

use std::fmt::Write as _;
use std::path::Path;

use joules::catalog::Catalog;
use joules::fit::{Settings, accuracy, fit, predictions};
use joules::model::Model;
use joules::runs::{Run, Value};
use serde_json::Value as Json;

use crate::shared::shared_data;

struct Node {
    id: String,
    kind: String,
    parents: Vec<String>,
}

fn nodes(folder: &Path) -> (Vec<Node>, String) {
    let graph: Json = serde_json::from_str(&std::fs::read_to_string(folder.join("graph.json")).unwrap()).unwrap();
    let text = |value: &Json| value.as_str().unwrap().to_owned();
    let nodes = graph["nodes"].as_array().unwrap().iter().map(|node| Node {
        id: text(&node["id"]),
        kind: text(&node["kind"]),
        parents: node["parents"].as_array().unwrap().iter().map(text).collect(),
    });
    (nodes.collect(), text(&graph["target"]))
}

/// The runs of a file: knobs are conditions, ends are metrics, all else is a measured latent.
fn runs(path: &Path, nodes: &[Node], most: usize) -> Vec<Run> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let header = reader.headers().unwrap().clone();
    let mut runs = Vec::new();
    for record in reader.records().take(most) {
        let record = record.unwrap();
        let mut run = Run { source: "benchmark".to_owned(), ..Run::default() };
        for (column, cell) in header.iter().zip(&record) {
            let Some(node) = nodes.iter().find(|node| node.id == column) else { continue };
            let value: f64 = cell.parse().unwrap();
            match node.kind.as_str() {
                "knob" => drop(run.conditions.insert(node.id.clone(), Value::Number(value))),
                "end" => drop(run.metrics.insert(node.id.clone(), value)),
                _ => drop(run.observed.insert(node.id.clone(), value)),
            }
        }
        run.id = format!("r{}", runs.len());
        runs.push(run);
    }
    runs
}

/// The geometric mean of a column: where the logarithm of a parent is 0.
fn typical(runs: &[Run], id: &str) -> f64 {
    let value = |run: &Run| run.number(id).or_else(|| run.observed.get(id).or_else(|| run.metrics.get(id)).copied());
    let logs: Vec<f64> = runs.iter().filter_map(value).map(f64::ln).collect();
    (logs.iter().sum::<f64>() / logs.len() as f64).exp()
}

/// The model file that follows from the graph alone.
fn model_text(nodes: &[Node], target: &str, runs: &[Run]) -> String {
    let mut text = format!("[model]\nname = \"benchmark\"\ndefault_metric = \"{target}\"\n");
    for node in nodes {
        let id = &node.id;
        if node.kind == "knob" {
            let _ = write!(text, "\n[condition.{id}]\nunit = \"1\"\n\n[cause.{id}]\nfrom = [\"{id}\"]\n");
            continue;
        }
        let (table, observed) =
            if node.kind == "end" { ("metric", String::new()) } else { ("latent", format!("observed = \"{id}\"\n")) };
        let parents: Vec<String> =
            node.parents.iter().map(|parent| format!("\"{parent} / {:.4}\"", typical(runs, parent))).collect();
        let _ = write!(
            text,
            "\n[{table}.{id}]\nunit = \"1\"\nequation = \"generic\"\nparents = [{}]\n{observed}\
             noise = {{ lognormal = \"{id}_spread\" }}\n\n[parameter.{id}_spread]\nunit = \"1\"\n\
             prior = \"lognormal(0.05, 1)\"\n\n[cause.{id}_unexplained]\nnoise = [\"{id}\"]\n",
            parents.join(", ")
        );
    }
    text
}

#[test]
fn a_graph_without_equations_predicts_its_target() {
    let Some(folder) = shared_data("rca-bench") else { return };
    let (nodes, target) = nodes(&folder);
    let train = runs(&folder.join("runs_train.csv"), &nodes, 400);
    let text = model_text(&nodes, &target, &train);
    let catalog = Catalog::default();
    let model = Model::parse("benchmark.toml", &text, &catalog)
        .unwrap_or_else(|error| panic!("{}", crate::messages::drawn(&error)));
    assert_eq!(model.nodes.len(), nodes.len());
    for node in &nodes {
        let index = model.node_index(&node.id).unwrap();
        let mut found: Vec<&str> =
            model.graph.parents(index).iter().map(|&parent| model.nodes[parent].name.as_str()).collect();
        let mut given: Vec<&str> = node.parents.iter().map(String::as_str).collect();
        found.sort_unstable();
        given.sort_unstable();
        assert_eq!(found, given, "parents of {}", node.id);
    }
    let start = std::time::Instant::now();
    let fitted =
        fit(model, &catalog, &train, &Settings { starts: 1, calibrate: false, ..Settings::default() }).unwrap();
    println!("benchmark: {} coordinates, {:?}, {}", fitted.theta.len(), start.elapsed(), fitted.record.stopped);
    let test = runs(&folder.join("runs_test.csv"), &nodes, 500);
    let predictions = predictions(&fitted, &catalog, &test).unwrap();
    let own: Vec<_> = predictions.iter().filter(|one| one.metric == target).collect();
    let errors = accuracy(&own).unwrap();
    println!("benchmark: {errors:?}");
    assert_eq!(errors.runs, test.len());
    assert!(errors.median < 0.08, "median error of the target: {:.3}", errors.median);
}
