//! Does a larger batch save energy in diffusion?
//!
//! Numbers of `KIND, one GPU` and `KIND, several GPUs`: `curves`, `smallest_ratio`, `median_ratio`, `largest_ratio` (energy per
//! item of the largest batch over that of the smallest).

use super::batch::curves;
use super::caveats::caveats;
use super::compose::{Pooled, by_energy, least, most};
use super::decompose::{Comparison, decompose};
use super::ground::Ground;
use super::result::{Observation, Rows};
use super::row::{Kind, Row};
use crate::notes::plural;
use crate::stats::median;
use crate::unit::show_plain;

const DEFINITION: &str = "A curve is the runs of one diffusion model, setting, precision, GPU type and count and sequence-parallel \
    degrees at different batches. Energy per item at the largest batch over that at the smallest, on one GPU and on several.";

pub(super) fn observe(ground: &Ground<'_>) -> Observation {
    let mut found = Observation::new("diffusion_batch", "Diffusion: batch size", DEFINITION);
    let curves = curves(&ground.of(&[Kind::Image, Kind::Video]));
    let mut ends: Vec<(&Row<'_>, &Row<'_>)> =
        curves.iter().filter(|curve| curve.len() > 1).map(|curve| (curve[0], curve[curve.len() - 1])).collect();
    if ends.is_empty() {
        return found.without("no diffusion model ran at two batch sizes");
    }
    ends.sort_by(|x, y| (x.1.energy / x.0.energy).total_cmp(&(y.1.energy / y.0.energy)));
    let mut pooled = Pooled::new();
    for (first, last) in &ends {
        let which = if first.gpus == 1 { "one GPU" } else { "several GPUs" };
        pooled.entry(format!("{}, {which}", first.kind.name())).or_default().push(last.energy / first.energy);
    }
    found.put_spread(&pooled, "curves", "ratio");
    let table = Rows::spread("Largest batch over smallest", "curves", &pooled);
    found.tables.push(table);
    found.finding = pooled.iter().filter_map(|(of, ratios)| sentence(of, ratios)).collect::<Vec<_>>().join(" ");
    let risen = ends.iter().filter(|(first, last)| last.energy > super::constants::ENERGY_RISES * first.energy);
    found.counter(
        risen
            .map(|(first, last)| {
                by_energy(first, last, format!("batch {} takes more than {}", last.batch, first.batch))
            })
            .collect(),
    );
    found.caveats = caveats(ground, &ends);
    let strongest = ends.first().map(|(first, last)| {
        let words =
            format!("batch {} against {}: {}, {}", last.batch, first.batch, first.configuration(), first.workload);
        Comparison::new(words, first, last)
    });
    decompose(ground, &mut found, strongest);
    found
}

fn sentence(of: &str, ratios: &[f64]) -> Option<String> {
    let (low, middle, high) = (show_plain(least(ratios)?), show_plain(median(ratios)?), show_plain(most(ratios)?));
    Some(format!("{of}: ×{low} to ×{high} (median ×{middle}, {}).", plural(ratios.len(), "curve")))
}
