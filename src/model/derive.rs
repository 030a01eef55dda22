//! Conditions that follow from others: one form for every way a source may say the same.

use crate::catalog::{Catalog, CatalogValue};
use crate::runs::{Run, Value};

/// A run with derived conditions filled in, and published ones that only repeat the derived ones taken out.
///
/// Modality follows from the task, the precision from the checkpoint as its makers publish it; parallel degrees follow from the number of GPUs and the kind of model: dense and
/// hybrid models are split by tensor parallelism, mixtures of experts by expert parallelism, `openai/gpt-oss-120b` by
/// tensor parallelism. Degrees are kept only where somebody set others by hand, and then they are a cause of their own.
pub fn canonical(run: &Run, catalog: &Catalog) -> Run {
    let mut run = run.clone();
    if !run.conditions.contains_key("modality")
        && let Some(task) = run.name("task")
        && let Some(CatalogValue::Name(modality)) = catalog.get("task", &[task], "modality")
    {
        run.conditions.insert("modality".to_owned(), Value::Name(modality));
    }
    if !run.conditions.contains_key("precision")
        && let Some(model) = run.name("model")
        && let Some(CatalogValue::Name(precision)) = catalog.get("architecture", &[model], "native_precision")
    {
        run.conditions.insert("precision".to_owned(), Value::Name(precision));
    }
    degrees(&mut run, catalog);
    run
}

/// Takes out parallel degrees that are the derived ones, or the exporter's default of 1.
fn degrees(run: &mut Run, catalog: &Catalog) {
    let Some(gpus) = run.number("gpus") else { return };
    let Some(model) = run.name("model") else { return };
    let is_moe = catalog.get("architecture", &[model], "kind") == Some(CatalogValue::Name("moe".to_owned()));
    let by_tensor = catalog.get("architecture", &[model], "expert_parallel_default") == Some(CatalogValue::Flag(false));
    let (tensor, expert) = if is_moe && !by_tensor { (gpus, gpus) } else { (gpus, 1.0) };
    let data = run.number("data_parallel").unwrap_or(1.0);
    let derived = |found: Option<f64>, expected: f64| {
        found.is_none_or(|found| found == expected || found == expected / data || found == 1.0)
    };
    if derived(run.number("tensor_parallel"), tensor) {
        run.conditions.remove("tensor_parallel");
    }
    if run.number("expert_parallel").is_none_or(|found| found == expert || (found == 1.0 && gpus == 1.0)) {
        run.conditions.remove("expert_parallel");
    }
    if data == 1.0 {
        run.conditions.remove("data_parallel");
    }
}
