//! What the path of a result tells: task, model, GPU, knobs.

use std::collections::BTreeMap;
use std::path::Path;

/// What stands in the folders above a result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) task: Option<String>,
    pub(super) model: Option<String>,
    pub(super) gpu: Option<String>,
    /// `max_num_seqs`, `num_gpus`, … of language serving; `batch`, `uly`, `ring`, `size`, … of generation.
    pub(super) knobs: BTreeMap<String, String>,
}

/// Reads `…/{task}/results/{org}/{model}/{gpu}/{knobs}/results.json`; parts that are not there are absent.
pub(super) fn told(path: &Path) -> Told {
    let parts: Vec<String> =
        path.parent().into_iter().flatten().map(|part| part.to_string_lossy().into_owned()).collect();
    let mut told = Told::default();
    let Some(last) = parts.last() else { return told };
    told.knobs = knobs(last);
    // The folder of a task is followed by `results`; without it the path is of another shape.
    let Some(at) = parts.iter().rposition(|part| part == "results") else { return told };
    told.task = at.checked_sub(1).map(|at| parts[at].clone());
    if let [org, model, gpu, ..] = &parts[at + 1..] {
        told.model = Some(format!("{org}/{model}"));
        told.gpu = Some(gpu.clone());
    }
    told
}

/// `num_gpus+1+max_num_seqs+128`, or `batch-4+size-1024x1024`.
fn knobs(text: &str) -> BTreeMap<String, String> {
    let parts: Vec<&str> = text.split('+').collect();
    let dashed = parts.iter().all(|part| part.split_once('-').is_some_and(|(name, _)| !name.is_empty()));
    if dashed {
        return parts
            .iter()
            .filter_map(|part| part.split_once('-'))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
    }
    parts.chunks_exact(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_tell_the_run() {
        let told =
            told(Path::new("x/run/llm/gpqa/results/Org/Chat-8B/H100/num_gpus+2+max_num_seqs+128+seed+0/results.json"));
        assert_eq!(
            (told.task.as_deref(), told.model.as_deref(), told.gpu.as_deref()),
            (Some("gpqa"), Some("Org/Chat-8B"), Some("H100"))
        );
        assert_eq!(told.knobs["max_num_seqs"], "128");
        let other = super::told(Path::new(
            "run/diffusion/text-to-image/results/Org/Paint/H100/batch-4+size-1024x512+uly-2+ring-1+tc-True/results.json",
        ));
        assert_eq!((other.knobs["size"].as_str(), other.knobs["uly"].as_str()), ("1024x512", "2"));
        assert_eq!(super::told(Path::new("results.json")), Told::default());
        assert_eq!(super::told(Path::new("results/results.json")).task, None);
    }
}
