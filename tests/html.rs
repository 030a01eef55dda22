//! Pages as a browser and a stranger's names meet them.

use joules::report::{Axis, Bars, Chart, Column, Document, Point, Series, Table, Text, render};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::commands::{answer, message};
use crate::shared::Scratch;

/// Elements that have no end tag.
const VOID: [&str; 3] = ["meta", "br", "wbr"];

/// The tags of a page in order, or what is wrong with them: a tag that closes another than the last one open, a `<` that
/// starts no tag, an attribute without quotes.
fn tags(page: &str) -> Result<Vec<String>, String> {
    let mut rest = page.strip_prefix("<!DOCTYPE html>").ok_or("no doctype")?;
    let (mut open, mut seen): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    while let Some((before, after)) = rest.split_once('<') {
        if before.contains('>') && open.last().is_none_or(|name| name != "style") {
            return Err(format!("a bare `>` in `{before}`"));
        }
        let (tag, after) = after.split_once('>').ok_or("a tag without end")?;
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop().as_deref() != Some(name) {
                return Err(format!("</{name}> closes another"));
            }
            continue;
        }
        let name: String = tag.chars().take_while(char::is_ascii_alphanumeric).collect();
        let attributes = tag[name.len()..].trim_end_matches('/');
        check_attributes(attributes)?;
        if name.is_empty() {
            return Err(format!("`<{tag}>` is no tag"));
        }
        if !tag.ends_with('/') && !VOID.contains(&name.as_str()) {
            open.push(name.clone());
        }
        // Where a word may break depends on the word.
        seen.extend(Some(name).filter(|name| name != "wbr"));
    }
    if open.is_empty() { Ok(seen) } else { Err(format!("{open:?} stay open")) }
}

/// Every attribute is `name="value"`.
fn check_attributes(mut rest: &str) -> Result<(), String> {
    while !rest.trim().is_empty() {
        let (name, after) = rest.split_once("=\"").ok_or(format!("`{rest}` is no attribute"))?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if !name.strip_prefix(' ').is_some_and(|name| name.chars().all(is_name) && !name.starts_with("on")) {
            return Err(format!("`{name}` is no name of an attribute"));
        }
        rest = after.split_once('"').ok_or("an attribute without end")?.1;
    }
    Ok(())
}

const HOSTILE: &str = "<script>alert(1)</script>\"'&\u{202e}\u{7}</title></style>--><img src=x onerror=alert(1)>`**";

/// A document in which every word is this name.
fn document_of(name: &str) -> Document {
    let words = Text::new().plain(name).strong(name).code(name).dim(name).good(name).bad(name);
    let mut table = Table::new([Column::left(words.clone()), Column::right(words.clone())]);
    table.row([words.clone(), words.clone()]).row([words.clone()]).note(words.clone());
    let mut bars = Bars::new(words.clone());
    bars.bar_with_interval(words.clone(), 0.4, (0.1, 0.9), words.clone()).bar(words.clone(), -0.2, words.clone());
    let mut chart = Chart::new(words.clone(), Axis::log(words.clone(), name), Axis::linear(words.clone(), "J"));
    let point = Point::new(1.0, 2.0).labeled(words.clone()).within(1.0, 3.0).marked();
    chart.series(Series::curve(words.clone(), [point, Point::new(2.0, 1.0)]));
    let mut document = Document::new(words.clone());
    document.sign(words.clone());
    for _ in 0..4 {
        document.heading(words.clone()).subheading(words.clone());
    }
    document.paragraph(words.clone()).list([words.clone()]).fields([(words.clone(), words)]).code(name);
    document.table(table).bars(bars).chart(chart);
    document
}

#[test]
fn a_hostile_name_is_only_a_name() {
    let page = render::html(&document_of(HOSTILE));
    let found = tags(&page).unwrap();
    assert!(!found.iter().any(|tag| ["script", "img", "link", "iframe"].contains(&tag.as_str())));
    assert!(!page.contains("<script") && !page.contains("<img"));
    assert!(!page.contains(['\u{202e}', '\u{7}']));
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;"));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 128, failure_persistence: None, rng_seed: RngSeed::Fixed(59), ..ProptestConfig::default()
    })]

    #[test]
    fn the_page_of_any_name_is_well_nested(name in "[<>\"'&/=a-z \\-!;#\\\\`*]{0,12}|\\PC{0,12}|[\\x00-\\x1f\\u{200b}-\\u{2069}]{0,6}") {
        let harmless = tags(&render::html(&document_of("name"))).unwrap();
        let page = render::html(&document_of(&format!("x{name}")));
        // The same tags whatever the name, but for the line breaks of code.
        prop_assert_eq!(tags(&page), Ok(harmless));
        prop_assert!(!page.chars().any(|c| c.is_control() && c != '\n'));
    }

    #[test]
    fn bars_and_charts_of_any_numbers_are_well_nested(
        rows in prop::collection::vec((any::<f64>(), any::<f64>(), any::<f64>(), any::<bool>()), 0..6),
        logarithmic in any::<bool>(),
    ) {
        let axis = |title: &str| Axis { logarithmic, ..Axis::linear(title, "s") };
        let point = |&(x, y, end, marked): &(f64, f64, f64, bool)| {
            Point { marked, ..Point::new(x, y).within(y.min(end), y.max(end)).labeled("p") }
        };
        let mut chart = Chart::new("c", axis("x"), axis("y"));
        chart.series(Series::curve("s", rows.iter().map(point)));
        let mut bars = Bars::new("b");
        for (length, low, high, _) in &rows {
            bars.bar_with_interval("bar", *length, (*low, *high), "words");
        }
        let mut document = Document::new("t");
        document.chart(chart).bars(bars);
        let page = render::html(&document);
        prop_assert!(tags(&page).is_ok(), "{:?}", tags(&page));
        prop_assert!(!page.contains("NaN") && !page.contains("inf%"));
        render::text(&document, &joules::report::TextStyle::default());
    }
}

#[test]
fn the_tag_checker_sees_what_is_wrong() {
    let faults = ["<p></b></p>", "<p>", "<p class=x></p>", "<p onclick=\"x\"></p>", "a < b", "a > b<p></p>", "</p>"];
    for fault in faults {
        assert!(tags(&format!("<!DOCTYPE html>{fault}")).is_err(), "{fault}");
    }
    assert_eq!(tags("<!DOCTYPE html><p a=\"1\"><i/></p>").unwrap(), ["p", "i"]);
}

/// The page within `<main>`.
fn main_of(page: &str) -> &str {
    page.split_once("<main>\n").unwrap().1.split_once("</main>").unwrap().0
}

#[test]
fn a_small_document_as_a_page() {
    let mut document = Document::new("Why B has **2.07 times** the energy of A");
    document.sign("joules diagnose a b — joules 0");
    document.fields([("A", "0.151 J"), ("B", "0.312 J")]).heading("Causes");
    let mut bars = Bars::new("factor, with its 90 % interval");
    bars.bar_with_interval("output length", 0.8, (0.6, 1.0), "×2.23").bar("precision", -0.1, "×0.90");
    let mut table = Table::new([Column::left("latent"), Column::right("A")]);
    table.row(["utilisation", "0.79"]).note("of the time");
    let mut chart = Chart::new("", Axis::linear("requests", "requests"), Axis::log("power", "W"));
    chart.series(Series::scatter("", [Point::new(1.0, 300.0), Point::new(3.0, 700.0).within(650.0, 750.0)]));
    document.bars(bars).subheading("Part").table(table).list(["`one`", "two"]).code("a\n  b").chart(chart);
    let page = render::html(&document);
    tags(&page).unwrap();
    assert_eq!(page, render::html(&document));
    insta::assert_snapshot!(main_of(&page));
}

#[test]
fn headings_are_in_order_and_many_have_a_table_of_contents() {
    let mut document = Document::default();
    document.subheading("part").heading("section").subheading("part");
    let page = render::html(&document);
    tags(&page).unwrap();
    assert!(page.contains("<h1>part</h1>") && page.contains("<h2>section</h2>") && page.contains("<h3>part</h3>"));
    assert!(!page.contains("<nav"));
    let mut document = Document::new("t");
    for name in ["a", "b", "c", "d"] {
        document.heading(name).paragraph(name);
    }
    let page = render::html(&document);
    assert!(page.contains("<li><a href=\"#s4\">d</a></li>") && page.contains("<section id=\"s4\">\n<h2>d</h2>"));
    tags(&render::html(&Document::default())).unwrap();
}

#[test]
fn a_diagnosis_is_written_as_a_page() {
    let folder = Scratch::new();
    let path = folder.path().join("page.html");
    let path = path.to_str().unwrap();
    let question = ["diagnose", "q3-8b/n512", "q3-8b/n8"];
    assert_eq!(crate::commands::joules(&[&question[..], &["--format", "html", "--out", path]].concat()).out, "");
    let page = std::fs::read_to_string(path).unwrap();
    let found = tags(&page).unwrap();
    assert!(found.iter().filter(|tag| *tag == "rect").count() >= 2, "the bars of the causes");
    assert!(page.contains("<p class=\"made\"><span class=\"dim\">joules diagnose q3-8b/n512 q3-8b/n8 — joules "));
    assert!(page.contains("model llm-serving (") && page.contains("offered load"));
    assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("page.html"));
    assert_eq!(page, answer(&[&question[..], &["--format=html"]].concat()), "the same answer twice");
}

#[test]
fn every_answer_that_is_a_document_can_be_a_page() {
    for question in [
        &["runs", "--where", "model=Qwen/Qwen3-32B"][..],
        &["runs", "q3-8b/n64"],
        &["graph"],
        &["predict", "q3-8b/n64", "--set", "batch_size=8..64"],
    ] {
        let page = answer(&[question, &["--format", "html"]].concat());
        tags(&page).unwrap();
        assert!(page.contains(&format!("joules {}", question[0])), "{question:?} says how it was made");
        let markdown = answer(&[question, &["--format", "markdown"]].concat());
        assert!(markdown.contains(&format!("joules {}", question[0])), "{question:?} says how it was made");
    }
    assert!(
        message(2, &["diagnose", "a", "b", "--format", "pdf"]).contains("possible values: text, markdown, html, json")
    );
}

#[test]
fn a_command_with_hostile_words_is_quoted_and_escaped() {
    let page = answer(&["runs", "--where", "model=Qwen/Qwen3-8B", "--without", "gpu=<b>'x", "--format", "html"]);
    tags(&page).unwrap();
    assert!(page.contains("--without &#39;gpu=&lt;b&gt;&#39;\\&#39;&#39;x&#39; — joules"));
}
