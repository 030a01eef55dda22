//! Shares of players that come in groups.

use super::game::{players, shapley_weights};
use super::sum::Sum;

/// The Owen value: the groups come in any order, and within its group each player comes in any order.
///
/// ```text
/// φ_i = Σ_{R ⊆ M - k} Σ_{T ⊆ G_k - i} w_m(|R|) w_g(|T|) (v(Q + T + i) - v(Q + T)),     Q = ∪_{r in R} G_r
/// ```
///
/// | symbol | argument | meaning |
/// |---|---|---|
/// | v | `values` | 2^n coalition values; bit i of the index = player i is in |
/// | M, m | `groups` | the groups, and how many |
/// | `G_k`, g | an element of `groups` | the group of player i, and its size |
/// | R, T | | groups before `G_k`, members of `G_k` before i |
/// | `w_n(s)` | [`shapley_weights`] | s! (n - s - 1)! / n! |
/// | `φ_i` | result, by player | share of player i |
///
/// The shares of a group's members add up to the Shapley value of the group as one player; all groups of one player,
/// or one group of all, give the Shapley value. A player with marginals of exactly zero gets exactly `0.0`.
/// Source: Owen 1977.
///
/// # Panics
/// Unless there are 2^n values (n <= [`MAX_PLAYERS`](super::MAX_PLAYERS)) and every player is in exactly one group.
pub fn owen<G: AsRef<[usize]>>(values: &[f64], groups: &[G]) -> Vec<f64> {
    let players = players(values);
    let masks: Vec<usize> = groups.iter().map(|group| coalition(group.as_ref())).collect();
    let mentioned: usize = groups.iter().map(|group| group.as_ref().len()).sum();
    let everybody = masks.iter().fold(0, |all, mask| all | mask);
    assert!(
        mentioned == players && everybody == values.len() - 1,
        "every one of {players} players must be in exactly one group"
    );
    let group_weights = shapley_weights(groups.len());
    let mut shares = vec![0.0; players];
    for (own, group) in groups.iter().enumerate() {
        let group = group.as_ref();
        let member_weights = shapley_weights(group.len());
        for &player in group {
            let mut share = Sum::default();
            for chosen in subsets(groups.len()).filter(|chosen| chosen >> own & 1 == 0) {
                let before = union(chosen, &masks);
                for inner in subsets(group.len()) {
                    let with = before | members(inner, group);
                    if with >> player & 1 == 1 {
                        continue;
                    }
                    let weight =
                        group_weights[chosen.count_ones() as usize] * member_weights[inner.count_ones() as usize];
                    share.add(weight * (values[with | 1 << player] - values[with]));
                }
            }
            shares[player] = share.value();
        }
    }
    shares
}

/// All subsets of `count` things, as bits.
fn subsets(count: usize) -> impl Iterator<Item = usize> {
    0..1_usize << count
}

/// The coalition of the players named.
fn coalition(players: &[usize]) -> usize {
    players.iter().fold(0, |all, player| all | 1 << player)
}

/// The coalition of the members of `group` at the bits of `inner`.
fn members(inner: usize, group: &[usize]) -> usize {
    group.iter().enumerate().filter(|(at, _)| inner >> at & 1 == 1).fold(0, |all, (_, player)| all | 1 << player)
}

/// The coalition of the groups at the bits of `chosen`.
fn union(chosen: usize, masks: &[usize]) -> usize {
    masks.iter().enumerate().filter(|(at, _)| chosen >> at & 1 == 1).fold(0, |all, (_, mask)| all | mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn right_gloves_that_act_as_one_share_half_of_the_pair() {
        // A left glove (player 0) and two right gloves that sell together.
        let values = [0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0];
        let shares = owen(&values, &[vec![0], vec![1, 2]]);
        for (found, expected) in shares.iter().zip([0.5, 0.25, 0.25]) {
            assert!((found - expected).abs() < 1e-15, "{shares:?}");
        }
    }

    #[test]
    #[should_panic(expected = "exactly one group")]
    fn a_player_in_two_groups_is_refused() {
        owen(&[0.0, 1.0, 2.0, 3.0], &[vec![0], vec![0]]);
    }
}
