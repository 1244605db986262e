//! `palisade-bench-guest open POLICIES PASSES`, or `prebuilt|parts POLICIES REQUESTS PASSES`: does that and nothing
//! else, for callgrind.

#![expect(clippy::print_stdout, reason = "the output is that something was decided at all")]

use palisade_bench_guest::{Asks, decide_from_parts, decide_prebuilt, open};

type Failure = Box<dyn core::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let reasons = match arguments.as_slice() {
        ["open", policies, passes] => {
            let bytes = std::fs::read(policies)?;
            let mut opened = 0;
            for _ in 0..passes.parse::<u32>()? {
                opened += open(&bytes).map_err(refused)?.policy_count();
            }
            opened
        }
        [mode @ ("prebuilt" | "parts"), policies, requests, passes] => {
            let set = open(&std::fs::read(policies)?).map_err(refused)?;
            let text = std::fs::read_to_string(requests)?;
            let decide = if *mode == "prebuilt" { decide_prebuilt } else { decide_from_parts };
            decide(&set, &Asks::new(&text), passes.parse()?).map_err(refused)?
        }
        _ => return Err("usage: open POLICIES PASSES | prebuilt|parts POLICIES REQUESTS PASSES".into()),
    };
    println!("{reasons}");
    Ok(())
}

fn refused(failure: palisade_bench_guest::Failure) -> Failure {
    format!("{failure:?}").into()
}
