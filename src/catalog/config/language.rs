//! The text part of a model: widths, heads, windows, vocabulary.

use super::family::{Family, FeedForward, Window};
use super::fault::ConfigFault;
use super::section::{Draft, Section};

/// Kinds of layers in `layer_types`.
const FULL: &str = "full_attention";
const RECURRENT: &str = "linear_attention";
const KINDS: [&str; 4] = [FULL, "sliding_attention", "chunked_attention", RECURRENT];

/// States what all language models have.
pub(super) fn state(root: &Section<'_>, text: &Section<'_>, family: &Family, draft: &mut Draft) {
    let hidden = text.required("hidden_size");
    let layers = text.layers("num_hidden_layers");
    draft.count("hidden", hidden);
    draft.count("layers", layers);
    let heads = required(text, family, draft, "num_attention_heads");
    draft.count("heads", heads);
    let vocabulary = required(text, family, draft, "vocab_size");
    draft.count("vocabulary", vocabulary);
    let is_tied = tied(root, text, family, draft);
    draft.flag("tied_embeddings", is_tied);
    if family.is_latent {
        latent(text, draft, heads);
    } else {
        grouped(text, family, draft, hidden.zip(heads));
    }
    // A pattern says itself which layers have attention.
    if family.feed_forward != FeedForward::Pattern
        && let Some(layers) = layers
    {
        windows(text, family, draft, layers as usize);
    }
}

/// A count of the file, or the default of its class, which is then said.
fn optional(text: &Section<'_>, family: &Family, draft: &mut Draft, field: &'static str) -> Option<f64> {
    match family.default(field) {
        Some(value) if !text.has(field) => {
            draft.doubt(format!("{field}: not in the file, {value} is the default of its class"));
            Some(value)
        }
        _ => text.count(field),
    }
}

/// The same for what must come from one of both.
fn required(text: &Section<'_>, family: &Family, draft: &mut Draft, field: &'static str) -> Option<f64> {
    if family.default(field).is_some() { optional(text, family, draft, field) } else { text.required(field) }
}

/// Whether one table is input and output; where a text part lies in a wrapper, the wrapper decides.
fn tied(root: &Section<'_>, text: &Section<'_>, family: &Family, draft: &mut Draft) -> bool {
    let holder = if root.has("tie_word_embeddings") { root } else { text };
    holder.flag("tie_word_embeddings").unwrap_or_else(|| {
        draft.doubt(format!("tie_word_embeddings: not in the file, {} is the default of its class", family.is_tied));
        family.is_tied
    })
}

/// Grouped queries: heads of one width, which is the hidden width over the heads where nothing else is said.
fn grouped(text: &Section<'_>, family: &Family, draft: &mut Draft, hidden_and_heads: Option<(f64, f64)>) {
    draft.name("attention", "gqa");
    let heads = hidden_and_heads.map(|(_, heads)| heads);
    let kv_heads = optional(text, family, draft, "num_key_value_heads").or_else(|| {
        // Without the field every head has its own keys and values, in all classes here.
        heads.filter(|_| !text.has("num_key_value_heads"))
    });
    draft.count("kv_heads", kv_heads);
    // Nemotron-H wrote `attention_head_dim` before it wrote `head_dim`.
    let field = if text.has("attention_head_dim") { "attention_head_dim" } else { "head_dim" };
    let width = optional(text, family, draft, field).or_else(|| match hidden_and_heads {
        Some((hidden, heads)) if !text.has(field) && hidden % heads == 0.0 => Some(hidden / heads),
        Some((hidden, heads)) if !text.has(field) => {
            text.fault("hidden_size", ConfigFault::HeadWidth { hidden, heads });
            None
        }
        _ => None,
    });
    draft.count("head_dim", width);
}

/// Latent attention, whose heads share one latent vector for keys and values.
fn latent(text: &Section<'_>, draft: &mut Draft, heads: Option<f64>) {
    draft.name("attention", "mla");
    draft.count("kv_heads", heads);
    draft.count("head_dim", text.required("qk_nope_head_dim"));
    draft.count("rope_head_dim", text.required("qk_rope_head_dim"));
    draft.count("value_head_dim", text.required("v_head_dim"));
    draft.count("kv_latent", text.required("kv_lora_rank"));
    // Null where queries are projected straight from the residual stream.
    draft.count("query_latent", text.count("q_lora_rank"));
}

/// Which layers see the whole context, and how much the others see.
fn windows(text: &Section<'_>, family: &Family, draft: &mut Draft, layers: usize) {
    let kinds = match text.texts("layer_types") {
        Some(kinds) if !is_sound(text, &kinds, layers) => return,
        Some(kinds) => kinds,
        None => by_rule(text, family, draft, layers),
    };
    let count = |wanted: &str| kinds.iter().filter(|kind| **kind == wanted).count() as f64;
    let (full, recurrent) = (count(FULL), count(RECURRENT));
    let attention = kinds.len() as f64 - recurrent;
    draft.count("attention_layers", Some(attention));
    if recurrent > 0.0 {
        draft.count("mamba_layers", Some(recurrent));
    }
    if full < attention {
        let is_chunked = count("chunked_attention") > 0.0;
        let field = if is_chunked { "attention_chunk_size" } else { "sliding_window" };
        draft.count("full_attention_layers", Some(full));
        let window = required(text, family, draft, field);
        draft.count("attention_window", window);
        draft.name("attention_window_kind", if is_chunked { "chunked" } else { "sliding" });
    }
}

/// Whether a list has one known kind for each layer; if not, there are faults.
fn is_sound(text: &Section<'_>, kinds: &[&str], layers: usize) -> bool {
    if kinds.len() != layers {
        let field = text.named("layer_types");
        let expected = layers as f64;
        text.fault("layer_types", ConfigFault::LayerCount { field, found: kinds.len(), expected });
    }
    let mut strange: Vec<&str> = kinds.iter().filter(|kind| !KINDS.contains(kind)).copied().collect();
    strange.dedup();
    let is_sound = kinds.len() == layers && strange.is_empty();
    for kind in strange {
        let (field, found) = (text.named("layer_types"), kind.to_owned());
        text.fault("layer_types", ConfigFault::UnknownLayer { field, found, known: &KINDS });
    }
    is_sound
}

/// The kinds by the rule of the model's class.
fn by_rule(text: &Section<'_>, family: &Family, draft: &mut Draft, layers: usize) -> Vec<&'static str> {
    let every = |step: usize, other: &'static str| -> Vec<&'static str> {
        (1..=layers).map(|layer| if step > 0 && layer % step == 0 { FULL } else { other }).collect()
    };
    let has_window = || text.has("sliding_window");
    match family.window {
        Window::All if has_window() => every(0, "sliding_attention"),
        Window::Flagged if text.flag("use_sliding_window") == Some(true) && has_window() => {
            let first = text.whole("max_window_layers").unwrap_or(0.0) as usize;
            (0..layers).map(|layer| if layer < first { FULL } else { "sliding_attention" }).collect()
        }
        Window::None | Window::All | Window::Flagged => vec![FULL; layers],
        Window::AllBut(step) => {
            let step = text.count("sliding_window_pattern").map_or_else(
                || {
                    draft.doubt(format!("layer_types: not in the file, one of {step} layers is full in its class"));
                    step as usize
                },
                |step| step as usize,
            );
            every(step, "sliding_attention")
        }
        Window::Chunked if !text.has("attention_chunk_size") => vec![FULL; layers],
        Window::Chunked => chunked(text, draft, layers),
        Window::Recurrent => {
            let step = text.count("full_attention_interval").unwrap_or(4.0);
            draft.doubt(format!("layer_types: not in the file, every {step}th layer is attention in its class"));
            every(step as usize, RECURRENT)
        }
    }
}

/// Layers without a rotary embedding see the whole context.
fn chunked(text: &Section<'_>, draft: &mut Draft, layers: usize) -> Vec<&'static str> {
    let kind = |is_full: bool| if is_full { FULL } else { "chunked_attention" };
    if let Some(marks) = text.wholes("no_rope_layers").filter(|marks| !marks.is_empty()) {
        if marks.len() != layers {
            let field = text.named("no_rope_layers");
            let fault = ConfigFault::LayerCount { field, found: marks.len(), expected: layers as f64 };
            text.fault("no_rope_layers", fault);
        }
        return marks.iter().map(|mark| kind(*mark == 0)).collect();
    }
    let step = text.count("no_rope_layer_interval").unwrap_or(4.0);
    draft.doubt(format!("no_rope_layers: not in the file, every {step}th layer is full in its class"));
    (1..=layers).map(|layer| kind(layer % step as usize == 0)).collect()
}
