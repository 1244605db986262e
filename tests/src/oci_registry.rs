//! Debian's `docker-registry`, run for a test.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::process::{self, Process};
use crate::wait;

/// A registry that keeps everything in a folder. Dropping it ends it.
#[derive(Debug)]
pub struct OciRegistry {
    _process: Process,
    /// Where it listens, without TLS.
    pub address: SocketAddr,
}

impl OciRegistry {
    /// Starts a registry in `folder`, which is empty and its own, for everybody or for one user with a password.
    ///
    /// # Errors
    ///
    /// The package `docker-registry` is not installed, or the registry does not come up.
    pub fn start(folder: &Path, user: Option<(&str, &str)>) -> Result<Self> {
        let address = process::free_address()?;
        let storage = folder.join("storage").display().to_string();
        let mut config = format!(
            "version: 0.1\nlog: {{level: warn}}\nstorage: {{filesystem: {{rootdirectory: {storage}}}}}\nhttp: {{addr: {address}}}\n"
        );
        if let Some((user, password)) = user {
            let file = folder.join("htpasswd");
            fs::write(&file, format!("{user}:{}\n", bcrypt(password)?))?;
            config.push_str(&format!("auth: {{htpasswd: {{realm: test, path: {}}}}}\n", file.display()));
        }
        let file = folder.join("config.yml");
        fs::write(&file, config)?;
        let arguments = ["serve".as_ref(), file.as_os_str()];
        let mut process = Process::start(Path::new("docker-registry"), arguments, &folder.join("registry.log"))?;
        wait::until("the registry to listen", || {
            process.check_running("`docker-registry` (of the Debian package of that name)")?;
            Ok(TcpStream::connect(address).ok().map(drop))
        })?;
        Ok(Self { _process: process, address })
    }
}

/// The only form of password that the registry takes, made by libcrypt.
fn bcrypt(password: &str) -> Result<String> {
    let output = Command::new("perl")
        .args(["-e", "print crypt($ARGV[0], '$2b$04$abcdefghijklmnopqrstuu')", password])
        .output()
        .context("`perl` could not be started")?;
    let hash = String::from_utf8(output.stdout)?;
    ensure!(hash.starts_with("$2b$"), "libcrypt makes no bcrypt hash: `{hash}`");
    Ok(hash)
}
