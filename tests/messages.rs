//! What a person reads who has made a mistake in a model file: one file for every kind of fault.

use joules::catalog::Catalog;
use joules::model::Model;
use miette::{GraphicalReportHandler, GraphicalTheme};

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
