//! From a sweep's file to a [`Spec`]: every fault is told, each with its place.

use std::collections::BTreeMap;

use toml::de::DeTable;

use super::curve::Added;
use super::error::SweepError;
use super::points::{Axes, MOST};
use super::spec::{Baseline, Command, Conditional, Server, Slurm, Spec, Steady};
use super::tables::{Reader, Said, Section, share};
use super::template::{Values, names};

/// The tables of a file.
const SECTIONS: [&str; 11] =
    ["sweep", "conditions", "variables", "knobs", "points", "server", "load", "steady", "command", "baseline", "slurm"];
/// Keys of `[load]`. Those which are names of conditions are taken from the point where they are not given.
pub(super) const LOAD_KEYS: [&str; 17] = [
    "endpoint",
    "model",
    "prompt_tokens",
    "output_tokens",
    "concurrency",
    "request_rate",
    "burst",
    "burstiness",
    "temperature",
    "ignore_eos",
    "vocabulary",
    "dataset",
    "timeout",
    "stagger",
    "ramp",
    "retries",
    "body",
];
/// Options of `sbatch` that are keys of `[slurm]`.
const SBATCH: [&str; 11] = [
    "partition",
    "gres",
    "time",
    "account",
    "qos",
    "constraint",
    "nodelist",
    "exclude",
    "mem",
    "cpus_per_task",
    "gpus_per_task",
];

impl Spec {
    /// Reads a sweep; `file` is its name in messages.
    pub fn parse(file: &str, text: &str) -> Result<Self, SweepError> {
        Self::read(file, text, Vec::new())
    }

    /// Reads a sweep for whose adaptive knobs these values were chosen.
    pub(super) fn read(file: &str, text: &str, added: Vec<Added>) -> Result<Self, SweepError> {
        let mut reader = Reader { file, text, faults: Vec::new(), added };
        let spec = match DeTable::parse(text) {
            Ok(table) => {
                let at = 0..text.len().min(1);
                Some(reader.spec(&Section { name: "a sweep".to_owned(), at, table: table.get_ref() }))
            }
            Err(error) => {
                reader.fault(&error.span().unwrap_or_default(), error.message().to_owned());
                None
            }
        };
        match spec {
            Some(spec) if reader.faults.is_empty() => Ok(spec),
            _ => Err(SweepError::faulty(file, text, reader.faults)),
        }
    }
}

impl<'t> Reader<'t> {
    fn spec(&mut self, root: &Section<'_, 't>) -> Spec {
        self.only(root, &SECTIONS);
        let about = self.section(root, "sweep");
        let name = about.as_ref().and_then(|own| self.name(own));
        if about.is_none() {
            self.fault(&root.at, "there is no `[sweep]`; begin with `[sweep]` and `name = \"…\"`");
        }
        let mut axes = Axes::default();
        let server = self.section(root, "server").map(|own| self.server(&own, &mut axes));
        let load = self.section(root, "load").map(|own| self.load(&own, &mut axes));
        let command = self.section(root, "command").map(|own| self.command(&own, &mut axes));
        self.check_kind(root, server.is_some(), load.is_some(), command.is_some());
        let points = self.points(root, axes);
        let mut spec = Spec {
            name: name.unwrap_or_default(),
            seed: 0,
            replicates: 1,
            budget: None,
            anchor: Values::new(),
            cooldown: 0.0,
            cool_to: None,
            points: points.all,
            first: points.first,
            curves: points.curves,
            added: self.added.clone(),
            server,
            load,
            steady: self.steady(root),
            command,
            baseline: self.baseline(root),
            slurm: self.slurm(root),
            text: self.text.to_owned(),
        };
        if let Some(about) = about {
            self.about(&about, &mut spec);
        }
        self.try_points(root, &spec);
        spec
    }

    fn name(&mut self, about: &Section<'_, 't>) -> Option<String> {
        let Some(said) = self.said(about, "name") else {
            self.fault(&about.at, "`[sweep]` needs a `name`: its files and runs are called by it");
            return None;
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if said.text.is_empty() || said.text.starts_with('.') || !said.text.chars().all(plain) || said.text == "spec" {
            let message = format!("`{}` cannot name files; use letters, digits, `-`, `_` and `.`", said.text);
            self.fault(&said.at, message);
        }
        Some(said.text)
    }

    fn about(&mut self, about: &Section<'_, 't>, spec: &mut Spec) {
        self.only(about, &["name", "seed", "replicates", "budget", "anchor", "cooldown", "cool_to"]);
        let seed = self.parsed(about, "seed", |text| {
            text.parse().map_err(|_| format!("`{text}` is no whole number of at least 0"))
        });
        spec.seed = seed.unwrap_or(0);
        spec.replicates = self.replicates(about, spec.points.len());
        spec.budget = self.seconds(about, "budget");
        spec.cooldown = self.seconds(about, "cooldown").unwrap_or(0.0);
        spec.cool_to = self.parsed(about, "cool_to", super::tables::kelvin);
        if spec.cool_to.is_some() && spec.cooldown == 0.0 {
            spec.cooldown = 120.0;
        }
        if let Some(value) = about.get("anchor")
            && let Some(anchor) = self.as_section("`anchor`".to_owned(), value)
        {
            spec.anchor = self.anchor(&anchor, &spec.points);
        }
    }

    fn replicates(&mut self, about: &Section<'_, 't>, points: usize) -> usize {
        let replicates = self.count(about, "replicates", 1).unwrap_or(1);
        let visits = replicates.saturating_mul(points);
        if visits > MOST
            && points <= MOST
            && let Some(said) = self.said(about, "replicates")
        {
            self.fault(&said.at, format!("`replicates`: the sweep has {visits} visits, and {MOST} are the most"));
            return 1;
        }
        replicates
    }

    fn check_kind(&mut self, root: &Section<'_, 't>, server: bool, load: bool, command: bool) {
        let at = |name: &str| root.get(name).map_or(root.at.clone(), toml::Spanned::span);
        if load && command {
            self.fault(
                &at("command"),
                "`[load]` and `[command]` exclude each other: a point is measured by one of them",
            );
        }
        if !load && !command {
            self.fault(&at("server"), "nothing makes work; give `[load]` with a `[server]`, or a `[command]`");
        }
        if load && !server {
            self.fault(&at("load"), "a load needs a `[server]` with its `url`, also where it runs already");
        }
    }

    fn server(&mut self, own: &Section<'_, 't>, axes: &mut Axes) -> Server {
        let keys =
            ["argv", "arguments", "env", "cwd", "url", "health", "metrics", "start_timeout", "stop", "stop_timeout"];
        self.only(own, &keys);
        let url = self.template(own, "url", axes);
        if url.is_none() {
            self.fault(&own.at, "`[server]` needs a `url`, such as `http://127.0.0.1:8000`");
        }
        let argv = self.templates(own, "argv", axes);
        let mut arguments = Vec::new();
        for more in self.sections(own, "arguments") {
            arguments.push(self.conditional(&more, axes));
        }
        let metrics = self.said(own, "metrics").map_or_else(|| "/metrics".to_owned(), |said| said.text);
        Server {
            argv,
            arguments,
            env: self.env(own, axes),
            cwd: self.template(own, "cwd", axes),
            url: url.unwrap_or_default().trim_end_matches('/').to_owned(),
            health: self.said(own, "health").map_or_else(|| "/health".to_owned(), |said| said.text),
            metrics: Some(metrics).filter(|path| !matches!(path.as_str(), "" | "none")),
            start_timeout: self.some_seconds(own, "start_timeout").unwrap_or(600.0),
            stop: self.templates(own, "stop", axes),
            stop_timeout: self.seconds(own, "stop_timeout").unwrap_or(30.0),
        }
    }

    /// `{ when = { precision = "fp8" }, add = ["--quantization", "fp8"] }`.
    fn conditional(&mut self, own: &Section<'_, 't>, axes: &mut Axes) -> Conditional {
        self.only(own, &["when", "add"]);
        let mut when = BTreeMap::new();
        if let Some(value) = own.get("when")
            && let Some(section) = self.as_section("`when`".to_owned(), value)
        {
            for (name, value) in section.entries() {
                if let Some(said) = self.scalar(&name.text, value) {
                    axes.decides(&name);
                    let text = crate::runs::canonical_value(&name.text, &said.text).to_owned();
                    when.insert(name.text.clone(), text);
                }
            }
        }
        if when.is_empty() {
            self.fault(&own.at, "arguments without `when` belong into `argv`; write `when = { precision = \"fp8\" }`");
        }
        Conditional { when, add: self.templates(own, "add", axes) }
    }

    fn load(&mut self, own: &Section<'_, 't>, axes: &mut Axes) -> BTreeMap<String, String> {
        self.only(own, &LOAD_KEYS);
        let mut fields = BTreeMap::new();
        if let Some(body) = own.get("body") {
            match super::body::template(body) {
                Ok(text) => drop(fields.insert("body".to_owned(), text)),
                Err(message) => self.fault(&body.span(), message),
            }
        }
        for key in LOAD_KEYS.into_iter().filter(|key| *key != "body") {
            if let Some(text) = self.template(own, key, axes) {
                fields.insert(key.to_owned(), text);
            } else if key != "model" && crate::runs::condition_name(key).is_some() {
                axes.uses(key);
            }
        }
        if !fields.contains_key("model") {
            self.fault(&own.at, "`[load]` needs `model`: the name by which the server knows it");
        }
        fields
    }

    fn command(&mut self, own: &Section<'_, 't>, axes: &mut Axes) -> Command {
        self.only(own, &["argv", "env", "cwd", "timeout", "item", "items", "least"]);
        let argv = self.templates(own, "argv", axes);
        if argv.is_empty() {
            self.fault(&own.at, "`[command]` needs `argv`: program and arguments as a list, without a shell");
        }
        let item = self.parsed(own, "item", |text| match text.trim_end_matches('s') {
            item @ ("token" | "image" | "video") => Ok(item.to_owned()),
            _ => Err(format!("`{text}` is nothing that is counted; write `token`, `image` or `video`")),
        });
        Command {
            argv,
            env: self.env(own, axes),
            cwd: self.template(own, "cwd", axes),
            timeout: self.some_seconds(own, "timeout").unwrap_or(3600.0),
            item,
            items: self.template(own, "items", axes),
            least: self.seconds(own, "least").unwrap_or(0.0),
        }
    }

    fn steady(&mut self, root: &Section<'_, 't>) -> Steady {
        let mut steady = Steady { min_window: 30.0, precision: 0.01, max_time: 180.0, settle: 2.0, stagnation: 60.0 };
        let Some(own) = self.section(root, "steady") else { return steady };
        self.only(&own, &["min_window", "precision", "max_time", "settle", "stagnation"]);
        steady.min_window = self.some_seconds(&own, "min_window").unwrap_or(steady.min_window);
        steady.precision = self.parsed(&own, "precision", share).unwrap_or(steady.precision);
        steady.max_time = self.some_seconds(&own, "max_time").unwrap_or(steady.max_time.max(2.0 * steady.min_window));
        steady.settle = self.seconds(&own, "settle").unwrap_or(steady.settle);
        steady.stagnation = self.some_seconds(&own, "stagnation").unwrap_or(steady.stagnation);
        // Windows begin and end at whole seconds.
        if steady.max_time < steady.min_window + steady.settle + 2.0 {
            let message = "`max_time` must be at least 2 s longer than `settle` and `min_window` together, so that a \
                           window can be found";
            self.fault(&own.at, message);
        }
        steady
    }

    fn baseline(&mut self, root: &Section<'_, 't>) -> Baseline {
        let mut baseline = Baseline { no_context: 10.0, context: 10.0, loaded: 10.0, settle: 2.0 };
        let Some(own) = self.section(root, "baseline") else { return baseline };
        self.only(&own, &["no_context", "context", "loaded", "settle"]);
        baseline.no_context = self.seconds(&own, "no_context").unwrap_or(baseline.no_context);
        baseline.context = self.seconds(&own, "context").unwrap_or(baseline.no_context);
        baseline.loaded = self.seconds(&own, "loaded").unwrap_or(baseline.loaded);
        baseline.settle = self.seconds(&own, "settle").unwrap_or(baseline.settle);
        baseline
    }

    fn slurm(&mut self, root: &Section<'_, 't>) -> Slurm {
        let Some(own) = self.section(root, "slurm") else { return Slurm::default() };
        self.only(&own, &[&SBATCH[..], &["at_once", "extra", "setup", "joules"]].concat());
        let mut options = Vec::new();
        for key in SBATCH {
            if let Some(said) = self.said(&own, key) {
                self.one_line(&said);
                options.push((key.replace('_', "-"), said.text));
            }
        }
        let extra = self.list(&own, "extra");
        for said in &extra {
            self.one_line(said);
            if !said.text.starts_with("#SBATCH ") {
                self.fault(&said.at, format!("`{}` must begin with `#SBATCH `; shell goes into `setup`", said.text));
            }
        }
        Slurm {
            options,
            at_once: self.count(&own, "at_once", 1),
            extra: texts(extra),
            setup: texts(self.list(&own, "setup")),
            joules: self.said(&own, "joules").map(|said| said.text),
        }
    }

    fn one_line(&mut self, said: &Said) {
        if said.text.contains(['\n', '\r']) {
            self.fault(&said.at, "it must be one line");
        }
    }

    fn env(&mut self, own: &Section<'_, 't>, axes: &mut Axes) -> BTreeMap<String, String> {
        let mut env = BTreeMap::new();
        let Some(value) = own.get("env") else { return env };
        let Some(section) = self.as_section("`env`".to_owned(), value) else { return env };
        for (name, value) in section.entries() {
            if name.text.is_empty() || name.text.contains(['=', '\0']) {
                self.fault(&name.at, format!("`{}` cannot be the name of a variable", name.text.escape_debug()));
            }
            if let Some(said) = self.scalar(&name.text, value) {
                self.check_template(&said, axes);
                env.insert(name.text, said.text);
            }
        }
        env
    }

    /// A text with placeholders.
    fn template(&mut self, own: &Section<'_, 't>, key: &str, axes: &mut Axes) -> Option<String> {
        let said = self.said(own, key)?;
        self.check_template(&said, axes);
        Some(said.text)
    }

    /// A list of texts with placeholders.
    fn templates(&mut self, own: &Section<'_, 't>, key: &str, axes: &mut Axes) -> Vec<String> {
        let list = self.list(own, key);
        for said in &list {
            self.check_template(said, axes);
        }
        texts(list)
    }

    pub(super) fn check_template(&mut self, said: &Said, axes: &mut Axes) {
        if said.text.contains('\0') {
            self.fault(&said.at, "a text of a process or a request cannot hold the character 0");
        }
        match names(&said.text) {
            Ok(names) => axes.places.extend(names.into_iter().map(|name| (name, said.at.clone()))),
            Err(message) => self.fault(&said.at, message),
        }
    }
}

fn texts(list: Vec<Said>) -> Vec<String> {
    list.into_iter().map(|said| said.text).collect()
}
