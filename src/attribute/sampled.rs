//! The Shapley value from a sample of orders, for games too large to enumerate.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::sum::Sum;

/// The fewest antithetic pairs that have a spread.
const FEWEST_PAIRS: usize = 2;

/// Shapley values estimated from a sample of orders.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampled {
    /// Estimated share of each player; they add up to v(all) - v(none) whatever the sample.
    pub values: Vec<f64>,
    /// Standard error of each share, in the unit of v: the spread over antithetic pairs of orders.
    pub standard_errors: Vec<f64>,
    /// Orders that were walked, each with n - 1 evaluations of v.
    pub permutations: usize,
}

/// Shapley values of a game of `players` players from `permutations` random orders in antithetic pairs: each order
/// is followed by its reverse, so that a player who was early in one is late in the other.
///
/// ```text
/// φ_i = (1/K) Σ_k d_ik,   d_ik = (Δ_i(π_k) + Δ_i(reverse of π_k)) / 2,   se_i² = Σ_k (d_ik - φ_i)² / (K (K - 1))
/// ```
///
/// | symbol | argument | meaning |
/// |---|---|---|
/// | v | `value` | value of a coalition: element i of the slice = player i is in; must be deterministic |
/// | `π_k` | from `seed` | k-th random order of the players; `ChaCha8`, so equal seeds give equal bytes |
/// | `Δ_i(π)` | | v(those before i in π, and i) - v(those before i in π) |
/// | K | `permutations` / 2, rounded up, at least 2 | pairs of orders |
///
/// The shares add up for every number of orders, because the marginals of one order do; a player with marginals of
/// exactly zero gets exactly `0.0`, and one that does not interact has a standard error of rounding size.
/// Source: Mitchell, Cooper, Frank, Holmes, "Sampling permutations for Shapley value estimation", JMLR 23, 2022.
pub fn sampled_shapley(
    players: usize,
    permutations: usize,
    seed: u64,
    mut value: impl FnMut(&[bool]) -> f64,
) -> Sampled {
    let pairs = permutations.div_ceil(2).max(FEWEST_PAIRS);
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let mut order: Vec<usize> = (0..players).collect();
    let ends = (value(&vec![false; players]), value(&vec![true; players]));
    let mut pair_means = vec![Vec::with_capacity(pairs); players];
    for _ in 0..pairs {
        order.shuffle(&mut generator);
        let forward = marginals(&order, ends, &mut value);
        order.reverse();
        let backward = marginals(&order, ends, &mut value);
        for (means, (first, second)) in pair_means.iter_mut().zip(forward.iter().zip(&backward)) {
            means.push(f64::midpoint(*first, *second));
        }
    }
    let count = pairs as f64;
    let (values, standard_errors) = pair_means
        .iter()
        .map(|means| {
            let mean = means.iter().copied().collect::<Sum>().value() / count;
            let squares = means.iter().map(|own| (own - mean).powi(2)).collect::<Sum>().value();
            (mean, (squares / (count * (count - 1.0))).sqrt())
        })
        .unzip();
    Sampled { values, standard_errors, permutations: 2 * pairs }
}

/// What each player adds when the players come in this order; `ends` are the values of nobody and of everybody.
fn marginals(order: &[usize], ends: (f64, f64), value: &mut impl FnMut(&[bool]) -> f64) -> Vec<f64> {
    let mut present = vec![false; order.len()];
    let mut result = vec![0.0; order.len()];
    let mut before = ends.0;
    for (position, &player) in order.iter().enumerate() {
        present[player] = true;
        let after = if position + 1 == order.len() { ends.1 } else { value(&present) };
        result[player] = after - before;
        before = after;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The square of the weight of a coalition: every pair of players interacts.
    fn squared_weight(present: &[bool]) -> f64 {
        let weight: f64 = present.iter().enumerate().filter(|(_, is_in)| **is_in).map(|(i, _)| i as f64).sum();
        weight * weight
    }

    #[test]
    fn equal_seeds_give_equal_bytes() {
        let draw = |seed| sampled_shapley(30, 50, seed, squared_weight);
        assert_eq!(draw(1), draw(1));
    }

    #[test]
    fn pairs_of_orders_are_exact_for_interactions_of_two() {
        // An order and its reverse give every pair of players its average interaction.
        let sampled = sampled_shapley(5, 4, 7, squared_weight);
        for (player, (share, error)) in sampled.values.iter().zip(&sampled.standard_errors).enumerate() {
            assert!((share - 10.0 * player as f64).abs() < 1e-12, "{sampled:?}");
            assert!(*error < 1e-12, "{sampled:?}");
        }
        assert_eq!(sampled.values[0], 0.0);
    }

    #[test]
    fn small_games_and_odd_counts_are_answered() {
        let case = |players: usize, asked: usize, walked: usize| {
            let sampled = sampled_shapley(players, asked, 3, squared_weight);
            assert_eq!((sampled.values.len(), sampled.permutations), (players, walked));
        };
        case(0, 1, 4);
        case(1, 7, 8);
        case(2, 0, 4);
    }
}
