//! How much of a change went through which latents: exact shares along the equations.
//!
//! Between two evaluations of one tape the change of a target's logarithm is handed down from results to arguments.
//! An operation y = f(a, b) hands Δy to its arguments exactly:
//!
//! ```text
//! y = a + b          Δy = Δa + Δb
//! y = a·b, a/b       Δy = L(y₀, y₁)·(ln a₁/a₀ ± ln b₁/b₀)           L(x, y) = (y − x)/ln(y/x)
//! any other f(a, b)  Δy = ½[f(a₁,b₀) − f(a₀,b₀) + f(a₁,b₁) − f(a₀,b₁)]  to a, the rest to b
//! ```
//!
//! The first two are the log-mean decomposition (LMDI; Ang, Energy Policy 32, 2004), the third is the Shapley value of a game of
//! two. Slots that belong to a mechanism relabel all that passes through them, so that what reaches a cause carries the
//! label of the mechanism nearest to it. The shares add up to the change of the logarithm.

use super::lmdi::log_mean;
use crate::model::{Op, Slot, Tape};

/// Change of `ln target` from `before` to `after` (values of all slots), by label; the last entry is what passed no
/// labelled slot. `labels[slot]` is the mechanism of a slot.
pub(crate) fn mechanism_shares(
    tape: &Tape,
    labels: &[Option<usize>],
    mechanisms: usize,
    before: &[f64],
    after: &[f64],
    target: Slot,
) -> Vec<f64> {
    let mut shares = vec![0.0; mechanisms + 1];
    let target = target as usize;
    let (y0, y1) = (before[target], after[target]);
    if y0 == y1 || !(y0 > 0.0 && y1 > 0.0) {
        return shares;
    }
    let mut credit: Vec<Vec<(usize, f64)>> = vec![Vec::new(); target + 1];
    credit[target].push((mechanisms, 1.0 / log_mean(y0, y1)));
    for slot in (0..=target).rev() {
        let mut own = std::mem::take(&mut credit[slot]);
        if own.is_empty() {
            continue;
        }
        if let Some(label) = labels[slot] {
            let total = own.iter().map(|(_, multiplier)| multiplier).sum();
            own = vec![(label, total)];
        }
        let step = Step::new(tape.ops[slot], before, after, slot);
        for (read, weight) in step.weights {
            if weight != 0.0 {
                for &(label, multiplier) in &own {
                    push(&mut credit[read], label, multiplier * weight);
                }
            }
        }
        if step.kept != 0.0 {
            for &(label, multiplier) in &own {
                shares[label] += multiplier * step.kept;
            }
        }
    }
    shares
}

fn push(credit: &mut Vec<(usize, f64)>, label: usize, multiplier: f64) {
    match credit.iter_mut().find(|(known, _)| *known == label) {
        Some((_, sum)) => *sum += multiplier,
        None => credit.push((label, multiplier)),
    }
}

/// What one operation hands to its arguments: per argument the change of the result per change of the argument; `kept` is
/// change that ends here: an input, or a switch that flipped.
struct Step {
    weights: Vec<(usize, f64)>,
    kept: f64,
}

impl Step {
    fn new(op: Op, before: &[f64], after: &[f64], slot: usize) -> Self {
        let (reads, count) = op.reads();
        let change = after[slot] - before[slot];
        let reads: Vec<usize> = reads[..count].iter().map(|&read| read as usize).collect();
        let old: Vec<f64> = reads.iter().map(|&read| before[read]).collect();
        let new: Vec<f64> = reads.iter().map(|&read| after[read]).collect();
        let ends = Self { weights: Vec::new(), kept: if change.is_finite() { change } else { 0.0 } };
        let unchanged = |x: &f64, y: &f64| x == y || (x.is_nan() && y.is_nan());
        if !reads.is_empty() && old.iter().zip(&new).all(|(x, y)| unchanged(x, y)) {
            return Self { weights: Vec::new(), kept: 0.0 };
        }
        match op {
            Op::Constant(_) | Op::Input(_) | Op::Parameter(_) => ends,
            Op::Known(..) if old[0].is_nan() && new[0].is_nan() => Self::to(vec![(reads[1], 1.0)]),
            Op::Known(..) if old[0].is_nan() != new[0].is_nan() => ends,
            Op::Known(..) => Self::to(vec![(reads[0], 1.0)]),
            Op::Select(..) if (old[0] == 0.0) != (new[0] == 0.0) => ends,
            Op::Select(..) => Self::to(vec![(reads[if new[0] == 0.0 { 2 } else { 1 }], 1.0)]),
            Op::Add(..) => Self::to(vec![(reads[0], 1.0), (reads[1], 1.0)]),
            Op::Subtract(..) => Self::to(vec![(reads[0], 1.0), (reads[1], -1.0)]),
            Op::Multiply(..) | Op::Divide(..) if old.iter().chain(&new).all(|&x| x > 0.0 && x.is_finite()) => {
                let mean = log_mean(before[slot], after[slot]);
                let sign = if matches!(op, Op::Divide(..)) { -1.0 } else { 1.0 };
                let weight = |index: usize, sign: f64| {
                    let step = new[index] - old[index];
                    if step == 0.0 { 0.0 } else { sign * mean * (new[index] / old[index]).ln() / step }
                };
                Self::to(vec![(reads[0], weight(0, 1.0)), (reads[1], weight(1, sign))])
            }
            _ => Self::general(op, &reads, &old, &new, change),
        }
    }

    fn to(weights: Vec<(usize, f64)>) -> Self {
        Self { weights, kept: 0.0 }
    }

    /// Arguments moved one after the other, in both orders of the first two; a third moves last.
    fn general(op: Op, reads: &[usize], old: &[f64], new: &[f64], change: f64) -> Self {
        let value = |a: f64, b: f64| op.apply([a, b, old.get(2).copied().unwrap_or(0.0)]);
        let (a0, a1) = (old[0], new[0]);
        let (b0, b1) = (old.get(1).copied().unwrap_or(0.0), new.get(1).copied().unwrap_or(0.0));
        let mut to_first = 0.5 * (value(a1, b0) - value(a0, b0) + value(a1, b1) - value(a0, b1));
        let mut to_second = 0.5 * (value(a0, b1) - value(a0, b0) + value(a1, b1) - value(a1, b0));
        if !(to_first.is_finite() && to_second.is_finite()) {
            // A corner of the square is undefined: the argument that moved more carries the change.
            let first_moved = (a1 - a0).abs() * b0.abs().max(1e-300) >= (b1 - b0).abs() * a0.abs().max(1e-300);
            (to_first, to_second) = if first_moved { (change, 0.0) } else { (0.0, change) };
        }
        let rest = change - to_first - to_second;
        let per = |amount: f64, step: f64| if step == 0.0 { 0.0 } else { amount / step };
        let mut weights = vec![(reads[0], per(to_first, a1 - a0))];
        let mut kept = if a1 == a0 { to_first } else { 0.0 };
        if reads.len() > 1 {
            weights.push((reads[1], per(to_second, b1 - b0)));
            kept += if b1 == b0 { to_second } else { 0.0 };
        } else {
            kept += to_second;
        }
        if reads.len() > 2 && new[2] != old[2] {
            weights.push((reads[2], rest / (new[2] - old[2])));
        } else {
            kept += rest;
        }
        Self { weights, kept }
    }
}
