//! How much of some values goes with something else, where values come in groups that err together.
//!
//! Members of a group are not independent: the variance of a slope is larger by the factor `1 + (m − 1) ρ_x ρ_y`, with m the mean
//! size of the group that a value is in and ρ the intraclass correlations of the two (Moulton, Random group effects and the
//! precision of regression estimates, J. Econometrics 32, 1986). Tests count n over that factor as the number of values.

use statrs::distribution::{ContinuousCDF, FisherSnedecor, StudentsT};

use crate::stats::{correlation, intraclass_correlation, mean_group_size, quantile, ranks};

/// Fewest values, and fewest independent ones that they must be worth.
const FEWEST: usize = 8;
const FEWEST_INDEPENDENT: f64 = 4.0;

/// What values may go with.
#[derive(Clone, Debug)]
pub(super) enum Against {
    /// A size, as its logarithm.
    Size(Vec<f64>),
    /// A category, as a code.
    Category(Vec<f64>),
}

/// An association.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Association {
    /// Change of the fitted value over the middle half of the values; over all where that half is at one place.
    pub(super) effect: f64,
    /// Share of the variance, less what chance gives.
    pub(super) share: f64,
    /// Chance of as much by accident.
    pub(super) probability: f64,
}

/// How values go with something else; `None` where it does not vary, or where there are too few values to say.
pub(super) fn association(values: &[f64], against: &Against, groups: &[usize]) -> Option<Association> {
    if values.len() < FEWEST {
        return None;
    }
    match against {
        Against::Size(sizes) => of_size(values, sizes, groups),
        Against::Category(codes) => of_category(values, codes, groups),
    }
}

/// Number of independent values.
fn independent(values: &[f64], others: &[f64], groups: &[usize]) -> f64 {
    let alike = intraclass_correlation(values, groups) * intraclass_correlation(others, groups);
    values.len() as f64 / (1.0 + (mean_group_size(groups) - 1.0) * alike)
}

/// Spearman's rank correlation, and the slope of a straight line.
fn of_size(values: &[f64], sizes: &[f64], groups: &[usize]) -> Option<Association> {
    let by_rank = correlation(&ranks(values), &ranks(sizes))?;
    let straight = correlation(values, sizes)?;
    let free = independent(values, sizes, groups) - 2.0;
    if free < FEWEST_INDEPENDENT {
        return None;
    }
    let student = StudentsT::new(0.0, 1.0, free).ok()?;
    let t = by_rank * (free / (1.0 - by_rank * by_rank).max(1e-12)).sqrt();
    let slope = straight * spread(values) / spread(sizes);
    let share = |r: f64| 1.0 - (1.0 - r * r) * (free + 1.0) / free;
    Some(Association {
        effect: slope * middle_half(sizes),
        share: share(by_rank).max(0.0),
        probability: 2.0 * student.cdf(-t.abs()),
    })
}

/// Analysis of variance over categories that are seen at least twice.
fn of_category(values: &[f64], codes: &[f64], groups: &[usize]) -> Option<Association> {
    let mut levels: Vec<f64> = codes.to_vec();
    levels.sort_by(f64::total_cmp);
    levels.dedup();
    let members = |level: f64| codes.iter().filter(|code| **code == level).count();
    levels.retain(|&level| members(level) > 1);
    let kept: Vec<usize> = (0..values.len()).filter(|&index| levels.contains(&codes[index])).collect();
    if levels.len() < 2 || kept.len() < FEWEST {
        return None;
    }
    let own: Vec<f64> = kept.iter().map(|&index| values[index]).collect();
    let own_groups: Vec<usize> = kept.iter().map(|&index| groups[index]).collect();
    let mean_of = |level: f64| {
        let of_level = kept.iter().filter(|&&index| codes[index] == level).map(|&index| values[index]);
        of_level.sum::<f64>() / members(level) as f64
    };
    let means: Vec<f64> = levels.iter().map(|&level| mean_of(level)).collect();
    let place = |index: usize| levels.iter().position(|level| *level == codes[index]).unwrap_or(0);
    let fitted: Vec<f64> = kept.iter().map(|&index| means[place(index)]).collect();
    let mean = own.iter().sum::<f64>() / own.len() as f64;
    let total: f64 = own.iter().map(|value| (value - mean).powi(2)).sum();
    let explained: f64 = fitted.iter().map(|value| (value - mean).powi(2)).sum();
    if total <= 0.0 {
        return None;
    }
    let share = (explained / total).min(1.0 - 1e-12);
    let between = levels.len() as f64 - 1.0;
    let free = independent(&own, &fitted, &own_groups) - levels.len() as f64;
    if free < FEWEST_INDEPENDENT {
        return None;
    }
    let f = share / between / ((1.0 - share) / free);
    let law = FisherSnedecor::new(between, free).ok()?;
    let adjusted = 1.0 - (1.0 - share) * (free + between) / free;
    Some(Association { effect: middle_half(&fitted), share: adjusted.max(0.0), probability: law.sf(f) })
}

fn spread(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>().sqrt()
}

fn middle_half(values: &[f64]) -> f64 {
    let between = |low: f64, high: f64| quantile(values, high).zip(quantile(values, low)).map_or(0.0, |(a, b)| a - b);
    let half = between(0.25, 0.75);
    if half > 0.0 { half } else { between(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Draws;

    #[test]
    fn a_slope_is_found_with_its_size() {
        let mut draws = Draws::new(1);
        let sizes: Vec<f64> = (0..60).map(|index| f64::from(index) / 10.0).collect();
        let values: Vec<f64> = sizes.iter().map(|x| 0.1 * x + 0.02 * draws.gaussian()).collect();
        let groups: Vec<usize> = (0..60).collect();
        let found = association(&values, &Against::Size(sizes), &groups).unwrap();
        assert!((found.effect - 0.295).abs() < 0.02 && found.share > 0.9 && found.probability < 1e-9, "{found:?}");
    }

    #[test]
    fn a_group_that_errs_together_is_one_value() {
        // Two machines that differ, each measured thirty times: no evidence about what differs between them.
        let values: Vec<f64> = (0..60).map(|index| f64::from(index / 30) + 1e-3 * f64::from(index % 7)).collect();
        let codes: Vec<f64> = (0..60).map(|index| f64::from(index / 30)).collect();
        let groups: Vec<usize> = (0..60).map(|index| index / 30).collect();
        assert_eq!(association(&values, &Against::Category(codes.clone()), &groups), None);
        let own: Vec<usize> = (0..60).collect();
        let found = association(&values, &Against::Category(codes), &own).unwrap();
        assert!((found.effect - 1.0).abs() < 1e-2 && found.probability < 1e-9, "{found:?}");
    }

    #[test]
    fn noise_goes_with_nothing_as_often_as_it_should() {
        let mut draws = Draws::new(7);
        let trials = 400;
        let mut alarms = 0;
        for _ in 0..trials {
            let effects = draws.gaussians(10);
            let groups: Vec<usize> = (0..40).map(|index| index / 4).collect();
            let values: Vec<f64> = groups.iter().map(|&group| effects[group] + 0.3 * draws.gaussian()).collect();
            let places = draws.gaussians(10);
            let sizes: Vec<f64> = groups.iter().map(|&group| places[group]).collect();
            let found = association(&values, &Against::Size(sizes), &groups).unwrap();
            alarms += i32::from(found.probability < 0.05);
        }
        // Four standard errors of a share of 0.05 in 400; without the factor for groups it would be near one half.
        assert!(alarms < 38, "{alarms} of {trials}");
    }
}
