//! Which complete visits are measured anew, if somebody asks: those whose verdict is not good.

use std::collections::{BTreeMap, BTreeSet};

use crate::runs::Run;

/// Verdicts whose visits are measured anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retry {
    /// One of [`Retry::VERDICTS`] each; empty for all but `shared`: GPUs were shared because somebody asked for it.
    pub verdicts: Vec<String>,
}

impl Retry {
    /// Those that may be named.
    pub const VERDICTS: [&str; 6] = ["too-short", "not-steady", "imprecise", "not-valid", "short", "shared"];

    /// Whether a complete visit is to be measured anew.
    pub fn takes(&self, run: &Run) -> bool {
        let is_meant = |word: &str| {
            if self.verdicts.is_empty() {
                word != "shared" && Self::VERDICTS.contains(&word)
            } else {
                self.verdicts.iter().any(|own| own == word)
            }
        };
        words(run).any(is_meant)
    }

    /// The ids of these visits.
    pub fn ids(&self, complete: &BTreeMap<String, Run>) -> BTreeSet<String> {
        complete.iter().filter(|(_, run)| self.takes(run)).map(|(id, _)| id.clone()).collect()
    }

    /// The option that asks for it.
    pub fn option(&self) -> String {
        if self.verdicts.is_empty() { "--retry".to_owned() } else { format!("--retry={}", self.verdicts.join(",")) }
    }
}

/// The verdicts of a run without their reasons: `shared: with …; not-steady: …` holds two.
fn words(run: &Run) -> impl Iterator<Item = &str> {
    let parts = run.details.get("verdict").into_iter().flat_map(|text| text.split("; "));
    let named = parts.filter_map(|part| part.split(':').next());
    named.filter(|word| Retry::VERDICTS.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_told_from_their_reasons() {
        let case = |verdict: &str, named: &[&str], expected: bool| {
            let run = Run { details: [("verdict".to_owned(), verdict.to_owned())].into(), ..Run::default() };
            let retry = Retry { verdicts: named.iter().map(|own| (*own).to_owned()).collect() };
            assert_eq!(retry.takes(&run), expected, "{verdict} {named:?}");
        };
        case("steady", &[], false);
        case("measured", &[], false);
        case("imprecise: too short for an interval", &[], true);
        case("imprecise: too short for an interval", &["too-short"], false);
        case("imprecise: too short for an interval", &["too-short", "imprecise"], true);
        case("not-valid: the energy is not known; steady", &[], true);
        case("shared: with process 4 on GPU 0, whose energy is inside; measured", &[], false);
        case("shared: with process 4 on GPU 0, whose energy is inside; measured", &["shared"], true);
        case("shared: with process 4 on GPU 0, whose energy is inside; short", &[], true);
        assert!(!Retry::default().takes(&Run::default()), "a run without a verdict was not judged");
    }
}
