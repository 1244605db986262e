//! A server of one file over TLS, by way of the `openssl` command.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use anyhow::Result;

use crate::process::Process;
use crate::tls::Certificate;
use crate::wait;

/// The files that it serves lie in the folder in which it runs.
const SERVE: &str = r#"cd "$1" && exec openssl s_server -HTTP -accept "$2" -cert "$3" -key "$4""#;

/// The server. Dropping it ends it.
#[derive(Debug)]
pub struct TlsServer {
    process: Process,
}

impl TlsServer {
    /// Serves `document` to whoever asks for `target`, with this certificate. `folder` is empty and its own.
    ///
    /// # Errors
    ///
    /// `openssl` is not there, or somebody else listens at `address`.
    pub fn start(
        address: SocketAddr,
        certificate: &Certificate,
        target: &str,
        document: &str,
        folder: &Path,
    ) -> Result<Self> {
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{document}",
            document.len()
        );
        fs::write(folder.join(target.trim_start_matches('/')), answer)?;
        let address_text = address.to_string();
        let arguments = [
            "-c".as_ref(),
            SERVE.as_ref(),
            "server".as_ref(),
            folder.as_os_str(),
            address_text.as_ref(),
            certificate.pem.as_os_str(),
            certificate.key.as_os_str(),
        ];
        let mut process = Process::start(Path::new("sh"), arguments, &folder.join("server.log"))?;
        wait::until("the TLS server to listen", || {
            process.check_running("the TLS server")?;
            Ok(TcpStream::connect(address).ok().map(drop))
        })?;
        Ok(Self { process })
    }

    /// How many requests it has answered.
    ///
    /// # Errors
    ///
    /// Its output cannot be read.
    pub fn answered(&self) -> Result<usize> {
        Ok(self.process.output()?.matches("FILE:").count())
    }
}
