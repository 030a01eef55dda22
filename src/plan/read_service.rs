//! One service of a plan: its models, task, demand, limits and search space.

use super::amounts::{self, Item};
use super::curve;
use super::error::Fault;
use super::question::{Demand, Limit, Service};
use super::read::{Open, Reader};
use super::written::{At, Pair, Said, WrittenService};
use crate::model::Model;
use crate::notes::{did_you_mean, nearest, quoted};
use crate::runs::{Axis, Run, Value, axes, split_precision};
use crate::unit::Dimension;

/// Conditions that a plan says in a way of its own.
const NOT_SET: [(&str, &str); 4] = [
    ("gpu", "name GPU types by `gpu`, with their counts"),
    ("model", "name it by `model`"),
    ("task", "name it by `task`"),
    ("request_rate", "say it by `demand`: every replica runs at its operating point"),
];

impl Reader<'_> {
    /// A service; none if so much is wrong with it that nothing can be said of the rest.
    pub(super) fn service(&mut self, own: &WrittenService, open: &Open<'_>) -> Option<Service> {
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
        let name = own
            .said
            .get("name")
            .map_or_else(|| if models.len() == 1 { models[0].clone() } else { task.clone() }, |said| said.text.clone());
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
