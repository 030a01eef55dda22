//! A CUDA context that does nothing, through the driver's own library: clocks go up and power with them, as under an engine
//! that waits.

use std::ffi::{c_int, c_uint, c_void};
use std::path::Path;

use libloading::{Library, Symbol};

/// Where the system finds the driver's library.
const LIBRARY: &str = "libcuda.so.1";

type Init = unsafe extern "C" fn(c_uint) -> c_int;
type Count = unsafe extern "C" fn(*mut c_int) -> c_int;
type Device = unsafe extern "C" fn(*mut c_int, c_int) -> c_int;
type Retain = unsafe extern "C" fn(*mut *mut c_void, c_int) -> c_int;

/// Opens a context on each GPU that CUDA sees, and writes a line with their number to `told`. They last until this process
/// ends: the driver is never unloaded while they live.
#[expect(unsafe_code, reason = "the CUDA driver has a C interface")]
pub fn open_contexts(library: Option<&Path>, told: &mut impl std::io::Write) -> Result<(), String> {
    let path = library.unwrap_or(Path::new(LIBRARY));
    // SAFETY: what the library runs when it is loaded is the driver's own start-up.
    let library = unsafe { Library::new(path) }.map_err(|error| format!("`{}`: {error}", path.display()))?;
    let library: &'static Library = Box::leak(Box::new(library));
    let missing = |error: libloading::Error| format!("`{}`: {error}", path.display());
    // SAFETY: these are the types of the functions in the header of the CUDA driver API.
    let (init, count, device, retain): (Symbol<'_, Init>, Symbol<'_, Count>, Symbol<'_, Device>, Symbol<'_, Retain>) = unsafe {
        (
            library.get(b"cuInit").map_err(missing)?,
            library.get(b"cuDeviceGetCount").map_err(missing)?,
            library.get(b"cuDeviceGet").map_err(missing)?,
            library.get(b"cuDevicePrimaryCtxRetain").map_err(missing)?,
        )
    };
    let checked =
        |what: &str, code: c_int| if code == 0 { Ok(()) } else { Err(format!("{what} fails: {}", words(code))) };
    let (mut gpus, mut context) = (0, std::ptr::null_mut());
    // SAFETY: each gets a place for what it gives, and `cuInit` comes first.
    unsafe {
        checked("cuInit", init(0))?;
        checked("cuDeviceGetCount", count(&raw mut gpus))?;
        for at in 0..gpus {
            let mut own = 0;
            checked("cuDeviceGet", device(&raw mut own, at))?;
            checked("cuDevicePrimaryCtxRetain", retain(&raw mut context, own))?;
        }
    }
    writeln!(told, "{gpus}").and_then(|()| told.flush()).map_err(|error| error.to_string())
}

/// What the commonest of the driver's errors (`CUresult`) mean.
fn words(code: c_int) -> String {
    let meaning = match code {
        2 => "no memory is left on a GPU",
        46 => "a GPU is in exclusive mode, and in use",
        100 => "it sees no GPU",
        802 => "the system is not ready: is the fabric manager running?",
        803 => "its library and the kernel's driver are of different versions",
        999 => "unknown; the kernel's log may say more",
        _ => return format!("error {code} of the CUDA driver"),
    };
    format!("{meaning} (error {code} of the CUDA driver)")
}
