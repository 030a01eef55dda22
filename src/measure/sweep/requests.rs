//! The requests of a window, one a row.

use std::fmt::Write as _;

use crate::measure::load::{Outcome, Record, Tally};

/// Most rows: 5 MB.
pub(super) const MOST: usize = 100_000;

/// The requests that were under way in the window `from..to` (seconds of the clock), as CSV, in the order in which they were
/// due, and how many there were: beyond a hundred thousand they are left out. Moments count from `begun`, as those of the
/// series do; what is not known is empty. An outcome is `done`, `abandoned` (by the end of the load), or `failed:` with a word.
pub(super) fn requests(tally: &Tally, begun: f64, from: f64, to: f64) -> (String, usize) {
    let mut text = "due_s,sent_s,first_token_s,ended_s,prompt_tokens,wanted_tokens,output_tokens,outcome\n".to_owned();
    let is_inside = |own: &&Record| own.sent <= to && own.ended >= from;
    let mut count = 0;
    for own in tally.records().iter().filter(is_inside) {
        count += 1;
        if count > MOST {
            continue;
        }
        let at = |moment: f64| format!("{:.5}", moment - begun);
        let outcome = match own.outcome {
            Outcome::Done => "done".to_owned(),
            Outcome::Abandoned => "abandoned".to_owned(),
            Outcome::Failed(code) => format!("failed:{code}"),
        };
        let _ = writeln!(
            text,
            "{},{},{},{},{},{},{},{outcome}",
            at(own.scheduled),
            at(own.sent),
            own.first_token.map(at).unwrap_or_default(),
            at(own.ended),
            own.prompt_tokens.map(|count| count.to_string()).unwrap_or_default(),
            own.wanted,
            own.output_tokens,
        );
    }
    (text, count)
}
