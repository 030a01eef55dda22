//! What an export brought.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Document, Text};
use crate::export::MlEnergy;
use crate::notes::plural;

/// What was written into `folder`, and which runs were left out.
pub fn exported(export: &MlEnergy, folder: &Path) -> Document {
    let shown = folder.display().to_string();
    let mut document = Document::new(Text::new().plain(format!("Exported {}", plural(export.exported, "run"))));
    document.paragraph(
        Text::new()
            .plain("Results as the ML.ENERGY benchmark writes them, in ")
            .code(&shown)
            .plain(". Times between tokens are made of the measured percentiles; their mean is not measured."),
    );
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, why) in &export.left_out {
        reasons.entry(why).or_default().push(id);
    }
    if !reasons.is_empty() {
        document.heading(Text::new().plain(format!("Left out: {}", plural(export.left_out.len(), "run"))));
        document.list(reasons.iter().map(|(why, ids)| {
            let others = if ids.len() > 1 { format!(" and {} more", ids.len() - 1) } else { String::new() };
            Text::new().code(ids[0]).plain(format!("{others}: {why}"))
        }));
    }
    document.paragraph(
        Text::new().plain("Next, in Python: ").code(format!("LLMRuns.from_raw_results({shown:?}, stable_only=False)")),
    );
    document
}
