//! The run that is asked about, and what a fitted model expects of it under other conditions.

use std::borrow::Cow;

use crate::catalog::Catalog;
use crate::fit::{Anchors, Distance, Fitted, Forecast, views};
use crate::model::{Frame, FrameError, canonical};
use crate::predict::{Abducted, Proof, abduct};
use crate::runs::Run;

/// A fitted model that has seen the run that is asked about.
pub(crate) struct Reference<'a> {
    /// With a coordinate for every level, at the parameters that the run leaves.
    pub(crate) fitted: Cow<'a, Fitted>,
    /// What the run has beyond the equations.
    pub(crate) run: Abducted,
    anchors: Option<Anchors>,
}

/// What is expected of changed runs.
pub(crate) struct Expected {
    /// The runs, bound to the model; of bounded nodes it says what the reference and the fit's own runs prove.
    pub(crate) frame: Frame,
    /// Metrics with their spread.
    pub(crate) forecast: Forecast,
    /// Largest value of a limited condition that ran in an otherwise equal configuration: `proven[constraint][row]`.
    pub(crate) proven: Vec<Vec<Option<f64>>>,
}

impl<'a> Reference<'a> {
    /// Looks at a run; `asked` are the runs that will be asked about.
    pub(crate) fn new(fitted: &'a Fitted, catalog: &Catalog, run: &Run, asked: &[Run]) -> Result<Self, FrameError> {
        let model = &fitted.model;
        let own = Frame::new(model, catalog, &[canonical(run, catalog)])?;
        let others: Vec<Run> = asked.iter().map(|run| canonical(run, catalog)).collect();
        let asked = Frame::new(model, catalog, &others)?;
        let levels: Vec<Vec<String>> =
            own.level_names.iter().zip(&asked.level_names).map(|(a, b)| a.iter().chain(b).cloned().collect()).collect();
        let whole = fitted.knowing(&levels);
        // A run of the fit is known to the residual process already; points that stand for runs are nobody's.
        let (values, _) = whole.evaluate(&own, &(0..1));
        let is_known =
            views(model, &values, 1).iter().any(|view| fitted.support.distance(view).0 == Distance::Measured);
        let (whole, anchors) = if is_known && !fitted.record.shareable {
            (whole, None)
        } else {
            let (moved, anchors) = whole.into_owned().anchored(&own);
            (Cow::Owned(moved), anchors)
        };
        let run = abduct(&whole, catalog, run)?;
        Ok(Self { fitted: whole, run, anchors })
    }

    /// What is expected of runs whose levels were named before.
    pub(crate) fn expect(&self, catalog: &Catalog, runs: &[Run]) -> Result<Expected, FrameError> {
        let model = &self.fitted.model;
        let own: Vec<Run> = runs.iter().map(|run| canonical(run, catalog)).collect();
        let mut frame = self.fitted.unmeasured(&Frame::new(model, catalog, &own)?);
        let (values, _) = self.fitted.evaluate(&frame, &(0..runs.len()));
        let views = views(model, &values, runs.len());
        let proof = Proof::new(model, &self.fitted.support, &views);
        for (bound, factor) in model.bounds.iter().zip(&self.run.bounds) {
            frame.inputs[bound.noise_input].fill(*factor);
        }
        proof.raise(&self.fitted, &mut frame);
        let forecast = self.fitted.expect(frame.clone(), self.anchors.as_ref(), true);
        Ok(Expected { frame, forecast, proven: proof.ran })
    }
}
