//! Names of GPUs as drivers and tools write them, and the name that the catalog has for the part.

use super::Catalog;

/// Words that say nothing of the part.
const NOISE: [&str; 7] = ["NVIDIA", "AMD", "INSTINCT", "TESLA", "GRAPHICS", "GPU", "ACCELERATOR"];
/// Variants with a memory or a limit of their own: not the part of the same number.
const VARIANTS: [&str; 3] = ["PCIE", "NVL", "40GB"];

impl Catalog {
    /// The name of a GPU by what is written for it: `NVIDIA H100 80GB HBM3` and `h100-sxm` are `H100`,
    /// `NVIDIA A100-SXM4-80GB` is `A100-80GB`. A variant that the catalog lacks keeps its words (`H100-PCIe`), any other part
    /// the one that names it (`AMD Instinct MI300X` is `MI300X`).
    pub fn gpu_name(&self, written: &str) -> String {
        let is_telling = |word: &&str| !word.is_empty() && !NOISE.contains(&word.to_uppercase().as_str());
        let words: Vec<&str> = written.trim().split([' ', '-', '_', ',']).filter(is_telling).collect();
        let Some(first) = words.first() else { return written.trim().to_owned() };
        let has = |word: &str| words.iter().any(|own| own.eq_ignore_ascii_case(word));
        let variants: Vec<&str> = VARIANTS.into_iter().filter(|word| has(word)).collect();
        let is_it = |key: &&str| {
            let parts: Vec<&str> = key.split('-').collect();
            let names = |variant: &&str| parts.iter().any(|part| part.eq_ignore_ascii_case(variant));
            parts.iter().all(|part| has(part)) && variants.iter().all(names)
        };
        // The longest: `A100-80GB` says more than `A100` would.
        match self.keys("gpu").into_iter().filter(is_it).max_by_key(|key| key.len()) {
            Some(key) => key.to_owned(),
            None if variants.is_empty() => first.to_uppercase(),
            None => words.join("-"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Catalog;

    #[test]
    fn parts_are_named_as_in_the_catalog() {
        let catalog = Catalog::embedded();
        let case = |written: &str, expected: &str| assert_eq!(catalog.gpu_name(written), expected, "{written}");
        case("NVIDIA H100 80GB HBM3", "H100");
        case("NVIDIA H200", "H200");
        case("NVIDIA B200", "B200");
        case("h100-nv", "H100");
        case("b200-trt", "B200");
        case("NVIDIA A100-SXM4-80GB", "A100-80GB");
        case("NVIDIA L40S", "L40S");
        case("AMD Instinct MI300X", "MI300X");
        case("NVIDIA GH200 480GB", "GH200");
        case("NVIDIA H100 PCIe", "H100-PCIe");
        case("NVIDIA H100 NVL", "H100-NVL");
        case("NVIDIA A100-SXM4-40GB", "A100-SXM4-40GB");
        case("", "");
    }
}
