//! Rows and columns of a page.

use super::super::super::{Align, Column, Table, Text};
use super::super::line::width as columns_of;
use super::inline;

/// Words up to this many columns stay on one line.
const SHORT: usize = 22;

/// A table that scrolls by itself where the page is narrower.
pub(super) fn table(table: &Table) -> String {
    let columns = table.columns();
    if columns.is_empty() {
        return String::new();
    }
    let class = |align: Align, words: &Text| match align {
        Align::Right => " class=\"number\"",
        Align::Left => whole(words),
    };
    let title = |Column { title, align }: &Column| {
        // Identifiers may break at their joints, so that more columns are seen at once.
        let words = inline(title).replace('_', "_<wbr>");
        format!("<th scope=\"col\"{}>{words}</th>", class(*align, title))
    };
    let head = columns.iter().map(title).collect::<Vec<_>>().concat();
    let cell = |(cell, column): (&Text, &Column)| format!("<td{}>{}</td>", class(column.align, cell), inline(cell));
    let row = |cells: &Vec<Text>| {
        let cells: Vec<String> = cells.iter().zip(columns).map(cell).collect();
        format!("<tr>{}</tr>\n", cells.concat())
    };
    let rows: String = if table.is_empty() {
        format!("<tr><td colspan=\"{}\" class=\"dim\">none</td></tr>\n", columns.len())
    } else {
        table.rows().iter().map(row).collect()
    };
    let note = table.footnote().map_or_else(String::new, |note| format!("<p class=\"note\">{}</p>\n", inline(note)));
    format!(
        "<div class=\"scroll\" tabindex=\"0\">\n<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n\
         </table>\n</div>\n{note}"
    )
}

/// The class of words that stay on one line, if they are few.
pub(super) fn whole(words: &Text) -> &'static str {
    if columns_of(&words.words()) <= SHORT { " class=\"short\"" } else { "" }
}

/// `key  value` lines.
pub(super) fn fields(fields: &[(Text, Text)]) -> String {
    if fields.is_empty() {
        return String::new();
    }
    let field =
        |(key, value): &(Text, Text)| format!("<div><dt>{}</dt><dd>{}</dd></div>\n", inline(key), inline(value));
    format!("<dl>\n{}</dl>\n", fields.iter().map(field).collect::<String>())
}
