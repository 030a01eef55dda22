//! The command `joules`.
use joules::catalog::Catalog;
use joules::fit::{Settings, Summary, fit, write_fitted};
use joules::import::mlenergy;
use joules::model::Model;
use joules::runs::Store;
fn main() -> miette::Result<()> {
    let text = std::fs::read_to_string("models/llm_serving.toml").unwrap();
    let catalog = Catalog::embedded();
    let model = Model::parse("models/llm_serving.toml", &text, &catalog)?;
    println!("{} nodes {} parameters", model.nodes.len(), model.parameters.len());
    let t = std::time::Instant::now();
    let sweeps = mlenergy::import(std::path::Path::new("../shared/data/mlenergy-v3"))?;
    let mut runs: Vec<_> = sweeps.into_iter().flat_map(|s| s.runs).collect();
    println!("{} runs {:?}", runs.len(), t.elapsed());
    runs.extend(Store::embedded().runs().cloned());
    let t = std::time::Instant::now();
    let starts = std::env::args().nth(1).and_then(|s| s.parse().ok()).unwrap_or(1);
    let fitted = fit(model, &catalog, &runs, &Settings { starts, ..Settings::default() })?;
    println!("{:?} {:?}", t.elapsed(), fitted.record);
    if let (Some(a), Some(b)) = (std::env::args().nth(2), std::env::args().nth(3)) {
        let store = joules::runs::Store::new(mlenergy::import(std::path::Path::new("../shared/data/mlenergy-v3"))?).unwrap();
        let store = if a.contains("q3-") { Store::embedded() } else { store };
        let all: Vec<_> = store.runs().collect();
        let t = std::time::Instant::now();
        let (a, b) = (store.find(&a)?, store.find(&b)?);
        let d = joules::diagnose::diagnose(&fitted, &catalog, &all, &a, &b, std::env::args().nth(4).as_deref())?;
        println!("{:?}", t.elapsed());
        print!("{}", joules::report::render::text(&joules::report::diagnosis(&d), &joules::report::TextStyle::default()));
        return Ok(());
    }
    let summary = Summary::new(&fitted, &catalog, &runs).unwrap();
    for e in &summary.estimates {
        println!("{:32} {:22} {:12.4e} [{:.3e} {:.3e}] {:.2}", e.name, e.level, e.value, e.lower, e.upper, e.decided);
    }
    for (m, g, a) in &summary.accuracy {
        println!("{m:20} {g:45} {:4} {:5.1} {:5.1} {:5.1}", a.runs, 100. * a.median, 100. * a.mean, 100. * a.p90);
    }
    println!("weak {}", summary.weak.len());
    std::fs::write("/tmp/fitted.toml", write_fitted(&fitted)).unwrap();
    Ok(())
}
