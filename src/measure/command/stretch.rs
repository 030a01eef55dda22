//! A stretch of work: one window, or several that belong together.

use std::collections::BTreeMap;

use super::marks::Mark;
use crate::measure::meter::{TraceWindow, Window};
use crate::notes::Caveat;

/// Work of one name, with what it made and what it took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stretch {
    /// Its name; empty if it has none.
    pub name: String,
    /// What it made, by name.
    pub items: BTreeMap<String, f64>,
    /// When, each time.
    pub windows: Vec<Window>,
}

impl Stretch {
    /// Energy of all GPUs, J.
    pub fn energy_j(&self) -> f64 {
        self.windows.iter().map(|window| window.energy_j).sum()
    }

    /// The true energy is no farther away than this, J.
    pub fn bound_j(&self) -> f64 {
        self.windows.iter().map(|window| window.bound_j).sum()
    }

    /// Time, s.
    pub fn duration_s(&self) -> f64 {
        self.windows.iter().map(Window::duration_s).sum()
    }

    /// Mean power of all GPUs, W, while it was known.
    pub fn power_w(&self) -> f64 {
        self.windows.iter().map(|window| window.power_w * window.duration_s()).sum::<f64>() / self.duration_s()
    }

    /// Whether the energy is that of all GPUs all the time.
    pub fn is_valid(&self) -> bool {
        self.windows.iter().all(|window| window.valid)
    }

    /// Observed latents: means over its time.
    pub fn observed(&self) -> BTreeMap<String, f64> {
        let mut sums: BTreeMap<String, (f64, f64)> = BTreeMap::new();
        for window in &self.windows {
            for (name, value) in &window.observed {
                let sum = sums.entry(name.clone()).or_default();
                *sum = (sum.0 + value * window.duration_s(), sum.1 + window.duration_s());
            }
        }
        sums.into_iter().filter(|(_, sum)| sum.1 > 0.0).map(|(name, sum)| (name, sum.0 / sum.1)).collect()
    }

    /// What to know of it, each thing once.
    pub fn caveats(&self) -> Vec<Caveat> {
        let mut all: Vec<Caveat> = Vec::new();
        for caveat in self.windows.iter().flat_map(|window| &window.caveats) {
            if !all.contains(caveat) {
                all.push(caveat.clone());
            }
        }
        all
    }
}

/// Windows of the same name belong together; `seen` tells what happened in each.
pub(super) fn stretches(meant: &[TraceWindow], seen: impl Fn(f64, f64) -> Window) -> Vec<Stretch> {
    let mut all: Vec<Stretch> = Vec::new();
    for own in meant {
        let window = seen(own.from, own.to);
        let at = all.iter().position(|stretch| stretch.name == own.name).unwrap_or_else(|| {
            all.push(Stretch { name: own.name.clone(), ..Stretch::default() });
            all.len() - 1
        });
        all[at].windows.push(window);
        for (item, count) in &own.items {
            *all[at].items.entry(item.clone()).or_default() += count;
        }
    }
    all
}

/// The windows that marks mean, between a start and an end; the whole time if there are none. What makes no sense is told.
pub(super) fn meant(marks: &[Mark], from: f64, to: f64) -> (Vec<TraceWindow>, Vec<Caveat>) {
    let (mut windows, mut caveats): (Vec<TraceWindow>, Vec<Caveat>) = (Vec::new(), Vec::new());
    let mut open: Option<(String, f64)> = None;
    let mut odd = |text: String| caveats.push(Caveat::new("odd_marks", text));
    for mark in marks {
        match mark {
            Mark::Begin { name, at } => {
                if let Some((before, _)) = open.replace((name.clone(), *at)) {
                    let [before, next] = [&before, name].map(|name| written("begin", name));
                    odd(format!("{before} is left out: {next} comes before its `end`, and stretches cannot overlap"));
                }
            }
            Mark::End { name: ended, .. } if open.as_ref().is_some_and(|(name, _)| mark.ends_another(name)) => {
                odd(format!("{} is left out: no stretch of that name runs", written("end", ended)));
            }
            Mark::End { name: ended, items, at } => match open.take() {
                Some((name, begun)) if *at > begun && begun >= from && *at <= to => {
                    windows.push(TraceWindow { name, from: begun, to: *at, items: items.clone() });
                }
                Some(_) => {
                    odd("a stretch that ends before it begins, or lies outside of the run, is left out".to_owned());
                }
                None => odd(format!("{} is left out: it has no `begin`", written("end", ended))),
            },
        }
    }
    if let Some((name, begun)) = open.filter(|(_, begun)| *begun < to) {
        odd("the last `begin` has no `end`: it is taken to last until the end of the command".to_owned());
        windows.push(TraceWindow { name, from: begun, to, items: BTreeMap::new() });
    }
    if windows.is_empty() {
        windows.push(TraceWindow { from, to, ..TraceWindow::default() });
    }
    (windows, caveats)
}

/// A mark as it stands in the file.
fn written(verb: &str, name: &str) -> String {
    format!("`{}`", format!("{verb} {name}").trim_end())
}

#[cfg(test)]
mod tests {
    use super::{Mark, meant};

    #[test]
    fn marks_make_windows_and_odd_ones_are_told() {
        let begin = |name: &str, at: f64| Mark::Begin { name: name.to_owned(), at };
        let named = |name: &str, at: f64| Mark::End {
            name: name.to_owned(),
            items: [("images".to_owned(), 4.0)].into_iter().collect(),
            at,
        };
        let end = |at: f64| named("", at);
        let (windows, caveats) = meant(&[begin("a", 1.0), end(2.0), begin("a", 3.0), end(4.0)], 0.0, 9.0);
        assert_eq!((windows.len(), caveats.len()), (2, 0));
        let (windows, caveats) = meant(&[end(1.0), begin("", 3.0), begin("", 4.0)], 0.0, 9.0);
        assert_eq!((windows.len(), caveats.len()), (1, 3));
        assert_eq!((windows[0].from, windows[0].to), (4.0, 9.0));
        let (windows, caveats) = meant(&[begin("a", 1.0), named("b", 2.0), named("a", 3.0)], 0.0, 9.0);
        assert_eq!((windows[0].to, windows.len(), caveats.len()), (3.0, 1, 1));
        assert_eq!(meant(&[], 0.0, 9.0).0[0].to, 9.0);
    }
}
