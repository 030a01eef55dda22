//! Diffusion transformers: weights of the blocks, weights that a token meets, arithmetic of attention.
//!
//! With h the width, f the width of the MLP and L the blocks, an image token meets per forward
//!
//! | kind | of one block | text token |
//! |---|---|---|
//! | `mmdit`, `joint_dit` | 4h² + 2hf | the same |
//! | `cross_attention_dit` | 4h² + 2h² (queries and output of cross-attention) + 2hf | 2h² (keys and values) |
//! | `linear_dit` | the same with 3hf (gated convolution) | 2h² |

use super::Dimensions;
use crate::unit::Dimension;

/// Adds everything that follows from the dimensions of a diffusion transformer.
pub(super) fn derive(of: &mut Dimensions<'_>) {
    let transformer = of.number("transformer_params");
    of.add_count("total_params", transformer);
    let total = of.number("total_params");
    of.add_count("active_params", total);
    of.add_count("dual_attention_layers", Some(0.0));

    let kind = of.name("kind").unwrap_or_default().to_owned();
    let is_joint = matches!(kind.as_str(), "mmdit" | "joint_dit");
    of.add_flag("joint_attention", is_joint);
    of.add_flag("linear_attention", kind == "linear_dit");
    derive_weights(of, &kind, is_joint);
    derive_tokens(of);
}

fn derive_weights(of: &mut Dimensions<'_>, kind: &str, is_joint: bool) {
    let (Some(hidden), Some(wide), Some(layers)) =
        (of.number("hidden"), of.number("feed_forward"), of.number("layers"))
    else {
        return;
    };
    let square = hidden * hidden;
    let attention = 4.0 * square;
    let cross = if is_joint { 0.0 } else { 2.0 * square };
    let feed_forward = if kind == "linear_dit" { 3.0 } else { 2.0 } * hidden * wide;
    let second_attention = of.count("dual_attention_layers") * attention;

    let image = layers * (attention + cross + feed_forward) + second_attention;
    let text = layers * if is_joint { attention + feed_forward } else { 2.0 * square };
    of.add_count("linear_params_per_token", Some(image));
    of.add_count("text_linear_params_per_token", Some(text));

    let blocks = match kind {
        "mmdit" => {
            // Blocks with own weights for text and image have all twice; modulation is 6h² per stream, 3h² where shared.
            let (double, single) = (of.count("double_layers"), of.count("single_layers"));
            let one_stream = attention + feed_forward;
            let modulation = 3.0 * square * of.count("dual_attention_layers");
            double * (2.0 * one_stream + 12.0 * square)
                + single * (one_stream + 3.0 * square)
                + second_attention
                + modulation
        }
        "joint_dit" => image,
        _ => image + text,
    };
    of.add_count("block_params", Some(blocks));
}

fn derive_tokens(of: &mut Dimensions<'_>) {
    let product = |of: &Dimensions<'_>, a: &str, b: &str| of.number(a).zip(of.number(b)).map(|(a, b)| a * b);
    of.add_count("token_pixels", product(of, "patch", "vae_downsampling"));
    of.add_count("token_frames", product(of, "temporal_patch", "vae_temporal_downsampling"));

    let is_linear = of.flag("linear_attention") == Some(true);
    let width = product(of, "heads", "head_dim");
    let layers = of.number("layers").map(|layers| layers + of.count("dual_attention_layers"));
    let flops = width.zip(layers).map(|(width, layers)| if is_linear { 0.0 } else { 4.0 * width * layers });
    of.add("attention_flops_per_pair", flops, Dimension::FLOP);
}
