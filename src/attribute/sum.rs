//! Sums of many terms without the error that grows with their number.

/// A running sum with its rounding error carried along (Neumaier, ZAMM 54, 1974): the result is as good as if the sum
/// were made in twice the precision, however many terms there are. A sum of exact zeros is exactly `0.0`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum {
    total: f64,
    lost: f64,
}

impl Sum {
    /// Adds one term.
    pub(super) fn add(&mut self, term: f64) {
        let total = self.total + term;
        self.lost +=
            if self.total.abs() >= term.abs() { (self.total - total) + term } else { (term - total) + self.total };
        self.total = total;
    }

    /// The sum of what was added.
    pub(super) fn value(self) -> f64 {
        self.total + self.lost
    }
}

impl FromIterator<f64> for Sum {
    fn from_iter<I: IntoIterator<Item = f64>>(terms: I) -> Self {
        let mut sum = Self::default();
        terms.into_iter().for_each(|term| sum.add(term));
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_terms_survive_large_ones() {
        let case = |terms: &[f64], value: f64| assert_eq!(terms.iter().copied().collect::<Sum>().value(), value);
        case(&[1.0, 1e100, 1.0, -1e100], 2.0);
        case(&[0.0, 0.0], 0.0);
        case(&[], 0.0);
    }
}
