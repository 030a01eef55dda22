//! Recurrent layers: Mamba 2 by its dimensions, and gated delta networks by their weights and states.

use super::family::{Family, Window};
use super::section::{Draft, Section};

/// Bytes of one element: of a state, which engines keep in fp32, and of the window of a convolution, in bf16.
const STATE_BYTES: f64 = 4.0;
const CONVOLUTION_BYTES: f64 = 2.0;

/// States the recurrent layers of models that have such.
pub(super) fn state(text: &Section<'_>, family: &Family, draft: &mut Draft) {
    let layers = draft.number("mamba_layers").unwrap_or(0.0);
    if layers == 0.0 {
        return;
    }
    if family.window == Window::Recurrent {
        delta(text, draft, layers);
    } else {
        draft.count("mamba_heads", text.required("mamba_num_heads"));
        draft.count("mamba_head_dim", text.required("mamba_head_dim"));
        draft.count("mamba_state", text.required("ssm_state_size"));
        draft.count("mamba_groups", text.required("n_groups"));
        draft.count("mamba_convolution", text.required("conv_kernel"));
    }
}

/// A gated delta network keeps one matrix of keys by values for each head; its attention layers gate their output.
fn delta(text: &Section<'_>, draft: &mut Draft, layers: f64) {
    let keys = text.required("linear_num_key_heads").zip(text.required("linear_key_head_dim"));
    let values = text.required("linear_num_value_heads").zip(text.required("linear_value_head_dim"));
    let convolution = text.required("linear_conv_kernel_dim");
    let (Some((key_heads, key)), Some((value_heads, value)), Some(convolution)) = (keys, values, convolution) else {
        return;
    };
    let parts = ["hidden", "attention_layers", "heads", "kv_heads", "head_dim"];
    let parts: Vec<f64> = parts.iter().filter_map(|name| draft.number(name)).collect();
    let &[hidden, attention_layers, heads, kv_heads, head] = parts.as_slice() else { return };

    let (key_width, value_width) = (key_heads * key, value_heads * value);
    let convolved = 2.0 * key_width + value_width;
    // In: queries, keys, values, their gate, and two numbers for each head. Out: values.
    let projections = hidden * (convolved + value_width + 2.0 * value_heads) + value_width * hidden;
    draft.count("mamba_params", Some(layers * (projections + convolved * convolution)));
    let kept = STATE_BYTES * value_heads * key * value + CONVOLUTION_BYTES * (convolution - 1.0) * convolved;
    draft.bytes("state_bytes", layers * kept);
    let gated_attention = hidden * head * (3.0 * heads + 2.0 * kv_heads);
    draft.count("attention_params", Some(attention_layers * gated_attention));
    draft.doubt("recurrent layers are gated delta networks, entered as Mamba layers by their weights and states");
}
