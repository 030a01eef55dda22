//! Encoders of images beside the text part.

use super::section::{Draft, Section};

/// Matrices of a plain MLP; gated ones have three.
const PLAIN: f64 = 2.0;
const GATED: f64 = 3.0;

/// Dimensions of an encoder.
struct Encoder {
    layers: f64,
    hidden: f64,
    wide: f64,
    patch: f64,
}

/// States the encoder of images, if there is one.
pub(super) fn state(root: &Section<'_>, draft: &mut Draft) {
    if root.has("audio_config") {
        draft.doubt("the encoder of sound is left out");
    }
    let Some(vision) = root.section("vision_config") else { return };
    let wrapper = root.text("model_type").unwrap_or_default();
    let hidden_of_text = draft.number("hidden");
    let Some(encoder) = dimensions(&vision, wrapper) else { return };
    draft.count("vision_layers", Some(encoder.layers));
    draft.count("vision_hidden", Some(encoder.hidden));
    draft.count("vision_intermediate", Some(encoder.wide));
    draft.count("vision_patch", Some(encoder.patch));
    let Some(width) = hidden_of_text else { return };
    match wrapper {
        "gemma3" => gemma(root, &vision, draft, &encoder, width),
        "llama4" => llama(&vision, draft, &encoder, width),
        "qwen2_vl" | "qwen2_5_vl" | "qwen3_vl" | "qwen3_vl_moe" => qwen(&vision, draft, &encoder, wrapper),
        "mistral3" => mistral(root, draft, &encoder, width),
        _ => draft.doubt("vision_adapter_params: what joins encoder and text part is left out"),
    }
    if root.has("vision_feature_layer") {
        draft.doubt("vision_layers: all layers of the encoder are counted");
    }
}

fn dimensions(vision: &Section<'_>, wrapper: &str) -> Option<Encoder> {
    // In Qwen2-VL `hidden_size` is the width of the text part.
    let hidden = vision.required(if wrapper == "qwen2_vl" { "embed_dim" } else { "hidden_size" });
    let layers = vision.required_of(&["num_hidden_layers", "depth"]);
    let patch = vision.required_of(&["patch_size", "spatial_patch_size"]);
    let wide = match vision.ratio("mlp_ratio").filter(|_| !vision.has("intermediate_size")) {
        Some(ratio) => hidden.map(|hidden| ratio * hidden),
        None => vision.required("intermediate_size"),
    };
    Some(Encoder { layers: layers?, hidden: hidden?, wide: wide?, patch: patch? })
}

/// Weights of the embedding of patches of three colors.
fn patches(of: &Encoder, frames: f64) -> f64 {
    3.0 * frames * of.patch * of.patch * of.hidden
}

/// Weights of the table of positions.
fn positions(vision: &Section<'_>, of: &Encoder) -> Option<f64> {
    let side = (vision.required("image_size")? / of.patch).floor();
    Some(side * side * of.hidden)
}

/// Every image becomes so many tokens, by one projection.
fn gemma(root: &Section<'_>, vision: &Section<'_>, draft: &mut Draft, of: &Encoder, width: f64) {
    let tokens = root.count("mm_tokens_per_image").unwrap_or_else(|| {
        draft.doubt("mm_tokens_per_image: not in the file, 256 is the default of its class");
        256.0
    });
    draft.count("vision_tokens_per_image", Some(tokens));
    draft.count("vision_tokens_per_tile", Some(tokens));
    let adapter = positions(vision, of).map(|positions| of.hidden * width + patches(of, 1.0) + positions);
    draft.count("vision_adapter_params", adapter);
}

/// Four patches are shuffled into one token, which passes an MLP and a projection.
fn llama(vision: &Section<'_>, draft: &mut Draft, of: &Encoder, width: f64) {
    let ratio = vision.ratio("pixel_shuffle_ratio").unwrap_or(0.5);
    let (into, out) = (vision.required("projector_input_dim"), vision.required("vision_output_dim"));
    let (Some(image), Some(into), Some(out)) = (vision.required("image_size"), into, out) else { return };
    let side = (image / of.patch).floor();
    draft.count("vision_tokens_per_tile", Some((side * side * ratio * ratio).round()));
    let shuffled = of.hidden / (ratio * ratio);
    let adapter = shuffled * into + into * out + out * width;
    draft.count("vision_adapter_params", Some(adapter + patches(of, 1.0) + side * side * of.hidden));
}

/// Neighboring patches are merged by an MLP, once at the end and once for each deep layer that is passed on.
fn qwen(vision: &Section<'_>, draft: &mut Draft, of: &Encoder, wrapper: &str) {
    let Some(merge) = vision.required("spatial_merge_size") else { return };
    // In Qwen2-VL `hidden_size` is the width of the text part.
    let out = vision.required(if wrapper == "qwen2_vl" { "hidden_size" } else { "out_hidden_size" });
    let Some(out) = out else { return };
    draft.count("vision_merge", Some(merge));
    let merged = of.hidden * merge * merge;
    let mergers = 1.0 + vision.wholes("deepstack_visual_indexes").map_or(0, |listed| listed.len()) as f64;
    let frames = vision.count("temporal_patch_size").unwrap_or(2.0);
    let positions = vision.count("num_position_embeddings").unwrap_or(0.0) * of.hidden;
    let adapter = mergers * merged * (merged + out) + patches(of, frames) + positions;
    draft.count("vision_adapter_params", Some(adapter));
    if wrapper == "qwen2_5_vl" {
        draft.count("vision_params", Some(blocks(of, GATED) + adapter));
    }
}

/// Neighboring patches are merged by one matrix; an MLP follows.
fn mistral(root: &Section<'_>, draft: &mut Draft, of: &Encoder, width: f64) {
    let Some(merge) = root.required("spatial_merge_size") else { return };
    draft.count("vision_merge", Some(merge));
    let adapter = merge * merge * of.hidden * of.hidden + of.hidden * width + width * width + patches(of, 1.0);
    draft.count("vision_adapter_params", Some(adapter));
    draft.count("vision_params", Some(blocks(of, GATED) + adapter));
}

/// Weights of the blocks.
fn blocks(of: &Encoder, matrices: f64) -> f64 {
    of.layers * ((2.0 + PLAIN) * of.hidden * of.hidden + matrices * of.hidden * of.wide)
}
