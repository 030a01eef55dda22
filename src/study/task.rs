//! Does the kind of task change the energy of an answer?
//!
//! Numbers of `TASK, GPU`: `models`, `mean_output_tokens`, `mean_energy` (per token), `mean_energy_per_response`. Of
//! `TASK over TASK, GPU`: `output_tokens_ratio`, `energy_ratio`, `energy_per_response_ratio` of these means. Of
//! `TASK over TASK, CONFIGURATION`, one model at the largest batch of each task: `largest_batch_ratio`,
//! `output_tokens_ratio`, `energy_ratio_at_largest_batch`, `energy_per_response_ratio`, and at the largest batch that both
//! have: `equal_batch`, `energy_ratio_at_equal_batch`; the values themselves as `…_first` and `…_second`: `largest_batch`,
//! `output_tokens`, `energy_at_largest_batch`, `energy_per_response`, `energy_at_equal_batch`. Of `TASK over TASK, same model, GPU`: `pairs` and the medians.

use std::collections::BTreeMap;

use super::caveats::caveats;
use super::compose::{by_energy, pairs};
use super::constants::MOST_DECOMPOSED;
use super::decompose::{Comparison, decompose};
use super::ground::{Ground, cheapest, groups};
use super::result::{Cell, Observation, Rows};
use super::row::{Kind, Row};
use crate::notes::plural;
use crate::stats::{mean, median};
use crate::unit::show_plain;

const DEFINITION: &str = "Tasks of text, each model and precision apart. Means over models: for every task and GPU type \
    the run of lowest energy per token of each model, over all GPU counts and batches (two models at least). The same model: \
    the run of the largest batch of each task on the same GPUs, and both tasks at the largest batch that both ran.";

/// The metric of a whole answer.
const RESPONSE: &str = "energy_per_response";

/// One model on two tasks, each at its largest batch.
struct Pair<'g, 'a> {
    high: &'g Row<'a>,
    low: &'g Row<'a>,
    /// The two at the largest batch that both ran.
    equal: Option<(&'g Row<'a>, &'g Row<'a>)>,
}

pub(super) fn observe(ground: &Ground<'_>) -> Observation {
    let mut found = Observation::new("task_effect", "Task", DEFINITION);
    let rows = ground.of(&[Kind::Text]);
    let tasks = groups(rows.iter().copied(), |row| row.workload.clone());
    if tasks.len() < 2 {
        return found.without(match tasks.keys().next() {
            Some(only) => format!("all text runs have one task, {only}"),
            None => "no run is of a text task".to_owned(),
        });
    }
    let means = means(ground, &rows, &mut found);
    let own = same_model(&rows);
    put_pairs(&own, &mut found);
    if means.is_none() && own.is_empty() {
        return found.without("no two tasks have two models each, and no model ran two tasks on the same GPUs");
    }
    found.finding = finding(means, &own, &ground.newest(&rows));
    found.tables.push(table(&own));
    let against = own.iter().filter_map(|pair| pair.equal).filter(|(high, low)| high.energy < low.energy);
    let against = against.map(|(high, low)| by_energy(low, high, "less energy per token at equal batch")).collect();
    found.counter(against);
    let compared: Vec<_> = own.iter().map(|pair| (pair.low, pair.high)).collect();
    found.caveats = caveats(ground, &compared);
    let newest = ground.newest(&rows);
    let chosen = own.iter().filter(|pair| pair.high.gpu == newest).take(MOST_DECOMPOSED).map(|pair| {
        let words = format!("{} against {}, {}", pair.high.workload, pair.low.workload, pair.high.configuration());
        let has = [pair.high, pair.low].iter().all(|row| row.run.metrics.contains_key(RESPONSE));
        Comparison { metric: has.then_some(RESPONSE), ..Comparison::new(words, pair.low, pair.high) }
    });
    decompose(ground, &mut found, chosen);
    found
}

/// Means over the models of each task, and their ratios; the widest comparison in words.
fn means(ground: &Ground<'_>, rows: &[&Row<'_>], found: &mut Observation) -> Option<String> {
    let mut widest: Option<(usize, String)> = None;
    for gpu in ground.gpu_types(rows) {
        let mut known: Vec<(String, usize, [f64; 3])> = Vec::new();
        let on_gpu = rows.iter().copied().filter(|row| row.gpu == gpu);
        for (task, own) in groups(on_gpu, |row| row.workload.clone()) {
            let models = groups(own, Row::checkpoint);
            let best: Vec<&Row<'_>> = models.into_values().filter_map(cheapest).collect();
            let of = |get: fn(&Row<'_>) -> Option<f64>| {
                let values: Option<Vec<f64>> = best.iter().map(|row| get(row)).collect();
                values.and_then(|values| mean(&values))
            };
            let means = [of(|row| row.output_tokens), of(|row| Some(row.energy)), of(|row| row.energy_per_response)];
            if let [Some(tokens), Some(energy), Some(response)] = means
                && best.len() > 1
            {
                let name = format!("{task}, {gpu}");
                found.put(&name, "models", best.len() as f64, "models");
                found.put(&name, "mean_output_tokens", tokens, "tokens");
                found.put(&name, "mean_energy", energy, "J");
                found.put(&name, "mean_energy_per_response", response, "J");
                known.push((task, best.len(), [tokens, energy, response]));
            }
        }
        for (one, other) in pairs(&known) {
            let (high, low) = if one.2[2] >= other.2[2] { (one, other) } else { (other, one) };
            let name = format!("{} over {}, {gpu}", high.0, low.0);
            let ratios = [0, 1, 2].map(|at| high.2[at] / low.2[at]);
            found.put(&name, "output_tokens_ratio", ratios[0], "1");
            found.put(&name, "energy_ratio", ratios[1], "1");
            found.put(&name, "energy_per_response_ratio", ratios[2], "1");
            let models = high.1.min(low.1);
            if widest.as_ref().is_none_or(|(most, _)| models >= *most) {
                let words = format!(
                    "On {gpu}, {} takes {} times the energy per response of {}, with {} times the tokens (means over {} and \
                     {}).",
                    high.0,
                    show_plain(ratios[2]),
                    low.0,
                    show_plain(ratios[0]),
                    high.1,
                    plural(low.1, "model")
                );
                widest = Some((models, words));
            }
        }
    }
    widest.map(|(_, words)| words)
}

/// Models that ran two tasks on the same GPUs; the task with more energy per response is `high`.
fn same_model<'g, 'a>(rows: &[&'g Row<'a>]) -> Vec<Pair<'g, 'a>> {
    let mut found = Vec::new();
    for own in groups(rows.iter().copied(), |row| (row.checkpoint(), row.gpu.clone(), row.gpus)).values() {
        let curves = groups(own.iter().copied(), |row| row.workload.clone());
        let last: Vec<(&Vec<&Row<'_>>, &Row<'_>)> = curves
            .values()
            .filter_map(|curve| {
                let largest = curve.iter().map(|row| row.batch).max()?;
                Some((curve, at_batch(curve, largest)?))
            })
            .filter(|(_, row)| row.energy_per_response.is_some() && row.output_tokens.is_some())
            .collect();
        for (one, other) in pairs(&last) {
            let is_high = one.1.energy_per_response >= other.1.energy_per_response;
            let ((highs, high), (lows, low)) = if is_high { (*one, *other) } else { (*other, *one) };
            let common = highs.iter().map(|row| row.batch).filter(|batch| lows.iter().any(|row| row.batch == *batch));
            let equal = common.max().and_then(|batch| Some((at_batch(highs, batch)?, at_batch(lows, batch)?)));
            found.push(Pair { high, low, equal });
        }
    }
    found
}

/// The run of a batch; of several the cheapest.
fn at_batch<'g, 'a>(curve: &[&'g Row<'a>], batch: u64) -> Option<&'g Row<'a>> {
    cheapest(curve.iter().copied().filter(|row| row.batch == batch))
}

impl Pair<'_, '_> {
    fn ratio(&self, get: impl Fn(&Row<'_>) -> Option<f64>) -> Option<f64> {
        Some(get(self.high)? / get(self.low)?)
    }

    fn at_equal_batch(&self) -> Option<f64> {
        self.equal.map(|(high, low)| high.energy / low.energy)
    }
}

fn put_pairs(own: &[Pair<'_, '_>], found: &mut Observation) {
    let mut pooled: BTreeMap<String, Vec<&Pair<'_, '_>>> = BTreeMap::new();
    for pair in own {
        let tasks = format!("{} over {}", pair.high.workload, pair.low.workload);
        let of = format!("{tasks}, {}", pair.high.configuration());
        found.put(&of, "largest_batch_ratio", pair.high.batch as f64 / pair.low.batch as f64, "1");
        found.put_some(&of, "output_tokens_ratio", pair.ratio(|row| row.output_tokens), "1");
        found.put(&of, "energy_ratio_at_largest_batch", pair.high.energy / pair.low.energy, "1");
        found.put_some(&of, "energy_per_response_ratio", pair.ratio(|row| row.energy_per_response), "1");
        found.put_some(&of, "equal_batch", pair.equal.map(|(high, _)| high.batch as f64), "requests");
        found.put_some(&of, "energy_ratio_at_equal_batch", pair.at_equal_batch(), "1");
        put_values(found, &of, pair);
        pooled.entry(format!("{tasks}, same model, {}", pair.high.gpu)).or_default().push(pair);
    }
    for (of, pairs) in pooled {
        let responses: Vec<f64> = pairs.iter().filter_map(|pair| pair.ratio(|row| row.energy_per_response)).collect();
        let equal: Vec<f64> = pairs.iter().filter_map(|pair| pair.at_equal_batch()).collect();
        found.put(&of, "pairs", pairs.len() as f64, "pairs");
        found.put_some(&of, "median_energy_per_response_ratio", median(&responses), "1");
        found.put_some(&of, "median_energy_ratio_at_equal_batch", median(&equal), "1");
    }
}

/// What the ratios of a pair are made of.
fn put_values(found: &mut Observation, of: &str, pair: &Pair<'_, '_>) {
    let equal = pair.equal.map(|(high, low)| [high, low]);
    for (at, (which, row)) in [("first", pair.high), ("second", pair.low)].into_iter().enumerate() {
        found.put(of, &format!("largest_batch_{which}"), row.batch as f64, "requests");
        found.put_some(of, &format!("output_tokens_{which}"), row.output_tokens, "tokens");
        found.put(of, &format!("energy_at_largest_batch_{which}"), row.energy, "J");
        found.put_some(of, &format!("energy_per_response_{which}"), row.energy_per_response, "J");
        found.put_some(of, &format!("energy_at_equal_batch_{which}"), equal.map(|rows| rows[at].energy), "J");
    }
}

fn table(own: &[Pair<'_, '_>]) -> Rows {
    let mut table = Rows::new(
        "The same model on two tasks, the first over the second",
        &[
            ("model and GPUs", ""),
            ("tasks", ""),
            ("batch", "x"),
            ("tokens", "x"),
            ("energy, equal batch", "x"),
            ("energy, largest", "x"),
            ("per response", "x"),
        ],
    );
    for pair in own {
        table.rows.push(vec![
            Cell::from(pair.high.configuration()),
            format!("{} over {}", pair.high.workload, pair.low.workload).into(),
            (pair.high.batch as f64 / pair.low.batch as f64).into(),
            pair.ratio(|row| row.output_tokens).into(),
            pair.at_equal_batch().into(),
            (pair.high.energy / pair.low.energy).into(),
            pair.ratio(|row| row.energy_per_response).into(),
        ]);
    }
    table
}

fn finding(means: Option<String>, own: &[Pair<'_, '_>], newest: &str) -> String {
    let responses: Vec<f64> = own
        .iter()
        .filter(|pair| pair.high.gpu == newest)
        .filter_map(|pair| pair.ratio(|row| row.energy_per_response))
        .collect();
    let same = median(&responses).map(|ratio| {
        format!(
            "The same model on the same GPUs ({newest}) takes {} times per response (median of {}).",
            show_plain(ratio),
            plural(responses.len(), "pair")
        )
    });
    [means, same].into_iter().flatten().collect::<Vec<_>>().join(" ")
}
