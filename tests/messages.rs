//! What a person reads who has made a mistake in a model file: one file for every kind of fault.

use joules::catalog::Catalog;
use joules::model::{Frame, Model};
use joules::runs::{Run, Value};
use miette::{GraphicalReportHandler, GraphicalTheme};

use crate::recovery::block;

/// The whole text of an error, as the command prints it on a terminal of 80 columns without color.
pub(crate) fn drawn(error: &dyn miette::Diagnostic) -> String {
    let mut message = String::new();
    GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_width(80)
        .render_report(&mut message, error)
        .unwrap();
    message.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

#[test]
fn faults_of_a_model_are_all_told_with_their_places() {
    let catalog = Catalog::embedded();
    insta::glob!("faulty/model/*.toml", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let error = Model::parse(name, &text, &catalog).expect_err(name);
        insta::assert_snapshot!(drawn(&error));
    });
}

#[test]
fn a_run_that_does_not_fit_is_told_why() {
    let catalog = Catalog::from_texts(&[("pumps.toml", block("```toml catalog\n"))]).unwrap();
    let text = block("```toml model\n").replace("[\"machine\", \"speed\"]", "[\"machine\", \"resistance\"]");
    let model = Model::parse("pumps.toml", &text, &catalog).unwrap();
    let run = |conditions: &[(&str, Value)]| Run {
        id: "r1".to_owned(),
        conditions: conditions.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        ..Run::default()
    };
    let name = |text: &str| Value::Name(text.to_owned());
    let runs = [
        run(&[("machine", name("noth")), ("speed", Value::Number(1.0)), ("resistance", Value::Number(60.0))]),
        run(&[("machine", name("north")), ("speed", name("fast")), ("lift", Value::Number(60.0))]),
    ];
    let error = Frame::new(&model, &catalog, &runs).unwrap_err();
    insta::assert_snapshot!(drawn(&error));
}
