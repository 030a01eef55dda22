//! Models given by their own `config.json`: against the catalog, against what is published, and what is refused.
//!
//! `tests/configs` holds the fields of the published files that bear on a model's shape.

use std::path::{Path, PathBuf};

use joules::catalog::{Catalog, CatalogFile, CatalogValue};
use joules::unit::Dimension;

use crate::commands::{answer, joules, json, message};
use crate::messages::drawn;
use crate::shared::Scratch;

fn config_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/configs").join(name).with_extension("json")
}

/// The embedded catalog with one of the configurations of `tests/configs` as `me/mine`.
fn with_config(name: &str) -> Catalog {
    let path = config_path(&format!("{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap();
    Catalog::embedded().with(&[CatalogFile::config(name, &text, "me/mine")]).unwrap()
}

fn number(catalog: &Catalog, attribute: &str) -> f64 {
    let value = catalog.get("architecture", &["me/mine"], attribute);
    value.and_then(|value| value.number()).unwrap_or_else(|| panic!("`{attribute}`"))
}

fn name(catalog: &Catalog, attribute: &str) -> String {
    catalog.get("architecture", &["me/mine"], attribute).unwrap().name().unwrap().to_owned()
}

fn unsure(catalog: &Catalog) -> String {
    catalog.origin("architecture", &["me/mine"], "layers").unwrap().unsure.clone().unwrap_or_default()
}

#[test]
fn configurations_say_what_the_catalog_says() {
    let cases = [
        ("qwen3-8b", "Qwen/Qwen3-8B"),
        ("qwen3-30b-a3b", "Qwen/Qwen3-30B-A3B"),
        ("qwen3-235b-a22b", "Qwen/Qwen3-235B-A22B-Instruct-2507"),
        ("llama-3.1-8b", "meta-llama/Llama-3.1-8B-Instruct"),
        ("gpt-oss-20b", "openai/gpt-oss-20b"),
        ("deepseek-v3", "deepseek-ai/DeepSeek-V3.1"),
        ("gemma-3-12b", "google/gemma-3-12b-it"),
        ("llama-4-scout", "meta-llama/Llama-4-Scout-17B-16E-Instruct"),
        ("llama-4-maverick", "meta-llama/Llama-4-Maverick-17B-128E-Instruct"),
        ("qwen3-vl-8b", "Qwen/Qwen3-VL-8B-Instruct"),
        ("nemotron-nano-9b-v2", "nvidia/NVIDIA-Nemotron-Nano-9B-v2"),
    ];
    // These are as the makers round them, or as a table says that nobody computes with.
    let apart = ["family", "published_total_params", "published_active_params"];
    for (file, model) in cases {
        let catalog = with_config(file);
        for attribute in catalog.attributes("architecture") {
            if apart.contains(&attribute) {
                continue;
            }
            let ours = catalog.get("architecture", &["me/mine"], attribute);
            let theirs = catalog.get("architecture", &[model], attribute);
            match (&ours, &theirs) {
                (Some(CatalogValue::Number(ours)), Some(CatalogValue::Number(theirs))) => {
                    // Biases, norms and class tokens of an encoder weigh so little.
                    assert!(
                        (ours - theirs).abs() <= 0.005 * theirs.abs(),
                        "`{attribute}` of {model}: {ours}, {theirs}"
                    );
                }
                _ => assert_eq!(ours, theirs, "`{attribute}` of {model}"),
            }
        }
    }
}

#[test]
fn configurations_make_up_the_published_weights() {
    // Weights of the loaded checkpoints in billions; those that one token is multiplied with, where the makers tell.
    let cases = [
        ("mixtral-8x7b", 46.70, Some(12.9)),
        ("gemma-2-9b", 9.24, None),
        ("mistral-7b-v0.1", 7.24, None),
        ("deepseek-v2-lite", 15.71, Some(2.66)),
        ("qwen2.5-vl-7b", 8.29, None),
        ("qwen3-next-80b-a3b", 79.67, None),
        ("qwen2-0.5b", 0.494, None),
    ];
    for (file, total, active) in cases {
        let catalog = with_config(file);
        let found = number(&catalog, "total_params") / 1e9;
        assert!((found / total - 1.0).abs() < 0.005, "{file}: {found} of {total}");
        if let Some(active) = active {
            // With the input embedding or without, as it pleased the makers.
            let found = number(&catalog, "active_params") / 1e9;
            let embedding = number(&catalog, "head_params") / 1e9;
            assert!(found < active * 1.01 && active < (found + embedding) * 1.01, "{file}: {found} of {active}");
        }
    }
}

#[test]
fn windows_follow_the_rule_of_the_class() {
    let windowed = |file: &str| {
        let catalog = with_config(file);
        (number(&catalog, "full_attention_layers"), number(&catalog, "attention_window"))
    };
    assert_eq!(windowed("gemma-2-9b"), (21.0, 4096.0));
    assert_eq!(windowed("mistral-7b-v0.1"), (0.0, 4096.0));
    let recurrent = with_config("qwen3-next-80b-a3b");
    assert_eq!((number(&recurrent, "attention_layers"), number(&recurrent, "mamba_layers")), (12.0, 36.0));
    assert_eq!(recurrent.unit("architecture", "state_bytes"), Some(Dimension::BYTES));
    // One matrix of 128 x 128 for each of 32 heads, in fp32, and a window of three tokens.
    assert_eq!(number(&recurrent, "state_bytes"), 36.0 * (32.0 * 128.0 * 128.0 * 4.0 + 3.0 * 8192.0 * 2.0));
}

#[test]
fn a_mixture_may_begin_with_dense_layers() {
    let catalog = with_config("glm-4.5-air");
    assert_eq!((number(&catalog, "dense_mlp_layers"), number(&catalog, "moe_layers")), (1.0, 45.0));
    // 106 billion, as its makers round it.
    assert!((number(&catalog, "total_params") / 1e9 - 106.0).abs() < 1.0);
    assert!((number(&catalog, "active_params") / 1e9 - 12.0).abs() < 1.0);
}

#[test]
fn what_the_file_leaves_to_its_class_is_said() {
    let said = unsure(&with_config("gemma-3-12b"));
    for part in ["head_dim: not in the file, 256 is the default", "vocab_size", "tie_word_embeddings", "layer_types"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert_eq!(unsure(&with_config("qwen3-8b")), "");
    assert!(unsure(&with_config("qwen3-next-80b-a3b")).contains("gated delta networks"));
}

#[test]
fn a_quantized_file_has_its_own_precision() {
    let case = |quantization: &str, expected: &str| {
        let text = std::fs::read_to_string(config_path("qwen3-8b.json")).unwrap();
        let text = text.replacen('{', &format!("{{\"quantization_config\": {quantization},"), 1);
        let catalog = Catalog::embedded().with(&[CatalogFile::config("q.json", &text, "me/mine")]).unwrap();
        assert_eq!(name(&catalog, "native_precision"), expected);
    };
    case(r#"{"quant_method": "fp8", "weight_block_size": [128, 128]}"#, "fp8");
    case(r#"{"quant_method": "fbgemm_fp8"}"#, "fp8");
    case(
        r#"{"quant_method": "compressed-tensors",
            "config_groups": {"group_0": {"weights": {"num_bits": 8, "type": "float"}}}}"#,
        "fp8",
    );
}

#[test]
fn faults_of_a_configuration_are_all_told_with_their_places() {
    insta::glob!("faulty/config/*.json", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let error = Catalog::embedded().with(&[CatalogFile::config(name, &text, "me/mine")]).expect_err(name);
        insta::assert_snapshot!(drawn(&error));
    });
}

proptest::proptest! {
    /// Files from strangers: whatever they hold, the answer is an entry or a list of faults.
    #[test]
    fn no_configuration_makes_the_reader_panic(
        file in proptest::sample::select(vec!["gemma-3-12b", "deepseek-v3", "llama-4-scout", "nemotron-nano-9b-v2"]),
        at in 0_usize..60,
        value in proptest::sample::select(vec!["0", "-1", "1e308", "null", "[]", "[0]", "{}", "\"\"", "\"é\"", "1e9", "0.5"]),
    ) {
        let text = std::fs::read_to_string(config_path(&format!("{file}.json"))).unwrap();
        let fields: Vec<usize> = text.match_indices("\": ").map(|(at, found)| at + found.len()).collect();
        let start = fields[at % fields.len()];
        let end = start + text[start..].find([',', '\n']).unwrap();
        let text = format!("{}{value}{}", &text[..start], &text[end..]);
        match Catalog::embedded().with(&[CatalogFile::config("strange.json", &text, "me/mine")]) {
            Ok(catalog) => assert!(catalog.contains("architecture", &["me/mine"])),
            Err(error) => assert!(!drawn(&error).is_empty()),
        }
    }
}

/// A sweep of two runs of a model that nobody has described.
fn sweep(scratch: &Scratch, model: &str) -> String {
    let header = "id,task,model,precision,gpu,gpus,batch_size,output_tokens,power_w,itl_p50_s,throughput_per_s,\
                  energy_per_token_j,running_batch";
    let rows = [
        format!("a,lm-arena-chat,{model},bf16,H100,1,16,500,520,0.012,1333,0.39,16"),
        format!("b,lm-arena-chat,{model},bf16,H100,1,64,500,600,0.018,3555,0.169,64"),
    ];
    let path = scratch.write("sweep.csv", &format!("{header}\n{}\n", rows.join("\n")));
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_model_outside_the_catalog_is_diagnosed_by_its_configuration() {
    let scratch = Scratch::new();
    let runs = sweep(&scratch, "me/mixtral");
    let call = ["diagnose", "a", "b", "--runs", &runs];
    let told = message(2, &call);
    assert!(told.contains("the catalog has no architecture `me/mixtral`"), "{told}");
    assert!(told.contains("--architecture me/mixtral=PATH"), "{told}");

    let config = format!("me/mixtral={}", config_path("mixtral-8x7b.json").display());
    let told = joules(&[&call[..], &["--architecture", &config]].concat());
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(told.out.contains("batch_size"), "{}", told.out);
    assert_eq!(
        told.err,
        "architecture `me/mixtral`: moe, 32 layers, 46.70 billion weights of which 12.75 \
         active, bf16\n"
    );
    // Also before the command, and the answer to a program is nothing but the answer.
    let answer = json(&[&["--architecture", &config], &call[..], &["--format", "json"]].concat());
    assert_eq!(answer["verdict"], "different");
}

#[test]
fn a_model_and_a_gpu_are_stated_in_a_toml() {
    let scratch = Scratch::new();
    let runs = sweep(&scratch, "me/mine");
    let text = std::fs::read_to_string(&runs).unwrap().replace("H100", "H123");
    std::fs::write(&runs, text).unwrap();
    let mine = scratch.write(
        "cat/mine.toml",
        "[architecture.\"me/mine\"]\nsource = \"me\"\nlike = \"Qwen/Qwen3-8B\"\nlayers = 30\nattention_layers = 30\n\
         dense_mlp_layers = 30\n[gpu.H123]\nsource = \"data sheet\"\nlike = \"H100\"\nmemory_bandwidth = \"4 TB/s\"\n",
    );
    let call = ["diagnose", "a", "b", "--runs", &runs];
    assert!(message(2, &call).contains("`H123`"));
    for (option, path) in
        [("--architecture", mine.as_path()), ("--catalog", &mine), ("--catalog", mine.parent().unwrap())]
    {
        assert!(answer(&[&call[..], &[option, path.to_str().unwrap()]].concat()).contains("batch_size"));
    }
}

#[test]
fn what_cannot_be_added_to_the_catalog_is_told() {
    let scratch = Scratch::new();
    let told = |option: &str, argument: &str| message(2, &["graph", option, argument]);
    let config = config_path("qwen3-8b.json");
    let config = config.to_str().unwrap();
    assert!(told("--architecture", "absent.json").contains("cannot read `absent.json`"));
    assert!(told("--catalog", "absent").contains("cannot read `absent`"));
    assert!(told("--architecture", &format!("={config}")).contains("no name before the `=`"));
    assert!(told("--architecture", "Qwen/Qwen3-8B=").contains("no path behind the `=`"));
    assert!(told("--architecture", "data/h200-vllm.csv").contains("neither a catalog (`.toml`) nor"));
    assert!(told("--catalog", config).contains("neither a catalog (`.toml`) nor"));
    assert!(told("--catalog", scratch.path().to_str().unwrap()).contains("holds no file of a catalog"));
    assert!(told("--architecture", "x=models/catalog/gpus.toml").contains("a TOML names its architectures itself"));
    let typo = scratch.write("typo.toml", "[gpu.X1]\nsource = \"data sheet\"\nmemory_bandwith = \"4 TB/s\"\n");
    assert!(told("--catalog", typo.to_str().unwrap()).contains("did you mean `memory_bandwidth`?"));
}

#[test]
fn a_checkpoint_with_a_precision_in_its_name_describes_its_base_model() {
    let scratch = Scratch::new();
    let text = std::fs::read_to_string(config_path("qwen3-8b.json")).unwrap();
    let text = text.replacen(
        '{',
        "{\"_name_or_path\": \"me/Mine-FP8\", \"quantization_config\": {\"quant_method\": \"fp8\"},",
        1,
    );
    scratch.write("model/config.json", &text);
    let folder = scratch.path().join("model");
    let told = joules(&["graph", "--architecture", folder.to_str().unwrap()]);
    assert_eq!(told.code, 0);
    assert!(told.err.contains("`me/Mine`: dense, 36 layers") && told.err.contains("bf16 is assumed"), "{}", told.err);
}
