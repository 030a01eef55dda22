//! Laws of what-ifs, on the shipped estimates with embedded and made-up runs, and two cases of public data.

use joules::catalog::Catalog;
use joules::fit::{Fitted, read_fitted};
use joules::import::mlenergy;
use joules::model::{Model, shipped};
use joules::runs::{Run, Store, Value, axes};
use joules::whatif::{Answer, Budget, Change, Limit, WhatIf, WhatIfError, what_if};

use crate::shared::shared_data;

const ENERGY: &str = "energy_per_token";

/// A shipped model with its estimates, and runs that may be asked about.
struct World {
    catalog: Catalog,
    fitted: Fitted,
    store: Store,
}

impl World {
    /// The shipped model at `index`: 0 is for language models, 1 for diffusion.
    fn new(index: usize, store: Store) -> Self {
        let catalog = Catalog::embedded();
        let own = shipped().nth(index).unwrap();
        let model = Model::parse(own.file, own.text, &catalog).unwrap();
        Self { fitted: read_fitted("fitted", own.fitted, model).unwrap(), catalog, store }
    }

    fn embedded() -> Self {
        Self::new(0, Store::embedded())
    }

    fn try_ask(&self, run: &Run, sets: &[&str], budgets: &[&str]) -> Result<WhatIf, WhatIfError> {
        let grid: Vec<_> = sets.iter().flat_map(|text| axes(text).unwrap()).collect();
        let budgets: Vec<Budget> =
            budgets.iter().map(|text| Budget::parse(text, &self.fitted.model).unwrap()).collect();
        let runs: Vec<&Run> = self.store.runs().collect();
        what_if(&self.fitted, &self.catalog, &runs, run, &Change::grid(&grid), None, &budgets)
    }

    fn ask(&self, run: &Run, sets: &[&str]) -> WhatIf {
        self.try_ask(run, sets, &[]).unwrap()
    }

    /// The only answer about a run of the store.
    fn one(&self, id: &str, sets: &[&str]) -> Answer {
        let mut found = self.ask(&self.store.find(id).unwrap(), sets);
        assert_eq!(found.answers.len(), 1);
        found.answers.remove(0)
    }
}

/// A run that nobody measured: no load limits it.
fn made_up(batch_size: f64, gpus: f64) -> Run {
    let mut run = Run { id: "made-up".to_owned(), source: "a test".to_owned(), ..Run::default() };
    let names = [("model", "Qwen/Qwen3-32B"), ("task", "lm-arena-chat"), ("gpu", "H100"), ("precision", "bf16")];
    run.conditions.extend(names.map(|(name, own)| (name.to_owned(), Value::Name(own.to_owned()))));
    let sizes = [("gpus", gpus), ("batch_size", batch_size)];
    run.conditions.extend(sizes.map(|(name, own)| (name.to_owned(), Value::Number(own))));
    run
}

fn limit<'a>(answer: &'a Answer, name: &str) -> &'a Limit {
    answer.limits.iter().find(|own| own.constraint == name).unwrap()
}

fn has(answer: &Answer, code: &str) -> bool {
    answer.caveats.iter().any(|own| own.code == code)
}

fn energy(answer: &Answer) -> f64 {
    answer.metric(ENERGY).unwrap().predicted
}

/// Factors, intervals and mechanisms agree with each other and with the reference.
fn assert_whole(found: &WhatIf) {
    for answer in &found.answers {
        let name = answer.name();
        assert!(!answer.metrics.is_empty(), "{name}: even what is not feasible has every metric");
        for own in &answer.metrics {
            let before = found.metrics_reference[&own.metric];
            assert!((own.factor * before / own.predicted - 1.0).abs() < 1e-12, "{name}: {}", own.metric);
            assert!(own.interval[0] <= own.predicted && own.predicted <= own.interval[1], "{name}: {}", own.metric);
            assert!(own.factor_interval[0] <= own.factor && own.factor <= own.factor_interval[1], "{name}");
        }
        let product: f64 = answer.mechanisms.iter().map(|own| own.factor.ln()).sum();
        let factor = answer.metric(&found.metric.0).unwrap().factor;
        assert!((product - factor.ln()).abs() < 1e-9, "{name}: mechanisms {product}, factor {}", factor.ln());
        assert_eq!(answer.feasible, answer.limits.iter().all(|own| own.holds), "{name}");
    }
}

#[test]
fn what_is_so_already_changes_nothing() {
    let world = World::embedded();
    for id in ["q3-8b/n64", "q3-8b/burst32", "q3-8b-tp2/n8", "q3-8b-kvy/n128_clean"] {
        let run = &world.store.find(id).unwrap();
        for (name, value) in &run.conditions {
            let answer = &world.ask(run, &[&format!("{name}={value}")]).answers[0];
            assert_eq!((answer.support.as_str(), answer.severity), ("measured", 0), "{} {name}={value}", run.id);
            assert!(answer.metrics.iter().all(|own| own.factor == 1.0), "{} {name}={value}", run.id);
            assert!(answer.mechanisms.is_empty() && answer.needs.is_empty(), "{} {name}={value}", run.id);
            assert_eq!(energy(answer).to_bits(), run.metrics[ENERGY].to_bits(), "{} {name}={value}", run.id);
        }
    }
}

#[test]
fn factors_and_mechanisms_agree_with_the_reference() {
    let world = World::embedded();
    let grid = ["precision=bf16,fp8", "gpus=1,2,3", "concurrency=8,64,2000"];
    for id in ["q3-8b/n64", "q3-8b-fp8/n256", "q3-30b-a3b/n64", "q3-32b/n8", "q3-8b/burst32"] {
        assert_whole(&world.ask(&world.store.find(id).unwrap(), &grid));
    }
    let changes = ["model=Qwen/Qwen3-8B,openai/gpt-oss-120b", "task=gpqa,lm-arena-chat", "batch_size=16,100000"];
    assert_whole(&world.ask(&made_up(64.0, 2.0), &changes));
    assert_whole(&world.ask(&made_up(64.0, 2.0), &["gpu=B200,H200", "power_limit=400W"]));
}

#[test]
fn a_larger_batch_asks_for_no_less_memory() {
    let world = World::embedded();
    let found = world.ask(&made_up(8.0, 2.0), &["batch_size=1..8192"]);
    let demand = |answer: &Answer| limit(answer, "memory").parts.iter().map(|(_, _, value)| value).sum::<f64>();
    for pair in found.answers.windows(2) {
        assert!(demand(&pair[1]) >= demand(&pair[0]), "{}", pair[1].name());
        assert!(pair[0].feasible || !pair[1].feasible, "{}: what is too large stays so", pair[1].name());
    }
}

#[test]
fn more_memory_allows_a_larger_batch() {
    let world = World::embedded();
    for set in ["gpus=1..8", "gpu_memory_utilization=0.5..0.95/0.05"] {
        let found = world.ask(&made_up(64.0, 2.0), &[set]);
        let largest = |answer: &Answer| limit(answer, "memory").largest.unwrap().0;
        assert!(found.answers.windows(2).all(|pair| largest(&pair[1]) >= largest(&pair[0])), "{set}");
        assert!(found.answers.iter().all(|answer| {
            let (largest, [low, high]) = limit(answer, "memory").largest.unwrap();
            low <= largest && largest <= high
        }));
    }
}

#[test]
fn a_grid_is_its_questions_asked_one_by_one() {
    let world = World::embedded();
    let run = world.store.find("q3-8b/n64").unwrap();
    let found = world.ask(&run, &["precision=bf16,fp8", "concurrency=16,64,256"]);
    assert_eq!(found.answers.len(), 6);
    for answer in &found.answers {
        let sets: Vec<String> = answer.set.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
        let alone = &world.ask(&run, &sets).answers[0];
        for (own, other) in answer.metrics.iter().zip(&alone.metrics) {
            assert!((own.predicted / other.predicted - 1.0).abs() < 1e-9, "{}: {}", answer.name(), own.metric);
        }
        let plain = |answer: &Answer| (answer.feasible, answer.support.clone(), answer.caveats.len());
        assert_eq!(plain(answer), plain(alone), "{}", answer.name());
        let turned: Vec<&str> = sets.iter().rev().copied().collect();
        let turned = &world.ask(&run, &turned).answers[0];
        assert_eq!(turned.metrics, alone.metrics, "the order of conditions has no meaning");
    }
}

#[test]
fn frontier_and_best_are_those_of_a_plain_search() {
    let world = World::embedded();
    let grid = ["gpu=H100,B200", "gpus=1,2,3", "batch_size=8..4096"];
    let budgets = ["itl_p50=40ms", "power<=1.5kW", "throughput>=800 tokens/s"];
    let found = world.try_ask(&made_up(64.0, 1.0), &grid, &budgets).unwrap();
    assert!(found.answers.iter().any(|own| !own.feasible) && found.answers.iter().any(|own| own.feasible));
    let place = |own: &Answer| (own.metric("itl_p50").unwrap().predicted, energy(own));
    for (at, own) in found.answers.iter().enumerate() {
        let (latency, value) = place(own);
        let beats = |(index, other): (usize, &Answer)| {
            let (x, y) = place(other);
            // Of two alike the first is on the frontier.
            other.feasible && x <= latency && y <= value && (x < latency || y < value || index < at)
        };
        assert_eq!(own.frontier, own.feasible && !found.answers.iter().enumerate().any(beats), "{}", own.name());
    }
    let keeps = |own: &Answer| {
        let of = |name: &str| own.metric(name).unwrap().predicted;
        own.feasible && of("itl_p50") <= 0.04 && of("power") <= 1500.0 && of("throughput") >= 800.0
    };
    let kept: Vec<usize> = (0..found.answers.len()).filter(|&at| keeps(&found.answers[at])).collect();
    let least = kept.into_iter().min_by(|&a, &b| energy(&found.answers[a]).total_cmp(&energy(&found.answers[b])));
    assert!(least.is_some());
    assert_eq!(found.best, least);
    let impossible = world.try_ask(&made_up(64.0, 1.0), &grid, &["itl_p50=1us"]).unwrap();
    assert_eq!(impossible.best, None);
}

#[test]
fn degrees_must_divide_the_heads() {
    let world = World::embedded();
    let answer = world.one("q3-8b/n64", &["gpus=3"]);
    let degrees = limit(&answer, "parallel_degrees");
    assert!(!answer.feasible && !degrees.holds && limit(&answer, "memory").holds);
    assert_eq!(degrees.allowed, [1.0, 2.0, 4.0, 8.0, 16.0]);
    assert!(has(&answer, "infeasible") && answer.metric("power").is_some());
    assert!(world.one("q3-8b/n64", &["gpus=4"]).feasible);
}

#[test]
fn what_cannot_be_known_is_said() {
    let world = World::embedded();
    let one = |sets: &[&str]| world.one("q3-8b/n64", sets);
    let clock = one(&["sm_clock=1.2GHz"]);
    assert!(has(&clock, "no-equation") && clock.support != "measured");
    assert_eq!(clock.metric(ENERGY).unwrap().factor, 1.0);
    assert!(has(&one(&["power_limit=500W"]), "not-identified"));
    assert!(!has(&one(&["concurrency=1024"]), "extrapolation"), "the rounded range of the fit holds its ends");
    assert!(has(&one(&["concurrency=5000"]), "extrapolation"));
    let huge = &world.ask(&made_up(64.0, 2.0), &["batch_size=100000"]).answers[0];
    assert!(has(huge, "infeasible") && has(huge, "extrapolation") && !has(huge, "limited-by-load"));
    let fp8 = one(&["precision=fp8"]);
    assert_eq!(fp8.needs.len(), 1);
    assert!(fp8.needs[0].1.contains("checkpoint"));
}

#[test]
fn a_batch_beyond_the_load_changes_nothing() {
    let world = World::embedded();
    let answer = world.one("q3-8b/n64", &["batch_size=512"]);
    assert!(has(&answer, "limited-by-load") && !has(&answer, "not-distinguishable"));
    assert!(answer.feasible && answer.metrics.iter().all(|own| own.factor == 1.0));
    assert!(!has(&world.one("q3-8b/n64", &["batch_size=16"]), "limited-by-load"));
}

#[test]
fn a_task_brings_its_lengths() {
    let world = World::embedded();
    let per_answer = |answer: &Answer| answer.metric("energy_per_response").unwrap().predicted / energy(answer);
    let task = world.one("q3-8b/n64", &["task=gpqa"]);
    assert!(has(&task, "assumed-length") && per_answer(&task) > 3000.0, "answers of gpqa are long");
    for sets in [["task=gpqa", "output_tokens=600"], ["output_tokens=600", "task=gpqa"]] {
        let told = world.one("q3-8b/n64", &sets);
        assert!(
            !has(&told, "assumed-length") && (per_answer(&told) / 600.0 - 1.0).abs() < 0.05,
            "{}",
            per_answer(&told)
        );
    }
    let other = world.try_ask(&made_up(64.0, 1.0), &["task=gqpa"], &[]).unwrap_err().to_string();
    assert!(other.contains("`gqpa`; did you mean `gpqa`?"), "{other}");
    assert!(world.try_ask(&made_up(64.0, 1.0), &["task=text-to-image"], &[]).is_err());
}

#[test]
fn pictures_are_made_as_the_equations_say() {
    let csv = "id,task,model,gpu,gpus,batch_size,steps,height,width,frames\n\
               image,text-to-image,stabilityai/stable-diffusion-3.5-large,H100,1,4,28,1024,1024,\n\
               video,text-to-video,Wan-AI/Wan2.1-T2V-14B-Diffusers,H100,2,1,50,480,832,81\n";
    let scratch = crate::shared::Scratch::new();
    let file = scratch.write("pictures.csv", csv);
    let world = World::new(1, Store::read(&file).unwrap());
    for (id, sets) in
        [("image", &["steps=14", "height=768", "width=512"][..]), ("video", &["steps=25", "frames=41"][..])]
    {
        for set in sets {
            let run = world.store.find(id).unwrap();
            let found = world.ask(&run, &[set]);
            assert_whole(&found);
            let answer = &found.answers[0];
            assert!(has(answer, "not-identified"), "{set}");
            assert!(answer.metric(&found.metric.0).unwrap().factor < 1.0, "{set} is less work");
        }
    }
    let other = world.one("image", &["task=text-to-video", "frames=81"]);
    assert!(other.metric("energy_per_video").is_some_and(|own| own.factor.is_nan()), "images have no energy of videos");
    assert!(other.metric("energy_per_image").is_none());
}

fn public() -> Option<World> {
    let folder = shared_data("mlenergy-v3")?;
    Some(World::new(0, Store::new(mlenergy::import(&folder).unwrap()).unwrap()))
}

#[test]
fn long_answers_do_not_fit_where_short_ones_did() {
    let Some(world) = public() else { return };
    let select =
        |task: &str, batch: u32| format!("model=Qwen/Qwen3-32B,task={task},gpu=B200,gpus=1,batch_size={batch}");
    let answer = world.one(&select("lm-arena-chat", 512), &["task=gpqa"]);
    let memory = limit(&answer, "memory");
    let largest = memory.largest.unwrap().0;
    assert!(!memory.holds && (largest / 128.0).ln().abs() < 1.5_f64.ln(), "{largest}");
    let measured = world.store.find(&select("gpqa", 128)).unwrap().metrics[ENERGY];
    let own = answer.metric(ENERGY).unwrap();
    assert!(own.factor > 1.5 && own.interval[0] < measured && measured < own.interval[1], "{own:?}");
}

#[test]
fn a_second_gpu_lets_the_batch_grow() {
    let Some(world) = public() else { return };
    let run = "model=openai/gpt-oss-120b,task=gpqa,gpu=H100,gpus=1,batch_size=64";
    let largest = |gpus: &str| limit(&world.one(run, &[gpus]), "memory").largest.unwrap().0;
    for (gpus, about) in [("gpus=1", 64.0_f64), ("gpus=2", 2000.0)] {
        assert!((largest(gpus) / about).ln().abs() < 1.5_f64.ln(), "{gpus}: {}", largest(gpus));
    }
    let answer = world.one(run, &["gpus=2", "batch_size=2048"]);
    assert!(answer.metric(ENERGY).unwrap().factor < 0.5);
}
