//! Texts as numbers.

/// FNV-1a, 64 bits (Fowler, Noll, Vo, 1991): the same number for the same text on every machine.
pub(crate) fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A category as a number that equals only itself: 52 bits of the digest, which a float holds exactly.
pub(crate) fn text_code(text: &str) -> f64 {
    (digest(text) >> 12) as f64
}
