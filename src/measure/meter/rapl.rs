//! The energy counters of the processor (RAPL), as Linux shows them in `/sys/class/powercap`.
//!
//! `intel-rapl:0` is a package (socket, or a die of one), `intel-rapl:0:1` a part of it; AMD uses the same tree. `psys` is
//! the whole platform and holds the packages; `intel-rapl-mmio:0` shows a package a second time. Neither is ever added to
//! the packages. A counter runs from 0 to `max_energy_range_uj` and over: at 350 W every twelve minutes.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A package that draws more does not exist, W: a counter that could have run over twice meanwhile is ambiguous.
const MOST_POWER: f64 = 1000.0;
/// One step of a counter, J.
const STEP: f64 = 1e-6;

/// Whose energy a number is. Numbers of different scopes are never added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// A GPU with its memory.
    Gpu,
    /// A package of processor cores.
    CpuPackage,
    /// The memory of a package.
    Dram,
}

impl Scope {
    /// How it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gpu => "gpu",
            Self::CpuPackage => "cpu package",
            Self::Dram => "dram",
        }
    }
}

/// One counter of the processor.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    /// What it counts: `package-0`, `package-0-die-1`, `package-0/dram`.
    pub name: String,
    /// Whose energy that is.
    pub scope: Scope,
    /// Its folder.
    pub folder: PathBuf,
    /// The counter starts again after so much, J.
    pub range_j: f64,
    /// Why it cannot be read, if it cannot.
    pub refused: Option<String>,
}

/// All packages and their memories below a folder such as `/sys/class/powercap`, by name; none if there is no such folder.
pub fn zones(powercap: &Path) -> Vec<Zone> {
    let Ok(entries) = std::fs::read_dir(powercap) else { return Vec::new() };
    let mut found: Vec<Zone> = entries.flatten().filter_map(|entry| zone(powercap, &entry.path())).collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn zone(powercap: &Path, folder: &Path) -> Option<Zone> {
    let place = folder.file_name()?.to_str()?.strip_prefix("intel-rapl:")?;
    let name = |folder: &Path| std::fs::read_to_string(folder.join("name")).ok().map(|text| text.trim().to_owned());
    let own = name(folder)?;
    let (name, scope) = match place.split_once(':') {
        None if own.starts_with("package-") => (own, Scope::CpuPackage),
        Some((parent, _)) if own == "dram" => {
            let parent = name(&powercap.join(format!("intel-rapl:{parent}")))?;
            (format!("{parent}/dram"), Scope::Dram)
        }
        // The platform, and cores that their package holds already.
        _ => return None,
    };
    let range = std::fs::read_to_string(folder.join("max_energy_range_uj")).ok()?.trim().parse::<f64>().ok()?;
    let mut zone = Zone { name, scope, folder: folder.to_owned(), range_j: range / 1e6, refused: None };
    zone.refused = zone.read().err();
    Some(zone)
}

impl Zone {
    /// What the counter shows, J, or why it does not.
    pub(super) fn read(&self) -> Result<f64, String> {
        let path = self.folder.join("energy_uj");
        let text = std::fs::read_to_string(&path).map_err(|error| match error.kind() {
            ErrorKind::PermissionDenied => "only root may read it".to_owned(),
            ErrorKind::NotFound => "it is gone".to_owned(),
            _ => error.to_string(),
        })?;
        let microjoules: u64 = text.trim().parse().map_err(|_| format!("it shows `{}`", text.trim()))?;
        Ok(microjoules as f64 / 1e6)
    }
}

/// The counter of a zone made to rise for ever.
#[derive(Clone, Debug, Default)]
pub(super) struct Unwrapped {
    last: Option<(f64, f64)>,
    /// Energy since the first reading, J.
    total: f64,
}

impl Unwrapped {
    /// Takes what a counter of this range shows at a moment (s); gives the energy since the first reading, J. None if the
    /// silence before was so long that it may have run over more than once: counting begins anew.
    pub(super) fn take(&mut self, at: f64, shown: f64, range_j: f64) -> Option<f64> {
        let before = self.last.replace((at, shown));
        let Some((then, value)) = before else { return Some(0.0) };
        if (at - then) * MOST_POWER > range_j {
            return None;
        }
        let rise = shown - value;
        self.total += if rise < 0.0 { rise + range_j + STEP } else { rise };
        Some(self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::Unwrapped;

    #[test]
    fn a_counter_that_runs_over_once_is_followed_and_twice_is_refused() {
        let mut counter = Unwrapped::default();
        assert_eq!(counter.take(0.0, 262_100.0, 262_143.0), Some(0.0));
        assert!((counter.take(1.0, 262_140.0, 262_143.0).unwrap() - 40.0).abs() < 1e-3);
        assert!((counter.take(2.0, 97.0, 262_143.0).unwrap() - 140.0).abs() < 1e-3);
        assert_eq!(counter.take(600.0, 98.0, 262_143.0), None);
        assert!((counter.take(601.0, 108.0, 262_143.0).unwrap() - 150.0).abs() < 1e-3);
    }
}
