//! Runs as other programs read them, and as they come back.

use joules::runs::{Run, Store, Value};

use crate::commands::{answer, joules, message};
use crate::shared::Scratch;

/// The runs of a store.
fn runs(folder: &str) -> Vec<Run> {
    Store::read(folder.as_ref()).unwrap().runs().cloned().collect()
}

/// A store of two runs of one configuration, one in FP8, one that lacks its window, and one with a wicked name.
fn store(scratch: &Scratch) -> String {
    let text = "id,task,prompt_tokens,output_tokens,model,precision,gpu,gpus,tensor_parallel,batch_size,concurrency,engine,\
                running_batch,energy_per_token_j,power_w,throughput_per_s,itl_p50_s,itl_p90_s,itl_p95_s,itl_p99_s,ttft_p50_s,\
                detail.window_s,detail.energy_j,detail.bound_j,detail.requests_finished,detail.requests_failed\n\
                s/b=64,gpqa,200,600,Qwen/Qwen3-8B,bf16,H200,1,1,64,64,vllm,63.5,0.15,500,3333.25,0.02,0.03,0.04,0.08,0.5,30,15000,30,120,0\n\
                s/b=64#2,gpqa,200,600,Qwen/Qwen3-8B,bf16,H200,1,1,64,64,vllm,63.1,0.151,501,3317.5,0.02,0.03,0.04,0.08,0.5,30,15030,30,121,2\n\
                s/fp8,gpqa,200,600,Qwen/Qwen3-8B,fp8,H200,2,2,64,64,vllm,63.5,0.1,900,9000,0.01,0.02,0.03,0.05,0.4,30,27000,30,300,0\n\
                s/none,gpqa,200,600,Qwen/Qwen3-8B,bf16,H200,1,1,8,8,vllm,8,0.3,400,1333,0.01,0.02,0.03,0.05,0.4,,,,,\n\
                \"..//\"\"w\\x\",gpqa,200,600,Qwen/Qwen3-8B,bf16,H200,1,1,16,16,sglang,16,0.2,400,2000,0.01,0.02,0.03,0.05,0.4,30,12000,30,90,0\n";
    let path = scratch.write("store/s.csv", text);
    path.parent().unwrap().display().to_string()
}

#[test]
fn what_is_exported_as_results_of_the_benchmark_comes_back_as_the_same_runs() {
    let scratch = Scratch::new();
    let store = store(&scratch);
    let (tree, back) = (scratch.path().join("tree"), scratch.path().join("back"));
    let (tree, back) = (tree.display().to_string(), back.display().to_string());
    let told = answer(&["runs", "--runs", &store, "--format", "mlenergy", "--out", &tree]);
    assert!(told.contains("Exported 4 runs") && told.contains("s/none: not known: window_s"), "{told}");
    assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
    answer(&["import", "mlenergy", &tree, "--out", &back]);
    let (before, after) = (runs(&store), runs(&back));
    assert_eq!(after.len(), 4);
    let detail = |run: &Run, name: &str| run.details[name].parse::<f64>().unwrap();
    for old in before.iter().filter(|run| run.id != "s/none") {
        let is_same = |new: &&Run| (detail(new, "energy_j") - detail(old, "energy_j")).abs() < 1e-6;
        let new = after.iter().find(is_same).unwrap();
        for (name, value) in &old.conditions {
            let is_told = !matches!(name.as_str(), "tensor_parallel") && value != &Value::Name("sglang".to_owned());
            assert_eq!(new.conditions.get(name), is_told.then_some(value), "{name}");
        }
        for (name, value) in old.metrics.iter().filter(|(name, _)| !name.starts_with("ttft")) {
            assert!((new.metrics[name] / value - 1.0).abs() < 0.002, "{name}: {} is not {value}", new.metrics[name]);
        }
        let is_of_vllm = old.name("engine") == Some("vllm");
        assert_eq!(new.observed.get("running_batch"), old.observed.get("running_batch").filter(|_| is_of_vllm));
    }
    // The tree is that of the loader: eleven folders deep, with the sizes and degrees that it asks for.
    let root = scratch.path().join("tree");
    let config = root.join("configs/vllm/gpqa/Qwen/Qwen3-8B-FP8");
    let info: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(config.join("model_info.json")).unwrap()).unwrap();
    assert_eq!(info["architecture"], "Dense");
    assert!((info["total_parameters_billion"].as_f64().unwrap() - 8.2).abs() < 0.2, "{info}");
    let degrees = std::fs::read_to_string(config.join("H200/monolithic.config.yaml")).unwrap();
    assert_eq!(degrees, "tensor-parallel-size: 2\n");
    let folder = "llm/h200/current/run/llm/gpqa/results/Qwen/Qwen3-8B/H200/num_gpus+1+max_num_seqs+64+run+s_b_64";
    assert!(root.join(folder).join("results.json").is_file() && root.join(folder).join("prometheus.json").is_file());
}

#[test]
fn a_tree_needs_a_folder_and_runs_that_can_be_results() {
    let scratch = Scratch::new();
    let store = store(&scratch);
    let none = message(2, &["runs", "--runs", &store, "--format", "mlenergy"]);
    assert!(none.contains("no folder is named") && none.contains("--out DIR"), "{none}");
    let out = scratch.path().join("tree").display().to_string();
    let told = joules(&["runs", "s/none", "--runs", &store, "--format", "mlenergy", "--out", &out]);
    assert_eq!(told.code, 2);
    assert!(told.err.contains("of 1 run none can be exported") && told.err.contains("window_s"), "{}", told.err);
    assert!(!scratch.path().join("tree").exists());
}

#[cfg(feature = "measure")]
#[test]
fn gauges_are_read_back_as_they_were_measured() {
    use joules::measure::telemetry::parse;
    let scratch = Scratch::new();
    let store = store(&scratch);
    let text = answer(&["runs", "--runs", &store, "--format", "openmetrics"]);
    assert!(text.ends_with("# EOF\n"));
    let page = parse(&text);
    assert!(page.faults.is_empty(), "{:?}", page.faults);
    for run in runs(&store) {
        let of = |name: &str| {
            page.samples.iter().find(|own| own.name == name && own.labels["run"] == run.id).map(|own| own.value)
        };
        assert_eq!(of("joules_energy_per_token_joules"), run.metrics.get("energy_per_token").copied());
        assert_eq!(of("joules_window_seconds"), run.details.get("window_s").map(|own| own.parse().unwrap()));
        assert_eq!(of("joules_run_info"), Some(1.0));
    }
    // Samples of a gauge stand together below its HELP, TYPE and UNIT.
    let names: Vec<&str> = page.samples.iter().map(|own| own.name.as_str()).collect();
    let mut seen: Vec<&str> = names.clone();
    seen.dedup();
    let count = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), count, "{names:?}");
    assert_eq!(text.matches("# TYPE ").count(), count);
}
