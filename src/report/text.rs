//! Words with a tone.

/// What a span of text is, not how it looks: each renderer has its own means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Tone {
    /// Running text.
    #[default]
    Plain,
    /// What the eye must find.
    Strong,
    /// A name or a command, to be taken letter by letter.
    Code,
    /// What may be skipped.
    Dim,
    /// A change for the better.
    Good,
    /// A change for the worse.
    Bad,
}

/// A piece of text in one tone. It holds no control characters: line breaks and tabs become spaces, others and the
/// marks that reverse or hide text become `�`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    text: String,
    tone: Tone,
}

impl Span {
    /// A span; nothing in `text` is markup.
    pub fn new(text: impl AsRef<str>, tone: Tone) -> Self {
        Self { text: text.as_ref().chars().map(visible).collect(), tone }
    }

    /// The words.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What they are.
    pub fn tone(&self) -> Tone {
        self.tone
    }
}

/// The character itself, if it is safe to show.
fn visible(c: char) -> char {
    match c {
        '\n' | '\r' | '\t' => ' ',
        // Zero-width and direction marks, line separators, byte-order mark, tags.
        '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => char::REPLACEMENT_CHARACTER,
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}

/// A line or paragraph of text: spans in order.
///
/// From a `&str` or `String`, `**strong**` and `` `code` `` are markup; a mark without its partner stands for itself.
/// Names from outside go in with [`Text::plain`] or [`Text::code`], which read no markup.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Text {
    spans: Vec<Span>,
}

impl Text {
    /// No text.
    pub fn new() -> Self {
        Self::default()
    }

    /// Followed by running text.
    #[must_use]
    pub fn plain(self, text: impl AsRef<str>) -> Self {
        self.and(text, Tone::Plain)
    }

    /// Followed by text that the eye must find.
    #[must_use]
    pub fn strong(self, text: impl AsRef<str>) -> Self {
        self.and(text, Tone::Strong)
    }

    /// Followed by a name or a command.
    #[must_use]
    pub fn code(self, text: impl AsRef<str>) -> Self {
        self.and(text, Tone::Code)
    }

    /// Followed by text that may be skipped.
    #[must_use]
    pub fn dim(self, text: impl AsRef<str>) -> Self {
        self.and(text, Tone::Dim)
    }

    /// Followed by a change for the better.
    #[must_use]
    pub fn good(self, text: impl AsRef<str>) -> Self {
        self.and(text, Tone::Good)
    }

    /// Followed by a change for the worse.
    #[must_use]
    pub fn bad(self, text: impl AsRef<str>) -> Self {
        self.and(text, Tone::Bad)
    }

    /// Adds a span at the end; neighbors of one tone become one span.
    pub fn push(&mut self, span: Span) {
        match self.spans.last_mut() {
            _ if span.text.is_empty() => {}
            Some(last) if last.tone == span.tone => last.text.push_str(&span.text),
            _ => self.spans.push(span),
        }
    }

    /// The spans: none is empty, and neighbors differ in tone.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The words without their tones.
    pub fn words(&self) -> String {
        self.spans.iter().map(Span::text).collect()
    }

    /// The same words, with `tone` where they were plain.
    #[must_use]
    pub(super) fn with_tone(&self, tone: Tone) -> Self {
        let raised = |own| if own == Tone::Plain { tone } else { own };
        self.spans.iter().map(|span| Span { text: span.text.clone(), tone: raised(span.tone) }).collect()
    }

    fn and(mut self, text: impl AsRef<str>, tone: Tone) -> Self {
        self.push(Span::new(text, tone));
        self
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        let mut result = Self::new();
        let mut rest = text;
        while let Some(at) = rest.find(['*', '`']) {
            let (before, marked) = rest.split_at(at);
            result = result.plain(before);
            let (mark, tone) = if marked.starts_with("**") { ("**", Tone::Strong) } else { ("`", Tone::Code) };
            let inside = marked.strip_prefix(mark).and_then(|inner| inner.split_once(mark));
            rest = match inside {
                Some((inner, after)) if !inner.is_empty() => {
                    result.push(Span::new(inner, tone));
                    after
                }
                _ => {
                    // Not a mark: as many of these characters as a mark would have stand for themselves.
                    let (literal, after) = marked.split_at(if marked.starts_with("**") { 2 } else { 1 });
                    result = result.plain(literal);
                    after
                }
            };
        }
        result.plain(rest)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<&String> for Text {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<Span> for Text {
    fn from(span: Span) -> Self {
        Self::from_iter([span])
    }
}

impl From<&Text> for Text {
    fn from(text: &Text) -> Self {
        text.clone()
    }
}

impl FromIterator<Span> for Text {
    fn from_iter<I: IntoIterator<Item = Span>>(spans: I) -> Self {
        let mut result = Self::new();
        spans.into_iter().for_each(|span| result.push(span));
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_read_where_it_is_complete() {
        let case = |text: &str, expected: Text| assert_eq!(Text::from(text), expected, "{text}");
        case("use `a` **now**", Text::new().plain("use ").code("a").plain(" ").strong("now"));
        case("2 * 3 ** 4 `x", Text::new().plain("2 * 3 ** 4 `x"));
        case("`a*b` and ``", Text::new().code("a*b").plain(" and ``"));
        case("", Text::new());
    }

    #[test]
    fn names_from_outside_are_not_markup_and_cannot_drive_a_terminal() {
        let name = Text::new().plain("**a**\u{1b}[31m\u{202e}\tb\r\nc");
        assert_eq!(name.words(), "**a**�[31m� b  c");
        assert_eq!(name.spans().len(), 1);
    }
}
