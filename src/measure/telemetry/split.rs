//! What prompt tokens and output tokens cost: energy of blocks of time, regressed on what was computed in them.
//!
//! ```text
//! E_i = p · prompt_i + o · output_i + b · t + c (prompt_{i+1} − prompt_i) + d (prompt_{i−1} − prompt_i) + e_i
//! ```
//!
//! | symbol | meaning | unit |
//! |---|---|---|
//! | `E_i` | energy of a block, all GPUs | J |
//! | `t` | its length | s |
//! | `p`, `o` | energy that a further prompt token took, and a further output token | J |
//! | `b` | power that did not grow with tokens: idle power, and what a step takes however many requests it serves | W |
//! | `c`, `d` | part of `p` that fell into the block before the one in which the tokens were counted, and behind it | J |
//!
//! Prompt tokens come in bursts, and are seen where they are counted, not where they are computed: without `c` and `d`, `p`
//! would come out a sixth too small where they are counted up to 0.2 s late in blocks of 0.5 s.
//!
//! Blocks have memory (a batch lives for many of them, a GPU warms up), which their [regression](crate::stats::regress)
//! allows for. The 90 % intervals cover what blocks differ in by chance. They do not cover that a straight line is fitted to
//! a server whose steps cost less per request the more requests they serve: `p` and `o` are those of further tokens.
//!
//! A server under steady load computes both kinds of tokens in one proportion at all times, and then their energies cannot
//! be told apart: that is said, not guessed. Ramps and bursts are what tells them apart.

use std::collections::BTreeMap;

use nalgebra::{DMatrix, DVector};

use crate::measure::Series;
use crate::stats::regress;
use crate::unit::show_range;

/// Fewest blocks.
const FEWEST: usize = 30;

/// An estimate with its 90 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// The estimate.
    pub value: f64,
    /// The interval.
    pub interval: [f64; 2],
}

/// Energy by what it was spent on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Split {
    /// Of a prompt token, J.
    pub prompt_token: Cost,
    /// Of an output token, J.
    pub output_token: Cost,
    /// Power that does not grow with tokens, W.
    pub base_power: Cost,
    /// Shares of the energy: prompt tokens, output tokens, and the rest. Their sum is 1.
    pub shares: [f64; 3],
    /// Blocks of time that it rests on.
    pub blocks: usize,
    /// Their length, s.
    pub block: f64,
}

/// Why energy cannot be split.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SplitError {
    /// What nobody counted.
    #[error("{what} were not counted over time")]
    Uncounted {
        /// Which tokens, or joules.
        what: &'static str,
    },
    /// Too few blocks.
    #[error("{blocks} blocks of {block} s are too few to tell prompt from output tokens; {FEWEST} are needed")]
    TooFew {
        /// How many there are.
        blocks: usize,
        /// Their length, s.
        block: f64,
    },
    /// Tokens that only vary together.
    #[error("prompt and output tokens vary together: their energies cannot be told apart")]
    Together,
    /// An interval that holds zero.
    #[error(
        "the energy of {what} cannot be told from zero ({}, 90 %): the load varies too little",
        show_range(*interval, "J")
    )]
    Vague {
        /// Which of the two.
        what: &'static str,
        /// Its interval, J.
        interval: [f64; 2],
    },
}

/// What was counted: rising counts since any moment, each at its own moments.
#[derive(Clone, Copy, Debug)]
pub struct Counts<'a> {
    /// Energy of each GPU, J.
    pub energy: &'a [Series],
    /// Prompt tokens that were computed, if they were counted.
    pub prompt: Option<&'a Series>,
    /// Output tokens, if they were counted.
    pub output: Option<&'a Series>,
}

/// Splits the energy between two moments, in blocks of `block` seconds. A block should span several samples of each count:
/// at 20 to 100 ms of a sample that is half a second.
pub fn split(counts: &Counts<'_>, window: [f64; 2], block: f64) -> Result<Split, SplitError> {
    let prompt = counts.prompt.ok_or(SplitError::Uncounted { what: "prompt tokens" })?;
    let output = counts.output.ok_or(SplitError::Uncounted { what: "output tokens" })?;
    if counts.energy.is_empty() {
        return Err(SplitError::Uncounted { what: "joules" });
    }
    let rows = rows(counts.energy, [prompt, output], window, block);
    if rows.len() < FEWEST {
        return Err(SplitError::TooFew { blocks: rows.len(), block });
    }
    let inner: Vec<&[[f64; 4]]> = rows.windows(3).collect();
    let regressors = DMatrix::from_fn(inner.len(), 5, |row, column| {
        let [before, own, after] = [0, 1, 2].map(|at| inner[row][at]);
        match column {
            3 => after[0] - own[0],
            4 => before[0] - own[0],
            column => own[column],
        }
    });
    let energy = DVector::from_iterator(inner.len(), inner.iter().map(|own| own[1][3]));
    let slopes = regress(&regressors, &energy).ok_or(SplitError::Together)?;
    let cost = |at: usize| Cost { value: slopes[at].value, interval: slopes[at].interval };
    for (at, what) in [(0, "a prompt token"), (1, "an output token")] {
        let interval = cost(at).interval;
        if interval[0] <= 0.0 {
            return Err(SplitError::Vague { what, interval });
        }
    }
    let share = |at: usize| cost(at).value * regressors.column(at).sum() / energy.sum();
    let shares = [share(0), share(1), 1.0 - share(0) - share(1)];
    let [prompt_token, output_token, base_power] = [0, 1, 2].map(cost);
    Ok(Split { prompt_token, output_token, base_power, shares, blocks: rows.len(), block })
}

/// Prompt tokens, output tokens, seconds and energy of each whole block of which all counts are known.
fn rows(energy: &[Series], tokens: [&Series; 2], [from, to]: [f64; 2], block: f64) -> Vec<[f64; 4]> {
    // A block that is none, or a window without end, has no rows.
    let count = ((to - from) / block).floor();
    if !(block > 0.0 && count.is_finite() && count > 0.0) {
        return Vec::new();
    }
    let over = |series: &Series, start: f64| Some(series.at(start + block)? - series.at(start)?);
    (0..count as usize)
        .map(|index| from + index as f64 * block)
        .filter_map(|start| {
            let joules: Option<f64> = energy.iter().map(|own| over(own, start)).sum();
            Some([over(tokens[0], start)?, over(tokens[1], start)?, block, joules?])
        })
        .collect()
}

/// Details of a run that say how its energy is split, or why it is not, by name.
pub fn split_details(found: &Result<Split, SplitError>) -> BTreeMap<String, String> {
    let mut details = BTreeMap::new();
    let mut say = |name: &str, text: String| drop(details.insert(name.to_owned(), text));
    match found {
        Err(error) => say("energy_split", format!("not known: {error}")),
        Ok(split) => {
            let costs = [
                ("prefill_energy_per_token", "j", split.prompt_token),
                ("decode_energy_per_token", "j", split.output_token),
                ("base_power", "w", split.base_power),
            ];
            for (name, unit, cost) in costs {
                say(&format!("{name}_{unit}"), figures(cost.value));
                say(&format!("{name}_interval_{unit}"), cost.interval.map(figures).join(".."));
            }
            for (name, share) in ["prefill", "decode", "base"].into_iter().zip(split.shares) {
                say(&format!("{name}_energy_share"), format!("{share:.4}"));
            }
            say("energy_split", format!("regression on {} blocks of {} s", split.blocks, split.block));
        }
    }
    details
}

/// A number with four significant digits, never in scientific notation.
fn figures(value: f64) -> String {
    let decimals = if value == 0.0 { 0.0 } else { (3.0 - value.abs().log10().floor()).clamp(0.0, 12.0) };
    format!("{value:.0$}", decimals as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Draws;

    const TRUTH: [f64; 3] = [0.02, 0.3, 120.0];

    /// A load of 80 s that fills up in 20 s: prompts come at random, each is then decoded for many seconds, and power has
    /// noise of which nine tenths last for 0.1 s. Energy, prompt tokens and output tokens every 0.1 s.
    fn load(seed: u64, noise: f64) -> [Series; 3] {
        let mut draws = Draws::new(seed);
        let (mut totals, mut running, mut drift) = ([0.0; 3], 0.0_f64, 0.0);
        let mut series = [Series::new(), Series::new(), Series::new()];
        for step in 0..=800_u32 {
            for (series, total) in series.iter_mut().zip(totals) {
                series.push(f64::from(step) * 0.1, total);
            }
            let arrivals = if step < 200 { 1.0 } else { 0.0 } + f64::from(u8::from(draws.uniform() < running / 100.0));
            let left = (running / 100.0 * (1.0 + 0.3 * draws.gaussian())).clamp(0.0, running);
            running += arrivals - left;
            drift = 0.9 * drift + noise * draws.gaussian();
            let spent = [500.0 * arrivals, running * 2.0 * (1.0 + 0.1 * draws.gaussian())];
            totals[0] += TRUTH[0] * spent[0] + TRUTH[1] * spent[1] + TRUTH[2] * 0.1 + drift;
            totals[1] += spent[0];
            totals[2] += spent[1];
        }
        series
    }

    fn split_of([energy, prompt, output]: &[Series; 3], block: f64) -> Result<Split, SplitError> {
        let energy = std::slice::from_ref(energy);
        split(&Counts { energy, prompt: Some(prompt), output: Some(output) }, [0.0, 80.0], block)
    }

    #[test]
    fn intervals_hold_the_truth_as_often_as_they_say() {
        let mut held = [0; 3];
        for seed in 0..300 {
            let found = split_of(&load(seed, 0.3), 0.5).unwrap();
            let costs = [found.prompt_token, found.output_token, found.base_power];
            for ((held, cost), truth) in held.iter_mut().zip(costs).zip(TRUTH) {
                *held += i32::from(cost.interval[0] <= truth && truth <= cost.interval[1]);
            }
            assert!((found.shares.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{found:?}");
            assert_eq!(found.blocks, 160);
        }
        // Three standard errors of a share of 300.
        assert!(held.iter().all(|count| (254..=286).contains(count)), "{held:?} of 300");
    }

    #[test]
    fn prompts_that_are_counted_late_cost_the_same() {
        let mut means = [0.0; 2];
        for seed in 0..20 {
            let [energy, prompt, output] = load(seed, 0.1);
            let mut draws = Draws::new(seed);
            let late: Series =
                prompt.points().iter().map(|&(at, tokens)| (at + 0.2 * draws.uniform(), tokens)).collect();
            for (mean, prompt) in means.iter_mut().zip([&prompt, &late]) {
                let found = split_of(&[energy.clone(), prompt.clone(), output.clone()], 0.5).unwrap();
                *mean += found.prompt_token.value / 20.0 / TRUTH[0];
            }
        }
        assert!((means[0] - 1.0).abs() < 0.01 && (means[1] - 1.0).abs() < 0.05, "{means:?}");
    }

    #[test]
    fn what_cannot_be_told_apart_is_refused() {
        let [energy, prompt, output] = load(1, 0.3);
        let energy = [energy];
        let counts = Counts { energy: &energy, prompt: Some(&prompt), output: Some(&output) };
        let few = split(&counts, [0.0, 5.0], 0.5).unwrap_err();
        assert_eq!(few, SplitError::TooFew { blocks: 10, block: 0.5 });
        assert!(matches!(split(&counts, [0.0, 10.0], 0.0), Err(SplitError::TooFew { .. })));
        assert!(matches!(split(&counts, [0.0, f64::INFINITY], 0.5), Err(SplitError::TooFew { .. })));
        let no_energy = split(&Counts { energy: &[], ..counts }, [0.0, 80.0], 0.5);
        assert_eq!(no_energy, Err(SplitError::Uncounted { what: "joules" }));
        let twice: Series = output.points().iter().map(|&(at, tokens)| (at, 2.0 * tokens)).collect();
        let together = split(&Counts { prompt: Some(&twice), ..counts }, [0.0, 80.0], 0.5).unwrap_err();
        assert_eq!(together, SplitError::Together);
        let uncounted = split(&Counts { prompt: None, ..counts }, [0.0, 80.0], 0.5).unwrap_err();
        assert_eq!(uncounted.to_string(), "prompt tokens were not counted over time");
        assert!(matches!(split_of(&load(1, 300.0), 0.5), Err(SplitError::Vague { .. })));
    }

    #[test]
    fn details_have_digits_enough_for_small_energies() {
        assert_eq!([0.000_123_456, 12.345_67, 0.0, -1234.5].map(figures), ["0.0001235", "12.35", "0", "-1234"]);
        let told = split_details(&split_of(&load(1, 0.3), 0.5));
        assert_eq!(told["energy_split"], "regression on 160 blocks of 0.5 s");
        assert!(told["prefill_energy_per_token_interval_j"].contains(".."), "{told:?}");
    }
}
