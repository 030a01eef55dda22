//! The values that were chosen for adaptive knobs: the journal keeps each before it is measured, so that a sweep that goes
//! on has the same points.

use std::path::Path;

use serde_json::{Value as Json, json};

use super::curve::{Added, Curve};
use super::error::SweepError;
use super::folder::history;
use super::merge::text;
use super::refine::Gap;
use super::spec::Spec;

/// The sweep with the points that were chosen in a folder so far, in their order.
pub fn grown(folder: &Path, spec: &Spec) -> Result<Spec, SweepError> {
    if spec.curves.is_empty() || !folder.is_dir() {
        return Ok(spec.clone());
    }
    let chosen = history(folder)?.iter().filter(|event| text(event, "event") == "point").filter_map(added).collect();
    spec.with(chosen)
}

fn added(event: &Json) -> Option<Added> {
    let value = event.get("value").and_then(Json::as_f64)?;
    Some(Added { curve: text(event, "curve").to_owned(), knob: text(event, "knob").to_owned(), value })
}

/// What the journal says of a further value.
pub(super) fn event(curve: &Curve, gap: &Gap) -> Json {
    let error = gap.error.is_finite().then_some(gap.error);
    json!({
        "curve": curve.name, "knob": curve.range.knob, "value": gap.at, "error": error, "between": [gap.from, gap.to],
    })
}

impl Spec {
    /// The same sweep with further values of its adaptive knobs behind those it has.
    pub(super) fn with(&self, more: Vec<Added>) -> Result<Self, SweepError> {
        let added = self.added.iter().cloned().chain(more).collect();
        Self::read("spec.toml", &self.text, added)
    }
}
