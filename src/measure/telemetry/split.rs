//! What prompt tokens and output tokens cost: energy of blocks of time, regressed on what was computed in them.
//!
//! ```text
//! E_i = p · prompt_i + o · output_i + b · t_i + e_i
//! ```
//!
//! | symbol | meaning | unit |
//! |---|---|---|
//! | `E_i` | energy of a block | J |
//! | `t_i` | its length | s |
//! | `p`, `o` | energy of a prompt token, of an output token | J |
//! | `b` | power that does not depend on tokens | W |
//!
//! Ordinary least squares; blocks are taken as independent. A server under steady load computes both kinds of tokens in
//! one proportion at all times, and then the energies cannot be told apart: that is said, not guessed.

use nalgebra::{Matrix3, Vector3};

use crate::measure::Series;
use crate::stats::NORMAL_QUANTILE_90;

/// Fewest blocks.
const FEWEST: usize = 20;

/// A standard error above this share of its estimate says nothing.
const VAGUE: f64 = 0.5;

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
    /// Power that does not depend on tokens, W.
    pub base_power: Cost,
    /// Blocks of time that it rests on.
    pub blocks: usize,
}

/// Why energy cannot be split.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SplitError {
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
    /// An interval as wide as its estimate.
    #[error("the energy of {what} is known to {:.0} % only: the load varies too little", share * 100.0)]
    Vague {
        /// Which of the two.
        what: &'static str,
        /// Standard error over estimate.
        share: f64,
    },
}

/// Splits the energy between two moments, in blocks of `block` seconds. `energy` (J), `prompt` and `output` (tokens) are
/// rising counts. A block should span several samples of each: at 20 to 100 ms that is one engine step, at seconds many.
pub fn split(
    energy: &Series,
    prompt: &Series,
    output: &Series,
    window: [f64; 2],
    block: f64,
) -> Result<Split, SplitError> {
    let rows = rows(energy, prompt, output, window, block);
    if rows.len() < FEWEST {
        return Err(SplitError::TooFew { blocks: rows.len(), block });
    }
    // Columns of like size keep the normal matrix well conditioned.
    let scale = rows.iter().fold(Vector3::zeros(), |most: Vector3<f64>, (x, _)| most.sup(x)).map(|s| s.max(1e-12));
    let mut normal = Matrix3::zeros();
    let mut moment = Vector3::zeros();
    for (x, joules) in &rows {
        let x = x.component_div(&scale);
        normal += x * x.transpose();
        moment += x * *joules;
    }
    let smallest = normal.symmetric_eigenvalues().min();
    let inverse = normal.try_inverse().filter(|_| smallest > 1e-9 * normal.trace()).ok_or(SplitError::Together)?;
    let estimate = inverse * moment;
    let rest = |(x, joules): &(Vector3<f64>, f64)| joules - x.component_div(&scale).dot(&estimate);
    let variance = rows.iter().map(rest).map(|rest| rest * rest).sum::<f64>() / (rows.len() - 3) as f64;
    let cost = |at: usize| {
        let (value, error) = (estimate[at] / scale[at], (variance * inverse[(at, at)]).sqrt() / scale[at]);
        let half = NORMAL_QUANTILE_90 * error;
        (Cost { value, interval: [value - half, value + half] }, error / value.abs().max(f64::MIN_POSITIVE))
    };
    for (at, what) in [(0, "a prompt token"), (1, "an output token")] {
        let (estimate, share) = cost(at);
        if share > VAGUE || estimate.value <= 0.0 {
            return Err(SplitError::Vague { what, share });
        }
    }
    let [prompt_token, output_token, base_power] = [0, 1, 2].map(|at| cost(at).0);
    Ok(Split { prompt_token, output_token, base_power, blocks: rows.len() })
}

/// Prompt tokens, output tokens, seconds; and the energy of each whole block.
fn rows(
    energy: &Series,
    prompt: &Series,
    output: &Series,
    [from, to]: [f64; 2],
    block: f64,
) -> Vec<(Vector3<f64>, f64)> {
    // A block that is none, or a window without end, has no rows.
    let count = ((to - from) / block).floor();
    if !(block > 0.0 && count.is_finite() && count > 0.0) {
        return Vec::new();
    }
    let over = |series: &Series, start: f64| Some(series.at(start + block)? - series.at(start)?);
    (0..count as usize)
        .map(|index| from + index as f64 * block)
        .filter_map(|start| {
            Some((Vector3::new(over(prompt, start)?, over(output, start)?, block), over(energy, start)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Draws;

    /// Counts at one second each, with prompt tokens every `period` seconds.
    fn counts(period: usize, noise: f64) -> [Series; 3] {
        let mut draws = Draws::new(7);
        let mut totals = [0.0; 3];
        let mut series = [Series::new(), Series::new(), Series::new()];
        for second in 0..200_usize {
            let prompt = if second % period == 0 { 4000.0 } else { 0.0 };
            let output = 1000.0 - prompt / 10.0 + 50.0 * draws.gaussian();
            totals[0] += 0.02 * prompt + 0.3 * output + 120.0 + noise * draws.gaussian();
            totals[1] += prompt;
            totals[2] += output;
            for (series, total) in series.iter_mut().zip(totals) {
                series.push(second as f64, total);
            }
        }
        series
    }

    #[test]
    fn costs_that_vary_apart_are_found() {
        let [energy, prompt, output] = counts(5, 2.0);
        let found = split(&energy, &prompt, &output, [0.0, 199.0], 1.0).unwrap();
        let holds = |cost: Cost, truth: f64| cost.interval[0] <= truth && truth <= cost.interval[1];
        assert!(holds(found.prompt_token, 0.02) && holds(found.output_token, 0.3), "{found:?}");
        assert!(holds(found.base_power, 120.0) && found.blocks == 199);
    }

    #[test]
    fn what_cannot_be_told_apart_is_refused() {
        let [energy, prompt, output] = counts(5, 2.0);
        assert_eq!(
            split(&energy, &prompt, &output, [0.0, 10.0], 1.0).unwrap_err(),
            SplitError::TooFew { blocks: 10, block: 1.0 }
        );
        assert!(matches!(split(&energy, &prompt, &output, [0.0, 10.0], 0.0), Err(SplitError::TooFew { .. })));
        let twice: Series = output.points().iter().map(|&(at, tokens)| (at, 2.0 * tokens)).collect();
        assert_eq!(split(&energy, &twice, &output, [0.0, 199.0], 1.0).unwrap_err(), SplitError::Together);
        let [energy, prompt, output] = counts(5, 2000.0);
        assert!(matches!(split(&energy, &prompt, &output, [0.0, 199.0], 1.0), Err(SplitError::Vague { .. })));
    }
}
