//! Processes on the bench: ended with the value that stands for them, and what they have spent.

use std::fs;
use std::process::Child;

use crate::Result;

/// A running process; ends with this value.
pub(crate) struct Process(pub(crate) Child);

impl Process {
    /// CPU time in nanoseconds that its threads of this name have spent so far; with `None`, all of them. The kernel's own
    /// count, to the nanosecond.
    pub(crate) fn cpu_nanos(&self, thread: Option<&str>) -> Result<u64> {
        let mut found = None;
        for task in fs::read_dir(format!("/proc/{}/task", self.0.id()))? {
            let task = task?.path();
            if thread.is_none_or(|name| fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim() == name)) {
                let schedstat = fs::read_to_string(task.join("schedstat"))?;
                let nanos: u64 = schedstat.split(' ').next().ok_or("schedstat is empty")?.parse()?;
                found = Some(found.unwrap_or(0) + nanos);
            }
        }
        found.ok_or_else(|| "the process has no such thread".into())
    }

    /// Memory that is its own and in use, in bytes.
    pub(crate) fn memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).ok_or("no RssAnon")?;
        let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kibibytes * 1024)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Nothing to do about a process that has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
