//! The load generator against the scripted server.

use std::thread;
use std::time::{Duration, Instant};

use joules::measure::Clock;
use joules::measure::http::{Blocking, Client, Options, Url};
use joules::measure::load::{
    Arrival, CountedBy, Endpoint, Finished, Lengths, LoadPlan, Outcome, Prompts, Running, Summary, start,
};

use crate::server::{Flavor, Script, Server, Usage};

pub(super) fn server(script: Script) -> Server {
    crate::server::start(script).unwrap()
}

pub(super) fn plan(server: &Server, clients: usize, requests: u64, tokens: u32) -> LoadPlan {
    let prompts = Prompts { dataset: Vec::new(), lengths: Lengths::Constant(7), vocabulary: Some(1000) };
    let arrival = Arrival::Closed { clients, ramp: 0.0 };
    let mut plan =
        LoadPlan::new(Url::parse(&server.url()).unwrap(), "scripted", arrival, prompts, Lengths::Constant(tokens));
    plan.requests = Some(requests);
    plan.stagger = false;
    plan
}

pub(super) fn begin(plan: LoadPlan) -> Running {
    start(plan, &Client::new(Options::default()).unwrap(), Clock::start()).unwrap()
}

fn total(finished: &Finished) -> f64 {
    finished.tally.tokens().points().last().unwrap().1
}

fn fast() -> Script {
    Script { step: 0.004, ..Script::default() }
}

#[test]
fn tokens_are_counted_exactly_however_a_server_tells_them() {
    let ways = [
        (Script { bundle: 1, ..fast() }, CountedBy::RunningUsage),
        (Script { bundle: 3, crlf: true, comments: true, tight: true, ..fast() }, CountedBy::RunningUsage),
        (Script { bundle: 3, usage: Usage::Last, ..fast() }, CountedBy::LastUsage),
        (Script { bundle: 3, usage: Usage::None, token_ids: true, ..fast() }, CountedBy::TokenIds),
        (Script { usage: Usage::None, reasoning: 4, ..fast() }, CountedBy::Chunks),
    ];
    for (script, counted_by) in ways {
        let server = server(script.clone());
        let mut plan = plan(&server, 3, 6, 10);
        if script.reasoning > 0 {
            plan.endpoint = Endpoint::Chat;
            plan.prompts.vocabulary = None;
        }
        let finished = begin(plan).join();
        let records = finished.tally.records();
        assert_eq!(
            (finished.tally.done(), total(&finished)),
            (6, 60.0),
            "{counted_by:?} {:?}",
            finished.tally.faults()
        );
        assert!(records.iter().all(|record| record.counted_by == counted_by && record.output_tokens == 10));
        let told = script.usage != Usage::None;
        assert!(records.iter().all(|record| record.prompt_tokens == told.then_some(7)));
        // Tokens of the first chunk have no time between them; counted at the end, 10 tokens are spread over 4 chunks.
        let untimed = if counted_by == CountedBy::LastUsage { 2 } else { u64::from(script.bundle) };
        assert_eq!(finished.tally.between_tokens(0.0, 60.0).count(), 6 * (10 - untimed), "{counted_by:?}");
    }
}

#[test]
fn requests_that_fail_leave_no_tokens_and_say_why() {
    for (script, code, said) in [
        (Script { cut_every: 1, ..fast() }, "cut", "connection was cut after"),
        (Script { fail_every: 1, ..fast() }, "status", "status 500: {\"error\":{\"message\":\"the engine is dead\"}}"),
        (Script { silent_every: 1, ..fast() }, "timeout", "waiting for the answer to begin took longer than 0.3 s"),
        (Script { slow_header: 2.0, ..fast() }, "timeout", "took longer than 0.3 s"),
        (Script { step: 2.0, ..fast() }, "timeout", "nothing came for 0.3 s in the middle of an answer"),
        (Script { busy_every: 1, ..fast() }, "status", "status 429"),
    ] {
        let server = server(script);
        let mut plan = plan(&server, 2, 2, 10);
        (plan.header_timeout, plan.silence_timeout) = (0.3, 0.3);
        (plan.retries, plan.longest_retry_wait) = (1, 0.05);
        let finished = begin(plan).join();
        assert_eq!((finished.tally.done(), finished.tally.failed(), total(&finished)), (0, 2, 0.0));
        assert!(finished.tally.records().iter().all(|record| record.outcome == Outcome::Failed(code)));
        let text = finished.tally.faults().keys().next().unwrap();
        assert!(text.contains(said), "{text}");
    }
}

#[test]
fn a_request_that_is_told_to_come_back_comes_back() {
    let server = server(Script { busy_every: 2, retry_after: 0.2, ..fast() });
    let mut plan = plan(&server, 1, 4, 3);
    plan.retries = 5;
    let finished = begin(plan).join();
    assert_eq!((finished.tally.done(), finished.tally.failed(), finished.tally.retries()), (4, 0, 3));
    let again = finished.tally.records().iter().find(|record| record.retries > 0).unwrap();
    assert!(again.first_token.unwrap() - again.scheduled > 0.2);
}

#[test]
fn a_stopped_load_keeps_what_came_and_drains_if_asked() {
    let server = server(Script { step: 0.01, ..Script::default() });
    for (drain, done) in [(0.0, 0), (5.0, 4)] {
        let running = begin(LoadPlan { requests: None, ..plan(&server, 4, 0, 60) });
        while running.tokens().points().last().unwrap().1 < 40.0 {
            thread::sleep(Duration::from_millis(20));
        }
        let finished = running.stop(drain);
        assert_eq!((finished.tally.sent_requests(), finished.tally.done()), (4, done));
        let ends = if drain > 0.0 { Outcome::Done } else { Outcome::Abandoned };
        assert!(finished.tally.records().iter().all(|record| record.outcome == ends));
        let came: u32 = finished.tally.records().iter().map(|record| record.output_tokens).sum();
        assert_eq!(total(&finished), f64::from(came));
        assert!(came >= 40 && (drain == 0.0 || came == 240));
    }
    assert_eq!(server.served().aborted, 4);
}

#[test]
fn an_open_loop_counts_latency_from_when_a_request_was_due() {
    // One request runs at a time and takes 0.1 s; they come at ten times that rate.
    let server = server(Script { step: 0.01, batch: 1, ..Script::default() });
    let mut plan = plan(&server, 1, 12, 10);
    plan.arrival = Arrival::Open { rate: 100.0, burstiness: 1.0 };
    let finished = begin(plan).join();
    let summary = Summary::of(&finished.tally, 0.0, 60.0);
    assert_eq!((summary.done, summary.failed), (12, 0));
    let whole = summary.whole.unwrap();
    assert!(whole.p99 > 0.9 && whole.p50 > 0.4, "{whole:?}");
    assert!((summary.answer_length.unwrap(), summary.answer_length_dispersion.unwrap()) == (10.0, 1.0));
}

#[test]
fn a_closed_loop_of_part_way_requests_is_mixed_from_the_start() {
    let server = server(Script { step: 0.01, ..Script::default() });
    let staggered = LoadPlan { stagger: true, seed: 4, ..plan(&server, 40, 40, 50) };
    let finished = begin(staggered).join();
    let mean = finished.tally.records().iter().map(|record| f64::from(record.wanted)).sum::<f64>() / 40.0;
    // Uniform in 1..=50: standard error 2.3.
    assert!((mean - 25.5).abs() < 9.2, "{mean}");
    assert!(finished.tally.records().iter().all(|record| record.prompt_tokens == Some(7 + 50 - record.wanted)));
}

#[test]
fn latencies_and_batch_are_those_of_the_server() {
    let script = Script { step: 0.02, batch: 8, flavor: Flavor::Vllm, ..Script::default() };
    let server = server(script);
    let running = begin(LoadPlan { requests: None, ..plan(&server, 12, 0, 25) });
    thread::sleep(Duration::from_millis(2600));
    let finished = running.stop(0.0);
    let begin = finished.tally.tokens().points()[0].0;
    let summary = Summary::of(&finished.tally, begin + 1.0, begin + 2.5);
    // A server that is not given its cores is slower, never faster.
    let times = summary.between_tokens.unwrap();
    assert!(times.p50 > 0.0185 && times.p50 < 0.05, "{times:?}");
    assert!(summary.decoding.unwrap() <= 8.3 && summary.under_way.unwrap() > 9.0, "{summary:?}");
    assert!(summary.output_tokens.unwrap() <= 620.0);
    assert_eq!(server.served().peak, 8);
}

#[test]
fn a_secure_server_is_trusted_by_its_authority_only() {
    let server = server(Script { tls: true, ..fast() });
    let url = Url::parse(&server.url()).unwrap().join("/health");
    let limit = Duration::from_secs(5);
    let error = Blocking::new(Options::default()).unwrap().get(&url, limit).unwrap_err();
    assert_eq!(error.code(), "tls");
    assert!(
        error.to_string().ends_with("name the PEM file of its certificate authority in the variable SSL_CERT_FILE"),
        "{error}"
    );
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/server/certificate.pem");
    let options = Options { certificate_authorities: Some(file.into()), ..Options::default() };
    assert!(Blocking::new(options.clone()).unwrap().get(&url, limit).unwrap().is_success());
    let finished = start(plan(&server, 2, 4, 5), &Client::new(options).unwrap(), Clock::start()).unwrap().join();
    assert_eq!((finished.tally.done(), total(&finished)), (4, 20.0), "{:?}", finished.tally.faults());
    let plain = Url::parse(&server.url().replace("https", "http")).unwrap();
    assert_eq!(Blocking::new(Options::default()).unwrap().get(&plain, limit).unwrap_err().code(), "not-http");
}

#[test]
fn a_server_tells_its_health_and_what_it_served() {
    let begun = Instant::now();
    let server = server(Script { healthy_after: 0.2, flavor: Flavor::Sglang, ..fast() });
    let client = Blocking::new(Options::default()).unwrap();
    let get = |path: &str| client.get(&Url::parse(&server.url()).unwrap().join(path), Duration::from_secs(5)).unwrap();
    assert_eq!(get("/health").status, 503);
    while !get("/health").is_success() {
        thread::sleep(Duration::from_millis(20));
    }
    assert!(begun.elapsed() >= Duration::from_millis(200));
    begin(plan(&server, 2, 4, 5)).join();
    let metrics = get("/metrics").text().into_owned();
    assert!(metrics.contains("sglang:generation_tokens_total{model_name=\"scripted\"} 20.0"), "{metrics}");
    assert!(metrics.contains("sglang:inter_token_latency_seconds_count{model_name=\"scripted\"} 16"), "{metrics}");
}

/// An answer with these events, behind which the connection is closed.
pub(super) fn events(events: &[String]) -> Vec<u8> {
    let lines: Vec<String> = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
    (head.to_owned() + &lines.concat()).into_bytes()
}

/// An event of one token that tells this count.
pub(super) fn counted(count: u64) -> String {
    format!(r#"{{"choices":[{{"text":"a"}}],"usage":{{"completion_tokens":{count},"prompt_tokens":7}}}}"#)
}

fn answered(said: &[String]) -> Finished {
    let server = server(Script { raw: Some(events(said)), ..fast() });
    begin(plan(&server, 1, 2, 5)).join()
}

#[test]
fn counts_that_cannot_be_fail_a_request_and_zero_is_no_count() {
    let done = "[DONE]".to_owned();
    let zeros = answered(&[vec![counted(0); 5], vec![done.clone()]].concat());
    assert_eq!((zeros.tally.done(), total(&zeros)), (2, 10.0), "{:?}", zeros.tally.faults());
    assert!(zeros.tally.records().iter().all(|record| record.counted_by == CountedBy::Chunks));
    for (counts, said) in [
        (vec![4_000_000_000], "the server says that it made 4000000000 tokens, but 5 were asked for"),
        (vec![1, 2, 4_000_000_000], "the server says that it made 4000000000 tokens, but 5 were asked for"),
        (vec![5, 4, 3], "the server's running count of tokens fell from 5 to 4"),
        (vec![], "the answer ended without a token"),
    ] {
        let events: Vec<String> = counts.into_iter().map(counted).chain([done.clone()]).collect();
        let finished = answered(&events);
        assert_eq!((finished.tally.failed(), finished.tally.lasting(), total(&finished)), (2, 2, 0.0), "{said}");
        assert_eq!(finished.tally.usual_fault(), Some(said));
    }
}

/// CPU time of the thread that loads the server at this port, seconds: as the system counts it, in hundredths.
fn cpu_time(port: u16) -> Option<f64> {
    let name = format!("load-0 :{port}");
    let threads = std::fs::read_dir("/proc/self/task").ok()?.flatten().map(|entry| entry.path());
    let own = threads
        .into_iter()
        .find(|path| std::fs::read_to_string(path.join("comm")).is_ok_and(|text| text.trim_end() == name))?;
    let text = std::fs::read_to_string(own.join("stat")).ok()?;
    // Behind the name, which may hold blanks, stand the fields from the third on; the 14th and 15th are ticks.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().ok()? + fields[12].parse::<f64>().ok()?;
    Some(ticks / 100.0)
}

#[test]
fn what_the_client_says_that_it_costs_is_what_it_costs() {
    let server = server(Script { step: 0.02, batch: 200, ..Script::default() });
    let clock = Clock::start();
    let load = LoadPlan { requests: None, ..plan(&server, 200, 0, 100_000) };
    let running = start(load, &Client::new(Options::default()).unwrap(), clock).unwrap();
    thread::sleep(Duration::from_secs(1));
    let port = Url::parse(&server.url()).unwrap().port();
    let (from, before) = (clock.now(), cpu_time(port));
    thread::sleep(Duration::from_millis(3200));
    let (to, after) = (clock.now(), cpu_time(port));
    let Some((before, after)) = before.zip(after) else {
        eprintln!("skipped: the system does not tell the CPU time of a thread");
        return;
    };
    let cost = running.stop(0.0).overhead(from, to).unwrap();
    let counted = (after - before) / (to - from);
    assert!(counted > 0.01, "{counted}");
    let ratio = cost.cores / counted;
    assert!((1.0 / 1.5..1.5).contains(&ratio), "told {} of a core, counted {counted}", cost.cores);
    assert!((cost.streams - 200.0).abs() < 5.0, "{cost:?}");
}

#[test]
#[ignore = "measures the machine that it runs on; a release build tells most"]
fn a_thousand_streams_are_followed_or_it_is_told() {
    for (streams, pace) in [(100, 20.0), (100, 50.0), (1000, 20.0), (1000, 50.0)] {
        let server = server(Script { step: 1.0 / pace, batch: streams, ..Script::default() });
        let running = begin(LoadPlan { requests: None, ..plan(&server, streams, 0, 100_000) });
        thread::sleep(Duration::from_secs(8));
        let finished = running.stop(0.0);
        let begin = finished.tally.tokens().points()[0].0;
        let (from, to) = (begin + 2.0, begin + 7.0);
        let rate = Summary::of(&finished.tally, from, to).output_tokens.unwrap() / (to - from);
        let cost = finished.overhead(from, to).unwrap();
        let share = cost.per_hundred_streams().unwrap();
        println!(
            "{streams} streams at {pace} tokens/s: {rate:.0} tokens/s in all, {:.1} us of CPU time each; {:.2} % of a core \
             for 100 streams, {:.1} % in all; {:?}",
            cost.cores / rate * 1e6,
            share * 100.0,
            cost.cores * 100.0,
            cost.bottleneck()
        );
        // Every token of every stream came, or the client has said that it was in the way.
        let asked = streams as f64 * pace;
        assert!(rate > 0.95 * asked || cost.bottleneck().is_some(), "{rate} of {asked}");
    }
}
