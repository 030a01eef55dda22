//! Names from outside within markup.

use super::{Span, Tone};

/// Text for HTML, SVG and XML, between tags as well as in quoted attributes: what would be markup is shown as it is written,
/// line breaks stay, and other characters that would drive or disguise a page become `�` as in a [`Span`].
pub(super) fn escaped(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for (at, line) in text.split('\n').enumerate() {
        result.push_str(if at == 0 { "" } else { "\n" });
        for c in Span::new(line, Tone::Plain).text().chars() {
            match c {
                '&' => result.push_str("&amp;"),
                '<' => result.push_str("&lt;"),
                '>' => result.push_str("&gt;"),
                '"' => result.push_str("&quot;"),
                '\'' => result.push_str("&#39;"),
                // No character of XML, though a character of Unicode.
                '\u{fffe}' | '\u{ffff}' => result.push(char::REPLACEMENT_CHARACTER),
                c => result.push(c),
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_become_markup() {
        assert_eq!(escaped("<a href='x'>&\u{7}\""), "&lt;a href=&#39;x&#39;&gt;&amp;�&quot;");
        assert_eq!(escaped("a\nb\u{202e}c\u{ffff}"), "a\nb�c�");
    }
}
