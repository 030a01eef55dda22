//! What is known of a measurement besides its windows. Its trace keeps it, so that a replay says the same.

use serde::{Deserialize, Serialize};

use super::baseline::Baseline;
use super::child::Ending;
use super::error::MeasureError;
use crate::measure::meter::Trace;
use crate::notes::Caveat;

/// What is known of a measurement besides its windows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Told {
    pub(super) ended: Ending,
    pub(super) host_cpu: Option<f64>,
    pub(super) before: Option<Baseline>,
    pub(super) after: Option<Baseline>,
    pub(super) caveats: Vec<Caveat>,
}

impl Told {
    /// As a trace keeps it.
    pub(super) fn table(&self) -> toml::Table {
        toml::Table::try_from(self).expect("named fields of numbers and texts are a table")
    }

    /// What a trace kept; of one that was cut off, that it was.
    pub(super) fn of(trace: &Trace, folder: &std::path::Path) -> Result<Self, MeasureError> {
        let fault = |error: toml::de::Error| {
            let text = format!("[measurement] cannot be read: {}", error.message());
            MeasureError::TraceHead { path: folder.to_owned(), fault: text }
        };
        trace.measurement.clone().try_into().map_err(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::{Baseline, Ending, Told};
    use crate::measure::meter::Trace;
    use crate::notes::Caveat;

    #[test]
    fn what_is_told_is_kept() {
        let before =
            Baseline { power_w: 78.25, bound_w: 0.5, has_context: false, temperature_k: Some(303.0), duration_s: 5.0 };
        for ended in [Ending::Time, Ending::Exit(3), Ending::Interrupted(2), Ending::CutOff] {
            let caveats = vec![Caveat::new("other_processes", "GPU 0 was shared")];
            let told = Told { ended, host_cpu: Some(0.25), before: Some(before.clone()), after: None, caveats };
            let mut trace = Trace::default();
            trace.measurement = told.table();
            assert_eq!(Told::of(&trace, std::path::Path::new("t")).unwrap(), told);
        }
        assert_eq!(Told::of(&Trace::default(), std::path::Path::new("t")).unwrap().ended, Ending::CutOff);
    }
}
