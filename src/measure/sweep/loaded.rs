//! A load on a server as the work of a point.

use super::local::Local;
use super::plan::Visit;
use super::station::{Ending, Failed, Measured, Tell};

/// Loads the server as the visit asks, until its steady state is known well enough.
pub(super) fn measure(_local: &mut Local<'_>, _visit: &Visit, _tell: &mut Tell<'_>) -> Result<Measured, Ending> {
    Err(Failed::new("not built").into())
}
