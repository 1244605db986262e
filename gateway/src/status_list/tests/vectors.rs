//! The draft's own test vectors.

use std::collections::BTreeMap;

use crate::host::Unaided;
use crate::status_list::StatusList;
use crate::status_list::testing::{self, HEADER, NOW, URI};
use crate::token::testing::p256;

const VECTORS: &str = include_str!("../../../tests/cases/status-list-vectors.txt");

#[test]
fn the_vectors_of_the_draft_read_as_they_are_meant() {
    let table = testing::table(testing::issuer(|_| ()));
    let (_, issuer) = table.named("dev").unwrap();
    let mut seen = Vec::new();
    for vector in VECTORS.split("vector: ").skip(1) {
        let (name, rest) = vector.split_once('\n').unwrap();
        let member = |name: &str| {
            let line = rest.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            line.unwrap_or_else(|| panic!("no `{name}` in {vector}"))
        };
        let (bits, lst) = (member("bits"), member("lst"));
        let claims = format!(r#"{{"sub":"{URI}","iat":{NOW},"status_list":{{"bits":{bits},"lst":"{lst}"}}}}"#);
        let list = StatusList::read(
            p256(1).token(HEADER, &claims).as_bytes(),
            URI,
            issuer,
            &mut Unaided::at(NOW * 1000),
            NOW * 1000,
        )
        .unwrap();
        let expected: BTreeMap<u64, u8> = member("set")
            .split(' ')
            .map(|pair| pair.split_once('=').unwrap())
            .map(|(index, value)| (index.parse().unwrap(), value.parse().unwrap()))
            .collect();
        assert!(!expected.is_empty());
        assert_eq!(list.entries(), member("entries").parse::<u64>().unwrap(), "{name}");
        for index in 0..list.entries() {
            let value = list.get(index).unwrap().value();
            assert_eq!(value, expected.get(&index).copied().unwrap_or(0), "{name}: {index}");
        }
        assert_eq!(list.get(list.entries()), None, "{name}");
        seen.push(bits);
    }
    assert_eq!(seen, ["1", "2", "1", "2", "4", "8"]);
}
