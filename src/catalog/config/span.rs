//! Where a field stands in the text of a JSON file, which its parser does not tell.

use std::ops::Range;

/// The stretch from the key at the end of `path` to the end of its line; the text must be JSON.
pub(super) fn of(text: &str, path: &[&str]) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    // The key that is open at each depth; lists have none.
    let mut keys: Vec<Option<&str>> = Vec::new();
    let mut at = 0;
    let mut is_key = false;
    while at < bytes.len() {
        match bytes[at] {
            open @ (b'{' | b'[') => {
                keys.push(None);
                is_key = open == b'{';
            }
            b'}' | b']' => {
                keys.pop();
                is_key = false;
            }
            // Behind a comma a key follows in an object, whose level has a key already, and a value in a list.
            b',' => is_key = keys.last().is_some_and(Option::is_some),
            b'"' => {
                let end = string_end(bytes, at);
                if is_key {
                    is_key = false;
                    *keys.last_mut()? = text.get(at + 1..end - 1);
                    if keys.len() == path.len() && keys.iter().zip(path).all(|(key, wanted)| *key == Some(*wanted)) {
                        let line = text[at..].find('\n').map_or(text.len(), |length| at + length);
                        return Some(at..at + text[at..line].trim_end_matches([',', '\r', ' ']).len());
                    }
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Behind the closing quote of a string that opens at `start`.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

/// The place of a line and a column, both counted from 1, the column in bytes.
pub(super) fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let mut at = (before + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_path_and_not_by_its_name() {
        let text = "{\"a\": {\"x\": [1, \"x\"], \"y\": \"\\\"x\"},\n \"list\": [{\"x\": 2}, 3], \"x\": 4,\n \"z\": 5}";
        let case = |path: &[&str], expected: Option<&str>| assert_eq!(of(text, path).map(|span| &text[span]), expected);
        case(&["x"], Some("\"x\": 4"));
        case(&["a", "y"], Some("\"y\": \"\\\"x\"}"));
        case(&["a", "z"], None);
        case(&["z"], Some("\"z\": 5}"));
    }

    #[test]
    fn a_place_is_inside_the_text() {
        assert_eq!(offset("ab\ncd", 2, 2), 4);
        assert_eq!(offset("ab", 9, 9), 2);
        assert_eq!(offset("é", 1, 2), 0);
    }
}
