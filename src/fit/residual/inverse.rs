//! Inverse and determinant of a symmetric positive definite matrix, by blocks.
//!
//! With M = [A B; Bᵀ D], W = A⁻¹B and the Schur complement S = D − `BᵀW` the inverse is
//! [A⁻¹ + W S⁻¹ Wᵀ, −W S⁻¹; −S⁻¹ Wᵀ, S⁻¹] and ln|M| = ln|A| + ln|S| (Golub and Van Loan, Matrix Computations, 4th ed.,
//! section 3.2.6). Nearly all of the work is in matrix products, which are many times faster than a Cholesky
//! factorisation by columns.

use nalgebra::DMatrix;

/// Rows below which a Cholesky factorisation does the work.
const LEAF: usize = 48;

/// The inverse and the logarithm of the determinant; none if the matrix is not positive definite.
pub(super) fn inverse(matrix: &DMatrix<f64>) -> Option<(DMatrix<f64>, f64)> {
    let size = matrix.nrows();
    if size <= LEAF {
        let factor = matrix.clone().cholesky()?;
        let logarithm = 2.0 * factor.l_dirty().diagonal().iter().map(|x| x.ln()).sum::<f64>();
        return Some((factor.inverse(), logarithm));
    }
    let half = size / 2;
    let rest = size - half;
    let (first, log_first) = inverse(&matrix.view((0, 0), (half, half)).into_owned())?;
    let b = matrix.view((0, half), (half, rest)).into_owned();
    let w = &first * &b;
    let schur = matrix.view((half, half), (rest, rest)) - b.tr_mul(&w);
    let (second, log_second) = inverse(&schur)?;
    let cross = &w * &second;
    let mut result = DMatrix::zeros(size, size);
    result.view_mut((0, 0), (half, half)).copy_from(&(first + &cross * w.transpose()));
    result.view_mut((0, half), (half, rest)).copy_from(&-&cross);
    result.view_mut((half, 0), (rest, half)).copy_from(&-cross.transpose());
    result.view_mut((half, half), (rest, rest)).copy_from(&second);
    Some((result, log_first + log_second))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Draws;

    #[test]
    fn blocks_give_what_cholesky_gives() {
        let mut draws = Draws::new(3);
        for size in [1, 7, 48, 49, 150] {
            let root = DMatrix::from_fn(size, size, |_, _| draws.gaussian());
            let matrix = &root * root.transpose() + DMatrix::identity(size, size);
            let (found, logarithm) = inverse(&matrix).expect("positive definite");
            let factor = matrix.clone().cholesky().expect("positive definite");
            assert!((&found - factor.inverse()).amax() < 1e-9);
            assert!((logarithm - factor.determinant().ln()).abs() < 1e-8);
        }
    }

    #[test]
    fn a_matrix_that_is_not_positive_definite_has_none() {
        assert!(inverse(&-DMatrix::<f64>::identity(60, 60)).is_none());
    }
}
