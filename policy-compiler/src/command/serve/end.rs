//! The signals that end the server.

use std::future::Future;

use tokio::sync::watch;

use super::Failure;

/// Ends when the server is to stop, or already is.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // Without a sender there is no server any more.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Ends with the first SIGTERM or SIGINT. They are caught from this call on.
#[cfg(unix)]
pub(super) fn signal() -> Result<impl Future<Output = ()>, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |error| Failure::new("serve.signal", error);
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    Ok(std::future::poll_fn(move |context| {
        if terminate.poll_recv(context).is_ready() || interrupt.poll_recv(context).is_ready() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    }))
}

/// Ends with Ctrl-C.
#[cfg(not(unix))]
pub(super) fn signal() -> Result<impl Future<Output = ()>, Failure> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
