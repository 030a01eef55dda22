//! The scenario that the scripted NVML plays: GPUs whose power is a known function of time, so that the energy of any
//! window is known exactly. Nothing but the standard library, so that the library and the tests share it.
//!
//! A scenario is a text file; `#` starts a comment, times are seconds since the scenario began, everything is optional:
//!
//! ```text
//! driver 580.159.04          # version of the driver
//! init no_permission         # what initialization answers: ok, no_permission, driver_not_loaded, version_mismatch, unknown
//! epoch_ns 123456789         # moment 0 on CLOCK_MONOTONIC [default: when the library is first used]
//! gpu 2                      # starts a GPU, or that many alike; what follows describes it
//! name NVIDIA H200
//! uuid GPU-0123              # a number is added where GPUs are alike
//! limit 700                  # power limit, W
//! power constant 300         # W
//! power square 100 500 0.1 0.2 0.03   # low W, high W, period s, share of the period at high, shift s
//! power ramp 100 500 10      # from W, to W, over s; then stays
//! tick 0.1 0.03              # the energy counter moves every 0.1 s, first at 0.03 s (the next GPU alike: 0.017 s later)
//! jitter 0.003               # each tick comes up to so much early or late
//! reset 5                    # the counter starts again at 0
//! stuck 5                    # the counter moves no more
//! lost 5                     # every call answers that the GPU is lost
//! slow 0.003                 # a call for the energy takes so long
//! unsupported energy         # also: samples, average, instant, temperature, clocks, throttle, violation, memory,
//!                            # utilization, processes, gpm, limit, mig [repeatable]
//! mig on
//! process 4242 1000000000    # a process with its bytes; `self` is the process that loaded the library [repeatable]
//! process @FILE 1000000000   # the processes whose numbers stand in a file, while there is one
//! throttle 0x4 0.5           # bits of the clock event reasons, and the share of each second for which they hold
//! clock 1980                 # SM clock, MHz
//! temperature 45             # °C
//! utilization 90 40          # GPU and memory, %
//! activity 80 40 60          # SM, DRAM and tensor activity, %
//! ```

use crate::power::Power;

/// What the library plays.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scenario {
    pub(crate) driver: String,
    pub(crate) init: String,
    pub(crate) epoch_ns: Option<u64>,
    pub(crate) gpus: Vec<Gpu>,
}

/// One GPU of a scenario.
#[derive(Clone, Debug)]
pub(crate) struct Gpu {
    pub(crate) name: String,
    pub(crate) uuid: String,
    pub(crate) limit: f64,
    pub(crate) power: Power,
    pub(crate) tick: f64,
    pub(crate) phase: f64,
    pub(crate) jitter: f64,
    pub(crate) reset: Option<f64>,
    pub(crate) stuck: Option<f64>,
    pub(crate) lost: Option<f64>,
    pub(crate) slow: f64,
    pub(crate) unsupported: Vec<String>,
    pub(crate) mig: bool,
    /// Number, or the file that holds numbers; bytes.
    processes: Vec<(String, u64)>,
    pub(crate) throttle: (u64, f64),
    pub(crate) clock: u32,
    pub(crate) temperature: u32,
    pub(crate) utilization: (u32, u32),
    pub(crate) activity: [f64; 3],
}

impl Gpu {
    fn new(index: usize) -> Self {
        Self {
            name: "NVIDIA H200".to_owned(),
            uuid: format!("GPU-5c21-{index}"),
            limit: 700.0,
            power: Power::Constant(100.0),
            tick: 0.1,
            phase: 0.0,
            jitter: 0.0,
            reset: None,
            stuck: None,
            lost: None,
            slow: 0.0,
            unsupported: Vec::new(),
            mig: false,
            processes: Vec::new(),
            throttle: (0, 1.0),
            clock: 1980,
            temperature: 45,
            utilization: (90, 40),
            activity: [80.0, 40.0, 60.0],
        }
    }

    /// When tick `k` comes.
    fn tick_at(&self, k: f64) -> f64 {
        // A number between -1 and 1 that looks random and is always the same.
        let wobble = (k * 12.9898 + self.phase * 78.233).sin();
        self.phase + k * self.tick + self.jitter * wobble
    }

    /// The last tick at or before a moment.
    pub(crate) fn last_tick(&self, t: f64) -> f64 {
        let near = ((t - self.phase) / self.tick).floor();
        let ticks = [near + 1.0, near, near - 1.0].map(|k| self.tick_at(k));
        ticks.into_iter().find(|tick| *tick <= t).unwrap_or(t)
    }

    /// Who has a context now, with its bytes.
    pub(crate) fn running(&self) -> Vec<(u32, u64)> {
        let numbers = |word: &str| match (word, word.strip_prefix('@')) {
            ("self", _) => std::process::id().to_string(),
            (_, Some(file)) => std::fs::read_to_string(file).unwrap_or_default(),
            (number, None) => number.to_owned(),
        };
        let mut all = Vec::new();
        for (word, bytes) in &self.processes {
            all.extend(numbers(word).split_whitespace().filter_map(|pid| Some((pid.parse().ok()?, *bytes))));
        }
        all
    }

    /// What the energy counter shows, mJ.
    pub(crate) fn counter(&self, t: f64) -> u64 {
        let tick = self.last_tick(self.stuck.map_or(t, |stuck| t.min(stuck)));
        let since = match self.reset {
            // The driver has run for a while before the scenario.
            Some(reset) if tick >= reset => self.power.energy(tick) - self.power.energy(reset),
            _ => 1000.0 + self.power.energy(tick),
        };
        (since * 1000.0).max(0.0) as u64
    }
}

impl Scenario {
    /// Reads a scenario; says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut scenario = Self { driver: "580.159.04".to_owned(), init: "ok".to_owned(), ..Self::default() };
        let mut alike = 1;
        for (at, line) in text.lines().enumerate() {
            let words: Vec<&str> = line.split('#').next().unwrap_or_default().split_whitespace().collect();
            let fault = || format!("line {}: cannot read `{line}`", at + 1);
            match words[..] {
                [] => {}
                ["driver", version] => version.clone_into(&mut scenario.driver),
                ["init", answer] => answer.clone_into(&mut scenario.init),
                ["epoch_ns", ns] => scenario.epoch_ns = Some(ns.parse().map_err(|_| fault())?),
                ["gpu"] | ["gpu", _] => {
                    scenario.repeat(alike);
                    alike = words.get(1).map_or(Ok(1), |count| count.parse()).map_err(|_| fault())?;
                    scenario.gpus.push(Gpu::new(scenario.gpus.len()));
                }
                [key, ref rest @ ..] => {
                    scenario.gpus.last_mut().and_then(|gpu| gpu.set(key, rest)).ok_or_else(fault)?;
                }
            }
        }
        scenario.repeat(alike);
        Ok(scenario)
    }

    /// The last GPU so many times.
    fn repeat(&mut self, alike: usize) {
        let Some(first) = self.gpus.last().cloned() else { return };
        for copy in 1..alike {
            let uuid = format!("{}-{copy}", first.uuid);
            let phase = first.phase + 0.017 * copy as f64;
            self.gpus.push(Gpu { uuid, phase, ..first.clone() });
        }
    }
}

impl Gpu {
    /// Takes one line of the scenario.
    fn set(&mut self, key: &str, rest: &[&str]) -> Option<()> {
        let number = |at: usize| rest.get(at).and_then(|word| word.parse::<f64>().ok());
        match key {
            "name" => self.name = rest.join(" "),
            "uuid" => self.uuid = rest.concat(),
            "limit" => self.limit = number(0)?,
            "power" => self.power = power(rest)?,
            "tick" => (self.tick, self.phase) = (number(0)?, number(1).unwrap_or(0.0)),
            "jitter" => self.jitter = number(0)?,
            "reset" => self.reset = Some(number(0)?),
            "stuck" => self.stuck = Some(number(0)?),
            "lost" => self.lost = Some(number(0)?),
            "slow" => self.slow = number(0)?,
            "unsupported" => self.unsupported.extend(rest.iter().map(|&word| word.to_owned())),
            "mig" => self.mig = rest == ["on"],
            "process" => {
                self.processes.push(((*rest.first()?).to_owned(), number(1).unwrap_or(5e8) as u64));
            }
            "throttle" => {
                let bits = u64::from_str_radix(rest.first()?.trim_start_matches("0x"), 16).ok()?;
                self.throttle = (bits, number(1).unwrap_or(1.0));
            }
            "clock" => self.clock = number(0)? as u32,
            "temperature" => self.temperature = number(0)? as u32,
            "utilization" => self.utilization = (number(0)? as u32, number(1)? as u32),
            "activity" => self.activity = [number(0)?, number(1)?, number(2)?],
            _ => return None,
        }
        Some(())
    }
}

fn power(words: &[&str]) -> Option<Power> {
    let number = |at: usize| words.get(at).and_then(|word| word.parse::<f64>().ok());
    Some(match *words.first()? {
        "constant" => Power::Constant(number(1)?),
        "square" => Power::Square {
            low: number(1)?,
            high: number(2)?,
            period: number(3)?,
            duty: number(4)?,
            shift: number(5).unwrap_or(0.0),
        },
        "ramp" => Power::Ramp { from: number(1)?, to: number(2)?, over: number(3)? },
        _ => return None,
    })
}
