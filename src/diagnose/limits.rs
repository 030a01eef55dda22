//! Which limit binds: a condition and its supply are one limit, of which only the smaller can act.

use crate::catalog::Catalog;
use crate::model::{Model, canonical};
use crate::runs::{Run, Value};

/// Two runs whose limits are said in the same terms.
///
/// A run with room for 1,024 requests and 8 clients runs 8, and so does one with room for 8 and any number of clients.
/// Where the two runs differ both in what a constraint limits and in its supply, each keeps the limit that binds and the
/// other limit is set aside, so that what cannot act is not blamed and its shadow not credited. If different limits bind,
/// both are told in terms of the one that binds the smaller run.
pub(super) fn aligned(model: &Model, catalog: &Catalog, a: &Run, b: &Run) -> (Run, Run) {
    let (mut a, mut b) = (canonical(a, catalog), canonical(b, catalog));
    for constraint in &model.constraints {
        let Some(supply) = &constraint.supply else { continue };
        let limit = &constraint.limits;
        let differ = |name: &String| a.conditions.get(name) != b.conditions.get(name);
        if !(differ(limit) && differ(supply)) {
            continue;
        }
        let (Some(one), Some(two)) = (Binding::of(&a, limit, supply), Binding::of(&b, limit, supply)) else { continue };
        let name = if one.value <= two.value { one.name } else { two.name };
        let room = a.number(limit).unwrap_or(0.0).max(b.number(limit).unwrap_or(0.0));
        for (run, value) in [(&mut a, one.value), (&mut b, two.value)] {
            if name == *limit {
                run.conditions.insert(limit.clone(), Value::Number(value));
                run.conditions.remove(supply);
            } else {
                run.conditions.insert(limit.clone(), Value::Number(room.max(one.value).max(two.value)));
                run.conditions.insert(supply.clone(), Value::Number(value));
            }
        }
    }
    (a, b)
}

/// The limit that binds a run, and its value.
struct Binding {
    name: String,
    value: f64,
}

impl Binding {
    fn of(run: &Run, limit: &str, supply: &str) -> Option<Self> {
        let room = run.number(limit)?;
        let supplied = run.number(supply).unwrap_or(f64::INFINITY);
        let (name, value) = if room <= supplied { (limit, room) } else { (supply, supplied) };
        Some(Self { name: name.to_owned(), value })
    }
}
