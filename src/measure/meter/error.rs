//! Why nothing can be measured.

use std::path::PathBuf;

use crate::notes::list;

/// Why meters cannot be read.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum MeterError {
    /// The driver's library is not there.
    #[error("the NVIDIA management library `{library}` is not on this machine: {reason}")]
    #[diagnostic(help(
        "no NVIDIA driver is installed here, or this is a container without it: start it with `--gpus all` (Docker) or \
         `--nv` (Apptainer), or set NVIDIA_DRIVER_CAPABILITIES to include `utility`. Other makers' GPUs are not read here: log \
         them with their own tool (`amd-smi` for AMD), and import the log"
    ))]
    NoLibrary {
        /// Its name or path.
        library: String,
        /// What the loader says.
        reason: String,
    },
    /// The library is there, the kernel module is not.
    #[error("the NVIDIA driver is installed but not loaded")]
    #[diagnostic(help(
        "load it (`modprobe nvidia`), or reboot after an installation; in a virtual machine see whether it was given a GPU"
    ))]
    NotLoaded,
    /// The library and the kernel module are of different versions.
    #[error("the NVIDIA library and the loaded driver are of different versions")]
    #[diagnostic(help(
        "the driver was upgraded and the old one is still loaded: reboot, or unload and load the kernel module; in a container, restart it"
    ))]
    VersionMismatch,
    /// Access is refused.
    #[error("this user may not talk to the NVIDIA driver")]
    #[diagnostic(help(
        "see the permissions of /dev/nvidiactl and /dev/nvidia0: often a group such as `video` may; a job of a cluster must ask for GPUs"
    ))]
    NoPermission,
    /// Something else.
    #[error("the NVIDIA driver does not answer: {reason}")]
    #[diagnostic(help("`nvidia-smi` shows whether the driver works; `dmesg | grep -i nvrm` shows its faults"))]
    Driver {
        /// What it says.
        reason: String,
    },
    /// A driver without GPUs.
    #[error("the NVIDIA driver {version} sees no GPU")]
    #[diagnostic(help(
        "`lspci | grep -i nvidia` shows whether the machine has one; a job of a cluster must ask for GPUs"
    ))]
    NoGpu {
        /// Its version.
        version: String,
    },
    /// A GPU that the driver counts but that does not answer.
    #[error("GPU {gpu} does not answer: {reason}")]
    #[diagnostic(help(
        "a GPU that is lost needs a reset (as root: `nvidia-smi --gpu-reset -i {gpu}`) or a reboot; choose others with `--gpus`"
    ))]
    Silent {
        /// Its index.
        gpu: u32,
        /// What the driver says.
        reason: String,
    },
    /// GPUs that are not there.
    #[error("{from} cannot be: {}", list(faults))]
    #[diagnostic(help("name GPUs by index or identity; here are {known}"))]
    NoSuchGpu {
        /// Where they were asked for.
        from: &'static str,
        /// What is wrong with each of them: "`7` is no GPU of this machine".
        faults: Vec<String>,
        /// What there is.
        known: String,
    },
    /// A choice of nothing.
    #[error("{from} is `{text}`, which names no GPU")]
    #[diagnostic(help("name GPUs by index or identity, such as `--gpus 0,1`; here are {known}"))]
    NoneChosen {
        /// Where it was asked for.
        from: &'static str,
        /// As written.
        text: String,
        /// What there is.
        known: String,
    },
    /// A GPU whose energy cannot be read.
    #[error("the energy of GPU {gpu} cannot be measured: {reason}")]
    #[diagnostic(help("choose other GPUs with `--gpus`; `joules doctor` shows what each of them tells"))]
    NotCounted {
        /// Its index.
        gpu: u32,
        /// Why.
        reason: String,
    },
    /// A trace that cannot be played.
    #[error("`{}` is not a trace that can be played:\n{faults}", path.display())]
    #[diagnostic(help(
        "expected a folder made by `joules measure --out`: trace.toml, ticks.csv, samples.csv, states.csv"
    ))]
    Trace {
        /// Its folder.
        path: PathBuf,
        /// All that is wrong, one a line.
        faults: String,
    },
    /// A trace that cannot be written.
    #[error("cannot write the trace to `{}`", path.display())]
    #[diagnostic(help("see whether the disk is full, and whether this user may write there"))]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl MeterError {
    /// Whether it lies in how the meters were asked for, not in the machine.
    pub fn is_bad_input(&self) -> bool {
        matches!(self, Self::NoSuchGpu { .. } | Self::NoneChosen { .. } | Self::Trace { .. })
    }
}

/// Why the energy of the GPUs is not that of the work alone.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum NotAlone {
    /// Somebody else computes on a GPU.
    #[error("GPU {gpu} is used by others: process {}", list(processes))]
    #[diagnostic(help(
        "their energy cannot be told from that of the {work}: end them, choose other GPUs with `--gpus`, or measure all of \
         it together with `--shared`"
    ))]
    Others {
        /// The GPU.
        gpu: u32,
        /// Their numbers.
        processes: Vec<String>,
        /// What is to be measured: `command`, `sweep`.
        work: &'static str,
    },
    /// A GPU that is split into instances.
    #[error("GPU {gpu} is split into instances (MIG), and only the whole GPU has an energy counter")]
    #[diagnostic(help(
        "the energy of one instance cannot be told: end MIG (`nvidia-smi -mig 0`), choose other GPUs with `--gpus`, or \
         measure the whole GPU with `--shared`, whoever uses its instances"
    ))]
    Split {
        /// The GPU.
        gpu: u32,
    },
}
