//! Which meters to read.

use std::path::PathBuf;

use super::context::Holder;
use super::error::MeterError;
use super::gpu::{GpuInfo, SilentGpu};
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
    /// How idle CUDA contexts are opened, if they may be.
    pub holder: Option<Holder>,
    /// A recorded trace to play instead of reading any device.
    pub replay: Option<PathBuf>,
    /// Folder that takes the whole trace while it is recorded; without it, what is old is thinned.
    pub spool: Option<PathBuf>,
}

impl MeterChoice {
    /// Whether no GPU is asked for, and so all of them.
    pub(super) fn is_all(&self) -> bool {
        self.gpus.is_none() && self.visible.is_none()
    }

    /// The indices among `all` that are asked for, in the order of `all`.
    pub(super) fn select(&self, all: &[GpuInfo], silent: &[SilentGpu]) -> Result<Vec<usize>, MeterError> {
        let (text, from) = match (&self.gpus, &self.visible) {
            (Some(text), _) => (text, "--gpus"),
            (None, Some(text)) => (text, "CUDA_VISIBLE_DEVICES"),
            (None, None) => return Ok((0..all.len()).collect()),
        };
        let known = || list(&all.iter().map(|gpu| format!("{} ({})", gpu.index, gpu.uuid)).collect::<Vec<_>>());
        let (mut chosen, mut faults) = (Vec::new(), Vec::new());
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            // CUDA ends its list at the first that is no device.
            if from == "CUDA_VISIBLE_DEVICES" && word == "-1" {
                break;
            }
            if let Some(own) = silent.iter().find(|own| word.parse() == Ok(own.index)) {
                return Err(MeterError::Silent { gpu: own.index, reason: own.reason.clone() });
            }
            match named(word, all) {
                Ok(at) => chosen.push(at),
                Err(why) => faults.push(format!("`{word}` {why}")),
            }
        }
        if !faults.is_empty() {
            return Err(MeterError::NoSuchGpu { from, faults, known: known() });
        }
        if chosen.is_empty() {
            return Err(MeterError::NoneChosen { from, text: text.clone(), known: known() });
        }
        chosen.sort_unstable();
        chosen.dedup();
        Ok(chosen)
    }
}

/// The place among `all` of the GPU that a word names; or what is wrong with the word.
fn named(word: &str, all: &[GpuInfo]) -> Result<usize, &'static str> {
    if word.starts_with("MIG-") {
        return Err("is an instance of a split GPU, whose energy has no counter of its own");
    }
    let by_index = |gpu: &GpuInfo| word.parse() == Ok(gpu.index);
    let by_identity = |gpu: &GpuInfo| word.len() >= 5 && gpu.uuid.starts_with(word);
    let matching: Vec<usize> = (0..all.len()).filter(|&at| by_index(&all[at]) || by_identity(&all[at])).collect();
    match matching[..] {
        [only] => Ok(only),
        [] => Err("is no GPU of this machine"),
        _ => Err("could be several GPUs"),
    }
}

#[cfg(test)]
mod tests {
    use super::{GpuInfo, MeterChoice, SilentGpu};

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
            choice
                .select(&all, &[SilentGpu { index: 3, reason: "it is lost".to_owned() }])
                .map_err(|error| error.to_string())
        };
        assert_eq!(chosen(None, None).unwrap(), [0, 1, 2]);
        assert_eq!(chosen(Some("2,0,0"), Some("1")).unwrap(), [0, 2]);
        assert_eq!(chosen(None, Some("GPU-bb, 1")).unwrap(), [1, 2]);
        assert!(chosen(Some("GPU-aa"), None).unwrap_err().contains("could be several"));
        assert!(chosen(Some("7"), None).unwrap_err().contains("--gpus cannot be: `7` is no GPU"));
        let several = chosen(Some("7,0,MIG-1"), None).unwrap_err();
        assert!(several.contains("`7` is no GPU") && several.contains("`MIG-1` is an instance"), "{several}");
        assert!(chosen(Some("0,3"), None).unwrap_err().contains("GPU 3 does not answer: it is lost"));
        assert!(chosen(None, Some("")).unwrap_err().contains("names no GPU"));
        assert!(chosen(None, Some("-1")).unwrap_err().contains("names no GPU"));
        assert!(chosen(None, Some("MIG-1/2")).unwrap_err().contains("split GPU"));
    }
}
