//! The causal graph: who uses whom, read off the equations.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use petgraph::Direction;
use petgraph::algo::toposort;
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
        self.reached(of, Direction::Incoming)
    }

    /// Whether each node is among `of` or follows from one of them.
    pub fn descendants(&self, of: &[usize]) -> Vec<bool> {
        self.reached(of, Direction::Outgoing)
    }

    fn reached(&self, from: &[usize], direction: Direction) -> Vec<bool> {
        let mut found = vec![false; self.inner.node_count()];
        let mut open = from.to_vec();
        while let Some(node) = open.pop() {
            if !std::mem::replace(&mut found[node], true) {
                open.extend(self.neighbours(node, direction));
            }
        }
        found
    }

    /// How many directed paths lead from every node to `to`.
    pub fn path_counts(&self, to: usize) -> Vec<f64> {
        let mut counts = vec![0.0; self.inner.node_count()];
        counts[to] = 1.0;
        // A checked graph has no cycle, so that every child's count is complete before its parents need it.
        for node in toposort(&self.inner, None).unwrap_or_default().into_iter().rev().map(NodeIndex::index) {
            if node != to {
                counts[node] = self.children(node).into_iter().map(|child| counts[child]).sum();
            }
        }
        counts
    }

    /// The directed paths from one node to another, shortest first, at most `limit`.
    ///
    /// Best-first search: a partial path waits with the length of the shortest whole path that begins with it, so that
    /// whole paths come out in the order of their lengths.
    pub fn paths(&self, from: usize, to: usize, limit: usize) -> Vec<Vec<usize>> {
        let distance = self.distances(to);
        let mut open = BinaryHeap::new();
        open.extend(distance[from].map(|length| Reverse((length, vec![from]))));
        let mut paths = Vec::new();
        while let Some(Reverse((_, path))) = open.pop().filter(|_| paths.len() < limit) {
            let last = path[path.len() - 1];
            if last == to {
                paths.push(path);
                continue;
            }
            for child in self.children(last) {
                if let Some(rest) = distance[child] {
                    open.push(Reverse((path.len() + rest, [path.as_slice(), &[child]].concat())));
                }
            }
        }
        paths
    }

    /// Edges of the shortest path from every node to `to`, where there is one.
    fn distances(&self, to: usize) -> Vec<Option<usize>> {
        let mut distance = vec![None; self.inner.node_count()];
        distance[to] = Some(0);
        let mut open = VecDeque::from([(to, 0)]);
        while let Some((node, length)) = open.pop_front() {
            for parent in self.parents(node) {
                if distance[parent].is_none() {
                    distance[parent] = Some(length + 1);
                    open.push_back((parent, length + 1));
                }
            }
        }
        distance
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_come_shortest_first_and_are_counted() {
        let graph = Graph::new(5, &[(0, 1), (1, 2), (0, 2), (2, 3), (1, 3), (4, 3)]);
        assert_eq!(graph.paths(0, 3, 9), [vec![0, 1, 3], vec![0, 2, 3], vec![0, 1, 2, 3]]);
        assert_eq!(graph.paths(0, 3, 1), [vec![0, 1, 3]]);
        assert_eq!(graph.path_counts(3)[0], 3.0);
        assert!(graph.paths(3, 0, 9).is_empty());
        assert_eq!(graph.paths(3, 3, 9), [vec![3]]);
    }
}
