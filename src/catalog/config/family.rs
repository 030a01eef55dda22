//! The types of language models whose configurations are understood, and what their classes leave unsaid.
//!
//! The defaults are those of the configuration classes in `transformers` 4.57; files leave out what equals them.

use super::fault::ConfigFault;
use super::section::Section;

/// How the layers of a model pass their tokens through a feed-forward network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FeedForward {
    /// One MLP in every layer.
    Dense,
    /// Experts of width `intermediate_size` in every layer.
    Experts,
    /// Experts in every `decoder_sparse_step`-th layer but for `mlp_only_layers`.
    Stepped,
    /// Experts behind the first `first_k_dense_replace` layers, in every `moe_layer_freq`-th.
    Behind,
    /// Experts in every `interleave_moe_layer_step`-th layer, and one that every token passes.
    Interleaved,
    /// Each layer is one thing, by `hybrid_override_pattern`.
    Pattern,
}

/// Which layers see a window only, where `layer_types` does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Window {
    /// None.
    None,
    /// All, if the file has a `sliding_window`.
    All,
    /// Those from `max_window_layers` on, if `use_sliding_window`.
    Flagged,
    /// All but every so-manieth, or every `sliding_window_pattern`-th.
    AllBut(u32),
    /// All but those that `no_rope_layers` marks with 0, or every fourth.
    Chunked,
    /// All but every `full_attention_interval`-th are recurrent instead.
    Recurrent,
}

/// What one type of model means by its fields.
pub(super) struct Family {
    /// `model_type` of the text part.
    types: &'static [&'static str],
    pub(super) feed_forward: FeedForward,
    pub(super) window: Window,
    /// Latent attention: `kv_lora_rank` and the like.
    pub(super) is_latent: bool,
    /// `tie_word_embeddings` where the file does not say.
    pub(super) is_tied: bool,
    /// Other fields where the file does not say.
    pub(super) defaults: &'static [(&'static str, f64)],
}

/// A dense model without windows.
const PLAIN: Family = Family {
    types: &[],
    feed_forward: FeedForward::Dense,
    window: Window::None,
    is_latent: false,
    is_tied: false,
    defaults: &[],
};

const FAMILIES: [Family; 16] = [
    Family { types: &["llama", "olmo2", "granite"], ..PLAIN },
    Family { types: &["mistral", "ministral", "phi3"], window: Window::All, ..PLAIN },
    Family {
        types: &["qwen2", "qwen3", "qwen2_vl", "qwen2_vl_text", "qwen2_5_vl", "qwen2_5_vl_text"],
        window: Window::Flagged,
        ..PLAIN
    },
    Family { types: &["qwen3_vl_text"], defaults: &[("head_dim", 128.0)], ..PLAIN },
    Family { types: &["gemma"], is_tied: true, defaults: &[("head_dim", 256.0)], ..PLAIN },
    Family {
        types: &["gemma2"],
        window: Window::AllBut(2),
        is_tied: true,
        defaults: &[("head_dim", 256.0), ("vocab_size", 256_000.0), ("sliding_window", 4096.0)],
        ..PLAIN
    },
    Family {
        types: &["gemma3_text"],
        window: Window::AllBut(6),
        is_tied: true,
        defaults: &[
            ("head_dim", 256.0),
            ("vocab_size", 262_208.0),
            ("sliding_window", 4096.0),
            ("num_attention_heads", 8.0),
            ("num_key_value_heads", 4.0),
        ],
        ..PLAIN
    },
    Family { types: &["mixtral"], feed_forward: FeedForward::Experts, window: Window::All, ..PLAIN },
    Family {
        types: &["gpt_oss"],
        feed_forward: FeedForward::Experts,
        window: Window::AllBut(2),
        defaults: &[("head_dim", 64.0), ("sliding_window", 128.0)],
        ..PLAIN
    },
    Family { types: &["qwen2_moe", "qwen3_moe"], feed_forward: FeedForward::Stepped, window: Window::Flagged, ..PLAIN },
    Family { types: &["qwen3_vl_moe_text"], feed_forward: FeedForward::Stepped, ..PLAIN },
    Family { types: &["qwen3_next"], feed_forward: FeedForward::Stepped, window: Window::Recurrent, ..PLAIN },
    Family {
        types: &["deepseek_v2", "deepseek_v3", "kimi_k2"],
        feed_forward: FeedForward::Behind,
        is_latent: true,
        ..PLAIN
    },
    Family { types: &["glm4_moe"], feed_forward: FeedForward::Behind, ..PLAIN },
    Family {
        types: &["llama4_text"],
        feed_forward: FeedForward::Interleaved,
        window: Window::Chunked,
        defaults: &[("head_dim", 128.0)],
        ..PLAIN
    },
    Family { types: &["nemotron_h"], feed_forward: FeedForward::Pattern, ..PLAIN },
];

/// Types of models that hold another one as their text part, or other parts beside it, which are understood.
const WRAPPERS: [&str; 11] = [
    "gemma3",
    "llama4",
    "qwen2_vl",
    "qwen2_5_vl",
    "qwen3_vl",
    "qwen3_vl_moe",
    "mistral3",
    "llava",
    "llava_next",
    "llava_onevision",
    "pixtral",
];

/// What every configuration of a language model has, by the names that most of them use.
const USUAL: [&str; 5] = ["hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size"];

/// What many of them have.
const FREQUENT: [&str; 5] = ["num_key_value_heads", "head_dim", "num_experts", "num_local_experts", "n_routed_experts"];

impl Family {
    /// The default of a field, if its class has one that files leave out.
    pub(super) fn default(&self, field: &str) -> Option<f64> {
        self.defaults.iter().find(|(name, _)| *name == field).map(|(_, value)| *value)
    }

    pub(super) fn is(&self, model_type: &str) -> bool {
        self.types.contains(&model_type)
    }
}

/// The family of a model, by the type of its text part; a fault if it is none that is understood.
pub(super) fn of(root: &Section<'_>, text: &Section<'_>, model: &str) -> Option<&'static Family> {
    let Some(wrapper) = root.text("model_type") else {
        if !root.has("model_type") {
            root.missing("model_type");
        }
        return None;
    };
    let model_type = text.text("model_type").unwrap_or(wrapper);
    let family = FAMILIES.iter().find(|family| family.is(model_type));
    // Outside the list a wrapper may hold parts that no one here knows of.
    let is_known = root.section("text_config").is_none() || WRAPPERS.contains(&wrapper);
    if family.is_some() && is_known {
        return family;
    }
    let found_type = if is_known { model_type } else { wrapper };
    let mut known: Vec<&str> = FAMILIES.iter().flat_map(|family| family.types).chain(&WRAPPERS).copied().collect();
    known.sort_unstable();
    known.dedup();
    root.fault(
        "model_type",
        ConfigFault::UnknownType {
            found: found_type.to_owned(),
            model: model.to_owned(),
            fields: USUAL
                .iter()
                .chain(&FREQUENT)
                .filter_map(|field| Some(format!("{field} = {}", text.get(field)?)))
                .collect(),
            missing: USUAL.iter().filter(|field| !text.has(field)).map(|field| (*field).to_owned()).collect(),
            known: known.into_iter().map(str::to_owned).collect(),
        },
    );
    None
}
