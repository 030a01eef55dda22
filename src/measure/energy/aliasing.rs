//! What estimators of power read of periodic loads.

/// What was read of one load that switched between idle and full power, as shares off the energy counter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aliasing {
    /// Of the load, s.
    pub period_s: f64,
    /// Share of it under full power.
    pub duty: f64,
    /// The driver's samples, 50 a second.
    pub samples: f64,
    /// The mean of the last second.
    pub average: f64,
    /// Momentary readings, polled at 100 Hz.
    pub instant: f64,
}

const fn row(period_ms: f64, duty: f64, [instant, average, samples]: [f64; 3]) -> Aliasing {
    Aliasing {
        period_s: period_ms / 1e3,
        duty,
        samples: samples / 100.0,
        average: average / 100.0,
        instant: instant / 100.0,
    }
}

/// Measured on one NVIDIA H200 (driver 580.159.04), matrix products switched on and off, windows of 3.2 s. Steps of decoding
/// take 5 to 100 ms, so a serving load has such periods.
pub const ALIASING: [Aliasing; 13] = [
    row(10.0, 0.5, [-0.3, -4.2, 0.1]),
    row(25.0, 0.5, [5.8, 0.0, 0.1]),
    row(50.0, 0.5, [10.5, -0.5, 0.5]),
    row(75.0, 0.5, [6.6, 0.9, 0.5]),
    row(90.0, 0.5, [11.6, -0.7, 0.3]),
    row(100.0, 0.5, [-64.3, 3.8, 0.7]),
    row(150.0, 0.5, [5.5, -0.1, 0.3]),
    row(200.0, 0.5, [-7.2, -0.8, -0.2]),
    row(300.0, 0.5, [-23.7, -0.2, 1.6]),
    row(500.0, 0.5, [-9.4, 3.5, 1.4]),
    row(50.0, 0.2, [-37.9, 1.3, 2.5]),
    row(100.0, 0.2, [50.4, -1.2, -2.0]),
    row(200.0, 0.2, [55.8, 1.5, 0.2]),
];
