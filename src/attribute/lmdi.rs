//! Index decomposition of an exact identity.

use super::sum::Sum;

/// The logarithmic mean, which turns a log ratio into a difference: L(a, b) ln(b/a) = b - a.
///
/// ```text
/// L(a, b) = (b - a) / ln(b / a),     L(a, a) = a,     L(0, b) = L(a, 0) = 0
/// ```
///
/// Symmetric, and between the geometric and the arithmetic mean of `a` and `b`, which have one unit and are not
/// negative. Accurate to a few units in the last place for equal, nearly equal and very different arguments.
/// Source: Ang 2005; Stolarsky, Mathematics Magazine 48, 1975.
///
/// # Panics
/// If an argument is negative, infinite or not a number: there the mean has no value.
pub fn log_mean(a: f64, b: f64) -> f64 {
    assert!(
        (0.0..f64::INFINITY).contains(&a) && (0.0..f64::INFINITY).contains(&b),
        "the logarithmic mean of {a} and {b} does not exist"
    );
    if a == b {
        return a;
    }
    if a == 0.0 || b == 0.0 {
        return 0.0;
    }
    (b - a) / log_ratio(a, b)
}

/// ln(b / a) for positive arguments, with small relative error also where b is near a.
fn log_ratio(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    let growth = (high - low) / low;
    let size = if growth.is_finite() { growth.ln_1p() } else { high.ln() - low.ln() };
    if a < b { size } else { -size }
}

/// Contributions of the factors of E = `Σ_m Π_i x_im` to the change of E from A to B (LMDI-I, additive).
///
/// ```text
/// Δ_i = Σ_m L(E_m^A, E_m^B) ln(x_im^B / x_im^A),     Σ_i Δ_i = E^B - E^A
/// ```
///
/// | symbol | argument | meaning |
/// |---|---|---|
/// | m | element of `terms` | a part of the sum: prefill and decode, or GPU and host |
/// | `x_im^A`, `x_im^B` | the two vectors of a term | factor i in A and in B, same order in all terms, not negative |
/// | `E_m` | | product of the factors of term m |
/// | L | [`log_mean`] | logarithmic mean |
/// | `Δ_i` | result | contribution of factor i, in the unit of E |
///
/// No residual, no order, and subtotals over m add up. Divided by L(E^A, E^B), the contributions add up to
/// ln(E^B/E^A). Zeros are limits: a term that appears or vanishes belongs to the factors that were or become zero,
/// in equal parts; a term that is zero on both sides contributes nothing. A factor that does not change gets exactly
/// `0.0`. Source: Ang 2005.
///
/// # Panics
/// If the vectors differ in length, a factor is negative or not a number, or a product of factors is infinite.
pub fn lmdi(terms: &[(Vec<f64>, Vec<f64>)]) -> Vec<f64> {
    let factors = terms.first().map_or(0, |(a, _)| a.len());
    let mut contributions = vec![Sum::default(); factors];
    for (a, b) in terms {
        assert!(a.iter().chain(b).all(|factor| *factor >= 0.0), "a factor is negative or not a number");
        assert!(a.len() == factors && b.len() == factors, "every term needs {factors} factors on both sides");
        for (total, part) in contributions.iter_mut().zip(term(a, b)) {
            total.add(part);
        }
    }
    contributions.into_iter().map(Sum::value).collect()
}

/// Contributions of the factors of one product.
fn term(a: &[f64], b: &[f64]) -> Vec<f64> {
    let (before, after): (f64, f64) = (a.iter().product(), b.iter().product());
    let mean = log_mean(before, after);
    match (a.contains(&0.0), b.contains(&0.0)) {
        (false, false) => a.iter().zip(b).map(|(x, y)| if x == y { 0.0 } else { mean * log_ratio(*x, *y) }).collect(),
        (true, false) => shared_by_zeros(a, after),
        (false, true) => shared_by_zeros(b, -before),
        (true, true) => vec![0.0; a.len()],
    }
}

/// `change` in equal parts to the factors that are zero: the limit in which they go to zero at one rate.
fn shared_by_zeros(factors: &[f64], change: f64) -> Vec<f64> {
    let zeros = factors.iter().filter(|x| **x == 0.0).count() as f64;
    factors.iter().map(|x| if *x == 0.0 { change / zeros } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithmic_means() {
        let case = |a: f64, b: f64, mean: f64| {
            let found = log_mean(a, b);
            assert!((found - mean).abs() <= 4.0 * f64::EPSILON * mean, "L({a}, {b}) = {found}, not {mean}");
            assert_eq!(found, log_mean(b, a));
        };
        case(3.0, 3.0, 3.0);
        case(0.0, 5.0, 0.0);
        case(0.0, 0.0, 0.0);
        case(1.0, std::f64::consts::E, std::f64::consts::E - 1.0);
        // (1 - x²/12 …) around the midpoint: at a difference of 1e-9 the arithmetic mean is exact.
        case(1.0, 1.0 + 1e-9, 1.0 + 0.5e-9);
        case(1.0, 1e12, (1e12 - 1.0) / 1e12_f64.ln());
        case(1e-200, 1e200, 1e200 / (400.0 * 10.0_f64.ln()));
    }

    #[test]
    fn power_time_and_batch_explain_energy_per_token() {
        // 760 W and 320 W; the reported pair of a 14B model on one B200, chat against GPQA.
        let (a, b): (f64, f64) = (0.699, 1.366);
        let (power_a, power_b) = (760.0, 320.0);
        let parts = lmdi(&[(vec![power_a, a / power_a], vec![power_b, b / power_b])]);
        assert!((parts[0] + parts[1] - (b - a)).abs() < 1e-15, "{parts:?}");
        assert!(parts[0] < 0.0 && parts[1] > 0.0, "{parts:?}");
    }

    #[test]
    fn a_term_that_appears_belongs_to_the_factor_that_was_zero() {
        let case = |a: &[f64], b: &[f64], parts: &[f64]| assert_eq!(lmdi(&[(a.to_vec(), b.to_vec())]), parts);
        case(&[0.0, 2.0], &[3.0, 4.0], &[12.0, 0.0]);
        case(&[3.0, 4.0], &[0.0, 2.0], &[-12.0, 0.0]);
        case(&[0.0, 0.0, 7.0], &[3.0, 4.0, 1.0], &[6.0, 6.0, 0.0]);
        case(&[0.0, 1.0], &[5.0, 0.0], &[0.0, 0.0]);
        assert!(lmdi(&[]).is_empty());
    }

    #[test]
    #[should_panic(expected = "negative")]
    fn a_negative_factor_is_refused() {
        lmdi(&[(vec![-1.0, -1.0], vec![1.0, 1.0])]);
    }
}
