//! The command `joules`.
use joules::catalog::Catalog;
use joules::model::Model;
fn main() -> miette::Result<()> {
    let text = std::fs::read_to_string("models/llm_serving.toml").unwrap();
    let model = Model::parse("models/llm_serving.toml", &text, &Catalog::embedded())?;
    println!("{} nodes {} parameters", model.nodes.len(), model.parameters.len());
    Ok(())
}
