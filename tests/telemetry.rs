//! Telemetry of a scripted Prometheus: what becomes of gaps, restarts, rare scrapes, limits and refusals.

use joules::catalog::Catalog;
use joules::measure::Clock;
use joules::measure::prometheus::{Api, Imported, PrometheusError, Question, Side, import};
use serde_json::json;

const NOW: f64 = 1_800_000_000.0;

/// A series: labels, the time between its scrapes (s), and its value at a time.
struct Scripted {
    labels: serde_json::Value,
    every: f64,
    value: Box<dyn Fn(f64) -> Option<f64>>,
}

fn series(name: &str, labels: &[(&str, &str)], every: f64, value: impl Fn(f64) -> Option<f64> + 'static) -> Scripted {
    let mut all = serde_json::Map::new();
    all.insert("__name__".to_owned(), name.into());
    all.extend(labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())));
    Scripted { labels: all.into(), every, value: Box::new(value) }
}

/// A server with one engine at `rate` tokens/s, on one GPU of `power` W whose energy is told every `every` seconds.
fn fleet(rate: f64, power: f64, every: f64) -> Vec<Scripted> {
    let server = [("model_name", "Qwen/Qwen3-8B"), ("engine", "0"), ("instance", "s:8000")];
    let gpu = [("UUID", "GPU-1"), ("modelName", "NVIDIA H200"), ("Hostname", "h")];
    vec![
        series("vllm:generation_tokens_total", &server, 1.0, move |at| Some((at - NOW + 1e6) * rate)),
        series("vllm:prompt_tokens_total", &server, 1.0, move |at| Some((at - NOW + 1e6) * rate / 2.0)),
        series("vllm:num_requests_running", &server, 1.0, |_| Some(64.0)),
        series("vllm:num_requests_waiting", &server, 1.0, |_| Some(0.0)),
        series("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", &gpu, every, move |at| Some((at - NOW + 1e6) * power * 1e3)),
        series("DCGM_FI_DEV_POWER_USAGE", &gpu, every, move |_| Some(power)),
    ]
}

/// The samples of a series in `[from, to]`, at whole multiples of its time between scrapes.
fn samples(own: &Scripted, from: f64, to: f64) -> serde_json::Value {
    let count = ((to - from) / own.every) as i64 + 2;
    let first = (from / own.every).ceil() * own.every;
    let times = (0..count).map(|index| first + index as f64 * own.every).filter(|at| *at <= to);
    let values: Vec<_> = times.filter_map(|at| (own.value)(at).map(|value| json!([at, format!("{value}")]))).collect();
    json!({"metric": own.labels, "values": values})
}

/// The answer of a Prometheus that has these series.
fn answer(fleet: &[Scripted], path: &str, form: &[(&str, &str)]) -> (u16, String) {
    let of = |name: &str| form.iter().find(|(own, _)| *own == name).map_or("", |(_, value)| value);
    let data = match path {
        "/api/v1/query" if of("query") == "time()" => {
            json!({"resultType": "scalar", "result": [NOW, format!("{NOW}")]})
        }
        "/api/v1/query" => {
            let (selector, range) = of("query").rsplit_once('[').unwrap();
            let length = range.trim_end_matches("ms]").parse::<f64>().unwrap() / 1e3;
            let to: f64 = of("time").parse().unwrap();
            let pattern = |name: &str| name.replace("vllm:", "vllm[:_]").replace("_total", "(_total)?");
            let is_asked = |own: &&Scripted| selector.contains(&pattern(own.labels["__name__"].as_str().unwrap()));
            let rows: Vec<_> = fleet.iter().filter(is_asked).map(|own| samples(own, to - length, to)).collect();
            let rows: Vec<_> = rows.into_iter().filter(|row| row["values"][0].is_array()).collect();
            json!({"resultType": "matrix", "result": rows})
        }
        "/api/v1/status/runtimeinfo" => json!({"storageRetention": "15d"}),
        "/api/v1/status/buildinfo" => json!({"version": "2.42.0"}),
        "/api/v1/label/__name__/values" => {
            let names: Vec<_> = fleet.iter().map(|own| own.labels["__name__"].clone()).collect();
            json!(names)
        }
        other => panic!("nobody asks for {other}"),
    };
    (200, json!({"status": "success", "data": data}).to_string())
}

fn question(a: &str, b: &str) -> Question {
    let side = |id: &str, span: &str| Side { id: id.to_owned(), span: span.to_owned(), set: Vec::new() };
    Question {
        name: "prometheus".to_owned(),
        url: "http://p:9090".to_owned(),
        set: vec!["task=completion".to_owned(), "batch_size=256".to_owned()],
        sides: [side("a", a), side("b", b)],
        ..Question::default()
    }
}

fn imported(fleet: &[Scripted], question: &Question) -> Result<Imported, PrometheusError> {
    let mut api = Api::new("http://p:9090", |path: &str, form: &[(&str, &str)]| Ok(answer(fleet, path, form)));
    import(&mut api, question, &Catalog::embedded(), &Clock::start())
}

fn codes(found: &Imported, window: usize) -> Vec<&str> {
    found.windows[window].caveats.iter().map(|caveat| caveat.code.as_str()).collect()
}

#[test]
fn a_steady_fleet_is_told_as_it_was() {
    let found = imported(&fleet(2000.0, 600.0, 1.0), &question("-600s..-300s", "-120s..-60s")).unwrap();
    let [a, b] = found.sweep.runs.as_slice() else { panic!("two runs") };
    assert!((a.metrics["energy_per_token"] - 0.3).abs() < 1e-9);
    assert!((a.metrics["power"] - 600.0).abs() < 1e-6 && (b.metrics["throughput"] - 2000.0).abs() < 1e-6);
    assert_eq!((a.name("model"), a.name("precision")), (Some("Qwen/Qwen3-8B"), Some("bf16")));
    assert_eq!((a.name("gpu"), a.number("gpus"), a.name("engine")), (Some("H200"), Some(1.0), Some("vllm")));
    assert_eq!(a.observed["running_batch"], 64.0);
    assert_eq!(a.details["energy_method"], "energy counter");
    let [per_token, uncertainty] = found.windows[0].energy_per_token;
    assert!(uncertainty / per_token > 1e-4 && uncertainty / per_token < 2e-3, "{uncertainty}");
    let needed: Vec<&str> = found.windows[0].needed.iter().map(|needed| needed.name).collect();
    assert_eq!(needed, ["concurrency"]);
    assert_eq!(found.sweep.provenance["queries"].as_array().unwrap().len(), 3);
}

#[test]
fn energy_is_split_where_prompts_come_in_bursts_and_the_server_rests_between() {
    let mut fleet = fleet(2000.0, 600.0, 1.0);
    let output = |at: f64| 2000.0 * (at - NOW + 1e6) + 30_000.0 * (at / 15.0).sin();
    let prompt =
        |at: f64| 7e4 * ((at / 23.0).floor() - (NOW / 23.0).floor() + 1e5 + (at.rem_euclid(23.0) / 7.0).min(1.0));
    fleet[0].value = Box::new(move |at| Some(output(at)));
    fleet[1].value = Box::new(move |at| Some(prompt(at)));
    fleet[4].value = Box::new(move |at| Some(1e3 * (0.01 * prompt(at) + 0.2 * output(at) + 90.0 * (at - NOW + 1e6))));
    let found = imported(&fleet, &question("-900s..-300s", "-120s..-60s")).unwrap();
    let split = found.windows[0].split.unwrap();
    let near = |value: f64, truth: f64| assert!((value / truth - 1.0).abs() < 0.01, "{split:?}");
    near(split.prompt_token.value, 0.01);
    near(split.output_token.value, 0.2);
    near(split.base_power.value, 90.0);
    assert!(found.windows[1].split.unwrap_err().to_string().contains("are too few"));
    let document = joules::report::prometheus::imported(&found, std::path::Path::new("store"));
    let text = joules::report::render::text(&document, &joules::report::TextStyle::default());
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.contains("energy of a prompt token") && text.contains("10 to 10 mJ"), "{text}");
}

#[test]
fn gaps_and_restarts_are_counted_right_and_told() {
    let mut fleet = fleet(2000.0, 600.0, 1.0);
    let steady = |at: f64| (at - NOW + 1e6) * 2000.0;
    fleet[0].value = Box::new(move |at| {
        let gap = (NOW - 500.0..NOW - 480.0).contains(&at);
        // The counter starts again right at a scrape, so nothing is lost.
        let lost = if at >= NOW - 400.0 { steady(NOW - 400.0) } else { 0.0 };
        (!gap).then(|| steady(at) - lost)
    });
    let found = imported(&fleet, &question("-600s..-300s", "-120s..-60s")).unwrap();
    // At the restart the last count before is one scrape old.
    let per_token = found.sweep.runs[0].metrics["energy_per_token"];
    assert!((per_token / 0.3 - 300.0 / 299.0).abs() < 1e-3, "{per_token}");
    let codes = codes(&found, 0);
    assert!(codes.contains(&"counter_reset") && codes.contains(&"scrape_gap"), "{codes:?}");
}

#[test]
fn too_few_readings_are_refused_with_the_window_that_would_do() {
    let error = imported(&fleet(2000.0, 600.0, 30.0), &question("-600s..-360s", "-120s..-60s")).unwrap_err();
    let told = error.to_string();
    assert!(told.contains("has 9 new readings of the energy counter, one every 30 s: 10 are needed"), "{told}");
    let help = miette::Diagnostic::help(&error).unwrap().to_string();
    assert!(help.contains("at least 330 s") && help.contains("dcgm-exporter"), "{help}");
    // An exporter that reads every 30 s, scraped every second.
    let mut stale = fleet(2000.0, 600.0, 1.0);
    stale[4].value = Box::new(|at| Some(((at - NOW + 1e6) / 30.0).floor() * 30.0 * 600.0 * 1e3));
    assert!(matches!(imported(&stale, &question("-240s..now", "-600s..now")), Err(PrometheusError::TooFew { .. })));
    let found = imported(&stale, &question("-900s..-400s", "-1200s..now")).unwrap();
    assert!((found.sweep.runs[0].metrics["power"] - 600.0).abs() < 1e-6);
    assert!((found.windows[0].readings.1 - 30.0).abs() < 1e-9);
}

#[test]
fn without_an_energy_counter_power_is_averaged_and_that_is_told() {
    let mut fleet = fleet(2000.0, 600.0, 5.0);
    fleet.remove(4);
    let found = imported(&fleet, &question("-600s..-300s", "-120s..-60s")).unwrap();
    assert!((found.sweep.runs[0].metrics["energy_per_token"] - 0.3).abs() < 1e-9);
    assert_eq!(found.sweep.runs[0].details["energy_method"], "mean power");
    assert!(codes(&found, 0).contains(&"energy_from_power"));
}

#[test]
fn what_is_too_much_at_once_is_asked_for_in_parts() {
    let fleet = fleet(2000.0, 600.0, 5.0);
    let mut refused = 0;
    let ask = |path: &str, form: &[(&str, &str)]| {
        let range = form.iter().find_map(|(_, value)| value.rsplit_once('[')?.1.strip_suffix("ms]"));
        if range.is_some_and(|range| range.parse::<f64>().unwrap() > 4_000_000.0) {
            refused += 1;
            let text =
                "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution";
            return Ok((400, json!({"status": "error", "errorType": "bad_data", "error": text}).to_string()));
        }
        Ok(answer(&fleet, path, form))
    };
    let mut api = Api::new("http://p:9090", ask);
    let question = question("-20000s..-4000s", "-120s..-60s");
    let found = import(&mut api, &question, &Catalog::embedded(), &Clock::start()).unwrap();
    drop(api);
    assert_eq!(refused, 6);
    let run = &found.sweep.runs[0];
    assert!((run.details["output_tokens_counted"].parse::<f64>().unwrap() / 2000.0 - 16_000.0).abs() < 10.1, "{run:?}");
    assert!((run.metrics["energy_per_token"] - 0.3).abs() < 1e-9);
}

#[test]
fn refusals_say_what_was_found_and_what_to_do() {
    let steady = fleet(2000.0, 600.0, 1.0);
    let told = |fleet: &[Scripted], a: &str| {
        let error = imported(fleet, &question(a, "-120s..-60s")).unwrap_err();
        let help = miette::Diagnostic::help(&error).map(|help| help.to_string()).unwrap_or_default();
        format!("{error}; {help}")
    };
    assert!(told(&steady, "-60s..2100-01-01").contains("in the future of Prometheus"));
    assert!(told(&steady, "soon..now").contains("`soon` is no time"));
    let other = [series("llamacpp:tokens_predicted_total", &[], 1.0, Some)];
    let nothing = told(&other, "-600s..-300s");
    assert!(nothing.contains("no output tokens of a server in window a"), "{nothing}");
    assert!(nothing.contains("`vllm:generation_tokens`") && nothing.contains("there is `llamacpp:"), "{nothing}");
    assert!(told(&[], "-20d..-19d").contains("keeps 15d only"));
    let no_gpu: Vec<Scripted> = fleet(2000.0, 600.0, 1.0).into_iter().take(4).collect();
    assert!(told(&no_gpu, "-600s..-300s").contains("no energy or power of a GPU in window a"));
    let mut two = fleet(2000.0, 600.0, 1.0);
    two.push(series("vllm:generation_tokens_total", &[("model_name", "b/c")], 1.0, Some));
    assert!(told(&two, "-600s..-300s").contains("several models: Qwen/Qwen3-8B and b/c"));
    let mut idle = fleet(0.0, 100.0, 1.0);
    idle[0].value = Box::new(|_| Some(5.0));
    assert!(told(&idle, "-600s..-300s").contains("put out no token"));
    let broken = fleet(2000.0, 600_000.0, 1.0);
    assert!(told(&broken, "-600s..-300s").contains("GPU GPU-1 would have used 600 kW"));
}

#[test]
fn conditions_are_taken_as_typed_and_never_from_a_list() {
    let steady = fleet(2000.0, 600.0, 1.0);
    let mut own = question("-600s..-300s", "-120s..-60s");
    own.sides[1].set = vec!["batch_size=512".to_owned(), "gpu=H100".to_owned()];
    let found = imported(&steady, &own).unwrap();
    assert_eq!(found.sweep.runs[0].number("batch_size"), Some(256.0));
    assert_eq!(
        (found.sweep.runs[1].number("batch_size"), found.sweep.runs[1].name("gpu")),
        (Some(512.0), Some("H100"))
    );
    own.set = vec!["batch_size=8,16".to_owned()];
    assert!(matches!(imported(&steady, &own), Err(PrometheusError::NotOne { .. })));
    own.set = vec!["batchsize=8".to_owned()];
    assert!(imported(&steady, &own).unwrap_err().to_string().contains("did you mean `batch_size`?"));
}
