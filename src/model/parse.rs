//! TOML to a [`Definition`].

use toml::de::DeTable;

use super::definition::{
    CauseDefinition, ConstraintDefinition, Definition, MechanismDefinition, RegimeDefinition, Role,
};
use super::fault::{Fault, span};
use super::generic;
use super::parse_node::node;
use super::parse_parameter::parameter;
use super::parse_residual::{residual, shifts};
use super::reader::{Entry, Reader, Text};

const TABLES: [&str; 13] = [
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
    "shift",
];

impl Definition {
    /// Reads the text of a model file. Faults are kept and reported with those of the checks, all at once.
    pub fn parse(file: &str, text: &str) -> Self {
        let mut definition = Self {
            file: file.to_owned(),
            text: text.to_owned(),
            name: String::new(),
            tasks: Vec::new(),
            default_metric: Text::default(),
            latency: None,
            requires: Vec::new(),
            nodes: Vec::new(),
            parameters: Vec::new(),
            regimes: Vec::new(),
            constraints: Vec::new(),
            causes: Vec::new(),
            mechanisms: Vec::new(),
            residual: None,
            shifts: Vec::new(),
            unsure: Vec::new(),
            faults: Vec::new(),
        };
        let (root, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            definition.faults = errors.iter().map(syntax_fault).collect();
            return definition;
        }
        let mut reader = Reader { text, faults: Vec::new(), unsure: Vec::new() };
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
            definition.parameters.push(parameter(&mut reader, name, &entry));
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
        definition.residual = residual(&mut reader, root.get_ref());
        definition.shifts = shifts(&mut reader, root.get_ref());
        generic::expand(&mut definition);
        definition.unsure = reader.unsure;
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
    reader.only(&entry, &["name", "meaning", "tasks", "default_metric", "latency", "requires"]);
    let help = "write `name = \"llm-serving\"`";
    definition.name = reader.required(&entry, "name", help).unwrap_or_default().text;
    definition.tasks = reader.strings(&entry, "tasks").into_iter().map(|text| text.text).collect();
    let help = "name the metric that answers are about";
    definition.default_metric = reader.required(&entry, "default_metric", help).unwrap_or_default();
    definition.latency = reader.string(&entry, "latency");
    definition.requires = reader.strings(&entry, "requires");
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
    reader.only(entry, &["require", "limits", "ceiling", "supply", "parts", "whole", "meaning"]);
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
        meaning: reader.string(entry, "meaning").unwrap_or_default().text,
        parts: reader.strings(entry, "parts"),
        whole: reader.string(entry, "whole"),
        name,
    })
}
