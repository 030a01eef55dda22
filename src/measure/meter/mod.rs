//! What do the meters of this machine see?
//!
//! A [`Recorder`] reads NVIDIA GPUs (one thread each) and the energy counters of the processor (RAPL) for as long as it
//! lives, on one [`Clock`](crate::measure::Clock); or it plays a [`Trace`] that was recorded before, anywhere. Asked for the
//! [`Window`] between two moments, it gives energy with a bound, and what the GPUs did meanwhile.
//!
//! A quantity that a GPU does not support is absent, with one warning, never zero. A GPU that is lost on the way ends its
//! own record; what was seen until then is kept.
//!
//! ```no_run
//! use joules::measure::{Clock, meter::{MeterChoice, Recorder}};
//!
//! let clock = Clock::start();
//! let recorder = Recorder::start(clock, &MeterChoice::default())?;
//! let from = clock.now();
//! std::thread::sleep(std::time::Duration::from_secs(5));
//! let to = clock.now();
//! recorder.wait_past(to);
//! let window = recorder.window(from, to);
//! println!("{} J ± {} J", window.energy_j, window.bound_j);
//! # Ok::<(), joules::measure::meter::MeterError>(())
//! ```

mod call;
mod caveats;
mod choice;
mod details;
mod error;
mod field;
mod gpu;
mod nvml;
mod nvml_gpu;
mod pace;
mod rapl;
mod record;
mod recorder;
mod throttle;
mod trace;
mod trace_read;
mod watch;
mod window;

pub use call::{CallCost, Overhead};
pub use choice::MeterChoice;
pub use details::{deviations, gpu_details, memory, number, processor, window_details};
pub use error::{MeterError, NotAlone};
pub use field::Field;
pub use gpu::{GpuInfo, NO_COUNTER, Process, SilentGpu};
pub use nvml::Driver;
pub use rapl::{Scope, Zone, zones};
pub use recorder::Recorder;
pub use trace::{Trace, TraceWindow};
pub use window::{GpuWindow, Window, ZoneWindow};
