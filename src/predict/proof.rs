//! What measured runs prove of configurations that nobody has run: a batch that ran, runs again in an equal configuration.

use crate::fit::{Fitted, Support, View, worst};
use crate::model::{Constraint, Frame, Input, Model};

/// Largest values of limited conditions that ran.
pub(crate) struct Proof {
    /// `ran[constraint][row]`: among the measured runs that differ from a configuration in the mildest kind only.
    pub(crate) ran: Vec<Vec<Option<f64>>>,
}

impl Proof {
    /// For configurations as the kinds of questions see them.
    pub(crate) fn new(model: &Model, support: &Support, views: &[View]) -> Self {
        Self { ran: model.constraints.iter().map(|constraint| ran(model, support, constraint, views)).collect() }
    }

    /// Raises bounded nodes of the configurations to what a run at the proven value proves.
    pub(crate) fn raise(&self, fitted: &Fitted, frame: &mut Frame) {
        let model = &fitted.model;
        for (constraint, ran) in model.constraints.iter().zip(&self.ran) {
            let input = input_of(model, &constraint.limits).filter(|_| ran.iter().any(Option::is_some));
            let Some(input) = input else { continue };
            let mut shown = frame.clone();
            for (value, ran) in shown.inputs[input].iter_mut().zip(ran) {
                *value = ran.unwrap_or(*value);
            }
            fitted.raise_to_bounds(&mut shown);
            for bound in &model.bounds {
                let own = &mut frame.inputs[bound.noise_input];
                for ((own, shown), ran) in own.iter_mut().zip(&shown.inputs[bound.noise_input]).zip(ran) {
                    if ran.is_some() {
                        *own = own.max(*shown);
                    }
                }
            }
        }
    }

    /// Whether a configuration asks for no more than has run.
    pub(crate) fn holds(&self, model: &Model, frame: &Frame, constraint: usize, row: usize) -> bool {
        let input = input_of(model, &model.constraints[constraint].limits);
        input.zip(self.ran[constraint][row]).is_some_and(|(input, ran)| frame.inputs[input][row] <= ran)
    }
}

fn ran(model: &Model, support: &Support, constraint: &Constraint, views: &[View]) -> Vec<Option<f64>> {
    let compared = model.shifts.first().and_then(|shift| shift.by.first());
    if !compared.is_some_and(|by| by.contains(&constraint.limits)) {
        return vec![None; views.len()];
    }
    let of = |view: &View| {
        let near = support.rows.iter().filter(|row| worst(view, row).is_none_or(|kind| kind == 0));
        near.map(|row| row[0][0]).filter(|value| value.is_finite()).reduce(f64::max)
    };
    views.iter().map(of).collect()
}

/// The column of a condition.
pub(crate) fn input_of(model: &Model, condition: &str) -> Option<usize> {
    let node = model.node_index(condition)?;
    model.inputs.iter().position(|input| matches!(input, Input::Given(own) if *own == node))
}
