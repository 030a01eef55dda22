//! Values that come in groups, whose members are alike.

/// Share of the variance that members of a group have in common: the intraclass correlation of a one-way analysis of
/// variance (Donner, A review of inference procedures for the intraclass correlation coefficient, Int. Stat. Rev. 54, 1986),
///
/// ```text
/// ρ = (MSB − MSW) / (MSB + (m₀ − 1) MSW),      m₀ = (n − Σ m²/n) / (g − 1)
/// ```
///
/// for n values in g groups of m members, MSB and MSW being the mean squares between and within groups. Taken as 0 where it
/// is negative, where nothing varies, and where there is only one group or no group of two.
pub fn intraclass_correlation(values: &[f64], groups: &[usize]) -> f64 {
    let count = values.len() as f64;
    let sizes = sizes(groups);
    let number = sizes.iter().filter(|size| **size > 0.0).count() as f64;
    if number < 2.0 || number >= count {
        return 0.0;
    }
    let mean = values.iter().sum::<f64>() / count;
    let mut means = vec![0.0; sizes.len()];
    for (value, &group) in values.iter().zip(groups) {
        means[group] += value / sizes[group];
    }
    let between: f64 =
        means.iter().zip(&sizes).map(|(own, size)| size * (own - mean).powi(2)).sum::<f64>() / (number - 1.0);
    let within: f64 =
        values.iter().zip(groups).map(|(value, &group)| (value - means[group]).powi(2)).sum::<f64>() / (count - number);
    let typical = (count - sizes.iter().map(|size| size * size).sum::<f64>() / count) / (number - 1.0);
    let scale = between + (typical - 1.0) * within;
    if scale > 0.0 { ((between - within) / scale).clamp(0.0, 1.0) } else { 0.0 }
}

/// Members of the group that a value is in, on average over the values: Σ m²/n.
pub fn mean_group_size(groups: &[usize]) -> f64 {
    sizes(groups).iter().map(|size| size * size).sum::<f64>() / (groups.len().max(1) as f64)
}

fn sizes(groups: &[usize]) -> Vec<f64> {
    let mut sizes = vec![0.0; groups.iter().max().map_or(0, |last| last + 1)];
    for &group in groups {
        sizes[group] += 1.0;
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_that_are_equal_correlate_wholly_and_unrelated_ones_not() {
        assert_eq!(intraclass_correlation(&[1.0, 1.0, 4.0, 4.0], &[0, 0, 1, 1]), 1.0);
        assert_eq!(intraclass_correlation(&[1.0, 4.0, 1.0, 4.0], &[0, 0, 1, 1]), 0.0);
        assert_eq!(intraclass_correlation(&[1.0, 4.0], &[0, 1]), 0.0);
        assert_eq!(intraclass_correlation(&[1.0, 4.0], &[0, 0]), 0.0);
    }

    #[test]
    fn large_groups_count_for_more() {
        assert_eq!(mean_group_size(&[0, 0, 0, 1]), 2.5);
    }
}
