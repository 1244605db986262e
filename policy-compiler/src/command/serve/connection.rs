//! Connections: accepted one by one, bounded in number and in patience, with TLS where there is a certificate.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::answer::Desk;
use super::end;
use super::event::Event;
use super::tls;
use crate::limits::{SERVED_HEAD_BYTES, SERVED_HEADERS, SERVED_IDLE_SECONDS, SERVED_STALL_SECONDS};

const STALL: Duration = Duration::from_secs(SERVED_STALL_SECONDS);
const IDLE: Duration = Duration::from_secs(SERVED_IDLE_SECONDS);

/// What an address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Files,
    Progress,
}

impl Purpose {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Progress => "progress",
        }
    }
}

/// Who is at the other end.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) address: SocketAddr,
    /// What its certificate says, where one was asked for.
    pub(super) subject: Option<Arc<str>>,
}

impl Client {
    /// By what it is told from others: its certificate, or else its address.
    pub(super) fn name(&self) -> String {
        match &self.subject {
            Some(subject) => subject.to_string(),
            None => self.address.ip().to_string(),
        }
    }

    /// Whether what it says is anybody's in particular: it has a certificate, or is on this machine.
    pub(super) fn is_known(&self) -> bool {
        self.subject.is_some() || self.address.ip().to_canonical().is_loopback()
    }
}

/// A way in.
pub(super) struct Door {
    pub(super) purpose: Purpose,
    pub(super) tls: Option<watch::Receiver<Arc<ServerConfig>>>,
    pub(super) desk: Arc<Desk>,
    pub(super) room: Arc<Semaphore>,
    pub(super) stopped: watch::Receiver<bool>,
}

impl Door {
    /// Lets connections in until the server stops, and waits for those that are in.
    pub(super) async fn open(self, listener: TcpListener) {
        let mut stopped = self.stopped.clone();
        let mut inside = JoinSet::new();
        loop {
            let arrival = async {
                let permit = Arc::clone(&self.room).acquire_owned().await;
                (permit, listener.accept().await)
            };
            let (permit, accepted) = tokio::select! {
                arrived = arrival => arrived,
                () = end::stopped(&mut stopped) => break,
            };
            match (permit, accepted) {
                (Ok(permit), Ok((stream, address))) => {
                    inside.spawn(self.receive(stream, address, permit));
                }
                // The process has no more files to open, or the client left already: others end, too.
                (_, Err(_)) => sleep(Duration::from_millis(10)).await,
                (Err(_), _) => break,
            }
            while inside.try_join_next().is_some() {}
        }
        drop(listener);
        while inside.join_next().await.is_some() {}
    }

    fn receive(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        permit: OwnedSemaphorePermit,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (desk, purpose, stopped) = (Arc::clone(&self.desk), self.purpose, self.stopped.clone());
        let config = self.tls.as_ref().map(|current| Arc::clone(&current.borrow()));
        async move {
            let _permit = permit;
            let served = async {
                // An answer is written at once: there is nothing to wait for.
                stream.set_nodelay(true)?;
                let Some(config) = config else {
                    let client = Client { address, subject: None };
                    return converse(Patient::new(stream), client, purpose, Arc::clone(&desk), stopped).await;
                };
                let handshake = timeout(STALL, TlsAcceptor::from(config).accept(stream)).await;
                let stream = handshake.map_err(|_| io::Error::other("no TLS handshake in time"))??;
                let subject = stream.get_ref().1.peer_certificates().and_then(<[_]>::first).map(tls::subject);
                let client = Client { address, subject };
                converse(Patient::new(stream), client, purpose, Arc::clone(&desk), stopped).await
            };
            if let Err(error) = served.await {
                desk.log.send(Event::Connection { client: address, error: error.to_string() });
            }
        }
    }
}

/// Answers the requests of one connection.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    client: Client,
    purpose: Purpose,
    desk: Arc<Desk>,
    mut stopped: watch::Receiver<bool>,
) -> io::Result<()> {
    let service = service_fn(move |request| {
        let (client, desk) = (client.clone(), Arc::clone(&desk));
        async move { Ok::<_, std::convert::Infallible>(desk.answer(&client, purpose, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .max_buf_size(SERVED_HEAD_BYTES)
        .max_headers(SERVED_HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = end::stopped(&mut stopped) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    match ended {
        Ok(()) => Ok(()),
        // A client that leaves, or that has nothing more to ask, is no event.
        Err(error) if error.is_timeout() || error.is_incomplete_message() || error.is_closed() => Ok(()),
        Err(error) => Err(io::Error::other(error)),
    }
}

/// A stream whose client has to take its answer: one that takes nothing for [`STALL`] is given up.
struct Patient<S> {
    stream: S,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    fn new(stream: S) -> Self {
        Self { stream, stalled: None }
    }

    /// Starts waiting with the first write that cannot go on, and stops with one that can.
    fn watch<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(STALL)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not take its answer")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(written, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.watch(shut, context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_a_certificate_or_is_on_this_machine_is_known() {
        for (address, subject, known) in [
            ("127.0.0.1:1", None, true),
            ("[::1]:1", None, true),
            ("[::ffff:127.0.0.1]:1", None, true),
            ("192.0.2.1:1", None, false),
            ("[2001:db8::1]:1", None, false),
            ("[::ffff:192.0.2.1]:1", None, false),
            ("192.0.2.1:1", Some("spiffe://prod.test/gateway"), true),
        ] {
            let client = Client { address: address.parse().unwrap(), subject: subject.map(Arc::from) };
            assert_eq!(client.is_known(), known, "{address} {subject:?}");
        }
    }
}
