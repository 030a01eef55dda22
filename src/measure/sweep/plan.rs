//! The order of the work: blocks of points that share a server, visits within them.

use std::collections::BTreeMap;
use std::ops::Range;

use super::points::matches;
use super::spec::{Launch, Spec};
use super::template::Values;
use crate::stats::Draws;

/// One measurement of one point.
#[derive(Clone, Debug, PartialEq)]
pub struct Visit {
    /// Unique and stable: the id of its run.
    pub id: String,
    /// Which point, in the order of the file.
    pub point: usize,
    /// How often the point has been measured with it, from 1.
    pub repeat: usize,
    /// Every placeholder of the point.
    pub values: Values,
}

/// Visits in a row; with a server, those that share its launch.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// The server's process, if the sweep starts one.
    pub launch: Option<Launch>,
    /// In the order of the work.
    pub visits: Vec<Visit>,
}

impl Block {
    /// Whether a server is started for it.
    pub fn starts_server(&self) -> bool {
        self.launch.as_ref().is_some_and(|launch| !launch.argv.is_empty())
    }
}

/// The whole work, in its order.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// In the order of the work.
    pub blocks: Vec<Block>,
}

impl Plan {
    /// The plan of a sweep: blocks by server, shuffled among and within themselves by the seed; an anchor stands first and
    /// last in its block. Without a server there is one block.
    pub fn new(spec: &Spec) -> Self {
        let mut draws = Draws::new(spec.seed);
        let mut groups: Vec<Group> = Vec::new();
        group(spec, 0..spec.first, &mut groups);
        shuffle(&mut groups, &mut draws);
        // Points that were chosen later change nothing about the order of those before them.
        group(spec, spec.first..spec.points.len(), &mut groups);
        let blocks = groups
            .into_iter()
            .map(|(launch, points)| Block { launch, visits: visits(spec, &points, &mut draws) })
            .collect();
        Self { blocks }
    }

    /// What a batch system may take apart, in the order of the work: a block that starts a server, else a visit.
    pub fn tasks(&self) -> Vec<Vec<&Visit>> {
        let mut tasks = Vec::new();
        for block in &self.blocks {
            if block.starts_server() {
                tasks.push(block.visits.iter().collect());
            } else {
                tasks.extend(block.visits.iter().map(|visit| vec![visit]));
            }
        }
        tasks
    }

    /// Every visit.
    pub fn visits(&self) -> impl Iterator<Item = &Visit> {
        self.blocks.iter().flat_map(|block| &block.visits)
    }

    /// How many visits there are.
    pub fn len(&self) -> usize {
        self.visits().count()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Seconds that these visits take, if every window is as short as it may be (first) or takes all of its time (second);
    /// starts of servers count `start` seconds each.
    pub fn duration(&self, spec: &Spec, start: f64, is_wanted: &dyn Fn(&Visit) -> bool) -> (f64, f64) {
        let baseline = |seconds: f64| if seconds > 0.0 { seconds + spec.baseline.settle } else { 0.0 };
        let (mut least, mut most) = (0.0, 0.0);
        for block in &self.blocks {
            let count = block.visits.iter().filter(|visit| is_wanted(visit)).count() as f64;
            if count == 0.0 {
                continue;
            }
            let around = match (&block.launch, &spec.server) {
                (Some(_), _) => start + baseline(spec.baseline.no_context) + 2.0 * baseline(spec.baseline.loaded),
                (None, Some(_)) => 2.0 * baseline(spec.baseline.loaded),
                (None, None) => baseline(spec.baseline.no_context),
            };
            let rest = if spec.cool_to.is_some() { 0.0 } else { spec.cooldown };
            let (short, long) = match &spec.command {
                Some(command) => (command.least, command.timeout),
                None => (spec.steady.settle + spec.steady.min_window, spec.steady.max_time),
            };
            least += around + count * (rest + short);
            most += around + count * (spec.cooldown + long);
        }
        for curve in &spec.curves {
            let points: Vec<&Values> =
                spec.points.iter().map(|point| &point.values).filter(|values| curve.has(values)).collect();
            let further = curve.range.points.saturating_sub(points.len()) * spec.replicates;
            let each = match (&spec.command, points.first().zip(points.last())) {
                (Some(command), _) => command.timeout,
                // Each value of this knob is a server of its own.
                (None, Some((one, other))) if launch(spec, one) != launch(spec, other) => start + spec.steady.max_time,
                (None, _) => spec.steady.max_time,
            };
            most += further as f64 * (spec.cooldown + each);
        }
        let ends_without_server = spec.server.as_ref().is_none_or(|server| !server.argv.is_empty());
        if most > 0.0 && ends_without_server {
            least += baseline(spec.baseline.no_context);
            most += baseline(spec.baseline.no_context);
        }
        (least, most)
    }
}

/// Points that share a server.
type Group = (Option<Launch>, Vec<usize>);

/// Adds each of these points to those that share its server.
fn group(spec: &Spec, points: Range<usize>, groups: &mut Vec<Group>) {
    let mut places: BTreeMap<Option<Launch>, usize> =
        groups.iter().enumerate().map(|(place, (launch, _))| (launch.clone(), place)).collect();
    for index in points {
        let launch = launch(spec, &spec.points[index].values);
        let place = *places.entry(launch.clone()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, points)) => points.push(index),
            None => groups.push((launch, vec![index])),
        }
    }
}

fn launch(spec: &Spec, values: &Values) -> Option<Launch> {
    let server = spec.server.as_ref()?;
    // Where the server runs already, all points share it; reading the file has filled the templates once.
    server.launch(values).ok()
}

/// The visits of a block in their order.
fn visits(spec: &Spec, points: &[usize], draws: &mut Draws) -> Vec<Visit> {
    let anchor =
        points.iter().copied().find(|&own| !spec.anchor.is_empty() && matches(&spec.points[own], &spec.anchor));
    let (mut middle, mut later): (Vec<usize>, Vec<usize>) = (Vec::new(), Vec::new());
    for &point in points {
        // The first and the last visit of the anchor stand at the ends.
        let already = if Some(point) == anchor { 2 } else { 0 };
        let place = if point < spec.first { &mut middle } else { &mut later };
        place.extend(std::iter::repeat_n(point, spec.replicates.saturating_sub(already)));
    }
    shuffle(&mut middle, draws);
    let order = anchor.into_iter().chain(middle).chain(later).chain(anchor);
    let mut seen = BTreeMap::<usize, usize>::new();
    order
        .map(|point| {
            let repeat = seen.entry(point).or_insert(0);
            *repeat += 1;
            let again = if *repeat == 1 { String::new() } else { format!("#{repeat}") };
            let own = &spec.points[point];
            let id = format!("{}/{}{again}", spec.name, own.id);
            Visit { id, point, repeat: *repeat, values: own.values.clone() }
        })
        .collect()
}

/// Fisher and Yates, Statistical Tables (1938), as Durstenfeld wrote it (Communications of the ACM 7(7), 1964).
fn shuffle<T>(items: &mut [T], draws: &mut Draws) {
    for last in (1..items.len()).rev() {
        let other = (draws.uniform() * (last + 1) as f64) as usize;
        items.swap(last, other.min(last));
    }
}
