//! What a window of load says of a run.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::judge::{Judgement, by_benchmark};
use super::load_settings::LoadSettings;
use super::loaded::Loaded;
use super::local::Local;
use super::requests::{MOST, requests};
use super::station::Measured;
use super::told;
use crate::measure::Series;
use crate::measure::load::{Arrival, Quantiles, Summary, Tally};
use crate::measure::meter::{Window, number};
use crate::measure::telemetry::{Counts, Observed, split, split_details};
use crate::notes::Caveat;
use crate::runs::Value;

/// Blocks of time whose energy is compared to tell what prompt and output tokens cost, s: five ticks of the counter, seen or
/// told by samples, and many steps of a server.
const BLOCK: f64 = 0.5;
/// Share by which the server's count of tokens may differ from the client's.
const MOST_MISSED: f64 = 0.1;

/// The run of a window.
pub(super) fn of(local: &Local<'_>, loaded: Loaded, judgement: &Judgement, window: &Window, drain: f64) -> Measured {
    let (from, to) = (window.from, window.to);
    let seen = loaded.scraper.as_ref().map(|scraper| scraper.window(from, to));
    let running = loaded.scraper.as_ref().and_then(super::super::telemetry::Scraper::running);
    let waiting = loaded.scraper.as_ref().and_then(super::super::telemetry::Scraper::waiting);
    let overhead = loaded.running.overhead(from, to);
    let begun = loaded.running.start();
    let tally = loaded.running.stop(drain).tally;
    let summary = Summary::of(&tally, from, to);
    let miscounted = seen.as_ref().and_then(|seen| miscount(&summary, seen.output_tokens?, to - from));
    let summary = if miscounted.is_some() { without_tokens(summary) } else { summary };
    let mut measured = told::of_window(window);
    conditions(&mut measured, &loaded.settings, &summary);
    let prompt = seen.as_ref().and_then(|seen| seen.prompt_tokens).or(summary.prompt_tokens.map(|count| count as f64));
    if let Some(seen) = &seen {
        add_telemetry(&mut measured, seen);
    }
    if let Some(running) = summary.decoding {
        measured.observed.entry("running_batch".to_owned()).or_insert(running);
    }
    metrics(&mut measured, &loaded.settings, &summary, window, prompt);
    // From before the load on: a counter is known between two of its ticks.
    let energy = local.recorder.counters(begun - 1.0);
    if miscounted.is_none() {
        measured.details.extend(spent(&energy, &tally, local.idle_power, [begun, to]));
        measured.details.extend(rates(&loaded.settings, loaded.batch, judgement, &tally, &energy));
    }
    let mut say = |key: &str, text: String| drop(measured.details.insert(key.to_owned(), text));
    let is_known = if window.valid { "" } else { "not-valid: the energy is not known for the whole window; " };
    let is_counted = miscounted.map(|why| format!("not-valid: {why}; ")).unwrap_or_default();
    say("verdict", format!("{is_known}{is_counted}{}", judgement.verdict));
    say("requests_finished", summary.done.to_string());
    say("requests_failed", summary.failed.to_string());
    if let Some(tokens) = summary.output_tokens {
        say("tokens_counted", "output".to_owned());
        say("output_tokens_window", format!("{tokens:.1}"));
    }
    if let Some(cost) = overhead {
        say("client_cores", format!("{:.3}", cost.cores));
        say("client_late", format!("{:.4}", cost.late));
    }
    let (rows, count) = requests(&tally, begun, from, to);
    say("requests_window", count.to_string());
    measured.requests = Some(rows);
    measured.series = Some(series(&energy, &tally, running.as_ref(), waiting.as_ref(), begun, to));
    let mut caveats: Vec<String> = summary.caveats.iter().map(|caveat| caveat.text.clone()).collect();
    if count > MOST {
        caveats.push(format!("of {count} requests of the window, the table of requests has the first {MOST}"));
    }
    // Latencies are those of the client, not of the server's histograms.
    let applies = |caveat: &&Caveat| caveat.code != "bucket_quantized";
    caveats.extend(seen.iter().flat_map(|seen| &seen.caveats).filter(applies).map(|caveat| caveat.text.clone()));
    caveats.extend(overhead.and_then(|cost| cost.bottleneck()));
    told::add_caveats(&mut measured, &caveats);
    measured
}

/// Why the tokens of a window were not all counted, if so: the server's own counter tells another number, by more than what
/// failed requests, and tokens told at the end of an answer only, explain.
fn miscount(summary: &Summary, server: f64, seconds: f64) -> Option<String> {
    let client = summary.output_tokens.filter(|_| summary.may_miss_tokens && server > 0.0)?;
    let (done, failed) = (summary.done.max(1) as f64, summary.failed as f64);
    let most = MOST_MISSED + failed / done + done.sqrt().recip();
    let is_off = server > client * (1.0 + most) || client > server * (1.0 + most);
    is_off.then(|| {
        format!(
            "the server says that it made {:.0} tokens/s, but {:.0} chunks/s came, whose tokens it does not count for the \
             client: the energy per token is not known (switch on usage in the answers of the server)",
            server / seconds,
            client / seconds
        )
    })
}

/// What is left to say of a load whose tokens were not all counted.
fn without_tokens(summary: Summary) -> Summary {
    Summary {
        output_tokens: None,
        answer_length: None,
        answer_length_dispersion: None,
        between_tokens: None,
        ..summary
    }
}

/// How well the energy per token is known, and what it is by the rule of the ML.ENERGY benchmark.
fn rates(
    settings: &LoadSettings,
    batch: Option<f64>,
    judgement: &Judgement,
    tally: &Tally,
    energy: &[Series],
) -> BTreeMap<String, String> {
    let mut details = BTreeMap::new();
    let mut say = |key: &str, text: String| drop(details.insert(key.to_owned(), text));
    if let Some(share) = judgement.interval {
        say("energy_per_token_interval", format!("{share:.5}"));
    }
    if let Some((per_token, seconds)) = by_benchmark(tally, settings, batch, energy) {
        say("benchmark_energy_per_token_j", number(per_token));
        say("benchmark_window_s", format!("{seconds:.4}"));
    }
    details
}

/// What prompt and output tokens cost, from the first request on: it is the ramp that tells them apart.
fn spent(energy: &[Series], tally: &Tally, idle: Option<(f64, f64)>, window: [f64; 2]) -> BTreeMap<String, String> {
    let (prompt, output) = (tally.prompt_tokens(), tally.tokens());
    let counts = Counts { energy, prompt: prompt.as_ref(), output: Some(&output), idle };
    split_details(&split(&counts, window, BLOCK))
}

/// What the load was, as conditions; what the sweep's file says goes before.
fn conditions(measured: &mut Measured, settings: &LoadSettings, summary: &Summary) {
    let mut add = |name: &str, value: f64| drop(measured.conditions.insert(name.to_owned(), Value::Number(value)));
    if settings.dataset.is_none() {
        add("prompt_tokens", settings.prompt_tokens.mean());
    }
    if settings.dataset.is_none() && settings.ignore_eos {
        add("output_tokens", settings.output_tokens.mean());
        add("output_tokens_dispersion", settings.output_tokens.dispersion());
    } else if let Some(length) = summary.answer_length {
        add("output_tokens", length);
        if let Some(dispersion) = summary.answer_length_dispersion {
            add("output_tokens_dispersion", dispersion);
        }
    }
    match settings.arrival {
        Arrival::Closed { clients, .. } => add("concurrency", clients as f64),
        Arrival::Open { rate, .. } => add("request_rate", rate),
        Arrival::Bursts { size, period } => {
            add("request_rate", size as f64 / period);
            add("burst", size as f64);
        }
    }
}

fn add_telemetry(measured: &mut Measured, seen: &Observed) {
    for (name, value) in &seen.latents {
        measured.observed.insert(name.clone(), *value);
    }
    for (name, value) in &seen.details {
        measured.details.insert(name.clone(), number(*value));
    }
    // The server's own view of what the client measures better, kept to compare.
    for (name, value) in &seen.metrics {
        measured.details.insert(format!("server_{name}"), number(*value));
    }
}

fn metrics(
    measured: &mut Measured,
    settings: &LoadSettings,
    summary: &Summary,
    window: &Window,
    prompt_tokens: Option<f64>,
) {
    let mut add = |name: &str, value: Option<f64>| {
        if let Some(value) = value.filter(|value| *value > 0.0 && value.is_finite()) {
            measured.metrics.insert(name.to_owned(), value);
        }
    };
    let tokens = summary.output_tokens.filter(|tokens| *tokens > 0.0);
    let per_token = tokens.map(|tokens| window.energy_j / tokens);
    add("energy_per_token", per_token);
    add("energy_per_total_token", tokens.zip(prompt_tokens).map(|(out, prompt)| window.energy_j / (out + prompt)));
    let length = if settings.ignore_eos && settings.dataset.is_none() {
        Some(settings.output_tokens.mean())
    } else {
        summary.answer_length
    };
    add("energy_per_response", per_token.zip(length).map(|(energy, length)| energy * length));
    add("throughput", tokens.map(|tokens| tokens / window.duration_s()));
    add("throughput_per_watt", tokens.map(|tokens| tokens / window.energy_j));
    let mut quantiles = |name: &str, found: Option<Quantiles>| {
        let Some(own) = found else { return };
        for (rank, value) in [("p50", own.p50), ("p90", own.p90), ("p95", own.p95), ("p99", own.p99)] {
            add(&format!("{name}_{rank}"), Some(value));
        }
    };
    quantiles("itl", summary.between_tokens);
    quantiles("ttft", summary.first_token);
    if let (Some(prompt), Some(tokens)) = (prompt_tokens, tokens) {
        measured.observed.entry("prefill_ratio".to_owned()).or_insert(prompt / tokens);
    }
}

/// Tokens, watts and requests of each second of the load, as CSV.
fn series(
    energy: &[Series],
    tally: &Tally,
    running: Option<&Series>,
    waiting: Option<&Series>,
    begun: f64,
    to: f64,
) -> String {
    let mut text = "t_s,tokens,power_w,decoding,under_way,server_running,server_waiting\n".to_owned();
    let (tokens, decoding, under_way) = (tally.tokens(), tally.decoding(), tally.under_way());
    let cell = |value: Option<f64>| value.map(|value| format!("{value:.3}")).unwrap_or_default();
    let mut at = begun;
    while at + 1.0 <= to {
        let end = at + 1.0;
        let risen = |own: &Series| Some(own.at(end)? - own.at(at)?);
        let power: Option<f64> = energy.iter().map(risen).sum();
        let mean = |own: Option<&Series>| own.filter(|own| !own.points().is_empty()).and_then(|own| own.mean(at, end));
        let cells = [
            risen(&tokens),
            power.filter(|_| !energy.is_empty()),
            mean(Some(&decoding)),
            mean(Some(&under_way)),
            mean(running),
            mean(waiting),
        ];
        let _ = writeln!(text, "{:.3},{}", at - begun, cells.map(cell).join(","));
        at = end;
    }
    text
}
