//! What the server is told to do.

/// Whose names `/metrics` uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavor {
    Vllm,
    Sglang,
    TrtLlm,
    Tgi,
}

/// Which chunks carry token counts, where the client asks for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Usage {
    Continuous,
    Last,
    None,
}

/// All that is scripted; times in seconds. `every: 0` means never.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
pub(crate) struct Script {
    pub(crate) port: u16,
    pub(crate) model: String,
    pub(crate) flavor: Flavor,
    pub(crate) batch: usize,
    pub(crate) step: f64,
    pub(crate) step_per_request: f64,
    pub(crate) prefill_per_token: f64,
    pub(crate) bundle: u32,
    pub(crate) usage: Usage,
    pub(crate) reasoning: u32,
    pub(crate) token_ids: bool,
    pub(crate) crlf: bool,
    pub(crate) comments: bool,
    pub(crate) tight: bool,
    pub(crate) cut_every: u64,
    pub(crate) cut_after: u32,
    pub(crate) busy_every: u64,
    pub(crate) retry_after: f64,
    pub(crate) fail_every: u64,
    pub(crate) silent_every: u64,
    pub(crate) slow_header: f64,
    pub(crate) stall_after: f64,
    pub(crate) stall: f64,
    pub(crate) healthy_after: f64,
    pub(crate) listen_after: f64,
    pub(crate) exit_after: Option<f64>,
    pub(crate) exit_at_running: Option<usize>,
    pub(crate) tls: bool,
    /// What is said to each request for tokens, before the connection is closed.
    pub(crate) raw: Option<Vec<u8>>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            port: 0,
            model: "scripted".to_owned(),
            flavor: Flavor::Vllm,
            batch: 64,
            step: 0.02,
            step_per_request: 0.0,
            prefill_per_token: 0.0,
            bundle: 1,
            usage: Usage::Continuous,
            reasoning: 0,
            token_ids: false,
            crlf: false,
            comments: false,
            tight: false,
            cut_every: 0,
            cut_after: 3,
            busy_every: 0,
            retry_after: 0.0,
            fail_every: 0,
            silent_every: 0,
            slow_header: 0.0,
            stall_after: 0.0,
            stall: 0.0,
            healthy_after: 0.0,
            listen_after: 0.0,
            exit_after: None,
            exit_at_running: None,
            tls: false,
            raw: None,
        }
    }
}

impl Script {
    /// The script of command-line arguments; the front page of `main.rs` lists them.
    pub(crate) fn from_arguments(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut script = Self::default();
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            let (name, given) = match argument.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (argument.clone(), None),
            };
            if script.set_flag(&name) {
                continue;
            }
            let value = given.or_else(|| arguments.next()).ok_or_else(|| format!("`{name}` has no value"))?;
            script.set(&name, &value)?;
        }
        Ok(script)
    }

    fn set_flag(&mut self, name: &str) -> bool {
        let flag = match name {
            "--token-ids" => &mut self.token_ids,
            "--crlf" => &mut self.crlf,
            "--comments" => &mut self.comments,
            "--tight" => &mut self.tight,
            "--tls" => &mut self.tls,
            _ => return false,
        };
        *flag = true;
        true
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let number = || value.parse::<f64>().map_err(|_| format!("`{name} {value}`: a number was expected"));
        let count = || value.parse::<u64>().map_err(|_| format!("`{name} {value}`: a count was expected"));
        match name {
            "--host" => {}
            "--port" => self.port = value.parse().map_err(|_| format!("`{value}` is no port"))?,
            "--model" | "--served-model-name" => value.clone_into(&mut self.model),
            "--flavor" => self.flavor = flavor(value)?,
            "--batch" | "--max-num-seqs" => self.batch = count()? as usize,
            "--step-ms" => self.step = number()? / 1e3,
            "--step-us-per-request" => self.step_per_request = number()? / 1e6,
            "--prefill-us-per-token" => self.prefill_per_token = number()? / 1e6,
            "--bundle" => self.bundle = count()?.max(1) as u32,
            "--usage" => self.usage = usage(value)?,
            "--reasoning" => self.reasoning = count()? as u32,
            "--cut-every" => self.cut_every = count()?,
            "--cut-after" => self.cut_after = count()? as u32,
            "--busy-every" => self.busy_every = count()?,
            "--retry-after-s" => self.retry_after = number()?,
            "--fail-every" => self.fail_every = count()?,
            "--silent-every" => self.silent_every = count()?,
            "--slow-header-s" => self.slow_header = number()?,
            "--stall-after-s" => self.stall_after = number()?,
            "--stall-s" => self.stall = number()?,
            "--healthy-after-s" => self.healthy_after = number()?,
            "--listen-after-s" => self.listen_after = number()?,
            "--exit-after-s" => self.exit_after = Some(number()?),
            "--exit-at-running" => self.exit_at_running = Some(count()? as usize),
            _ => return Err(format!("no argument `{name}`")),
        }
        Ok(())
    }

    /// Seconds of a step with so many running requests that takes in so many prompt tokens.
    pub(crate) fn step_time(&self, running: usize, prompt_tokens: u64) -> f64 {
        self.step + self.step_per_request * running as f64 + self.prefill_per_token * prompt_tokens as f64
    }
}

fn flavor(value: &str) -> Result<Flavor, String> {
    match value {
        "vllm" => Ok(Flavor::Vllm),
        "sglang" => Ok(Flavor::Sglang),
        "trtllm" => Ok(Flavor::TrtLlm),
        "tgi" => Ok(Flavor::Tgi),
        _ => Err(format!("no flavor `{value}`")),
    }
}

fn usage(value: &str) -> Result<Usage, String> {
    match value {
        "continuous" => Ok(Usage::Continuous),
        "last" => Ok(Usage::Last),
        "none" => Ok(Usage::None),
        _ => Err(format!("no usage `{value}`")),
    }
}
