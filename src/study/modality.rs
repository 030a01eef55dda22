//! What do images and videos in the prompt cost?
//!
//! Numbers of `TASK over TASK, MODEL GPUS`: `energy_ratio`. Of `image over text, GPU` and `video over text, GPU`: `models`,
//! `smallest_ratio`, `median_ratio`, `largest_ratio`.

use std::collections::BTreeSet;

use super::caveats::caveats;
use super::compose::{Pooled, by_energy, least, most};
use super::constants::VARIANTS;
use super::decompose::{Comparison, decompose};
use super::ground::{Ground, cheapest, groups};
use super::result::{Cell, Observation, Rows};
use super::row::{Kind, Row};
use crate::notes::plural;
use crate::stats::{mean, median};
use crate::unit::show_plain;

const DEFINITION: &str = "Energy per token of a multimodal task over that of a text task, for models of one name (VL, Omni, \
    Instruct, Thinking, it and dates left out), one precision and GPU type. The text task is the one whose answers are nearest \
    in length. The GPU count is one that all tasks of the model have, of these the one of lowest text energy; each task's run \
    is its cheapest at that count.";

/// A multimodal task beside text.
struct Pair<'g, 'a> {
    text: &'g Row<'a>,
    rich: &'g Row<'a>,
}

pub(super) fn observe(ground: &Ground<'_>) -> Observation {
    let mut found = Observation::new("modality_effect", "Input modality", DEFINITION);
    let rows = ground.of(&[Kind::Text, Kind::Multimodal]);
    if !rows.iter().any(|row| row.kind == Kind::Multimodal) {
        return found.without("no run has images or videos in its prompts");
    }
    let own = beside_text(&rows);
    if own.is_empty() {
        return found.without("no model has both a multimodal and a text task at one GPU count");
    }
    let mut table = Rows::new(
        "At the same GPU count",
        &[("model and GPUs", ""), ("tasks", ""), ("batch, text", "requests"), ("batch", "requests"), ("energy", "x")],
    );
    let mut pooled = Pooled::new();
    for pair in &own {
        let ratio = pair.rich.energy / pair.text.energy;
        let tasks = format!("{} over {}", pair.rich.workload, pair.text.workload);
        found.put(&format!("{tasks}, {}", pair.rich.configuration()), "energy_ratio", ratio, "1");
        pooled.entry(format!("{} over text, {}", pair.rich.modality, pair.rich.gpu)).or_default().push(ratio);
        table.rows.push(vec![
            Cell::from(pair.rich.configuration()),
            tasks.into(),
            pair.text.batch.into(),
            pair.rich.batch.into(),
            ratio.into(),
        ]);
    }
    found.put_spread(&pooled, "models", "ratio");
    found.tables.push(table);
    let newest = ground.newest(&rows);
    found.finding = finding(&pooled, &newest);
    let cheaper = own.iter().filter(|pair| pair.rich.energy < pair.text.energy);
    found.counter(cheaper.map(|pair| by_energy(pair.text, pair.rich, "less energy per token than text")).collect());
    let compared: Vec<_> = own.iter().map(|pair| (pair.text, pair.rich)).collect();
    found.caveats = caveats(ground, &compared);
    decompose(ground, &mut found, largest(&own, &newest));
    found
}

/// Every multimodal task of a model beside its text task.
fn beside_text<'g, 'a>(rows: &[&'g Row<'a>]) -> Vec<Pair<'g, 'a>> {
    let mut found = Vec::new();
    for own in groups(rows.iter().copied(), |row| (family(&row.model), row.precision.clone(), row.gpu.clone())).values()
    {
        let rich: Vec<&Row<'_>> = own.iter().copied().filter(|row| row.kind == Kind::Multimodal).collect();
        let text: Vec<&Row<'_>> = own.iter().copied().filter(|row| row.kind == Kind::Text).collect();
        let Some(base) = nearest_task(&text, &rich) else { continue };
        let tasks = groups(rich, |row| (row.workload.clone(), row.model.clone()));
        let counts = |rows: &[&Row<'_>]| rows.iter().map(|row| row.gpus).collect::<BTreeSet<u64>>();
        let common = tasks.values().fold(counts(&base), |common, curve| &common & &counts(curve));
        let Some(reference) = cheapest(base.into_iter().filter(|row| common.contains(&row.gpus))) else { continue };
        for curve in tasks.into_values() {
            let rich = cheapest(curve.into_iter().filter(|row| row.gpus == reference.gpus));
            found.extend(rich.map(|rich| Pair { text: reference, rich }));
        }
    }
    found
}

/// The runs of the text task whose answers are nearest in length to those of multimodal runs.
fn nearest_task<'g, 'a>(text: &[&'g Row<'a>], rich: &[&Row<'a>]) -> Option<Vec<&'g Row<'a>>> {
    let length = |rows: &[&Row<'_>]| {
        let known: Vec<f64> = rows.iter().filter_map(|row| row.output_tokens).collect();
        mean(&known).map(f64::ln)
    };
    if rich.is_empty() {
        return None;
    }
    let wanted = length(rich);
    let distance =
        |rows: &Vec<&Row<'_>>| length(rows).zip(wanted).map_or(f64::INFINITY, |(own, wanted)| (own - wanted).abs());
    let tasks = groups(text.iter().copied(), |row| row.workload.clone());
    tasks.into_values().min_by(|a, b| distance(a).total_cmp(&distance(b)))
}

/// The name of a model without the parts that tell its variants apart: `Qwen/Qwen3-8B` for `Qwen/Qwen3-VL-8B-Instruct`.
fn family(model: &str) -> String {
    let is_date = |part: &str| part.len() == 4 && part.bytes().all(|byte| byte.is_ascii_digit());
    let (owner, name) = model.rsplit_once('/').unwrap_or(("", model));
    let parts: Vec<&str> = name
        .split('-')
        .filter(|part| !is_date(part) && !VARIANTS.contains(&part.to_ascii_lowercase().as_str()))
        .collect();
    format!("{owner}/{}", parts.join("-"))
}

fn finding(pooled: &Pooled, newest: &str) -> String {
    let sentence = |modality: &str| {
        let values = pooled.get(&format!("{modality} over text, {newest}"))?;
        let (low, middle, high) = (least(values)?, median(values)?, most(values)?);
        Some(format!(
            "On {newest}, prompts with {modality}s take {} to {} times the energy per token of text (median {}, {}).",
            show_plain(low),
            show_plain(high),
            show_plain(middle),
            plural(values.len(), "model")
        ))
    };
    ["image", "video"].into_iter().filter_map(sentence).collect::<Vec<_>>().join(" ")
}

/// The comparison of the largest ratio of each modality.
fn largest<'g, 'a>(own: &[Pair<'g, 'a>], newest: &str) -> Vec<Comparison<'g, 'a>> {
    let ratio = |pair: &Pair<'_, '_>| pair.rich.energy / pair.text.energy;
    ["image", "video"]
        .into_iter()
        .filter_map(|modality| {
            let of = own.iter().filter(|pair| pair.rich.gpu == newest && pair.rich.modality == modality);
            let pair = of.max_by(|x, y| ratio(x).total_cmp(&ratio(y)))?;
            let words = format!("{} against {}, {}", pair.rich.workload, pair.text.workload, pair.rich.configuration());
            Some(Comparison::new(words, pair.text, pair.rich))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::family;

    #[test]
    fn variants_of_a_model_have_one_name() {
        let case = |one: &str, other: &str| assert_eq!(family(one), family(other));
        case("Qwen/Qwen3-8B", "Qwen/Qwen3-VL-8B-Instruct");
        case("Qwen/Qwen3-30B-A3B-Instruct-2507", "Qwen/Qwen3-Omni-30B-A3B-Instruct");
        case("google/gemma-3-12b-it", "google/gemma-3-12b");
        assert_ne!(family("Qwen/Qwen3-Coder-30B-A3B-Instruct"), family("Qwen/Qwen3-30B-A3B"));
        assert_eq!(family("bare"), "/bare");
    }
}
