use super::*;
use crate::bundle::sign;
use crate::distribution::artefact::tests::{bundle, expiring, key, unsigned};

const NAME: &str = "shop.palisade";

fn put(shelf: &mut Shelf, bytes: &[u8]) -> Option<Change> {
    shelf.put(NAME, &ArtefactName::parse(NAME).unwrap(), bytes.to_vec(), |_| Ok(()))
}

fn served(shelf: &Shelf) -> Option<u64> {
    match shelf.find(NAME) {
        Found::Artefact(artefact) => artefact.identity().version,
        Found::Unusable | Found::Missing => None,
    }
}

#[test]
fn a_new_file_is_served_once_it_is_whole() {
    let mut shelf = Shelf::default();
    let bytes = bundle("shop", 1);
    assert!(matches!(shelf.find(NAME), Found::Missing));
    let half = put(&mut shelf, &bytes[..bytes.len() / 2]);
    assert!(matches!(half, Some(Change::Refused { still_served: false, .. })), "{half:?}");
    assert!(matches!(shelf.find(NAME), Found::Unusable), "there is a file, so it is not missing");
    assert_eq!(shelf.served().count(), 0);
    let whole = put(&mut shelf, &bytes);
    assert!(matches!(whole, Some(Change::Published { oddity: None, .. })), "{whole:?}");
    assert_eq!(served(&shelf), Some(1));
    assert_eq!(put(&mut shelf, &bytes), None, "nothing new");
}

#[test]
fn garbage_leaves_the_last_good_bytes() {
    let mut shelf = Shelf::default();
    put(&mut shelf, &bundle("shop", 1));
    for garbage in [b"".as_slice(), b"garbage", &unsigned("shop", 2), &bundle("other", 2)] {
        let change = put(&mut shelf, garbage);
        assert!(matches!(change, Some(Change::Refused { still_served: true, .. })), "{change:?}");
        assert_eq!(put(&mut shelf, garbage), None, "said once");
        assert_eq!(served(&shelf), Some(1));
    }
    put(&mut shelf, &bundle("shop", 2));
    assert_eq!(served(&shelf), Some(2));
}

#[test]
fn the_same_garbage_after_good_bytes_is_said_again() {
    let mut shelf = Shelf::default();
    let good = bundle("shop", 1);
    put(&mut shelf, &good);
    assert!(put(&mut shelf, b"garbage").is_some());
    assert_eq!(put(&mut shelf, &good), None);
    assert!(put(&mut shelf, b"garbage").is_some());
}

#[test]
fn what_gateways_will_refuse_is_pointed_out() {
    let mut shelf = Shelf::default();
    let oddity_of = |change: Option<Change>| match change {
        Some(Change::Published { oddity, .. }) => oddity,
        other => panic!("{other:?}"),
    };
    assert_eq!(oddity_of(put(&mut shelf, &bundle("shop", 5))), None);
    // The same manifest with a signature by another key is the same bundle.
    assert_eq!(oddity_of(put(&mut shelf, &bundle("shop", 5))), None);
    assert_eq!(oddity_of(put(&mut shelf, &bundle("shop", 4))), Some(Oddity::VersionWentBack));
    assert_eq!(oddity_of(put(&mut shelf, &bundle("shop", 6))), None);
    let other = sign(&expiring("shop", 6, 3_000), &key()).unwrap();
    assert_eq!(oddity_of(put(&mut shelf, &other)), Some(Oddity::SameVersion));
}

#[test]
fn versions_are_known_by_the_tags_of_lately() {
    let mut shelf = Shelf::default();
    let tags: Vec<String> = (1..=20)
        .map(|version| {
            put(&mut shelf, &bundle("shop", version));
            shelf.served().next().unwrap().1.etag().to_owned()
        })
        .collect();
    assert_eq!(shelf.version_of(NAME, &tags[19]), Some(20));
    assert_eq!(shelf.version_of(NAME, &tags[4]), Some(5));
    assert_eq!(shelf.version_of(NAME, &tags[3]), None, "the memory is bounded");
    assert_eq!(shelf.version_of("other.palisade", &tags[19]), None);
}

#[test]
fn a_file_that_is_gone_is_missing() {
    let mut shelf = Shelf::default();
    put(&mut shelf, &bundle("shop", 1));
    assert_eq!(shelf.remove(NAME), Some(Change::Withdrawn));
    assert!(matches!(shelf.find(NAME), Found::Missing));
    assert_eq!(shelf.remove(NAME), None);
}

#[test]
fn what_is_not_admitted_is_refused_until_it_is_reconsidered() {
    let mut shelf = Shelf::default();
    let good = bundle("shop", 1);
    let admit = |admitted: bool, shelf: &mut Shelf| {
        let verdict = |_: &Artefact| if admitted { Ok(()) } else { Err(ArtefactError::NoRoot) };
        shelf.put(NAME, &ArtefactName::parse(NAME).unwrap(), good.clone(), verdict)
    };
    assert!(matches!(admit(false, &mut shelf), Some(Change::Refused { still_served: false, .. })));
    assert_eq!(served(&shelf), None);
    assert_eq!(admit(true, &mut shelf), None, "it is not judged twice");
    shelf.reconsider();
    assert!(matches!(admit(true, &mut shelf), Some(Change::Published { .. })));
    assert_eq!(served(&shelf), Some(1));
}
