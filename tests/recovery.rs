//! Simulated runs, fitted: the truth lies inside the intervals as often as they say.

use joules::catalog::Catalog;
use joules::fit::{Fitted, Settings, Simulated, Summary, accuracy, fit, predictions, simulate};
use joules::model::{Model, shipped};
use joules::predict::{abduct, predict};
use joules::runs::{Run, Store, Value};
use joules::stats::{Draws, median};

/// The fenced block of the language's reference that begins with `marker`.
pub(crate) fn block(marker: &str) -> &'static str {
    let page = include_str!("../models/README.md");
    let begin = page.find(marker).expect("the page has the block") + marker.len();
    let end = page[begin..].find("\n```").expect("the block ends");
    &page[begin..begin + end]
}

fn pumps() -> (Model, Catalog) {
    let catalog = Catalog::from_texts(&[("pumps.toml", block("```toml catalog\n"))]).unwrap();
    let model = Model::parse("models/README.md", block("```toml model\n"), &catalog);
    (model.unwrap_or_else(|error| panic!("{}", crate::messages::drawn(&error))), catalog)
}

/// Conditions of pump runs over the ranges that the example is about.
fn pump_runs(count: usize, seed: u64) -> Vec<Run> {
    let mut draws = Draws::new(seed);
    (0..count)
        .map(|index| {
            let machine = ["north", "south", "mill"][index % 3];
            let mut run = Run { id: format!("p{index}"), source: "simulated".to_owned(), ..Run::default() };
            run.conditions.insert("machine".to_owned(), Value::Name(machine.to_owned()));
            run.conditions.insert("speed".to_owned(), Value::Number(0.75 + 0.25 * draws.uniform()));
            run.conditions.insert("lift".to_owned(), Value::Number(40.0 + 100.0 * draws.uniform()));
            if index % 4 > 0 {
                run.conditions.insert("resistance".to_owned(), Value::Number(20.0 + 200.0 * draws.uniform()));
            }
            run
        })
        .collect()
}

/// How many identified parameters there are, and how many of them hold the truth in their 90 % interval.
fn coverage(summary: &Summary, simulated: &Simulated) -> (usize, usize) {
    let pairs = summary.estimates.iter().zip(&simulated.parameters);
    let identified: Vec<bool> = pairs
        .inspect(|(found, truth)| assert_eq!((&found.name, &found.level), (&truth.name, &truth.level)))
        .filter(|(found, _)| found.decided > 0.3)
        .map(|(found, truth)| (found.lower..=found.upper).contains(&truth.value))
        .collect();
    (identified.len(), identified.iter().filter(|inside| **inside).count())
}

fn fitted(model: &Model, catalog: &Catalog, runs: &[Run]) -> (Fitted, Summary) {
    let settings = Settings { starts: 1, calibrate: false, ..Settings::default() };
    let fitted = fit(model.clone(), catalog, runs, &settings).unwrap();
    let summary = Summary::new(&fitted, catalog, runs).unwrap();
    (fitted, summary)
}

#[test]
fn equal_seeds_simulate_equal_runs() {
    let (model, catalog) = pumps();
    let runs = pump_runs(9, 1);
    let simulated = simulate(&model, &catalog, &runs, 1.0, 5).unwrap();
    assert_eq!(simulated, simulate(&model, &catalog, &runs, 1.0, 5).unwrap());
    assert_ne!(simulated.runs, simulate(&model, &catalog, &runs, 1.0, 6).unwrap().runs);
}

#[test]
fn pumps_are_recovered_with_their_levels_spreads_and_states() {
    let (model, catalog) = pumps();
    let (mut all, mut inside, mut states, mut right) = (0, 0, 0, 0);
    for seed in 1..=20 {
        let simulated = simulate(&model, &catalog, &pump_runs(400, seed), 1.0, seed).unwrap();
        let (fitted, summary) = fitted(&model, &catalog, &simulated.runs);
        let (identified, covered) = coverage(&summary, &simulated);
        all += identified;
        inside += covered;
        for (found, truth) in summary.estimates.iter().zip(&simulated.parameters) {
            if found.name.ends_with("_spread") {
                assert!((found.value / truth.value - 1.0).abs() < 0.15, "{}: {found:?} of {truth:?}", found.name);
            }
        }
        for (run, state) in simulated.runs.iter().zip(&simulated.states).step_by(4) {
            let abducted = abduct(&fitted, &catalog, run).unwrap();
            states += 1;
            right += usize::from(abducted.states[0].0 == state[0]);
        }
    }
    println!("pumps: {inside} of {all} inside, {right} of {states} states");
    assert!(inside * 10 >= all * 8, "{inside} of {all} true values inside their 90 % intervals");
    assert!(right * 100 > states * 95, "{right} of {states} states found");
}

/// Conditions of the shipped runs, and of a plan over GPUs, sizes, precisions and tasks.
fn serving_runs() -> Vec<Run> {
    let mut runs: Vec<Run> = Store::embedded().runs().cloned().collect();
    for run in &mut runs {
        run.metrics.clear();
        run.observed.clear();
    }
    let models = [("Qwen/Qwen3-8B", 1.0), ("Qwen/Qwen3-32B", 2.0), ("Qwen/Qwen3-30B-A3B", 1.0)];
    for (m, (model, least)) in models.into_iter().enumerate() {
        for (g, gpu) in ["H100", "B200"].into_iter().enumerate() {
            for (t, task) in ["gpqa", "lm-arena-chat", "sourcegraph-fim"].into_iter().enumerate() {
                for (b, batch) in [8.0, 32.0, 128.0, 512.0].into_iter().enumerate() {
                    let gpus: f64 = if (g + t + b) % 2 == 0 { least } else { 4.0 };
                    let precision = if (m + t + b) % 2 == 0 { "bf16" } else { "fp8" };
                    let mut run =
                        Run { id: format!("s{m}{g}{t}{b}"), source: "simulated".to_owned(), ..Run::default() };
                    for (name, value) in [("model", model), ("gpu", gpu), ("task", task), ("precision", precision)] {
                        run.conditions.insert(name.to_owned(), Value::Name(value.to_owned()));
                    }
                    run.conditions.insert("batch_size".to_owned(), Value::Number(batch));
                    run.conditions.insert("gpus".to_owned(), Value::Number(gpus));
                    runs.push(run);
                }
            }
        }
    }
    runs
}

#[test]
fn the_shipped_model_is_recovered() {
    let catalog = Catalog::embedded();
    let own = shipped().next().unwrap();
    let model = Model::parse(own.file, own.text, &catalog).unwrap();
    let simulated = simulate(&model, &catalog, &serving_runs(), 0.5, 2).unwrap();
    let (fitted, summary) = fitted(&model, &catalog, &simulated.runs);
    let (identified, inside) = coverage(&summary, &simulated);
    println!("serving: {inside} of {identified} inside, {} runs, {}", simulated.runs.len(), fitted.record.stopped);
    assert!(identified >= 20, "only {identified} parameters are identified");
    assert!(inside * 10 >= identified * 8, "{inside} of {identified} true values inside their 90 % intervals");
    let predictions = predictions(&fitted, &catalog, &simulated.runs).unwrap();
    for (metric, spread) in [("throughput", "time_spread"), ("power", "power_spread")] {
        let one_state = |run: &Run| run.name("gpu") != Some("B200") || run.number("gpus") != Some(1.0);
        let own: Vec<_> =
            predictions.iter().filter(|one| one.metric == metric && one_state(&simulated.runs[one.run])).collect();
        let errors = accuracy(&own).unwrap();
        let noise = simulated.parameters.iter().find(|truth| truth.name == spread).unwrap().value;
        println!("{metric}: {errors:?}, noise {noise:.3}");
        assert!(errors.median < noise, "{metric}: median error {:.3}, noise {noise:.3}", errors.median);
    }
}

/// One value behind many runs of heavy-tailed noise: the data alone decide, so the interval is the likelihood's.
#[test]
fn the_interval_of_a_single_value_holds_it_nine_times_in_ten() {
    let text = "[model]\nname = \"scale\"\ndefault_metric = \"m\"\n[metric.m]\nunit = \"J\"\nequation = \"k\"\n\
                noise = { lognormal = 0.1 }\n[parameter.k]\nunit = \"J\"\nprior = \"lognormal(3 J, 1)\"\n\
                [cause.rest]\nnoise = [\"m\"]\n";
    let catalog = Catalog::default();
    let model = Model::parse("scale.toml", text, &catalog).unwrap();
    let runs: Vec<Run> = (0..60).map(|index| Run { id: format!("r{index}"), ..Run::default() }).collect();
    let trials = 600;
    let inside: usize = (0..trials)
        .map(|seed| {
            let simulated = simulate(&model, &catalog, &runs, 1.0, seed).unwrap();
            let (_, summary) = fitted(&model, &catalog, &simulated.runs);
            coverage(&summary, &simulated).1
        })
        .sum();
    let share = inside as f64 / trials as f64;
    println!("single value: {share:.3} inside");
    // Four standard errors of a share of 0.9 in 600.
    assert!((share - 0.9).abs() < 0.05, "{share:.3}");
}

#[test]
fn what_the_equations_of_the_pumps_miss_is_carried_to_their_next_runs() {
    let (bare, catalog) = pumps();
    let text = format!("{}\n{}", block("```toml model\n"), block("```toml residual\n"));
    let whole = Model::parse("models/README.md", &text, &catalog).unwrap();
    let Simulated { mut runs, states, .. } = simulate(&bare, &catalog, &pump_runs(210, 21), 0.5, 22).unwrap();
    for run in runs.iter_mut().filter(|run| run.name("machine") == Some("mill")) {
        // A resonance that no equation has.
        let swing = (0.2 * (25.0 * run.number("speed").unwrap()).sin()).exp();
        for metric in ["power", "energy_per_liter"] {
            run.metrics.entry(metric.to_owned()).and_modify(|value| *value *= swing);
        }
    }
    let (known, new) = runs.split_at(150);
    let error = |model: &Model| {
        let (fitted, _) = fitted(model, &catalog, known);
        let answers = predict(&fitted, &catalog, new, &[]).unwrap();
        let of = |name: &str| -> Vec<f64> {
            // Nobody can foretell a clogged filter.
            let clean = states[150..].iter().map(|states| states[0] == 0);
            let own = answers.iter().zip(new).zip(clean);
            own.filter(|((_, run), clean)| *clean && run.name("machine") == Some(name))
                .map(|((answer, _), _)| answer.metric("power").unwrap())
                .map(|own| (own.predicted / own.measured.unwrap()).ln().abs())
                .collect()
        };
        (median(&of("mill")).unwrap(), median(&of("north")).unwrap())
    };
    let (equations, process) = (error(&bare), error(&whole));
    assert!(process.0 < 0.6 * equations.0, "the mill: {process:?} against {equations:?}");
    assert!(process.1 < 1.2 * equations.1, "another pump: {process:?} against {equations:?}");
}
