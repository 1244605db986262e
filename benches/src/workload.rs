//! What is measured: a policy set, its entities, and requests, independent of the engine that answers.

pub mod gdrive;
pub mod github;
pub mod listing;
pub mod random;
pub mod synthetic;
pub mod tinytodo;
pub mod tools;

use palisade_engine::Type;
use serde_json::{Value as Json, json};

/// An entity uid.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uid {
    /// The entity's type.
    pub type_name: &'static str,
    /// Its id in that type.
    pub id: String,
}

/// Makes a uid.
pub fn uid(type_name: &'static str, id: impl Into<String>) -> Uid {
    Uid { type_name, id: id.into() }
}

impl Uid {
    /// The uid in Cedar's syntax. Ids of these workloads need no escapes.
    #[must_use]
    pub fn cedar(&self) -> String {
        format!("{}::\"{}\"", self.type_name, self.id)
    }

    fn json(&self) -> Json {
        json!({"type": self.type_name, "id": self.id})
    }
}

/// A value of an attribute or of the context.
#[derive(Clone, Debug)]
pub enum Field {
    /// A boolean.
    Bool(bool),
    /// A long.
    Long(i64),
    /// A string.
    Text(String),
    /// An entity.
    Entity(Uid),
    /// A set of entities.
    Entities(Vec<Uid>),
}

impl Field {
    fn json(&self) -> Json {
        match self {
            Self::Bool(value) => json!(value),
            Self::Long(value) => json!(value),
            Self::Text(text) => json!(text),
            Self::Entity(uid) => json!({"__entity": uid.json()}),
            Self::Entities(uids) => uids.iter().map(|uid| json!({"__entity": uid.json()})).collect(),
        }
    }
}

/// An entity with its data.
#[derive(Clone, Debug)]
pub struct Entity {
    /// Whose data this is.
    pub uid: Uid,
    /// Attributes by name.
    pub attributes: Vec<(&'static str, Field)>,
    /// Tags by name.
    pub tags: Vec<(&'static str, String)>,
    /// Direct parents.
    pub parents: Vec<Uid>,
}

impl Entity {
    fn json(&self) -> Json {
        let attributes: serde_json::Map<_, _> =
            self.attributes.iter().map(|(name, field)| ((*name).to_owned(), field.json())).collect();
        let tags: serde_json::Map<_, _> =
            self.tags.iter().map(|(name, text)| ((*name).to_owned(), json!(text))).collect();
        let parents: Vec<_> = self.parents.iter().map(Uid::json).collect();
        json!({"uid": self.uid.json(), "attrs": attributes, "tags": tags, "parents": parents})
    }
}

/// One request.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Who asks.
    pub principal: Uid,
    /// What for.
    pub action: Uid,
    /// On what.
    pub resource: Uid,
    /// The rest of what is known.
    pub context: Vec<(&'static str, Field)>,
    /// The type of `input` in the context, where that is not known and the request asks for its prospect.
    pub input: Option<Type>,
}

/// A link of a template: the template's number in the text, and what its slots stand for.
#[derive(Clone, Debug)]
pub struct Link {
    /// Cedar's id of the template: `policy` and its number in the text.
    pub template: &'static str,
    /// `?principal`.
    pub principal: Uid,
    /// `?resource`.
    pub resource: Uid,
}

/// A policy set with data and requests.
#[derive(Clone, Debug)]
pub struct Workload {
    /// For reports.
    pub name: String,
    /// In Cedar's schema syntax.
    pub schema: &'static str,
    /// Policies and templates in Cedar's syntax.
    pub policies: String,
    /// Links of those templates.
    pub links: Vec<Link>,
    /// The store.
    pub entities: Vec<Entity>,
    /// What is asked, one after the other.
    pub asks: Vec<Ask>,
}

impl Workload {
    /// The store in Cedar's JSON format.
    #[must_use]
    pub fn entities_json(&self) -> Json {
        self.entities.iter().map(Entity::json).collect()
    }

    /// The store's data of an entity.
    #[must_use]
    pub fn entity(&self, uid: &Uid) -> Option<&Entity> {
        self.entities.iter().find(|entity| entity.uid == *uid)
    }
}
