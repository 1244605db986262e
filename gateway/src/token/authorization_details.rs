//! `authorization_details` (RFC 9396): rights that a token grants item by item, for attributes of principals and contexts.
//!
//! An item grants the product of its lists: each of its `actions` on each of its `datatypes` with each of its
//! `privileges` (§2.2). Properties of different items must never meet, and Cedar has no way to look through a set of
//! records for one with several properties. So each item becomes the records of its product, each of them a whole right,
//! and a policy asks for a whole one: `principal.payments.contains({ action: "initiate", account: context.account })`.
//!
//! Whatever an item says narrows what it grants. So one that has a member which the record does not have grants
//! nothing there, and `locations` is looked at for every request ([`Right::holds_at`]).

use super::error::TokenError;
use crate::identity::{Datum, ReadFault};
use crate::json::{Json, Member};
use crate::limits;
use crate::section::{AttributeType, RecordField};

/// The claim's name.
pub(crate) const CLAIM: &str = "authorization_details";

/// Members of an item that no record has: its type is in the attribute's path, and its locations are the gateway's to check.
pub(crate) const RESERVED: [&str; 2] = ["type", "locations"];

/// The lists of an item (§2.2), and the field of a record that has one of their values.
const LISTS: [(&str, &str); 3] = [("action", "actions"), ("datatype", "datatypes"), ("privilege", "privileges")];

/// What one item grants.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Right {
    /// The resources that it holds for; everywhere, where it does not say.
    locations: Option<Vec<String>>,
    /// Its lists: for each field of the attribute's record, in the order of the type, one value or several of which a record has one.
    /// It is kept as short as the token has it; whoever makes records of it multiplies.
    pub(crate) lists: Vec<Vec<Option<Datum>>>,
}

impl Right {
    /// Whether it holds for a resource, named by its identifier. For a request that is for no resource of the bundle, only
    /// what holds everywhere does.
    pub(crate) fn holds_at(&self, resource: Option<&str>) -> bool {
        match (&self.locations, resource) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(locations), Some(resource)) => locations.iter().any(|location| location == resource),
        }
    }

    /// Roughly the bytes this takes.
    pub(crate) fn weight(&self) -> usize {
        let locations = self.locations.iter().flatten().map(|location| size_of::<String>() + location.len());
        let values = self.lists.iter().flatten().map(|value| value.as_ref().map_or(size_of::<Datum>(), Datum::weight));
        size_of::<Self>() + locations.sum::<usize>() + values.sum::<usize>()
    }
}

/// Checks the form of the claim (§2), whatever the types of its items are: an array of objects with a `type`, and lists of
/// strings where §2.2 has them.
pub(crate) fn check(claims: &Json) -> Result<(), TokenError> {
    match claims.get(CLAIM) {
        None => Ok(()),
        Some(claim) => items(claim).map(drop).map_err(|_| TokenError::AuthorizationDetails),
    }
}

/// Reads the claim for an attribute: by itself, or followed by the type of items.
pub(super) fn read(
    claim: Option<&Json>,
    details: &[String],
    attribute_type: &AttributeType,
) -> Result<Datum, ReadFault> {
    // Opening a section refuses all other types.
    let AttributeType::Set(element) = attribute_type else {
        return Err(ReadFault::Type);
    };
    match (details, &**element) {
        ([], AttributeType::String) => types(claim),
        ([item_type], AttributeType::Record(fields)) => rights(claim, item_type, fields),
        _ => Err(ReadFault::Type),
    }
}

/// The types of all items, whether or not anything is known about them.
fn types(claim: Option<&Json>) -> Result<Datum, ReadFault> {
    let Some(claim) = claim else {
        return Ok(Datum::Set(Vec::new()));
    };
    Ok(Datum::Set(items(claim)?.iter().map(|item| Datum::Text(item.item_type.to_owned())).collect()))
}

/// What the items of one type grant, as records of these fields.
///
/// An item that lacks a required field, or has a member besides the fields, grants nothing. A member of another type than
/// its field's is a fault, as in every claim.
fn rights(claim: Option<&Json>, item_type: &str, fields: &[RecordField]) -> Result<Datum, ReadFault> {
    let mut rights = Vec::new();
    let mut room = limits::AUTHORIZATION_RIGHTS;
    for item in claim.map(items).transpose()?.unwrap_or_default() {
        if item.item_type != item_type {
            continue;
        }
        let Some(lists) = item.lists(fields)? else {
            continue;
        };
        let records = lists.iter().fold(1usize, |product, list| product.saturating_mul(list.len()));
        room = room.checked_sub(records).ok_or(ReadFault::Invalid)?;
        rights.push(Right { locations: item.locations(), lists });
    }
    Ok(Datum::Rights(rights))
}

/// One item whose common members have been checked.
struct Item<'a> {
    item_type: &'a str,
    json: &'a Json<'a>,
}

fn items<'a>(claim: &'a Json<'_>) -> Result<Vec<Item<'a>>, ReadFault> {
    claim.as_array().ok_or(ReadFault::Type)?.iter().map(Item::read).collect()
}

impl<'a> Item<'a> {
    fn read(json: &'a Json<'_>) -> Result<Self, ReadFault> {
        let item_type = json.get("type").and_then(Json::as_str).ok_or(ReadFault::Type)?;
        for list in LISTS.map(|(_, list)| list).into_iter().chain(["locations"]) {
            if let Some(list) = json.get(list) {
                let elements = list.as_array().ok_or(ReadFault::Type)?;
                if elements.iter().any(|element| element.as_str().is_none()) {
                    return Err(ReadFault::Type);
                }
            }
        }
        if json.get("identifier").is_some_and(|identifier| identifier.as_str().is_none()) {
            return Err(ReadFault::Type);
        }
        Ok(Self { item_type, json })
    }

    fn locations(&self) -> Option<Vec<String>> {
        let locations = self.json.get("locations")?.as_array()?;
        Some(locations.iter().filter_map(Json::as_str).map(str::to_owned).collect())
    }

    /// The values of each field; `None` where the item does not fit the record.
    fn lists(&self, fields: &[RecordField]) -> Result<Option<Vec<Vec<Option<Datum>>>>, ReadFault> {
        let mut read = RESERVED.to_vec();
        let mut lists = Vec::with_capacity(fields.len());
        for field in fields {
            let Some(values) = self.values(field, &mut read)? else {
                return Ok(None);
            };
            lists.push(values);
        }
        let is_unread = |(name, _): &Member<'_>| !read.contains(&&**name);
        let has_more = self.json.as_object().is_none_or(|members| members.iter().any(is_unread));
        Ok((!has_more).then_some(lists))
    }

    /// The values that a field may have; `None` where the item does not fit the field. The members that were read are added
    /// to `read`.
    fn values<'f>(
        &self,
        field: &'f RecordField,
        read: &mut Vec<&'f str>,
    ) -> Result<Option<Vec<Option<Datum>>>, ReadFault> {
        let RecordField { name, attribute_type, required } = field;
        if let Some(member) = self.json.get(name) {
            read.push(name);
            if !has_the_members_of(member, attribute_type) {
                return Ok(None);
            }
            return Ok(Some(vec![Some(Datum::from_claim(member, attribute_type)?)]));
        }
        let list = LISTS.iter().find(|(one, _)| one == name).map(|(_, list)| *list);
        if let Some((list, elements)) = list.and_then(|list| Some((list, self.json.get(list)?.as_array()?))) {
            read.push(list);
            let values = elements.iter().map(|element| Datum::from_claim(element, attribute_type).map(Some));
            return values.collect::<Result<_, _>>().map(Some);
        }
        Ok(if *required { None } else { Some(vec![None]) })
    }
}

/// Whether all objects in a value have the members that their record has, and no others. Their types are checked when the
/// value is read.
fn has_the_members_of(value: &Json, attribute_type: &AttributeType) -> bool {
    match (value, attribute_type) {
        (Json::Array(elements), AttributeType::Set(element_type)) => {
            elements.iter().all(|element| has_the_members_of(element, element_type))
        }
        (Json::Object(members), AttributeType::Record(fields)) => {
            let is_there = |field: &RecordField| !field.required || value.get(&field.name).is_some();
            let is_known = |(name, value): &Member<'_>| {
                let field = fields.iter().find(|field| field.name == *name);
                field.is_some_and(|field| has_the_members_of(value, &field.attribute_type))
            };
            fields.iter().all(is_there) && members.iter().all(is_known)
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::JsonLimits;

    fn json(text: &str) -> Json<'_> {
        Json::parse(text.as_bytes(), &JsonLimits::TOKEN).unwrap()
    }

    /// The rights of type `t` as `{"action": String, "account": String, "limit"?: {"currency": String, "max": Long}}`.
    fn read(items: &str) -> Result<Vec<Right>, ReadFault> {
        let record = r#"{"record":[{"name":"account","type":"string","required":true},
            {"name":"action","type":"string","required":true},
            {"name":"limit","required":false,"type":{"record":[{"name":"currency","type":"string","required":true},
                                                                {"name":"max","type":"long","required":true}]}}]}"#;
        let AttributeType::Record(fields) = serde_json::from_str(record).unwrap() else { unreachable!() };
        match rights(Some(&json(items)), "t", &fields)? {
            Datum::Rights(rights) => Ok(rights),
            other => panic!("{other:?}"),
        }
    }

    fn pairs(items: &str) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for Right { lists, .. } in read(items).unwrap() {
            let text = |value: &Option<Datum>| match value {
                Some(Datum::Text(text)) => text.clone(),
                other => panic!("{other:?}"),
            };
            let [accounts, actions, _] = &lists[..] else { panic!("{lists:?}") };
            found.extend(accounts.iter().flat_map(|a| actions.iter().map(move |b| (text(a), text(b)))));
        }
        found
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[test]
    fn an_item_is_its_product_and_items_do_not_mix() {
        let items = r#"[{"type":"t","actions":["read","pay"],"account":"a"},{"type":"t","actions":["read"],"account":"b"},
                        {"type":"u","actions":["pay"],"account":"b"}]"#;
        assert_eq!(pairs(items), owned(&[("a", "read"), ("a", "pay"), ("b", "read")]));
        assert_eq!(pairs(r#"[{"type":"t","action":"read","account":"a"}]"#), owned(&[("a", "read")]));
        assert_eq!(pairs(r#"[{"type":"t","actions":[],"account":"a"}]"#), []);
    }

    #[test]
    fn what_narrows_an_item_unread_leaves_nothing_of_it() {
        for item in [
            r#"{"type":"t","account":"a"}"#,
            r#"{"type":"t","actions":["pay"]}"#,
            r#"{"type":"t","actions":["pay"],"account":"a","datatypes":["x"]}"#,
            r#"{"type":"t","actions":["pay"],"account":"a","privileges":[]}"#,
            r#"{"type":"t","actions":["pay"],"account":"a","identifier":"x"}"#,
            r#"{"type":"t","actions":["pay"],"account":"a","until":1}"#,
            r#"{"type":"t","actions":["pay"],"action":"read","account":"a"}"#,
            r#"{"type":"t","actions":["pay"],"account":"a","limit":{"max":1,"currency":"EUR","per":"day"}}"#,
            r#"{"type":"t","actions":["pay"],"account":"a","limit":{"max":1}}"#,
            r#"{"type":"T","actions":["pay"],"account":"a"}"#,
            r#"{"type":"","actions":["pay"],"account":"a"}"#,
        ] {
            assert_eq!(read(&format!("[{item}]")), Ok(vec![]), "{item}");
        }
    }

    #[test]
    fn a_member_of_another_type_is_a_fault() {
        for item in [
            r#"{"type":"t","actions":["pay"],"account":1}"#,
            r#"{"type":"t","actions":["pay"],"account":null}"#,
            r#"{"type":"t","action":["pay"],"account":"a"}"#,
            r#"{"type":"t","actions":["pay"],"account":"a","limit":{"max":"1","currency":"EUR"}}"#,
            r#"{"type":"t","actions":["pay"],"account":"a","limit":[]}"#,
        ] {
            assert_eq!(read(&format!("[{item}]")), Err(ReadFault::Type), "{item}");
        }
    }

    #[test]
    fn a_right_holds_where_its_item_says() {
        let at = |locations: &str| {
            let mut rights = read(&format!(r#"[{{"type":"t","actions":["pay"],"account":"a"{locations}}}]"#)).unwrap();
            rights.remove(0)
        };
        let (here, elsewhere) = (Some("https://here"), Some("https://here/deeper"));
        assert!(at("").holds_at(None) && at("").holds_at(here));
        let both = at(r#","locations":["https://other","https://here"]"#);
        assert!(both.holds_at(here) && !both.holds_at(elsewhere) && !both.holds_at(None));
        for none in ["", "\"https://here/\"", "\"HTTPS://here\"", "\"\"", "\"https://here https://other\""] {
            let right = at(&format!(r#","locations":[{none}]"#));
            assert!(!right.holds_at(here) && !right.holds_at(None), "{none}");
        }
    }

    #[test]
    fn the_claim_has_one_form() {
        let error = |claim: &str| check(&json(&format!(r#"{{"authorization_details":{claim}}}"#)));
        assert_eq!(check(&json("{}")), Ok(()));
        for good in
            ["[]", r#"[{"type":"anything","more":{"a":[1]}}]"#, r#"[{"type":"a","identifier":"b","actions":[]}]"#]
        {
            assert_eq!(error(good), Ok(()), "{good}");
        }
        for bad in [
            "null",
            "{}",
            r#"{"type":"a"}"#,
            r#""a""#,
            r#"["a"]"#,
            "[null]",
            "[{}]",
            "[[]]",
            r#"[{"type":1}]"#,
            r#"[{"Type":"a"}]"#,
            r#"[{"type":"a"},{"type":null}]"#,
            r#"[{"type":"a","actions":"read"}]"#,
            r#"[{"type":"a","actions":[1]}]"#,
            r#"[{"type":"a","actions":null}]"#,
            r#"[{"type":"a","locations":"https://here"}]"#,
            r#"[{"type":"a","locations":[{}]}]"#,
            r#"[{"type":"a","datatypes":{}}]"#,
            r#"[{"type":"a","privileges":true}]"#,
            r#"[{"type":"a","identifier":["b"]}]"#,
        ] {
            assert_eq!(error(bad), Err(TokenError::AuthorizationDetails), "{bad}");
        }
    }

    #[test]
    fn products_are_bounded() {
        let names = |count: usize| (0..count).map(|n| format!("\"{n}\"")).collect::<Vec<_>>().join(",");
        let record = r#"{"record":[{"name":"action","type":"string","required":true},
                                   {"name":"datatype","type":"string","required":true}]}"#;
        let AttributeType::Record(fields) = serde_json::from_str(record).unwrap() else { unreachable!() };
        let read = |counts: &[(usize, usize)]| {
            let item = |(a, b): &(usize, usize)| {
                format!(r#"{{"type":"t","actions":[{}],"datatypes":[{}]}}"#, names(*a), names(*b))
            };
            let items: Vec<_> = counts.iter().map(item).collect();
            rights(Some(&json(&format!("[{}]", items.join(",")))), "t", &fields).map(|_| ())
        };
        assert_eq!(read(&[(16, limits::AUTHORIZATION_RIGHTS / 16)]), Ok(()));
        assert_eq!(read(&[(16, limits::AUTHORIZATION_RIGHTS / 16 + 1)]), Err(ReadFault::Invalid));
        assert_eq!(read(&[(16, limits::AUTHORIZATION_RIGHTS / 16), (1, 1)]), Err(ReadFault::Invalid));
        assert_eq!(read(&[(120, 120)]), Err(ReadFault::Invalid));
    }

    #[test]
    fn without_the_claim_there_are_no_rights_and_no_types() {
        assert_eq!(rights(None, "t", &[]), Ok(Datum::Rights(vec![])));
        assert_eq!(types(None), Ok(Datum::Set(vec![])));
        let text = |text: &str| Datum::Text(text.to_owned());
        let claim = json(r#"[{"type":"a"},{"type":"b","locations":["https://other"]}]"#);
        assert_eq!(types(Some(&claim)), Ok(Datum::Set(vec![text("a"), text("b")])));
    }
}
