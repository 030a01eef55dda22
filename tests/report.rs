//! Documents as a reader sees them.

use joules::report::{Axis, Bars, Block, Chart, Column, Document, Point, Series, Table, Text, TextStyle, render};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use unicode_width::UnicodeWidthStr;

/// A document with every kind of block.
fn every_block() -> Document {
    let mut document = Document::new("Run b uses **2.07 times** the energy per token of run a");
    document.fields([
        ("metric", Text::from("energy per token, **0.151 J** → **0.312 J**")),
        ("run a", Text::new().code("model=Qwen/Qwen3-32B,task=lm-arena-chat,gpu=B200,gpus=1,batch_size=512")),
        ("verdict", Text::new().bad("different").plain(": the ratio is 14 standard errors from 1")),
    ]);
    document.paragraph(
        "Most of it is **longer answers**: a response of 7035 tokens keeps its cache for longer, so fewer responses \
         fit into memory (`batch_ceiling` falls from 512 to 139), and the weights are read for fewer tokens per step.",
    );
    document.heading("Causes");
    let mut bars = Bars::new("Factors of energy per token, b over a, with 90 % intervals");
    bars.bar_with_interval("output_length", 0.399, (0.27, 0.519), "×1.49")
        .bar_with_interval("batch_size", 0.262, (0.2, 0.34), "×1.30")
        .bar_with_interval("step_time_unexplained", 0.02, (-0.08, 0.11), "×1.02")
        .bar_with_interval("precision", -0.223, (-0.9, -0.1), "×0.80")
        .bar("num_gpus", 0.0, "×1");
    document.bars(bars);
    let mut table = Table::new([
        Column::left("cause"),
        Column::left("from"),
        Column::left("to"),
        Column::right("factor"),
        Column::left("by way of"),
    ]);
    table
        .row([
            "`output_length`",
            "627 tokens",
            "7035 tokens",
            "**×1.49**",
            "kv_cache_footprint ×1.20, memory_capacity ×1.16, weight_read_amortisation ×1.07",
        ])
        .row(["`batch_size`", "512", "128", "**×1.30**", "weight_read_amortisation ×1.30"])
        .row(["`precision`", "bf16", "fp8", "**×0.80**"])
        .note("The factors of all causes and unexplained terms multiply to the ratio.");
    document.table(table);
    document.subheading("What to do");
    document.list([
        Text::from("Set `batch_size` to 139, the most that memory holds: ").good("-9 %").plain(" energy per token."),
        Text::from("Measure run a again with `output_tokens=7035`: no other run would narrow the answer more."),
    ]);
    document.code("joules whatif run-b --set batch_size=139\njoules measure --repeat 3 -- vllm bench serve --model Qwen/Qwen3-32B --max-concurrency 139");
    document.paragraph(Text::new().dim("Names from outside stay names: ").plain("<b>**a**|`b`</b>\u{1b}[31m_c_"));
    document
}

fn style(width: usize) -> TextStyle {
    TextStyle { width, ..TextStyle::default() }
}

#[test]
fn a_document_at_eighty_columns() {
    insta::assert_snapshot!(render::text(&every_block(), &style(80)));
}

#[test]
fn a_document_at_sixty_columns() {
    insta::assert_snapshot!(render::text(&every_block(), &style(60)));
}

#[test]
fn a_document_at_thirty_columns_in_ascii() {
    let text = render::text(&every_block(), &TextStyle { width: 30, colour: false, unicode: false });
    assert!(text.is_ascii());
    insta::assert_snapshot!(text);
}

#[test]
fn a_document_in_markdown() {
    insta::assert_snapshot!(render::markdown(&every_block()));
}

#[test]
fn colour_changes_no_layout() {
    let colored = render::text(&every_block(), &TextStyle { colour: true, ..style(80) });
    let mut plain = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    assert_ne!(colored, plain);
    assert_eq!(plain, render::text(&every_block(), &style(80)));
}

/// Words of any length and hostility.
fn words() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-z]{1,9}",
        "[a-z/_=.-]{10,60}",
        "[0-9.]{1,8}",
        Just("**x y**".to_owned()),
        Just("`code`".to_owned()),
        Just("模型".to_owned()),
        "\\PC{0,6}",
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.join(" "))
}

fn text() -> impl Strategy<Value = Text> {
    prop_oneof![words().prop_map(Text::from), words().prop_map(|words| Text::new().plain(words))]
}

fn table() -> impl Strategy<Value = Table> {
    (0_usize..6).prop_flat_map(|columns| {
        let heads = prop::collection::vec((text(), any::<bool>()), columns);
        let rows = prop::collection::vec(prop::collection::vec(text(), 0..=columns), 0..4);
        (heads, rows, prop::option::of(text())).prop_map(|(heads, rows, note)| {
            let column = |(title, is_number)| if is_number { Column::right(title) } else { Column::left(title) };
            let mut table = Table::new(heads.into_iter().map(column).collect::<Vec<Column>>());
            for row in rows {
                table.row(row);
            }
            if let Some(note) = note {
                table.note(note);
            }
            table
        })
    })
}

fn bars() -> impl Strategy<Value = Bars> {
    let length = || prop_oneof![-2.0..2.0, Just(0.0), any::<f64>()];
    let row = (text(), length(), prop::option::of((length(), length())), text());
    (text(), prop::collection::vec(row, 0..5)).prop_map(|(label, rows)| {
        let mut bars = Bars::new(label);
        for (label, length, interval, text) in rows {
            match interval {
                Some(interval) => bars.bar_with_interval(label, length, interval, text),
                None => bars.bar(label, length, text),
            };
        }
        bars
    })
}

fn chart() -> impl Strategy<Value = Chart> {
    let value = || prop_oneof![0.001..10.0, -2.0..2.0, any::<f64>()];
    let axis = || {
        let unit = prop_oneof![Just("s"), Just("J"), Just("tokens"), Just("FLOP/s"), Just("")];
        (text(), unit, any::<bool>())
            .prop_map(|(title, unit, logarithmic)| Axis { logarithmic, ..Axis::linear(title, unit) })
    };
    let point = (value(), value(), text(), prop::option::of((value(), value())), any::<bool>())
        .prop_map(|(x, y, label, interval, marked)| Point { x, y, label, interval, marked });
    let series = (text(), prop::collection::vec(point, 0..6), any::<bool>()).prop_map(|(name, points, line)| Series {
        name,
        points,
        line,
    });
    (text(), axis(), axis(), prop::collection::vec(series, 0..8)).prop_map(|(label, x, y, series)| Chart {
        label,
        x,
        y,
        series,
    })
}

fn document() -> impl Strategy<Value = Document> {
    let block = prop_oneof![
        (1_u8..5, text()).prop_map(|(level, text)| Block::Heading(level, text)),
        text().prop_map(Block::Paragraph),
        table().prop_map(Block::Table),
        bars().prop_map(Block::Bars),
        chart().prop_map(Block::Chart),
        prop::collection::vec(text(), 0..4).prop_map(Block::List),
        prop::collection::vec((text(), text()), 0..4).prop_map(Block::Fields),
    ];
    (text(), prop::collection::vec(block, 0..6), words()).prop_map(|(title, blocks, code)| {
        let mut document = Document::new(title);
        for block in blocks {
            document.push(block);
        }
        document.code(code.replace(" = ", "\n    "));
        document
    })
}

/// Columns by characters, as the layout counts them.
fn columns(line: &str) -> usize {
    line.chars().map(|c| c.to_string().width()).sum()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 128, failure_persistence: None, rng_seed: RngSeed::Fixed(53), ..ProptestConfig::default()
    })]

    #[test]
    fn no_line_is_wider_than_the_terminal(document in document(), width in 20_usize..120, unicode in any::<bool>()) {
        let text = render::text(&document, &TextStyle { width, colour: false, unicode });
        for line in text.lines() {
            prop_assert!(columns(line) <= width, "{} columns instead of {width}: {line}", columns(line));
            prop_assert!(!line.ends_with(' '));
        }
        prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
        prop_assert!(unicode || text.is_ascii());
    }

    #[test]
    fn markdown_has_no_control_characters_and_whole_tables(table in table()) {
        let mut document = Document::default();
        let (cells, rows) = (table.columns().len(), table.rows().len());
        document.table(table);
        let page = render::markdown(&document);
        prop_assert!(!page.chars().any(|c| c.is_control() && c != '\n'));
        for line in page.lines().take(if cells == 0 { 0 } else { rows + 2 }) {
            let pipes = line.replace("\\\\", "").replace("\\|", "").matches('|').count();
            prop_assert_eq!(pipes, cells + 1, "{}", line);
        }
    }
}
