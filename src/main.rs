//! The command `joules`.

fn main() {}
