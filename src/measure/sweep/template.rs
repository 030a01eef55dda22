//! Texts with placeholders: `--max-num-seqs={batch_size}`.

use std::collections::BTreeMap;

use crate::notes::{did_you_mean, nearest};
use crate::runs::Value;

/// The values that placeholders stand for, by name.
pub type Values = BTreeMap<String, Value>;

/// The names of the placeholders of a text; what cannot be read is said.
pub(super) fn names(text: &str) -> Result<Vec<String>, String> {
    Ok(parts(text)?.into_iter().filter(|(is_name, _)| *is_name).map(|(_, name)| name).collect())
}

/// The text with every `{name}` replaced; `{{` and `}}` are braces.
pub(super) fn fill(text: &str, values: &Values) -> Result<String, String> {
    let mut filled = String::new();
    for (is_name, part) in parts(text)? {
        if !is_name {
            filled.push_str(&part);
            continue;
        }
        let Some(value) = values.get(&part) else {
            let meant = did_you_mean(nearest(&part, values.keys().map(String::as_str)));
            return Err(format!(
                "`{{{part}}}` is not set{meant}; give it in `[knobs]`, `[[points]]`, `[conditions]` or `[variables]`"
            ));
        };
        filled.push_str(&value.to_string());
    }
    Ok(filled)
}

/// Plain parts (false) and names (true), in order.
fn parts(text: &str) -> Result<Vec<(bool, String)>, String> {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        plain.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        let after = &rest[at + 1..];
        if let Some(doubled) = after.strip_prefix(brace) {
            plain.push_str(brace);
            rest = doubled;
            continue;
        }
        let end = after.find('}').filter(|_| brace == "{");
        let name = end.map(|end| &after[..end]).filter(|name| is_name(name));
        let (Some(end), Some(name)) = (end, name) else {
            return Err(format!(
                "the brace in `{text}` is no placeholder; write `{{name}}`, or double the brace to keep it"
            ));
        };
        parts.push((false, std::mem::take(&mut plain)));
        parts.push((true, name.to_owned()));
        rest = &after[end + 1..];
    }
    plain.push_str(rest);
    parts.push((false, plain));
    parts.retain(|(is_name, part)| *is_name || !part.is_empty());
    Ok(parts)
}

/// Whether a text can be the name of a knob or a variable.
pub(super) fn is_name(text: &str) -> bool {
    let starts = text.chars().next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    starts && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_and_braces_kept() {
        let values: Values =
            [("n".to_owned(), Value::Number(8.0)), ("model".to_owned(), Value::Name("q".to_owned()))].into();
        let case = |text: &str, expected: &str| assert_eq!(fill(text, &values).as_deref(), Ok(expected));
        case("--seqs={n}", "--seqs=8");
        case("{model}/{n}{n}", "q/88");
        case("{{\"n\": {n}}}", "{\"n\": 8}");
        case("plain", "plain");
        assert!(fill("{modl}", &values).unwrap_err().contains("did you mean `model`"));
        assert!(fill("{", &values).is_err());
        assert!(fill("a } b", &values).is_err());
        assert_eq!(names("{n}-{model}"), Ok(vec!["n".to_owned(), "model".to_owned()]));
    }
}
