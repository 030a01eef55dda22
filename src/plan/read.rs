//! From what was written to what is asked: every fault is told, each with its place.

use super::amounts;
use super::error::{Fault, PlanError};
use super::question::{Curve, Demand, Goal, Gpu, Question, Service};
use super::written::{At, Pair, Said, Written};
use crate::catalog::Catalog;
use crate::fit::Fitted;
use crate::notes::{did_you_mean, nearest, quoted};
use crate::runs::RunsError;
use crate::unit::Dimension;

/// Opens the file of a demand by its name in the plan.
pub type Open<'a> = dyn Fn(&str) -> Result<String, RunsError> + 'a;

/// Reads a plan.
pub fn read(written: &Written, models: &[Fitted], catalog: &Catalog, open: &Open<'_>) -> Result<Question, PlanError> {
    let mut reader = Reader { written, models, catalog, faults: written.faults.clone(), currency: None, curve: None };
    let question = reader.question(open);
    let faults = reader.faults;
    if faults.is_empty() { Ok(question) } else { Err(PlanError::faulty(written.file.as_ref(), faults)) }
}

pub(super) struct Reader<'a> {
    written: &'a Written,
    pub(super) models: &'a [Fitted],
    pub(super) catalog: &'a Catalog,
    pub(super) faults: Vec<Fault>,
    /// The label of all money, and where it was first said.
    currency: Option<String>,
    pub(super) curve: Option<Curve>,
}

impl Reader<'_> {
    pub(super) fn fault(&mut self, at: &At, message: impl Into<String>) {
        let fault = self.written.fault(at, message);
        self.faults.push(fault);
    }

    /// A value, or its fault.
    pub(super) fn take<T>(&mut self, said: &Said, key: &str, value: Result<T, String>) -> Option<T> {
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

    pub(super) fn same_currency(&mut self, at: &At, key: &str, currency: String) {
        match &self.currency {
            Some(known) if *known != currency => {
                let message = format!("`{key}` is in {currency}, another price is in {known}; use one currency");
                self.fault(at, message);
            }
            _ => self.currency = Some(currency),
        }
    }

    fn question(&mut self, open: &Open<'_>) -> Question {
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
        let gpus = self.gpus();
        let services: Vec<Service> = written.services.iter().filter_map(|own| self.service(own, open)).collect();
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
            power_budget,
            pue: pue.unwrap_or(1.0),
            electricity_price,
            carbon_intensity,
            currency: self.currency.clone(),
            curve: self.curve.take(),
        };
        self.check_goal(&question);
        question
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
    fn gpus(&mut self) -> Vec<Gpu> {
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
        gpus
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
