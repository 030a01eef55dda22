//! What decides the energy of an image or a video: the size of the model, or its setting?
//!
//! Numbers of `image, GPU` and `video, GPU`: `models`, `smallest_energy`, `largest_energy`, `largest_over_smallest`, `pairs` (of
//! models of different size), `smaller_uses_more`. Of `video over image, GPU`: `model_pairs`, `smallest_ratio`, `median_ratio`,
//! `largest_ratio`, `pairs_above_100x`. Of `steps, KIND` (and `height`, `width`, `frames`), within one model: `pairs`,
//! `median_elasticity`.

use super::caveats::caveats;
use super::compose::{Pooled, by_energy, count, least, most, pairs};
use super::constants::HUNDREDFOLD;
use super::decompose::{Comparison, decompose};
use super::ground::{Ground, cheapest, groups, setting_words};
use super::result::{Cell, Doubt, Observation, Rows};
use super::row::{Kind, Row};
use crate::stats::median;
use crate::unit::{show, show_plain};

const DEFINITION: &str = "For each diffusion model and GPU type the run of lowest energy per image or video, over all GPU counts and \
    batches. Models of different size are held against each other: does the smaller take more? Each video model against each \
    image model. Within a model: runs that differ in steps, height, width or frames alone, as the change of ln energy per \
    change of ln setting.";

/// Settings that a person can choose.
const SETTINGS: [&str; 4] = ["steps", "height", "width", "frames"];

pub(super) fn observe(ground: &Ground<'_>) -> Observation {
    let mut found = Observation::new("diffusion_settings", "Diffusion: model, steps, resolution, frames", DEFINITION);
    let rows = ground.of(&[Kind::Image, Kind::Video]);
    if rows.is_empty() {
        return found.without("no run makes images or videos");
    }
    let newest = ground.newest(&rows);
    let mut table = Rows::new(
        "Cheapest run of each model",
        &[("model", ""), ("parameters", "params"), ("setting", ""), ("GPUs", ""), ("batch", "items"), ("energy", "J")],
    );
    let (mut compared, mut sentences): (Vec<(&Row<'_>, &Row<'_>)>, Vec<String>) = (Vec::new(), Vec::new());
    for gpu in ground.gpu_types(&rows) {
        let best = [Kind::Image, Kind::Video].map(|kind| best(&rows, kind, &gpu));
        for own in best.iter().filter(|own| !own.is_empty()) {
            let pairs = put_models(&mut found, own);
            if gpu == newest {
                sentences.extend(range(own));
                table.rows.extend(own.iter().map(|row| model_row(row)));
                compared.extend(pairs);
            }
        }
        let ratios: Vec<f64> =
            best[1].iter().flat_map(|video| best[0].iter().map(|image| video.energy / image.energy)).collect();
        if let (Some(low), Some(high)) = (least(&ratios), most(&ratios)) {
            let of = format!("video over image, {gpu}");
            let above = count(&ratios, |ratio| *ratio > HUNDREDFOLD);
            found.put(&of, "pairs_above_100x", above, "pairs");
            if gpu == newest {
                let (low, high) = (show_plain(low), show_plain(high));
                sentences.push(format!("A video takes {low} to {high} times the energy of an image, above 100 times in {above} of {} pairs of models.", ratios.len()));
            }
            found.put_spread(&Pooled::from([(of, ratios)]), "model_pairs", "ratio");
        }
    }
    within_models(&rows, &mut found);
    found.finding = sentences.join(" ");
    found.tables.push(table);
    found.counter(
        compared
            .iter()
            .filter(|(small, large)| small.energy > large.energy)
            .map(|(small, large)| by_energy(large, small, "the smaller model takes more"))
            .collect(),
    );
    let caveats = caveats(ground, &compared);
    found.caveats.extend(caveats);
    decompose(ground, &mut found, chosen(&compared));
    found
}

/// The cheapest run of each model, the smallest model first.
fn best<'g, 'a>(rows: &[&'g Row<'a>], kind: Kind, gpu: &str) -> Vec<&'g Row<'a>> {
    let own = rows.iter().copied().filter(|row| row.kind == kind && row.gpu == gpu);
    let models = groups(own, |row| (row.workload.clone(), row.checkpoint()));
    let mut best: Vec<&Row<'_>> = models.into_values().filter_map(cheapest).collect();
    best.sort_by(|x, y| x.total_params.unwrap_or(0.0).total_cmp(&y.total_params.unwrap_or(0.0)));
    best
}

/// Numbers of the models of one kind on one GPU type; their pairs of different size, the smaller first.
fn put_models<'g, 'a>(found: &mut Observation, own: &[&'g Row<'a>]) -> Vec<(&'g Row<'a>, &'g Row<'a>)> {
    let of = format!("{}, {}", own[0].kind.name(), own[0].gpu);
    let energies: Vec<f64> = own.iter().map(|row| row.energy).collect();
    found.put(&of, "models", own.len() as f64, "models");
    found.put_some(&of, "smallest_energy", least(&energies), "J");
    found.put_some(&of, "largest_energy", most(&energies), "J");
    found.put_some(
        &of,
        "largest_over_smallest",
        most(&energies).zip(least(&energies)).map(|(high, low)| high / low),
        "1",
    );
    let is_larger = |(small, large): &(&Row<'_>, &Row<'_>)| {
        small.total_params.zip(large.total_params).is_some_and(|(small, large)| small < large)
    };
    let pairs: Vec<_> = pairs(own).map(|(small, large)| (*small, *large)).filter(is_larger).collect();
    if !pairs.is_empty() {
        found.put(&of, "pairs", pairs.len() as f64, "pairs");
        found.put(&of, "smaller_uses_more", count(&pairs, |(small, large)| small.energy > large.energy), "pairs");
    }
    pairs
}

fn range(own: &[&Row<'_>]) -> Option<String> {
    let energies: Vec<f64> = own.iter().map(|row| row.energy).collect();
    let (low, high) = (least(&energies)?, most(&energies)?);
    Some(format!(
        "On {}, {} models take {} to {} per {} (×{}).",
        own[0].gpu,
        own.len(),
        show(low, "J"),
        show(high, "J"),
        own[0].kind.name(),
        show_plain(high / low)
    ))
}

fn model_row(row: &Row<'_>) -> Vec<Cell> {
    vec![
        row.checkpoint().into(),
        row.total_params.into(),
        setting_words(row.run).into(),
        row.hardware().into(),
        row.batch.into(),
        row.energy.into(),
    ]
}

/// What one setting does within a model.
fn within_models(rows: &[&Row<'_>], found: &mut Observation) {
    let key = |row: &Row<'_>| {
        let place = (row.task.clone(), row.checkpoint(), row.gpu.clone(), row.gpus);
        (place, row.batch, row.parallel.clone(), row.rest.clone())
    };
    let mut pooled = Pooled::new();
    for own in groups(rows.iter().copied(), key).values() {
        for (a, b) in pairs(own) {
            let differ: Vec<&str> =
                SETTINGS.into_iter().filter(|name| a.run.number(name) != b.run.number(name)).collect();
            if let [only] = differ[..]
                && let Some((x, y)) = a.run.number(only).zip(b.run.number(only))
            {
                let of = format!("{only}, {}", a.kind.name());
                pooled.entry(of).or_default().push((b.energy / a.energy).ln() / (y / x).ln());
            }
        }
    }
    for (of, values) in &pooled {
        found.put(of, "pairs", values.len() as f64, "pairs");
        found.put_some(of, "median_elasticity", median(values), "1");
    }
    if pooled.is_empty() {
        let text = "no model ran with two numbers of steps, resolutions or frame counts";
        found.caveats.push(Doubt::new(
            "one_setting_per_model",
            text,
            "what a setting does within a model is not measured",
        ));
    }
}

/// Per kind, of pairs whose smaller model takes more: the largest difference in size, and in energy.
fn chosen<'g, 'a>(compared: &[(&'g Row<'a>, &'g Row<'a>)]) -> Vec<Comparison<'g, 'a>> {
    let size = |(small, large): &(&Row<'_>, &Row<'_>)| {
        large.total_params.zip(small.total_params).map_or(0.0, |(large, small)| large / small)
    };
    let energy = |(small, large): &(&Row<'_>, &Row<'_>)| small.energy / large.energy;
    let mut found: Vec<Comparison<'g, 'a>> = Vec::new();
    for kind in [Kind::Image, Kind::Video] {
        let own = || compared.iter().filter(|pair| pair.0.kind == kind && energy(pair) > 1.0);
        let both =
            [own().max_by(|x, y| size(x).total_cmp(&size(y))), own().max_by(|x, y| energy(x).total_cmp(&energy(y)))];
        for (small, large) in both.into_iter().flatten() {
            let words = format!("{} against {}, {}", small.model, large.model, small.gpu);
            if found.iter().all(|one| one.words != words) {
                found.push(Comparison::new(words, large, small));
            }
        }
    }
    found
}
