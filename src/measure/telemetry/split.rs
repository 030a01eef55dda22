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
//! | `p`, `o` | energy that a prompt token took, and an output token | J |
//! | `b` | power that did not grow with tokens | W |
//! | `c`, `d` | part of `p` that fell into the block before the one in which the tokens were counted, and behind it | J |
//!
//! Prompt tokens come in bursts, and are seen where they are counted, not where they are computed: without `c` and `d`, `p`
//! would come out a sixth too small where they are counted up to 0.2 s late in blocks of 0.5 s.
//!
//! A server that always has work computes more prompts only in the time of other tokens: then `b` would take all that tokens
//! cost, for `t` is what they share. So `b` is taken from a measurement of the server when it idles, where there is one, and
//! `p` and `o` are the means over all tokens; else it is estimated, from a server that idles now and then, and `p` and `o` are
//! those of further tokens.
//!
//! Blocks have memory (a batch lives for many of them, a GPU warms up), which their [regression](crate::stats::regress)
//! allows for. The 90 % intervals cover what blocks differ in by chance, and how well a measured `b` was known. They do not
//! cover that a GPU at work is warmer than the idle one and leaks more, which counts for tokens here, nor that a straight line
//! is fitted to a server whose steps cost less per request the more requests they serve.
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
/// A block with no more than this share of the most tokens of a block is idle; so many idle ones tell idle power.
const IDLE: f64 = 0.02;
const FEWEST_IDLE: usize = 2;

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
    /// Whether that power was measured, not estimated.
    pub is_base_measured: bool,
    /// Shares of the energy: prompt tokens, output tokens, what grows with neither, and what is left unexplained (which may be
    /// negative). Their sum is 1.
    pub shares: [f64; 4],
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
    /// A server that is never idle, of which idle power is not known.
    #[error(
        "the server was never idle, and its idle power was not measured: what time takes cannot be told from what tokens take"
    )]
    Busy,
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
    /// Power of all GPUs with the server loaded and idle, W, and how far it may be off, if it was measured.
    pub idle: Option<(f64, f64)>,
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
    let slopes = match counts.idle {
        Some((power, doubt)) => around(&rows, [power - doubt, power, power + doubt])?,
        None if is_busy(&rows) => return Err(SplitError::Busy),
        None => slopes(&rows, None)?,
    };
    for (cost, what) in slopes.iter().zip(["a prompt token", "an output token"]) {
        if cost.interval[0] <= 0.0 {
            return Err(SplitError::Vague { what, interval: cost.interval });
        }
    }
    let inner = &rows[1..rows.len() - 1];
    let sum = |column: usize| inner.iter().map(|row| row[column]).sum::<f64>();
    // The third column is seconds.
    let [prefill, decode, base] = [0, 1, 2].map(|at| slopes[at].value * sum(at) / sum(3));
    let shares = [prefill, decode, base, 1.0 - prefill - decode - base];
    let [prompt_token, output_token, base_power] = slopes;
    let is_base_measured = counts.idle.is_some();
    Ok(Split { prompt_token, output_token, base_power, is_base_measured, shares, blocks: rows.len(), block })
}

/// Whether there is always something to compute.
fn is_busy(rows: &[[f64; 4]]) -> bool {
    let most = [0, 1].map(|column| rows.iter().map(|row| row[column]).fold(0.0, f64::max));
    let idle = rows.iter().filter(|row| row[0] <= IDLE * most[0] && row[1] <= IDLE * most[1]);
    idle.count() < FEWEST_IDLE
}

/// What a prompt token, an output token, and a second cost, where a second costs the middle one of these, W: the intervals
/// hold those of the other two.
fn around(rows: &[[f64; 4]], powers: [f64; 3]) -> Result<[Cost; 3], SplitError> {
    let [low, middle, high] = powers.map(|power| slopes(rows, Some(power)));
    let (low, mut middle, high) = (low?, middle?, high?);
    for (own, (low, high)) in middle.iter_mut().zip(low.into_iter().zip(high)) {
        let ends = [low.interval, own.interval, high.interval];
        own.interval = [
            ends.iter().map(|own| own[0]).fold(f64::INFINITY, f64::min),
            ends.iter().map(|own| own[1]).fold(f64::NEG_INFINITY, f64::max),
        ];
    }
    Ok(middle)
}

/// What a prompt token, an output token, and a second cost; a second `power` watts, if that is known.
fn slopes(rows: &[[f64; 4]], power: Option<f64>) -> Result<[Cost; 3], SplitError> {
    let inner: Vec<&[[f64; 4]]> = rows.windows(3).collect();
    let regressors = DMatrix::from_fn(inner.len(), if power.is_some() { 4 } else { 5 }, |row, column| {
        let [before, own, after] = [0, 1, 2].map(|at| inner[row][at]);
        match column {
            2 => after[0] - own[0],
            3 => before[0] - own[0],
            4 => own[2],
            column => own[column],
        }
    });
    let known = |own: &[f64; 4]| own[3] - power.unwrap_or(0.0) * own[2];
    let energy = DVector::from_iterator(inner.len(), inner.iter().map(|own| known(&own[1])));
    let found = regress(&regressors, &energy).ok_or(SplitError::Together)?;
    let cost = |at: usize| Cost { value: found[at].value, interval: found[at].interval };
    Ok([cost(0), cost(1), power.map_or_else(|| cost(4), |value| Cost { value, interval: [value; 2] })])
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
            for (name, share) in ["prefill", "decode", "base", "unexplained"].into_iter().zip(split.shares) {
                say(&format!("{name}_energy_share"), format!("{share:.4}"));
            }
            let base = if split.is_base_measured { "measured" } else { "estimated" };
            let (blocks, block) = (split.blocks, split.block);
            say("energy_split", format!("regression on {blocks} blocks of {block} s, base power {base}"));
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

    /// A load of 80 s that fills up in 20 s, after some idle ones: prompts come at random, each is then decoded for many seconds, and power has
    /// noise of which nine tenths last for 0.1 s. Energy, prompt tokens and output tokens every 0.1 s.
    fn load(seed: u64, noise: f64) -> [Series; 3] {
        let mut draws = Draws::new(seed);
        let (mut totals, mut running, mut drift) = ([0.0; 3], 0.0_f64, 0.0);
        let mut series = [Series::new(), Series::new(), Series::new()];
        for step in 0..=800_u32 {
            for (series, total) in series.iter_mut().zip(totals) {
                series.push(f64::from(step) * 0.1, total);
            }
            // Nothing comes in the first 3 s.
            let fills = f64::from(u8::from((30..230).contains(&step)));
            let arrivals = fills + f64::from(u8::from(draws.uniform() < running / 100.0));
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
        split(&Counts { energy, prompt: Some(prompt), output: Some(output), idle: None }, [0.0, 80.0], block)
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

    /// A closed loop of 64 clients for 60 s, always at work: a prompt token takes 27 us, a step of 64 output tokens 7 ms, both at
    /// nearly one power. Energy, prompt tokens and output tokens after each of them.
    fn busy(seed: u64, [prefill, decode]: [f64; 2]) -> [Series; 3] {
        let mut draws = Draws::new(seed);
        let (mut at, mut totals) = (0.0, [0.0; 3]);
        let mut series = [Series::new(), Series::new(), Series::new()];
        while at < 60.0 {
            for (series, total) in series.iter_mut().zip(totals) {
                series.push(at, total);
            }
            // An answer has 600 tokens in the mean.
            let prompt = if draws.uniform() < 64.0 / 600.0 { 400.0 * draws.uniform() } else { 0.0 };
            let spent = [27e-6 * prompt, 0.007 * (1.0 + 0.03 * draws.gaussian())];
            totals[0] += prefill * spent[0] + decode * spent[1];
            (totals[1], totals[2]) = (totals[1] + prompt, totals[2] + 64.0);
            at += spent[0] + spent[1];
        }
        series
    }

    #[test]
    fn tokens_of_a_busy_server_cost_the_time_they_take_from_others() {
        for powers in [[690.0, 690.0], [690.0, 600.0]] {
            for seed in 0..20 {
                let [energy, prompt, output] = busy(seed, powers);
                let energy = [energy];
                let counts = Counts { energy: &energy, prompt: Some(&prompt), output: Some(&output), idle: None };
                assert_eq!(split(&counts, [0.0, 60.0], 0.5), Err(SplitError::Busy));
                let idle = 120.0;
                let found = split(&Counts { idle: Some((idle + 2.0, 3.0)), ..counts }, [0.0, 60.0], 0.5).unwrap();
                let truth = [27e-6 * (powers[0] - idle), 0.007 / 64.0 * (powers[1] - idle)];
                for (cost, truth) in [found.prompt_token, found.output_token].into_iter().zip(truth) {
                    assert!((cost.value / truth - 1.0).abs() < 0.2, "{truth}: {found:?}");
                    // Three times a half-width: none of 80 is beyond.
                    let half = (cost.interval[1] - cost.interval[0]) / 2.0;
                    assert!((cost.value - truth).abs() < 3.0 * half && half < 0.2 * truth, "{truth}: {found:?}");
                }
                assert!((found.shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn what_cannot_be_told_apart_is_refused() {
        let [energy, prompt, output] = load(1, 0.3);
        let energy = [energy];
        let counts = Counts { energy: &energy, prompt: Some(&prompt), output: Some(&output), idle: None };
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
        assert_eq!(told["energy_split"], "regression on 160 blocks of 0.5 s, base power estimated");
        assert!(told["prefill_energy_per_token_interval_j"].contains(".."), "{told:?}");
    }
}
