//! What holds for every model file, whatever it says. Laws of the tape stand beside it, in `src/model/laws.rs`.

use joules::catalog::Catalog;
use joules::fit::{predictions, read_fitted};
use joules::model::{Model, shipped};
use joules::runs::{Run, Store};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn settings(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, rng_seed: RngSeed::Fixed(11), ..ProptestConfig::default() }
}

const LINES: &[&str] = &[
    "[model]",
    "name = \"m\"",
    "default_metric = \"p\"",
    "tasks = [\"t\"]",
    "requires = [\"c\", \"é\"]",
    "[condition.c]",
    "[condition.gpu]",
    "[condition.task]",
    "missing = \"k\"",
    "missing = '\"text\"'",
    "missing = -1",
    "type = \"name\"",
    "type = \"flag\"",
    "unit = \"W\"",
    "unit = \"s\"",
    "unit = \"é\"",
    "[property.q]",
    "from = \"gpu[gpu].tdp\"",
    "from = \"gpu[\"",
    "from = \"[].\"",
    "[latent.l]",
    "[latent.c]",
    "[metric.p]",
    "[identity.i]",
    "equation = \"l * k ^ 2 + gpu.tdp\"",
    "equation = \"k\"",
    "equation = \"p / l\"",
    "equation = \"if(r == \\\"a\\\", l, q)\"",
    "equation = \"((((((((1\"",
    "equation = \"exp(é)\"",
    "equation = \"generic\"",
    "equation = \"\"",
    "parents = [\"c\", \"gpu\", \"l / 3\", \"\"]",
    "noise = { lognormal = \"k\" }",
    "noise = { lognormal = 0.1 }",
    "noise = 3",
    "observed = \"l\"",
    "at_least = \"p\"",
    "[parameter.k]",
    "prior = \"lognormal(2 W, 0.3)\"",
    "prior = \"normal(0, 1)\"",
    "prior = \"beta(\"",
    "per = [\"gpu\", \"c\"]",
    "within = [\"gpu\"]",
    "level.H100 = \"fixed(1)\"",
    "where = \"gpu == \\\"H100\\\"\"",
    "pool = 0.1",
    "[regime.r]",
    "states = [\"a\", \"b\"]",
    "probability = 0.5",
    "affects = \"l\"",
    "[constraint.x]",
    "require = \"c < 1\"",
    "limits = \"c\"",
    "[cause.x]",
    "[cause.y]",
    "from = [\"c\", \"gpu\", \"task\"]",
    "noise = [\"p\", \"l\", \"r\"]",
    "[mechanism.x]",
    "latents = [\"l\", \"gpu.tdp\"]",
];

proptest! {
    #![proptest_config(settings(3000))]

    /// Files from strangers: the answer is a model, or faults that can be drawn.
    #[test]
    fn no_model_file_makes_the_reader_panic(lines in prop::collection::vec(prop::sample::select(LINES), 0..40)) {
        let text = lines.join("\n");
        // Most keys must not stand twice; a file without repeats gets further.
        let mut seen = Vec::new();
        let mut unique = String::new();
        for line in &lines {
            let key = line.split('=').next().unwrap_or(line);
            if line.starts_with('[') {
                seen.retain(|known: &&str| known.starts_with('['));
            }
            if !seen.contains(&key) {
                seen.push(key);
                unique.push_str(line);
                unique.push('\n');
            }
        }
        for text in [text, unique] {
            if let Err(error) = Model::parse("strange.toml", &text, &Catalog::embedded()) {
                prop_assert!(!error.faults.is_empty());
                prop_assert!(!crate::messages::drawn(&error).is_empty());
            }
        }
    }

    #[test]
    fn no_equation_makes_the_reader_panic(equation in "[-+*/^<>=!()., a-e0-9é\\\\\"'\t]{0,40}|(min|if|smax|log)\\([a-c0-9, .]{0,12}\\)?") {
        let text = format!(
            "[model]\nname = \"m\"\ndefault_metric = \"p\"\n[metric.p]\nunit = \"1\"\nequation = '''{}'''\n\
             noise = {{ lognormal = 0.1 }}\n[cause.x]\nnoise = [\"p\"]\n",
            equation.replace('\'', "\"")
        );
        if let Err(error) = Model::parse("strange.toml", &text, &Catalog::default()) {
            prop_assert!(!crate::messages::drawn(&error).is_empty());
        }
    }
}

#[test]
fn runs_are_predicted_alone_as_in_company() {
    let catalog = Catalog::embedded();
    let own = shipped().next().unwrap();
    let model = Model::parse(own.file, own.text, &catalog).unwrap();
    let fitted = read_fitted(own.file, own.fitted, model).unwrap();
    let runs: Vec<Run> = Store::embedded().runs().step_by(9).cloned().collect();
    let together = predictions(&fitted, &catalog, &runs).unwrap();
    for (index, run) in runs.iter().enumerate() {
        let alone = predictions(&fitted, &catalog, std::slice::from_ref(run)).unwrap();
        let own: Vec<_> = together.iter().filter(|one| one.run == index).collect();
        assert_eq!(alone.len(), own.len());
        for (alone, together) in alone.iter().zip(own) {
            assert_eq!((&alone.metric, alone.predicted), (&together.metric, together.predicted));
        }
    }
}

/// An equation may be long or deep; beyond a limit it is a fault, never the end of the program.
#[test]
fn endless_equations_are_faults() {
    let model = |equation: &str| {
        let text = format!(
            "[model]\nname = \"m\"\ndefault_metric = \"p\"\n[metric.p]\nunit = \"1\"\nequation = '{equation}'\n\
             noise = {{ lognormal = 0.1 }}\n[cause.x]\nnoise = [\"p\"]\n"
        );
        Model::parse("endless.toml", &text, &Catalog::default())
    };
    let nested = |count: usize| format!("{}1{}", "if(1 < 2, 3, ".repeat(count), ")".repeat(count));
    assert!(model(&nested(60)).is_ok());
    assert!(model(&vec!["1"; 1500].join(" + ")).is_ok());
    for endless in [
        nested(20_000),
        "(".repeat(100_000),
        "-".repeat(100_000),
        "not ".repeat(100_000),
        vec!["1"; 100_000].join(" + "),
        vec!["2"; 100_000].join("^"),
    ] {
        let error = model(&endless).unwrap_err();
        assert_eq!(error.faults.len(), 1, "{:?}", error.faults);
    }
}
