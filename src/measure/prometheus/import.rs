//! Two windows become two runs.

use super::api::Api;
use super::conditions::{Needed, needed, set_told};
use super::energy::{Energy, energy};
use super::error::PrometheusError;
use super::fetch::{Asked, Selectors, fetch};
use super::question::{Question, conditions, plain};
use super::spent::spent;
use super::time::{Span, rfc3339, span};
use crate::catalog::Catalog;
use crate::measure::Clock;
use crate::measure::telemetry::dialect::OUTPUT;
use crate::measure::telemetry::{Observed, Record, Split, SplitError, observe, split_details};
use crate::notes::Caveat;
use crate::runs::{Axis, Column, Run, Sweep, check_number, known, set};
use crate::unit::show;

/// Clocks further apart are told, s.
const FAR_APART: f64 = 2.0;

/// Conditions that are counted in the window.
const LENGTHS: [&str; 2] = ["prompt_tokens", "output_tokens"];

/// Fewer scrapes of a server in a window are told.
const FEW_SCRAPES: usize = 10;

/// What a window gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Between which moments, in seconds since 1970.
    pub span: Span,
    /// Energy of all GPUs, J, and its standard uncertainty.
    pub energy: [f64; 2],
    /// Joules of an output token, and the standard uncertainty.
    pub energy_per_token: [f64; 2],
    /// New readings of the energy source, and their distance, s.
    pub readings: (usize, f64),
    /// Conditions that a diagnosis wants and the telemetry does not tell.
    pub needed: Vec<Needed>,
    /// Requests in the server, running and waiting, on average.
    pub in_server: Option<f64>,
    /// What prompt and output tokens cost, or why that is not known.
    pub split: Result<Split, SplitError>,
    /// What a reader must know.
    pub caveats: Vec<Caveat>,
}

/// Two runs, ready to be diagnosed.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The runs with their provenance.
    pub sweep: Sweep,
    /// The windows, in the order of the runs.
    pub windows: [Window; 2],
    /// The time of Prometheus less the time here, s.
    pub clock_offset: f64,
}

/// Asks Prometheus for both windows and makes runs of them. `clock` tells the time here. What is wrong with the question
/// itself is told before anything is asked.
pub fn import(
    api: &mut Api,
    question: &Question,
    catalog: &Catalog,
    clock: &Clock,
) -> Result<Imported, PrometheusError> {
    question.check(clock.unix(clock.now()))?;
    let typed = |set: &[String]| conditions(set).unwrap_or_default();
    let both = typed(&question.set);
    let before = clock.now();
    let now = api.now()?;
    let clock_offset = now - clock.unix(f64::midpoint(before, clock.now()));
    let selectors = Selectors { server: plain(&question.selector), gpu: plain(&question.gpu_selector) };
    let zone = question.zone();
    let spans = [span(&question.sides[0].span, now, &zone)?, span(&question.sides[1].span, now, &zone)?];
    for (span, side) in spans.iter().zip(&question.sides) {
        if span.to > now {
            let run = side.id.clone();
            return Err(PrometheusError::Future { run, by: span.to - now, now: rfc3339(now) });
        }
    }
    let mut runs = Vec::new();
    let mut windows = Vec::new();
    for (span, side) in spans.into_iter().zip(&question.sides) {
        let asked = Asked { run: &side.id, span, selectors: &selectors, now };
        let record = fetch(api, &asked)?;
        let (mut run, mut window) = window(&record, &asked, catalog)?;
        set_typed(&mut run, &[both.as_slice(), typed(&side.set).as_slice()].concat());
        window.needed = needed(&run);
        run.details.insert("window_from".to_owned(), rfc3339(window.span.from));
        run.details.insert("window_to".to_owned(), rfc3339(window.span.to));
        runs.push(run);
        windows.push(window);
    }
    let windows: [Window; 2] = windows.try_into().expect("one window for each of two sides");
    let provenance = provenance(api, question, &selectors, clock_offset, &windows);
    Ok(Imported { sweep: Sweep::new(question.name.clone(), runs, provenance), windows, clock_offset })
}

/// Sets conditions as typed. A task would bring lengths of its own: those that were measured stay, unless they are typed.
fn set_typed(run: &mut Run, typed: &[Axis]) {
    let measured: Vec<_> =
        run.conditions.clone().into_iter().filter(|(name, _)| LENGTHS.contains(&name.as_str())).collect();
    for (name, values) in typed {
        if let Some(value) = values.first() {
            set(run, name, value.clone());
        }
    }
    for (name, value) in measured {
        if typed.iter().all(|(own, _)| *own != name) {
            run.conditions.insert(name, value);
        }
    }
}

/// The run of a window.
fn window(record: &Record, asked: &Asked, catalog: &Catalog) -> Result<(Run, Window), PrometheusError> {
    let energy = energy(record, asked)?;
    let observed = observe(record, energy.from, energy.to);
    let Some(tokens) = observed.output_tokens else {
        return Err(PrometheusError::Idle { run: asked.run.to_owned() });
    };
    let mut run = Run { id: asked.run.to_owned(), ..Run::default() };
    let mut caveats = energy.caveats.clone();
    caveats.extend(observed.caveats.iter().cloned());
    caveats.extend(set_told(&mut run, record, &observed, catalog, asked)?);
    run.observed = good(&observed.latents);
    run.metrics = good(&observed.metrics);
    set_metrics(&mut run, &energy, &observed, tokens);
    caveats.extend(scrapes(record, &energy));
    let relative = (energy.uncertainty / energy.joules).hypot(token_jitter(record, &energy) / tokens);
    let per_token = energy.joules / tokens;
    set_details(&mut run, &energy, &observed, relative * per_token, &caveats);
    let split = spent(record, &energy);
    run.details.extend(split_details(&split));
    let of = |name: &str| observed.latents.get(name).copied();
    let window = Window {
        span: Span { from: energy.from, to: energy.to },
        energy: [energy.joules, energy.uncertainty],
        energy_per_token: [per_token, relative * per_token],
        readings: (energy.readings, energy.interval),
        needed: Vec::new(),
        split,
        in_server: of("running_batch").map(|running| running + of("waiting_requests").unwrap_or(0.0)),
        caveats,
    };
    Ok((run, window))
}

/// The values that a run can hold: an exporter may tell a share above one, or a metric of zero.
fn good(values: &std::collections::BTreeMap<String, f64>) -> std::collections::BTreeMap<String, f64> {
    let can_be =
        |name: &str, value: f64| known(name).is_some_and(|own| check_number(&Column::from(own), value).is_ok());
    values.iter().filter(|(name, value)| can_be(name, **value)).map(|(name, value)| (name.clone(), *value)).collect()
}

fn set_metrics(run: &mut Run, energy: &Energy, observed: &Observed, tokens: f64) {
    let mut metric = |name: &str, value: f64| run.metrics.insert(name.to_owned(), value);
    metric("power", energy.power());
    metric("energy_per_token", energy.joules / tokens);
    if let Some(prompt) = observed.prompt_tokens {
        metric("energy_per_total_token", energy.joules / (tokens + prompt));
    }
    if let Some(length) = observed.lengths.get("output_tokens") {
        metric("energy_per_response", energy.joules / tokens * length);
    }
    metric("throughput_per_watt", tokens / energy.joules);
}

/// The scrapes of the server, where they are few.
fn scrapes(record: &Record, energy: &Energy) -> Option<Caveat> {
    let interval = OUTPUT.into_iter().find_map(|meaning| record.spacing(meaning))?;
    let found = ((energy.to - energy.from) / interval) as usize;
    (found < FEW_SCRAPES).then(|| {
        let text = format!("only {found} scrapes of the server in the window, one every {}", show(interval, "s"));
        Caveat::new("few_scrapes", text)
    })
}

/// Standard uncertainty of the tokens of a window, from reading a count between two scrapes: the rate there differs from
/// the mean rate by its scatter, and each end lies anywhere between two scrapes.
///
/// ```text
/// u = sd(rate) · s / sqrt(6)
/// ```
fn token_jitter(record: &Record, energy: &Energy) -> f64 {
    let Some(counter) = record.output_tokens() else { return 0.0 };
    let points = counter.series.between(energy.from, energy.to);
    let rates: Vec<f64> = points.windows(2).map(|pair| (pair[1].1 - pair[0].1) / (pair[1].0 - pair[0].0)).collect();
    let Some(mean) = crate::stats::mean(&rates) else { return 0.0 };
    let variance = rates.iter().map(|rate| (rate - mean).powi(2)).sum::<f64>() / rates.len() as f64;
    variance.sqrt() * OUTPUT.into_iter().find_map(|meaning| record.spacing(meaning)).unwrap_or(0.0) / 6_f64.sqrt()
}

fn set_details(run: &mut Run, energy: &Energy, observed: &Observed, per_token: f64, caveats: &[Caveat]) {
    let mut detail = |name: &str, value: f64| run.details.insert(name.to_owned(), value.to_string());
    detail("window_s", milliseconds(energy.to - energy.from));
    detail("energy_j", energy.joules);
    detail("energy_uncertainty_j", energy.uncertainty);
    detail("energy_per_token_uncertainty_j", per_token);
    detail("energy_readings", energy.readings as f64);
    detail("energy_interval_s", milliseconds(energy.interval));
    detail("output_tokens_counted", observed.output_tokens.unwrap_or(0.0));
    for (name, value) in [("prompt_tokens_counted", observed.prompt_tokens), ("requests", observed.requests)] {
        if let Some(value) = value {
            detail(name, value);
        }
    }
    for (name, value) in &observed.details {
        detail(name, *value);
    }
    let method = if energy.is_counted { "energy counter" } else { "mean power" };
    run.details.insert("energy_method".to_owned(), method.to_owned());
    let mut codes: Vec<&str> = caveats.iter().map(|caveat| caveat.code.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    if !codes.is_empty() {
        run.details.insert("caveats".to_owned(), codes.join(" "));
    }
}

/// Seconds to the millisecond, which is how finely Prometheus tells time; never a negative zero.
fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1e3).round() / 1e3 + 0.0
}

/// Where the runs come from.
fn provenance(
    api: &mut Api,
    question: &Question,
    selectors: &Selectors,
    clock_offset: f64,
    windows: &[Window; 2],
) -> toml::Table {
    let mut table = toml::Table::new();
    let mut put = |name: &str, value: toml::Value| table.insert(name.to_owned(), value);
    let text = |text: &str| toml::Value::String(text.to_owned());
    put("format", text("prometheus"));
    put("source", text("telemetry of a Prometheus server"));
    put("url", text(&question.url));
    put("tool", text(concat!("joules ", env!("CARGO_PKG_VERSION"))));
    if let Some(version) = api.version() {
        put("prometheus_version", text(&version));
    }
    put("selector", text(&selectors.server));
    put("gpu_selector", text(&selectors.gpu));
    put("queries", toml::Value::Array(api.queries.iter().map(|query| text(query)).collect()));
    put("clock_offset_s", toml::Value::Float(milliseconds(clock_offset)));
    put("energy", text("of the GPUs that `gpu_selector` matches, prefill included; no CPU, no host"));
    let mut spans = toml::Table::new();
    let mut caveats = Vec::new();
    for (window, side) in windows.iter().zip(&question.sides) {
        let mut own = toml::Table::new();
        own.insert("asked".to_owned(), text(&side.span));
        own.insert("from".to_owned(), text(&rfc3339(window.span.from)));
        own.insert("to".to_owned(), text(&rfc3339(window.span.to)));
        own.insert("energy_interval_s".to_owned(), toml::Value::Float(milliseconds(window.readings.1)));
        spans.insert(side.id.clone(), toml::Value::Table(own));
        caveats.extend(window.caveats.iter().map(|caveat| text(&format!("{}: {}", side.id, caveat.text))));
    }
    if clock_offset.abs() > FAR_APART {
        let offset = show(clock_offset.abs(), "s");
        let side = if clock_offset > 0.0 { "ahead of" } else { "behind" };
        caveats.push(text(&format!("the clock of Prometheus is {offset} {side} ours; windows are on its clock")));
    }
    if !caveats.is_empty() {
        put("caveats", toml::Value::Array(caveats));
    }
    put("window", toml::Value::Table(spans));
    table
}
