//! TOML to a [`Definition`].

use toml::de::DeTable;

use super::definition::{
    CatalogReference, CauseDefinition, ConstraintDefinition, Definition, MechanismDefinition, NodeDefinition,
    ParameterDefinition, RegimeDefinition, Role, ValueKind,
};
use super::fault::{Fault, span};
use super::prior::Prior;
use super::reader::{Entry, Reader, Text, constant};
use crate::notes::nearest;
use crate::runs::{Kind, condition_name, known};
use crate::unit::{Dimension, Unit};

const TABLES: [&str; 12] = [
    "model",
    "condition",
    "property",
    "latent",
    "metric",
    "identity",
    "parameter",
    "regime",
    "constraint",
    "cause",
    "mechanism",
    "residual",
];

impl Definition {
    /// Reads the text of a model file. Faults are kept and reported with those of the checks, all at once.
    pub fn parse(file: &str, text: &str) -> Self {
        let mut definition = Self {
            file: file.to_owned(),
            text: text.to_owned(),
            name: String::new(),
            tasks: Vec::new(),
            default_metric: String::new(),
            requires: Vec::new(),
            nodes: Vec::new(),
            parameters: Vec::new(),
            regimes: Vec::new(),
            constraints: Vec::new(),
            causes: Vec::new(),
            mechanisms: Vec::new(),
            faults: Vec::new(),
        };
        let (root, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            definition.faults = errors.iter().map(syntax_fault).collect();
            return definition;
        }
        let mut reader = Reader { text, faults: Vec::new() };
        let whole = Entry { place: "a model file".to_owned(), at: 0..0, table: root.get_ref() };
        reader.only(&whole, &TABLES);
        header(&mut reader, &whole, &mut definition);
        for role in [Role::Condition, Role::Property, Role::Latent, Role::Metric, Role::Identity] {
            for (name, entry) in reader.entries(root.get_ref(), role.table()) {
                definition.nodes.push(node(&mut reader, name, &entry, role));
            }
        }
        definition.nodes.sort_by_key(|node| node.at.start);
        for (name, entry) in reader.entries(root.get_ref(), "parameter") {
            definition.parameters.extend(parameter(&mut reader, name, &entry));
        }
        for (name, entry) in reader.entries(root.get_ref(), "regime") {
            definition.regimes.extend(regime(&mut reader, name, &entry));
        }
        for (name, entry) in reader.entries(root.get_ref(), "constraint") {
            definition.constraints.extend(constraint(&mut reader, name, &entry));
        }
        for (name, entry) in reader.entries(root.get_ref(), "cause") {
            reader.only(&entry, &["from", "noise", "meaning", "show"]);
            definition.causes.push(CauseDefinition {
                name,
                at: entry.at.clone(),
                meaning: reader.string(&entry, "meaning").unwrap_or_default().text,
                from: reader.strings(&entry, "from"),
                noise: reader.strings(&entry, "noise"),
                show: reader.string(&entry, "show"),
            });
        }
        for (name, entry) in reader.entries(root.get_ref(), "mechanism") {
            reader.only(&entry, &["latents", "meaning"]);
            definition.mechanisms.push(MechanismDefinition {
                name,
                at: entry.at.clone(),
                meaning: reader.string(&entry, "meaning").unwrap_or_default().text,
                latents: reader.strings(&entry, "latents"),
            });
        }
        definition.faults = reader.faults;
        definition
    }
}

fn syntax_fault(error: &toml::de::Error) -> Fault {
    let reason = error.message().lines().next().unwrap_or("unreadable").to_owned();
    Fault::Syntax { reason, at: span(&error.span().unwrap_or(0..0)) }
}

fn header<'t>(reader: &mut Reader<'t>, whole: &Entry<'_, 't>, definition: &mut Definition) {
    let Some(value) = whole.table.get("model") else {
        return reader.missing(whole, "[model]", "begin with `[model]`, its `name` and its `tasks`");
    };
    let Some(table) = reader.table("model", value) else { return };
    let entry = Entry { place: "[model]".to_owned(), at: value.span(), table };
    reader.only(&entry, &["name", "meaning", "tasks", "default_metric", "requires"]);
    let help = "write `name = \"llm-serving\"`";
    definition.name = reader.required(&entry, "name", help).unwrap_or_default().text;
    definition.tasks = reader.strings(&entry, "tasks").into_iter().map(|text| text.text).collect();
    let help = "name the metric that answers are about";
    definition.default_metric = reader.required(&entry, "default_metric", help).unwrap_or_default().text;
    definition.requires = reader.strings(&entry, "requires");
}

fn node<'t>(reader: &mut Reader<'t>, name: String, entry: &Entry<'_, 't>, role: Role) -> NodeDefinition {
    let allowed: &[&str] = match role {
        Role::Condition => &["meaning", "unit", "type", "missing"],
        Role::Property => &["meaning", "unit", "type", "from", "missing"],
        Role::Latent => {
            &["meaning", "unit", "type", "equation", "observed", "noise", "at_least", "show", "source", "valid"]
        }
        Role::Metric => &["meaning", "unit", "equation", "noise", "source", "valid"],
        Role::Identity => &["meaning", "unit", "equation", "source", "valid"],
    };
    reader.only(entry, allowed);
    let kind = value_kind(reader, entry, &name, role);
    let unit = match known(&name).filter(|_| role == Role::Condition && entry.table.get("unit").is_none()) {
        Some(known) => Unit::parse(known.unit).unwrap_or(Unit {
            label: known.unit.to_owned(),
            factor: 1.0,
            dimension: Dimension::ONE,
        }),
        None => reader.unit(entry, kind == ValueKind::Number && role != Role::Condition && role != Role::Property),
    };
    let equation = if matches!(role, Role::Latent | Role::Metric | Role::Identity) {
        if entry.table.get("equation").is_none() {
            reader.missing(entry, "equation", "write `equation = \"…\"` with the names of other nodes");
        }
        reader.expression(entry, "equation")
    } else {
        None
    };
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
        missing: reader.expression(entry, "missing"),
        from,
        observed,
        noise: noise(reader, entry),
        at_least: reader.expression(entry, "at_least"),
        show: entry.table.get("show").and_then(|value| value.get_ref().as_bool()).unwrap_or(false),
        source: reader.string(entry, "source").unwrap_or_default().text,
        valid: reader.string(entry, "valid").unwrap_or_default().text,
        name,
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

fn parameter<'t>(reader: &mut Reader<'t>, name: String, entry: &Entry<'_, 't>) -> Option<ParameterDefinition> {
    let allowed = ["meaning", "unit", "per", "within", "where", "prior", "pool", "pool_within", "level", "source"];
    reader.only(entry, &allowed);
    let unit = reader.unit(entry, true);
    let prior = match reader.string(entry, "prior") {
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
    let levels = levels(reader, entry, unit.dimension);
    let prior = prior?;
    let levelled = !per.is_empty();
    if levelled && prior.spread().is_none() {
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
    Some(ParameterDefinition {
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
    })
}

fn unit_hint(unit: &Unit) -> String {
    if unit.dimension.is_one() { String::new() } else { format!(" {}", unit.label) }
}

/// `level.H100 = "lognormal(0.85, 0.1)"`.
fn levels<'t>(reader: &mut Reader<'t>, entry: &Entry<'_, 't>, dimension: Dimension) -> Vec<(String, Prior)> {
    let Some(value) = entry.table.get("level") else { return Vec::new() };
    let Some(table) = reader.table("level", value) else { return Vec::new() };
    let inner = Entry { place: format!("`level` of {}", entry.place), at: value.span(), table };
    let names: Vec<String> = table.keys().map(|key| key.get_ref().to_string()).collect();
    names
        .into_iter()
        .filter_map(|name| {
            let text = reader.string(&inner, &name)?;
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

fn regime<'t>(reader: &mut Reader<'t>, name: String, entry: &Entry<'_, 't>) -> Option<RegimeDefinition> {
    reader.only(entry, &["meaning", "states", "probability", "affects"]);
    let states: Vec<String> = reader.strings(entry, "states").into_iter().map(|text| text.text).collect();
    if states.len() != 2 {
        let help = "write `states = [\"healthy\", \"stalled\"]`: two states, the ordinary one first";
        reader.missing(entry, "states", help);
    }
    if entry.table.get("probability").is_none() {
        reader.missing(entry, "probability", "write `probability = \"stall_share\"`, a parameter");
    }
    let affects = reader.required(entry, "affects", "name the latent whose equation uses the state");
    Some(RegimeDefinition {
        at: entry.at.clone(),
        meaning: reader.string(entry, "meaning").unwrap_or_default().text,
        probability: reader.expression(entry, "probability")?,
        affects: affects?,
        states: Some(states).filter(|states| states.len() == 2)?,
        name,
    })
}

fn constraint<'t>(reader: &mut Reader<'t>, name: String, entry: &Entry<'_, 't>) -> Option<ConstraintDefinition> {
    reader.only(entry, &["require", "limits", "ceiling", "supply", "meaning"]);
    if entry.table.get("require").is_none() {
        reader.missing(entry, "require", "write `require = \"a <= b\"`");
    }
    let limits = reader.required(entry, "limits", "name the condition to lower");
    Some(ConstraintDefinition {
        at: entry.at.clone(),
        require: reader.expression(entry, "require")?,
        limits: limits?,
        ceiling: reader.string(entry, "ceiling"),
        supply: reader.string(entry, "supply"),
        name,
    })
}
