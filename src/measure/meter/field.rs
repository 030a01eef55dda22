//! What is read of a GPU besides its energy.

/// A quantity that is read about twice a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// Temperature of the chip, K.
    Temperature,
    /// Clock of the streaming multiprocessors, Hz.
    SmClock,
    /// Clock of the memory, Hz.
    MemoryClock,
    /// Bits of the reasons for which clocks are held back.
    ThrottleReasons,
    /// Time held back by the power limit since the driver was loaded, s.
    PowerViolation,
    /// Time held back by heat since the driver was loaded, s.
    ThermalViolation,
    /// Memory in use, B.
    MemoryUsed,
    /// Share of time in which some kernel ran.
    GpuUtilization,
    /// Share of time in which memory was read or written.
    MemoryUtilization,
    /// Mean power of the last second, W.
    PowerAverage,
    /// One short reading of the power, W: aliases with periodic loads.
    PowerInstant,
    /// Processes with a context.
    Processes,
    /// Share of multiprocessors with work.
    SmActivity,
    /// Share of the memory bandwidth in use.
    DramActivity,
    /// Share of time in which the tensor units worked.
    TensorActivity,
}

impl Field {
    /// How many there are.
    pub(super) const COUNT: usize = 15;

    /// All of them, in the order of their columns.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Temperature,
        Self::SmClock,
        Self::MemoryClock,
        Self::ThrottleReasons,
        Self::PowerViolation,
        Self::ThermalViolation,
        Self::MemoryUsed,
        Self::GpuUtilization,
        Self::MemoryUtilization,
        Self::PowerAverage,
        Self::PowerInstant,
        Self::Processes,
        Self::SmActivity,
        Self::DramActivity,
        Self::TensorActivity,
    ];

    /// The name of its column in a trace, with its unit.
    pub fn column(self) -> &'static str {
        match self {
            Self::Temperature => "temperature_k",
            Self::SmClock => "sm_clock_hz",
            Self::MemoryClock => "memory_clock_hz",
            Self::ThrottleReasons => "throttle_reasons",
            Self::PowerViolation => "power_violation_s",
            Self::ThermalViolation => "thermal_violation_s",
            Self::MemoryUsed => "memory_used_b",
            Self::GpuUtilization => "gpu_utilization",
            Self::MemoryUtilization => "memory_utilization",
            Self::PowerAverage => "power_average_w",
            Self::PowerInstant => "power_instant_w",
            Self::Processes => "processes",
            Self::SmActivity => "sm_activity",
            Self::DramActivity => "dram_activity",
            Self::TensorActivity => "tensor_activity",
        }
    }
}

/// The state of a GPU at one moment: what was read, and nothing for what was not.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct State {
    /// When, s.
    pub(super) at: f64,
    values: [Option<f64>; Field::COUNT],
}

impl State {
    pub(super) fn new(at: f64) -> Self {
        Self { at, values: [None; Field::COUNT] }
    }

    pub(super) fn get(&self, field: Field) -> Option<f64> {
        self.values[field as usize]
    }

    pub(super) fn set(&mut self, field: Field, value: Option<f64>) {
        self.values[field as usize] = value.filter(|value| value.is_finite());
    }
}
