//! Stores: what is written reads back, what cannot be is refused, and references find one run or say why not.

use std::collections::BTreeMap;
use std::path::Path;

use joules::runs::{Kind, Run, Store, Sweep, Value, conditions, metrics, observed_latents, run_json};
use miette::Diagnostic as _;
use proptest::prelude::*;

use crate::shared::Scratch;

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zA-Z0-9/_.-]{1,12}", "[ \"',;=\\n\\r\u{e9}\u{4e16}#a-z]{1,8}"]
}

fn positive() -> impl Strategy<Value = f64> {
    prop_oneof![1e-300..1e-3f64, 1e-3..1e3f64, 1e3..1e300f64, (1u32..1000).prop_map(f64::from)]
}

/// A run with some of every kind of value.
fn run() -> impl Strategy<Value = Run> {
    let count = conditions().count();
    let chosen = proptest::collection::btree_map(0..count, (positive(), 1u32..100_000, text(), any::<bool>()), 0..8);
    let observed = proptest::collection::btree_map(0..observed_latents().count(), 0.001..1.0f64, 0..5);
    let outcomes = proptest::collection::btree_map(0..metrics().count(), positive(), 0..5);
    let details = proptest::collection::btree_map("[a-z_]{1,6}", text(), 0..3);
    (chosen, observed, outcomes, details).prop_map(|(chosen, observed, outcomes, details)| {
        let condition = |(index, (number, count, text, on)): (usize, (f64, u32, String, bool))| {
            let entry = conditions().nth(index).unwrap();
            let value = match entry.kind {
                Kind::Number if entry.name == "gpu_memory_utilization" => Value::Number(number.min(1.0)),
                Kind::Number => Value::Number(number),
                Kind::Count => Value::Number(f64::from(count)),
                Kind::Name => Value::Name(text),
                Kind::Flag => Value::Flag(on),
            };
            (entry.name.to_owned(), value)
        };
        let observed = observed.into_iter().map(|(i, n)| (observed_latents().nth(i).unwrap().name.to_owned(), n));
        let outcomes = outcomes.into_iter().map(|(i, n)| (metrics().nth(i).unwrap().name.to_owned(), n));
        Run {
            id: String::new(),
            conditions: chosen.into_iter().map(condition).collect(),
            observed: observed.collect(),
            metrics: outcomes.collect(),
            source: String::new(),
            details,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 96,
        rng_seed: proptest::test_runner::RngSeed::Fixed(7),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_store_survives_its_files(runs in proptest::collection::vec((run(), text()), 1..6)) {
        let runs: Vec<Run> = runs
            .into_iter()
            .enumerate()
            .map(|(index, (run, name))| Run { id: format!("{index}/{name}"), ..run })
            .collect();
        let provenance = "who = \"a \\\"test\\\"\"\n[nested]\nlist = [1, 2.5]\n".parse().unwrap();
        let store = Store::new(vec![Sweep::new("some.sweep-1", runs, provenance)]).unwrap();
        let scratch = Scratch::new();
        store.write(scratch.path()).unwrap();
        prop_assert_eq!(&Store::read(scratch.path()).unwrap(), &store);
        let one_file = Store::read(&scratch.path().join("some.sweep-1.csv")).unwrap();
        prop_assert_eq!(&one_file, &store);
        let left: Vec<_> = std::fs::read_dir(scratch.path()).unwrap().flatten().map(|f| f.file_name()).collect();
        prop_assert_eq!(left.len(), 2, "{:?}", left);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        rng_seed: proptest::test_runner::RngSeed::Fixed(11),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_text_is_a_reason_to_crash(
        csv in "(id,|gpus|power_w|detail.|\\PC|[\",\n\r=#0-9e.-]){0,60}",
        toml in "(\\[column|\\.a\\]|role|=|\\PC|[\"\n]){0,30}",
        reference in "(gpus|=|model=|[0-9]|,|W|\\PC){0,12}",
    ) {
        let _ = Sweep::parse("any", &csv, "");
        let _ = Sweep::parse("any", "id\na\n", &toml);
        let _ = joules::import::mapped::Map::parse("any", &toml);
        let _ = store().find(&reference).map(|run| run.id.clone());
    }
}

const CSV: &str = "\
id,task,model,checkpoint,precision,gpu,gpus,batch_size,power_limit_w,energy_per_token_j
a8,chat,Org/M,Org/M,bf16,H100,1,8,700,0.5
a16,chat,Org/M,Org/M,bf16,H100,1,16,700,0.3
f8,chat,Org/M,Org/M-FP8,fp8,H100,1,8,700,0.4
b8,chat,Org/M,Org/M,bf16,B200,1,8,1000,0.3
b8#2,chat,Org/M,Org/M,bf16,B200,1,8,1000,0.32
k8,chat,Org/K,,fp8,H100,1,8,400,0.2
";

fn store() -> Store {
    Store::new(vec![Sweep::parse("small", CSV, "").unwrap()]).unwrap()
}

/// The error of a reference, with its help.
fn refused(text: &str) -> String {
    let store = store();
    let error = store.find(text).unwrap_err();
    let help = error.help().map(|help| help.to_string()).unwrap_or_default();
    format!("{error}\nhelp: {help}")
}

#[test]
fn a_reference_finds_its_run() {
    let store = store();
    let case = |text: &str, id: &str| assert_eq!(store.find(text).unwrap().id, id, "{text}");
    case("b8#2", "b8#2");
    case("model=Org/M,gpu=H100,batch_size=8", "a8");
    case("model=Org/M-FP8", "f8");
    case("model_id=Org/M,gpu_model=H100,num_gpus=1,max_num_seqs=16", "a16");
    case("model=Org/K-FP8", "k8");
    case("checkpoint=Org/K", "k8");
    case("power_limit=0.4kW", "k8");
    case("power_limit=400 W", "k8");
    case(" model = Org/M , weight_precision = bfloat16 , batch_size = 16.0", "a16");
}

#[test]
fn a_reference_to_several_runs_says_which_and_how_to_tell_them_apart() {
    assert_eq!(
        refused("model=Org/M,gpu=H100"),
        "`model=Org/M,gpu=H100` matches 2 runs: `a8` and `a16`\n\
         help: tell them apart by `batch_size` (8, 16), or name one by its id"
    );
    assert_eq!(
        refused("gpu=B200"),
        "`gpu=B200` matches 2 runs: `b8` and `b8#2`\nhelp: they differ in no condition: name one by its id"
    );
}

#[test]
fn a_reference_to_no_run_says_what_comes_nearest() {
    assert_eq!(
        refused("gpu=H100,model=Org/M,batch_size=32"),
        "no run matches `gpu=H100,model=Org/M,batch_size=32`; the nearest:\n  \
         `a16`: `batch_size` is 16, not `batch_size=32`\n  `a8`: `batch_size` is 8, not `batch_size=32`\n\
         help: the runs that have all the rest have `batch_size` (8, 16)"
    );
    assert_eq!(
        refused("a88").lines().next().unwrap(),
        "`a88` is no run: no id, no selector (`key=value,…`) and no file; did you mean `a8`?"
    );
    assert!(
        refused("bach_size=8").starts_with("`bach_size` is no condition of these runs; did you mean `batch_size`?")
    );
    let published = refused("model=Org/M,precision=fp8");
    assert!(published.contains("`f8`: `checkpoint` is Org/M-FP8, not `model=Org/M`"), "{published}");
    assert!(refused("batch_size=many").starts_with("`batch_size=many` cannot be: expected a number"));
    assert!(refused("power_limit=700MHz").starts_with("`power_limit=700MHz` cannot be"));
    assert!(refused("gpu=H100,batch").starts_with("`batch` is not of the form key=value"));
}

#[test]
fn a_run_file_is_a_reference() {
    let scratch = Scratch::new();
    let store = store();
    let json = scratch.write("one.json", &run_json(store.get("a8").unwrap()).to_string());
    assert_eq!(*store.find(json.to_str().unwrap()).unwrap(), *store.get("a8").unwrap());
    let csv = scratch.write("one.csv", "id,gpus\nz,4\n");
    assert_eq!(store.find(csv.to_str().unwrap()).unwrap().number("gpus"), Some(4.0));
    let two = scratch.write("two.csv", "id,gpus\nz,4\ny,4\n");
    assert!(store.find(two.to_str().unwrap()).unwrap_err().to_string().ends_with("holds 2 runs, expected one"));
}

#[test]
fn filters_keep_and_drop() {
    let store = store();
    assert_eq!(store.filtered(&["gpu=H100"], &[]).unwrap().len(), 4);
    assert_eq!(store.filtered(&["gpu=H100"], &["batch_size=16", "precision=fp8"]).unwrap().len(), 1);
    assert!(store.filtered(&["gpu=L4"], &[]).unwrap().is_empty());
}

#[test]
fn declared_columns_are_read_and_written() {
    let toml = "[column.rack]\nrole = \"condition\"\nkind = \"name\"\n[column.fan]\nrole = \"observed\"\n\
                kind = \"number\"\nunit = \"Hz\"\n";
    let sweep = Sweep::parse("s", "id,rack,fan_hz\na,r1,25.5\nb,r2,\n", toml).unwrap();
    assert_eq!(sweep.csv().unwrap(), "id,rack,fan_hz\na,r1,25.5\nb,r2,\n");
    let store = Store::new(vec![sweep]).unwrap();
    assert_eq!(store.find("rack=r2").unwrap().id, "b");
    assert!(Sweep::parse("s", "id,rack\na,r1\n", "").is_err());
}

#[test]
fn stores_with_nothing_or_with_one_id_twice_are_refused() {
    let scratch = Scratch::new();
    let error = Store::read(scratch.path()).unwrap_err();
    assert!(error.to_string().ends_with("holds no run"));
    assert!(error.help().unwrap().to_string().contains("joules import"));
    scratch.write("a.csv", "id\nx\n");
    scratch.write("b.csv", "id\nx\n");
    let text = Store::read(scratch.path()).unwrap_err().to_string();
    assert_eq!(text, "two sweeps of the store share 1 run id:\n  `x` in `a` and `b`");
    assert!(Store::read(Path::new("no/such/store")).unwrap_err().to_string().starts_with("cannot read"));
}

#[test]
fn what_cannot_be_read_back_is_not_written() {
    let bad = Run {
        id: "a".to_owned(),
        metrics: BTreeMap::from([("power".to_owned(), f64::NAN), ("powr".to_owned(), 1.0)]),
        ..Run::default()
    };
    let scratch = Scratch::new();
    let sweep = Sweep::new("s", vec![bad.clone(), bad.clone()], toml::Table::new());
    let text = sweep.write(scratch.path()).unwrap_err().to_string();
    assert!(text.contains("run `a`, `power`: `NaN` is not finite"), "{text}");
    assert!(text.contains("run `a`: `powr` is neither known nor declared; did you mean `power`?"), "{text}");
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
    let named = Sweep::new("../s", Vec::new(), toml::Table::new());
    assert!(named.write(scratch.path()).is_err());
}

#[test]
fn a_byte_that_is_no_text_is_pointed_at() {
    let scratch = Scratch::new();
    let path = scratch.path().join("x.csv");
    std::fs::write(&path, b"id\na\n\xff\n").unwrap();
    assert!(Store::read(&path).unwrap_err().to_string().contains("line 3 has a byte"));
}
