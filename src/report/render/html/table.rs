//! Rows and columns of a page.

use super::super::super::{Align, Table, Text};
use super::inline;

/// A table that scrolls by itself where the page is narrower.
pub(super) fn table(table: &Table) -> String {
    let columns = table.columns();
    if columns.is_empty() {
        return String::new();
    }
    let class = |align: Align| if align == Align::Right { " class=\"number\"" } else { "" };
    let head: String = columns
        .iter()
        .map(|column| format!("<th scope=\"col\"{}>{}</th>", class(column.align), inline(&column.title)))
        .collect();
    let row = |cells: &Vec<Text>| {
        let cells = cells.iter().zip(columns);
        let cells: String =
            cells.map(|(cell, column)| format!("<td{}>{}</td>", class(column.align), inline(cell))).collect();
        format!("<tr>{cells}</tr>\n")
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

/// `key  value` lines.
pub(super) fn fields(fields: &[(Text, Text)]) -> String {
    if fields.is_empty() {
        return String::new();
    }
    let field =
        |(key, value): &(Text, Text)| format!("<div><dt>{}</dt><dd>{}</dd></div>\n", inline(key), inline(value));
    format!("<dl>\n{}</dl>\n", fields.iter().map(field).collect::<String>())
}
