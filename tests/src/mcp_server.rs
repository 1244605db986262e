//! The reference MCP server, in the process that the project publishes.

use std::env;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::process::Process;
use crate::wait;

/// A running `@modelcontextprotocol/server-everything`, over Streamable HTTP at `/mcp`. Dropping it ends it.
#[derive(Debug)]
pub struct McpServer {
    _process: Process,
    address: SocketAddr,
}

impl McpServer {
    /// Starts it on a free port.
    ///
    /// # Errors
    ///
    /// `PALISADE_MCP_SERVER` does not name its entry point, or it did not start.
    pub fn start(home: &Path) -> Result<Self> {
        let script = env::var_os("PALISADE_MCP_SERVER").map(PathBuf::from);
        let script =
            script.context("`PALISADE_MCP_SERVER` is not set: run `make test`, which installs what tests need")?;
        ensure!(script.is_file(), "`PALISADE_MCP_SERVER` names `{}`, which is no file", script.display());
        // It takes no listening socket and reports no port: a port that was free a moment ago has to do.
        let address = TcpListener::bind("127.0.0.1:0").context("no free port")?.local_addr()?;
        let port = format!("PORT={}", address.port());
        let arguments = [port.as_ref(), "node".as_ref(), script.as_os_str(), "streamableHttp".as_ref()];
        let mut process = Process::start(Path::new("env"), arguments, &home.join("mcp-server.log"))?;
        wait::until("the MCP server to listen", || {
            if let Some(status) = process.exited()? {
                bail!("the MCP server ended: {status}\n{}", process.output()?);
            }
            Ok(TcpStream::connect(address).ok())
        })?;
        Ok(Self { _process: process, address })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
