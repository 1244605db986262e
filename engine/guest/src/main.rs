//! `palisade-engine-guest prebuilt|parts|list POLICIES TRANSCRIPT PASSES`, or `open POLICIES PASSES`: does that and nothing
//! else, for callgrind.

#![expect(clippy::print_stdout, reason = "the output is that something was done at all")]

use palisade_engine_guest::Session;

type Failure = Box<dyn core::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["open", policies, passes] => {
            let bytes = std::fs::read(policies)?;
            let mut opened = 0;
            for _ in 0..passes.parse::<u32>()? {
                let _session = Session::open(&bytes).map_err(refused)?;
                opened += 1;
            }
            println!("{opened} opened");
        }
        [mode @ ("prebuilt" | "parts" | "list"), policies, transcript, passes] => {
            let session = Session::open(&std::fs::read(policies)?).map_err(refused)?;
            let transcript = std::fs::read(transcript)?;
            let decide = match *mode {
                "prebuilt" => Session::decide_prebuilt,
                "parts" => Session::decide_from_parts,
                _ => Session::list_prebuilt,
            };
            println!("{} reasons or prospects", decide(&session, &transcript, passes.parse()?).map_err(refused)?);
        }
        _ => return Err("usage: open POLICIES PASSES | prebuilt|parts|list POLICIES TRANSCRIPT PASSES".into()),
    }
    Ok(())
}

fn refused(failure: palisade_engine_guest::Failure) -> Failure {
    format!("{failure:?}").into()
}
