//! `palisade-bench-protobuf POLICIES`: for each line of standard input, decodes the policies once from cedar-policy's
//! protobuf format, without checks, and prints the nanoseconds of CPU time that it took.

use std::error::Error;
use std::hint::black_box;
use std::io::{Write as _, stdin, stdout};

use cedar_policy::PolicySet;
use cedar_policy::proto::traits::Protobuf as _;
use rustix::time::{ClockId, clock_gettime};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: palisade-bench-protobuf POLICIES")?;
    let policies: PolicySet = std::fs::read_to_string(path)?.parse()?;
    let bytes = policies.encode()?;
    for line in stdin().lines() {
        line?;
        let start = clock_gettime(ClockId::ThreadCPUTime);
        black_box(PolicySet::decode_unchecked(black_box(bytes.as_slice()))?);
        let end = clock_gettime(ClockId::ThreadCPUTime);
        let elapsed = (end.tv_sec - start.tv_sec) * 1_000_000_000 + (end.tv_nsec - start.tv_nsec);
        writeln!(stdout(), "{elapsed}")?;
        stdout().flush()?;
    }
    Ok(())
}
