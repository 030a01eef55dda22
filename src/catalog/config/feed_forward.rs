//! MLPs and experts: how many layers have which, and how wide they are.

use super::family::{Family, FeedForward};
use super::fault::ConfigFault;
use super::section::{Draft, Section};

/// Letters of `hybrid_override_pattern`: Mamba, attention, MLP, experts.
const LETTERS: [&str; 4] = ["M", "*", "-", "E"];

/// States the feed-forward networks and, with them, the kind of the model.
pub(super) fn state(text: &Section<'_>, family: &Family, draft: &mut Draft) {
    let known_layers = draft.number("layers");
    // Where that is a fault already, the other fields are still looked at.
    let layers = known_layers.unwrap_or(1.0);
    let moe = match family.feed_forward {
        FeedForward::Pattern => return pattern(text, family, draft, known_layers),
        FeedForward::Dense => 0.0,
        FeedForward::Experts => layers,
        FeedForward::Stepped => {
            let step = text.count("decoder_sparse_step").unwrap_or(1.0);
            let dense = text.wholes("mlp_only_layers").unwrap_or_default();
            count(layers, |layer| (layer + 1) % step as u64 == 0 && !dense.contains(&layer))
        }
        FeedForward::Behind => {
            let first = text.whole("first_k_dense_replace").unwrap_or(0.0);
            let step = text.count("moe_layer_freq").unwrap_or(1.0);
            count(layers, |layer| layer >= first as u64 && layer % step as u64 == 0)
        }
        FeedForward::Interleaved => {
            let step = text.count("interleave_moe_layer_step").unwrap_or(1.0);
            match text.wholes("moe_layers").filter(|listed| !listed.is_empty()) {
                Some(listed) => count(layers, |layer| listed.contains(&layer)),
                None => count(layers, |layer| (layer + 1) % step as u64 == 0),
            }
        }
    };
    let recurrent = draft.number("mamba_layers").unwrap_or(0.0);
    let kind = match (recurrent > 0.0, moe > 0.0) {
        (true, _) => "hybrid",
        (false, true) => "moe",
        (false, false) => "dense",
    };
    draft.name("kind", kind);
    if moe < layers {
        let is_apart = family.feed_forward == FeedForward::Interleaved;
        let field = if is_apart { "intermediate_size_mlp" } else { "intermediate_size" };
        draft.count("dense_mlp_layers", Some(layers - moe));
        draft.count("intermediate", text.required(field));
    }
    if moe > 0.0 {
        draft.count("moe_layers", Some(moe));
        experts(text, family, draft);
    }
}

/// The layers of a model that fulfill a condition; layers count from 0.
fn count(layers: f64, has_experts: impl Fn(u64) -> bool) -> f64 {
    (0..layers as u64).filter(|layer| has_experts(*layer)).count() as f64
}

/// The experts of one layer.
fn experts(text: &Section<'_>, family: &Family, draft: &mut Draft) {
    // Most classes also take another's name; the first is that of the class itself.
    let names = match family.feed_forward {
        FeedForward::Stepped => ["num_experts", "num_local_experts", "n_routed_experts"],
        FeedForward::Behind | FeedForward::Pattern => ["n_routed_experts", "num_experts", "num_local_experts"],
        _ => ["num_local_experts", "num_experts", "n_routed_experts"],
    };
    draft.count("experts", text.required_of(&names));
    draft.count("experts_per_token", text.required_of(&["num_experts_per_tok", "experts_per_token"]));
    let field = match family.feed_forward {
        FeedForward::Experts | FeedForward::Interleaved => "intermediate_size",
        _ => "moe_intermediate_size",
    };
    let width = text.required(field);
    draft.count("expert_intermediate", width);
    let shared = match family.feed_forward {
        FeedForward::Stepped => text.whole("shared_expert_intermediate_size"),
        FeedForward::Behind => text.whole("n_shared_experts").zip(width).map(|(shared, width)| shared * width),
        FeedForward::Interleaved => width,
        FeedForward::Pattern => {
            let width = text.whole("moe_shared_expert_intermediate_size");
            text.whole("n_shared_experts").zip(width).map(|(shared, width)| shared * width)
        }
        _ => None,
    };
    draft.count("shared_intermediate", shared.filter(|width| *width > 0.0));
    if family.is("gpt_oss") {
        draft.flag("expert_parallel_default", false);
        draft.doubt("expert_parallel_default: as for openai/gpt-oss-120b");
    }
}

/// One letter for each layer.
fn pattern(text: &Section<'_>, family: &Family, draft: &mut Draft, layers: Option<f64>) {
    draft.name("kind", "hybrid");
    let Some(letters) = text.text("hybrid_override_pattern") else {
        if !text.has("hybrid_override_pattern") {
            text.missing("hybrid_override_pattern");
        }
        return;
    };
    let field = text.named("hybrid_override_pattern");
    let found = letters.chars().count();
    if let Some(expected) = layers.filter(|layers| *layers != found as f64) {
        let fault = ConfigFault::LayerCount { field: field.clone(), found, expected };
        text.fault("hybrid_override_pattern", fault);
    }
    if let Some(strange) = letters.chars().find(|letter| !LETTERS.iter().any(|known| known.starts_with(*letter))) {
        let fault = ConfigFault::UnknownLayer { field, found: strange.to_string(), known: &LETTERS };
        text.fault("hybrid_override_pattern", fault);
    }
    let of = |letter: char| letters.chars().filter(|found| *found == letter).count() as f64;
    for (name, letter) in [("attention_layers", '*'), ("mamba_layers", 'M')] {
        draft.count(name, Some(of(letter)));
    }
    // Activated by a squared ReLU, without a gate.
    draft.flag("gated_mlp", false);
    if of('-') > 0.0 {
        draft.count("dense_mlp_layers", Some(of('-')));
        draft.count("intermediate", text.required("intermediate_size"));
    }
    if of('E') > 0.0 {
        draft.count("moe_layers", Some(of('E')));
        experts(text, family, draft);
    }
}
