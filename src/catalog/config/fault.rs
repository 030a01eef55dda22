//! What can be wrong with a configuration, and what to do about it.

use std::ops::Range;

use serde_json::Value as Json;

use crate::notes::{list, quoted};

/// What can be wrong with a `config.json`.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ConfigFault {
    /// Text that is no JSON.
    #[error("this is not JSON: {message}")]
    NotJson {
        /// What the parser says.
        message: String,
    },
    /// A list or a number.
    #[error("a configuration must be a JSON object")]
    NotAnObject,
    /// Fields without which the model is not described.
    #[error("{} {} missing", quoted(fields, 20), if fields.len() == 1 { "is" } else { "are" })]
    Missing {
        /// The fields, with the names of the objects around them.
        fields: Vec<String>,
    },
    /// A value that cannot be.
    #[error("`{field}` must be {expected}, but is {found}")]
    WrongValue {
        /// The field.
        field: String,
        /// What may stand there.
        expected: &'static str,
        /// What does.
        found: String,
    },
    /// A list that does not have one item for each layer.
    #[error("`{field}` describes {found} layers, but there are {expected}")]
    LayerCount {
        /// The field.
        field: String,
        /// Its length.
        found: usize,
        /// The number of layers.
        expected: f64,
    },
    /// A kind of layer that the equations do not have.
    #[error("`{field}` has a layer of kind `{found}`, which is not known here")]
    UnknownLayer {
        /// The field.
        field: String,
        /// The kind.
        found: String,
        /// Those that are known.
        known: &'static [&'static str],
    },
    /// Heads whose width follows from nothing.
    #[error("`head_dim` is missing, and {hidden} channels do not divide into {heads} heads")]
    HeadWidth {
        /// Width of the residual stream.
        hidden: f64,
        /// Number of heads.
        heads: f64,
    },
    /// A number format that the catalog does not have.
    #[error("weights are stored as {found}, which the catalog has no bytes for")]
    Format {
        /// What the file says, in its own words.
        found: String,
        /// The model.
        model: String,
    },
    /// A type of model that nothing is known of.
    #[error("a model of type `{found}` is not understood")]
    UnknownType {
        /// `model_type` of the file.
        found: String,
        /// Name of the model.
        model: String,
        /// Usual fields that the file has, with their values.
        fields: Vec<String>,
        /// Usual fields that it lacks.
        missing: Vec<String>,
        /// Types that are known.
        known: Vec<String>,
    },
    /// A diffusion transformer, whose configuration does not describe the whole model.
    #[error("the configuration of a `{class}` does not say {}", list(missing))]
    Diffusion {
        /// `_class_name` of the file.
        class: String,
        /// Name of the model.
        model: String,
        /// What follows from the file, as TOML.
        derived: Vec<String>,
        /// Attributes that have to be stated.
        missing: Vec<String>,
    },
    /// A class of `diffusers` that nothing is known of.
    #[error("a model of class `{found}` is not understood")]
    UnknownClass {
        /// `_class_name` of the file.
        found: String,
        /// Name of the model.
        model: String,
        /// Classes that are known.
        known: Vec<String>,
    },
}

impl ConfigFault {
    /// What to do about it.
    pub(in crate::catalog) fn advice(&self) -> Option<String> {
        let text = match self {
            Self::NotJson { .. } | Self::LayerCount { .. } | Self::WrongValue { .. } => return None,
            Self::NotAnObject => "give the `config.json` of the checkpoint".to_owned(),
            Self::Missing { .. } => {
                "give the `config.json` of the checkpoint itself, or state the architecture in a TOML: `--architecture \
                 FILE.toml`, by the example of `models/catalog/architectures.toml`"
                    .to_owned()
            }
            Self::HeadWidth { .. } => "add `head_dim` to the file".to_owned(),
            Self::UnknownLayer { known, .. } => format!(
                "known are {}; an architecture can also be stated in a TOML: `--architecture FILE.toml`",
                quoted(known, 20)
            ),
            Self::Format { model, .. } => format!(
                "state the architecture in a TOML, `--architecture FILE.toml`, with `native_precision` and the bytes of \
                 that format as `[precision.\"{model}\".<format>]`; the catalog has bf16, fp8 and mxfp4"
            ),
            Self::UnknownType { model, fields, missing, known, .. } => unknown_type(model, fields, missing, known),
            Self::Diffusion { model, derived, missing, .. } => template(model, derived, missing),
            Self::UnknownClass { model, known, .. } => format!(
                "known are {}; state the architecture in a TOML, `--architecture FILE.toml`, as \
                 `[architecture.\"{model}\"]` by the example of `models/catalog/diffusion.toml`",
                quoted(known, 20)
            ),
        };
        Some(text)
    }
}

fn unknown_type(model: &str, fields: &[String], missing: &[String], known: &[String]) -> String {
    let found = if fields.is_empty() { "none of the usual fields".to_owned() } else { list(fields) };
    let missing = if missing.is_empty() { String::new() } else { format!(", but no {}", quoted(missing, 20)) };
    format!(
        "the file has {found}{missing}; state the architecture in a TOML, `--architecture FILE.toml`, as \
         `[architecture.\"{model}\"]` by the example of `models/catalog/architectures.toml`. Types that are understood: {}",
        list(known)
    )
}

/// The entry that a person completes.
fn template(model: &str, derived: &[String], missing: &[String]) -> String {
    let blanks: Vec<String> = missing.iter().map(|name| format!("{name} = …")).collect();
    format!(
        "complete this in a TOML by the example of `models/catalog/diffusion.toml`, and give it as `--architecture \
         FILE.toml`:\n\n[architecture.\"{model}\"]\nsource = \"…\"\n{}\n{}",
        derived.join("\n"),
        blanks.join("\n")
    )
}

/// Joins all fields that are missing into one fault, in the place of the first.
pub(super) fn join_missing(faults: &mut Vec<(ConfigFault, Range<usize>)>) {
    let mut all: Vec<String> = Vec::new();
    let mut first = None;
    faults.retain_mut(|(fault, span)| match fault {
        ConfigFault::Missing { fields } => {
            all.append(fields);
            first.get_or_insert_with(|| span.clone());
            false
        }
        _ => true,
    });
    if let Some(span) = first {
        faults.insert(0, (ConfigFault::Missing { fields: all }, span));
    }
}

/// What a JSON value is, for a message.
pub(super) fn described(value: &Json) -> String {
    match value {
        Json::Null => "null".to_owned(),
        Json::Bool(on) => on.to_string(),
        Json::Number(number) => number.to_string(),
        Json::String(text) => format!("the text \"{text}\""),
        Json::Array(_) => "a list of something else".to_owned(),
        Json::Object(_) => "an object".to_owned(),
    }
}
