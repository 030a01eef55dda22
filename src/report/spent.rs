//! What the energy of a run was spent on, as its details tell it.

use super::{Column, Table, Text};
use crate::runs::Run;
use crate::unit::{percent, show, show_range};

/// What energy goes to: name in the details, words, unit suffix of its cost, unit.
const USES: [(&str, &str, &str, &str); 3] = [
    ("prefill_energy_per_token", "a prompt token", "j", "J"),
    ("decode_energy_per_token", "an output token", "j", "J"),
    ("base_power", "neither, all the time", "w", "W"),
];

/// Names of the shares, in the same order, and of what is left.
const SHARES: [&str; 4] =
    ["prefill_energy_share", "decode_energy_share", "base_energy_share", "unexplained_energy_share"];

/// One use of energy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Use {
    /// What takes it.
    pub(super) words: &'static str,
    /// J of a token, or W.
    value: f64,
    interval: [f64; 2],
    unit: &'static str,
    /// Of the energy of the run.
    share: f64,
}

impl Use {
    pub(super) fn cost(&self) -> String {
        show(self.value, self.unit)
    }

    /// The 90 % interval.
    pub(super) fn interval(&self) -> String {
        show_range(self.interval, self.unit)
    }

    pub(super) fn share(&self) -> String {
        percent(self.share)
    }
}

/// Prompt tokens, output tokens, and what depends on neither; none if the run does not tell all of them.
pub(super) fn spent(run: &Run) -> Option<[Use; 3]> {
    let number = |name: &str| run.details.get(name)?.parse::<f64>().ok().filter(|value| value.is_finite());
    let of = |at: usize| {
        let (name, words, suffix, unit) = USES[at];
        let (low, high) = run.details.get(&format!("{name}_interval_{suffix}"))?.split_once("..")?;
        let end = |text: &str| text.parse::<f64>().ok().filter(|value| value.is_finite());
        let interval = [end(low)?, end(high)?];
        Some(Use { words, value: number(&format!("{name}_{suffix}"))?, interval, unit, share: number(SHARES[at])? })
    };
    Some([of(0)?, of(1)?, of(2)?])
}

/// Why it is not known, where the run says so.
#[cfg(feature = "measure")]
pub(super) fn not_spent(run: &Run) -> Option<&str> {
    run.details.get("energy_split")?.strip_prefix("not known: ")
}

/// Whether a detail is part of what [`spent`] tells.
pub(super) fn is_told(name: &str) -> bool {
    let is_cost = |(own, _, suffix, _): &(&str, &str, &str, &str)| {
        name == format!("{own}_{suffix}") || name == format!("{own}_interval_{suffix}")
    };
    SHARES.contains(&name) || USES.iter().any(is_cost)
}

/// The uses of one run.
pub(super) fn table(run: &Run, uses: &[Use; 3]) -> Table {
    let mut table = Table::new([
        Column::left("what takes it"),
        Column::right("energy"),
        Column::right("90 % interval"),
        Column::right("share"),
    ]);
    for own in uses {
        let cells = [own.words.to_owned(), own.cost(), own.interval(), own.share()];
        table.row(cells.map(|cell| Text::new().plain(cell)));
    }
    table.note(
        "What a token took, and the power that did not grow with tokens: a straight line through blocks of time. \
         Shares are of the energy of these blocks.",
    );
    let unexplained = run.details.get(SHARES[3]).and_then(|text| text.parse::<f64>().ok());
    if let Some(share) = unexplained.filter(|share| share.abs() >= 0.01) {
        table.note(format!("The line leaves {} of that energy unexplained.", percent(share)));
    }
    table
}
