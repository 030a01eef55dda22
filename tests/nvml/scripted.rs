//! An NVML that plays a scenario: the tests load it where the program would load the driver's library.
//!
//! The scenario is a text file named by the environment variable `SCRIPTED_NVML` (its form: see `scenario.rs`); without
//! it there is one GPU at 100 W. Built as a C library, it exports those functions of NVML that the program calls; what it
//! does not export is a missing symbol, as in an old driver. `joules … --nvml-lib target/debug/examples/libscripted_nvml.so`
//! uses it by hand. It plays the CUDA driver too (`--cuda-lib`), as far as a context that does nothing goes: the process that
//! opens one stands in the file of the scenario's name and `.contexts` until it ends.

#![allow(non_snake_case, unsafe_op_in_unsafe_fn, reason = "the names and the manner of the C interface")]
#![allow(missing_docs, clippy::missing_safety_doc, reason = "NVML documents its functions")]

mod power;
mod scenario;

use std::ffi::{c_char, c_int, c_longlong, c_uint, c_void};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use scenario::{Gpu, Scenario};

const SUCCESS: c_uint = 0;
const INVALID_ARGUMENT: c_uint = 2;
const NOT_SUPPORTED: c_uint = 3;
const NO_PERMISSION: c_uint = 4;
const NOT_FOUND: c_uint = 6;
const INSUFFICIENT_SIZE: c_uint = 7;
const DRIVER_NOT_LOADED: c_uint = 9;
const GPU_IS_LOST: c_uint = 15;
const VERSION_MISMATCH: c_uint = 18;
const UNKNOWN: c_uint = 999;

/// Types of values: unsigned int, unsigned long long.
const UNSIGNED: c_uint = 1;
const UNSIGNED_LONG_LONG: c_uint = 3;
/// The driver keeps a sample of the power for so long, and so many of them.
const SAMPLE: f64 = 0.02;
const SAMPLES: f64 = 119.0;

/// A GPU of the scenario, as a handle.
type Device = *const c_void;

struct Play {
    scenario: Scenario,
    start_ns: u64,
    /// Time of day at moment 0, µs since 1970.
    start_unix_us: f64,
}

#[repr(C)]
struct TimeSpec {
    seconds: i64,
    nanoseconds: i64,
}

unsafe extern "C" {
    fn clock_gettime(clock: c_int, time: *mut TimeSpec) -> c_int;
}

fn monotonic_ns() -> u64 {
    let mut time = TimeSpec { seconds: 0, nanoseconds: 0 };
    // SAFETY: a place for the time is handed in, and the clock exists (1 is CLOCK_MONOTONIC).
    unsafe { clock_gettime(1, &raw mut time) };
    time.seconds as u64 * 1_000_000_000 + time.nanoseconds as u64
}

static PLAY: OnceLock<Play> = OnceLock::new();

fn play() -> &'static Play {
    PLAY.get_or_init(|| {
        let text = match std::env::var_os("SCRIPTED_NVML") {
            Some(path) => std::fs::read_to_string(&path).expect("SCRIPTED_NVML names a scenario"),
            None => "gpu\n".to_owned(),
        };
        let scenario = Scenario::parse(&text).expect("the scenario is well formed");
        let now = monotonic_ns();
        let start_ns = scenario.epoch_ns.unwrap_or(now);
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1e6;
        let start_unix_us = unix - (now as f64 - start_ns as f64) / 1e3;
        Play { scenario, start_ns, start_unix_us }
    })
}

/// Seconds since the scenario began.
fn now() -> f64 {
    (monotonic_ns() as f64 - play().start_ns as f64) / 1e9
}

/// Answers a query about a GPU that may be lost, or may not support it.
unsafe fn answer(device: Device, field: &str, give: impl FnOnce(&Gpu)) -> c_uint {
    let Some(gpu) = device.cast::<Gpu>().as_ref() else { return INVALID_ARGUMENT };
    if gpu.lost.is_some_and(|lost| now() >= lost) {
        GPU_IS_LOST
    } else if gpu.unsupported.iter().any(|own| own == field) {
        NOT_SUPPORTED
    } else {
        give(gpu);
        SUCCESS
    }
}

unsafe fn write_text(text: &str, place: *mut c_char, length: c_uint) -> c_uint {
    if text.len() + 1 > length as usize {
        return INSUFFICIENT_SIZE;
    }
    std::ptr::copy_nonoverlapping(text.as_ptr().cast(), place, text.len());
    *place.add(text.len()) = 0;
    SUCCESS
}

fn milli(value: f64) -> c_uint {
    (value * 1000.0).round() as c_uint
}

/// Mean power over the time before a moment.
fn mean(gpu: &Gpu, t: f64, over: f64) -> f64 {
    (gpu.power.energy(t) - gpu.power.energy(t - over)) / over
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlInit_v2() -> c_uint {
    match play().scenario.init.as_str() {
        "ok" => SUCCESS,
        "no_permission" => NO_PERMISSION,
        "driver_not_loaded" => DRIVER_NOT_LOADED,
        "version_mismatch" => VERSION_MISMATCH,
        _ => UNKNOWN,
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlShutdown() -> c_uint {
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlSystemGetDriverVersion(place: *mut c_char, length: c_uint) -> c_uint {
    write_text(&play().scenario.driver, place, length)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetCount_v2(count: *mut c_uint) -> c_uint {
    *count = play().scenario.gpus.len() as c_uint;
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetHandleByIndex_v2(index: c_uint, device: *mut Device) -> c_uint {
    let Some(gpu) = play().scenario.gpus.get(index as usize) else { return NOT_FOUND };
    *device = std::ptr::from_ref(gpu).cast();
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetName(device: Device, place: *mut c_char, length: c_uint) -> c_uint {
    answer(device, "name", |gpu| {
        write_text(&gpu.name, place, length);
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetUUID(device: Device, place: *mut c_char, length: c_uint) -> c_uint {
    answer(device, "uuid", |gpu| {
        write_text(&gpu.uuid, place, length);
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetEnforcedPowerLimit(device: Device, milliwatts: *mut c_uint) -> c_uint {
    answer(device, "limit", |gpu| *milliwatts = milli(gpu.limit))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetTotalEnergyConsumption(device: Device, millijoules: *mut u64) -> c_uint {
    answer(device, "energy", |gpu| {
        if gpu.slow > 0.0 {
            std::thread::sleep(Duration::from_secs_f64(gpu.slow));
        }
        *millijoules = gpu.counter(now());
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetPowerUsage(device: Device, milliwatts: *mut c_uint) -> c_uint {
    answer(device, "average", |gpu| *milliwatts = milli(mean(gpu, now(), 1.0)))
}

#[repr(C)]
pub struct Sample {
    time_us: u64,
    value: u64,
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetSamples(
    device: Device,
    kind: c_uint,
    seen_us: u64,
    value_type: *mut c_uint,
    count: *mut c_uint,
    samples: *mut Sample,
) -> c_uint {
    if kind != 0 {
        return NOT_SUPPORTED;
    }
    answer(device, "samples", |gpu| {
        *value_type = UNSIGNED;
        let unix = |t: f64| (play().start_unix_us + t * 1e6) as u64;
        let last = ((now() - gpu.phase) / SAMPLE).floor();
        let moments = (0..SAMPLES as u32).rev().map(|back| gpu.phase + (last - f64::from(back)) * SAMPLE);
        let fresh: Vec<f64> = moments.filter(|t| unix(*t) > seen_us).collect();
        if !samples.is_null() {
            for (at, t) in fresh.iter().enumerate().take(*count as usize) {
                let value = u64::from(milli(mean(gpu, *t, SAMPLE)));
                samples.add(at).write(Sample { time_us: unix(*t), value });
            }
        }
        *count = if samples.is_null() { fresh.len() } else { fresh.len().min(*count as usize) } as c_uint;
    })
}

#[repr(C)]
pub struct FieldValue {
    field: c_uint,
    scope: c_uint,
    timestamp: c_longlong,
    latency: c_longlong,
    value_type: c_uint,
    result: c_uint,
    value: u64,
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetFieldValues(device: Device, count: c_int, values: *mut FieldValue) -> c_uint {
    for at in 0..count.max(0) as usize {
        let own = &mut *values.add(at);
        own.value_type = UNSIGNED;
        own.result = match own.field {
            185 => answer(device, "average", |gpu| own.value = u64::from(milli(mean(gpu, now(), 1.0)))),
            // A part-time sensor: one short reading each 0.1 s.
            186 => answer(device, "instant", |gpu| {
                own.value = u64::from(milli(gpu.power.at((now() * 10.0).floor() / 10.0)));
            }),
            83 => answer(device, "energy", |gpu| {
                own.value_type = UNSIGNED_LONG_LONG;
                own.value = gpu.counter(now());
            }),
            _ => NOT_SUPPORTED,
        };
    }
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetTemperature(device: Device, _sensor: c_uint, degrees: *mut c_uint) -> c_uint {
    answer(device, "temperature", |gpu| *degrees = gpu.temperature)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetClockInfo(device: Device, kind: c_uint, megahertz: *mut c_uint) -> c_uint {
    answer(device, "clocks", |gpu| *megahertz = if kind == 2 { 3201 } else { gpu.clock })
}

/// Whether the clocks are held back now, and for how long they were since moment 0.
fn throttled(gpu: &Gpu, t: f64) -> (bool, f64) {
    let (bits, share) = gpu.throttle;
    if bits == 0 {
        return (false, 0.0);
    }
    (t.rem_euclid(1.0) < share, t.floor() * share + t.rem_euclid(1.0).min(share))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetCurrentClocksThrottleReasons(device: Device, bits: *mut u64) -> c_uint {
    answer(device, "throttle", |gpu| *bits = if throttled(gpu, now()).0 { gpu.throttle.0 } else { 0 })
}

#[repr(C)]
pub struct Violation {
    reference_us: u64,
    violation_ns: u64,
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetViolationStatus(device: Device, policy: c_uint, time: *mut Violation) -> c_uint {
    answer(device, "violation", |gpu| {
        let t = now();
        // Policy 0 is power, 1 is heat; bit 0x4 of the reasons is the software's power cap, 0x20 and 0x40 are heat.
        let held = match policy {
            0 if gpu.throttle.0 & 0x4 != 0 => throttled(gpu, t).1,
            1 if gpu.throttle.0 & 0x60 != 0 => throttled(gpu, t).1,
            _ => 0.0,
        };
        *time = Violation { reference_us: (t * 1e6) as u64, violation_ns: (held * 1e9) as u64 };
    })
}

#[repr(C)]
pub struct Memory {
    version: c_uint,
    total: u64,
    reserved: u64,
    free: u64,
    used: u64,
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetMemoryInfo_v2(device: Device, memory: *mut Memory) -> c_uint {
    answer(device, "memory", |gpu| {
        let used: u64 = gpu.running().iter().map(|(_, bytes)| bytes).sum();
        let total = 150_000_000_000_u64;
        let memory = &mut *memory;
        (memory.total, memory.reserved, memory.used) = (total, 500_000_000, used);
        memory.free = total - used;
    })
}

#[repr(C)]
pub struct Utilization {
    gpu: c_uint,
    memory: c_uint,
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetUtilizationRates(device: Device, rates: *mut Utilization) -> c_uint {
    answer(device, "utilization", |gpu| {
        *rates = Utilization { gpu: gpu.utilization.0, memory: gpu.utilization.1 };
    })
}

#[repr(C)]
pub struct Process {
    pid: c_uint,
    used: u64,
    gpu_instance: c_uint,
    compute_instance: c_uint,
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetComputeRunningProcesses_v3(
    device: Device,
    count: *mut c_uint,
    processes: *mut Process,
) -> c_uint {
    let mut fits = true;
    let told = answer(device, "processes", |gpu| {
        let running = gpu.running();
        fits = *count as usize >= running.len();
        if fits && !processes.is_null() {
            for (at, &(pid, used)) in running.iter().enumerate() {
                let none = c_uint::MAX;
                processes.add(at).write(Process { pid, used, gpu_instance: none, compute_instance: none });
            }
        }
        *count = running.len() as c_uint;
    });
    if told == SUCCESS && !fits { INSUFFICIENT_SIZE } else { told }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetMigMode(device: Device, current: *mut c_uint, pending: *mut c_uint) -> c_uint {
    answer(device, "mig", |gpu| (*current, *pending) = (c_uint::from(gpu.mig), c_uint::from(gpu.mig)))
}

#[repr(C)]
pub struct GpmSupport {
    version: c_uint,
    supported: c_uint,
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlGpmQueryDeviceSupport(device: Device, support: *mut GpmSupport) -> c_uint {
    let told = answer(device, "gpm", |_| (*support).supported = 1);
    if told == NOT_SUPPORTED {
        (*support).supported = 0;
        return SUCCESS;
    }
    told
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlGpmSampleAlloc(sample: *mut *mut Device) -> c_uint {
    *sample = Box::into_raw(Box::new(std::ptr::null()));
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlGpmSampleFree(sample: *mut Device) -> c_uint {
    drop(Box::from_raw(sample));
    SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlGpmSampleGet(device: Device, sample: *mut Device) -> c_uint {
    answer(device, "gpm", |_| *sample = device)
}

#[repr(C)]
pub struct GpmMetric {
    id: c_uint,
    result: c_uint,
    value: f64,
    names: [*const c_char; 3],
}

#[repr(C)]
pub struct GpmMetrics {
    version: c_uint,
    count: c_uint,
    first: *mut Device,
    second: *mut c_void,
    metrics: [GpmMetric; 210],
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlGpmMetricsGet(request: *mut GpmMetrics) -> c_uint {
    let request = &mut *request;
    let device = *request.first;
    let count = request.count as usize;
    for own in request.metrics.iter_mut().take(count) {
        own.names = [c"".as_ptr(); 3];
        let which = match own.id {
            2 => 0,
            10 => 1,
            5 => 2,
            _ => {
                own.result = NOT_SUPPORTED;
                continue;
            }
        };
        own.result = answer(device, "gpm", |gpu| own.value = gpu.activity[which]);
    }
    SUCCESS
}

static CUDA_GPUS: OnceLock<c_int> = OnceLock::new();

#[unsafe(no_mangle)]
pub extern "C" fn cuInit(_flags: c_uint) -> c_int {
    let named = std::env::var("CUDA_VISIBLE_DEVICES").unwrap_or_default();
    let is_visible = |gpu: &&Gpu| named.split(',').any(|uuid| uuid == gpu.uuid);
    let count = play().scenario.gpus.iter().filter(is_visible).count();
    CUDA_GPUS.get_or_init(|| c_int::try_from(count).expect("few GPUs"));
    0
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceGetCount(count: *mut c_int) -> c_int {
    *count = CUDA_GPUS.get().copied().unwrap_or(0);
    0
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDeviceGet(device: *mut c_int, at: c_int) -> c_int {
    *device = at;
    0
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn cuDevicePrimaryCtxRetain(context: *mut *mut c_void, _device: c_int) -> c_int {
    *context = std::ptr::null_mut();
    if let Ok(scenario) = std::env::var("SCRIPTED_NVML") {
        std::fs::write(format!("{scenario}.contexts"), std::process::id().to_string())
            .expect("a place for the contexts");
    }
    0
}
