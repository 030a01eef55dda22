//! Names of checkpoints: a base model and the precision that a suffix adds.

/// Suffixes of published checkpoints and the precision they stand for.
const SUFFIXES: &[(&str, &str)] =
    &[("-fp8", "fp8"), ("-fp8-dynamic", "fp8"), ("-mxfp4", "mxfp4"), ("-nvfp4", "nvfp4"), ("-bf16", "bf16")];

/// The base model of a checkpoint, and the precision if the checkpoint's name says one:
/// `Qwen/Qwen3-32B-FP8` is `Qwen/Qwen3-32B` in `fp8`. Without a suffix the precision is the architecture's
/// `native_precision`.
pub fn base_model(checkpoint: &str) -> (&str, Option<&'static str>) {
    for &(suffix, precision) in SUFFIXES {
        let Some(at) = checkpoint.len().checked_sub(suffix.len()) else { continue };
        if at > 0 && checkpoint.is_char_boundary(at) && checkpoint[at..].eq_ignore_ascii_case(suffix) {
            return (&checkpoint[..at], Some(precision));
        }
    }
    (checkpoint, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_precision_suffix_is_no_part_of_the_base_model() {
        let case = |checkpoint, base, precision| assert_eq!(base_model(checkpoint), (base, precision));
        case("Qwen/Qwen3-235B-A22B-Instruct-2507-FP8", "Qwen/Qwen3-235B-A22B-Instruct-2507", Some("fp8"));
        case("Qwen/Qwen3-32B-fp8", "Qwen/Qwen3-32B", Some("fp8"));
        case("RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic", "RedHatAI/Llama-3.3-70B-Instruct", Some("fp8"));
        case("nvidia/NVIDIA-Nemotron-Nano-12B-v2-VL-BF16", "nvidia/NVIDIA-Nemotron-Nano-12B-v2-VL", Some("bf16"));
        case("openai/gpt-oss-120b", "openai/gpt-oss-120b", None);
        case("-FP8", "-FP8", None);
        case("é", "é", None);
    }
}
