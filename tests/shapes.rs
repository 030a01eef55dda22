//! Shapes in which public files of other tools differ from their plainest form.

use joules::import::{Detected, Given, ImportError, Options, detect, import};
use joules::runs::{Run, Sweep};

use crate::shared::Scratch;

const GIVEN: [&str; 4] = ["gpu=H100", "gpus=8", "batch_size=8", "model=a/b"];

fn imported(name: &str, text: &str) -> Result<(Detected, Vec<Sweep>), ImportError> {
    let scratch = Scratch::new();
    let path = scratch.write(name, text);
    let format = detect(&path)?;
    let options = Options { given: Given::parse(&GIVEN).unwrap(), ..Options::default() };
    Ok((format, import(format, &path, &options)?))
}

/// The only run of a text.
fn run(name: &str, text: &str) -> Run {
    let (_, sweeps) = imported(name, text).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(sweeps[0].runs.len(), 1, "{name}");
    sweeps[0].runs[0].clone()
}

fn refused(name: &str, text: &str) -> String {
    imported(name, text).map(|found| panic!("{name} was read: {found:?}")).unwrap_err().to_string()
}

fn caveats(run: &Run) -> &str {
    run.details.get("caveats").map_or("", String::as_str)
}

/// A report with one engine of this role, and a router beside it.
fn llm_d(role: &str, replicas: u32) -> String {
    format!(
        "version: 0.2.1\nrun: {{uid: u}}\nscenario:\n  load:\n    standardized: {{concurrency: .inf, rate_qps: 10.0}}\n  \
         stack:\n  - standardized: {{kind: inference_engine, role: {role}, replicas: {replicas}, tool: vllm, model: {{name: a/b}}, \
         accelerator: {{count: 8, model: NVIDIA-H100-80GB-HBM3, parallelism: {{tp: 8, pp: 1}}}}}}\n  - standardized: {{kind: \
         generic}}\nresults:\n  request_performance:\n    aggregate:\n      latency:\n        time_to_first_token: {{p50: 0.04, \
         units: s}}\n        inter_token_latency: {{p50: 0.01}}\n      throughput:\n        output_token_rate: {{mean: 2000.0, \
         units: tokens/s}}\n  observability:\n    components:\n    - aggregate:\n        kv_cache_usage: {{mean: 42.5, units: \
         percent}}\n        running_requests: {{mean: 24.6, units: count}}\n      component_label: vllm\n    - aggregate:\n        \
         running_requests: {{mean: 12.3, units: count}}\n      component_label: epp\n"
    )
}

#[test]
fn a_report_of_llm_d_may_have_a_router_and_a_load_without_limit() {
    let own = run("br.yaml", &llm_d("decode", 1));
    assert_eq!((own.metrics["throughput"], own.metrics["ttft_p50"]), (2000.0, 0.04));
    assert_eq!((own.observed["kv_cache_use"], own.observed["running_batch"]), (0.425, 24.6));
    assert!(!own.conditions.contains_key("concurrency") && own.number("request_rate") == Some(10.0));
    // A number without its unit is not guessed at.
    assert!(!own.metrics.contains_key("itl_p50") && caveats(&own).contains("no_unit"), "{}", caveats(&own));
    assert!(refused("br.yaml", &llm_d("prefill", 1)).contains("prefill and decode run on GPUs of their own"));
    assert!(refused("br.yaml", &llm_d("replica", 2)).contains("several engines stand behind one endpoint"));
}

#[test]
fn a_row_of_inferencex_may_name_its_degrees_by_phase() {
    let row = |disagg: &str| {
        format!(
            "[{{\"hw\": \"b300\", \"conc\": 16, \"framework\": \"trt\", {disagg} \"is_multinode\": false, \"num_prefill_gpu\": 8, \
             \"num_decode_gpu\": 8, \"decode_tp\": 8, \"decode_ep\": 8, \"decode_dp_attention\": true, \"isl\": 8192, \"osl\": \
             1025, \"precision\": \"fp4\", \"model\": \"a/b\", \"output_tput_per_gpu\": 272.0, \"median_ttft\": 1.1}}]"
        )
    };
    let own = run("agg.json", &row("\"disagg\": false,"));
    assert_eq!((own.metrics["throughput"], own.number("tensor_parallel")), (2176.0, Some(8.0)));
    assert_eq!((own.number("expert_parallel"), own.number("data_parallel")), (Some(8.0), Some(8.0)));
    assert!(refused("agg.json", &row("\"disagg\": true,")).contains("prefill and decode run on GPUs of their own"));
    assert!(refused("agg.json", &row("")).contains("prefill and decode run on GPUs of their own"));
}

#[test]
fn power_of_aiperf_is_of_the_counter_where_there_is_one() {
    let text = r#"{"aiperf_version": "0.13.0", "output_token_throughput": {"unit": "tokens/sec", "avg": 50.0},
        "nvidia_total_gpu_energy": {"unit": "J", "avg": 1000.0}, "benchmark_duration": {"unit": "sec", "avg": 10.0},
        "nvidia_average_gpu_power": {"unit": "W", "avg": 100.0}, "nvidia_total_gpu_power": {"unit": "W", "avg": 200.0},
        "nvidia_energy_per_output_token": {"unit": "mJ/token", "avg": 2000.0}}"#;
    let own = run("profile_export_aiperf.json", text);
    assert_eq!((own.metrics["power"], own.metrics["energy_per_token"]), (100.0, 2.0));
    assert!(caveats(&own).contains("power_disagrees"), "{}", caveats(&own));
    let native = r#"{"schema_version": "2.0", "aiperf_version": "0.14", "run": {}, "summary": {}, "metrics": {"request_latency": {}}}"#;
    assert!(refused("native.json", native).contains("import the `profile_export_aiperf.json` beside it"));
    let server = r#"{"schema_version": "1.0", "aiperf_version": "0.3.0", "summary": {"endpoints_configured": []}}"#;
    assert!(
        refused("server_metrics_export.json", server).contains("import the `profile_export_aiperf.json` beside it")
    );
}

#[test]
fn results_of_kin_of_vllm_bench_are_told_apart_by_their_fields() {
    let sglang = r#"{"backend": "sglang", "request_rate": "inf", "max_concurrency": 64, "duration": 10, "completed": 9,
        "request_throughput": 0.9, "output_throughput": 500.0, "median_itl_ms": 11.0, "concurrency": 43.7}"#;
    let own = run("online.jsonl", &sglang.replace('\n', " "));
    assert_eq!((own.number("concurrency"), own.details["mean_concurrency"].as_str()), (Some(64.0), "43.7"));
    // InferenceX adds the time of day to it, so that a power log can be joined.
    let scratch = Scratch::new();
    let log =
        scratch.write("log.csv", "timestamp, index, power.draw [W]\n1700000000, 0, 400 W\n1700000020, 0, 400 W\n");
    let timed = r#"{"request_throughput": 1, "output_throughput": 200, "duration": 10,
        "benchmark_start_time_unix": 1700000005.0, "benchmark_end_time_unix": 1700000015.0}"#;
    let path = scratch.write("bench.json", timed);
    let sweeps = import(Detected::VllmBench, &path, &Options { power: Some(&log), ..Options::default() }).unwrap();
    let joined = &sweeps[0].runs[0];
    assert_eq!((joined.metrics["power"], joined.metrics["energy_per_token"]), (400.0, 2.0));
}

#[test]
fn a_log_of_dmon_may_have_commas() {
    let text = "#gpu, pwr, gtemp, mtemp, sm, mem, enc, dec, jpg, ofa, mclk, pclk\n#Idx, W, C, C, %, %, %, %, %, %, MHz, MHz\n\
                0, 300, 50, -, 90, 40, 0, 0, 0, 0, 2619, 1900\n0, 320, 51, -, 95, 42, 0, 0, 0, 0, 2619, 1900\n";
    let own = run("dmon.csv", text);
    assert_eq!((own.metrics["power"], own.observed["sm_clock_mean"]), (310.0, 1.9e9));
}
