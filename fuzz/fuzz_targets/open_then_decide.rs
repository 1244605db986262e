//! Any bytes that open: every request gets an answer, without panic and within the budget.

#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use palisade_engine::{CompiledPolicySet, Request, Scratch, Value};

/// Uids and names that the seeds use (see `seeds`), and some that they do not.
const UIDS: [(&str, &str); 5] =
    [("User", "a"), ("Action", "a"), ("N::Doc", "b"), ("Team", "c"), ("Nowhere", "nothing")];

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    palisade_fuzz::mutate(data, size, max_size, seed)
});

fuzz_target!(|data: &[u8]| {
    let Ok(set) = CompiledPolicySet::open(data) else { return };
    let mut scratch = Scratch::new();
    for (at, (type_name, id)) in UIDS.into_iter().enumerate() {
        let mut request = Request::new(&set, &mut scratch);
        let principal = request.entity(type_name, id);
        let action = request.entity("Action", ["a", "b"][at % 2]);
        let (resource_type, resource_id) = UIDS[(at + 2) % UIDS.len()];
        let resource = request.entity(resource_type, resource_id);
        let (name, tags) = (request.string("a"), [request.string("b"), Value::Long(1)]);
        let tags = request.set(&tags);
        let context = request.record(&[("name", name), ("tags", tags), ("level", Value::Long(i64::MAX))]);
        if at % 2 == 0 {
            let team = request.entity("Team", "a");
            request.define(principal, context, &[team]);
        }
        // A refusal to decide is an answer, too.
        let _ = request.decide(principal, action, resource, context);
    }
});
