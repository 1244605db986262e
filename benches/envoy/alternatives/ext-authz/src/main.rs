//! `palisade-bench-ext-authz SOURCES...`: an authorization service for each file with `Sources`, on 127.0.0.1. Prints the
//! port of each, a line each, and serves until it is ended.
//!
//! One thread: what it spends is read from the kernel's count for the process.

use std::error::Error;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use envoy_types::ext_authz::v3::pb::{Authorization, AuthorizationServer, CheckRequest, CheckResponse, HttpStatusCode};
use envoy_types::ext_authz::v3::{CheckRequestExt as _, CheckResponseExt as _, DeniedHttpResponseBuilder};
use palisade_bench_rules::{Answer, Rules};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

struct Service {
    rules: Mutex<Rules>,
}

#[tonic::async_trait]
impl Authorization for Service {
    async fn check(&self, request: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        let check = request.get_ref();
        let http = check.attributes.as_ref().and_then(|all| all.request.as_ref()).and_then(|all| all.http.as_ref());
        let http = http.ok_or_else(|| Status::invalid_argument("no request"))?;
        let authorization = check.get_client_headers().and_then(|all| all.get("authorization")).map(String::as_str);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(u64::MAX, |since| since.as_secs());
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let status = match rules.decide(&http.method, &http.path, authorization, now) {
            Answer::Allow => return Ok(Response::new(CheckResponse::with_status(Status::ok("")))),
            Answer::Unauthenticated => HttpStatusCode::Unauthorized,
            Answer::Forbidden => HttpStatusCode::Forbidden,
        };
        let mut denied = DeniedHttpResponseBuilder::new();
        denied.set_http_status(status);
        let mut response = CheckResponse::with_status(Status::permission_denied(""));
        response.set_http_response(denied);
        Ok(Response::new(response))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut services = Vec::new();
    for path in std::env::args().skip(1) {
        let sources = serde_json::from_slice(&std::fs::read(path)?)?;
        let service = Service { rules: Mutex::new(Rules::load(sources).map_err(|fault| fault.to_string())?) };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        writeln!(std::io::stdout(), "{}", listener.local_addr()?.port())?;
        let server = Server::builder().add_service(AuthorizationServer::new(service));
        services.push(tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener))));
    }
    for service in services {
        service.await??;
    }
    Ok(())
}
