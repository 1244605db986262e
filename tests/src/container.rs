//! Containers: an engine, the local Envoy image, and the quickstart's compose file run as it ships.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail, ensure};

use crate::process::Process;
use crate::{quickstart, wait};

/// A Docker engine: the one that answers, or one that ends with this value.
#[derive(Debug)]
pub struct Engine {
    host: Option<String>,
    _daemon: Option<Process>,
}

impl Engine {
    /// Uses the engine that answers, else starts one with all its data in `home`.
    ///
    /// # Errors
    ///
    /// Docker is not installed, or no engine can be started; the error says what to do.
    pub fn open(home: &Path) -> Result<Self> {
        let present = Self { host: None, _daemon: None };
        if present.docker(["info"])?.status.success() {
            return Ok(present);
        }
        Self::start(home).context("no Docker engine answers and none can be started: start Docker, or run as root")
    }

    fn start(home: &Path) -> Result<Self> {
        let at = |name: &str| home.join(name).display().to_string();
        let host = format!("unix://{}", at("docker.sock"));
        let arguments =
            ["--data-root", &at("data"), "--exec-root", &at("exec"), "--pidfile", &at("docker.pid"), "--host", &host];
        let program = ["/usr/sbin/dockerd", "/usr/bin/dockerd"].map(Path::new).into_iter().find(|path| path.exists());
        let program = program.context("there is no `dockerd`: run `make test`, which installs it")?;
        let mut daemon = Process::start(program, arguments, &home.join("dockerd.log"))?;
        let ask = Self { host: Some(host.clone()), _daemon: None };
        wait::until("dockerd to answer", || {
            if let Some(status) = daemon.exited()? {
                bail!("dockerd ended: {status}\n{}", daemon.output()?);
            }
            Ok(ask.docker(["info"])?.status.success().then_some(()))
        })?;
        Ok(Self { host: Some(host), _daemon: Some(daemon) })
    }

    /// Makes the local image from the Envoy under test; returns its name.
    ///
    /// # Errors
    ///
    /// The script failed.
    pub fn envoy_image(&self) -> Result<String> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../build/envoy-image.sh");
        let output = self.command(&script).output().with_context(|| format!("cannot run `{}`", script.display()))?;
        Ok(succeeded("envoy-image.sh", output)?.trim().to_owned())
    }

    fn docker<const N: usize>(&self, arguments: [&str; N]) -> Result<Output> {
        let output = self.command(Path::new("docker")).args(arguments).output();
        output.context("there is no `docker`: run `make test`, which installs it")
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        if let Some(host) = &self.host {
            command.env("DOCKER_HOST", host);
        }
        command
    }
}

/// The quickstart's compose file, up; its containers and networks go with the value.
#[derive(Debug)]
pub struct Composition<'a> {
    engine: &'a Engine,
    folder: PathBuf,
    image: String,
    port: u16,
}

impl<'a> Composition<'a> {
    /// A folder with the shipped files in it, which are everything that compose mounts except for `build/`.
    ///
    /// # Errors
    ///
    /// A file cannot be copied, or no port is free.
    pub fn prepare(engine: &'a Engine, home: &Path, image: &str) -> Result<Self> {
        // The folder's name becomes the project's name: unique on an engine that others use too.
        let folder = home.join(format!("palisade-test-{}", std::process::id()));
        fs::create_dir_all(folder.join("build/filter"))?;
        for file in ["compose.yaml", "envoy.yaml", "upstream.yaml"] {
            fs::copy(quickstart::folder().join(file), folder.join(file))
                .with_context(|| format!("cannot copy `{file}`"))?;
        }
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        Ok(Self { engine, folder, image: image.to_owned(), port })
    }

    /// The folder that the compose file mounts its parts from.
    #[must_use]
    pub fn build_folder(&self) -> PathBuf {
        self.folder.join("build")
    }

    /// Where the gateway listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// `docker compose up --detach`.
    ///
    /// # Errors
    ///
    /// Compose failed; the error holds what it said.
    pub fn up(&self) -> Result<()> {
        succeeded("compose up", self.compose(&["up", "--detach"])?).map(drop)
    }

    /// What the containers have written.
    ///
    /// # Errors
    ///
    /// Compose failed.
    pub fn logs(&self) -> Result<String> {
        succeeded("compose logs", self.compose(&["logs", "--no-color"])?)
    }

    fn compose(&self, arguments: &[&str]) -> Result<Output> {
        let plugin = self.engine.docker(["compose", "version"])?.status.success();
        let mut command = if plugin {
            let mut command = self.engine.command(Path::new("docker"));
            command.arg("compose");
            command
        } else {
            self.engine.command(Path::new("docker-compose"))
        };
        command.args(arguments).current_dir(&self.folder);
        command.env("ENVOY_IMAGE", &self.image).env("GATEWAY_PORT", self.port.to_string());
        command.output().context("there is no `docker-compose`: run `make test`, which installs it")
    }
}

impl Drop for Composition<'_> {
    fn drop(&mut self) {
        // Nothing can be returned from here; what is left behind shows in `docker ps`.
        let _ = self.compose(&["down", "--volumes", "--timeout", "2"]);
    }
}

fn succeeded(what: &str, output: Output) -> Result<String> {
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{what}: {}\n{said}{complained}", output.status);
    Ok(said.into_owned())
}
