//! The reference MCP server, in the process that the project publishes.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use anyhow::Result;

use crate::process::{self, Process};
use crate::{tools, wait};

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
        let script = tools::file("PALISADE_MCP_SERVER")?;
        // It takes no listening socket and reports no port: a port that was free a moment ago has to do.
        let address = process::free_address()?;
        let port = format!("PORT={}", address.port());
        let arguments = [port.as_ref(), "node".as_ref(), script.as_os_str(), "streamableHttp".as_ref()];
        let mut process = Process::start(Path::new("env"), arguments, &home.join("mcp-server.log"))?;
        wait::until("the MCP server to listen", || {
            process.check_running("the MCP server")?;
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
