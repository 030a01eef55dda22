//! Laws that every diagnosis must keep.

use joules::catalog::Catalog;
use joules::diagnose::{DiagnoseError, Diagnosis, Verdict, diagnose};
use joules::fit::{Fitted, read_fitted};
use joules::model::{Model, Role, canonical, shipped};
use joules::predict::abduct;
use joules::runs::{Run, Store, Value};
use joules::stats::Draws;
use joules::whatif::intervene;

use crate::cases::public;

/// The shipped model with its shipped estimates.
pub(crate) fn embedded() -> (Catalog, Fitted, Store) {
    let catalog = Catalog::embedded();
    let shipped = shipped().next().unwrap();
    let model = Model::parse(shipped.file, shipped.text, &catalog).unwrap();
    let fitted = read_fitted("fitted", shipped.fitted, model).unwrap();
    (catalog, fitted, Store::embedded())
}

fn serving(store: &Store) -> Vec<&Run> {
    store.runs().filter(|run| run.metrics.contains_key("energy_per_token")).collect()
}

/// The product of all factors is the measured ratio.
fn assert_exact(answer: &Diagnosis) {
    let product = answer.explained() * answer.unexplained();
    assert!((product / answer.ratio - 1.0).abs() < 1e-9, "{} {}", answer.run_a.id, answer.run_b.id);
    for cause in &answer.causes {
        let mechanisms: f64 = cause.mechanisms.iter().map(|one| one.factor.ln()).sum();
        assert!((mechanisms - cause.factor.ln()).abs() < 1e-9, "{}: mechanisms of {}", answer.run_a.id, cause.cause);
        assert!(cause.interval[0] <= cause.factor && cause.factor <= cause.interval[1]);
    }
    let identity: f64 = answer.identities.iter().map(|term| term.factor.ln()).sum();
    if !answer.identities.is_empty() {
        assert!((identity.exp() / answer.ratio - 1.0).abs() < 1e-9, "{}: identity", answer.run_a.id);
    }
}

/// Two hundred pairs of runs drawn at random, with their metric.
fn pairs(store: &Store, seed: u64) -> Vec<(&Run, &Run, &'static str)> {
    let runs = serving(store);
    let mut draws = Draws::new(seed);
    let mut pick = |count: usize| (draws.uniform() * count as f64) as usize;
    let metrics = ["energy_per_token", "power", "itl_p50", "throughput", "throughput_per_watt", "energy_per_response"];
    (0..200).map(|_| (runs[pick(runs.len())], runs[pick(runs.len())], metrics[pick(metrics.len())])).collect()
}

#[test]
fn causes_times_unexplained_is_the_ratio() {
    let (catalog, fitted, store) = embedded();
    let public = public();
    for (store, fitted) in
        [Some((&store, &fitted)), public.map(|(store, fitted)| (store, fitted))].into_iter().flatten()
    {
        for (a, b, metric) in pairs(store, 7) {
            if a.id == b.id {
                continue;
            }
            assert_exact(&diagnose(fitted, &catalog, &[], a, b, Some(metric)).unwrap());
        }
    }
}

#[test]
fn swapping_the_runs_inverts_every_factor() {
    let (catalog, fitted, store) = embedded();
    for (a, b, metric) in pairs(&store, 11).into_iter().take(40) {
        if a.id == b.id {
            continue;
        }
        let forth = diagnose(&fitted, &catalog, &[], a, b, Some(metric)).unwrap();
        let back = diagnose(&fitted, &catalog, &[], b, a, Some(metric)).unwrap();
        assert_eq!(forth.causes.len(), back.causes.len());
        for cause in &forth.causes {
            let twin = back.causes.iter().find(|twin| twin.cause == cause.cause).unwrap();
            assert!((cause.factor.ln() + twin.factor.ln()).abs() < 1e-9, "{} {}: {}", a.id, b.id, cause.cause);
        }
    }
}

#[test]
fn a_condition_that_does_not_differ_is_not_blamed() {
    let Some((store, fitted)) = public() else { return };
    let catalog = Catalog::embedded();
    for (a, b, metric) in pairs(store, 13) {
        if a.id == b.id {
            continue;
        }
        let answer = diagnose(fitted, &catalog, &[], a, b, Some(metric)).unwrap();
        let (a, b) = (canonical(a, &catalog), canonical(b, &catalog));
        for found in &answer.causes {
            let cause = fitted.model.cause(&found.cause).unwrap();
            let differs = |name: &String| a.conditions.get(name) != b.conditions.get(name);
            let by_model = !cause.properties.is_empty() && a.name("model") != b.name("model");
            assert!(cause.conditions.iter().any(differs) || by_model, "{} in {} against {}", found.cause, a.id, b.id);
        }
    }
}

/// A run as it would have been with other settings, with everything that it would have measured.
fn counterfactual(catalog: &Catalog, fitted: &Fitted, run: &Run, set: &[(&str, Value)]) -> Run {
    let abducted = abduct(fitted, catalog, run).unwrap();
    let outcome = intervene(fitted, catalog, &abducted, set).unwrap();
    let mut other = run.clone();
    "counterfactual".clone_into(&mut other.id);
    other.conditions.extend(set.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    for (name, value) in other.metrics.iter_mut().chain(&mut other.observed) {
        if let Some(index) = fitted.model.node_index(name) {
            *value = outcome.values[index];
        }
    }
    other
}

#[test]
fn one_changed_setting_and_no_noise_takes_the_whole_difference() {
    let (catalog, fitted, store) = embedded();
    let run = store.get("q3-8b/n64").unwrap();
    let other = counterfactual(&catalog, &fitted, run, &[("concurrency", Value::Number(128.0))]);
    let answer = diagnose(&fitted, &catalog, &[], run, &other, Some("throughput")).unwrap();
    assert_eq!(answer.causes[0].cause, "offered_load");
    assert!((answer.causes[0].factor / answer.ratio - 1.0).abs() < 1e-6);
    assert!((answer.unexplained() - 1.0).abs() < 1e-6);
}

#[test]
fn one_intervention_after_another_is_both_at_once() {
    let (catalog, fitted, store) = embedded();
    let run = store.get("q3-8b/n64").unwrap();
    let (first, second) = (("concurrency", Value::Number(128.0)), ("precision", Value::Name("fp8".to_owned())));
    let between = counterfactual(&catalog, &fitted, run, std::slice::from_ref(&first));
    let one_by_one = counterfactual(&catalog, &fitted, &between, std::slice::from_ref(&second));
    let at_once = counterfactual(&catalog, &fitted, run, &[first, second]);
    for (name, value) in &at_once.metrics {
        assert!((one_by_one.metrics[name] / value - 1.0).abs() < 1e-9, "{name}");
    }
}

#[test]
fn the_unit_of_a_metric_moves_no_factor() {
    let (catalog, fitted, store) = embedded();
    let scale = |run: &Run| {
        let mut run = run.clone();
        // The same watts and joules, counted in another unit.
        for name in ["power", "energy_per_token"] {
            run.metrics.entry(name.to_owned()).and_modify(|value| *value *= 1e-3);
        }
        run
    };
    let (a, b) = (store.get("q3-8b/n64").unwrap(), store.get("q3-8b/n32").unwrap());
    let plain = diagnose(&fitted, &catalog, &[], a, b, None).unwrap();
    let scaled = diagnose(&fitted, &catalog, &[], &scale(a), &scale(b), None).unwrap();
    for (x, y) in plain.causes.iter().zip(&scaled.causes) {
        assert_eq!(x.cause, y.cause);
        assert!((x.factor / y.factor - 1.0).abs() < 1e-9, "{}", x.cause);
    }
}

#[test]
fn abduction_then_prediction_is_the_run() {
    let (catalog, fitted, store) = embedded();
    for run in serving(&store) {
        let abducted = abduct(&fitted, &catalog, run).unwrap();
        let outcome = intervene(&fitted, &catalog, &abducted, &[]).unwrap();
        for noisy in &fitted.model.noisy {
            let name = &noisy.observed;
            if let Some(measured) = run.metrics.get(name).or_else(|| run.observed.get(name)) {
                assert!((outcome.values[noisy.node] / measured - 1.0).abs() < 1e-12, "{}: {name}", run.id);
            }
        }
    }
}

#[test]
fn setting_a_condition_to_what_it_is_changes_nothing() {
    let (catalog, fitted, store) = embedded();
    for run in serving(&store).into_iter().step_by(5) {
        let abducted = abduct(&fitted, &catalog, run).unwrap();
        let now = intervene(&fitted, &catalog, &abducted, &[]).unwrap();
        for (name, value) in &abducted.run.conditions {
            let same = intervene(&fitted, &catalog, &abducted, &[(name, value.clone())]).unwrap();
            for (x, y) in now.values.iter().zip(&same.values) {
                assert!(x == y || (x.is_nan() && y.is_nan()), "{}: do({name})", run.id);
            }
        }
    }
}

#[test]
fn an_intervention_spares_what_it_does_not_cause() {
    let (catalog, fitted, store) = embedded();
    let model = &fitted.model;
    let abducted = abduct(&fitted, &catalog, store.get("q3-8b/n64").unwrap()).unwrap();
    let now = intervene(&fitted, &catalog, &abducted, &[]).unwrap();
    let number = |value: f64| Value::Number(value);
    for (name, value) in [("batch_size", number(16.0)), ("gpus", number(2.0)), ("precision", Value::Name("fp8".into()))]
    {
        let then = intervene(&fitted, &catalog, &abducted, &[(name, value)]).unwrap();
        let source = model.node_index(name).unwrap();
        for (index, node) in model.nodes.iter().enumerate() {
            if !model.graph.ancestors(&[index])[source] && node.role != Role::Condition {
                assert!(now.values[index] == then.values[index], "do({name}) moved {}", node.name);
            }
        }
    }
    let twice = intervene(&fitted, &catalog, &abducted, &[("batch_size", number(8.0)), ("batch_size", number(16.0))]);
    let once = intervene(&fitted, &catalog, &abducted, &[("batch_size", number(16.0))]).unwrap();
    assert_eq!(twice.unwrap().values, once.values, "the last intervention on a condition holds");
    let forth = [("batch_size", number(16.0)), ("prompt_tokens", number(900.0))];
    let back = [forth[1].clone(), forth[0].clone()];
    let values = |set: &[(&str, Value)]| intervene(&fitted, &catalog, &abducted, set).unwrap().values;
    assert_eq!(values(&forth), values(&back), "interventions on different conditions commute");
}

#[test]
fn the_order_of_the_store_changes_nothing() {
    let (catalog, fitted, store) = embedded();
    let (a, b) = (store.get("q3-8b/n64").unwrap(), store.get("q3-8b-fp8/n256").unwrap());
    let runs: Vec<&Run> = store.runs().collect();
    let forth = diagnose(&fitted, &catalog, &runs, a, b, None).unwrap();
    let again = diagnose(&fitted, &catalog, &runs, a, b, None).unwrap();
    assert_eq!(serde_json::to_string(&forth).unwrap(), serde_json::to_string(&again).unwrap());
}

#[test]
fn repeats_on_one_machine_are_within_noise() {
    let (catalog, fitted, store) = embedded();
    let (a, b) = (store.get("q3-8b/n64").unwrap(), store.get("q3-8b/n64_repeat").unwrap());
    let answer = diagnose(&fitted, &catalog, &[], a, b, None).unwrap();
    assert_eq!(answer.verdict, Verdict::WithinNoise);
    assert!(answer.spread.repeats_needed.is_some());
}

#[test]
fn questions_without_an_answer_are_refused() {
    let (catalog, fitted, store) = embedded();
    let run = store.get("q3-8b/n64").unwrap();
    let other = store.get("q3-8b/n32").unwrap();
    let idle = store.get("q3-8b-x/engine_idle").unwrap();
    let ask = |a: &Run, b: &Run, metric: Option<&str>| diagnose(&fitted, &catalog, &[], a, b, metric).unwrap_err();
    assert!(matches!(ask(run, run, None), DiagnoseError::SameRun { .. }));
    assert!(matches!(ask(run, idle, None), DiagnoseError::NoCommonMetric { .. }));
    let error = ask(run, other, Some("energy_per_tokn"));
    assert!(error.to_string().contains("no metric `energy_per_tokn`"), "{error}");
}

#[test]
fn injected_faults_are_unexplained_and_their_sign_is_named() {
    let (catalog, fitted, store) = embedded();
    for (a, b, sign) in
        [("q3-8b/n64", "q3-8b/n64_cpupin", "host_contention"), ("q3-8b/n8", "q3-8b/n8_cotenant_copy", "other_process")]
    {
        let answer = diagnose(&fitted, &catalog, &[], store.get(a).unwrap(), store.get(b).unwrap(), None).unwrap();
        assert!(answer.causes.is_empty(), "{b}: {:?}", answer.causes);
        assert!(answer.mostly_unexplained());
        assert!(answer.caveats.iter().any(|caveat| caveat.code == sign), "{b}: {:?}", answer.caveats);
    }
}

#[test]
fn runs_that_count_different_things_are_not_comparable() {
    let (catalog, fitted, store) = embedded();
    let mut a = store.get("q3-8b/n64").unwrap().clone();
    let mut b = store.get("q3-8b/n32").unwrap().clone();
    a.details.insert("energy_scope".to_owned(), "gpu".to_owned());
    b.details.insert("energy_scope".to_owned(), "wall".to_owned());
    let answer = diagnose(&fitted, &catalog, &[], &a, &b, None).unwrap();
    assert_eq!(answer.verdict, Verdict::NotComparable);
    assert!(answer.caveats.iter().any(|caveat| caveat.code == "not_comparable"));
    assert!(!answer.causes.is_empty(), "the causes are listed all the same");
}
