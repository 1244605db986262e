use super::*;
use crate::keys::Algorithm;

const NOW: u64 = 1_000;

fn token(id: &str) -> Entry<'static> {
    Entry::new(EntryKind::Token, Some("dev".to_owned()), Some(id.to_owned()))
}

struct World {
    keys: Vec<PrivateKey>,
    trust: TrustSet,
}

impl World {
    fn new() -> Self {
        let keys = vec![PrivateKey::generate(Algorithm::Ed25519).unwrap()];
        let trust = TrustSet::new(vec![keys[0].trust_key().unwrap()], 1).unwrap();
        Self { keys, trust }
    }

    fn publish(&self, editor: &mut ListEditor, now: u64) -> Published {
        editor.publish(&Publication { now, expires: now + 100, on_expiry: None, keys: &self.keys }).unwrap()
    }

    fn read(&self, bytes: &[u8]) -> SignedList {
        SignedList::read(bytes, Some(&self.trust)).unwrap()
    }
}

#[test]
fn a_list_goes_on_where_it_was() {
    let world = World::new();
    let mut editor = ListEditor::new("prod");
    editor.revoke(token("a")).unwrap();
    let first = world.publish(&mut editor, NOW);
    assert_eq!((first.serial, first.entries, first.archive), (1, 1, None));

    let mut editor = ListEditor::open(world.read(&first.list), None).unwrap();
    editor.revoke(token("b")).unwrap();
    assert!(editor.restore(EntryKind::Token, Some("dev"), Some("a")));
    assert!(!editor.restore(EntryKind::Token, Some("dev"), Some("a")));
    assert!(!editor.restore(EntryKind::Session, Some("dev"), Some("b")));
    let second = world.publish(&mut editor, NOW);
    let list = world.read(&second.list).list;
    assert_eq!((list.head.serial, list.head.channel.as_str(), list.head.expires), (2, "prod", NOW + 100));
    assert_eq!(list.entries, [token("b")]);
    assert!(editor.revoke(Entry { id: None, ..token("c") }).is_err());
    assert!(editor.revoke(Entry { removed: true, ..token("c") }).is_err());
}

#[test]
fn the_stricter_entry_counts() {
    let mut editor = ListEditor::new("prod");
    let subject = |issued_before, until| Entry {
        issued_before,
        until,
        ..Entry::new(EntryKind::Subject, Some("dev".to_owned()), Some("a".to_owned()))
    };
    let mut after = |entry: Entry<'static>| {
        editor.revoke(entry).unwrap();
        let entry = editor.entries().next().unwrap();
        (entry.issued_before, entry.until)
    };
    assert_eq!(after(subject(Some(5), Some(50))), (Some(5), Some(50)));
    assert_eq!(after(subject(Some(3), Some(60))), (Some(5), Some(60)));
    assert_eq!(after(subject(Some(9), None)), (Some(9), None));
    assert_eq!(after(subject(None, Some(70))), (None, None));
    assert_eq!(after(subject(Some(9), Some(70))), (None, None), "nothing weakens it but taking it back");
}

#[test]
fn what_is_over_is_left_out() {
    let world = World::new();
    let mut editor = ListEditor::new("prod");
    editor.revoke(Entry { until: Some(NOW + 10), ..token("a") }).unwrap();
    editor.revoke(Entry { until: Some(NOW + 11), ..token("b") }).unwrap();
    assert_eq!(world.publish(&mut editor, NOW).entries, 2);
    assert_eq!(world.publish(&mut editor, NOW + 10).entries, 1);
    assert_eq!(world.publish(&mut editor, NOW + 11).entries, 0);
}

#[test]
fn a_large_list_is_written_once_and_then_its_changes() {
    let world = World::new();
    let mut editor = ListEditor::new("prod");
    for n in 0..SMALL {
        editor.revoke(token(&format!("{n:05}"))).unwrap();
    }
    assert_eq!(world.publish(&mut editor, NOW).archive, None);
    editor.revoke(token("one more")).unwrap();
    let whole = world.publish(&mut editor, NOW);
    assert_eq!(whole.archive.as_ref(), Some(&whole.list));

    let mut editor = ListEditor::open(world.read(&whole.list), None).unwrap();
    editor.revoke(token("new")).unwrap();
    editor.restore(EntryKind::Token, Some("dev"), Some("00007"));
    let changed = world.publish(&mut editor, NOW);
    let list = world.read(&changed.list);
    assert_eq!((changed.archive, changed.entries), (None, SMALL + 1));
    assert_eq!(list.list.head.base, Some(Base { serial: 2, digest: world.read(&whole.list).digest }));
    assert_eq!(list.list.entries, [Entry { removed: true, ..token("00007") }, token("new")]);

    // The changes go on from the same base, and need it.
    assert_eq!(ListEditor::open(list.clone(), None).unwrap_err(), ListError::List(RevocationError::Base));
    let other = world.read(&changed.list);
    assert!(ListEditor::open(list.clone(), Some(other)).is_err(), "another list is not the base");
    let mut editor = ListEditor::open(list, Some(world.read(&whole.list))).unwrap();
    assert_eq!(editor.entries().count(), SMALL + 1);
    editor.restore(EntryKind::Token, Some("dev"), Some("new"));
    editor.revoke(token("00007")).unwrap();
    let back = world.read(&world.publish(&mut editor, NOW).list).list;
    assert_eq!((back.head.serial, back.entries.len()), (4, 0), "nothing is different from the base");

    // Much has changed: whole again.
    for n in 0..=SMALL {
        editor.revoke(token(&format!("x{n:05}"))).unwrap();
    }
    let whole = world.publish(&mut editor, NOW);
    assert!(whole.archive.is_some());
    assert_eq!(world.read(&whole.list).list.head.base, None);
}

#[test]
fn others_lists_are_not_read() {
    let world = World::new();
    let stranger = World::new();
    let mut editor = ListEditor::new("prod");
    let bytes = world.publish(&mut editor, NOW).list;
    assert_eq!(SignedList::read(&bytes, Some(&stranger.trust)).unwrap_err().code(), "signed.threshold");
    assert!(SignedList::read(&bytes, None).unwrap().signers.is_empty());
    let other = Document::of_payload("application/json", b"{}".to_vec()).to_bytes().unwrap();
    assert_eq!(SignedList::read(&other, None).unwrap_err().code(), "signed.payload_type");
}
