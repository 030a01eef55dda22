//! A demand that changes over the day, from a CSV file.

use super::amounts::{Item, carbon_unit, price_unit, rate_unit};
use super::question::Curve;
use crate::notes::{did_you_mean, nearest, quoted};
use crate::unit::{Dimension, Unit};

/// Columns of the file; the first two are required.
const COLUMNS: [&str; 4] = ["time", "demand", "carbon_intensity", "electricity_price"];

/// What a file says.
pub(super) struct Read {
    pub(super) curve: Curve,
    pub(super) demand: Vec<f64>,
    pub(super) item: Item,
    pub(super) currency: Option<String>,
}

/// One column: its place, and what a number of it is in SI.
struct Column {
    at: usize,
    factor: f64,
}

/// The heads of the file.
#[derive(Default)]
struct Heads {
    columns: [Option<Column>; 4],
    item: Option<Item>,
    currency: Option<String>,
}

/// Reads `time [h],demand [tokens/s]` and rows of numbers; faults are `(line, column, message)`.
pub(super) fn read(text: &str) -> Result<Read, Vec<(usize, usize, String)>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut records = reader.records();
    let mut faults = Vec::new();
    let head = match records.next() {
        Some(Ok(head)) => head,
        Some(Err(error)) => return Err(vec![(1, 1, error.to_string())]),
        None => return Err(vec![(1, 1, "the file is empty; expected `time [h],demand [tokens/s]`".to_owned())]),
    };
    let heads = heads(&head, &mut faults);
    let mut rows: [Vec<f64>; 4] = Default::default();
    let mut last = f64::NEG_INFINITY;
    for (index, record) in records.enumerate() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                faults.push((index + 2, 1, error.to_string()));
                continue;
            }
        };
        let line = record.position().map_or(index + 2, |place| place.line() as usize);
        for (kind, column) in heads.columns.iter().enumerate() {
            let Some(column) = column else { continue };
            let cell = record.get(column.at).unwrap_or("").trim();
            match cell.parse::<f64>() {
                Ok(value) if value.is_finite() && value >= 0.0 => rows[kind].push(value * column.factor),
                Ok(_) => faults.push((line, column.at + 1, format!("`{cell}` must be finite and not negative"))),
                Err(_) => faults.push((line, column.at + 1, format!("`{cell}` is not a number"))),
            }
        }
        if let Some(&time) = rows[0].last() {
            if time <= last {
                faults.push((line, 1, "times must rise from row to row".to_owned()));
            }
            last = time;
        }
    }
    if rows[0].len() < 2 && faults.is_empty() {
        faults.push((2, 1, "a curve needs at least two rows: a row holds until the next one's time".to_owned()));
    }
    if faults.is_empty() && rows[1].iter().all(|demand| *demand == 0.0) {
        faults.push((2, 2, "the demand is zero all the time: there is nothing to plan".to_owned()));
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let [starts, demand, carbon, price] = rows;
    let mut durations: Vec<f64> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // The last row lasts as long as the one before it.
    durations.extend(durations.last().copied());
    let given = |kind: usize, values: Vec<f64>| heads.columns[kind].as_ref().map(|_| values);
    let curve = Curve { starts, durations, carbon_intensity: given(2, carbon), electricity_price: given(3, price) };
    Ok(Read { curve, demand, item: heads.item.unwrap_or(Item::Token), currency: heads.currency })
}

fn heads(record: &csv::StringRecord, faults: &mut Vec<(usize, usize, String)>) -> Heads {
    let mut heads = Heads::default();
    for (at, cell) in record.iter().enumerate() {
        let mut fault = |message: String| faults.push((1, at + 1, message));
        let (name, unit) = match cell.trim().trim_start_matches('\u{feff}').split_once('[') {
            Some((name, rest)) => (name.trim().to_owned(), rest.trim_end_matches(']').trim().to_owned()),
            None => (cell.trim().trim_start_matches('\u{feff}').to_owned(), String::new()),
        };
        let Some(kind) = COLUMNS.iter().position(|own| *own == name) else {
            let meant = did_you_mean(nearest(&name, COLUMNS));
            fault(format!("`{name}` is no column of a demand{meant}; its columns are {}", quoted(&COLUMNS, 4)));
            continue;
        };
        let factor = match kind {
            0 => Unit::parse(&unit).ok().filter(|unit| unit.dimension == Dimension::TIME).map(|unit| unit.factor),
            1 => rate_unit(&unit).ok().map(|(factor, item)| {
                heads.item = Some(item);
                factor
            }),
            2 => carbon_unit(&unit),
            _ => price_unit(&unit).map(|(factor, currency)| {
                heads.currency = Some(currency);
                factor
            }),
        };
        if factor.is_none() {
            let example = ["h", "tokens/s", "g/kWh", "USD/kWh"][kind];
            fault(format!("`{}` has no fitting unit; write the head as `{name} [{example}]`", cell.trim()));
        }
        heads.columns[kind] = factor.map(|factor| Column { at, factor });
    }
    for (kind, name) in COLUMNS.iter().enumerate().take(2) {
        if heads.columns[kind].is_none() && faults.is_empty() {
            faults.push((1, 1, format!("there is no column `{name}`; the heads are `time [h],demand [tokens/s]`")));
        }
    }
    heads
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_read_with_its_units() {
        let text = "time [h],demand [million*tokens/h],carbon_intensity [g/kWh]\n0,36,300\n6,72,200\n12,0,100\n";
        let Ok(read) = read(text) else { panic!("a good file") };
        assert_eq!(read.curve.durations, [21600.0, 21600.0, 21600.0]);
        assert!((read.demand[1] - 20000.0).abs() < 1e-9);
        assert!((read.curve.carbon_intensity.unwrap()[0] * 3.6e9 - 300.0).abs() < 1e-9);
    }

    #[test]
    fn every_fault_is_told_with_its_place() {
        let told = |text: &str| {
            read(text).err().unwrap().into_iter().map(|(l, c, m)| format!("{l}:{c} {m}")).collect::<Vec<_>>()
        };
        assert_eq!(
            told("time,demnd [tokens/s]\n0,1\n1,2\n"),
            [
                "1:1 `time` has no fitting unit; write the head as `time [h]`",
                "1:2 `demnd` is no column of a demand; did you mean `demand`?; its columns are `time`, `demand`, \
                 `carbon_intensity` and `electricity_price`"
            ]
        );
        assert_eq!(
            told("time [h],demand [tokens/s]\n0,x\n0,-1\n"),
            [
                "2:2 `x` is not a number",
                "3:2 `-1` must be finite and not negative",
                "3:1 times must rise from row to row"
            ]
        );
        assert!(told("time [h],demand [tokens/s]\n0,5\n")[0].contains("at least two rows"));
        assert!(told("")[0].contains("empty"));
    }
}
