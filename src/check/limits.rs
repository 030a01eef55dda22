//! What counts as too much: set before any data were looked at, relative to noise and to guesses without a mechanism.

/// Fewest held-out outcomes from which anything is said about a kind of question.
pub const FEWEST_OUTCOMES: usize = 20;
/// Fewest groups of runs that they must come from.
pub const FEWEST_GROUPS: usize = 3;
/// Mean error over that of the better naive guess, up to which the model is clearly better; above the inverse it is clearly
/// worse, and in between as good.
pub const CLEARLY_BETTER: f64 = 0.8;
/// A mean error up to this many times the spread of repeats cannot be improved on, whatever a guess achieves.
pub const AS_EXACT_AS_RUNS: f64 = 1.5;
/// Spread of the log of repeats where there are none: what is expected of the noise beforehand.
pub const EXPECTED_NOISE: f64 = 0.03;
/// Coverage that is good enough for intervals of 90 %, however many runs say that it is less.
pub const NEARLY_TRUE: f64 = 0.85;
/// A share of intervals that hold the truth so low that, even where chance could explain it, nothing is claimed.
pub const LOW_COVERAGE: f64 = 0.75;
/// Chance of a false alarm of a single test.
pub const SIGNIFICANT: f64 = 0.01;
/// Share of the trends that are reported which may be false.
pub const FALSE_DISCOVERIES: f64 = 0.05;
/// Trends that change a log by less over the middle half of the runs are not named.
pub const WORTH_NAMING: f64 = 0.02;
/// Share of the noise of a node that one parent explains, from which on a term of the equations is missing; if it
/// makes more of a difference than noise.
pub const MISSING_TERM: f64 = 0.25;
/// Distance from the prior's center, in its standard deviations, beyond which the data contradict the prior.
pub const CONTRADICTS_PRIOR: f64 = 3.0;
/// The same for the spread of a node, which only errs upwards where equations fail.
pub const SPREAD_TOO_WIDE: f64 = 2.0;
/// Ratio of the variance that equations leave to that of repeats, from which on a significant lack of fit matters.
pub const LACK_OF_FIT: f64 = 4.0;
/// Number of permutations of the outcomes among the runs.
pub const PERMUTATIONS: usize = 499;
