//! From what was written to what is asked: every fault is told, each with its place.

use super::amounts::{self, Item};
use super::curve;
use super::error::{Fault, PlanError};
use super::question::{Curve, Demand, Goal, Gpu, Limit, Question, Service};
use super::written::{At, Pair, Said, Written, WrittenService};
use crate::catalog::Catalog;
use crate::fit::Fitted;
use crate::model::Model;
use crate::notes::{did_you_mean, nearest, quoted};
use crate::runs::{Axis, Run, RunsError, Value, axes, split_precision};
use crate::unit::Dimension;

/// Opens the file of a demand by its name in the plan.
pub type Open<'a> = dyn Fn(&str) -> Result<String, RunsError> + 'a;

/// Conditions that a plan says in a way of its own.
const NOT_SET: [(&str, &str); 4] = [
    ("gpu", "name GPU types by `gpu`, with their counts"),
    ("model", "name it by `model`"),
    ("task", "name it by `task`"),
    ("request_rate", "say it by `demand`: every replica runs at its operating point"),
];

/// Reads a plan.
pub fn read(written: &Written, models: &[Fitted], catalog: &Catalog, open: &Open<'_>) -> Result<Question, PlanError> {
    let mut reader = Reader { written, models, catalog, faults: written.faults.clone(), currency: None, curve: None };
    let question = reader.question(open);
    let faults = reader.faults;
    match question {
        Some(question) if faults.is_empty() => Ok(question),
        _ => Err(PlanError::faulty(written.file.as_ref(), faults)),
    }
}

struct Reader<'a> {
    written: &'a Written,
    models: &'a [Fitted],
    catalog: &'a Catalog,
    faults: Vec<Fault>,
    /// The label of all money, and where it was first said.
    currency: Option<String>,
    curve: Option<Curve>,
}

impl Reader<'_> {
    fn fault(&mut self, at: &At, message: impl Into<String>) {
        let fault = self.written.fault(at, message);
        self.faults.push(fault);
    }

    /// A value, or its fault.
    fn take<T>(&mut self, said: &Said, key: &str, value: Result<T, String>) -> Option<T> {
        // An option that is named as the key says it already.
        let is_named = matches!(said.at, At::Option(option) if option.trim_start_matches('-').replace('-', "_") == key);
        let named = |message: String| if is_named { message } else { format!("`{key}`: {message}") };
        value.map_err(|message| self.fault(&said.at, named(message))).ok()
    }

    /// What is said once, read by `parse`.
    fn once<T>(&mut self, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let said = self.written.said.get(key)?;
        let value = parse(&said.text);
        self.take(said, key, value)
    }

    /// Money, of one currency everywhere.
    fn money(&mut self, said: &Said, key: &str, per: Dimension, example: &str) -> Option<f64> {
        let (value, currency) = self.take(said, key, amounts::price(&said.text, per, example))?;
        self.same_currency(&said.at, key, currency);
        Some(value)
    }

    fn same_currency(&mut self, at: &At, key: &str, currency: String) {
        match &self.currency {
            Some(known) if *known != currency => {
                let message = format!("`{key}` is in {currency}, another price is in {known}; use one currency");
                self.fault(at, message);
            }
            _ => self.currency = Some(currency),
        }
    }

    fn question(&mut self, open: &Open<'_>) -> Option<Question> {
        let per_energy = Dimension::ONE / Dimension::ENERGY;
        let robust = self.once("robust", |text| {
            let share = amounts::share(text)?;
            let is_possible = (0.5..1.0).contains(&share);
            if is_possible { Ok(share) } else { Err(format!("`{text}` is no confidence; write 50 % to 99.9 %")) }
        });
        let power_budget = self.once("power_budget", |text| amounts::quantity(text, Dimension::POWER, "20 kW"));
        let pue = self.once("pue", |text| match text.trim().parse::<f64>() {
            Ok(pue) if pue.is_finite() && pue >= 1.0 => Ok(pue),
            Ok(_) => Err(format!("`{text}` is impossible: a site takes at least what its GPUs take, PUE is 1 or more")),
            Err(_) => Err(format!("`{text}` is not a number; write `1.3`")),
        });
        let written = self.written;
        let electricity_price = written
            .said
            .get("electricity_price")
            .and_then(|said| self.money(said, "electricity_price", per_energy, "0.12 USD/kWh"));
        let carbon_intensity = self.once("carbon_intensity", amounts::carbon);
        let (gpus, gpus_named) = self.gpus();
        let services: Vec<Service> =
            written.services.iter().enumerate().filter_map(|(index, own)| self.service(index, own, open)).collect();
        if written.services.is_empty() && self.faults.is_empty() {
            let at = written.file.as_ref().map_or(At::Option("--model"), |_| At::File(0..0));
            self.fault(&at, "there is no service; name its model, task and demand");
        }
        self.unlike_names(&services);
        let goal = self.goal(&services);
        let question = Question {
            goal,
            robust,
            services,
            gpus,
            gpus_named,
            power_budget,
            pue: pue.unwrap_or(1.0),
            electricity_price,
            carbon_intensity,
            currency: self.currency.clone(),
            curve: self.curve.take(),
        };
        self.check_goal(&question);
        Some(question)
    }

    fn unlike_names(&mut self, services: &[Service]) {
        for (index, own) in services.iter().enumerate() {
            if services[..index].iter().any(|other| other.name == own.name) {
                let span = self.written.services.get(index).and_then(|own| own.at.clone());
                let at = span.map_or(At::Option("--model"), At::File);
                self.fault(&at, format!("two services are called `{}`; give each a `name`", own.name));
            }
        }
    }

    /// GPU types; where none is named, those that the models were fitted to.
    fn gpus(&mut self) -> (Vec<Gpu>, bool) {
        let written = self.written;
        let known: Vec<String> = self.catalog.keys("gpu").iter().map(|name| (*name).to_owned()).collect();
        let mut gpus: Vec<Gpu> = Vec::new();
        for Pair { name, value } in &written.gpu {
            if !known.contains(&name.text) {
                let meant = did_you_mean(nearest(&name.text, known.iter().map(String::as_str)));
                let message = format!(
                    "the catalog has no GPU `{}`{meant}; it has {}, and takes more by `--catalog FILE.toml`",
                    name.text,
                    quoted(&known, 12)
                );
                self.fault(&name.at, message);
            }
            if gpus.iter().any(|own| own.name == name.text) {
                self.fault(&name.at, format!("GPU `{}` is given twice", name.text));
            }
            let count = match value.text.trim() {
                "any" | "" => None,
                text => match text.parse::<usize>() {
                    Ok(count) if count > 0 => Some(count),
                    _ => {
                        let message = format!("`{}` is no count of `{}`; write 1 or more, or `any`", text, name.text);
                        self.fault(&value.at, message);
                        None
                    }
                },
            };
            gpus.push(Gpu { name: name.text.clone(), count, price: None });
        }
        let gpus_named = !gpus.is_empty();
        if !gpus_named {
            let names = if written.gpu_price.is_empty() {
                measured_gpus(self.models, &known)
            } else {
                written.gpu_price.iter().map(|pair| pair.name.text.clone()).collect()
            };
            gpus = names.into_iter().map(|name| Gpu { name, count: None, price: None }).collect();
        }
        for Pair { name, value } in &written.gpu_price {
            let price = self.money(value, "gpu_price", Dimension::FREQUENCY, "2.5 USD/h");
            match gpus.iter_mut().find(|own| own.name == name.text) {
                Some(_) if !known.contains(&name.text) && !gpus_named => {
                    self.fault(
                        &name.at,
                        format!("the catalog has no GPU `{}`; it has {}", name.text, quoted(&known, 12)),
                    );
                }
                Some(own) => own.price = price,
                None => self.fault(&name.at, format!("there is a price for `{}`, but no such GPU in `gpu`", name.text)),
            }
        }
        (gpus, gpus_named)
    }

    fn goal(&mut self, services: &[Service]) -> Goal {
        let is_open = services.iter().any(|own| own.demand == Demand::Open);
        let default = if is_open { Goal::Throughput } else { Goal::Energy };
        let goal = self.once("goal", |text| {
            let found = Goal::ALL.into_iter().find(|goal| goal.name() == text.trim());
            let names = Goal::ALL.map(Goal::name);
            found.ok_or_else(|| {
                format!(
                    "`{text}` is no goal{}; the goals are {}",
                    did_you_mean(nearest(text, names)),
                    quoted(&names, 6)
                )
            })
        });
        goal.unwrap_or(default)
    }

    /// What the goal needs to be known, and what it excludes.
    fn check_goal(&mut self, question: &Question) {
        let file = self.written.file.as_ref();
        let at = self
            .written
            .said
            .get("goal")
            .map_or_else(|| file.map_or(At::Option("--goal"), |_| At::File(0..0)), |said| said.at.clone());
        let open: Vec<&Service> = question.services.iter().filter(|own| own.demand == Demand::Open).collect();
        if open.len() > 1 {
            self.fault(&at, "only one service may be without a `demand`: what the others leave is for it");
        }
        if !open.is_empty() && question.goal != Goal::Throughput {
            let message = format!(
                "service `{}` has no `demand`, so that nothing would serve it best; give one, such as `20000 tokens/s`, or \
                 let the goal be `throughput`",
                open[0].name
            );
            self.fault(&at, message);
        }
        if question.goal == Goal::Throughput && question.curve.is_some() {
            self.fault(&at, "the goal `throughput` has no meaning for a demand that is given by time");
        }
        let unpriced: Vec<&str> =
            question.gpus.iter().filter(|own| own.price.is_none()).map(|own| own.name.as_str()).collect();
        if question.goal == Goal::Cost && !unpriced.is_empty() && self.faults.is_empty() {
            let message =
                format!("the goal `cost` needs a `gpu_price` of {}, such as `2.5 USD/h`", quoted(&unpriced, 8));
            self.fault(&at, message);
        }
        let has_carbon = question.carbon_intensity.is_some()
            || question.curve.as_ref().is_some_and(|curve| curve.carbon_intensity.is_some());
        if question.goal == Goal::Carbon && !has_carbon {
            self.fault(&at, "the goal `carbon` needs a `carbon_intensity`, such as `350 g/kWh`");
        }
    }

    fn service(&mut self, index: usize, own: &WrittenService, open: &Open<'_>) -> Option<Service> {
        let begin = own.at.clone();
        let at = |option: &'static str| begin.clone().map_or(At::Option(option), At::File);
        let known: Vec<&str> = self.models.iter().flat_map(|own| own.model.tasks.iter().map(String::as_str)).collect();
        let task = match own.said.get("task") {
            None => {
                self.fault(&at("--task"), format!("a service needs a `task`; the models know {}", quoted(&known, 20)));
                None
            }
            Some(said) => {
                let fitted = self.models.iter().position(|own| own.model.takes(&said.text));
                if fitted.is_none() {
                    let meant = did_you_mean(nearest(&said.text, known.iter().copied()));
                    let message =
                        format!("no model knows the task `{}`{meant}; known are {}", said.text, quoted(&known, 20));
                    self.fault(&said.at, message);
                }
                fitted.map(|fitted| (fitted, said.text.clone()))
            }
        };
        if own.model.is_empty() {
            self.fault(&at("--model"), "a service needs a `model`, such as `Qwen/Qwen3-32B`");
        }
        for model in &own.model {
            self.check_model(model);
        }
        let axes = self.axes(&own.set);
        let demand = self.demand(own.said.get("demand"), open);
        let (fitted, task) = task?;
        let model = &self.models[fitted].model;
        let run = Run { conditions: [("task".to_owned(), Value::Name(task.clone()))].into(), ..Run::default() };
        let item = Item::of_energy(model.default_metric_of(&run)).unwrap_or(Item::Request);
        self.check_item(own.said.get("demand"), demand.as_ref(), item);
        self.check_required(&at("--set"), model, &axes);
        let limits = own.limit.iter().filter_map(|limit| self.limit(model, &run, limit)).collect::<Vec<Limit>>();
        self.check_twice(&own.limit);
        let models: Vec<String> = own.model.iter().map(|model| model.text.clone()).collect();
        let name = own.said.get("name").map_or_else(
            || if models.len() == 1 { models[0].clone() } else { format!("service {}", index + 1) },
            |said| said.text.clone(),
        );
        Some(Service { name, fitted, models, task, item, demand: demand?, limits, axes })
    }

    fn check_model(&mut self, model: &Said) {
        let base = split_precision(&model.text).0;
        let has = |name: &str| self.catalog.contains("architecture", &[name]);
        if !has(base) && !has(&model.text) {
            let known = self.catalog.keys("architecture");
            let meant = did_you_mean(nearest(base, known.iter().copied()));
            let message = format!(
                "the catalog has no model `{}`{meant}; give its `config.json`: `--architecture {}=PATH`",
                model.text, model.text
            );
            self.fault(&model.at, message);
        }
    }

    fn check_twice(&mut self, limits: &[Pair]) {
        for (index, limit) in limits.iter().enumerate() {
            if limits[..index].iter().any(|other| other.name.text == limit.name.text) {
                let message = format!("`{}` is limited twice; keep the tighter limit", limit.name.text);
                self.fault(&limit.name.at, message);
            }
        }
    }

    /// Whether something stands behind a name; if not, that is its fault.
    fn has_value(&mut self, name: &Said, value: &Said) -> bool {
        if value.text.is_empty() {
            self.fault(&value.at, format!("`{}` has no value; write `{}=…`", name.text, name.text));
        }
        !value.text.is_empty()
    }

    fn limit(&mut self, model: &Model, run: &Run, pair: &Pair) -> Option<Limit> {
        if !self.has_value(&pair.name, &pair.value) {
            return None;
        }
        let name = pair.name.text.as_str();
        let outcomes: Vec<&str> = model
            .metrics()
            .filter(|node| node.is_of(run) && [Dimension::TIME, Dimension::ENERGY].contains(&node.unit.dimension))
            .map(|node| node.name.as_str())
            .collect();
        if !outcomes.contains(&name) {
            let message = match name {
                "power" => "`power` of the whole site is limited by `power_budget`".to_owned(),
                "throughput" => "`throughput` is asked for by `demand`".to_owned(),
                _ => {
                    let meant = did_you_mean(nearest(name, outcomes.iter().copied()));
                    format!("`{name}` cannot be limited{meant}; a limit is of {}", quoted(&outcomes, 20))
                }
            };
            self.fault(&pair.name.at, message);
            return None;
        }
        let unit = &model.node(name)?.unit;
        let example = if unit.dimension == Dimension::TIME { "50 ms" } else { "0.5 J" };
        let most = amounts::quantity(&pair.value.text, unit.dimension, example);
        let most = self.take(&pair.value, name, most)?;
        Some(Limit { metric: name.to_owned(), most, unit: unit.label.clone() })
    }

    fn axes(&mut self, pairs: &[Pair]) -> Vec<Axis> {
        let mut found: Vec<Axis> = Vec::new();
        for Pair { name, value } in pairs {
            if !self.has_value(name, value) {
                continue;
            }
            if let Some((_, instead)) = NOT_SET.iter().find(|(own, _)| *own == name.text) {
                self.fault(&name.at, format!("`{}` is not set here: {instead}", name.text));
                continue;
            }
            match axes(&format!("{}={}", name.text, value.text)) {
                Ok(own) if own.iter().any(|(name, values)| values.is_empty() || is_in(&found, name)) => {
                    let message = format!("`{}` is set twice, or to nothing", name.text);
                    self.fault(&name.at, message);
                }
                Ok(own) => found.extend(own),
                Err(error) => self.fault(&value.at, error.to_string()),
            }
        }
        found
    }

    /// Conditions that the model cannot do without, and that a plan does not choose itself.
    fn check_required(&mut self, at: &At, model: &Model, axes: &[Axis]) {
        let chosen = ["model", "task", "gpu", "gpus", "batch_size"];
        let is_missing = |name: &&String| !chosen.contains(&name.as_str()) && !is_in(axes, name);
        let missing: Vec<&str> = model.requires.iter().filter(is_missing).map(String::as_str).collect();
        if !missing.is_empty() {
            let example: Vec<String> = missing.iter().map(|name| format!("--set {name}=…")).collect();
            let message =
                format!("model `{}` needs {}; set them: {}", model.name, quoted(&missing, 9), example.join(" "));
            self.fault(at, message);
        }
    }

    fn demand(&mut self, said: Option<&Said>, open: &Open<'_>) -> Option<Demand> {
        let Some(said) = said else { return Some(Demand::Open) };
        if !said.text.to_ascii_lowercase().ends_with(".csv") {
            return self.take(said, "demand", amounts::rate(&said.text)).map(Demand::Constant);
        }
        let text = match open(&said.text) {
            Ok(text) => text,
            Err(error) => {
                let cause = std::error::Error::source(&error).map_or_else(String::new, |cause| format!(" ({cause})"));
                self.fault(&said.at, format!("{error}{cause}"));
                return None;
            }
        };
        let read = match curve::read(&text) {
            Ok(read) => read,
            Err(faults) => {
                for (line, column, message) in faults {
                    let place = format!("{}:{line}:{column}", said.text);
                    self.faults.push(Fault { place, message, span: None });
                }
                return None;
            }
        };
        if let Some(currency) = read.currency {
            self.same_currency(&said.at, "electricity_price", currency);
        }
        match &mut self.curve {
            None => self.curve = Some(read.curve),
            Some(known) if known.starts != read.curve.starts => {
                self.fault(
                    &said.at,
                    format!("the times of `{}` differ from those of another service's curve", said.text),
                );
            }
            Some(known) => {
                known.carbon_intensity = known.carbon_intensity.take().or(read.curve.carbon_intensity);
                known.electricity_price = known.electricity_price.take().or(read.curve.electricity_price);
            }
        }
        Some(Demand::Curve(read.demand, read.item))
    }

    fn check_item(&mut self, said: Option<&Said>, demand: Option<&Demand>, item: Item) {
        let asked = match demand {
            Some(Demand::Constant(rate)) => rate.item,
            Some(Demand::Curve(_, asked)) => *asked,
            _ => return,
        };
        if asked != item && asked != Item::Request {
            let at = said.map_or(At::Option("--demand"), |said| said.at.clone());
            let message = format!(
                "this task makes {}s, but the demand is in {}; write it in {} or requests/s",
                item.name(),
                asked.rate_unit(),
                item.rate_unit()
            );
            self.fault(&at, message);
        }
    }
}

fn is_in(axes: &[Axis], name: &str) -> bool {
    axes.iter().any(|(own, _)| own == name)
}

/// GPU types that some model has parameters of its own for: those that were measured.
fn measured_gpus(models: &[Fitted], known: &[String]) -> Vec<String> {
    let has = |gpu: &String| {
        models.iter().any(|own| {
            let parameters = own.model.parameters.iter().enumerate();
            let mut by_gpu = parameters
                .filter(|(_, parameter)| matches!(parameter.definition.per.as_slice(), [only] if only.text == "gpu"));
            by_gpu.any(|(index, _)| own.space.levels(index).any(|level| level == gpu))
        })
    };
    let measured: Vec<String> = known.iter().filter(|gpu| has(gpu)).cloned().collect();
    if measured.is_empty() { known.to_vec() } else { measured }
}
