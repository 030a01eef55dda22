//! The number format of the checkpoint.

use serde_json::Value as Json;

use super::Request;
use super::fault::ConfigFault;
use super::section::{Draft, Section};

/// States `native_precision`.
pub(super) fn state(root: &Section<'_>, text: &Section<'_>, request: &Request<'_>, draft: &mut Draft) {
    let holder = if root.has("quantization_config") { root } else { text };
    let quantized = holder.section("quantization_config");
    if !request.is_base {
        // The entry is that of the base model, whose own checkpoint bears the name without the suffix.
        draft.name("native_precision", "bf16");
        draft.doubt("native_precision: the file is that of a checkpoint with a precision in its name, bf16 is assumed of the one without");
        return;
    }
    match quantized {
        Some(quantized) => match format(&quantized) {
            Ok(format) => draft.name("native_precision", format),
            Err(found) => {
                let model = request.model.to_owned();
                holder.fault("quantization_config", ConfigFault::Format { found, model });
            }
        },
        None => unquantized(root, text, request, draft),
    }
}

/// The catalog's name of a quantized format, or what the file says in its own words.
fn format(quantized: &Section<'_>) -> Result<&'static str, String> {
    let method = quantized.text("quant_method").unwrap_or("an unnamed format");
    match method {
        "fp8" | "fbgemm_fp8" => Ok("fp8"),
        "mxfp4" => Ok("mxfp4"),
        "modelopt" if quantized.text("quant_algo") == Some("FP8") => Ok("fp8"),
        "compressed-tensors" if has_fp8_weights(quantized) => Ok("fp8"),
        _ => {
            let algorithm = quantized.get("quant_algo").or_else(|| quantized.get("format")).and_then(Json::as_str);
            Err(algorithm.map_or_else(|| format!("`{method}`"), |algorithm| format!("`{method}` `{algorithm}`")))
        }
    }
}

/// Whether all groups of weights are floats of 8 bits.
fn has_fp8_weights(quantized: &Section<'_>) -> bool {
    let groups = quantized.get("config_groups").and_then(Json::as_object);
    groups.is_some_and(|groups| {
        !groups.is_empty()
            && groups.values().all(|group| {
                let weights = &group["weights"];
                weights["num_bits"] == 8 && weights["type"] == "float"
            })
    })
}

fn unquantized(root: &Section<'_>, text: &Section<'_>, request: &Request<'_>, draft: &mut Draft) {
    let sections = [text, root];
    let stated = ["dtype", "torch_dtype"].iter().find_map(|field| {
        sections.iter().find_map(|section| section.text(field).map(|found| (*section, *field, found)))
    });
    match stated {
        Some((_, _, "bfloat16")) => draft.name("native_precision", "bf16"),
        Some((_, field, found @ ("float16" | "float32"))) => {
            draft.name("native_precision", "bf16");
            draft.doubt(format!("native_precision: {field} is {found}, bf16 is assumed to be served"));
        }
        Some((section, field, found)) => {
            let (found, model) = (format!("`{found}`"), request.model.to_owned());
            section.fault(field, ConfigFault::Format { found, model });
        }
        None => {
            draft.name("native_precision", "bf16");
            draft.doubt("native_precision: no dtype in the file, bf16 is assumed");
        }
    }
}
