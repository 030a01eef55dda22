//! What follows from the dimensions of an architecture: numbers of weights, of cached elements, of operations.
//!
//! A derived attribute is left out where a dimension that it needs is missing, and gives way to a stated one.

mod diffusion;
mod language;

use std::collections::BTreeMap;

use super::entry::{Attribute, CatalogValue, Shape};
use crate::unit::Dimension;

/// Adds the derived attributes of one entry of `table`.
pub(super) fn derive(table: &str, attributes: &mut BTreeMap<String, Attribute>) {
    if table != "architecture" {
        return;
    }
    let mut dimensions = Dimensions { attributes };
    match dimensions.name("kind") {
        Some("dense" | "moe" | "hybrid") => language::derive(&mut dimensions),
        Some("mmdit" | "joint_dit" | "cross_attention_dit" | "linear_dit") => diffusion::derive(&mut dimensions),
        _ => {}
    }
}

/// The attributes of one architecture while more are derived from them.
struct Dimensions<'a> {
    attributes: &'a mut BTreeMap<String, Attribute>,
}

impl Dimensions<'_> {
    /// A number that the entry states or that was derived before.
    fn number(&self, name: &str) -> Option<f64> {
        self.attributes.get(name)?.value.number()
    }

    /// A number whose absence means that there is none of it.
    fn count(&self, name: &str) -> f64 {
        self.number(name).unwrap_or(0.0)
    }

    fn name(&self, name: &str) -> Option<&str> {
        self.attributes.get(name)?.value.name()
    }

    fn flag(&self, name: &str) -> Option<bool> {
        self.attributes.get(name)?.value.flag()
    }

    /// Adds a derived number, unless the entry states one, a dimension was missing, or the result has no bounds.
    fn add(&mut self, name: &str, value: Option<f64>, dimension: Dimension) {
        if let Some(value) = value.filter(|number| number.is_finite()) {
            self.insert(name, CatalogValue::Number(value), Shape::Number(dimension));
        }
    }

    /// Adds a derived count.
    fn add_count(&mut self, name: &str, value: Option<f64>) {
        self.add(name, value, Dimension::ONE);
    }

    /// Adds a derived flag.
    fn add_flag(&mut self, name: &str, on: bool) {
        self.insert(name, CatalogValue::Flag(on), Shape::Flag);
    }

    fn insert(&mut self, name: &str, value: CatalogValue, shape: Shape) {
        let attribute = Attribute { value, shape, place: None, origin: None };
        self.attributes.entry(name.to_owned()).or_insert(attribute);
    }
}
