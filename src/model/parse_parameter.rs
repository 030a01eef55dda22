//! The table of one parameter, and the texts of priors.

use super::definition::ParameterDefinition;
use super::fault::{Fault, span};
use super::prior::Prior;
use super::reader::{Entry, Reader, Text, constant};
use crate::notes::nearest;
use crate::unit::{Dimension, Unit};

/// `[parameter.NAME]`.
pub(super) fn parameter<'t>(reader: &mut Reader<'t>, name: String, entry: &Entry<'_, 't>) -> ParameterDefinition {
    let allowed = ["meaning", "unit", "per", "within", "where", "prior", "pool", "pool_within", "level", "source"];
    reader.only(entry, &allowed);
    let unit = reader.unit(entry, &name, true);
    let prior = match reader.string(entry, "prior") {
        Some(_) if reader.unsure.contains(&name) => None,
        Some(text) => self::prior(reader, &text, unit.dimension),
        None => {
            let help = format!("write `prior = \"lognormal(median{}, 0.3)\"`", unit_hint(&unit));
            reader.faults.push(Fault::MissingPrior { name: name.clone(), at: span(&entry.at), help });
            None
        }
    };
    let per = reader.strings(entry, "per");
    let pool = reader.number(entry, "pool");
    let pool_within = reader.number(entry, "pool_within");
    let only = reader.expression(entry, "where");
    let within = reader.strings(entry, "within");
    let levels = if reader.unsure.contains(&name) { Vec::new() } else { levels(reader, entry, unit.dimension) };
    // A parameter without a sound prior is kept, so that its uses are not faults too.
    let is_sound = prior.is_some();
    let prior = prior.unwrap_or(Prior::Fixed(1.0));
    let levelled = !per.is_empty();
    if is_sound && levelled && prior.spread().is_none() {
        reader.faults.push(Fault::Prior {
            reason: format!("`{name}` has levels, so its prior must be log-normal or normal"),
            at: span(&entry.at),
            help: "write `prior = \"lognormal(median, sd)\"`".to_owned(),
        });
    }
    if !levelled && (pool.is_some() || !within.is_empty()) {
        reader.faults.push(Fault::Prior {
            reason: format!("`{name}` has no levels to pool"),
            at: span(&entry.at),
            help: "write `per = [\"gpu\"]`, or take `pool` and `within` away".to_owned(),
        });
    }
    for outer in within.iter().filter(|outer| !per.iter().any(|key| key.text == outer.text)) {
        let near = nearest(&outer.text, per.iter().map(|key| key.text.as_str())).unwrap_or("one of them");
        reader.faults.push(Fault::Prior {
            reason: format!("`within` names `{}`, which is not in `per`", outer.text),
            at: span(&outer.at),
            help: format!("did you mean `{near}`?"),
        });
    }
    ParameterDefinition {
        at: entry.at.clone(),
        meaning: reader.string(entry, "meaning").unwrap_or_default().text,
        unit,
        per,
        within,
        only,
        prior,
        pool: pool.unwrap_or_else(|| prior.spread().unwrap_or(0.0)),
        pool_within: pool_within.or(pool).unwrap_or_else(|| prior.spread().unwrap_or(0.0)),
        levels,
        source: reader.string(entry, "source").unwrap_or_default().text,
        name,
    }
}

fn unit_hint(unit: &Unit) -> String {
    if unit.dimension.is_one() { String::new() } else { format!(" {}", unit.label) }
}

/// `level.H100 = "lognormal(0.85, 0.1)"`.
fn levels<'t>(reader: &mut Reader<'t>, entry: &Entry<'_, 't>, dimension: Dimension) -> Vec<(Text, Prior)> {
    let Some(value) = entry.table.get("level") else { return Vec::new() };
    let Some(table) = reader.table("level", value) else { return Vec::new() };
    let inner = Entry { place: format!("`level` of {}", entry.place), at: value.span(), table };
    let names: Vec<Text> = table.keys().map(|key| Text { text: key.get_ref().to_string(), at: key.span() }).collect();
    names
        .into_iter()
        .filter_map(|name| {
            let text = reader.string(&inner, &name.text)?;
            prior(reader, &text, dimension).map(|prior| (name, prior))
        })
        .collect()
}

/// `lognormal(40 us, 0.5)`, `normal`, `beta`, `halfnormal`, `fixed`.
fn prior(reader: &mut Reader<'_>, text: &Text, dimension: Dimension) -> Option<Prior> {
    let help = "priors are lognormal(median, sd), normal(mean, sd), beta(a, b), halfnormal(sd) and fixed(value)";
    let mut refuse = |reason: String| {
        reader.faults.push(Fault::Prior { reason, at: span(&text.at), help: help.to_owned() });
        None
    };
    let Some((name, inner)) = text.text.trim().strip_suffix(')').and_then(|body| body.split_once('(')) else {
        return refuse(format!("`{}` is not a prior", text.text));
    };
    let mut values = Vec::new();
    let mut offset = text.at.start + text.text.find('(').map_or(0, |open| open + 1);
    for part in inner.split(',') {
        let parsed = super::expression::parse(part, offset);
        offset += part.len() + 1;
        let Some((value, unit)) = parsed.ok().and_then(|expression| Some((constant(&expression)?, expression))) else {
            return refuse(format!("`{}` in a prior must be a number with its unit", part.trim()));
        };
        values.push((value, literal_dimension(&unit)));
    }
    let located = |value: (f64, Dimension)| value.1 == dimension;
    let pure = |value: (f64, Dimension)| value.1.is_one() && value.0 > 0.0;
    let prior = match (name.trim(), values.as_slice()) {
        ("lognormal", &[median, sd]) if located(median) && median.0 > 0.0 && pure(sd) => {
            Prior::LogNormal { median: median.0, sd: sd.0 }
        }
        ("normal", &[mean, sd]) if located(mean) && located(sd) && sd.0 > 0.0 => {
            Prior::Normal { mean: mean.0, sd: sd.0 }
        }
        ("beta", &[a, b]) if dimension.is_one() && pure(a) && pure(b) => Prior::Beta { a: a.0, b: b.0 },
        ("halfnormal", &[sd]) if located(sd) && sd.0 > 0.0 => Prior::HalfNormal { sd: sd.0 },
        ("fixed", &[value]) if located(value) => Prior::Fixed(value.0),
        _ => {
            return refuse(format!("`{}` is not a prior of a quantity in {dimension}", text.text));
        }
    };
    Some(prior)
}

fn literal_dimension(expression: &super::Expression) -> Dimension {
    match &expression.kind {
        super::ExpressionKind::Number(_, dimension) => dimension.unwrap_or(Dimension::ONE),
        super::ExpressionKind::Negate(inner) => literal_dimension(inner),
        _ => Dimension::ONE,
    }
}
