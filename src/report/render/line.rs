//! Lines: their width, how a text becomes several, how they become bytes.

use unicode_width::UnicodeWidthChar;

use super::super::{Align, Span, Text, Tone};
use crate::unit::Unit;

/// Columns that a character takes on a terminal.
fn char_width(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// Columns that words take on a terminal.
pub(super) fn width(words: &str) -> usize {
    words.chars().map(char_width).sum()
}

/// Columns that a text takes on one line.
pub(super) fn text_width(text: &Text) -> usize {
    text.spans().iter().map(|span| width(span.text())).sum()
}

/// Columns of the longest word of a text.
pub(super) fn longest_word(text: &Text) -> usize {
    text.words().split(' ').map(width).max().unwrap_or(0)
}

/// Characters after which a word that is too long may go on in the next line.
const BREAKS: &[char] = &['/', '-', '_', ',', '=', ';', ':', '.', '?', '&'];

/// One character and its tone.
type Letter = (char, Tone);

/// The text in lines of at most `limit` columns (2 at least), broken at spaces, and within a word only if the word is
/// longer than a line. A number and its unit stay together. At least one line, which may be empty.
pub(super) fn wrap(text: &Text, limit: usize) -> Vec<Text> {
    let letters: Vec<Letter> =
        text.spans().iter().flat_map(|span| span.text().chars().map(|c| (c, span.tone()))).collect();
    let mut lines: Vec<Vec<Letter>> = Vec::new();
    let mut line: Vec<Letter> = Vec::new();
    for (space, word) in words(&letters, limit) {
        if !line.is_empty() && letters_width(&line) + 1 + letters_width(&word) <= limit {
            line.push(space);
            line.extend(word);
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        let mut rest = word.as_slice();
        loop {
            let (head, tail) = rest.split_at(break_at(rest, limit));
            if tail.is_empty() {
                line.extend(head);
                break;
            }
            lines.push(head.to_vec());
            rest = tail;
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
        .iter()
        .map(|line| line.iter().map(|(c, tone)| Span::new(c.encode_utf8(&mut [0; 4]), *tone)).collect())
        .collect()
}

/// The words of a text, each with the space before it; a unit is joined to its number if both fit into a line.
fn words(letters: &[Letter], limit: usize) -> Vec<(Letter, Vec<Letter>)> {
    let mut words: Vec<(Letter, Vec<Letter>)> = Vec::new();
    let mut space = (' ', Tone::Plain);
    for piece in letters.split_inclusive(|(c, _)| *c == ' ') {
        let (word, next_space) = match piece.split_last() {
            Some((last, front)) if last.0 == ' ' => (front, *last),
            _ => (piece, space),
        };
        match words.last_mut() {
            _ if word.is_empty() => {}
            Some((_, number))
                if is_unit_of(word, number) && letters_width(number) + 1 + letters_width(word) <= limit =>
            {
                number.push(space);
                number.extend(word);
            }
            _ => words.push((space, word.to_vec())),
        }
        space = next_space;
    }
    words
}

/// Whether `word` is a unit, sentence marks aside, and `number` ends in a digit.
fn is_unit_of(word: &[Letter], number: &[Letter]) -> bool {
    let symbol: String = word.iter().map(|(c, _)| *c).collect();
    number.last().is_some_and(|(c, _)| c.is_ascii_digit())
        && Unit::parse(symbol.trim_end_matches(['.', ',', ';', ':', ')'])).is_ok()
}

fn letters_width(letters: &[Letter]) -> usize {
    letters.iter().map(|(c, _)| char_width(*c)).sum()
}

/// How many letters of `word` go into a line of `limit` columns: all, or up to a good place in its second half, or as
/// many as fit.
fn break_at(word: &[Letter], limit: usize) -> usize {
    let mut columns = 0;
    let mut fitting = 0;
    let mut good = 0;
    for (at, (c, _)) in word.iter().enumerate() {
        columns += char_width(*c);
        if columns > limit {
            return if good > 0 { good } else { fitting.max(1) };
        }
        fitting = at + 1;
        if BREAKS.contains(c) && 2 * columns > limit {
            good = at + 1;
        }
    }
    word.len()
}

/// The text with spaces up to `columns`, on the side away from which it leans.
pub(super) fn pad(text: &Text, columns: usize, align: Align) -> Text {
    let spaces = " ".repeat(columns.saturating_sub(text_width(text)));
    match align {
        Align::Left => text.clone().plain(spaces),
        Align::Right => join([Text::new().plain(spaces), text.clone()]),
    }
}

/// Texts one after the other.
pub(super) fn join(texts: impl IntoIterator<Item = Text>) -> Text {
    texts.into_iter().flat_map(|text| text.spans().to_vec()).collect()
}

/// Lines with `first` before the first and spaces of the same width before the others.
pub(super) fn hang(first: &str, lines: Vec<Text>) -> Vec<Text> {
    let indent = " ".repeat(width(first));
    lines
        .into_iter()
        .enumerate()
        .map(|(at, line)| join([Text::new().dim(if at == 0 { first } else { &indent }), line]))
        .collect()
}

/// A line as a string: colors as ANSI sequences if asked for, drawing as ASCII unless `unicode`, no spaces at the end.
pub(super) fn paint(line: &Text, colour: bool, unicode: bool) -> String {
    let words = line.words();
    let mut left = words.trim_end_matches(' ').len();
    let mut result = String::with_capacity(left);
    for span in line.spans() {
        let shown = &span.text()[..span.text().len().min(left)];
        left -= shown.len();
        let code = ansi(span.tone()).filter(|_| colour && !shown.is_empty());
        result.extend(code.map(|code| format!("\u{1b}[{code}m")));
        if unicode {
            result.push_str(shown);
        } else {
            shown.chars().for_each(|c| push_ascii(&mut result, c));
        }
        result.push_str(if code.is_some() { "\u{1b}[0m" } else { "" });
    }
    result
}

/// The number of the ANSI sequence of a tone.
fn ansi(tone: Tone) -> Option<u8> {
    match tone {
        Tone::Plain => None,
        Tone::Strong => Some(1),
        Tone::Dim => Some(2),
        Tone::Bad => Some(31),
        Tone::Good => Some(32),
        Tone::Code => Some(36),
    }
}

/// Adds an ASCII stand-in of the same width.
fn push_ascii(result: &mut String, c: char) {
    let stand_in = match c {
        c if c.is_ascii() => c,
        '─' | '–' | '—' | '−' | '‐' | '‑' => '-',
        '═' => '=',
        '│' | '├' | '┤' => '|',
        '┼' | '┬' | '☆' => '+',
        '└' => '`',
        '█' | '▌' | '▐' => '#',
        '•' | '·' | '★' => '*',
        '∙' => '.',
        '●' => 'O',
        '○' => 'o',
        '■' => 'X',
        '□' => 'x',
        '▲' => 'A',
        '△' => 'a',
        '◆' => 'D',
        '◇' => 'd',
        '×' => 'x',
        '→' | '≥' | '›' => '>',
        '←' | '≤' | '‹' => '<',
        '≈' | '±' | '…' => '~',
        'µ' | 'μ' => 'u',
        'φ' => 'f',
        'Δ' => 'D',
        '²' => '2',
        '³' => '3',
        '“' | '”' => '"',
        '‘' | '’' => '\'',
        '\u{a0}' | '\u{202f}' => ' ',
        _ => '?',
    };
    result.extend(std::iter::repeat_n(stand_in, char_width(c)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(text: &str, limit: usize) -> Vec<String> {
        wrap(&Text::from(text), limit).iter().map(Text::words).collect()
    }

    #[test]
    fn lines_break_at_spaces_and_long_words_at_their_joints() {
        let case = |text: &str, limit: usize, lines: &[&str]| assert_eq!(wrapped(text, limit), lines, "{text}");
        case("one two three", 7, &["one two", "three"]);
        case("one  two", 80, &["one two"]);
        case("model=Qwen/Qwen3-32B,task=gpqa", 22, &["model=Qwen/Qwen3-32B,", "task=gpqa"]);
        case("aaaaaaaaaa", 4, &["aaaa", "aaaa", "aa"]);
        case("uses 90 % of 12 ms", 9, &["uses 90 %", "of 12 ms"]);
        case("uses 90 % of", 7, &["uses", "90 % of"]);
        case("", 4, &[""]);
        case("模型模型", 5, &["模型", "模型"]);
    }

    #[test]
    fn tones_survive_a_break() {
        let lines = wrap(&Text::from("a **b c** d"), 3);
        assert_eq!(lines, [Text::from("a **b**"), Text::from("**c** d")]);
    }

    #[test]
    fn colors_are_sequences_only_where_asked_for() {
        let line = Text::new().plain("a ").bad("b").plain("   ");
        assert_eq!(paint(&line, true, true), "a \u{1b}[31mb\u{1b}[0m");
        assert_eq!(paint(&line, false, true), "a b");
        assert_eq!(paint(&Text::new().plain("×2 → 模"), false, false), "x2 > ??");
    }
}
