//! HTTP/2 without TLS, for what HTTP/1.1 cannot say: request trailers, and that one of several requests is given up.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request};

use crate::http1::Response;

/// Longest time for a whole exchange. Reached only when something hangs, which is a failure.
const PATIENCE: Duration = Duration::from_secs(20);

/// A POST with a body and trailers: the stream ends with the trailers, not with the body. Without trailers it ends with
/// an empty frame.
#[derive(Clone, Debug)]
pub struct TrailerPost<'a> {
    /// `:authority`
    pub host: &'a str,
    /// `:path`
    pub path: &'a str,
    /// The token, sent as `authorization: Bearer …`.
    pub token: Option<&'a str>,
    /// `content-type`, if any.
    pub content_type: Option<&'static str>,
    /// The body.
    pub body: &'static str,
    /// The trailers, whose names are lower case.
    pub trailers: &'a [(&'static str, &'static str)],
}

impl TrailerPost<'_> {
    /// Sends the request and reads the whole answer.
    ///
    /// # Errors
    ///
    /// The exchange failed or took longer than 20 s.
    pub fn send(&self, to: SocketAddr) -> Result<Response> {
        self.send_after_resets(to, &[])
    }

    /// Sends the request to each of `left` on the same connection before, and gives it up in the middle of its body.
    ///
    /// # Errors
    ///
    /// As [`TrailerPost::send`].
    pub fn send_after_resets(&self, to: SocketAddr, left: &[String]) -> Result<Response> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            tokio::time::timeout(PATIENCE, self.exchange(to, left)).await.context("the gateway hangs")?
        })
    }

    async fn exchange(&self, to: SocketAddr, left: &[String]) -> Result<Response> {
        let stream = tokio::net::TcpStream::connect(to).await?;
        let (mut client, mut connection) = h2::client::handshake(stream).await?;
        let mut pings = connection.ping_pong().context("no pings")?;
        // Its task ends with the runtime; a connection that fails makes the exchange fail.
        let _connection = tokio::spawn(connection);
        for path in left {
            client = client.ready().await?;
            let (_, mut body) = client.send_request(self.request(path)?, false)?;
            let half = self.body.as_bytes().get(..self.body.len() / 2).unwrap_or_default();
            body.send_data(Bytes::from_static(half), false)?;
            // What is not on the wire yet would never be.
            pings.ping(h2::Ping::opaque()).await?;
            body.send_reset(h2::Reason::CANCEL);
        }
        let mut client = client.ready().await?;
        let (answer, mut body) = client.send_request(self.request(self.path)?, false)?;
        // A gateway that denies early may reset the stream under our feet; its answer still counts.
        let _ = body.send_data(Bytes::from_static(self.body.as_bytes()), false);
        let _ = match self.trailers {
            [] => body.send_data(Bytes::new(), true),
            _ => body.send_trailers(self.trailers()),
        };
        let (head, mut body) = answer.await?.into_parts();
        let mut bytes = Vec::new();
        while let Some(chunk) = body.data().await {
            let chunk = chunk?;
            body.flow_control().release_capacity(chunk.len())?;
            bytes.extend_from_slice(&chunk);
        }
        let headers = head.headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
        Ok(Response::new(head.status.as_u16(), headers.collect(), bytes))
    }

    fn request(&self, path: &str) -> Result<Request<()>> {
        let mut request = Request::post(format!("http://{}{path}", self.host));
        if let Some(token) = self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(content_type) = self.content_type {
            request = request.header("content-type", content_type);
        }
        Ok(request.body(())?)
    }

    fn trailers(&self) -> HeaderMap {
        self.trailers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }
}
