//! What a recorder needs of a GPU, whoever reads it.

use super::field::State;

/// Why a GPU whose driver does not count its energy cannot be measured.
pub const NO_COUNTER: &str = "this GPU has no energy counter";

/// Who a GPU is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GpuInfo {
    /// Index of the driver, from 0.
    pub index: u32,
    /// As the driver names it: `NVIDIA H200`.
    pub name: String,
    /// Its identity, the same on every start.
    pub uuid: String,
    /// Power limit in force, W.
    pub power_limit_w: Option<f64>,
    /// Whether it is split into instances (MIG), whose energy cannot be told apart.
    pub is_split: bool,
}

impl GpuInfo {
    /// The parts of which a run is made, as its condition `gpu_unit`: the first block of each identity, `GPU-3132e5f5`. None
    /// where one is not told.
    pub fn unit(gpus: &[Self]) -> Option<String> {
        let block = |gpu: &Self| {
            Some(gpu.uuid.splitn(3, '-').take(2).collect::<Vec<_>>().join("-")).filter(|id| !id.is_empty())
        };
        let blocks: Option<Vec<String>> = gpus.iter().map(block).collect();
        blocks.map(|blocks| blocks.join("+")).filter(|unit| !unit.is_empty())
    }
}

/// A GPU that the driver counts but that does not answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SilentGpu {
    /// Index of the driver.
    pub index: u32,
    /// What the driver says.
    pub reason: String,
}

/// A process with a context on a GPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number, as the driver sees it.
    pub pid: u32,
    /// Its memory, B.
    pub memory_b: Option<u64>,
}

/// Why a value was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ReadFault {
    /// This GPU, or this driver, does not have it.
    NotSupported,
    /// The GPU answers no more.
    Lost(String),
    /// This once.
    Failed(String),
}

/// Reads one GPU. Each call may take milliseconds.
pub(super) trait GpuReader: Send {
    /// The energy counter, J.
    fn energy(&mut self) -> Result<f64, ReadFault>;

    /// Samples of power later than a moment of the driver's (µs since 1970): that moment, and W.
    fn samples(&mut self, seen_us: u64) -> Result<Vec<(u64, f64)>, ReadFault>;

    /// Everything else, with what is not supported left out; `at` is the moment of the reading, s.
    fn state(&mut self, at: f64) -> Result<State, ReadFault>;

    /// Who has a context.
    fn processes(&mut self) -> Result<Vec<Process>, ReadFault>;
}

#[cfg(test)]
mod tests {
    use super::GpuInfo;

    #[test]
    fn a_unit_is_the_first_block_of_each_identity() {
        let gpu = |uuid: &str| GpuInfo { uuid: uuid.to_owned(), ..GpuInfo::default() };
        let both = [gpu("GPU-3132e5f5-9efc-2f9b-5d21-433b50b1a97b"), gpu("GPU-19754993-bb37")];
        assert_eq!(GpuInfo::unit(&both), Some("GPU-3132e5f5+GPU-19754993".to_owned()));
        assert_eq!(GpuInfo::unit(&[gpu("")]), None);
        assert_eq!(GpuInfo::unit(&[]), None);
    }
}
