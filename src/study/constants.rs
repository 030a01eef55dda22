//! The constants of the definitions, all of them here. The published numbers follow from these values.

/// Deadlines of the matched-latency comparison: median time between tokens (s), for text and multimodal tasks.
pub(super) const TOKEN_DEADLINES: [f64; 3] = [0.05, 0.1, 0.25];
/// The same for images: time of a batch (s).
pub(super) const IMAGE_DEADLINES: [f64; 3] = [10.0, 30.0, 60.0];
/// The same for videos.
pub(super) const VIDEO_DEADLINES: [f64; 3] = [100.0, 500.0, 1000.0];

/// Bins of batch sizes, both ends included, in which precisions are compared. The published table leaves out batch 8 and
/// calls the second bin 8 to 16.
pub(super) const BATCH_BINS: [(u64, u64); 5] = [(0, 8), (9, 16), (17, 64), (65, 256), (257, u64::MAX)];

/// Batch from which the effect of the batch is measured: the smallest that is at least this.
pub(super) const REFERENCE_BATCH: u64 = 16;
/// Energy that a larger batch takes beyond this factor is a rise worth telling.
pub(super) const ENERGY_RISES: f64 = 1.02;
/// Latency of a larger batch below this factor is a fall worth telling.
pub(super) const LATENCY_FALLS: f64 = 0.95;

/// Two models are of similar size if their parameters differ by no more than this factor.
pub(super) const SIMILAR_SIZE: f64 = 1.25;
/// Parameters from which a model is large.
pub(super) const LARGE_MODEL: f64 = 70e9;
/// Energy of a video over that of an image that is worth counting.
pub(super) const HUNDREDFOLD: f64 = 100.0;

/// Text tasks that the published comparison of GPU types leaves out; they have numbers of their own.
pub(super) const NOT_POOLED: [&str; 1] = ["sourcegraph-fim"];
/// Parts of a model's name that tell variants of one model apart.
pub(super) const VARIANTS: [&str; 5] = ["vl", "omni", "instruct", "thinking", "it"];

/// Precisions from the widest to the narrowest.
pub(super) const PRECISIONS: [&str; 9] = ["fp32", "bf16", "fp16", "fp8", "int8", "mxfp4", "nvfp4", "fp4", "int4"];

/// A window of fewer requests than this many batches is short.
pub(super) const SHORT_WINDOW: f64 = 2.0;
/// Running requests below this share of the configured batch are worth a word.
pub(super) const UNFILLED: f64 = 0.95;
/// Median latency below this share of running requests over throughput hides stalls.
pub(super) const HIDDEN_STALLS: f64 = 0.8;
/// The 90th percentile of the time between tokens over its median from which the host may have been slow.
pub(super) const SLOW_HOST: f64 = 1.3;
/// Difference of two single runs that may be chance where nothing was measured twice: GPUs of one type differ by as much.
pub(super) const CHANCE: f64 = 0.08;

/// Two runs of one configuration whose logs are further apart differ in something unrecorded.
pub(super) const NOT_A_REPEAT: f64 = 0.1;
/// Log difference of answer lengths from which two runs did different work.
pub(super) const OTHER_LENGTH: f64 = 0.3;

/// Comparisons of an observation that are divided into causes.
pub(super) const MOST_DECOMPOSED: usize = 6;
