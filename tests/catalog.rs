//! The shipped catalogs against what is published, look-ups, and messages about faulty files.

use std::path::Path;

use joules::catalog::{Catalog, CatalogValue};
use joules::runs::split_precision;
use joules::unit::Dimension;
use miette::{GraphicalReportHandler, GraphicalTheme};

use crate::shared::shared_data;

const LANGUAGE_KINDS: [&str; 3] = ["dense", "moe", "hybrid"];

fn number(catalog: &Catalog, keys: &[&str], attribute: &str) -> f64 {
    let table = if attribute.ends_with("_bytes") && keys.len() == 2 { "precision" } else { "architecture" };
    catalog
        .get(table, keys, attribute)
        .and_then(|value| value.number())
        .unwrap_or_else(|| panic!("`{attribute}` of {keys:?}"))
}

/// Names of the architectures, split into those of language models and of diffusion models.
fn architectures(catalog: &Catalog) -> (Vec<&str>, Vec<&str>) {
    catalog.keys("architecture").into_iter().partition(|name| {
        let kind = catalog.get("architecture", &[name], "kind").unwrap();
        LANGUAGE_KINDS.contains(&kind.name().unwrap())
    })
}

#[test]
fn derived_weights_of_language_models_are_those_published() {
    // The published total holds parts that are not served; the served part is given here.
    let exceptions = [("Qwen/Qwen3-Omni-30B-A3B-Instruct", 31.72e9)];
    let catalog = Catalog::embedded();
    for model in architectures(&catalog).0 {
        let published = exceptions
            .iter()
            .find(|(name, _)| *name == model)
            .map_or_else(|| number(&catalog, &[model], "published_total_params"), |(_, total)| *total);
        let derived = number(&catalog, &[model], "total_params");
        assert!((derived / published - 1.0).abs() < 0.005, "{model}: {derived:.4e} against {published:.4e}");
    }
}

#[test]
fn derived_active_weights_are_those_published() {
    let catalog = Catalog::embedded();
    let mut checked = 0;
    for model in architectures(&catalog).0 {
        let Some(published) = catalog.get("architecture", &[model], "published_active_params") else { continue };
        let published = published.number().unwrap();
        // Some makers count the input embedding, others do not.
        let active = number(&catalog, &[model], "active_params");
        let with_embedding = active + number(&catalog, &[model], "head_params");
        // Llama 4's "17B" is rounded to whole billions.
        let low = active * 0.98;
        let high = with_embedding * 1.02;
        assert!((low..=high).contains(&published), "{model}: {published:.3e} outside {low:.3e}..{high:.3e}");
        checked += 1;
    }
    assert_eq!(checked, 16);
}

#[test]
fn blocks_of_diffusion_models_make_up_their_weights() {
    // What the dimensions leave out: time, text and patch embedders, modulation, skips, refiners.
    let exceptions = [
        ("stabilityai/stable-diffusion-3.5-medium", 0.12, "a table of positions of 0.23e9"),
        ("zai-org/CogVideoX-2b", 0.24, "modulation of 512 x 12 h per block"),
        ("zai-org/CogVideoX1.5-5B", 0.16, "modulation of 512 x 12 h per block"),
        ("Tencent-Hunyuan/HunyuanDiT-v1.2-Diffusers", 0.13, "long skips and a modulation per block"),
    ];
    let catalog = Catalog::embedded();
    for model in architectures(&catalog).1 {
        let limit = exceptions.iter().find(|(name, ..)| *name == model).map_or(0.03, |(_, limit, _)| *limit);
        let blocks = number(&catalog, &[model], "block_params");
        let transformer = number(&catalog, &[model], "transformer_params");
        assert!((blocks / transformer - 1.0).abs() < limit, "{model}: {blocks:.4e} of {transformer:.4e}");
    }
}

#[test]
fn weights_and_cache_are_those_of_loaded_models() {
    // Read from models that an engine had loaded: total, active without embedding, bytes of a token in the KV cache.
    let cases = [
        ("Qwen/Qwen3-8B", 8_190_735_360.0, 7_568_405_504.0, 147_456.0),
        ("Qwen/Qwen3-30B-A3B", 30_532_122_624.0, 3_041_867_776.0, 98_304.0),
        ("Qwen/Qwen3-32B", 32_762_123_264.0, 31_984_210_944.0, 262_144.0),
    ];
    let catalog = Catalog::embedded();
    for (model, total, active, kv_bytes) in cases {
        let close = |attribute: &str, expected: f64| {
            let found = number(&catalog, &[model], attribute);
            assert!((found / expected - 1.0).abs() < 2e-4, "{model}: `{attribute}` is {found}, not {expected}");
        };
        close("total_params", total);
        close("active_params", active);
        close("kv_elements_per_token", kv_bytes / 2.0);
    }
    // Qwen3-8B in fp8: blocks in one byte, embedding and head in two.
    let parts = [("attention_params", "attention_bytes"), ("mlp_params", "mlp_bytes")];
    let bytes: f64 = parts
        .iter()
        .chain(&[("embedding_params", "embedding_bytes")])
        .map(|(params, bytes)| {
            number(&catalog, &["Qwen/Qwen3-8B"], params) * number(&catalog, &["Qwen/Qwen3-8B", "fp8"], bytes)
        })
        .sum();
    assert!((bytes / 9_435_703_872.0 - 1.0).abs() < 2e-4, "{bytes}");
}

#[test]
fn layers_add_up() {
    let catalog = Catalog::embedded();
    for model in architectures(&catalog).0 {
        let of = |attribute: &str| number(&catalog, &[model], attribute);
        let is_hybrid = catalog.get("architecture", &[model], "kind") == Some(CatalogValue::Name("hybrid".into()));
        let (attention, feed_forward) = (of("attention_layers"), of("dense_mlp_layers") + of("moe_layers"));
        if is_hybrid {
            assert_eq!(attention + feed_forward + of("mamba_layers"), of("layers"), "{model}");
        } else {
            assert_eq!((attention, feed_forward), (of("layers"), of("layers")), "{model}");
        }
        let is_windowed = of("full_attention_layers") < attention;
        assert_eq!(catalog.get("architecture", &[model], "attention_window").is_some(), is_windowed, "{model}");
    }
}

#[test]
fn every_architecture_has_what_every_equation_needs() {
    let catalog = Catalog::embedded();
    let (language, diffusion) = architectures(&catalog);
    assert_eq!((language.len(), diffusion.len()), (30, 12));
    let both = ["family", "kind", "native_precision", "layers", "hidden", "heads", "head_dim", "total_params"];
    let of_language = ["kv_heads", "vocabulary", "kv_elements_per_token", "active_params", "state_bytes", "kv_shards"];
    let of_diffusion =
        ["text_tokens", "forwards_per_step", "token_pixels", "linear_params_per_token", "attention_flops_per_pair"];
    let check = |models: &[&str], names: &[&str]| {
        for (model, name) in models.iter().flat_map(|model| names.iter().map(move |name| (model, name))) {
            assert!(catalog.get("architecture", &[model], name).is_some(), "`{name}` of {model}");
        }
    };
    check(&language, &both);
    check(&diffusion, &both);
    check(&language, &of_language);
    check(&diffusion, &of_diffusion);
}

#[test]
fn quantities_are_in_si_and_have_one_dimension() {
    let catalog = Catalog::embedded();
    let gpu = |name: &str, attribute: &str| catalog.get("gpu", &[name], attribute).and_then(|value| value.number());
    assert_eq!(gpu("H100", "memory_bandwidth"), Some(3.35e12));
    assert_eq!(gpu("H200", "memory"), Some(141e9));
    assert_eq!(gpu("B200", "tdp"), Some(1000.0));
    assert_eq!(gpu("H100", "peak_flops_fp4"), None);
    assert_eq!(catalog.unit("gpu", "memory_bandwidth"), Some(Dimension::BYTES / Dimension::TIME));
    assert_eq!(catalog.unit("gpu", "sms"), Some(Dimension::ONE));
    assert_eq!(catalog.unit("gpu", "generation"), None);
    assert_eq!(catalog.unit("architecture", "state_bytes"), Some(Dimension::BYTES));
    assert_eq!(catalog.keys("task")[0], "gpqa");
    assert_eq!(catalog.get("task", &["gpqa"], "requests"), Some(CatalogValue::Number(198.0)));
}

#[test]
fn a_missing_key_falls_back_to_default() {
    let catalog = Catalog::embedded();
    let bytes = |model: &str, attribute: &str| {
        catalog.get("precision", &[model, "fp8"], attribute).and_then(|value| value.number())
    };
    let llama = "meta-llama/Llama-3.1-405B-Instruct";
    assert_eq!(bytes(llama, "attention_bytes"), Some(2.0));
    assert_eq!(bytes(llama, "embedding_bytes"), Some(2.0));
    assert_eq!(bytes("Qwen/Qwen3-32B", "attention_bytes"), Some(1.0));
    assert_eq!(catalog.get("precision", &[llama, "int3"], "attention_bytes"), None);
    assert!(catalog.origin("precision", &[llama, "fp8"], "attention_bytes").unwrap().source.contains("2407.21783"));
}

#[test]
fn a_users_file_adds_and_overrides() {
    let mine = r#"
        [gpu.H100]
        source = "our rack"
        like = "H100"
        tdp = "500 W"
        [gpu.MyChip]
        source = "guess"
        like = "H100"
        memory = "128 GB"
        [architecture."me/mine"]
        source = "me"
        like = "Qwen/Qwen3-8B"
        layers = 18
        attention_layers = 18
        dense_mlp_layers = 18
    "#;
    let catalog = Catalog::embedded().with_texts(&[("mine.toml", mine)]).unwrap();
    let watts = |name: &str| catalog.get("gpu", &[name], "tdp");
    assert_eq!(watts("H100"), Some(CatalogValue::Number(500.0)));
    assert_eq!(watts("MyChip"), Some(CatalogValue::Number(500.0)));
    assert_eq!(catalog.get("gpu", &["H100"], "sms"), Some(CatalogValue::Number(132.0)));
    assert_eq!(catalog.origin("gpu", &["H100"], "tdp").unwrap().source, "our rack");
    let attention = |model: &str| number(&catalog, &[model], "attention_params");
    assert_eq!(attention("me/mine"), attention("Qwen/Qwen3-8B") / 2.0);
}

#[test]
fn an_entry_of_a_known_name_replaces_it_and_nothing_else() {
    let mine = r#"
        [architecture."Qwen/Qwen3-8B"]
        source = "me"
        kind = "dense"
        layers = 18
    "#;
    let embedded = Catalog::embedded();
    let catalog = embedded.clone().with_texts(&[("mine.toml", mine)]).unwrap();
    assert_eq!(number(&catalog, &["Qwen/Qwen3-8B"], "layers"), 18.0);
    assert_eq!(catalog.get("architecture", &["Qwen/Qwen3-8B"], "hidden"), None);
    // The entries that were written as like the one of old are as they were.
    for attribute in embedded.attributes("architecture") {
        for model in ["Qwen/Qwen3-14B", "Qwen/Qwen3-32B", "Qwen/Qwen3-VL-32B-Instruct"] {
            let of = |catalog: &Catalog| catalog.get("architecture", &[model], attribute);
            assert_eq!(of(&catalog), of(&embedded), "`{attribute}` of {model}");
        }
    }
}

#[test]
fn a_folder_is_read_like_the_embedded_catalog() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/catalog");
    let (read, embedded) = (Catalog::read(&folder).unwrap(), Catalog::embedded());
    for table in embedded.tables() {
        let (mut ours, mut theirs) = (read.keys(table), embedded.keys(table));
        ours.sort_unstable();
        theirs.sort_unstable();
        assert_eq!(ours, theirs);
        assert_eq!(read.attributes(table), embedded.attributes(table));
    }
}

#[test]
fn every_model_of_the_public_data_is_known() {
    let Some(folder) = shared_data("mlenergy-v3") else { return };
    let text = std::fs::read_to_string(folder.join("index.json")).unwrap();
    let index: serde_json::Value = serde_json::from_str(&text).unwrap();
    let catalog = Catalog::embedded();
    let models = index["models"].as_object().unwrap();
    assert_eq!(models.len(), 46);
    for (checkpoint, published) in models {
        let (base, suffix) = split_precision(checkpoint);
        assert!(catalog.contains("architecture", &[base]), "{base}");
        let native = catalog.get("architecture", &[base], "native_precision").unwrap();
        let precision = suffix.unwrap_or_else(|| native.name().unwrap());
        let expected = published["weight_precision"].as_str().unwrap().replace("bfloat16", "bf16");
        assert_eq!(precision, expected, "{checkpoint}");
        let billions = published["total_params_billions"].as_f64().unwrap();
        let total = number(&catalog, &[base], "total_params") / 1e9;
        // The index rounds to billions, CogVideoX by its name and Qwen3-Omni without its encoders.
        assert!((total / billions - 1.0).abs() < 0.16, "{checkpoint}: {total} against {billions}");
    }
    for task in index["tasks"].as_array().unwrap() {
        assert!(catalog.contains("task", &[task.as_str().unwrap()]), "{task}");
    }
}

#[test]
fn faults_of_a_file_are_all_told_with_their_places() {
    insta::glob!("faulty/catalog/*.toml", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let error = Catalog::embedded().with_texts(&[(name, &text)]).unwrap_err();
        let mut message = String::new();
        GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
            .with_width(100)
            .render_report(&mut message, &error)
            .unwrap();
        insta::assert_snapshot!(message);
    });
}

/// Run with `cargo test --release -- --ignored --nocapture loading`.
#[test]
#[ignore = "a measurement"]
fn loading_takes_less_than_three_milliseconds() {
    let start = std::time::Instant::now();
    for _ in 0..20 {
        assert!(!Catalog::embedded().keys("gpu").is_empty());
    }
    let milliseconds = start.elapsed().as_secs_f64() * 1e3 / 20.0;
    println!("the embedded catalogs load in {milliseconds:.2} ms");
    assert!(milliseconds < 3.0);
}

proptest::proptest! {
    /// Files from strangers: whatever they hold, the answer is a catalog or a list of faults.
    #[test]
    fn no_file_makes_the_reader_panic(lines in proptest::collection::vec(
        proptest::sample::select(vec![
            "[gpu.A]", "[gpu.B]", "[gpu]", "[gpu.A.b]", "[gpu.\"\"]", "[[gpu.C]]", "[architecture.m]", "source = \"s\"",
            "like = \"A\"", "like = \"B\"", "like = \"m\"", "x = \"1 W\"", "x = -1", "x = \"-1 kB\"", "x = inf",
            "x.value = 2", "x = { value = { value = 1 }, source = 3 }", "kind = \"hybrid\"", "kind = \"mmdit\"",
            "hidden = 0", "attention_layers = 0", "mamba_layers = 1e300", "é = \"1é\"", "\u{0}", "'", "source = []",
        ]), 0..12,
    )) {
        let text = lines.join("\n");
        match Catalog::embedded().with_texts(&[("strange.toml", &text)]) {
            Ok(catalog) => assert!(catalog.contains("gpu", &["H100"])),
            Err(error) => assert!(!format!("{:?}", miette::Report::new(error)).is_empty()),
        }
    }
}
