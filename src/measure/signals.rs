//! Signals to this process.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// Tells `on` every signal of these numbers from now on, instead of dying of it, until it answers that it has heard enough.
pub(super) fn listen(numbers: &[i32], mut on: impl FnMut(i32) -> bool + Send + 'static) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    // Registered before this returns, so that none is missed.
    let mut streams = {
        let _inside = runtime.enter();
        let stream = |&number: &i32| Ok((number, signal(SignalKind::from_raw(number))?));
        numbers.iter().map(stream).collect::<io::Result<Vec<_>>>()?
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            loop {
                let number = poll_fn(|context| {
                    let mut told = streams.iter_mut().filter_map(|(number, stream)| {
                        matches!(stream.poll_recv(context), Poll::Ready(Some(()))).then_some(*number)
                    });
                    told.next().map_or(Poll::Pending, Poll::Ready)
                });
                if !on(number.await) {
                    break;
                }
            }
        });
    })?;
    Ok(())
}
