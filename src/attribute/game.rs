//! The Shapley value of a game whose coalitions are all evaluated.

use super::sum::Sum;

/// The largest number of players that [`shapley`] and its kin enumerate: 2^20 values are 8 MiB.
pub const MAX_PLAYERS: usize = 20;

/// The number of players of a game with these coalition values.
///
/// Panics unless there are 2^n values, n <= [`MAX_PLAYERS`].
pub(super) fn players(values: &[f64]) -> usize {
    assert!(values.len().is_power_of_two(), "a game of n players has 2^n values, not {}", values.len());
    let players = values.len().trailing_zeros() as usize;
    assert!(players <= MAX_PLAYERS, "{players} players are too many to enumerate; sample their orders");
    players
}

/// The coalitions of a game of `players` players that do without `player`.
fn without(player: usize, players: usize) -> impl Iterator<Item = usize> {
    let low = (1_usize << player) - 1;
    (0..1_usize << (players - 1)).map(move |rest| (rest & low) | ((rest & !low) << 1))
}

/// Weight of a coalition of s players in the Shapley value of a player outside it, indexed by s = 0..n-1:
///
/// ```text
/// w(s) = s! (n - s - 1)! / n! = 1 / (n C(n-1, s))
/// ```
///
/// | symbol | meaning |
/// |---|---|
/// | n | `players` |
/// | s | players in the coalition S, 0..=n-1 |
/// | C(n, s) | binomial coefficient |
///
/// Over all coalitions without the player the weights add up to 1. Source: Shapley 1953.
pub fn shapley_weights(players: usize) -> Vec<f64> {
    let mut choices = 1.0;
    (0..players)
        .map(|size| {
            // C(n-1, s) grows from C(n-1, s-1) by (n-s)/s: whole numbers, exact in `f64` for every n allowed here.
            if size > 0 {
                choices = choices * (players - size) as f64 / size as f64;
            }
            1.0 / (players as f64 * choices)
        })
        .collect()
}

/// Exact Shapley values: what each player adds to the coalition before it, averaged over all orders.
///
/// ```text
/// φ_i = Σ_{S without i} w(|S|) (v(S + i) - v(S)),     Σ_i φ_i = v(all) - v(none)
/// ```
///
/// | symbol | argument | meaning |
/// |---|---|---|
/// | v | `values` | 2^n coalition values; bit i of the index = player i is in; any unit, the result has the same |
/// | w | [`shapley_weights`] | weight by size of the coalition |
/// | `φ_i` | result | share of player i |
///
/// A player whose marginals are all exactly zero gets exactly `0.0`. Values must be finite: one that is not makes every
/// share undefined. Cost: n 2^(n-1) additions. Source: Shapley 1953.
///
/// # Panics
/// Unless there are 2^n values with n <= [`MAX_PLAYERS`].
pub fn shapley(values: &[f64]) -> Vec<f64> {
    shapley_linear(players(values)).apply(values)
}

/// The Shapley value as the linear map that it is: `φ_i` = `Σ_S` weight(i, S) v(S).
///
/// Because the map is linear, derivatives of v go through it unchanged: the gradient of a share is the sum of the
/// gradients of the coalition values, each times its weight.
#[derive(Clone, Debug, PartialEq)]
pub struct ShapleyWeights {
    players: usize,
    by_size: Vec<f64>,
}

/// The linear map from the 2^n values of a game to the n shares of its players.
///
/// # Panics
/// If `players` is above [`MAX_PLAYERS`].
pub fn shapley_linear(players: usize) -> ShapleyWeights {
    assert!(players <= MAX_PLAYERS, "{players} players are too many to enumerate; sample their orders");
    ShapleyWeights { players, by_size: shapley_weights(players) }
}

impl ShapleyWeights {
    /// Signed weight of the value of `coalition` in the share of `player`: w(|S|-1) if the player is in S, else
    /// -w(|S|).
    pub fn weight(&self, player: usize, coalition: usize) -> f64 {
        let size = coalition.count_ones() as usize;
        if coalition >> player & 1 == 1 { self.by_size[size - 1] } else { -self.by_size[size] }
    }

    /// The share of every player, from the 2^n values of a game.
    pub fn apply(&self, values: &[f64]) -> Vec<f64> {
        self.check(values.len());
        (0..self.players).map(|player| self.share(player, |coalition| values[coalition])).collect()
    }

    fn share(&self, player: usize, value: impl Fn(usize) -> f64) -> f64 {
        // Marginals of equal weight are added first, so that each weight rounds once and not once per coalition.
        let mut by_size = vec![Sum::default(); self.players];
        for coalition in without(player, self.players) {
            let marginal = value(coalition | 1 << player) - value(coalition);
            by_size[coalition.count_ones() as usize].add(marginal);
        }
        by_size.iter().zip(&self.by_size).map(|(sum, weight)| sum.value() * weight).collect::<Sum>().value()
    }

    fn check(&self, coalitions: usize) {
        assert!(coalitions == 1 << self.players, "{} players need 2^n values, not {coalitions}", self.players);
    }
}

/// The smallest and the largest marginal v(S + i) - v(S) of each player over all coalitions S, which is over all
/// orders in which the players may be switched from A to B.
///
/// The width of the range is the interaction of the player with the others: zero for a player whose effect does not
/// depend on them. The Shapley value lies inside, up to rounding.
///
/// # Panics
/// Unless there are 2^n values with n <= [`MAX_PLAYERS`].
pub fn order_range(values: &[f64]) -> Vec<(f64, f64)> {
    let players = players(values);
    (0..players)
        .map(|player| {
            without(player, players)
                .map(|coalition| values[coalition | 1 << player] - values[coalition])
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), marginal| {
                    (low.min(marginal), high.max(marginal))
                })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_textbook_games() {
        let case = |values: &[f64], shares: &[f64]| {
            for (found, expected) in shapley(values).iter().zip(shares) {
                assert!((found - expected).abs() < 1e-15, "{found} instead of {expected}");
            }
        };
        case(&[3.0], &[]);
        case(&[1.0, 4.0], &[3.0]);
        // A left glove (player 0) and two right gloves: one pair is worth 1.
        case(&[0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0], &[2.0 / 3.0, 1.0 / 6.0, 1.0 / 6.0]);
        case(&[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0], &[1.0 / 3.0; 3]);
    }

    #[test]
    fn weights_add_up_to_one_over_all_coalitions() {
        for players in 1..=MAX_PLAYERS {
            let mut choices = 1.0;
            let mut total = 0.0;
            for (size, weight) in shapley_weights(players).iter().enumerate() {
                total += choices * weight;
                choices = choices * (players - 1 - size) as f64 / (size + 1) as f64;
            }
            assert!((total - 1.0).abs() < 1e-14, "{players} players: {total}");
        }
        assert!(shapley_weights(0).is_empty());
    }

    #[test]
    fn the_range_over_orders_of_a_pair_of_gloves() {
        assert_eq!(order_range(&[0.0, 0.0, 0.0, 1.0]), [(0.0, 1.0), (0.0, 1.0)]);
        assert_eq!(order_range(&[0.0, 2.0, 1.0, 3.0]), [(2.0, 2.0), (1.0, 1.0)]);
    }

    #[test]
    fn twenty_players_still_add_up() {
        let values: Vec<f64> = (0..1_usize << MAX_PLAYERS).map(|s| (s as f64).sqrt() * 1e3).collect();
        let total: f64 = shapley(&values).iter().sum();
        let expected = values[values.len() - 1];
        assert!((total / expected - 1.0).abs() < 1e-12, "{total} instead of {expected}");
    }

    #[test]
    #[should_panic(expected = "2^n values")]
    fn three_values_are_no_game() {
        shapley(&[0.0, 1.0, 2.0]);
    }
}
