//! The NVIDIA driver: its library, its version, its GPUs.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;

use super::error::MeterError;
use super::gpu::{GpuInfo, ReadFault, SilentGpu};
use super::nvml_gpu::NvmlGpu;
use crate::measure::{Clock, Series};

const LIBRARY: &str = "libnvidia-ml.so.1";
/// Between two readings of the power by [`Driver::poll_power`].
const POLL: Duration = Duration::from_millis(10);

/// The NVIDIA driver, once it answers.
#[derive(Clone, Copy, Debug)]
pub struct Driver {
    nvml: &'static Nvml,
}

impl Driver {
    /// Loads the library, from `library` or from where the system finds it, and asks the driver whether it is there.
    pub fn open(library: Option<&Path>) -> Result<Self, MeterError> {
        let name = library.map_or(OsStr::new(LIBRARY), Path::as_os_str);
        let nvml = Nvml::builder().lib_path(name).init().map_err(|error| init_error(&error, name))?;
        // It is used until the process ends, by threads that must not outlive it.
        Ok(Self { nvml: Box::leak(Box::new(nvml)) })
    }

    /// Version of the driver.
    pub fn version(self) -> String {
        self.nvml.sys_driver_version().unwrap_or_else(|_| "of unknown version".to_owned())
    }

    /// Its GPUs, and those that do not answer.
    pub fn gpus(self) -> Result<(Vec<GpuInfo>, Vec<SilentGpu>), MeterError> {
        let count = self.nvml.device_count().map_err(|error| MeterError::Driver { reason: error.to_string() })?;
        let (mut gpus, mut silent) = (Vec::new(), Vec::new());
        for index in 0..count {
            match self.info(index) {
                Ok(info) => gpus.push(info),
                Err(error) => silent.push(SilentGpu { index, reason: error.to_string() }),
            }
        }
        match silent.first() {
            Some(first) if gpus.is_empty() => {
                Err(MeterError::Silent { gpu: first.index, reason: first.reason.clone() })
            }
            None if gpus.is_empty() => Err(MeterError::NoGpu { version: self.version() }),
            _ => Ok((gpus, silent)),
        }
    }

    fn info(self, index: u32) -> Result<GpuInfo, NvmlError> {
        let device = self.nvml.device_by_index(index)?;
        Ok(GpuInfo {
            index,
            name: device.name()?,
            uuid: device.uuid().unwrap_or_else(|_| format!("GPU {index}")),
            power_limit_w: device.enforced_power_limit().ok().map(|milliwatts| f64::from(milliwatts) / 1e3),
            is_split: device.mig_mode().is_ok_and(|mode| mode.current == 1),
        })
    }

    /// Reads the one-second mean and the momentary power of a GPU a hundred times a second, from now for so long (s): what
    /// other tools sum up. Two series, W.
    pub fn poll_power(self, index: u32, clock: Clock, seconds: f64) -> (Series, Series) {
        let (mut average, mut instant) = (Series::new(), Series::new());
        let Ok(gpu) = self.reader(index) else { return (average, instant) };
        let end = clock.now() + seconds;
        while clock.now() < end {
            let (mean, now) = (gpu.powers(), clock.now());
            mean.0.into_iter().for_each(|power| average.push(now, power));
            mean.1.into_iter().for_each(|power| instant.push(now, power));
            std::thread::sleep(POLL);
        }
        (average, instant)
    }

    /// Reads one GPU.
    pub(super) fn reader(self, index: u32) -> Result<NvmlGpu, ReadFault> {
        let device = self.nvml.device_by_index(index).map_err(|error| read_fault(&error))?;
        Ok(NvmlGpu::new(self.nvml, device))
    }
}

/// What it means that the library could not be used.
fn init_error(error: &NvmlError, library: &OsStr) -> MeterError {
    match error {
        NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound => {
            let library = library.to_string_lossy().into_owned();
            // The loader names the library again, in front.
            let told = match error {
                NvmlError::LibloadingError(cause) => cause.to_string(),
                _ => "a part of it is missing".to_owned(),
            };
            let reason = told.strip_prefix(&format!("{library}: ")).unwrap_or(&told).to_owned();
            MeterError::NoLibrary { library, reason }
        }
        NvmlError::FailedToLoadSymbol(_) => MeterError::NoLibrary {
            library: library.to_string_lossy().into_owned(),
            reason: "the file there is no NVIDIA management library".to_owned(),
        },
        NvmlError::DriverNotLoaded => MeterError::NotLoaded,
        NvmlError::LibRmVersionMismatch => MeterError::VersionMismatch,
        NvmlError::NoPermission | NvmlError::OperatingSystem => MeterError::NoPermission,
        other => MeterError::Driver { reason: other.to_string() },
    }
}

/// What it means that a value could not be read.
pub(super) fn read_fault(error: &NvmlError) -> ReadFault {
    match error {
        NvmlError::NotSupported | NvmlError::FailedToLoadSymbol(_) | NvmlError::FunctionNotFound => {
            ReadFault::NotSupported
        }
        NvmlError::GpuLost | NvmlError::ResetRequired | NvmlError::Uninitialized => ReadFault::Lost(error.to_string()),
        other => ReadFault::Failed(other.to_string()),
    }
}
