//! Which meters to read.

use std::path::PathBuf;

use super::error::MeterError;
use super::gpu::GpuInfo;
use crate::notes::list;

/// Which meters to read. The default is all of this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MeterChoice {
    /// The driver's library [default: `libnvidia-ml.so.1`, where the system finds it].
    pub nvml_lib: Option<PathBuf>,
    /// GPUs by index or identity, with commas between; goes before `visible`.
    pub gpus: Option<String>,
    /// What `CUDA_VISIBLE_DEVICES` says, if it is set: the GPUs that a program started here would use.
    pub visible: Option<String>,
    /// Folder of the processor's energy counters [default: `/sys/class/powercap`].
    pub powercap: Option<PathBuf>,
    /// A recorded trace to play instead of reading any device.
    pub replay: Option<PathBuf>,
    /// Folder that takes the whole trace while it is recorded; without it, what is old is thinned.
    pub spool: Option<PathBuf>,
}

impl MeterChoice {
    /// The indices among `all` that are asked for, in the order of `all`.
    pub(super) fn select(&self, all: &[GpuInfo]) -> Result<Vec<usize>, MeterError> {
        let (text, from) = match (&self.gpus, &self.visible) {
            (Some(text), _) => (text, "--gpus"),
            (None, Some(text)) => (text, "CUDA_VISIBLE_DEVICES"),
            (None, None) => return Ok((0..all.len()).collect()),
        };
        let mut chosen = Vec::new();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            // CUDA ends its list at the first that is no device.
            if from == "CUDA_VISIBLE_DEVICES" && word == "-1" {
                break;
            }
            let fault = |why: &'static str| MeterError::NoSuchGpu {
                from,
                word: word.to_owned(),
                why,
                known: list(&all.iter().map(|gpu| format!("{} ({})", gpu.index, gpu.uuid)).collect::<Vec<_>>()),
            };
            if word.starts_with("MIG-") {
                return Err(fault("is an instance of a split GPU, whose energy has no counter of its own"));
            }
            let by_index = |gpu: &GpuInfo| word.parse() == Ok(gpu.index);
            let by_identity = |gpu: &GpuInfo| word.len() >= 5 && gpu.uuid.starts_with(word);
            let matching: Vec<usize> =
                (0..all.len()).filter(|&at| by_index(&all[at]) || by_identity(&all[at])).collect();
            match matching[..] {
                [] => return Err(fault("is no GPU of this machine")),
                [only] => chosen.push(only),
                _ => return Err(fault("could be several GPUs")),
            }
        }
        chosen.sort_unstable();
        chosen.dedup();
        if chosen.is_empty() { Err(MeterError::NoneChosen { from, text: text.clone() }) } else { Ok(chosen) }
    }
}

#[cfg(test)]
mod tests {
    use super::{GpuInfo, MeterChoice};

    #[test]
    fn gpus_are_chosen_by_index_or_identity() {
        let gpu = |index: u32, uuid: &str| GpuInfo { index, uuid: uuid.to_owned(), ..GpuInfo::default() };
        let all = [gpu(0, "GPU-aa11"), gpu(1, "GPU-aa22"), gpu(2, "GPU-bb33")];
        let chosen = |gpus: Option<&str>, visible: Option<&str>| {
            let choice = MeterChoice {
                gpus: gpus.map(str::to_owned),
                visible: visible.map(str::to_owned),
                ..MeterChoice::default()
            };
            choice.select(&all).map_err(|error| error.to_string())
        };
        assert_eq!(chosen(None, None).unwrap(), [0, 1, 2]);
        assert_eq!(chosen(Some("2,0,0"), Some("1")).unwrap(), [0, 2]);
        assert_eq!(chosen(None, Some("GPU-bb, 1")).unwrap(), [1, 2]);
        assert!(chosen(Some("GPU-aa"), None).unwrap_err().contains("could be several"));
        assert!(chosen(Some("7"), None).unwrap_err().contains("`7` of --gpus is no GPU"));
        assert!(chosen(None, Some("")).unwrap_err().contains("names no GPU"));
        assert!(chosen(None, Some("-1")).unwrap_err().contains("names no GPU"));
        assert!(chosen(None, Some("MIG-1/2")).unwrap_err().contains("split GPU"));
    }
}
