//! A model's own `config.json`, as Hugging Face publishes it, as an entry of table `architecture`.
//!
//! What the file states is taken over; what it leaves to the defaults of its class in `transformers` is taken from there
//! and said in `unsure`; what neither says is a fault. A type of model that is not listed in `family` is refused: two
//! classes may mean different things by one field.
//!
//! Of a diffusion model the file describes the transformer only. What follows from it is told, with what else a TOML has
//! to state.

mod diffusion;
mod family;
mod fault;
mod feed_forward;
mod hybrid;
mod language;
mod precision;
mod section;
mod span;
mod vision;

pub use fault::ConfigFault;

use std::cell::RefCell;
use std::sync::Arc;

use miette::NamedSource;
use serde_json::Value as Json;

use self::section::{Draft, Section};
use super::entry::{Entry, Place};
use super::fault::{Fault, FaultKind};

/// What a configuration is read for.
pub(super) struct Request<'a> {
    /// Name of the file in messages.
    pub(super) file: &'a str,
    /// The text of the file.
    pub(super) text: &'a str,
    /// Name of the base model: the key of the entry.
    pub(super) model: &'a str,
    /// Whether the checkpoint bears that very name, without a suffix for its precision.
    pub(super) is_base: bool,
}

/// The entry of a configuration; its faults are added to `faults`.
pub(super) fn read(request: &Request<'_>, faults: &mut Vec<Fault>) -> Option<Entry> {
    let file = Arc::new(NamedSource::new(request.file, request.text.to_owned()));
    let text = request.text.trim_start_matches('\u{feff}');
    let found = RefCell::new(Vec::new());
    let entry = match serde_json::from_str::<Json>(text) {
        Ok(Json::Object(object)) => {
            let root = Section::root(&object, &file, &found);
            if root.has("_class_name") { diffusion::refuse(&root, request.model) } else { language(&root, request) }
        }
        Ok(_) => {
            found.borrow_mut().push((ConfigFault::NotAnObject, 0..0));
            None
        }
        Err(error) => {
            let whole = error.to_string();
            let message = whole.split(" at line ").next().unwrap_or(&whole).to_owned();
            let at = span::offset(request.text, error.line(), error.column());
            found.borrow_mut().push((ConfigFault::NotJson { message }, at..at));
            None
        }
    };
    let mut found = found.into_inner();
    found.sort_by_key(|(_, span)| span.start);
    fault::join_missing(&mut found);
    let is_faulty = !found.is_empty();
    faults.extend(found.into_iter().map(|(fault, span)| Fault {
        kind: FaultKind::Config(Box::new(fault)),
        place: Place { file: Arc::clone(&file), span },
    }));
    entry.filter(|_| !is_faulty)
}

/// The entry of a language model, with or without encoders.
fn language(root: &Section<'_>, request: &Request<'_>) -> Option<Entry> {
    let text = root.section("text_config").unwrap_or_else(|| root.clone());
    let family = family::of(root, &text, request.model)?;
    let mut draft = Draft::new(root.place());
    language::state(root, &text, family, &mut draft);
    feed_forward::state(&text, family, &mut draft);
    hybrid::state(&text, family, &mut draft);
    vision::state(root, &mut draft);
    precision::state(root, &text, request, &mut draft);
    Some(draft.entry(request.model, format!("{}, configuration in the form of Hugging Face", request.file)))
}
