//! A row of a task's file and its twin in a model's file become one.

use std::cell::RefCell;

use serde_json::{Map, Value as Json};

use super::Task;
use super::tree::{RowFile, Tree};
use crate::import::error::{Fault, FaultKind, Place};
use crate::import::json::described;

/// One configuration, with everything that either file says of it.
pub(super) struct Row {
    pub(super) task: Task,
    pub(super) object: Map<String, Json>,
    pub(super) place: Place,
    /// Where its twin stands in a model's file; what only models' files say is there.
    pub(super) twin: Option<Place>,
    taken: bool,
}

/// What tells rows of a model apart.
const KNOBS: &[&str] = &["gpu_model", "num_gpus", "max_num_seqs", "batch_size", "ulysses_degree", "ring_degree"];

/// What a model's file says once for all its rows.
const OF_MODEL: &[&str] =
    &["model_id", "nickname", "architecture", "weight_precision", "activated_params_billions", "total_params_billions"];

/// Outcomes that no two different runs share to the last digit.
const OUTCOMES: &[&str] = &["avg_power_watts", "energy_per_token_joules", "batch_latency_s", "median_itl_ms"];

/// Numbers of one export agree to the last digits; other printers of them may not.
const SAME: f64 = 1e-9;

/// All rows of the tree, each once: those of the task files in their order, then those that only a model's file has.
pub(super) fn rows(tree: &Tree, faults: &RefCell<Vec<Fault>>) -> Vec<Row> {
    let mut rows: Vec<Row> = tree.tasks.iter().flat_map(of_file).collect();
    for file in &tree.models {
        let Some(model) = file.head.get("model_id") else {
            let place = Place::new(&file.file, "model_id");
            faults.borrow_mut().push(Fault { place, kind: FaultKind::Missing });
            continue;
        };
        let mut own: Vec<Row> = of_file(file).map(|row| flattened(row, &file.head)).collect();
        let candidates: Vec<usize> = (0..rows.len())
            .filter(|&index| rows[index].task == file.task && rows[index].object.get("model_id") == Some(model))
            .collect();
        // Equal in everything first, then equal in the knobs, then equal in what was measured: the last two disagree.
        let tests: [fn(&Row, &Row) -> bool; 3] = [
            |row, twin| same_in(KNOBS, row, twin) && differences(row, twin).is_empty(),
            |row, twin| same_in(KNOBS, row, twin),
            |row, twin| same_in(OUTCOMES, row, twin),
        ];
        for is_twin in tests {
            for twin in own.iter_mut().filter(|twin| !twin.taken) {
                let found = candidates.iter().find(|&&index| !rows[index].taken && is_twin(&rows[index], twin));
                if let Some(&index) = found {
                    join(&mut rows[index], twin, faults);
                }
            }
        }
        rows.extend(own.into_iter().filter(|twin| !twin.taken));
    }
    rows
}

fn of_file(file: &RowFile) -> impl Iterator<Item = Row> + '_ {
    file.rows.iter().enumerate().map(|(index, object)| Row {
        task: file.task,
        object: object.clone(),
        place: Place::new(&file.file, format!("configurations[{index}]")),
        twin: None,
        taken: false,
    })
}

/// A row of a model's file in the form of a task's: `parallelization` opened, the model's own facts added.
fn flattened(mut row: Row, head: &Map<String, Json>) -> Row {
    if let Some(Json::Object(parallelization)) = row.object.shift_remove("parallelization") {
        for (key, value) in parallelization {
            let key = if key == "notes" { "parallelization_notes".to_owned() } else { key };
            row.object.insert(key, value);
        }
    }
    for key in OF_MODEL {
        if let Some(value) = head.get(*key)
            && !row.object.contains_key(*key)
        {
            row.object.insert((*key).to_owned(), value.clone());
        }
    }
    row
}

fn same(a: &Json, b: &Json) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() <= SAME * a.abs().max(b.abs()),
        _ => a == b,
    }
}

/// Whether two rows have the same values under `fields`, and at least one of them.
fn same_in(fields: &[&str], a: &Row, b: &Row) -> bool {
    let mut some = false;
    fields.iter().all(|field| match (a.object.get(*field), b.object.get(*field)) {
        (None, None) => true,
        (Some(a), Some(b)) => {
            some = true;
            same(a, b)
        }
        _ => false,
    }) && some
}

/// The fields that both rows have with different values.
fn differences<'a>(row: &'a Row, twin: &Row) -> Vec<&'a String> {
    let differs = |(key, value): &(&String, &Json)| twin.object.get(*key).is_some_and(|other| !same(value, other));
    row.object.iter().filter(differs).map(|(key, _)| key).collect()
}

/// Adds to `row` what only its twin says.
fn join(row: &mut Row, twin: &mut Row, faults: &RefCell<Vec<Fault>>) {
    let at = |place: &Place, field: &str| Place { path: format!("{}.{field}", place.path), ..place.clone() };
    for field in differences(row, twin) {
        let kind = FaultKind::Disagreement {
            here: described(&row.object[field]),
            there: described(&twin.object[field]),
            other: Box::new(at(&twin.place, field)),
        };
        faults.borrow_mut().push(Fault { place: at(&row.place, field), kind });
    }
    for (key, value) in std::mem::take(&mut twin.object) {
        row.object.entry(key).or_insert(value);
    }
    row.twin = Some(twin.place.clone());
    row.taken = true;
    twin.taken = true;
}
