//! The causal graph: who uses whom, read off the equations.

use petgraph::Direction;
use petgraph::algo::{all_simple_paths, toposort};
use petgraph::graph::{DiGraph, NodeIndex};

/// Edges from parents to children, by node index of the model.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    inner: DiGraph<(), ()>,
}

impl Graph {
    /// A graph of `nodes` nodes with edges (parent, child).
    pub(super) fn new(nodes: usize, edges: &[(usize, usize)]) -> Self {
        let mut inner = DiGraph::with_capacity(nodes, edges.len());
        for _ in 0..nodes {
            inner.add_node(());
        }
        for &(parent, child) in edges {
            inner.update_edge(NodeIndex::new(parent), NodeIndex::new(child), ());
        }
        Self { inner }
    }

    /// Nodes with every parent before its children; else a node on a cycle.
    pub(super) fn order(&self) -> Result<Vec<usize>, usize> {
        // Ties are broken by index, so that the order is that of the file wherever the equations allow it.
        let sorted = toposort(&self.inner, None).map_err(|cycle| cycle.node_id().index())?;
        let mut depth = vec![0_usize; sorted.len()];
        for node in &sorted {
            let own = self.parents(node.index()).iter().map(|&parent| depth[parent] + 1).max().unwrap_or(0);
            depth[node.index()] = own;
        }
        let mut order: Vec<usize> = sorted.into_iter().map(NodeIndex::index).collect();
        order.sort_by_key(|&node| (depth[node], node));
        Ok(order)
    }

    /// A cycle through `start`: nodes in the order of the edges, the first not repeated.
    pub(super) fn cycle_through(&self, start: usize) -> Vec<usize> {
        let mut path = vec![start];
        let mut visited = vec![false; self.inner.node_count()];
        if self.walk_back(start, start, &mut visited, &mut path) {
            path.reverse();
        }
        path
    }

    fn walk_back(&self, node: usize, target: usize, visited: &mut [bool], path: &mut Vec<usize>) -> bool {
        for parent in self.parents(node) {
            if parent == target {
                return true;
            }
            if !visited[parent] {
                visited[parent] = true;
                path.push(parent);
                if self.walk_back(parent, target, visited, path) {
                    return true;
                }
                path.pop();
            }
        }
        false
    }

    /// Direct causes of a node, by index.
    pub fn parents(&self, node: usize) -> Vec<usize> {
        self.neighbours(node, Direction::Incoming)
    }

    /// Direct effects of a node, by index.
    pub fn children(&self, node: usize) -> Vec<usize> {
        self.neighbours(node, Direction::Outgoing)
    }

    fn neighbours(&self, node: usize, direction: Direction) -> Vec<usize> {
        let mut found: Vec<usize> =
            self.inner.neighbors_directed(NodeIndex::new(node), direction).map(NodeIndex::index).collect();
        found.sort_unstable();
        found
    }

    /// Whether each node is among `of` or leads to one of them.
    pub fn ancestors(&self, of: &[usize]) -> Vec<bool> {
        let mut found = vec![false; self.inner.node_count()];
        let mut open = of.to_vec();
        while let Some(node) = open.pop() {
            if !std::mem::replace(&mut found[node], true) {
                open.extend(self.parents(node));
            }
        }
        found
    }

    /// All directed paths from one node to another, shortest first, at most `limit`.
    pub fn paths(&self, from: usize, to: usize, limit: usize) -> Vec<Vec<usize>> {
        let mut paths: Vec<Vec<usize>> = all_simple_paths::<Vec<_>, _, std::hash::RandomState>(
            &self.inner,
            NodeIndex::new(from),
            NodeIndex::new(to),
            0,
            None,
        )
        .take(limit.saturating_mul(50))
        .map(|path| path.into_iter().map(NodeIndex::index).collect())
        .collect();
        paths.sort_by(|a: &Vec<usize>, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
        paths.truncate(limit);
        paths
    }

    /// The graph with its nodes renumbered: `order[new] = old`.
    pub(super) fn renumbered(&self, order: &[usize]) -> Self {
        let mut new = vec![0; order.len()];
        for (index, &old) in order.iter().enumerate() {
            new[old] = index;
        }
        let edges: Vec<(usize, usize)> = self
            .inner
            .raw_edges()
            .iter()
            .map(|edge| (new[edge.source().index()], new[edge.target().index()]))
            .collect();
        Self::new(order.len(), &edges)
    }
}
