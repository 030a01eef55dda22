//! A plan for a reader, and for programs.

mod chart;
mod json;
mod words;

use super::{Column, Document, Table, Text};
use crate::notes::{list, plural};
use crate::plan::{Binding, Deployment, LimitOf, Plan, Served};
use crate::unit::{percent, show, show_plain};

pub use json::json;
use words::{
    clock, configuration, cost, demand, demand_unit, gain, goal, kilowatt_hours, limit_name, limit_service,
    limit_value, mass, probability, span,
};

/// The document of a plan.
pub fn document(plan: &Plan) -> Document {
    let mut document = Document::new(Text::new().plain(title(plan)));
    match plan.deployments.first() {
        Some(best) => {
            headline(&mut document, plan, best);
            parts(&mut document, plan, best);
            numbers(&mut document, plan, best);
            limits(&mut document, plan, best);
            by_time(&mut document, plan);
            binding(&mut document, plan);
            others(&mut document, plan);
        }
        None => infeasible(&mut document, plan),
    }
    chart::frontier(&mut document, plan);
    rejected(&mut document, plan);
    if !plan.caveats.is_empty() {
        document.heading("Mind");
        document.list(plan.caveats.iter().map(|caveat| caveat.text.as_str()));
    }
    document
}

fn title(plan: &Plan) -> String {
    let question = &plan.question;
    let asked: Vec<String> = question.services.iter().map(|own| format!("{} of {}", demand(own), own.name)).collect();
    format!("Plan: {}, for {}", list(&asked), goal(question.goal))
}

fn headline(document: &mut Document, plan: &Plan, best: &Deployment) {
    let at_peak = if plan.intervals.is_empty() { "" } else { " at the hardest time of the day" };
    let mut text = Text::new().strong(format!(
        "{} on {}{at_peak}: {}",
        plural(best.replicas(), "replica"),
        gpus(plan, &best.gpus),
        show(best.power.value, "W"),
    ));
    if let [only] = best.served.as_slice() {
        let item = plan.question.services[only.service].item.name();
        let [low, high] = only.energy.interval();
        text = text.strong(format!(", {} per {item}", show(only.energy.value, "J")));
        text = text.plain(format!(" (90 % interval {} – {})", show(low, "J"), show(high, "J")));
    }
    text = text.plain(".");
    if let Some(held) = best.held.iter().min_by(|a, b| a.probability.total_cmp(&b.probability)) {
        let of = held.service.filter(|_| plan.question.services.len() > 1);
        let of = of.map_or_else(String::new, |service| format!(" of {}", plan.question.services[service].name));
        text = text.plain(format!(" Safe at {}: least sure is ", probability(held.probability)));
        text = text.code(&held.limit).plain(format!("{of}."));
    }
    document.paragraph(text);
}

/// `4 B200 and 2 H100`.
fn gpus(plan: &Plan, counts: &[usize]) -> String {
    let used = plan.question.gpus.iter().zip(counts).filter(|(_, count)| **count > 0);
    let texts: Vec<String> = used.map(|(gpu, count)| format!("{count} {}", gpu.name)).collect();
    if texts.is_empty() { "no GPU".to_owned() } else { list(&texts) }
}

/// The metric that a service is told by, in the column of a table.
fn latency_name(plan: &Plan) -> String {
    let mut names: Vec<&str> = Vec::new();
    for shape in &plan.shapes {
        let name = shape.latency.map_or("latency", |place| shape.metrics[place].0.as_str());
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join("/")
}

fn parts(document: &mut Document, plan: &Plan, best: &Deployment) {
    document.heading("Best plan");
    let latency = latency_name(plan);
    let mut table = Table::new([
        Column::right("replicas"),
        Column::left("each"),
        Column::right("throughput"),
        Column::right(Text::new().code(&latency)),
        Column::right("power"),
        Column::left("support"),
    ]);
    for part in &best.parts {
        let own = &part.candidate;
        let shape = &plan.shapes[own.service];
        let latency = shape.latency.and_then(|place| own.metrics[place]);
        let unit = plan.question.services[own.service].item.rate_unit();
        table.row([
            Text::new().strong(part.replicas.to_string()),
            Text::new().plain(configuration(&plan.question, own)),
            Text::new().plain(show(own.throughput.value, &unit)),
            Text::new().plain(latency.map_or_else(String::new, |own| show(own.value, "s"))),
            Text::new().plain(show(own.power.value, "W")),
            Text::new().dim(&own.support),
        ]);
    }
    document.table(table);
}

fn numbers(document: &mut Document, plan: &Plan, best: &Deployment) {
    let question = &plan.question;
    let mut fields: Vec<(String, String)> = Vec::new();
    for served in &best.served {
        let service = &question.services[served.service];
        let of = if question.services.len() > 1 { format!(", {}", service.name) } else { String::new() };
        fields.push((format!("served{of}"), supply(served, &demand_unit(service))));
        let item = service.item.name();
        if best.served.len() > 1 {
            let [low, high] = served.energy.interval();
            let interval = format!("{} ({} – {})", show(served.energy.value, "J"), show(low, "J"), show(high, "J"));
            fields.push((format!("energy per {item}{of}"), interval));
        }
        if let (Some(cost), 1) = (&best.cost, best.served.len()) {
            let per = cost.total() / (served.power.value / served.energy.value) * 1e6;
            let currency = question.currency.as_deref().unwrap_or("");
            let (per, count) =
                if item == "token" { (per, "million tokens".to_owned()) } else { (per / 1e3, format!("1000 {item}s")) };
            fields.push((format!("cost per {count}"), format!("{} {currency}", show_plain(per))));
        }
    }
    let pue = if question.pue == 1.0 { String::new() } else { format!(", at PUE {}", question.pue) };
    let [low, high] = best.site_power.interval();
    let site = format!("{} ({} – {}){pue}", show(best.site_power.value, "W"), show(low, "W"), show(high, "W"));
    fields.push(("power of the site".to_owned(), site));
    if let Some(own) = &best.cost {
        fields.push(("cost".to_owned(), cost(question, own)));
    }
    if let Some(carbon) = best.carbon {
        fields.push(("carbon".to_owned(), format!("{}/h", mass(carbon * words::HOUR))));
    }
    document.fields(fields.iter().map(|(key, value)| (Text::new().plain(key), Text::new().plain(value))));
}

/// What can be served, and how much of it is not asked for.
fn supply(served: &Served, unit: &str) -> String {
    let headroom = served.headroom();
    let shown = show(served.supply.value, unit);
    if headroom > 5e-4 { format!("{shown}, {} more than asked for", percent(headroom)) } else { shown }
}

fn limits(document: &mut Document, plan: &Plan, best: &Deployment) {
    if best.held.is_empty() {
        return;
    }
    document.heading("Limits");
    let mut table = Table::new([
        Column::left("limit"),
        Column::right("asked"),
        Column::right("expected"),
        Column::right("holds with probability"),
    ]);
    for held in &best.held {
        let of = held.service.filter(|_| plan.question.services.len() > 1);
        let name = Text::new().code(&held.limit);
        let name = match of {
            Some(service) => name.plain(format!(" of {}", plan.question.services[service].name)),
            None => name,
        };
        let (asked, expected) = asked_and_expected(plan, best, held.service, &held.limit);
        let sure = Text::new();
        let told = probability(held.probability);
        let sure = if held.probability < 0.9 { sure.bad(told) } else { sure.good(told) };
        table.row([name, Text::new().plain(asked), Text::new().plain(expected), sure]);
    }
    if plan.question.robust.is_none() && best.safe_at() < 0.9 {
        table.note("Limits hold for what is expected; `--robust 90%` plans so that they hold at that confidence.");
    }
    document.table(table);
}

fn asked_and_expected(plan: &Plan, best: &Deployment, service: Option<usize>, limit: &str) -> (String, String) {
    let Some(service) = service else {
        let budget = plan.question.power_budget.unwrap_or(f64::INFINITY);
        return (format!("≤ {}", show(budget, "W")), show(best.site_power.value, "W"));
    };
    let own = &plan.question.services[service];
    let Some(served) = best.served.iter().find(|served| served.service == service) else {
        return (String::new(), String::new());
    };
    if limit == "demand" {
        let unit = demand_unit(own);
        return (format!("≥ {}", show(served.demand.unwrap_or(0.0), &unit)), show(served.supply.value, &unit));
    }
    let asked = own.limits.iter().find(|known| known.metric == limit);
    let asked = asked.map_or_else(String::new, |known| format!("≤ {}", show(known.most, &known.unit)));
    let shape = &plan.shapes[service];
    let place = shape.metrics.iter().position(|(name, _)| name == limit);
    let found = place.and_then(|place| Some(show(served.metrics[place]?.value, &shape.metrics[place].1)));
    (asked, found.unwrap_or_default())
}

fn by_time(document: &mut Document, plan: &Plan) {
    let (Some(totals), Some(curve)) = (&plan.totals, &plan.question.curve) else { return };
    document.heading("Over the day");
    let mut table = Table::new([
        Column::left("from"),
        Column::left("plan"),
        Column::right("GPUs"),
        Column::right("site power"),
        Column::right("safe at"),
    ]);
    for own in &plan.intervals {
        let each: Vec<String> = own
            .deployment
            .parts
            .iter()
            .map(|part| format!("{} × ({})", part.replicas, configuration(&plan.question, &part.candidate)))
            .collect();
        table.row([
            Text::new().plain(clock(own.start)),
            Text::new().plain(each.join(" + ")),
            Text::new().plain(own.deployment.all_gpus().to_string()),
            Text::new().plain(show(own.deployment.site_power.value, "W")),
            Text::new().plain(probability(own.deployment.safe_at())),
        ]);
    }
    document.table(table);
    let hours = show_plain(span(curve) / words::HOUR);
    let mut fields = vec![
        ("GPUs needed".to_owned(), gpus(plan, &totals.gpus)),
        ("energy of the site".to_owned(), kilowatt_hours(totals.energy)),
    ];
    let currency = plan.question.currency.as_deref().unwrap_or("");
    if let Some(own) = &totals.cost {
        fields.push(("cost".to_owned(), format!("{} {currency}", show_plain(own.total()))));
    }
    if let Some(own) = totals.cost_of_peak.filter(|own| own.gpus > 0.0) {
        let text = format!("{} {currency}", show_plain(own.total()));
        fields.push(("cost, the GPUs of the peak kept all the time".to_owned(), text));
    }
    if let Some(carbon) = totals.carbon {
        fields.push(("carbon".to_owned(), mass(carbon)));
    }
    document.paragraph(format!("Over {hours} hours, planned anew at each time:").as_str());
    document.fields(fields.iter().map(|(key, value)| (Text::new().plain(key), Text::new().plain(value))));
}

fn binding(document: &mut Document, plan: &Plan) {
    document.heading("What binds");
    if plan.binding.is_empty() {
        document.paragraph("Nothing but the demand itself: no limit costs anything here.");
        return;
    }
    document.list(plan.binding.iter().map(|own| bound(plan, own)));
}

/// One limit and what it costs.
fn bound(plan: &Plan, own: &Binding) -> Text {
    let goal = plan.question.goal;
    let name = limit_name(plan, &own.limit);
    let of = limit_service(&own.limit).filter(|_| plan.question.services.len() > 1);
    let of = of.map_or_else(String::new, |service| format!(" of {}", plan.question.services[service].name));
    let text = Text::new().code(&name).plain(format!("{of}: "));
    if let LimitOf::Memory { batch_size, .. } = own.limit {
        let told = format!("a larger batch than {} does not fit ({batch_size} is the next).", own.value);
        return text.plain(told);
    }
    if own.limit == LimitOf::Robust {
        let without = own.without.map_or_else(String::new, |share| gain(goal, share));
        let told =
            format!("planning for what is expected instead of {} {without}.", limit_value(plan, &own.limit, own.value));
        return text.plain(told);
    }
    let instead = |value: f64, share: f64| {
        let (value, asked) = (limit_value(plan, &own.limit, value), limit_value(plan, &own.limit, own.value));
        format!("{value} instead of {asked} {}", gain(goal, share))
    };
    // A wider value that gains no more than a tighter one says nothing new.
    let mut told: Vec<String> = Vec::new();
    let mut most = String::new();
    let mut steps: Vec<(f64, f64)> = own.next.into_iter().chain(own.relaxed).collect();
    steps.sort_by(|a, b| a.1.total_cmp(&b.1));
    for (value, share) in steps.into_iter().filter(|(_, share)| *share > 0.0) {
        if gain(goal, share) != most {
            told.push(instead(value, share));
            most = gain(goal, share);
        }
    }
    match own.without {
        Some(share) if gain(goal, share) != most => told.push(format!("giving it up {}", gain(goal, share))),
        None if !matches!(own.limit, LimitOf::Demand(_)) => {
            told.push("without it nothing would limit what is served".to_owned());
        }
        _ => {}
    }
    text.plain(format!("{}.", told.join("; ")))
}

fn others(document: &mut Document, plan: &Plan) {
    if plan.deployments.len() < 2 {
        return;
    }
    document.heading("Others of one configuration");
    let latency = latency_name(plan);
    let is_priced = plan.deployments[0].cost.is_some();
    let mut heads =
        vec![Column::right("replicas"), Column::left("each"), Column::right("GPUs"), Column::right("power")];
    heads.extend(is_priced.then(|| Column::right(format!("{}/h", plan.question.currency.as_deref().unwrap_or("")))));
    heads.extend([Column::right(Text::new().code(&latency)), Column::right("safe at")]);
    let mut table = Table::new(heads);
    for own in &plan.deployments[1..] {
        let each: Vec<String> = own.parts.iter().map(|part| configuration(&plan.question, &part.candidate)).collect();
        let counts: Vec<String> = own.parts.iter().map(|part| part.replicas.to_string()).collect();
        let latencies: Vec<String> = own.served.iter().map(|served| served_latency(plan, served)).collect();
        let mut row =
            vec![counts.join(" + "), each.join(" + "), own.all_gpus().to_string(), show(own.power.value, "W")];
        if is_priced {
            row.push(own.cost.as_ref().map_or_else(String::new, |cost| show_plain(cost.total() * words::HOUR)));
        }
        row.extend([latencies.join(", "), probability(own.safe_at())]);
        table.row(row.iter().map(|cell| Text::new().plain(cell)));
    }
    document.table(table);
}

fn served_latency(plan: &Plan, served: &Served) -> String {
    let place = plan.shapes[served.service].latency;
    place.and_then(|place| served.metrics[place]).map_or_else(String::new, |own| show(own.value, "s"))
}

/// What would have to give way.
fn infeasible(document: &mut Document, plan: &Plan) {
    let when = plan.infeasible_at.map_or_else(String::new, |start| format!(" from {} on", clock(start)));
    document.paragraph(Text::new().strong(format!("No plan keeps all limits{when}.")));
    if plan.relaxations.is_empty() {
        document.paragraph(
            "No single limit is to blame: none of them, given up alone, makes a plan possible. What leaves configurations \
             out stands below.",
        );
        return;
    }
    document.paragraph("Each of these alone would do, everything else as asked:");
    document.list(plan.relaxations.iter().map(|own| {
        let of = limit_service(&own.limit).filter(|_| plan.question.services.len() > 1);
        let of = of.map_or_else(String::new, |service| format!(" for {}", plan.question.services[service].name));
        let (needed, given) = (limit_value(plan, &own.limit, own.needed), limit_value(plan, &own.limit, own.given));
        let text = Text::new().code(limit_name(plan, &own.limit)).plain(format!("{of}: "));
        match own.limit {
            LimitOf::Gpus(_) => text.strong(needed).plain(format!(" are needed, {given} are given")),
            _ => text.strong(needed).plain(format!(" instead of {given}")),
        }
    }));
}

fn rejected(document: &mut Document, plan: &Plan) {
    document.heading("What was left out");
    let mut table = Table::new([Column::right("configurations"), Column::left("why")]);
    for (reason, count) in &plan.rejected {
        table.row([Text::new().plain(count.to_string()), Text::from(reason)]);
    }
    table.note(Text::new().plain(format!("{} were looked at.", plural(plan.considered, "configuration"))));
    if plan.rejected.is_empty() {
        document.paragraph(format!("Nothing of {}.", plural(plan.considered, "configuration")).as_str());
    } else {
        document.table(table);
    }
}
