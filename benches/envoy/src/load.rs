//! Load on one Envoy, by wrk.

use crate::Result;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

/// How long one round loads one Envoy, in seconds.
pub(crate) const SECONDS: u32 = 1;

/// What an agent's client sends along besides the token. wrk recognises its own `Host` by this spelling only.
const HEADERS: [&str; 12] = [
    "Host: repos.internal",
    "user-agent: agent-runtime/3.2 (linux; x86_64) http-client/9.1",
    "accept: application/json, text/event-stream;q=0.9, */*;q=0.1",
    "accept-encoding: gzip, br",
    "accept-language: en",
    "cache-control: no-cache",
    "content-type: application/json",
    "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "tracestate: vendor=opaque",
    "x-request-id: 5f0c6c1e-8f0d-4f5e-9a53-5d1f8f0d9a10",
    "x-intent: review",
    "x-session: 0d9f6a3e",
];

/// The load that every variant gets.
pub(crate) struct Load {
    /// The wrk binary.
    pub(crate) wrk: PathBuf,
    /// The bearer token of every request.
    pub(crate) token: String,
}

impl Load {
    /// Loads the address for [`SECONDS`] and returns how many requests were answered with 200.
    pub(crate) fn run(&self, address: SocketAddr) -> Result<u64> {
        let mut wrk = Command::new(&self.wrk);
        wrk.args(["--threads", "1", "--connections", "8", "--duration"]).arg(format!("{SECONDS}s"));
        for header in HEADERS {
            wrk.args(["--header", header]);
        }
        wrk.arg("--header").arg(format!("authorization: Bearer {}", self.token));
        wrk.arg(format!("http://{address}/repos/checkout/files/src/cart.rs"));
        let output = wrk.output()?;
        let text = String::from_utf8(output.stdout)?;
        requests(&text).ok_or_else(|| format!("wrk did not get 200 for every request:\n{text}").into())
    }
}

/// The number before "requests in" in wrk's report; none when any request failed.
fn requests(report: &str) -> Option<u64> {
    if report.contains("Non-2xx") || report.contains("Socket errors") {
        return None;
    }
    let line = report.lines().find(|line| line.contains(" requests in "))?;
    line.split_whitespace().next()?.parse().ok().filter(|count| *count > 0)
}

#[cfg(test)]
mod tests {
    use super::requests;

    #[test]
    fn reads_the_count_and_refuses_failures() {
        let report = "Running 1s test\n  Latency 1\n  1234 requests in 1.00s, 99.00KB read\nRequests/sec: 1234.00\n";
        assert_eq!(requests(report), Some(1234));
        assert_eq!(requests(&format!("{report}  Non-2xx or 3xx responses: 1\n")), None);
        assert_eq!(requests(&format!("{report}  Socket errors: connect 0, read 1\n")), None);
        assert_eq!(requests("  0 requests in 1.00s\n"), None);
        assert_eq!(requests(""), None);
    }
}
