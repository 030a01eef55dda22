//! What prompt and output tokens cost, as a client sees it, against a server that is played and whose energy is known.

use std::time::Duration;

use joules::measure::http::{Client, Options, Url};
use joules::measure::load::{Arrival, Lengths, LoadPlan, Prompts, start};
use joules::measure::telemetry::{Counts, split};
use joules::measure::{Clock, Series};

use crate::server::Script;

/// Energy of a prompt token and of an output token, J, and power that depends on neither, W.
const TRUTH: [f64; 3] = [0.02, 0.3, 90.0];

#[test]
fn a_client_tells_prompt_from_output_tokens_by_when_they_come() {
    let script = Script { step: 0.003, prefill_per_token: 3e-5, batch: 64, ..Script::default() };
    let server = crate::server::start(script).unwrap();
    let prompts =
        Prompts { dataset: Vec::new(), lengths: Lengths::Uniform { from: 50, to: 400 }, vocabulary: Some(1000) };
    let arrival = Arrival::Open { rate: 15.0, burstiness: 0.2 };
    let answers = Lengths::Uniform { from: 20, to: 160 };
    let plan = LoadPlan::new(Url::parse(&server.url()).unwrap(), "scripted", arrival, prompts, answers);
    let clock = Clock::start();
    let running = start(plan, &Client::new(Options::default()).unwrap(), clock).unwrap();
    // The meter of this server: what it computed, priced.
    let mut energy = Series::new();
    while clock.now() < 4.6 {
        let (served, at) = (server.served(), clock.now());
        let computed = [served.prompt_tokens as f64, served.output_tokens as f64, at];
        energy.push(at, computed.iter().zip(TRUTH).map(|(amount, price)| amount * price).sum());
        std::thread::sleep(Duration::from_millis(5));
    }
    let from = running.start();
    let tally = running.stop(0.0).tally;
    let (prompt, output) = (tally.prompt_tokens(), tally.tokens());
    let counts =
        Counts { energy: &[energy], prompt: prompt.as_ref(), output: Some(&output), idle: Some((TRUTH[2], 0.0)) };
    let found = split(&counts, [from, 4.5], 0.1).unwrap();
    for (cost, truth) in [found.prompt_token, found.output_token].into_iter().zip(TRUTH) {
        let half = (cost.interval[1] - cost.interval[0]) / 2.0;
        // A crowded machine delays what the client sees: twice the interval of a draw of chance.
        assert!((cost.value - truth).abs() < 2.0 * half && half < 0.5 * truth, "{truth}: {found:?}");
    }
}
