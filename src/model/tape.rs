//! A flat program that evaluates columns of runs and differentiates itself.
//!
//! Every operation writes one slot and reads earlier slots. Equal operations on equal slots share one slot. Values are
//! kept as `values[slot * lanes + lane]`, one lane per run. The backward sweep adds to the slots that an operation reads
//! its adjoint times the partial derivative; lanes whose adjoint is 0 are skipped, so the branch that an `if` did not
//! take is never differentiated.

use std::collections::HashMap;
use std::ops::Range;

use super::op::{Op, Slot};

/// Columns of numbers that a tape reads: one row per run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Columns {
    /// One column per input.
    pub(crate) inputs: Vec<Vec<f64>>,
    /// One column per parameter.
    pub(crate) parameters: Vec<Vec<f64>>,
}

/// The compiled program.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tape {
    pub(crate) ops: Vec<Op>,
}

impl Tape {
    /// Values of all slots for a range of rows.
    pub(crate) fn evaluate(&self, columns: &Columns, rows: &Range<usize>, values: &mut Vec<f64>) {
        let lanes = rows.len();
        values.clear();
        values.resize(self.ops.len() * lanes, 0.0);
        for (slot, op) in self.ops.iter().enumerate() {
            let (before, rest) = values.split_at_mut(slot * lanes);
            let out = &mut rest[..lanes];
            match *op {
                Op::Constant(value) => out.fill(value),
                Op::Input(index) => out.copy_from_slice(&columns.inputs[index as usize][rows.clone()]),
                Op::Parameter(index) => out.copy_from_slice(&columns.parameters[index as usize][rows.clone()]),
                _ => {
                    let ([a, b, c], _) = op.reads();
                    let at = |slot: Slot, lane: usize| before[slot as usize * lanes + lane];
                    for (lane, result) in out.iter_mut().enumerate() {
                        *result = op.apply([at(a, lane), at(b, lane), at(c, lane)]);
                    }
                }
            }
        }
    }

    /// The same program with some slots made inputs: what they are computed from is no longer read.
    pub(crate) fn ending_at(&self, slots: &[Slot]) -> Self {
        let mut ops = self.ops.clone();
        for &slot in slots {
            ops[slot as usize] = Op::Input(0);
        }
        Self { ops }
    }

    /// Turns the adjoints of some slots into the adjoints of all slots they depend on, in place.
    pub(crate) fn backward(&self, values: &[f64], lanes: usize, adjoints: &mut [f64]) {
        for (slot, op) in self.ops.iter().enumerate().rev() {
            let (reads, count) = op.reads();
            if count == 0 {
                continue;
            }
            for lane in 0..lanes {
                let adjoint = adjoints[slot * lanes + lane];
                if adjoint == 0.0 {
                    continue;
                }
                let read = reads.map(|read| values[read as usize * lanes + lane]);
                let partials = op.partials(read, values[slot * lanes + lane]);
                for (read, partial) in reads.iter().zip(partials).take(count) {
                    if partial != 0.0 {
                        adjoints[*read as usize * lanes + lane] += adjoint * partial;
                    }
                }
            }
        }
    }
}

/// Builds a tape, sharing equal operations and folding constants.
#[derive(Default)]
pub(crate) struct TapeBuilder {
    ops: Vec<Op>,
    seen: HashMap<Key, Slot>,
}

/// An operation as a hashable value: discriminant, bits, reads.
type Key = (std::mem::Discriminant<Op>, u64, [Slot; 3]);

impl TapeBuilder {
    /// The slot of an operation: an earlier one if it is there already.
    pub(crate) fn push(&mut self, op: Op) -> Slot {
        let (reads, count) = op.reads();
        let folded = self.fold(op, &reads[..count]);
        let bits = match folded {
            Op::Constant(value) => value.to_bits(),
            Op::Input(index) | Op::Parameter(index) => u64::from(index),
            _ => 0,
        };
        let key = (std::mem::discriminant(&folded), bits, folded.reads().0);
        if !matches!(folded, Op::Node(_))
            && let Some(&slot) = self.seen.get(&key)
        {
            return slot;
        }
        let slot = self.ops.len() as Slot;
        self.ops.push(folded);
        self.seen.insert(key, slot);
        slot
    }

    fn fold(&self, op: Op, reads: &[Slot]) -> Op {
        let mut constants = [0.0; 3];
        for (constant, read) in constants.iter_mut().zip(reads) {
            match self.ops[*read as usize] {
                Op::Constant(value) if !matches!(op, Op::Node(_)) => *constant = value,
                _ => return op,
            }
        }
        if reads.is_empty() { op } else { Op::Constant(op.apply(constants)) }
    }

    /// The finished program.
    pub(crate) fn finish(self) -> Tape {
        Tape { ops: self.ops }
    }
}
