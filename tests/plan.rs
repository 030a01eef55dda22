//! Plans as people meet them: what is asked, what is answered, what a mistake is told.

use serde_json::Value as Json;

use crate::commands::{answer, joules, json, message};
use crate::shared::Scratch;

/// A smallest plan, for programs; its demand and its GPUs may be added to.
const CHAT: [&str; 8] =
    ["plan", "--model", "Qwen/Qwen3-32B", "--task", "lm-arena-chat", "--format", "json", "--set=gpus=1,2,4"];

fn chat(more: &[&str]) -> Json {
    json(&[&CHAT[..], more].concat())
}

fn number(json: &Json, path: &str) -> f64 {
    json.pointer(path).and_then(Json::as_f64).unwrap_or_else(|| panic!("no number at {path}"))
}

/// What the best plan takes, W.
fn power(plan: &Json) -> f64 {
    number(plan, "/deployments/0/power_w")
}

#[test]
fn a_model_a_task_and_a_demand_are_a_plan() {
    let plan = chat(&["--demand", "20000 tokens/s"]);
    assert_eq!(plan["goal"], "energy");
    assert_eq!(number(&plan, "/limits/services/0/demand"), 20000.0);
    let all = plan["deployments"].as_array().unwrap();
    for own in all {
        assert!(number(own, "/supply") >= 20000.0 * (1.0 - 1e-6));
        assert!(power(&plan) <= number(own, "/power_w") * (1.0 + 1e-6), "the first is the best");
        let [low, high] = [number(own, "/interval/0"), number(own, "/interval/1")];
        assert!(low < number(own, "/energy_per_token_j") && number(own, "/energy_per_token_j") < high);
        assert!((number(own, "/energy_per_token_j") / (number(own, "/power_w") / 20000.0) - 1.0).abs() < 1e-9);
        let sum =
            |key: &str| own["parts"].as_array().unwrap().iter().map(|part| part[key].as_f64().unwrap()).sum::<f64>();
        assert!((sum("power_w") / number(own, "/power_w") - 1.0).abs() < 1e-9);
        assert_eq!(sum("replicas"), number(own, "/replicas"));
        assert_eq!(sum("gpus"), number(own, "/gpus"));
    }
    let counted: u64 = plan["rejected"].as_array().unwrap().iter().map(|own| own["count"].as_u64().unwrap()).sum();
    assert!(counted < plan["considered"].as_u64().unwrap(), "not every configuration is left out");
    let keys: Vec<&String> = plan.as_object().unwrap().keys().collect();
    insta::assert_snapshot!(
        "plan_keys",
        format!("{keys:?}\n{:?}", all[1].as_object().unwrap().keys().collect::<Vec<_>>())
    );
}

#[test]
fn limits_are_kept_by_every_plan() {
    let limits = ["--demand", "9000 tokens/s", "--limit", "itl_p50=40ms", "--gpu", "H100=8", "--power-budget", "9 kW"];
    let plan = chat(&[&limits[..], &["--pue", "1.2"]].concat());
    for own in plan["deployments"].as_array().unwrap() {
        assert!(number(own, "/itl_p50_s") <= 0.04);
        assert!(number(own, "/gpus_by_type/H100") <= 8.0);
        assert!(number(own, "/site_power_w") <= 9000.0 * (1.0 + 1e-6));
        assert!((number(own, "/site_power_w") / number(own, "/power_w") - 1.2).abs() < 1e-9);
        assert_eq!(own["holds"].as_array().unwrap().len(), 3);
    }
}

#[test]
fn a_file_and_options_give_the_same_bytes() {
    let scratch = Scratch::new();
    let file = scratch.write(
        "plan.toml",
        r#"
        goal = "cost"
        robust = "80%"
        power_budget = "20 kW"
        pue = 1.3
        electricity_price = "0.12 USD/kWh"
        carbon_intensity = "350 g/kWh"
        gpu = { H100 = 16, B200 = 8 }
        gpu_price = { H100 = "2.5 USD/h", B200 = "5.5 USD/h" }
        [[service]]
        model = "Qwen/Qwen3-32B"
        task = "lm-arena-chat"
        demand = "9000 tokens/s"
        limit = { itl_p50 = "60 ms" }
        set = { gpus = [1, 2], batch_size = "8..1024" }
        "#,
    );
    let options = [
        "--model",
        "Qwen/Qwen3-32B",
        "--task",
        "lm-arena-chat",
        "--demand",
        "9000 tokens/s",
        "--limit",
        "itl_p50=60 ms",
        "--set",
        "gpus=1,2",
        "--set",
        "batch_size=8..1024",
        "--gpu",
        "H100=16",
        "--gpu",
        "B200=8",
        "--gpu-price",
        "H100=2.5 USD/h",
        "--gpu-price",
        "B200=5.5 USD/h",
        "--power-budget",
        "20kW",
        "--pue",
        "1.3",
        "--electricity-price",
        "0.12 USD/kWh",
        "--carbon-intensity",
        "350 g/kWh",
        "--goal",
        "cost",
        "--robust",
        "80%",
    ];
    for format in ["json", "text"] {
        let by_options = answer(&[&["plan", "--format", format], &options[..]].concat());
        assert_eq!(answer(&["plan", file.to_str().unwrap(), "--format", format]), by_options);
        assert!(format == "json" || by_options.lines().all(|line| line.chars().count() <= 80), "{by_options}");
    }
    let replaced = json(&["plan", file.to_str().unwrap(), "--format", "json", "--goal", "energy"]);
    assert_eq!(replaced["goal"], "energy");
}

#[test]
fn more_power_never_worsens_a_plan_and_a_tighter_latency_never_improves_it() {
    let gpus = ["--gpu", "H100=8,B200=4", "--goal", "throughput"];
    let served =
        |budget: &str| number(&chat(&[&gpus[..], &["--power-budget", budget]].concat()), "/deployments/0/throughput");
    let by_budget = ["2 kW", "3 kW", "5 kW", "8 kW"].map(served);
    assert!(by_budget.windows(2).all(|pair| pair[0] <= pair[1] * (1.0 + 1e-6)), "{by_budget:?}");
    let taken = |limit: &str| power(&chat(&["--demand", "15000 tokens/s", "--limit", limit]));
    let by_latency = ["itl_p50=20ms", "itl_p50=30ms", "itl_p50=50ms", "itl_p50=90ms"].map(taken);
    assert!(by_latency.windows(2).all(|pair| pair[0] * (1.0 + 1e-6) >= pair[1]), "{by_latency:?}");
}

#[test]
fn a_plan_that_holds_more_surely_is_never_better() {
    let asked = ["--demand", "9000 tokens/s", "--limit", "itl_p50=60ms", "--power-budget", "60 kW"];
    let plans = ["50%", "80%", "95%"].map(|robust| chat(&[&asked[..], &["--robust", robust]].concat()));
    assert!(plans.windows(2).all(|pair| power(&pair[0]) <= power(&pair[1]) * (1.0 + 1e-6)));
    for (plan, robust) in plans.iter().zip([0.5, 0.8, 0.95]) {
        assert!(number(plan, "/deployments/0/safe_at") >= robust - 1e-4);
    }
}

#[test]
fn what_a_plan_lacks_is_said_and_is_enough() {
    let asked = ["--demand", "15000 tokens/s", "--limit", "itl_p50=30ms", "--gpu", "H100=4"];
    let told = joules(&[&CHAT[..], &asked].concat());
    assert_eq!(told.code, 3, "{}", told.err);
    let plan: Json = serde_json::from_str(&told.out).unwrap();
    assert_eq!(plan["feasible"], false);
    assert_eq!(plan["deployments"].as_array().unwrap().len(), 0);
    let needed = |limit: &str| {
        let own = plan["relaxations"].as_array().unwrap().iter().find(|own| own["limit"] == limit);
        own.and_then(|own| own["needed"].as_f64())
    };
    let gpus = needed("gpu H100").unwrap();
    assert!(gpus > 4.0);
    let feasible = |gpus: f64| {
        let gpu = format!("H100={gpus}");
        joules(&[&CHAT[..], &asked[..4], &["--gpu", &gpu]].concat()).code == 0
    };
    assert!(feasible(gpus) && !feasible(gpus - 1.0));
    let demand = needed("demand").unwrap();
    let carried = |demand: f64| {
        let demand = format!("{demand} tokens/s");
        joules(&[&CHAT[..], &["--demand", &demand], &asked[2..]].concat()).code == 0
    };
    assert!(carried(demand * 0.9999) && !carried(demand * 1.001));
}

#[test]
fn the_largest_service_of_a_power_budget_is_found() {
    let plan = chat(&["--power-budget", "10 kW", "--pue", "1.25"]);
    assert_eq!(plan["goal"], "throughput");
    let site = number(&plan, "/deployments/0/site_power_w");
    assert!((8000.0..=10000.0).contains(&site), "{site}");
    let served = number(&plan, "/deployments/0/throughput");
    for own in &plan["deployments"].as_array().unwrap()[1..] {
        assert!(number(own, "/throughput") <= served * (1.0 + 1e-6));
    }
    assert!(message(2, &CHAT).contains("nothing limits how much can be served"));
}

#[test]
fn every_goal_is_best_at_what_it_is_for() {
    let prices = ["--demand", "9000 tokens/s", "--gpu", "H100,B200", "--gpu-price", "H100=2 USD/h,B200=6 USD/h"];
    let site = ["--electricity-price", "0.1 USD/kWh", "--carbon-intensity", "300 g/kWh", "--set", "batch_size=8..512"];
    let plan = |goal: &str| chat(&[&prices[..], &site[..], &["--goal", goal]].concat());
    let plans = ["energy", "cost", "carbon", "gpus", "latency"].map(plan);
    let least = |index: usize, path: &str| {
        let own = number(&plans[index], path);
        assert!(plans.iter().all(|other| own <= number(other, path) * (1.0 + 1e-6)), "{path}");
    };
    least(0, "/deployments/0/power_w");
    least(1, "/deployments/0/cost");
    least(2, "/deployments/0/carbon_g_per_h");
    least(3, "/deployments/0/gpus");
    least(4, "/deployments/0/itl_p50_s");
}

#[test]
fn a_demand_over_the_day_is_planned_at_each_time() {
    let scratch = Scratch::new();
    let text = "time [h],demand [requests/s],carbon_intensity [g/kWh]\n0,5,300\n6,20,200\n12,40,100\n18,0,250\n";
    let file = scratch.write("day.csv", text);
    let demand = file.to_str().unwrap();
    let plan = chat(&["--demand", demand, "--set", "output_tokens=500", "--goal", "carbon"]);
    let intervals = plan["intervals"].as_array().unwrap();
    assert_eq!(intervals.len(), 4);
    assert_eq!(number(&intervals[3], "/deployment/power_w"), 0.0);
    let served = |index: usize| number(&intervals[index], "/deployment/supply");
    assert!(served(0) >= 5.0 * 0.999_999 && served(2) >= 40.0 * 0.999_999);
    let energy: f64 = intervals.iter().map(|own| number(own, "/deployment/site_power_w") * 6.0 * 3600.0).sum();
    assert!((number(&plan, "/totals/site_energy_j") / energy - 1.0).abs() < 1e-9);
    let most = intervals.iter().map(|own| number(own, "/deployment/gpus")).fold(0.0, f64::max);
    assert!(number(&plan, "/totals/gpus") >= most);
    let carbon: f64 = intervals.iter().map(|own| number(own, "/deployment/carbon_g_per_h") * 6.0).sum();
    assert!((number(&plan, "/totals/carbon_g") / carbon - 1.0).abs() < 1e-9);
    let bad = scratch.write("bad.csv", "time,demand [kW]\n0,5\n");
    let told = message(2, &[&CHAT[..], &["--demand", bad.to_str().unwrap()]].concat());
    assert!(told.contains("bad.csv:1:1: `time` has no fitting unit") && told.contains("bad.csv:1:2:"), "{told}");
}

#[test]
fn the_example_is_a_plan_of_a_language_model_and_of_images() {
    let plan = json(&["plan", "data/plan.example.toml", "--format", "json"]);
    let best = &plan["deployments"][0];
    let services = best["services"].as_array().unwrap();
    assert_eq!(services.len(), 2);
    assert!(number(&services[0], "/supply") >= 12000.0 && number(&services[0], "/itl_p50_s") <= 0.06);
    assert!(number(&services[1], "/supply") >= 1.0 && number(&services[1], "/energy_per_image_j") > 0.0);
    let text = answer(&["plan", "data/plan.example.toml"]);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    for format in ["markdown", "html"] {
        assert!(
            answer(&["plan", "data/plan.example.toml", "--format", format])
                .contains("joules plan data/plan.example.toml")
        );
    }
}

#[test]
fn faults_of_a_plan_file_are_all_told_with_their_places() {
    insta::glob!("faulty/plan/*.toml", |path| {
        let told = joules(&["plan", path.to_str().unwrap()]);
        assert_eq!((told.code, told.out.as_str()), (2, ""), "{}", told.err);
        insta::assert_snapshot!(told.err);
    });
}

#[test]
fn faults_of_options_are_all_told() {
    let mut told: Vec<String> = Vec::new();
    let mut case = |arguments: &[&str]| told.push(message(2, &[&["plan"], arguments].concat()));
    let chat = ["--model", "Qwen/Qwen3-32B", "--task", "lm-arena-chat"];
    case(&[]);
    case(&[
        "--model",
        "Qwen/Qwen3-32",
        "--task",
        "chat",
        "--demand",
        "-5 tokens/s",
        "--pue",
        "0.9",
        "--robust",
        "120%",
    ]);
    case(&[&chat[..], &["--demand", "5", "--limit", "itl_p50=50", "--power-budget", "5 tokens/s"]].concat());
    case(&[&chat[..], &["--demand", "5 tokens/s", "--limit", "itl_p50=5ms", "--limit", "itl_p50=9ms"]].concat());
    case(&[&chat[..], &["--demand", "5 tokens/s", "--gpu", "H101=4", "--gpu-price", "H100=2 USD/h"]].concat());
    case(&[&chat[..], &["--demand", "5 tokens/s", "--set", "batch_size", "--set", "gpu=H100"]].concat());
    case(&[&chat[..], &["--demand", "none.csv", "--goal", "carbon"]].concat());
    case(&[&chat[..], &["--demand", "1e30 tokens/s"]].concat());
    case(&["data/none.toml"]);
    insta::assert_snapshot!(told.join("\n\n"));
}

#[test]
fn replicas_that_cannot_run_are_left_out_with_the_reason() {
    let asked = ["--demand", "500 tokens/s", "--gpu", "A100-80GB=2", "--set", "precision=bf16,fp8"];
    let plan = chat(&asked);
    let reasons: Vec<&str> =
        plan["rejected"].as_array().unwrap().iter().filter_map(|own| own["reason"].as_str()).collect();
    assert!(reasons.contains(&"`A100-80GB` has no units for `fp8`"), "{reasons:?}");
    assert!(reasons.contains(&"one replica needs more `A100-80GB` than are given"), "{reasons:?}");
    assert!(reasons.contains(&"does not fit: `memory`"), "{reasons:?}");
}
