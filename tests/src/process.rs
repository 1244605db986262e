//! A child process that cannot outlive its owner.

use std::ffi::OsStr;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::{fs, io};

use anyhow::{Context, Result, bail};

use crate::wait;

/// Runs `"$@"` and ends it when standard input closes. The pipe's other end is held by the test process alone, so the
/// kernel closes it however that process ends: return, panic, abort or SIGKILL.
const SUPERVISOR: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
child=$!
( read -r _ <&3; kill "$child" ) 2>/dev/null &
watcher=$!
# Some shells have a word for a child that was killed, where its own last words are looked for.
wait "$child" 2>/dev/null
status=$?
kill "$watcher" 2>/dev/null
exit "$status"
"#;

/// Ports that no system gives to outgoing connections by itself: Linux begins at 32768, others later. One that it gave out as
/// free could be some connection's before the program listens there.
const PORTS: Range<u16> = 10_000..32_768;

/// How many ports this process was given.
static GIVEN: AtomicU16 = AtomicU16::new(0);

/// An address of 127.0.0.1 at which nobody listens, for programs that take no listening socket. No other call of this process
/// returns it, and calls of other processes begin elsewhere.
///
/// # Errors
///
/// No port is free.
pub fn free_address() -> Result<SocketAddr> {
    let first = process::id().wrapping_mul(911);
    let count = u32::from(PORTS.end - PORTS.start);
    for _ in PORTS {
        let next = first.wrapping_add(u32::from(GIVEN.fetch_add(1, Ordering::Relaxed)));
        let port = PORTS.start + u16::try_from(next % count)?;
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            return Ok(listener.local_addr()?);
        }
    }
    bail!("no free port")
}

/// A running program with its output in a file; dropping it ends the program.
#[derive(Debug)]
pub struct Process {
    child: Child,
    output: PathBuf,
}

impl Process {
    /// Starts `program`, both output streams going to the file `output`.
    ///
    /// # Errors
    ///
    /// The file cannot be made or the shell cannot be started.
    pub fn start<A: AsRef<OsStr>>(
        program: &Path,
        arguments: impl IntoIterator<Item = A>,
        output: &Path,
    ) -> Result<Self> {
        let log = File::create(output).with_context(|| format!("cannot create `{}`", output.display()))?;
        let child = Command::new("sh")
            .args(["-c", SUPERVISOR, "supervisor"])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start `{}`", program.display()))?;
        Ok(Self { child, output: output.to_owned() })
    }

    /// The exit status, if the program has ended by itself.
    ///
    /// # Errors
    ///
    /// The operating system cannot tell.
    pub fn exited(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Sends SIGTERM and waits for the end. What it reports is the program's own exit status, 143 where it left the signal alone.
    ///
    /// # Errors
    ///
    /// The program does not end.
    pub fn terminate(&mut self) -> Result<ExitStatus> {
        drop(self.child.stdin.take());
        wait::until("a process to end", || Ok(self.child.try_wait()?))
    }

    /// Fails if the program, called `name`, has ended by itself.
    ///
    /// # Errors
    ///
    /// It has; the error holds its output.
    pub fn check_running(&mut self, name: &str) -> Result<()> {
        match self.exited()? {
            Some(status) => bail!("{name} ended: {status}\n{}", self.output()?),
            None => Ok(()),
        }
    }

    /// Memory of the program that is resident now, in bytes, with that of the shell that watches it.
    ///
    /// # Errors
    ///
    /// The kernel does not tell.
    pub fn resident_bytes(&self) -> Result<u64> {
        let mut bytes = 0;
        for child in self.children()?.split_ascii_whitespace() {
            let status = fs::read_to_string(format!("/proc/{child}/status")).context("no status of a child process")?;
            let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB"));
            bytes += resident.context("no size of a child process")?.trim().parse::<u64>()? * 1024;
        }
        Ok(bytes)
    }

    /// Sends SIGKILL, as a machine without memory does, and waits for the end.
    ///
    /// # Errors
    ///
    /// The program cannot be killed.
    pub fn kill(&mut self) -> Result<()> {
        // The program, and the shell that would end it.
        let children = self.children()?;
        Command::new("kill").arg("-KILL").args(children.split_ascii_whitespace()).status().context("cannot kill")?;
        drop(self.child.stdin.take());
        wait::until("a process to end", || Ok(self.child.try_wait()?)).map(drop)
    }

    fn children(&self) -> Result<String> {
        let supervisor = self.child.id();
        fs::read_to_string(format!("/proc/{supervisor}/task/{supervisor}/children"))
            .context("no list of child processes")
    }

    /// The file that takes the output.
    #[must_use]
    pub fn output_path(&self) -> &Path {
        &self.output
    }

    /// Everything that the program has written so far.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn output(&self) -> Result<String> {
        let bytes = fs::read(&self.output).with_context(|| format!("cannot read `{}`", self.output.display()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Closing the pipe asks the supervisor to end the program; the kill is for one that does not listen.
        drop(self.child.stdin.take());
        let ended = wait::until("a process to end", || Ok(self.child.try_wait()?));
        if ended.is_err() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHELL: &str = "/bin/sh";

    #[test]
    fn free_addresses_differ_and_are_no_outgoing_connections() {
        let all: Vec<_> = std::thread::scope(|scope| {
            let one = || (0..50).map(|_| free_address().unwrap()).collect::<Vec<_>>();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        assert!(all.iter().all(|address| address.ip() == Ipv4Addr::LOCALHOST && PORTS.contains(&address.port())));
        let different: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());
    }

    #[test]
    fn a_dropped_process_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let process =
            Process::start(Path::new(SHELL), ["-c", "echo $$; exec sleep 1000"], &folder.path().join("output"))
                .unwrap();
        let pid = wait::until("the process to start", || Ok(process.output()?.strip_suffix('\n').map(str::to_owned)))
            .unwrap();
        assert!(Path::new("/proc").join(&pid).exists());
        assert!(process.resident_bytes().unwrap() > 0);
        drop(process);
        assert!(!Path::new("/proc").join(&pid).exists(), "process {pid} outlived its owner");
    }

    #[test]
    fn a_killed_process_has_no_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let script = "trap 'echo last words' TERM; echo $$; while :; do sleep 0.01; done";
        let mut process = Process::start(Path::new(SHELL), ["-c", script], &folder.path().join("output")).unwrap();
        let pid = wait::until("the process to start", || Ok(process.output()?.strip_suffix('\n').map(str::to_owned)))
            .unwrap();
        process.kill().unwrap();
        assert!(!Path::new("/proc").join(&pid).exists());
        assert_eq!(process.output().unwrap(), format!("{pid}\n"));
    }

    #[test]
    fn a_process_that_ends_by_itself_is_seen_with_its_status() {
        let folder = tempfile::tempdir().unwrap();
        let mut process =
            Process::start(Path::new(SHELL), ["-c", "echo done; exit 7"], &folder.path().join("output")).unwrap();
        let status = wait::until("the process to end", || Ok(process.exited()?)).unwrap();
        assert_eq!(status.code(), Some(7));
        assert_eq!(process.output().unwrap(), "done\n");
    }
}
