//! For which share of a window the clocks of a GPU were held back, and by what.
//!
//! The driver counts the time that the power limit and heat held a GPU back, in nanoseconds: where it does, that is the
//! share. Else, and for the other reasons, it is the share of readings that said so, about two a second.

use std::collections::{BTreeMap, BTreeSet};

use super::field::{Field, State};
use super::record::GpuRecord;
use crate::measure::Series;

/// Bits of the reasons for which clocks are held back, and their names. Idleness and settings of a user are none.
const REASONS: [(u64, &str); 6] = [
    (0x4, "power cap"),
    (0x8, "hardware slowdown"),
    (0x10, "sync boost"),
    (0x20, "thermal, software"),
    (0x40, "thermal, hardware"),
    (0x80, "power brake"),
];

/// What the driver counts the time of: its field, the reasons that it is of, and the name where none or several of these
/// were read.
const COUNTED: [(Field, &[&str], &str); 2] = [
    (Field::PowerViolation, &["power cap"], "power cap"),
    (Field::ThermalViolation, &["thermal, software", "thermal, hardware"], "thermal"),
];

/// What held a GPU back.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct HeldBack {
    /// The share of the window, by reason.
    pub(super) shares: BTreeMap<&'static str, f64>,
    /// The reasons of which the driver counted the time.
    pub(super) counted: BTreeSet<&'static str>,
}

/// What held a GPU back between two moments; `states` are the readings between them.
pub(super) fn held_back(record: &GpuRecord, states: &[State], from: f64, to: f64) -> HeldBack {
    let mut found = HeldBack { shares: of_readings(states), counted: BTreeSet::new() };
    for (field, reasons, whole) in COUNTED {
        let Some(share) = counted_share(&record.series(field), from, to) else { continue };
        let read: Vec<&'static str> =
            reasons.iter().filter(|reason| found.shares.contains_key(*reason)).copied().collect();
        // A count that stands still while readings say otherwise is none.
        if share > 0.0 {
            let name = if let [only] = read[..] { only } else { whole };
            found.shares.retain(|reason, _| !reasons.contains(reason));
            found.shares.insert(name, share);
            found.counted.insert(name);
        }
    }
    found
}

/// The share of readings in which each reason held.
fn of_readings(states: &[State]) -> BTreeMap<&'static str, f64> {
    let readings: Vec<u64> =
        states.iter().filter_map(|state| state.get(Field::ThrottleReasons)).map(|bits| bits as u64).collect();
    let share = |bit: u64| readings.iter().filter(|bits| **bits & bit != 0).count() as f64 / readings.len() as f64;
    REASONS.iter().map(|&(bit, name)| (name, share(bit))).filter(|(_, share)| *share > 0.0).collect()
}

/// The share of a window in which a counter of seconds rose, as far as it was read. None if it was not read before the
/// window, or was set back.
pub(super) fn counted_share(counter: &Series, from: f64, to: f64) -> Option<f64> {
    let &(last, shown) = counter.points().last()?;
    let (end, shown) = counter.at(to).map_or((last, shown), |shown| (to, shown));
    let rise = shown - counter.at(from)?;
    (end > from && rise >= 0.0).then(|| (rise / (end - from)).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::super::gpu::GpuInfo;
    use super::*;

    /// Readings twice a second for ten seconds, of a GPU that is held back for the first fifth of each second.
    fn record(bits: u64, power: Option<f64>, heat: Option<f64>) -> GpuRecord {
        let mut record = GpuRecord::new(GpuInfo::default());
        for step in 0..20 {
            let at = f64::from(step) * 0.5;
            let mut state = State::new(at);
            state.set(Field::ThrottleReasons, Some(if step % 2 == 0 { bits as f64 } else { 0.0 }));
            state.set(Field::PowerViolation, power.map(|rate| 100.0 + rate * at));
            state.set(Field::ThermalViolation, heat.map(|rate| 100.0 + rate * at));
            record.add_state(state);
        }
        record
    }

    fn held(record: &GpuRecord) -> HeldBack {
        // All readings of the record.
        held_back(record, record.states(), 1.0, 12.0)
    }

    #[test]
    fn the_share_is_counted_where_the_driver_counts_and_read_elsewhere() {
        let case = |bits: u64, power: Option<f64>, heat: Option<f64>, expected: &[(&'static str, f64, bool)]| {
            let found = held(&record(bits, power, heat));
            let names: Vec<&str> = found.shares.keys().copied().collect();
            assert_eq!(names, expected.iter().map(|own| own.0).collect::<Vec<_>>());
            for (name, share, is_counted) in expected {
                assert!((found.shares[name] - share).abs() < 1e-9, "{name}: {found:?}");
                assert_eq!(found.counted.contains(name), *is_counted, "{name}: {found:?}");
            }
        };
        case(0x4, Some(0.2), Some(0.0), &[("power cap", 0.2, true)]);
        case(0x4, None, None, &[("power cap", 0.5, false)]);
        // A count that never moves is not believed over readings.
        case(0x4, Some(0.0), None, &[("power cap", 0.5, false)]);
        case(0, Some(0.1), None, &[("power cap", 0.1, true)]);
        case(0, Some(0.0), Some(0.0), &[]);
        case(0x20, None, Some(0.3), &[("thermal, software", 0.3, true)]);
        case(0x60, None, Some(0.3), &[("thermal", 0.3, true)]);
        case(0x8, None, Some(0.3), &[("hardware slowdown", 0.5, false), ("thermal", 0.3, true)]);
    }

    #[test]
    fn a_count_is_of_the_time_in_which_it_was_read() {
        let counter: Series = [(0.0, 5.0), (1.0, 5.5), (2.0, 6.0)].into_iter().collect();
        assert_eq!(counted_share(&counter, 0.0, 2.0), Some(0.5));
        assert_eq!(counted_share(&counter, 0.5, 4.0), Some(0.5));
        assert_eq!(counted_share(&counter, -1.0, 2.0), None);
        assert_eq!(counted_share(&counter, 2.0, 3.0), None);
        let reset: Series = [(0.0, 5.0), (1.0, 0.1)].into_iter().collect();
        assert_eq!(counted_share(&reset, 0.0, 1.0), None);
    }
}
