//! A document as one HTML page that needs nothing else: no script, no network, no font.
//!
//! [`html`] writes the page around the document's sections; one file for every kind of block that is more than a line.
//! Every word from outside goes through `escaped` or [`inline`], and nothing else puts words into the page.

mod bars;
mod chart;
mod labels;
mod table;

use std::fmt::Write as _;

use super::super::markup::escaped;
use super::super::{Block, Document, Text, Tone};

/// Looks, for screens in light and dark and for paper.
const STYLE: &str = include_str!("page.css");
/// A page with more sections than this has a table of contents.
const FEW_SECTIONS: usize = 3;
/// What a page may load: nothing but the style inside it. Should a name ever get past the escaping, it finds no script.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The document as a page. The same document gives the same bytes.
pub fn html(document: &Document) -> String {
    let name = document.title().words();
    let name = if name.is_empty() { "joules" } else { name.as_str() };
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"generator\" content=\"joules {}\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{}</main>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION"),
        escaped(name),
        content(document),
    )
}

/// What stands within the page: the header, the table of contents, the sections.
fn content(document: &Document) -> String {
    let mut outline = Outline::default();
    let mut body = String::new();
    if !document.title().is_empty() {
        body += &format!("<h1>{}</h1>\n", inline(document.title()));
        outline.level = 1;
    }
    if let Some(made_by) = document.made_by() {
        body += &format!("<p class=\"made\">{}</p>\n", inline(made_by));
    }
    let sections: Vec<&Text> = document.blocks().iter().filter_map(section_title).collect();
    if sections.len() > FEW_SECTIONS {
        body += &contents(&sections);
    }
    for block in document.blocks() {
        outline.write(&mut body, block);
    }
    outline.close(&mut body);
    body
}

/// The words of a block that starts a section.
fn section_title(block: &Block) -> Option<&Text> {
    match block {
        Block::Heading(0..=2, words) => Some(words),
        _ => None,
    }
}

fn contents(sections: &[&Text]) -> String {
    let entry = |(at, words): (usize, &&Text)| format!("<li><a href=\"#s{}\">{}</a></li>\n", at + 1, inline(words));
    let entries: String = sections.iter().enumerate().map(entry).collect();
    format!("<nav aria-label=\"Contents\">\n<ul>\n{entries}</ul>\n</nav>\n")
}

/// Where in the order of headings the page is.
#[derive(Default)]
struct Outline {
    /// Level of the last heading; a heading is at most one level below it.
    level: u8,
    /// Sections so far; the last one is open.
    sections: usize,
}

impl Outline {
    fn write(&mut self, body: &mut String, block: &Block) {
        if let Block::Heading(level, words) = block {
            if section_title(block).is_some() {
                self.close(body);
                self.sections += 1;
                let _ = writeln!(body, "<section id=\"s{}\">", self.sections);
            }
            self.level = (*level).clamp(2, 6).min(self.level + 1);
            let _ = writeln!(body, "<h{0}>{1}</h{0}>", self.level, inline(words));
        } else {
            body.push_str(&block_of(block));
        }
    }

    /// Ends the section that is open, if any.
    fn close(&self, body: &mut String) {
        if self.sections > 0 {
            body.push_str("</section>\n");
        }
    }
}

/// A block that is no heading; empty if it shows nothing.
fn block_of(block: &Block) -> String {
    match block {
        Block::Heading(..) => String::new(),
        Block::Paragraph(words) if words.is_empty() => String::new(),
        Block::Paragraph(words) => format!("<p>{}</p>\n", inline(words)),
        Block::Table(own) => table::table(own),
        Block::Bars(own) => bars::bars(own),
        Block::Chart(own) => chart::chart(own),
        Block::List(items) if items.is_empty() => String::new(),
        Block::List(items) => {
            let items: String = items.iter().map(|item| format!("<li>{}</li>\n", inline(item))).collect();
            format!("<ul>\n{items}</ul>\n")
        }
        Block::Code(lines) if lines.is_empty() => String::new(),
        Block::Code(lines) => {
            let lines: Vec<String> = lines.iter().map(|line| escaped(line.text())).collect();
            format!("<pre tabindex=\"0\"><code>{}</code></pre>\n", lines.join("\n"))
        }
        Block::Fields(own) => table::fields(own),
    }
}

/// Words with their tones.
fn inline(text: &Text) -> String {
    text.spans()
        .iter()
        .map(|span| {
            let words = escaped(span.text());
            match span.tone() {
                Tone::Plain => words,
                Tone::Strong => format!("<strong>{words}</strong>"),
                Tone::Code => format!("<code>{words}</code>"),
                Tone::Dim => format!("<span class=\"dim\">{words}</span>"),
                Tone::Good => format!("<span class=\"good\">{words}</span>"),
                Tone::Bad => format!("<span class=\"bad\">{words}</span>"),
            }
        })
        .collect()
}

/// A caption, if there are words.
fn caption(words: &Text) -> String {
    if words.is_empty() { String::new() } else { format!("<figcaption>{}</figcaption>\n", inline(words)) }
}

/// A share of a width or height as SVG takes it, so that a drawing fits every width and its letters keep their size.
fn percent(share: f64) -> String {
    format!("{:.2}%", 100.0 * share.clamp(0.0, 1.0))
}
