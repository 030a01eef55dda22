//! Checks over the entries of a table: `like`, number of keys, one meaning per attribute.

use std::collections::BTreeMap;

use super::derive::derive;
use super::entry::{Attribute, Entry, Place, Shape};
use super::fault::{Fault, FaultKind};
use super::table::Table;
use crate::notes::{nearest, plural};
use crate::unit::Dimension;

/// An entry for a table that was settled before has no other attributes than that table; a table whose name is nearly
/// that of another was meant to be that one.
pub(super) fn check_names(name: &str, entry: &Entry, tables: &BTreeMap<String, Table>, faults: &mut Vec<Fault>) {
    let settled = |table: &&Table| !table.shapes.is_empty();
    let Some(table) = tables.get(name).filter(settled) else {
        let names = tables.iter().filter(|(_, table)| settled(table)).map(|(name, _)| name.as_str());
        if let Some((close, place)) = nearest(name, names).zip(any_place(entry)) {
            let kind = FaultKind::UnknownTable { table: name.to_owned(), nearest: close.to_owned() };
            faults.push(Fault { kind, place });
        }
        return;
    };
    for (attribute, value) in &entry.stated {
        let Some(place) = value.place.clone().filter(|_| !table.shapes.contains_key(attribute)) else { continue };
        let close = nearest(attribute, table.shapes.keys().map(String::as_str)).map(str::to_owned);
        let kind = FaultKind::UnknownAttribute {
            entry: entry.title(name),
            attribute: attribute.clone(),
            table: name.to_owned(),
            nearest: close,
        };
        faults.push(Fault { kind, place });
    }
}

/// Fills `all` of every entry with what it and its `like` state and what follows from that; reports what does not fit
/// together.
pub(super) fn check(name: &str, table: &mut Table, faults: &mut Vec<Fault>) {
    check_keys(name, table, faults);
    let filled: Vec<_> = table.entries.iter().map(|entry| with_like(name, table, entry, faults)).collect();
    for (entry, mut all) in table.entries.iter_mut().zip(filled) {
        derive(name, &mut all);
        entry.all = all;
    }
    check_shapes(name, table, faults);
}

/// What an entry states, on top of what the entry that it is like states, and so on.
fn with_like(name: &str, table: &Table, entry: &Entry, faults: &mut Vec<Fault>) -> BTreeMap<String, Attribute> {
    let mut chain = vec![entry];
    while let Some(sibling) = chain[chain.len() - 1].like.as_ref().and_then(|(like, _)| beside(table, entry, like)) {
        if chain.iter().any(|seen| seen.keys == sibling.keys) {
            break;
        }
        chain.push(sibling);
    }
    if let Some((like, place)) = &entry.like {
        let end = chain[chain.len() - 1];
        let returns = end.like.as_ref().and_then(|(next, _)| beside(table, entry, next));
        let reason = match returns {
            Some(first) if first.keys == entry.keys => Some("leads back to itself"),
            _ if chain.len() == 1 => Some("is no entry beside it"),
            _ => None,
        };
        if let Some(reason) = reason {
            let last = entry.keys.len() - 1;
            let siblings = table.entries.iter().filter(|other| other.keys[..] != entry.keys[..]);
            let names = siblings.filter_map(|other| other.keys.get(last)).map(String::as_str);
            let close = if returns.is_some() { None } else { nearest(like, names).map(str::to_owned) };
            let kind = FaultKind::Like { entry: entry.title(name), like: like.clone(), reason, nearest: close };
            faults.push(Fault { kind, place: place.clone() });
        }
    }
    let mut all = BTreeMap::new();
    for ancestor in chain.into_iter().rev() {
        all.extend(ancestor.stated.iter().map(|(attribute, value)| (attribute.clone(), value.clone())));
    }
    all
}

/// The entry whose keys are those of `entry` but for the last, which is `like`.
fn beside<'a>(table: &'a Table, entry: &Entry, like: &str) -> Option<&'a Entry> {
    let above = &entry.keys[..entry.keys.len() - 1];
    let keys: Vec<&str> = above.iter().map(String::as_str).chain([like]).collect();
    table.entry(&keys)
}

/// All entries of a table have as many keys as its first.
fn check_keys(name: &str, table: &Table, faults: &mut Vec<Fault>) {
    let Some(first) = table.entries.first() else { return };
    for entry in table.entries.iter().filter(|entry| entry.keys.len() != first.keys.len()) {
        let Some(place) = any_place(entry) else { continue };
        let kind = FaultKind::KeyCount {
            entry: entry.title(name),
            found: plural(entry.keys.len(), "key"),
            expected: plural(first.keys.len(), "key"),
            other: first.title(name),
        };
        faults.push(Fault { kind, place });
    }
}

/// An attribute has one shape over all entries: that of most of them; among equals that with a unit, then the first.
fn check_shapes(name: &str, table: &Table, faults: &mut Vec<Fault>) {
    let mut users: BTreeMap<&str, Vec<(&Entry, &Attribute)>> = BTreeMap::new();
    for entry in &table.entries {
        // What is only taken from another entry is judged there; what is derived tells what a stated value should be.
        let own = entry
            .all
            .iter()
            .filter(|(attribute, value)| value.place.is_none() || entry.stated.contains_key(*attribute));
        for (attribute, value) in own {
            users.entry(attribute).or_default().push((entry, value));
        }
    }
    for (attribute, users) in users {
        let Some((other, expected)) = agreed(&users) else { continue };
        for (entry, value) in users.iter().filter(|(_, value)| value.shape != expected) {
            let Some(place) = value.place.clone() else { continue };
            let (entry, other) = (entry.title(name), other.title(name));
            let attribute = attribute.to_owned();
            let kind = match (value.shape, expected) {
                (Shape::Number(Dimension::ONE), Shape::Number(expected)) => {
                    FaultKind::BareNumber { entry, attribute, expected, other }
                }
                (Shape::Number(found), Shape::Number(expected)) => {
                    FaultKind::OtherDimension { entry, attribute, found, expected, other }
                }
                (found, expected) => {
                    FaultKind::OtherKind { entry, attribute, found: word(found), expected: word(expected), other }
                }
            };
            faults.push(Fault { kind, place });
        }
    }
}

/// The shape that an attribute should have, and an entry that has it.
fn agreed<'a>(users: &[(&'a Entry, &'a Attribute)]) -> Option<(&'a Entry, Shape)> {
    let votes = |shape: Shape| users.iter().filter(|(_, value)| value.shape == shape).count();
    let has_unit = |shape: Shape| matches!(shape, Shape::Number(dimension) if !dimension.is_one());
    // `max_by_key` keeps the last of equals, so the search runs backwards.
    users
        .iter()
        .rev()
        .max_by_key(|(_, value)| (votes(value.shape), has_unit(value.shape)))
        .map(|(entry, value)| (*entry, value.shape))
}

/// Where to point for a fault of the whole entry.
fn any_place(entry: &Entry) -> Option<Place> {
    let like = entry.like.iter().map(|(_, place)| place);
    entry.stated.values().filter_map(|value| value.place.as_ref()).chain(like).next().cloned()
}

/// A shape in words.
fn word(shape: Shape) -> &'static str {
    match shape {
        Shape::Number(Dimension::ONE) => "a number",
        Shape::Number(_) => "a quantity",
        Shape::Name => "a name",
        Shape::Flag => "a flag",
    }
}
