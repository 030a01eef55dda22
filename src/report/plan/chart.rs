//! The frontier of a plan as a chart: what a looser latency buys.

use super::configuration;
use crate::plan::{FrontierPoint, Plan};
use crate::report::{Axis, Chart, Document, Point, Series, Text};

/// Adds a chart for each service that has a frontier.
pub(super) fn frontier(document: &mut Document, plan: &Plan) {
    let services = 0..plan.question.services.len();
    let charts: Vec<Chart> = services.filter_map(|service| chart(plan, service)).collect();
    if charts.is_empty() {
        return;
    }
    document.heading("Latency against energy");
    for chart in charts {
        document.chart(chart);
    }
    document.paragraph(
        "Plans of one configuration that no other beats in latency, energy and GPUs at once, limits on metrics left aside; \
         those within the limits are marked.",
    );
}

fn chart(plan: &Plan, service: usize) -> Option<Chart> {
    let own: Vec<&FrontierPoint> = plan.frontier.iter().filter(|point| point.candidate.service == service).collect();
    if own.len() < 2 {
        return None;
    }
    let shape = &plan.shapes[service];
    let latency = shape.latency.map_or("latency", |place| shape.metrics[place].0.as_str());
    let item = plan.question.services[service].item.name();
    let label = if plan.question.services.len() > 1 {
        Text::new().plain(&plan.question.services[service].name)
    } else {
        Text::new()
    };
    let mut chart = Chart::new(
        label,
        Axis::log(Text::new().plain(latency), "s"),
        Axis::log(Text::new().plain(format!("energy per {item}, points are batch sizes")), "J"),
    );
    let mut names: Vec<String> = Vec::new();
    let name =
        |point: &FrontierPoint| format!("{} × {}", point.candidate.gpus, plan.question.gpus[point.candidate.gpu].name);
    for point in &own {
        if !names.contains(&name(point)) {
            names.push(name(point));
        }
    }
    names.sort();
    for series in names {
        let points = own.iter().filter(|point| name(point) == series).map(|point| {
            let batch = point.candidate.run.number("batch_size");
            let label =
                batch.map_or_else(|| configuration(&plan.question, &point.candidate), |batch| batch.to_string());
            let [low, high] = point.energy.interval();
            let shown = Point::new(point.latency.value, point.energy.value).labeled(Text::new().plain(label));
            Point { marked: point.within, ..shown.within(low, high) }
        });
        chart.series(Series::scatter(Text::new().plain(&series), points));
    }
    Some(chart)
}
