//! The CSV form of a sweep, read: every fault of the file at once.

use std::collections::HashMap;

use super::check::parse_value;
use super::column::{Column, nearest_header, of_header};
use super::error::Fault;
use super::line::Lines;
use super::run::Run;

/// Columns of provenance start with this.
pub(super) const DETAIL: &str = "detail.";

/// What a place in a row means.
enum Cell {
    Id,
    Detail(String),
    Field(Column),
    Ignored,
}

/// The runs of a CSV text, or all its faults.
pub(super) fn runs(sweep: &str, csv: &str, declared: &[Column]) -> Result<Vec<Run>, Vec<Fault>> {
    let text = csv.strip_prefix('\u{feff}').unwrap_or(csv);
    let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(text.as_bytes());
    let (mut runs, mut faults) = (Vec::new(), Vec::new());
    let mut cells: Option<Vec<Cell>> = None;
    let mut first_lines = HashMap::new();
    let mut record = csv::StringRecord::new();
    let mut lines = Lines::new(text);
    loop {
        match reader.read_record(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                faults.push(Fault::Csv { message: error.to_string() });
                break;
            }
        }
        let line = lines.of(&record);
        match &cells {
            None => cells = Some(header(&record, declared, &mut faults)),
            Some(cells) if record.len() != cells.len() => {
                faults.push(Fault::RowLength { line, found: record.len(), expected: cells.len() });
            }
            Some(cells) => {
                let run = row(sweep, cells, &record, line, &mut faults);
                let first = *first_lines.entry(run.id.clone()).or_insert(line);
                if first != line && !run.id.is_empty() {
                    faults.push(Fault::DuplicateId { line, first, id: run.id.clone() });
                }
                runs.push(run);
            }
        }
    }
    if cells.is_none() && faults.is_empty() {
        faults.push(Fault::NoIdColumn);
    }
    if faults.is_empty() { Ok(runs) } else { Err(faults) }
}

/// The meaning of each column.
fn header(record: &csv::StringRecord, declared: &[Column], faults: &mut Vec<Fault>) -> Vec<Cell> {
    let mut seen = Vec::new();
    let mut cells = Vec::new();
    for header in record {
        let header = header.trim();
        let (key, cell) = if header == "id" {
            ("id".to_owned(), Cell::Id)
        } else if let Some(detail) = header.strip_prefix(DETAIL).filter(|detail| !detail.is_empty()) {
            (header.to_owned(), Cell::Detail(detail.to_owned()))
        } else if let Some(column) = of_header(header, declared) {
            (column.header(), Cell::Field(column))
        } else {
            let nearest = nearest_header(header, declared);
            faults.push(Fault::UnknownColumn { column: header.to_owned(), nearest });
            cells.push(Cell::Ignored);
            continue;
        };
        if seen.contains(&key) {
            faults.push(Fault::DuplicateColumn { column: header.to_owned() });
        }
        seen.push(key);
        cells.push(cell);
    }
    if !cells.iter().any(|cell| matches!(cell, Cell::Id)) {
        faults.push(Fault::NoIdColumn);
    }
    cells
}

/// One run; its faults are added to `faults`.
fn row(sweep: &str, cells: &[Cell], record: &csv::StringRecord, line: u64, faults: &mut Vec<Fault>) -> Run {
    let mut run = Run { source: sweep.to_owned(), ..Run::default() };
    for (cell, text) in cells.iter().zip(record) {
        match cell {
            Cell::Id if text.is_empty() => faults.push(Fault::EmptyId { line }),
            Cell::Id => text.clone_into(&mut run.id),
            Cell::Detail(name) if !text.is_empty() => {
                run.details.insert(name.clone(), text.to_owned());
            }
            Cell::Field(column) if !text.is_empty() => match parse_value(column, text) {
                Ok(value) => column.insert(&mut run, value),
                Err(fault) => faults.push(Fault::Cell { line, column: column.header(), fault }),
            },
            Cell::Detail(_) | Cell::Field(_) | Cell::Ignored => {}
        }
    }
    run
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_of_a_file_is_listed_with_line_and_column() {
        let csv = "id,gpus,power_w,powr_w,detail.window_s\n\
                   a,1,700,,5\n\
                   a,0,-1,,\n\
                   ,2,nan,,\n\
                   b,2\n";
        let text: Vec<String> = runs("s", csv, &[]).unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(
            text,
            [
                "line 1: column `powr_w` is neither known nor declared; did you mean `power_w`?",
                "line 3, column `gpus`: `0` is not a whole number of at least 1",
                "line 3, column `power_w`: `-1` is negative",
                "line 3, column `id`: `a` stands on line 2 already",
                "line 4, column `id`: the run has no id",
                "line 4, column `power_w`: `NaN` is not finite; leave it out if it was not measured",
                "line 5: the row has 2 cells, but the header has 5",
            ]
        );
    }

    #[test]
    fn lines_are_counted_as_an_editor_shows_them() {
        let lf = "id,gpus\na,1\n\n\"b\n\",0\nc,0\n";
        for csv in [lf.to_owned(), lf.replace('\n', "\r\n"), format!("\u{feff}{lf}")] {
            let text: Vec<String> = runs("s", &csv, &[]).unwrap_err().iter().map(ToString::to_string).collect();
            let starts = ["line 4, column `gpus`", "line 6, column `gpus`"];
            assert!(
                text.len() == 2 && text.iter().zip(starts).all(|(text, start)| text.starts_with(start)),
                "{text:?}"
            );
        }
    }

    #[test]
    fn an_empty_cell_is_missing() {
        let run = &runs("s", "id,gpus,num_gpus_x\n", &[]).unwrap_err()[0];
        assert!(run.to_string().contains("num_gpus_x"));
        let run = &runs("s", "id,num_gpus,power_w,precision\nr,2,,bfloat16\n", &[]).unwrap()[0];
        assert_eq!(run.number("gpus"), Some(2.0));
        assert_eq!(run.name("precision"), Some("bf16"));
        assert!(run.metrics.is_empty());
    }
}
