//! The models that ship inside the binary.

/// File name and text of every shipped model, and the text of its fitted parameters.
const SHIPPED: &[(&str, &str, &str)] = &[
    (
        "models/llm_serving.toml",
        include_str!("../../models/llm_serving.toml"),
        include_str!("../../models/fitted/llm_serving.toml"),
    ),
    (
        "models/diffusion.toml",
        include_str!("../../models/diffusion.toml"),
        include_str!("../../models/fitted/diffusion.toml"),
    ),
];

/// A model that ships inside the binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shipped {
    /// File it is shipped from.
    pub file: &'static str,
    /// Its text.
    pub text: &'static str,
    /// Text of its fitted parameters.
    pub fitted: &'static str,
}

/// All shipped models.
pub fn shipped() -> impl Iterator<Item = Shipped> {
    SHIPPED.iter().map(|&(file, text, fitted)| Shipped { file, text, fitted })
}
