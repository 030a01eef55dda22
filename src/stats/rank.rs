//! Ranks, and many tests at once.

/// Ranks from 1, ties at their mean rank.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    while first < order.len() {
        let tied = order[first..].iter().take_while(|&&index| values[index] == values[order[first]]).count();
        for &index in &order[first..first + tied] {
            ranks[index] = first as f64 + f64::midpoint(1.0, tied as f64);
        }
        first += tied;
    }
    ranks
}

/// Pearson's correlation; `None` where one of the two does not vary.
pub fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let count = a.len() as f64;
    let (mean_a, mean_b) = (a.iter().sum::<f64>() / count, b.iter().sum::<f64>() / count);
    let product =
        |x: &[f64], mx: f64, y: &[f64], my: f64| -> f64 { x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum() };
    let scale = (product(a, mean_a, a, mean_a) * product(b, mean_b, b, mean_b)).sqrt();
    (scale > 0.0).then(|| (product(a, mean_a, b, mean_b) / scale).clamp(-1.0, 1.0))
}

/// Which of many p-values stand when a share `rate` of those that stand may be false: the step-up procedure of Benjamini
/// and Hochberg, Controlling the false discovery rate, J. R. Statist. Soc. B 57, 1995.
pub fn discoveries(probabilities: &[f64], rate: f64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b]));
    let limit = |place: usize| rate * (place + 1) as f64 / order.len() as f64;
    let last = (0..order.len()).rev().find(|&place| probabilities[order[place]] <= limit(place));
    let mut stands = vec![false; probabilities.len()];
    for &index in last.map_or(&[][..], |last| &order[..=last]) {
        stands[index] = true;
    }
    stands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_their_mean_rank() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 7.0]), [2.5, 1.0, 2.5, 4.0]);
    }

    #[test]
    fn what_does_not_vary_correlates_with_nothing() {
        assert_eq!(correlation(&[1.0, 1.0], &[1.0, 2.0]), None);
        assert_eq!(correlation(&[1.0, 2.0, 3.0], &[-2.0, -4.0, -6.0]), Some(-1.0));
    }

    #[test]
    fn discoveries_are_those_of_the_step_up_procedure() {
        // The example of the paper, table 1: the four smallest of fifteen.
        let own = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
            0.7590, 1.0,
        ];
        assert_eq!(discoveries(&own, 0.05).iter().filter(|stands| **stands).count(), 4);
        assert!(discoveries(&[], 0.05).is_empty());
    }
}
