//! How idle power moves with the temperature of the GPUs: leakage grows as they warm.

use serde_json::Value as Json;
use statrs::distribution::{ContinuousCDF as _, StudentsT};

use super::merge::text;
use super::station::KINDS;
use crate::stats::mean;
use crate::unit::show;

/// Temperatures that span less than this, K, say nothing: the sensor tells whole kelvins.
const SPAN: f64 = 3.0;
/// Fewer baselines have no error of their own.
const FEWEST: usize = 3;

/// What the baselines of a sweep say of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slope {
    /// Baselines with a temperature.
    pub count: usize,
    /// Least and largest temperature, K.
    pub temperatures: (f64, f64),
    /// Rise of the power of all GPUs, W/K, and half of its 90 % interval; none where the temperatures hardly varied.
    pub estimate: Option<(f64, f64)>,
}

impl Slope {
    /// Ordinary least squares of power (W) over temperature (K): b = Σ (t − t̄)(p − p̄) / Σ (t − t̄)², its standard error
    /// √(Σ r² / (n − 2) / Σ (t − t̄)²) of the residuals r, and Student's t for the interval. None of fewer than three.
    pub fn of(points: &[(f64, f64)]) -> Option<Self> {
        if points.len() < FEWEST {
            return None;
        }
        let (temperatures, powers): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
        let (t, p) = (mean(&temperatures)?, mean(&powers)?);
        let least = temperatures.iter().copied().fold(f64::INFINITY, f64::min);
        let most = temperatures.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let found = Self { count: points.len(), temperatures: (least, most), estimate: None };
        if most - least < SPAN {
            return Some(found);
        }
        let spread: f64 = temperatures.iter().map(|own| (own - t).powi(2)).sum();
        let slope = points.iter().map(|own| (own.0 - t) * (own.1 - p)).sum::<f64>() / spread;
        let residual: f64 = points.iter().map(|own| (own.1 - p - slope * (own.0 - t)).powi(2)).sum();
        let degrees = (points.len() - 2) as f64;
        let quantile = StudentsT::new(0.0, 1.0, degrees).ok()?.inverse_cdf(0.95);
        Some(Self { estimate: Some((slope, quantile * (residual / degrees / spread).sqrt())), ..found })
    }

    /// As a sentence's end.
    pub fn words(&self) -> String {
        let (least, most) = self.temperatures;
        let from = format!("{} baselines from {:.0} °C to {:.0} °C", self.count, least - 273.15, most - 273.15);
        match self.estimate {
            Some((slope, doubt)) => format!("{} ± {} ({from})", show(slope, "W/K"), show(doubt, "W/K")),
            None => format!("not known: {from}, which is too little"),
        }
    }
}

/// The slope of each kind of baseline that the journals tell of.
pub(super) fn slopes(events: &[Json]) -> Vec<(&'static str, Slope)> {
    let of = |kind: &'static str| {
        let own = events.iter().filter(|event| text(event, "event") == "baseline" && text(event, "kind") == kind);
        let number = |event: &Json, key: &str| event.get(key).and_then(Json::as_f64);
        let points: Vec<(f64, f64)> =
            own.filter_map(|event| Some((number(event, "temperature_k")?, number(event, "power_w")?))).collect();
        Slope::of(&points).map(|slope| (kind, slope))
    };
    KINDS.into_iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::Slope;

    #[test]
    fn the_slope_of_a_line_is_found_with_its_doubt() {
        let line: Vec<(f64, f64)> =
            (0..6).map(|step| (310.0 + f64::from(step), 90.0 + 1.2 * f64::from(step))).collect();
        let (slope, doubt) = Slope::of(&line).unwrap().estimate.unwrap();
        assert!((slope - 1.2).abs() < 1e-9 && doubt < 1e-9, "{slope} {doubt}");
        // By the definition; Student's t(0.95, 3) is 2.353363.
        let noisy = [(300.0, 98.0), (302.0, 100.0 + 1.0), (304.0, 100.0), (306.0, 104.0 + 1.0), (308.0, 106.0)];
        let (slope, doubt) = Slope::of(&noisy).unwrap().estimate.unwrap();
        let (t, p) = (304.0, 102.0);
        let spread = 40.0;
        let expected = noisy.iter().map(|own| (own.0 - t) * (own.1 - p)).sum::<f64>() / spread;
        let squares: f64 = noisy.iter().map(|own| (own.1 - p - expected * (own.0 - t)).powi(2)).sum();
        assert!((slope - expected).abs() < 1e-12, "{slope} {expected}");
        assert!((doubt - 2.353_363 * (squares / 3.0 / spread).sqrt()).abs() < 1e-5, "{doubt}");
    }

    #[test]
    fn temperatures_that_hardly_vary_give_no_slope() {
        let still = Slope::of(&[(310.0, 90.0), (311.0, 91.0), (312.0, 90.0)]).unwrap();
        assert_eq!(still.estimate, None);
        assert_eq!(still.words(), "not known: 3 baselines from 37 °C to 39 °C, which is too little");
        assert_eq!(Slope::of(&[(310.0, 90.0), (320.0, 99.0)]), None);
        assert_eq!(Slope::of(&[]), None);
    }
}
