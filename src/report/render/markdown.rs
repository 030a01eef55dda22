//! A document as GitHub-flavored Markdown.

use super::super::{Align, Block, Document, Span, Table, Text, Tone};
use super::line::paint;
use super::{bars, plot};

/// Columns of charts, which stand in code blocks.
const CHART_WIDTH: usize = 76;

/// The document as Markdown: names stay names whatever characters they have, and nothing in them becomes markup,
/// HTML or a new cell.
pub fn markdown(document: &Document) -> String {
    let title = Some(format!("# {}", inline(document.title()))).filter(|_| !document.title().is_empty());
    let made_by = document.made_by().map(|words| line_start(&inline(words)));
    let blocks = document.blocks().iter().map(block);
    let parts: Vec<String> = title.into_iter().chain(made_by).chain(blocks).filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { String::new() } else { parts.join("\n\n") + "\n" }
}

fn block(block: &Block) -> String {
    match block {
        Block::Heading(level, words) => format!("{} {}", "#".repeat(usize::from((*level).clamp(2, 6))), inline(words)),
        Block::Paragraph(words) => line_start(&inline(words)),
        Block::Table(own) => table(own),
        Block::Bars(own) => drawing(&bars::bars(own, CHART_WIDTH)),
        Block::Chart(own) => drawing(&plot::plot(own, CHART_WIDTH)),
        Block::List(items) => {
            items.iter().map(|item| format!("- {}", line_start(&inline(item)))).collect::<Vec<_>>().join("\n")
        }
        Block::Code(lines) => fenced(&lines.iter().map(|line| line.text().to_owned()).collect::<Vec<_>>()),
        Block::Fields(fields) => {
            let field =
                |(key, value): &(Text, Text)| format!("- {}: {}", inline(&key.with_tone(Tone::Strong)), inline(value));
            fields.iter().map(field).collect::<Vec<_>>().join("\n")
        }
    }
}

/// What is drawn in characters, as a code block.
fn drawing(lines: &[Text]) -> String {
    fenced(&lines.iter().map(|line| paint(line, false, true)).collect::<Vec<_>>())
}

/// A code block with a fence longer than any inside.
fn fenced(lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let fence = "`".repeat(3.max(1 + lines.iter().map(|line| longest_run(line, '`')).max().unwrap_or(0)));
    format!("{fence}text\n{}\n{fence}", lines.join("\n"))
}

fn table(table: &Table) -> String {
    if table.columns().is_empty() {
        return String::new();
    }
    // Within a cell a pipe must be escaped even in code.
    let cell = |text: &Text| text.spans().iter().map(|own| span(own, true)).collect::<String>();
    let row = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let mut lines = vec![row(table.columns().iter().map(|column| cell(&column.title)).collect())];
    let rule = |align: Align| if align == Align::Right { "---:" } else { "---" };
    lines.push(row(table.columns().iter().map(|column| rule(column.align).to_owned()).collect()));
    lines.extend(table.rows().iter().map(|cells| row(cells.iter().map(cell).collect())));
    let note = table.footnote().map(|note| format!("\n\n{}", line_start(&inline(note)))).unwrap_or_default();
    lines.join("\n") + &note
}

fn inline(text: &Text) -> String {
    text.spans().iter().map(|own| span(own, false)).collect::<String>().trim().to_owned()
}

fn span(own: &Span, in_table: bool) -> String {
    let words = own.text();
    let inner = words.trim_matches(' ');
    let marked = match own.tone() {
        _ if inner.is_empty() => String::new(),
        Tone::Strong => format!("**{}**", escaped(inner)),
        Tone::Code => code(inner, in_table),
        Tone::Plain | Tone::Dim | Tone::Good | Tone::Bad => escaped(inner),
    };
    // Marks must touch the words they mark: spaces go outside.
    let side = |has: bool| if has { " " } else { "" };
    if inner.is_empty() {
        return " ".to_owned();
    }
    format!("{}{marked}{}", side(words.starts_with(' ')), side(words.ends_with(' ')))
}

/// A code span with a fence longer than any run of backticks inside.
fn code(words: &str, in_table: bool) -> String {
    let fence = "`".repeat(longest_run(words, '`') + 1);
    let space = if words.starts_with('`') || words.ends_with('`') { " " } else { "" };
    let words = if in_table { words.replace('|', "\\|") } else { words.to_owned() };
    format!("{fence}{space}{words}{space}{fence}")
}

/// Longest run of one character.
fn longest_run(words: &str, of: char) -> usize {
    words.split(|c| c != of).map(str::len).max().unwrap_or(0)
}

/// Words with every character escaped that could be markup inside a line. An underscore within a word never is.
fn escaped(words: &str) -> String {
    let letters: Vec<char> = words.chars().collect();
    let mut result = String::with_capacity(words.len() + 8);
    for (at, c) in letters.iter().enumerate() {
        let is_word = |at: Option<usize>| at.and_then(|at| letters.get(at)).is_some_and(|c| c.is_alphanumeric());
        let within_word = is_word(at.checked_sub(1)) && is_word(Some(at + 1));
        let is_markup = match c {
            // An at-sign would become a mention.
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '|' | '~' | '$' | '@' => true,
            '_' => !within_word,
            '&' => is_word(Some(at + 1)) || letters.get(at + 1) == Some(&'#'),
            // A heading's end, or the number of an issue.
            '#' => at == 0 || letters[at - 1] == ' ',
            // A bare address would become a link.
            ':' => letters.get(at + 1) == Some(&'/'),
            _ => false,
        };
        if is_markup {
            result.push('\\');
        }
        result.push(*c);
    }
    result
}

/// A line that does not start as a list, a heading or a rule would.
fn line_start(line: &str) -> String {
    let digits = line.chars().take_while(char::is_ascii_digit).count();
    let after = line[digits..].chars().next();
    if digits > 0 && matches!(after, Some('.' | ')')) {
        return format!("{}\\{}", &line[..digits], &line[digits..]);
    }
    if matches!(line.chars().next(), Some('-' | '+' | '=')) { format!("\\{line}") } else { line.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paragraph(text: impl Into<Text>) -> String {
        let mut document = Document::default();
        document.paragraph(text);
        markdown(&document)
    }

    #[test]
    fn names_stay_names() {
        let case = |name: &str, expected: &str| assert_eq!(paragraph(Text::new().plain(name)), format!("{expected}\n"));
        case("output_length", "output_length");
        case("_x_ *y* <b>", "\\_x\\_ \\*y\\* \\<b\\>");
        case("a|b &amp; c & d", "a\\|b \\&amp; c & d");
        case("1. one", "1\\. one");
        case("# one", "\\# one");
        case("--- x", "\\--- x");
        case("https://evil", "https\\://evil");
    }

    #[test]
    fn marks_touch_their_words() {
        assert_eq!(paragraph(Text::new().plain("a").strong(" b ").code("c`")), "a **b** `` c` ``\n");
    }

    #[test]
    fn a_fence_is_longer_than_any_inside() {
        let mut document = Document::default();
        document.code("```\nx\n```");
        assert_eq!(markdown(&document), "````text\n```\nx\n```\n````\n");
    }

    #[test]
    fn a_pipe_makes_no_cell() {
        let mut table = Table::new([super::super::super::Column::left("a|b")]);
        table.row([Text::new().code("x|y")]);
        let mut document = Document::default();
        document.table(table);
        assert_eq!(markdown(&document), "| a\\|b |\n| --- |\n| `x\\|y` |\n");
    }
}
