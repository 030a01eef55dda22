//! Diffusion transformers: what their configuration says, and what else has to be stated.
//!
//! The file in the folder `transformer` knows nothing of the text encoders, of the guidance, and of how far the
//! autoencoder shrinks an image, all of which weigh in the answer.

use serde_json::Value as Json;

use super::fault::ConfigFault;
use super::section::{Draft, Section};
use crate::catalog::entry::Entry;

/// What no configuration of a transformer says.
const UNSAID: [&str; 5] =
    ["text_tokens", "forwards_per_step", "vae_downsampling", "text_encoder_params", "transformer_params"];

/// The classes whose fields are understood: the kind, the width of the MLP over that of the stream, and whether they
/// make videos.
const CLASSES: [(&str, &str, f64, bool); 8] = [
    ("FluxTransformer2DModel", "mmdit", 4.0, false),
    ("SD3Transformer2DModel", "mmdit", 4.0, false),
    ("HunyuanVideoTransformer3DModel", "mmdit", 4.0, true),
    ("CogVideoXTransformer3DModel", "joint_dit", 4.0, true),
    ("WanTransformer3DModel", "cross_attention_dit", 4.0, true),
    ("PixArtTransformer2DModel", "cross_attention_dit", 4.0, false),
    ("HunyuanDiT2DModel", "cross_attention_dit", 4.0, false),
    ("SanaTransformer2DModel", "linear_dit", 2.5, false),
];

/// Tells what the file says of a diffusion model and what is left to say; never gives an entry.
pub(super) fn refuse(root: &Section<'_>, model: &str) -> Option<Entry> {
    let class = root.text("_class_name")?;
    let Some((_, kind, ratio, is_video)) = CLASSES.iter().find(|(name, ..)| *name == class) else {
        let known = CLASSES.iter().map(|(name, ..)| (*name).to_owned()).collect();
        let (found, model) = (class.to_owned(), model.to_owned());
        root.fault("_class_name", ConfigFault::UnknownClass { found, model, known });
        return None;
    };
    let mut draft = Draft::new(root.place());
    draft.name("family", model);
    draft.name("kind", kind);
    draft.name("native_precision", "bf16");
    shape(root, &mut draft, kind, *ratio);
    patches(root, &mut draft, class);
    let channels = root.count("in_channels");
    // Flux packs four latent pixels into the channels of one token.
    draft.count("vae_channels", if class.starts_with("Flux") { channels.map(|count| count / 4.0) } else { channels });
    let mut missing: Vec<String> = UNSAID.iter().map(|name| (*name).to_owned()).collect();
    if *is_video {
        missing.insert(3, "vae_temporal_downsampling".to_owned());
    }
    let fault =
        ConfigFault::Diffusion { class: class.to_owned(), model: model.to_owned(), derived: draft.lines(), missing };
    root.fault("_class_name", fault);
    None
}

/// Blocks and widths.
fn shape(root: &Section<'_>, draft: &mut Draft, kind: &str, ratio: f64) {
    let layers = root.layers("num_layers");
    if kind == "mmdit" {
        let single = root.whole("num_single_layers").unwrap_or(0.0);
        draft.count("double_layers", layers);
        draft.count("single_layers", Some(single));
        draft.count("layers", layers.map(|double| double + single));
    } else {
        draft.count("layers", layers);
    }
    if let Some(dual) = root.wholes("dual_attention_layers").filter(|dual| !dual.is_empty()) {
        draft.count("dual_attention_layers", Some(dual.len() as f64));
    }
    let (heads, head) = (root.required("num_attention_heads"), root.required("attention_head_dim"));
    draft.count("heads", heads);
    draft.count("head_dim", head);
    let hidden = heads.zip(head).map(|(heads, head)| heads * head);
    draft.count("hidden", hidden);
    let ratio = root.ratio("mlp_ratio").unwrap_or(ratio);
    let wide = root.count("ffn_dim").or_else(|| hidden.map(|hidden| (ratio * hidden).round()));
    draft.count("feed_forward", wide);
}

/// Latent pixels and frames for each token.
fn patches(root: &Section<'_>, draft: &mut Draft, class: &str) {
    let listed = root.get("patch_size").and_then(Json::as_array);
    let (patch, frames) = match listed.map(Vec::as_slice) {
        // Wan: frames, then both sides.
        Some([frames, side, _]) => (side.as_f64(), frames.as_f64()),
        _ if class.starts_with("Flux") => (Some(2.0), None),
        _ if class.starts_with("CogVideoX") => {
            (root.count("patch_size"), Some(root.count("patch_size_t").unwrap_or(1.0)))
        }
        _ => (root.count("patch_size"), root.count("patch_size_t")),
    };
    draft.count("patch", patch);
    draft.count("temporal_patch", frames);
}
