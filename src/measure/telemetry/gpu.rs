//! GPUs as their exporters tell them.
//!
//! A GPU is known by its UUID, whatever other labels come and go: the pod that uses it, the instances that MIG makes of
//! it, which repeat the power and the energy of the whole.

use std::collections::{BTreeMap, BTreeSet};

use super::counter::{Rising, rising};
use super::dialect::{Meaning, Part};
use super::record::Record;
use super::text::Labels;
use crate::measure::Series;

/// Samples that lag behind others of their counter by no more than this share of it are late, not a restart.
const LATE: f64 = 0.01;

/// One GPU over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gpu {
    /// Its UUID, or what the exporter tells instead.
    pub id: String,
    /// Its product name, as told.
    pub name: Option<String>,
    /// Whether the exporter tells of instances of it (MIG), and the energy is that of the whole GPU.
    pub is_shared: bool,
    /// Energy since the first sample, J, at the samples at which it had changed: an exporter may tell the same reading
    /// many times.
    pub energy: Option<Rising>,
    /// Power, W.
    pub power: Option<Series>,
    /// Other gauges: the largest of what is told of it at a time.
    pub gauges: BTreeMap<Meaning, Series>,
    /// Seconds held back by the power limit, since the first sample.
    pub power_cap: Option<Series>,
}

/// The GPUs of a record, by id.
pub fn gpus(record: &Record) -> Vec<Gpu> {
    let mut found: BTreeMap<String, Gpu> = BTreeMap::new();
    let gauges = [
        Meaning::SmClock,
        Meaning::Temperature,
        Meaning::Utilization,
        Meaning::SmActivity,
        Meaning::TensorActivity,
        Meaning::DramActivity,
    ];
    for meaning in [Meaning::Energy, Meaning::Power, Meaning::PowerCap].into_iter().chain(gauges) {
        for (id, merged) in of_meaning(record, meaning) {
            let gpu = found.entry(id.clone()).or_insert_with(|| Gpu { id, ..Gpu::default() });
            gpu.name = gpu.name.take().or(merged.name);
            gpu.is_shared |= merged.instances.len() > 1 || merged.instances.iter().any(|own| !own.is_empty());
            match meaning {
                Meaning::Energy => gpu.energy = Some(ticks(&merged.points)),
                Meaning::PowerCap => gpu.power_cap = Some(rising(&without_late(&merged.points)).series),
                Meaning::Power => gpu.power = Some(merged.points.into_iter().collect()),
                other => drop(gpu.gauges.insert(other, merged.points.into_iter().collect())),
            }
        }
    }
    found.into_values().collect()
}

/// What several series tell of one GPU.
#[derive(Default)]
struct Merged {
    name: Option<String>,
    instances: BTreeSet<String>,
    points: Vec<(f64, f64)>,
}

fn of_meaning(record: &Record, meaning: Meaning) -> BTreeMap<String, Merged> {
    let mut found: BTreeMap<String, Merged> = BTreeMap::new();
    for (labels, points) in record.of(meaning, Part::Value) {
        let merged = found.entry(id(labels)).or_default();
        merged.name = merged.name.take().or_else(|| labels.get("modelName").cloned());
        merged.instances.insert(labels.get("GPU_I_ID").cloned().unwrap_or_default());
        merged.points.extend_from_slice(points);
    }
    for merged in found.values_mut() {
        // The largest value first, which is then the one that is kept of a moment.
        merged.points.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
        merged.points.dedup_by_key(|point| point.0);
    }
    found
}

/// The UUID, or what names a GPU without one: machine and index.
fn id(labels: &Labels) -> String {
    if let Some(uuid) = labels.get("UUID").or_else(|| labels.get("uuid")) {
        return uuid.clone();
    }
    let of = |names: &[&str]| names.iter().find_map(|name| labels.get(*name)).cloned();
    let machine = of(&["Hostname", "instance"]).unwrap_or_default();
    let index = of(&["gpu", "index", "gpu_index", "device"]).unwrap_or_default();
    format!("{machine}/{index}")
}

/// Without samples that are older than what another series of the same counter has told.
fn without_late(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::with_capacity(points.len());
    for &(at, value) in points {
        let is_late = kept.last().is_some_and(|last| value < last.1 && value > last.1 * (1.0 - LATE));
        if !is_late {
            kept.push((at, value));
        }
    }
    kept
}

/// A counter at the samples at which it had changed. The first sample is a repetition as likely as not, and is left out.
fn ticks(points: &[(f64, f64)]) -> Rising {
    let points = without_late(points);
    let counter = rising(&points);
    let changed = counter.series.points().windows(2).filter(|pair| pair[1].1 != pair[0].1).map(|pair| pair[1]);
    Rising { series: changed.collect(), resets: counter.resets }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::telemetry::parse;

    fn record(pages: &[(f64, String)]) -> Record {
        let mut record = Record::default();
        for (at, page) in pages {
            record.add_page(*at, &parse(page));
        }
        record
    }

    #[test]
    fn instances_of_a_gpu_are_not_added_up() {
        let page = |energy: u32| {
            format!(
                "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{{UUID=\"GPU-1\",GPU_I_ID=\"1\",modelName=\"NVIDIA H100\"}} {energy}\n\
                 DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{{UUID=\"GPU-1\",GPU_I_ID=\"2\"}} {energy}\n\
                 DCGM_FI_DEV_POWER_USAGE{{UUID=\"GPU-1\",GPU_I_ID=\"1\"}} 500\n"
            )
        };
        let found =
            gpus(&record(&[(0.0, page(1000)), (1.0, page(501_000)), (2.0, page(501_000)), (3.0, page(901_000))]));
        assert_eq!(found.len(), 1);
        assert!(found[0].is_shared);
        assert_eq!(found[0].name.as_deref(), Some("NVIDIA H100"));
        assert_eq!(found[0].energy.as_ref().unwrap().series.points(), [(1.0, 500.0), (3.0, 900.0)]);
        assert_eq!(found[0].power.as_ref().unwrap().at(1.0), Some(500.0));
    }

    #[test]
    fn a_gpu_stays_itself_when_its_pod_changes_and_when_it_is_told_twice() {
        let page = |labels: &str, energy: u32| {
            format!("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{{UUID=\"GPU-1\",{labels}}} {energy}\n")
        };
        let found = gpus(&record(&[
            (0.0, page("pod=\"a\"", 1_000_000)),
            (1.0, page("pod=\"a\"", 1_300_000)),
            (1.2, page("job=\"other\"", 1_299_000)),
            (2.0, page("pod=\"b\"", 1_600_000)),
        ]));
        let energy = found[0].energy.as_ref().unwrap();
        assert_eq!(energy.series.points().last(), Some(&(2.0, 600.0)));
        assert!(energy.resets.is_empty() && !found[0].is_shared);
    }
}
