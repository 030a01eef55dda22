//! What a histogram of output lengths tells: how uneven the lengths are, and how many requests ran.

use crate::import::error::FaultKind;

/// Moments of a histogram of lengths.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Lengths {
    /// `E[l²]/E[l]²`, lengths taken at the middle of their bins.
    pub(super) dispersion: f64,
    /// All counts together.
    pub(super) requests: f64,
}

/// The moments of `counts` over the edges `bins`, which are one more.
pub(super) fn lengths(bins: &[f64], counts: &[f64]) -> Result<Lengths, FaultKind> {
    if bins.len() != counts.len() + 1 {
        return Err(FaultKind::Histogram("a histogram needs one bin edge more than it has counts"));
    }
    if bins.windows(2).any(|edges| edges[0] > edges[1]) || bins.iter().any(|edge| !edge.is_finite() || *edge < 0.0) {
        return Err(FaultKind::Histogram("the bin edges of a histogram must rise from 0 or more"));
    }
    if counts.iter().any(|count| *count < 0.0 || count.fract() != 0.0) {
        return Err(FaultKind::Histogram("the counts of a histogram must be whole and not negative"));
    }
    let requests: f64 = counts.iter().sum();
    let middles = || bins.windows(2).map(|edges| f64::midpoint(edges[0], edges[1])).zip(counts);
    let first: f64 = middles().map(|(length, count)| length * count).sum::<f64>() / requests;
    let second: f64 = middles().map(|(length, count)| length * length * count).sum::<f64>() / requests;
    if first > 0.0 {
        Ok(Lengths { dispersion: second / (first * first), requests })
    } else {
        Err(FaultKind::Histogram("the histogram is empty"))
    }
}

/// How often the request set of `size` was run: a whole number of at least 1, else unknown.
pub(super) fn repeats(requests: f64, size: u64) -> Option<f64> {
    let repeats = requests / size as f64;
    (repeats >= 1.0 && repeats.fract() == 0.0).then_some(repeats)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_lengths_have_dispersion_one_and_a_uniform_range_four_thirds() {
        assert_eq!(lengths(&[100.0, 100.0], &[7.0]).unwrap(), Lengths { dispersion: 1.0, requests: 7.0 });
        let edges: Vec<f64> = (0..=1000).map(f64::from).collect();
        let even = lengths(&edges, &vec![1.0; 1000]).unwrap();
        assert!((even.dispersion - 4.0 / 3.0).abs() < 1e-6, "{}", even.dispersion);
    }

    #[test]
    fn broken_histograms_are_refused() {
        assert!(lengths(&[1.0, 2.0], &[1.0, 1.0]).is_err());
        assert!(lengths(&[1.0, 2.0], &[0.0]).is_err());
        assert!(lengths(&[2.0, 1.0], &[1.0]).is_err());
        assert!(lengths(&[1.0, 2.0], &[-1.0]).is_err());
    }

    #[test]
    fn repeats_are_whole_or_unknown() {
        assert_eq!(repeats(396.0, 198), Some(2.0));
        assert_eq!(repeats(397.0, 198), None);
        assert_eq!(repeats(99.0, 198), None);
    }
}
