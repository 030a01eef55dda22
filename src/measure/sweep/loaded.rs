//! A load on a server as the work of a point.

use std::time::Duration;

use super::judge::{Around, Judgement, judge};
use super::load_settings::LoadSettings;
use super::local::Local;
use super::outcome;
use super::plan::Visit;
use super::spec::Server;
use super::station::{Ending, Failed, Measured, Tell};
use crate::measure::http::{Blocking, Client, Options};
use crate::measure::load::{Arrival, LoadPlan, Prompts, Running, Tally, dataset, start};
use crate::measure::telemetry::Scraper;
use crate::notes::plural;
use crate::runs::Value;

/// How often the load is looked at, and its server asked for metrics, s.
const LOOK: f64 = 1.0;
/// Seconds without a token after which the server is asked whether it is healthy, and between such questions.
const HEALTH: f64 = 10.0;
/// Seconds of load of which every move of the counters is looked at: prompts come in bursts then, and how long a burst takes
/// tells what a prompt token costs.
const RAMP: f64 = 15.0;
/// Requests that must fail, none being answered, for a load to be given up at once. With fewer clients, one of each; but
/// the fault of two is no rule.
const HOPELESS: usize = 8;
const FEWEST_HOPELESS: usize = 3;
/// Seconds that a request may need to be given up.
const DRAIN: f64 = 0.0;

/// What a point under load is measured with.
pub(super) struct Loaded {
    pub(super) settings: LoadSettings,
    pub(super) running: Running,
    pub(super) scraper: Option<Scraper>,
    /// The most requests that the server runs at once, where the sweep says so.
    pub(super) batch: Option<f64>,
}

/// Loads the server as the visit asks, until its steady state is known well enough.
pub(super) fn measure(local: &mut Local<'_>, visit: &Visit, tell: &mut Tell<'_>) -> Result<Measured, Ending> {
    let Some(server) = &local.spec.server else { return Err(Failed::new("a load needs a `[server]`").into()) };
    let loaded = begin(local, server, visit)?;
    let (judgement, (from, to)) = watch(local, &loaded, tell)?;
    local.recorder.wait_past(to);
    let window = local.recorder.window(from, to);
    if let Some((at, why)) = window.gpus.iter().find_map(|gpu| gpu.lost.clone()) {
        let reason = format!("a GPU was lost {:.1} s after the start: {why}", at - loaded.running.start());
        return Err(Failed::new(reason).into());
    }
    Ok(outcome::of(local, loaded, &judgement, &window, DRAIN))
}

/// Starts the load and the scrapes of the server.
fn begin(local: &Local<'_>, server: &Server, visit: &Visit) -> Result<Loaded, Ending> {
    let values = &visit.values;
    let load = local.spec.load.as_ref().ok_or_else(|| Failed::new("there is no `[load]`"))?;
    let settings = LoadSettings::of(load, values).map_err(|faults| {
        let faults: Vec<String> = faults.into_iter().map(|(key, message)| format!("`{key}`: {message}")).collect();
        Failed::new(faults.join("; "))
    })?;
    let failed = |error: &dyn std::fmt::Display| Failed::new(error.to_string());
    let mut plan = LoadPlan::new(
        local.url(server, "")?,
        &settings.model,
        settings.arrival,
        Prompts {
            dataset: match &settings.dataset {
                Some(path) => dataset(path).map_err(|error| failed(&error))?,
                None => Vec::new(),
            },
            lengths: settings.prompt_tokens,
            vocabulary: settings.vocabulary,
        },
        settings.output_tokens,
    );
    plan.endpoint = settings.endpoint;
    plan.ignore_eos = settings.ignore_eos;
    plan.temperature = settings.temperature;
    plan.stagger = settings.stagger;
    plan.retries = settings.retries;
    plan.body.clone_from(&settings.body);
    plan.silence_timeout = settings.timeout;
    plan.header_timeout = settings.timeout;
    // Repeats of a point see other prompts, another seed of the sweep too.
    plan.seed = local.spec.seed.wrapping_mul(1_000_003).wrapping_add((visit.point * 101 + visit.repeat) as u64);
    let client = Client::new(local.http_options.clone()).map_err(|error| failed(&error))?;
    let scraper = match &server.metrics {
        None => None,
        Some(path) => Some(scraper(local, local.url(server, path)?, &local.http_options)?),
    };
    let running = start(plan, &client, local.clock).map_err(|error| failed(&error))?;
    let batch = values.get("batch_size").and_then(Value::number);
    Ok(Loaded { settings, running, scraper, batch })
}

/// Why no request will ever be answered: the first all failed, and in ways that do not pass.
fn hopeless(tally: &Tally, settings: &LoadSettings) -> Option<String> {
    let clients = if let Arrival::Closed { clients, .. } = settings.arrival { clients } else { HOPELESS };
    let needed = clients.clamp(FEWEST_HOPELESS, HOPELESS) as u64;
    let is_hopeless = tally.done() == 0 && tally.lasting() >= needed && tally.lasting() == tally.failed();
    let fault = tally.usual_fault().filter(|_| is_hopeless)?;
    Some(format!("all of the first {} failed: {fault}", plural(tally.failed() as usize, "request")))
}

fn scraper(local: &Local<'_>, url: crate::measure::http::Url, options: &Options) -> Result<Scraper, Failed> {
    let http = Blocking::new(options.clone()).map_err(|error| Failed::new(error.to_string()))?;
    let fetch = move || match http.get(&url, Duration::from_secs(5)) {
        Ok(answer) if answer.is_success() => Ok(answer.text().into_owned()),
        Ok(answer) => Err(format!("`{url}` answers {}", answer.status)),
        Err(error) => Err(error.to_string()),
    };
    Ok(Scraper::start(local.clock, Duration::from_secs_f64(LOOK), fetch))
}

/// Looks at the load each second, until enough is known of it or its time is over.
fn watch(local: &mut Local<'_>, loaded: &Loaded, tell: &mut Tell<'_>) -> Result<(Judgement, (f64, f64)), Ending> {
    let steady = local.spec.steady;
    let begun = loaded.running.start();
    let (mut moved, mut asked) = ((begun, 0.0), begun);
    loop {
        local.stop.wait(LOOK)?;
        let now = local.clock.now();
        let tally = loaded.running.counts();
        let tokens = tally.tokens();
        let count = tokens.points().last().map_or(0.0, |point| point.1);
        if count > moved.1 {
            moved = (now, count);
        }
        check(local, loaded, &tally, now, moved.0, &mut asked)?;
        local.check_others(begun)?;
        local.recorder.relax(now - begun > RAMP);
        let is_over = loaded.running.is_over();
        let waiting = loaded.scraper.as_ref().and_then(Scraper::waiting);
        // A window begins where all counters are known: not before the load has settled.
        let counters = local.recorder.counters(begun + steady.settle);
        let around = Around { energy: &counters, waiting: waiting.as_ref(), batch: loaded.batch };
        let found = judge(&tally, &loaded.settings, &around, &steady);
        tell(&format!("\r{:.0} s of load: {}", now - begun, found.progress()));
        if !found.is_enough && now - begun < steady.max_time && !is_over {
            continue;
        }
        return match found.window {
            Some(window) => Ok((found, window)),
            None => Err(Failed::new(format!("no window in {:.0} s of load: {}", now - begun, found.verdict)).into()),
        };
    }
}

/// Whether the point must be given up.
fn check(
    local: &mut Local<'_>,
    loaded: &Loaded,
    tally: &Tally,
    now: f64,
    moved: f64,
    asked: &mut f64,
) -> Result<(), Ending> {
    if loaded.running.is_broken() {
        let reason = "the load generator broke down, which is a fault of this program: what it has said above helps to \
                      find it";
        return Err(Failed::new(reason).into());
    }
    if let Some(reason) = hopeless(tally, &loaded.settings) {
        return Err(Failed::new(reason).into());
    }
    let stagnation = local.spec.steady.stagnation;
    if now - moved > stagnation {
        let failed = match tally.failed() as usize {
            0 => "requests are to come back later".to_owned(),
            count => format!("{} failed, most often", plural(count, "request")),
        };
        let said = tally.usual_fault().map(|text| format!("; {failed}: {text}")).unwrap_or_default();
        let reason = format!("no token came for {stagnation:.0} s{said}");
        let fault = local.server_fault().map(|failed| format!("; {}", failed.reason)).unwrap_or_default();
        return Err(local.server_failed(format!("{reason}{fault}")).into());
    }
    // A server whose tokens come is well, however long its answers to other questions take under load.
    if local.server_has_ended() || (now - moved > HEALTH && now - *asked > HEALTH) {
        *asked = now;
        if let Some(failed) = local.server_fault() {
            return Err(failed.into());
        }
    }
    Ok(())
}
