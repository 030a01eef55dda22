//! Laws of attribution: what any fair and exact division of a difference must satisfy.

use joules::attribute::{lmdi, log_mean, order_range, owen, sampled_shapley, shapley, shapley_linear, shapley_weights};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// Rounding of sums of up to 2^7 values of size 10.
const ROUNDING: f64 = 1e-12;

fn config() -> ProptestConfig {
    ProptestConfig { cases: 128, failure_persistence: None, rng_seed: RngSeed::Fixed(53), ..ProptestConfig::default() }
}

/// Any set function of 1 to 7 players.
fn game() -> impl Strategy<Value = Vec<f64>> {
    (1_usize..=7).prop_flat_map(|players| prop::collection::vec(-10.0..10.0, 1 << players))
}

/// A metric that rises with each of its inputs: `ln Σ_m c_m Π_i x_i^e_im`, with the inputs of two runs.
#[derive(Clone, Debug)]
struct Metric {
    terms: Vec<(f64, Vec<f64>)>,
    a: Vec<f64>,
    b: Vec<f64>,
}

impl Metric {
    fn log_value(&self, inputs: &[f64]) -> f64 {
        let term = |(scale, exponents): &(f64, Vec<f64>)| {
            scale * inputs.iter().zip(exponents).map(|(x, e)| x.powf(*e)).product::<f64>()
        };
        self.terms.iter().map(term).sum::<f64>().ln()
    }

    fn inputs(&self, coalition: usize) -> Vec<f64> {
        (0..self.a.len()).map(|i| if coalition >> i & 1 == 1 { self.b[i] } else { self.a[i] }).collect()
    }

    fn game(&self) -> Vec<f64> {
        (0..1 << self.a.len()).map(|coalition| self.log_value(&self.inputs(coalition))).collect()
    }

    fn reversed(&self) -> Self {
        Self { terms: self.terms.clone(), a: self.b.clone(), b: self.a.clone() }
    }
}

fn metric() -> impl Strategy<Value = Metric> {
    (2_usize..=6).prop_flat_map(|players| {
        let exponents = prop::collection::vec(0.0..2.0, players);
        let terms = prop::collection::vec((0.1..3.0, exponents), 1..4);
        let side = || prop::collection::vec(0.1..10.0, players);
        (terms, side(), side()).prop_map(|(terms, a, b)| Metric { terms, a, b })
    })
}

fn players(values: &[f64]) -> usize {
    values.len().trailing_zeros() as usize
}

fn difference(values: &[f64]) -> f64 {
    values[values.len() - 1] - values[0]
}

fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= ROUNDING * expected.abs().max(10.0)
}

fn all_close(found: &[f64], expected: &[f64]) -> bool {
    found.len() == expected.len() && found.iter().zip(expected).all(|(x, y)| close(*x, *y))
}

/// The game in which player i of `values` is called `names[i]`.
fn renamed(values: &[f64], names: &[usize]) -> Vec<f64> {
    let old = |coalition: usize| {
        names.iter().enumerate().filter(|(_, new)| coalition >> **new & 1 == 1).fold(0, |all, (i, _)| all | 1 << i)
    };
    (0..values.len()).map(|coalition| values[old(coalition)]).collect()
}

/// Average marginals over every order of the players, one order after the other.
fn over_all_orders(values: &[f64]) -> Vec<f64> {
    fn walk(values: &[f64], order: &mut Vec<usize>, shares: &mut [f64]) -> f64 {
        if order.len() == shares.len() {
            let mut coalition = 0;
            for player in order {
                let before = values[coalition];
                coalition |= 1 << *player;
                shares[*player] += values[coalition] - before;
            }
            return 1.0;
        }
        let mut orders = 0.0;
        for player in 0..shares.len() {
            if !order.contains(&player) {
                order.push(player);
                orders += walk(values, order, shares);
                order.pop();
            }
        }
        orders
    }
    let mut shares = vec![0.0; players(values)];
    let orders = walk(values, &mut Vec::new(), &mut shares);
    shares.iter().map(|share| share / orders).collect()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn shares_add_up_to_the_difference(values in game()) {
        prop_assert!(close(shapley(&values).iter().sum(), difference(&values)));
    }

    #[test]
    fn a_run_against_itself_has_no_causes(mut metric in metric()) {
        metric.b.clone_from(&metric.a);
        prop_assert!(shapley(&metric.game()).iter().all(|share| *share == 0.0));
    }

    #[test]
    fn swapping_the_runs_changes_every_sign(metric in metric()) {
        let mirrored: Vec<f64> = shapley(&metric.reversed().game()).iter().map(|share| -share).collect();
        prop_assert!(all_close(&shapley(&metric.game()), &mirrored));
    }

    #[test]
    fn an_unchanged_cause_is_not_blamed(mut metric in metric(), at in any::<prop::sample::Index>()) {
        let innocent = at.index(metric.a.len());
        metric.b[innocent] = metric.a[innocent];
        prop_assert_eq!(shapley(&metric.game())[innocent], 0.0);
        let groups: Vec<Vec<usize>> = vec![vec![0, 1], (2..metric.a.len()).collect()];
        prop_assert_eq!(owen(&metric.game(), &groups)[innocent], 0.0);
        let sampled = sampled_shapley(metric.a.len(), 8, 1, |present| value_of(&metric.game(), present));
        prop_assert_eq!((sampled.values[innocent], sampled.standard_errors[innocent]), (0.0, 0.0));
    }

    #[test]
    fn the_only_change_carries_the_whole_difference(mut metric in metric(), at in any::<prop::sample::Index>()) {
        let guilty = at.index(metric.a.len());
        let changed = metric.b[guilty];
        metric.b.clone_from(&metric.a);
        metric.b[guilty] = changed;
        let values = metric.game();
        for (player, share) in shapley(&values).iter().enumerate() {
            let expected = if player == guilty { difference(&values) } else { 0.0 };
            prop_assert!(close(*share, expected));
        }
    }

    #[test]
    fn causes_of_a_product_carry_their_log_ratios(mut metric in metric()) {
        metric.terms.truncate(1);
        let exponents = metric.terms[0].1.clone();
        let powers = |side: &[f64]| side.iter().zip(&exponents).map(|(x, e)| x.powf(*e)).collect::<Vec<_>>();
        let (a, b) = (powers(&metric.a), powers(&metric.b));
        let ratios: Vec<f64> = a.iter().zip(&b).map(|(x, y)| (y / x).ln()).collect();
        let shares = shapley(&metric.game());
        prop_assert!(all_close(&shares, &ratios));
        let mean = log_mean(a.iter().product(), b.iter().product());
        let contributions: Vec<f64> = lmdi(&[(a, b)]).iter().map(|part| part / mean).collect();
        prop_assert!(all_close(&shares, &contributions));
    }

    #[test]
    fn causes_that_only_add_carry_their_own_difference(own in prop::collection::vec(-10.0..10.0, 1..8_usize)) {
        let total = |coalition: usize| (0..own.len()).filter(|i| coalition >> i & 1 == 1).map(|i| own[i]).sum();
        let values: Vec<f64> = (0..1 << own.len()).map(total).collect();
        prop_assert!(all_close(&shapley(&values), &own));
        for ((low, high), own) in order_range(&values).into_iter().zip(&own) {
            prop_assert!(close(low, *own) && close(high, *own));
        }
    }

    #[test]
    fn twins_get_equal_shares(mut metric in metric()) {
        for (_, exponents) in &mut metric.terms {
            exponents[1] = exponents[0];
        }
        metric.a[1] = metric.a[0];
        metric.b[1] = metric.b[0];
        let shares = shapley(&metric.game());
        prop_assert!(close(shares[0], shares[1]));
    }

    #[test]
    fn other_names_for_the_players_change_nothing(values in game(), seed in any::<u64>()) {
        let mut names: Vec<usize> = (0..players(&values)).collect();
        names.sort_by_key(|name| seed.rotate_left(9 * *name as u32 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let shares = shapley(&renamed(&values, &names));
        let expected = shapley(&values);
        for (player, name) in names.iter().enumerate() {
            prop_assert!(close(shares[*name], expected[player]));
        }
    }

    #[test]
    fn shares_of_a_sum_are_sums_of_shares(values in game(), factor in -3.0..3.0) {
        let other: Vec<f64> = values.iter().map(|v| v.sin()).collect();
        let sum: Vec<f64> = values.iter().zip(&other).map(|(x, y)| x + factor * y).collect();
        let parts = shapley(&values).into_iter().zip(shapley(&other)).map(|(x, y)| x + factor * y);
        prop_assert!(all_close(&shapley(&sum), &parts.collect::<Vec<_>>()));
    }

    #[test]
    fn the_signed_weights_are_the_shapley_value(values in game()) {
        let map = shapley_linear(players(&values));
        let shares = shapley(&values);
        for (player, share) in shares.iter().enumerate() {
            let by_weights: f64 = values.iter().enumerate().map(|(s, v)| map.weight(player, s) * v).sum();
            prop_assert!(close(by_weights, *share));
        }
    }

    #[test]
    fn group_members_add_up_to_their_group(values in game(), cut in any::<prop::sample::Index>()) {
        let count = players(&values);
        let all: Vec<usize> = (0..count).collect();
        let alone: Vec<Vec<usize>> = all.iter().map(|player| vec![*player]).collect();
        prop_assert!(all_close(&owen(&values, &alone), &shapley(&values)));
        prop_assert!(all_close(&owen(&values, std::slice::from_ref(&all)), &shapley(&values)));

        let groups: Vec<&[usize]> = {
            let (left, right) = all.split_at(cut.index(count));
            if left.is_empty() { vec![right] } else { vec![left, right] }
        };
        let union = |chosen: usize| {
            groups.iter().enumerate().filter(|(g, _)| chosen >> g & 1 == 1).flat_map(|(_, group)| group.iter())
                .fold(0_usize, |coalition, player| coalition | 1 << player)
        };
        let of_groups: Vec<f64> = (0..1 << groups.len()).map(|chosen| values[union(chosen)]).collect();
        let shares = owen(&values, &groups);
        for (group, expected) in groups.iter().zip(shapley(&of_groups)) {
            prop_assert!(close(group.iter().map(|player| shares[*player]).sum(), expected));
        }
    }

    #[test]
    fn exact_shares_are_the_average_over_all_orders(values in game()) {
        prop_assert!(all_close(&shapley(&values), &over_all_orders(&values)));
    }

    #[test]
    fn sampled_shares_are_near_and_always_add_up(values in game(), permutations in 1_usize..600, seed in any::<u64>()) {
        let sampled = sampled_shapley(players(&values), permutations, seed, |present| value_of(&values, present));
        prop_assert!(close(sampled.values.iter().sum(), difference(&values)));
        if permutations >= 300 {
            let exact = shapley(&values);
            for ((found, error), expected) in sampled.values.iter().zip(&sampled.standard_errors).zip(&exact) {
                prop_assert!((found - expected).abs() <= 4.0 * error + 1e-9, "{found} ± {error}, exact {expected}");
            }
        }
    }

    #[test]
    fn larger_marginals_give_a_larger_share(values in game(), at in any::<prop::sample::Index>(), rise in 1e-3..2.0) {
        let player = at.index(players(&values));
        let raised: Vec<f64> =
            values.iter().enumerate().map(|(s, v)| if s >> player & 1 == 1 { v + rise } else { *v }).collect();
        prop_assert!(shapley(&raised)[player] > shapley(&values)[player]);
    }

    #[test]
    fn shares_lie_within_the_range_over_orders(values in game(), metric in metric()) {
        for values in [values, metric.game()] {
            for (share, (low, high)) in shapley(&values).into_iter().zip(order_range(&values)) {
                prop_assert!((low - 1e-12..=high + 1e-12).contains(&share));
            }
        }
    }

    #[test]
    fn contributions_add_up_reverse_and_have_subtotals(
        factors in (1_usize..5, 1_usize..4).prop_flat_map(|(factors, terms)| {
            let side = move || prop::collection::vec((-27.6..27.6).prop_map(f64::exp), factors);
            prop::collection::vec((side(), side()), terms)
        }),
        zero in any::<Option<prop::sample::Index>>(),
    ) {
        let mut terms = factors;
        if let Some(zero) = zero {
            let term = zero.index(terms.len());
            terms[term].0[0] = 0.0;
        }
        let energy = |sides: Vec<&Vec<f64>>| sides.iter().map(|side| side.iter().product::<f64>()).sum::<f64>();
        let before = energy(terms.iter().map(|(a, _)| a).collect());
        let after = energy(terms.iter().map(|(_, b)| b).collect());
        let parts = lmdi(&terms);
        // Contributions of opposite sign may be much larger than their sum.
        let scale = parts.iter().map(|part| part.abs()).sum::<f64>() + before + after;
        prop_assert!((parts.iter().sum::<f64>() - (after - before)).abs() <= 1e-12 * scale);

        let swapped: Vec<_> = terms.iter().map(|(a, b)| (b.clone(), a.clone())).collect();
        for (part, back) in parts.iter().zip(lmdi(&swapped)) {
            prop_assert!((part + back).abs() <= 1e-12 * scale);
        }
        let (first, rest) = terms.split_at(terms.len() / 2);
        for (i, part) in parts.iter().enumerate() {
            let sub = |terms: &[_]| lmdi(terms).get(i).copied().unwrap_or(0.0);
            prop_assert!((part - sub(first) - sub(rest)).abs() <= 1e-12 * scale);
        }
    }

    #[test]
    fn the_logarithmic_mean_lies_between_the_other_means(a in 1e-6..1e6, ratio in (-27.6..27.6).prop_map(f64::exp), near in -1e-7..1e-7) {
        for b in [a * ratio, a * (1.0 + near), a] {
            let mean = log_mean(a, b);
            prop_assert!(mean >= (a.sqrt() * b.sqrt()) * (1.0 - 1e-14));
            prop_assert!(mean <= f64::midpoint(a, b) * (1.0 + 1e-14));
            prop_assert_eq!(mean, log_mean(b, a));
        }
        prop_assert_eq!(log_mean(a, a), a);
    }
}

fn value_of(values: &[f64], present: &[bool]) -> f64 {
    values[present.iter().enumerate().filter(|(_, is_in)| **is_in).fold(0, |all, (i, _)| all | 1 << i)]
}

#[test]
fn weights_of_three_players_are_thirds_and_sixths() {
    for (found, expected) in shapley_weights(3).iter().zip([1.0 / 3.0, 1.0 / 6.0, 1.0 / 3.0]) {
        assert!((found - expected).abs() < 1e-16);
    }
}
