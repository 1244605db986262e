//! What the module exports. The host writes the input where [`input`] says, calls, and reads the output.

#![expect(unsafe_code, reason = "exported names have to be claimed as unique, which the compiler cannot check")]

use std::cell::RefCell;

use crate::session::Session;

#[derive(Default)]
struct State {
    input: Vec<u8>,
    output: Vec<u8>,
    session: Option<Session>,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

fn with<T>(work: impl FnOnce(&mut State) -> T) -> T {
    STATE.with(|state| work(&mut state.borrow_mut()))
}

/// Makes room for `length` bytes of input and returns its address.
#[unsafe(no_mangle)]
extern "C" fn input(length: usize) -> *mut u8 {
    with(|state| {
        state.input = vec![0; length];
        state.input.as_mut_ptr()
    })
}

/// The address of the output.
#[unsafe(no_mangle)]
extern "C" fn output() -> *const u8 {
    with(|state| state.output.as_ptr())
}

/// The length of the output.
#[unsafe(no_mangle)]
extern "C" fn output_length() -> usize {
    with(|state| state.output.len())
}

/// Opens the input as a policy set; 1 where it does.
#[unsafe(no_mangle)]
extern "C" fn open() -> u32 {
    with(|state| {
        state.session = Session::open(&state.input).ok();
        u32::from(state.session.is_some())
    })
}

/// Answers the input, a transcript, into the output; 1 where it is one.
#[unsafe(no_mangle)]
extern "C" fn answer() -> u32 {
    with(|state| match state.session.as_ref().map(|session| session.answer(&state.input)) {
        Some(Ok(answers)) => {
            state.output = answers;
            1
        }
        _ => 0,
    })
}

/// [`Session::decide_prebuilt`]; -1 where it fails.
#[unsafe(no_mangle)]
extern "C" fn decide_prebuilt(passes: u32) -> i64 {
    with(|state| decided(state.session.as_ref().map(|session| session.decide_prebuilt(&state.input, passes))))
}

/// [`Session::decide_from_parts`]; -1 where it fails.
#[unsafe(no_mangle)]
extern "C" fn decide_from_parts(passes: u32) -> i64 {
    with(|state| decided(state.session.as_ref().map(|session| session.decide_from_parts(&state.input, passes))))
}

/// [`Session::list_prebuilt`]; -1 where it fails.
#[unsafe(no_mangle)]
extern "C" fn list_prebuilt(passes: u32) -> i64 {
    with(|state| decided(state.session.as_ref().map(|session| session.list_prebuilt(&state.input, passes))))
}

fn decided<E>(reasons: Option<Result<u64, E>>) -> i64 {
    reasons.and_then(Result::ok).and_then(|reasons| i64::try_from(reasons).ok()).unwrap_or(-1)
}
