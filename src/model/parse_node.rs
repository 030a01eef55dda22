//! The table of one node.

use super::definition::{CatalogReference, NodeDefinition, Role, ValueKind};
use super::fault::{Fault, span};
use super::generic::GENERIC;
use super::reader::{Entry, Reader, Text};
use crate::runs::{Kind, condition_name, known};
use crate::unit::{Dimension, Unit};

/// A condition, property, latent, metric or identity.
pub(super) fn node<'t>(reader: &mut Reader<'t>, name: String, entry: &Entry<'_, 't>, role: Role) -> NodeDefinition {
    let allowed: &[&str] = match role {
        Role::Condition => &["meaning", "unit", "type", "missing", "needs"],
        Role::Property => &["meaning", "unit", "type", "from", "missing"],
        Role::Latent => &[
            "meaning", "unit", "type", "equation", "parents", "observed", "noise", "at_least", "show", "source",
            "valid",
        ],
        Role::Metric => &["meaning", "unit", "equation", "parents", "noise", "source", "valid", "tasks"],
        Role::Identity => &["meaning", "unit", "equation", "source", "valid", "tasks"],
    };
    reader.only(entry, allowed);
    let kind = value_kind(reader, entry, &name, role);
    let unit = match known(&name).filter(|_| role == Role::Condition && entry.table.get("unit").is_none()) {
        Some(known) => Unit::parse(known.unit).unwrap_or(Unit {
            label: known.unit.to_owned(),
            factor: 1.0,
            dimension: Dimension::ONE,
        }),
        None => {
            reader.unit(entry, &name, kind == ValueKind::Number && role != Role::Condition && role != Role::Property)
        }
    };
    let equation = if matches!(role, Role::Latent | Role::Metric | Role::Identity) {
        if entry.table.get("equation").is_none() {
            reader.missing(entry, "equation", "write `equation = \"…\"` with the names of other nodes");
        }
        reader.expression(entry, "equation")
    } else {
        None
    };
    let parents = parents(reader, entry, equation.as_ref());
    check_noise(reader, entry, role);
    let from = if role == Role::Property { reference(reader, entry) } else { None };
    let observed = match role {
        Role::Latent => reader.string(entry, "observed").map(|text| text.text),
        Role::Metric => Some(name.clone()),
        _ => None,
    };
    NodeDefinition {
        at: entry.at.clone(),
        role,
        kind,
        meaning: reader.string(entry, "meaning").unwrap_or_default().text,
        unit,
        equation,
        parents,
        missing: reader.expression(entry, "missing"),
        from,
        observed,
        noise: noise(reader, entry),
        at_least: reader.expression(entry, "at_least"),
        show: reader.flag(entry, "show"),
        tasks: reader.strings(entry, "tasks"),
        source: reader.string(entry, "source").unwrap_or_default().text,
        valid: reader.string(entry, "valid").unwrap_or_default().text,
        needs: reader.string(entry, "needs").unwrap_or_default().text,
        name,
    }
}

/// The `parents` of `equation = "generic"`: names, or expressions whose logarithms are taken.
fn parents<'t>(
    reader: &mut Reader<'t>,
    entry: &Entry<'_, 't>,
    equation: Option<&(Text, super::Expression)>,
) -> Vec<(Text, super::Expression)> {
    let is_generic = equation.is_some_and(|(text, _)| text.text.trim() == GENERIC);
    match entry.table.get("parents") {
        None if is_generic => {
            reader.missing(entry, "parents", "write `parents = [\"flow\", \"pressure\"]`, what the node depends on");
        }
        Some(value) if !is_generic => {
            reader.faults.push(Fault::UnknownKey {
                name: "parents".to_owned(),
                place: format!("{}, which has an equation of its own", entry.place),
                at: span(&value.span()),
                help: "an equation names its parents by using them; `parents` goes with `equation = \"generic\"`"
                    .to_owned(),
            });
            return Vec::new();
        }
        _ => {}
    }
    let texts = reader.strings(entry, "parents");
    texts.into_iter().filter_map(|text| reader.parse(&text).map(|parsed| (text, parsed))).collect()
}

/// Noise is what a measurement adds to an equation: a metric has it, and a latent with it says where it is measured.
fn check_noise<'t>(reader: &mut Reader<'t>, entry: &Entry<'_, 't>, role: Role) {
    let has = |key: &str| entry.table.get(key).is_some();
    match role {
        Role::Metric if !has("noise") => {
            reader.missing(
                entry,
                "noise",
                "write `noise = { lognormal = 0.05 }`; an outcome without noise is an identity",
            );
        }
        Role::Latent if has("noise") && !has("observed") && !has("at_least") => {
            reader.missing(entry, "observed", "say where runs have measured it, or take its `noise` away");
        }
        Role::Latent if has("observed") && !has("noise") => {
            reader.missing(entry, "noise", "write `noise = { lognormal = 0.05 }`: how far a measurement may be off");
        }
        _ => {}
    }
}

/// The `type` as written, else what the table of names says, else a number.
fn value_kind<'t>(reader: &mut Reader<'t>, entry: &Entry<'_, 't>, name: &str, role: Role) -> ValueKind {
    match reader.string(entry, "type").as_ref().map(|text| (text.text.as_str(), text)) {
        Some(("number", _)) => ValueKind::Number,
        Some(("name", _)) => ValueKind::Name,
        Some(("flag", _)) => ValueKind::Flag,
        Some((other, text)) => {
            reader.faults.push(Fault::WrongType {
                key: "type".to_owned(),
                expected: "`number`, `name` or `flag`".to_owned(),
                found: format!("`{other}`"),
                at: span(&text.at),
            });
            ValueKind::Number
        }
        None => match condition_name(name).filter(|_| role == Role::Condition).map(|known| known.kind) {
            Some(Kind::Name) => ValueKind::Name,
            Some(Kind::Flag) => ValueKind::Flag,
            Some(Kind::Number | Kind::Count) | None => ValueKind::Number,
        },
    }
}

/// `noise = { lognormal = 0.02 }` or `noise = { lognormal = "sigma" }`.
fn noise<'t>(reader: &mut Reader<'t>, entry: &Entry<'_, 't>) -> Option<(Text, super::Expression)> {
    let value = entry.table.get("noise")?;
    let table = reader.table("noise", value)?;
    let inner = Entry { place: format!("`noise` of {}", entry.place), at: value.span(), table };
    reader.only(&inner, &["lognormal"]);
    if table.get("lognormal").is_none() {
        reader.missing(&inner, "lognormal", "write `noise = { lognormal = 0.02 }`");
    }
    reader.expression(&inner, "lognormal")
}

/// `from = "architecture[model].layers"`.
fn reference<'t>(reader: &mut Reader<'t>, entry: &Entry<'_, 't>) -> Option<CatalogReference> {
    let help = "write `from = \"architecture[model].layers\"`";
    let text = reader.required(entry, "from", help)?;
    let parsed = text.text.split_once('[').and_then(|(table, rest)| {
        let (keys, attribute) = rest.split_once("].")?;
        Some(CatalogReference {
            table: table.trim().to_owned(),
            keys: keys.split(',').map(|key| key.trim().to_owned()).collect(),
            attribute: attribute.trim().to_owned(),
            at: text.at.clone(),
        })
    });
    if parsed.is_none() {
        reader.faults.push(Fault::WrongType {
            key: "from".to_owned(),
            expected: "`table[condition].attribute`".to_owned(),
            found: format!("`{}`", text.text),
            at: span(&text.at),
        });
    }
    parsed
}
