//! This machine as a place to measure.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::SweepError;
use super::folder::file_name;
use super::leftover::Tag;
use super::plan::{Block, Visit};
use super::server::{Process, ending};
use super::spec::{Launch, Server, Spec};
use super::station::{Ending, Failed, Idle, Measured, Station, Tell};
use super::stop::{Interrupted, Stop};
use super::template::{Values, fill};
use super::tenants::Tenants;
use super::{command, told};
use crate::measure::Clock;
use crate::measure::http::{Blocking, Options, Url};
use crate::measure::meter::{Holder, MeterChoice, Recorder};

/// How often a server is asked whether it is ready, s.
const ASK: f64 = 0.25;
/// How long a server may take to say so.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a process that is stopped in a hurry may take, s.
const HURRY: f64 = 1.0;

/// This machine: its meters, and the servers and commands started on it.
pub struct Local<'a> {
    pub(super) spec: &'a Spec,
    folder: PathBuf,
    pub(super) logs: PathBuf,
    pub(super) clock: Clock,
    pub(super) recorder: Recorder,
    /// Opens CUDA contexts, where that can be.
    holder: Option<Holder>,
    pub(super) stop: Stop,
    pub(super) http: Blocking,
    pub(super) http_options: Options,
    pub(super) tenants: Tenants,
    server: Option<Process>,
    /// Whether a server was started that is no child of ours any more, or runs behind one.
    is_serving: bool,
    /// Whether the server that answers is that of the block: what nobody is ready for has no baseline.
    is_ready: bool,
    pub(super) values: Values,
    /// Power with this server loaded and idle, W, and how far it may be off, if it was measured.
    pub(super) idle_power: Option<(f64, f64)>,
}

impl<'a> Local<'a> {
    /// Starts the meters. Logs go into the folder of the sweep; `http` says how to speak to the server; `is_shared`, that
    /// others may compute on the GPUs.
    pub fn new(
        spec: &'a Spec,
        folder: &Path,
        meters: &MeterChoice,
        http: Options,
        stop: &Stop,
        is_shared: bool,
    ) -> Result<Self, SweepError> {
        let no_meter = |reason: String| SweepError::NoMeter { reason };
        let clock = Clock::start();
        let recorder = Recorder::start(clock, meters).map_err(|error| no_meter(error.to_string()))?;
        let http_options = http.clone();
        let http = Blocking::new(http).map_err(|error| SweepError::Client { reason: error.to_string() })?;
        // The first tick of a counter is seen before anything is measured.
        recorder.wait_past(clock.now());
        // Most of a sweep is waiting.
        recorder.relax(true);
        let logs = folder.join("logs");
        let stop = stop.clone();
        Ok(Self {
            spec,
            folder: folder.to_owned(),
            logs,
            clock,
            recorder,
            holder: meters.holder.clone(),
            stop,
            http,
            http_options,
            tenants: Tenants::new(is_shared),
            server: None,
            is_serving: false,
            is_ready: false,
            values: Values::new(),
            idle_power: None,
        })
    }

    /// From now on every tick is looked at.
    fn attend(&self) {
        self.recorder.relax(false);
        self.recorder.wait_past(self.clock.now());
    }

    /// Mean power over so many seconds from now in which nothing is done; none if somebody else did something.
    fn idle(
        &mut self,
        kind: &'static str,
        when: &'static str,
        seconds: f64,
        tell: &mut Tell<'_>,
    ) -> Result<Option<Idle>, Interrupted> {
        if seconds <= 0.0 {
            return Ok(None);
        }
        let state = match kind {
            "loaded" => "server loaded",
            "context" => "a CUDA context that does nothing",
            _ => "no server",
        };
        tell(&format!("idle power, {state}, {seconds} s"));
        self.stop.wait(self.spec.baseline.settle)?;
        self.attend();
        let from = self.clock.now();
        let waited = self.stop.wait(seconds);
        let to = self.clock.now();
        self.recorder.wait_past(to);
        self.recorder.relax(true);
        waited?;
        if let Some(others) = self.others(from, to) {
            tell(&format!("the idle power is left out: {others}"));
            return Ok(None);
        }
        Ok(told::idle(kind, when, &self.recorder.window(from, to)))
    }

    /// Idle power with a CUDA context on each GPU; none where none can be opened, which is told once.
    fn with_context(&mut self, seconds: f64, tell: &mut Tell<'_>) -> Result<Option<Idle>, Interrupted> {
        let Some(holder) = self.holder.clone().filter(|_| seconds > 0.0) else { return Ok(None) };
        match holder.open(&self.recorder.gpus()) {
            Ok(contexts) => {
                let found = self.idle("context", "before", seconds, tell);
                drop(contexts);
                found
            }
            Err(reason) => {
                self.holder = None;
                tell(&format!("idle power with a CUDA context is not measured: {reason}"));
                Ok(None)
            }
        }
    }

    pub(super) fn url(&self, server: &Server, path: &str) -> Result<Url, Failed> {
        let address = fill(&server.url, &self.values).map_err(Failed::new)?;
        let whole = format!("{}{path}", address.trim_end_matches('/'));
        Url::parse(&whole).map_err(|error| Failed::new(error.to_string()))
    }

    /// Whether the server says that it is ready; else what it says.
    pub(super) fn health(&self, server: &Server) -> Result<(), String> {
        self.ask(server).map_err(|(said, _)| said)
    }

    /// The same, with whether it will say so for ever.
    fn ask(&self, server: &Server) -> Result<(), (String, bool)> {
        let url = self.url(server, &server.health).map_err(|failed| (failed.reason, true))?;
        match self.http.get(&url, PATIENCE) {
            Ok(answer) if answer.is_success() => Ok(()),
            Ok(answer) => Err((format!("`{url}` answers {}", answer.status), false)),
            Err(error) => Err((error.to_string(), error.is_lasting())),
        }
    }

    /// Starts a process that is ended, with all that descends from it, by this sweep or its next start.
    pub(super) fn start(&self, launch: &Launch, log: &Path) -> Result<Process, Failed> {
        Process::start(launch, log, Tag::new(&self.folder)).map_err(Failed::new)
    }

    /// Starts the server, and waits until it is ready.
    fn serve(&mut self, server: &Server, launch: &Launch, tell: &mut Tell<'_>) -> Result<(), Ending> {
        let log = self.logs.join(format!("server-{}.log", file_name(&launch.argv.join(" "))));
        tell(&format!("starting the server: {}", launch.argv.join(" ")));
        let mut process = self.start(launch, &log)?;
        self.is_serving = true;
        let begun = self.clock.now();
        loop {
            if let Some(status) = process.ended() {
                // A command that starts a server behind it and ends well is no failure where another command stops it.
                if !status.success() || server.stop.is_empty() {
                    let reason = format!("the server {} before it was ready", ending(status));
                    return Err(Failed::of_server(reason, Some(&process)).into());
                }
            }
            let Err((said, is_lasting)) = self.ask(server) else { break };
            if is_lasting {
                let reason = format!("the server cannot be asked whether it is ready: {said}");
                return Err(Failed::of_server(reason, Some(&process)).into());
            }
            let waited = self.clock.now() - begun;
            if waited > server.start_timeout {
                let reason = format!("the server was not ready after {:.0} s: {said}", server.start_timeout);
                return Err(Failed::of_server(reason, Some(&process)).into());
            }
            if let Err(interrupted) = self.stop.wait(ASK) {
                process.stop(HURRY);
                return Err(interrupted.into());
            }
        }
        tell(&format!("the server is ready after {:.1} s", self.clock.now() - begun));
        self.server = Some(process);
        Ok(())
    }

    /// Nothing else may answer where the server is to listen; whether something did that could be stopped.
    pub(super) fn clear(&mut self, server: &Server, tell: &mut Tell<'_>) -> Result<bool, Ending> {
        if self.health(server).is_err() {
            return Ok(false);
        }
        if !server.stop.is_empty() {
            tell("a server runs already; it is stopped first");
            self.run_stop(server, server.stop_timeout);
        }
        let end = self.clock.now() + 10.0;
        while self.health(server).is_ok() {
            if self.clock.now() > end {
                let reason = format!(
                    "a server that this sweep did not start answers at {}; stop it, or leave `argv` away to measure it",
                    server.url
                );
                return Err(Failed::new(reason).into());
            }
            self.stop.wait(ASK)?;
        }
        Ok(true)
    }

    /// Runs the command that stops the server.
    fn run_stop(&self, server: &Server, patience: f64) {
        let Ok(Some(launch)) = server.stopping(&self.values) else { return };
        if let Ok(mut process) = self.start(&launch, &self.logs.join("stop.log")) {
            // Asked to stop oneself, one still stops the server.
            let _ = process.wait(patience, &Stop::new(), || {});
            process.stop(HURRY);
        }
    }

    /// Stops the server that was started, and says so where something answers in its place all the same.
    fn end_server(&mut self, tell: &mut Tell<'_>) {
        if !self.is_serving {
            return;
        }
        let Some(server) = &self.spec.server else { return };
        let patience = if self.stop.is_raised() { HURRY } else { server.stop_timeout };
        self.run_stop(server, patience);
        if let Some(mut process) = self.server.take() {
            process.stop(patience);
        }
        self.is_serving = false;
        if self.health(server).is_ok() {
            tell(&format!(
                "the server was stopped, but something still answers at {}: the server's command started it in the \
                 background, or it is somebody else's; give the command that stops it as `stop` in `[server]`",
                server.url
            ));
        }
    }

    /// The number of the server's process, where one was started.
    pub(super) fn server_id(&self) -> Option<u32> {
        self.server.as_ref().map(Process::id)
    }

    /// Whether the process of the server has ended, where that means something.
    pub(super) fn server_has_ended(&mut self) -> bool {
        let is_launcher = self.spec.server.as_ref().is_some_and(|server| !server.stop.is_empty());
        !is_launcher && self.server.as_mut().is_some_and(|process| process.ended().is_some())
    }

    /// That the server must be started again, with its log.
    pub(super) fn server_failed(&self, reason: String) -> Failed {
        Failed::of_server(reason, self.server.as_ref())
    }

    /// A word on the server, if it is down.
    pub(super) fn server_fault(&mut self) -> Option<Failed> {
        let server = self.spec.server.as_ref()?;
        if let Some(process) = &mut self.server
            && let Some(status) = process.ended()
            && server.stop.is_empty()
        {
            let reason = format!("the server {}", ending(status));
            return Some(Failed::of_server(reason, Some(process)));
        }
        let said = self.health(server).err()?;
        let reason = format!("the server is not healthy any more: {said}");
        Some(Failed::of_server(reason, self.server.as_ref()))
    }
}

impl Station for Local<'_> {
    fn enter(&mut self, block: &Block, tell: &mut Tell<'_>) -> Result<Vec<Idle>, Ending> {
        if let Some(visit) = block.visits.first() {
            self.values.clone_from(&visit.values);
        }
        let mut found = Vec::new();
        let baseline = self.spec.baseline;
        self.is_ready = false;
        if let (Some(server), true) = (&self.spec.server, block.starts_server()) {
            // Before the baseline: what serves holds a context.
            self.clear(server, tell)?;
        }
        if block.starts_server() || self.spec.server.is_none() {
            // Of a server that runs already, what is there is taken to be it.
            self.wait_for_others(tell)?;
            found.extend(self.idle("no_context", "before", baseline.no_context, tell)?);
            found.extend(self.with_context(baseline.context, tell)?);
        }
        let Some(server) = &self.spec.server else { return Ok(found) };
        match &block.launch {
            Some(launch) if !launch.argv.is_empty() => self.serve(server, launch, tell)?,
            _ => self.health(server).map_err(|said| Failed::new(format!("the server is not there: {said}")))?,
        }
        self.is_ready = true;
        self.settle(tell);
        let loaded = self.idle("loaded", "before", baseline.loaded, tell)?;
        self.idle_power = loaded.as_ref().map(|own| (own.power, own.bound));
        found.extend(loaded);
        Ok(found)
    }

    fn rest(&mut self, tell: &mut Tell<'_>) -> Result<(), Ending> {
        self.wait_for_others(tell)?;
        let Some(aim) = self.spec.cool_to else { return Ok(self.stop.wait(self.spec.cooldown)?) };
        let end = self.clock.now() + self.spec.cooldown;
        let mut has_told = false;
        loop {
            self.stop.wait(0.5)?;
            let now = self.clock.now();
            let window = self.recorder.window(now - 2.0, now);
            let Some(warm) = window.observed.get("temperature").copied() else { return Ok(()) };
            if warm <= aim || now > end {
                return Ok(());
            }
            if !has_told {
                tell(&format!("cooling down from {:.0} °C to {:.0} °C", warm - 273.15, aim - 273.15));
                has_told = true;
            }
        }
    }

    fn measure(&mut self, visit: &Visit, tell: &mut Tell<'_>) -> Result<Measured, Ending> {
        self.values.clone_from(&visit.values);
        self.tenants.begin();
        self.attend();
        let measured = match &self.spec.command {
            Some(own) => command::measure(self, own, visit, tell),
            None => super::loaded::measure(self, visit, tell),
        };
        self.recorder.relax(true);
        let mut measured = measured?;
        told::add_machine(&mut measured, &self.recorder);
        self.tenants.tell(&mut measured);
        Ok(measured)
    }

    fn leave(&mut self, block: &Block, tell: &mut Tell<'_>) -> Vec<Idle> {
        let mut found = Vec::new();
        let baseline = self.spec.baseline;
        // Nobody waits for a baseline who was asked to stop, or whose server is gone.
        let is_alive = self.is_ready && !self.stop.is_raised() && self.server_fault().is_none();
        self.is_ready = false;
        if is_alive {
            found.extend(self.idle("loaded", "after", baseline.loaded, tell).unwrap_or_default());
        }
        if block.starts_server() {
            tell("stopping the server");
            self.end_server(tell);
            self.tenants.leave();
        }
        found
    }

    fn finish(&mut self, tell: &mut Tell<'_>) -> Vec<Idle> {
        let server = self.spec.server.as_ref();
        // A server that answers still is none of the sweep's, and may hold a context.
        let is_served = server.is_some_and(|server| server.argv.is_empty() || self.health(server).is_ok());
        if is_served || self.stop.is_raised() {
            return Vec::new();
        }
        let found = self.idle("no_context", "after", self.spec.baseline.no_context, tell);
        found.unwrap_or_default().into_iter().collect()
    }
}

impl Drop for Local<'_> {
    fn drop(&mut self) {
        self.end_server(&mut |_| {});
    }
}
