//! Signals to this process, for as long as a command runs.

use std::sync::mpsc::Sender;

use super::child::Event;

/// Tells every Ctrl-C, SIGTERM and SIGHUP from now on, instead of dying of it.
pub(super) fn tell(events: Sender<Event>) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    // Registered before this returns, so that none is missed.
    let mut streams = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?)
    };
    std::thread::spawn(move || {
        runtime.block_on(async {
            loop {
                let number = tokio::select! {
                    _ = streams.0.recv() => 2,
                    _ = streams.1.recv() => 15,
                    _ = streams.2.recv() => 1,
                };
                if events.send(Event::Signal(number)).is_err() {
                    break;
                }
            }
        });
    });
    Ok(())
}
