//! `joules graph`: the causal graph of a model.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::options::{ModelSource, json_text, model_of};
use super::{Context, Failure, Outcome};
use crate::model::Model;
use crate::report::graph::{View, dot, equations, json, mermaid, paths, svg, tree};
use crate::report::{Document, render};

/// Columns of the tree on a page.
const PAGE: usize = 110;

/// Draw the causal graph of a model, list its equations, trace its paths
#[derive(Args, Debug)]
pub(super) struct Graph {
    #[command(flatten)]
    source: ModelSource,
    /// Show the equation, source and estimates of this node [repeatable]
    #[arg(long, value_name = "NAME")]
    node: Vec<String>,
    /// List the equation of every node below the tree
    #[arg(long, conflicts_with = "node")]
    equations: bool,
    /// Only what this node acts on; with --to, the paths between the two
    #[arg(long, value_name = "NODE", conflicts_with = "node")]
    from: Option<String>,
    /// Only what acts on this node
    #[arg(long, value_name = "NODE", conflicts_with = "node")]
    to: Option<String>,
    /// Most paths that are listed
    #[arg(long, value_name = "N", default_value_t = 40)]
    limit: usize,
    /// Form of the answer
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
    /// File for the answer [default: standard output]
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
}

/// How a graph is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A tree, for a person at a terminal
    Text,
    /// For a page of others
    Markdown,
    /// A page of its own, for a browser
    Html,
    /// For Graphviz
    Dot,
    /// For Markdown pages that draw it
    Mermaid,
    /// A picture for a browser
    Svg,
    /// For a program
    Json,
}

impl Graph {
    pub(super) fn run(&self, context: &Context) -> Result<Outcome, Failure> {
        let fitted = match &self.source.model {
            // A model of one's own need not be fitted to be looked at.
            Some(name) if self.source.fitted.is_none() && std::path::Path::new(name).is_file() => None,
            _ => self.source.fitted(context)?,
        };
        let model = match (&fitted, &self.source.model) {
            (Some(fitted), _) => fitted.model.clone(),
            (None, name) => model_of(context, name.as_deref().unwrap_or_default())?,
        };
        let view = View::new(&model, fitted.as_ref());
        let find = |name: &String| node_of(&model, &view, name);
        let nodes = self.node.iter().map(find).collect::<Result<Vec<_>, _>>()?;
        let (from, to) = (self.from.as_ref().map(find).transpose()?, self.to.as_ref().map(find).transpose()?);
        let ends = from.zip(to);
        if let Some((from, to)) = ends {
            check_path(&model, from, to)?;
        }
        let view = view.between(from, to);
        let view = if nodes.is_empty() { view } else { view.around(&nodes) };
        let style = context.style(self.out.as_deref());
        let document = |width: usize| self.document(&view, &nodes, ends, width);
        let page = || context.signed(document(PAGE), &fitted.iter().collect::<Vec<_>>());
        let text = match self.format {
            Format::Text => render::text(&document(style.width), &style),
            Format::Markdown => render::markdown(&page()),
            Format::Html => render::html(&page()),
            Format::Dot => dot(&view),
            Format::Mermaid => mermaid(&view),
            Format::Svg => svg(&view),
            Format::Json => json_text(&json(&view, ends.map(|(from, to)| (from, to, self.limit)))),
        };
        context.write(&text, self.out.as_deref())?;
        Ok(Outcome::Answered)
    }

    fn document(&self, view: &View<'_>, nodes: &[usize], ends: Option<(usize, usize)>, width: usize) -> Document {
        if !nodes.is_empty() {
            return equations(view, nodes.iter().copied());
        }
        let mut document = match ends {
            Some((from, to)) => paths(view, from, to, self.limit),
            None => tree(view, width),
        };
        if self.equations {
            document.heading("Equations").append(equations(view, view.nodes()));
        } else if ends.is_none() {
            document.paragraph(
                "`--node NAME` shows an equation with its source and estimates, `--equations` all of them; `--to NAME` \
                 draws what acts on a node, `--from A --to B` lists the paths between two.",
            );
        }
        document
    }
}

fn node_of(model: &Model, view: &View<'_>, name: &str) -> Result<usize, Failure> {
    model.node_index(name).ok_or_else(|| Failure::UnknownNode {
        node: name.to_owned(),
        model: model.name.clone(),
        nearest: view.nearest(name).map(str::to_owned),
    })
}

fn check_path(model: &Model, from: usize, to: usize) -> Result<(), Failure> {
    if model.graph.ancestors(&[to])[from] {
        return Ok(());
    }
    let name = |node: usize| model.nodes[node].name.clone();
    let reverse = model.graph.ancestors(&[from])[to];
    Err(Failure::NoPath { model: model.name.clone(), from: name(from), to: name(to), reverse })
}
