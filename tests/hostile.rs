//! Results of other programs as they come off disks: of other encodings, cut, doubled, with numbers that cannot be. Whatever
//! comes of them is a clear error, or runs whose metrics can be.

use std::path::Path;

use joules::import::{Given, Options, detect, import};
use joules::runs::Sweep;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value as Json;

use crate::shared::Scratch;

/// The sample file of each format, and what must be said of it.
const FILES: [&str; 13] = [
    "vllm-bench.json",
    "guidellm-v1.json",
    "guidellm-v2.json",
    "aiperf.json",
    "genai-perf.json",
    "inferencex.json",
    "llm-d.yaml",
    "trtllm-bench.json",
    "nvidia-smi.csv",
    "dmon.log",
    "amd-smi.csv",
    "zeus.csv",
    "emissions.csv",
];

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/import").join(name)).unwrap()
}

/// What an import of these bytes gives.
fn imported(scratch: &Scratch, name: &str, bytes: &[u8]) -> Result<Vec<Sweep>, String> {
    let path = scratch.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let given = Given::parse(&["gpu=H100", "gpus=1", "batch_size=8"]).unwrap();
    let options = Options { given, ..Options::default() };
    detect(&path).and_then(|format| import(format, &path, &options)).map_err(|error| error.to_string())
}

/// Metrics that no machine has.
fn nonsense(sweeps: &[Sweep]) -> Vec<String> {
    let runs = sweeps.iter().flat_map(|sweep| &sweep.runs);
    let all = runs.flat_map(|run| run.metrics.iter().chain(&run.observed).map(|(name, value)| (&run.id, name, *value)));
    let cannot_be = all.filter(|(_, _, value)| !(value.is_finite() && *value >= 0.0));
    cannot_be.map(|(id, name, value)| format!("{id}: {name} = {value}")).collect()
}

#[test]
fn marks_and_ends_of_lines_of_other_systems_change_nothing() {
    let scratch = Scratch::new();
    for name in FILES {
        let bytes = sample(name);
        let plain = imported(&scratch, name, &bytes).unwrap();
        let marked = [b"\xef\xbb\xbf".as_slice(), &bytes].concat();
        assert_eq!(imported(&scratch, name, &marked), Ok(plain.clone()), "{name}");
        let crlf = String::from_utf8(bytes).unwrap().replace('\n', "\r\n");
        assert_eq!(imported(&scratch, name, crlf.as_bytes()), Ok(plain), "{name}");
    }
}

#[test]
fn what_cannot_be_read_is_told_as_what_it_is() {
    let scratch = Scratch::new();
    let case = |name: &str, bytes: &[u8], expected: &str| {
        let error = imported(&scratch, name, bytes).unwrap_err();
        assert!(error.contains(expected), "{error}\nshould have\n{expected}");
    };
    let utf16: Vec<u8> = "\u{feff}timestamp, power.draw [W]\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    case("utf16.csv", &utf16, "it is UTF-16 text");
    case("latin.json", b"{\"model_id\": \"\xd6rg\"}", "latin.json:1:15: a byte that is not UTF-8 text");
    case("latin.csv", b"start_time,window_name,elapsed_time\n1,pr\xe9,2\n", "is not UTF-8 text: line 2");
    case("torn.json", b"{\"duration\": 3,", "the file ends too early");
    case("twice.json", b"{\"duration\": 3, \"duration\": 4}", "the name `duration` stands twice");
    let zeus = |rows: &str| format!("start_time,window_name,elapsed_time,gpu0_energy,gpu1_energy\n{rows}");
    case("header.csv", zeus("").as_bytes(), "there is no row below the header");
    case("length.csv", zeus("1,w,0,5,5\n").as_bytes(), "length.csv:2: the window has no length");
    case("back.csv", zeus("1,w,9,5,-5\n").as_bytes(), "back.csv:2: its energy is negative");
    case("large.csv", zeus("1,w,9,1e300,5\n").as_bytes(), "`power` of run `large/w` would be 1.1");
    case("long.csv", zeus("1,w,9,5\n").as_bytes(), "the row has 4 cells, but the header has 5");
    let doubled = "emissions,energy_consumed,duration,duration\n1,2,3,4\n";
    case("doubled.csv", doubled.as_bytes(), "doubled.csv:1: the column `duration` stands twice");
    let german = zeus("1,w,9,5,5\n").replace(',', ";");
    case("german.csv", german.as_bytes(), "its cells are parted by semicolons");
    case("tabs.csv", zeus("1,w,9,5,5\n").replace(',', "\t").as_bytes(), "its cells are parted by tabs");
    let huge = br#"{"request_throughput": 1, "output_throughput": 1e300, "duration": 3}"#;
    case("huge.json", huge, "`throughput` of run `huge` would be");
    let amd = "gpu,socket_power,gfx_activity\n0,300,9\n0,310,9\n";
    case("amd.csv", amd.as_bytes(), "no column of time; log with `amd-smi metric -p -c -t -u -w 1 --csv`");
}

#[test]
fn a_broken_result_among_good_ones_is_not_missed() {
    let folder = Scratch::new();
    let good = sample("vllm-bench.json");
    std::fs::write(folder.path().join("good.json"), &good).unwrap();
    std::fs::write(folder.path().join("torn.json"), &good[..good.len() / 3]).unwrap();
    std::fs::write(folder.path().join("zero.json"), "").unwrap();
    std::fs::write(folder.path().join("notes.txt"), "").unwrap();
    let error = import(detect(folder.path()).unwrap(), folder.path(), &Options::default()).unwrap_err().to_string();
    assert!(error.contains("torn.json:1:") && error.contains("zero.json: the file is empty"), "{error}");
}

/// Puts something else in the place of one value of a document, or takes it away.
fn mutate(document: &mut Json, place: Index, how: u8) {
    fn count(value: &Json) -> usize {
        1 + match value {
            Json::Object(object) => object.values().map(count).sum(),
            Json::Array(list) => list.iter().map(count).sum(),
            _ => 0_usize,
        }
    }
    fn reach<'a>(value: &'a mut Json, left: &mut usize) -> Option<&'a mut Json> {
        if *left == 0 {
            return Some(value);
        }
        *left -= 1;
        match value {
            Json::Object(object) => object.values_mut().find_map(|inner| reach(inner, left)),
            Json::Array(list) => list.iter_mut().find_map(|inner| reach(inner, left)),
            _ => None,
        }
    }
    let mut left = place.index(count(document));
    let Some(value) = reach(document, &mut left) else { return };
    *value = match how % 12 {
        0 => Json::Null,
        1 => Json::from(0),
        2 => Json::from(-7.5),
        3 => Json::from(1e300),
        4 => Json::from("many"),
        5 => Json::from("NaN"),
        6 => Json::from(true),
        7 => Json::Array(vec![value.clone(), value.clone()]),
        8 => Json::Object([("unit".to_owned(), Json::from("W"))].into_iter().collect()),
        9 => Json::from(value.to_string()),
        10 => Json::from(5e-324),
        _ => Json::Array(Vec::new()),
    };
}

/// Puts something else in the place of one cell or line of a text.
fn mutate_text(text: &str, place: Index, how: u8) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let at = place.index(lines.len().max(1));
    let Some(line) = lines.get_mut(at) else { return text.to_owned() };
    let separator = if line.contains(',') { ',' } else { ' ' };
    let mut cells: Vec<&str> = line.split(separator).collect();
    let cell = place.index(cells.len().max(1));
    match how % 9 {
        0 => line.clear(),
        1 => *line = format!("{line}{separator}{line}"),
        2 => line.truncate(place.index(line.len() + 1)),
        kind => {
            cells[cell] = ["", "0", "-1", "1e300", "NaN", "many"][usize::from(kind - 3)];
            *line = cells.join(&separator.to_string());
        }
    }
    if how >= 200 {
        let copy = lines[at].clone();
        lines.insert(at, copy);
    }
    lines.join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Lines are taken away, types are swapped, numbers become what they cannot be: an answer with good metrics, or an error.
    #[test]
    fn no_mutation_makes_a_metric_that_cannot_be(
        which in 0..FILES.len(),
        changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let name = FILES[which];
        let text = String::from_utf8(sample(name)).unwrap();
        let mutated = match serde_json::from_str::<Json>(&text) {
            Ok(mut document) => {
                for (place, how) in changes {
                    mutate(&mut document, place, how);
                }
                document.to_string()
            }
            Err(_) => changes.into_iter().fold(text, |text, (place, how)| mutate_text(&text, place, how)),
        };
        let scratch = Scratch::new();
        if let Ok(sweeps) = imported(&scratch, name, mutated.as_bytes()) {
            prop_assert_eq!(nonsense(&sweeps), Vec::<String>::new(), "{}", mutated);
        }
    }
}
