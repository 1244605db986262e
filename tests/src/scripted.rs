//! A server whose answers are written by the test, byte for byte.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result};

use crate::http1::Message;

/// Writes an answer. When it returns, the connection ends.
pub type Script = Box<dyn Fn(&mut TcpStream, &[(String, Vec<u8>)]) -> Result<()> + Send + Sync>;

type Scripts = Mutex<BTreeMap<String, Arc<Script>>>;

/// A running server. Its threads end with the process.
pub struct Scripted {
    address: SocketAddr,
    scripts: Arc<Scripts>,
}

impl Scripted {
    /// Listens on a free port of 127.0.0.1. A request is answered by the script of the name in its query, and by closing the
    /// connection where there is none. Scripts see the request's headers.
    ///
    /// # Errors
    ///
    /// No port is free.
    pub fn start(scripts: impl IntoIterator<Item = (impl Into<String>, Script)>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
        let address = listener.local_addr()?;
        let server = Self { address, scripts: Arc::default() };
        server.add(scripts);
        let scripts = Arc::clone(&server.scripts);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let scripts = Arc::clone(&scripts);
                // A connection that fails is Envoy's to report: the test sees what it makes of it.
                thread::spawn(move || serve(stream, &scripts));
            }
        });
        Ok(server)
    }

    /// Takes more scripts, in place of those of the same names.
    pub fn add(&self, scripts: impl IntoIterator<Item = (impl Into<String>, Script)>) {
        let scripts = scripts.into_iter().map(|(name, script)| (name.into(), Arc::new(script)));
        self.scripts.lock().unwrap_or_else(PoisonError::into_inner).extend(scripts);
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn serve(mut stream: TcpStream, scripts: &Scripts) -> Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let Some(Message { start, headers, .. }) = Message::read(&mut reader, false)? else {
        return Ok(());
    };
    let target = start.split(' ').nth(1).unwrap_or_default();
    let name = target.split_once('?').map_or("", |(_, query)| query);
    let script = scripts.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
    match script {
        Some(script) => script(&mut stream, &headers),
        None => Ok(()),
    }
}
