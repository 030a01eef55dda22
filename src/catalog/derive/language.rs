//! Language models: weights of each part, KV cache, arithmetic of attention, states of Mamba layers.
//!
//! Norms and biases are left out; they are below 0.1 % of any model here.

use super::Dimensions;
use crate::unit::Dimension;

/// Bytes of one element of a Mamba state: fp32 for the state itself, bf16 for the window of its convolution.
const STATE_BYTES: f64 = 4.0;
const CONVOLUTION_BYTES: f64 = 2.0;

/// Adds everything that follows from the dimensions of a language model.
pub(super) fn derive(of: &mut Dimensions<'_>) {
    let layer_counts = ["attention_layers", "dense_mlp_layers", "moe_layers", "mamba_layers"];
    for layers in layer_counts {
        of.add_count(layers, Some(0.0));
    }
    derive_attention(of);
    derive_feed_forward(of);
    derive_mamba(of);
    derive_encoders(of);
    derive_totals(of);
}

/// The width of queries and keys, and of values, of one head while decoding.
///
/// Latent attention decodes in the latent space: a head compares and sums latent vectors.
fn decoding_widths(of: &Dimensions<'_>) -> Option<(f64, f64)> {
    if of.name("attention") == Some("mla") {
        let latent = of.number("kv_latent")?;
        Some((latent + of.number("rope_head_dim")?, latent))
    } else {
        let width = of.number("head_dim")?;
        Some((width, width))
    }
}

/// Elements of the KV cache that a token adds in one layer.
fn kv_elements_of_a_layer(of: &Dimensions<'_>) -> Option<f64> {
    if of.name("attention") == Some("mla") {
        Some(of.number("kv_latent")? + of.number("rope_head_dim")?)
    } else {
        Some(2.0 * of.number("kv_heads")? * of.number("head_dim")?)
    }
}

/// Weights of the projections of one attention layer.
fn attention_params_of_a_layer(of: &Dimensions<'_>) -> Option<f64> {
    let (hidden, heads, head) = (of.number("hidden")?, of.number("heads")?, of.number("head_dim")?);
    if of.name("attention") == Some("mla") {
        let kv_latent = of.number("kv_latent")?;
        let (rope, value) = (of.number("rope_head_dim")?, of.number("value_head_dim")?);
        // Small models project queries straight from the residual stream.
        let queries = match of.number("query_latent") {
            Some(query_latent) => hidden * query_latent + query_latent * heads * (head + rope),
            None => hidden * heads * (head + rope),
        };
        let keys_and_values = hidden * (kv_latent + rope) + kv_latent * heads * (head + value);
        Some(queries + keys_and_values + heads * value * hidden)
    } else {
        let kv_heads = of.number("kv_heads")?;
        Some(2.0 * hidden * head * (heads + kv_heads))
    }
}

fn derive_attention(of: &mut Dimensions<'_>) {
    let layers = of.number("attention_layers");
    of.add_count("full_attention_layers", layers);
    let (all, full) = (of.count("attention_layers"), of.count("full_attention_layers"));
    let windowed = all - full;

    of.add_count("global_attention_share", (all > 0.0).then(|| full / all));
    of.add_count("attention_params", attention_params_of_a_layer(of).map(|params| params * all));

    let elements = kv_elements_of_a_layer(of);
    of.add_count("kv_elements_per_token", elements.map(|count| count * full));
    of.add_count("kv_elements_windowed", elements.map(|count| count * windowed));
    let shards = if of.name("attention") == Some("mla") { Some(1.0) } else { of.number("kv_heads") };
    of.add_count("kv_shards", shards);

    let flops = decoding_widths(of)
        .and_then(|(compared, summed)| of.number("heads").map(|heads| 2.0 * heads * (compared + summed)));
    of.add("attention_flops_per_token", flops.map(|count| count * full), Dimension::FLOP);
    of.add("attention_flops_windowed", flops.map(|count| count * windowed), Dimension::FLOP);
}

fn derive_feed_forward(of: &mut Dimensions<'_>) {
    of.add_flag("gated_mlp", true);
    of.add_flag("expert_parallel_default", of.name("kind") == Some("moe"));
    let matrices = if of.flag("gated_mlp") == Some(true) { 3.0 } else { 2.0 };
    let hidden = of.number("hidden");
    let (dense_layers, moe_layers) = (of.count("dense_mlp_layers"), of.count("moe_layers"));
    let of_width = |width: f64| hidden.map(|hidden| matrices * hidden * width);

    let dense = if dense_layers > 0.0 { of.number("intermediate").and_then(of_width) } else { Some(0.0) };
    of.add_count("mlp_params", dense.map(|params| params * dense_layers));

    let one_expert = if moe_layers > 0.0 { of.number("expert_intermediate").and_then(of_width) } else { Some(0.0) };
    let experts = of.count("experts");
    let shared = of_width(of.count("shared_intermediate"));
    of.add_count("expert_params_each", one_expert);
    of.add_count("expert_params", one_expert.map(|params| params * experts * moe_layers));
    of.add_count("shared_expert_params", shared.map(|params| params * moe_layers));
    of.add_count("router_params", hidden.map(|hidden| hidden * experts * moe_layers));
}

/// Mamba 2: one projection in (gate, values, two group states, one step per head), a convolution, one projection out.
fn derive_mamba(of: &mut Dimensions<'_>) {
    let layers = of.count("mamba_layers");
    if layers == 0.0 {
        of.add_count("mamba_params", Some(0.0));
        of.add("state_bytes", Some(0.0), Dimension::BYTES);
        return;
    }
    let names = ["hidden", "mamba_heads", "mamba_head_dim", "mamba_state", "mamba_groups", "mamba_convolution"];
    let values: Vec<f64> = names.iter().filter_map(|name| of.number(name)).collect();
    let &[hidden, heads, head, state, groups, convolution] = values.as_slice() else { return };

    let inner = heads * head;
    let convolved = inner + 2.0 * groups * state;
    let projection_in = hidden * (inner + convolved + heads);
    let params = projection_in + convolved * convolution + inner * hidden;
    of.add_count("mamba_params", Some(params * layers));

    let kept = STATE_BYTES * inner * state + CONVOLUTION_BYTES * (convolution - 1.0) * convolved;
    of.add("state_bytes", Some(kept * layers), Dimension::BYTES);
}

/// Encoders are plain transformers (two matrices in the MLP) plus an adapter.
fn derive_encoders(of: &mut Dimensions<'_>) {
    for encoder in ["vision", "audio"] {
        let part = |of: &Dimensions<'_>, name: &str| of.number(&format!("{encoder}_{name}"));
        let blocks = match (part(of, "layers"), part(of, "hidden"), part(of, "intermediate")) {
            (Some(layers), Some(hidden), Some(wide)) => Some(layers * (4.0 * hidden * hidden + 2.0 * hidden * wide)),
            (None, ..) => Some(0.0),
            _ => None,
        };
        let adapter = part(of, "adapter_params").unwrap_or(0.0);
        of.add_count(&format!("{encoder}_params"), blocks.map(|params| params + adapter));
    }
}

fn derive_totals(of: &mut Dimensions<'_>) {
    let head = match (of.number("vocabulary"), of.number("hidden")) {
        (Some(vocabulary), Some(hidden)) => Some(vocabulary * hidden),
        _ => None,
    };
    let tables = if of.flag("tied_embeddings") == Some(true) { 1.0 } else { 2.0 };
    of.add_count("head_params", head);
    of.add_count("embedding_params", head.map(|params| params * tables));

    let sum = |of: &Dimensions<'_>, names: &[&str]| names.iter().map(|name| of.number(name)).sum::<Option<f64>>();
    let every_token = ["attention_params", "mlp_params", "router_params", "shared_expert_params", "mamba_params"];
    let common = sum(of, &every_token);
    let language = common.zip(sum(of, &["expert_params", "embedding_params"])).map(|(a, b)| a + b);
    of.add_count("language_params", language);
    of.add_count("total_params", sum(of, &["language_params", "vision_params", "audio_params"]));

    let chosen = of.count("experts_per_token") * of.count("moe_layers");
    let active = common
        .zip(of.number("expert_params_each"))
        .zip(of.number("head_params"))
        .map(|((common, each), head)| common + each * chosen + head);
    of.add_count("active_params", active);
}
