//! Attribute types from the Cedar schema.
//!
//! The types are read from the validator's own schema, where common types are resolved and shapes are merged, so that
//! they are the very types that policies were validated with. That part of `cedar-policy-core` is not a stable
//! interface, so it is named here only, and the crate's version is pinned exactly.

use cedar_policy::{EntityId, EntityTypeName, EntityUid, Schema};
use cedar_policy_core::validator::ValidatorSchema;
use cedar_policy_core::validator::types::{Attributes, EntityKind, Type};
use palisade_gateway::section::{AttributeType, RecordField};

/// Questions that the builder asks of a schema.
#[derive(Clone, Copy, Debug)]
pub struct SchemaTypes<'a> {
    schema: &'a Schema,
}

/// What a schema says about one attribute of an entity type or of a context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Its type, or why the gateway cannot make values of it.
    pub attribute_type: Result<AttributeType, String>,
    /// Whether it must be there.
    pub required: bool,
}

impl<'a> SchemaTypes<'a> {
    /// Reads from a schema.
    #[must_use]
    pub fn new(schema: &'a Schema) -> Self {
        Self { schema }
    }

    fn validator(&self) -> &'a ValidatorSchema {
        self.schema.as_ref()
    }

    /// The entity type of that name, if the schema has it.
    #[must_use]
    pub fn entity_type(&self, name: &str) -> Option<&'a EntityTypeName> {
        self.schema.entity_types().find(|known| known.to_string() == name)
    }

    /// Names of all entity types, sorted.
    #[must_use]
    pub fn entity_type_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.schema.entity_types().map(ToString::to_string).collect();
        names.sort();
        names
    }

    /// The attributes of an entity type, by name.
    #[must_use]
    pub fn entity_attributes(&self, entity_type: &EntityTypeName) -> Vec<Attribute> {
        let entity = self.validator().get_entity_type(entity_type.as_ref());
        entity.map_or_else(Vec::new, |entity| attributes(entity.attributes()))
    }

    /// Whether entities of one type may have parents of another.
    #[must_use]
    pub fn may_be_in(&self, child: &EntityTypeName, parent: &EntityTypeName) -> bool {
        self.schema.ancestors(child).is_some_and(|mut ancestors| ancestors.any(|ancestor| ancestor == parent))
    }

    /// Whether the schema has the action.
    #[must_use]
    pub fn has_action(&self, action: &EntityUid) -> bool {
        self.schema.actions().any(|known| known == action)
    }

    /// An action by its id (`read`), or in full (`Ns::Action::"read"`), if the schema has it.
    #[must_use]
    pub fn action(&self, text: &str) -> Option<EntityUid> {
        let uid = if text.ends_with('"') {
            text.parse().ok()
        } else {
            let action_type = "Action".parse().ok();
            action_type.map(|action_type| EntityUid::from_type_name_and_id(action_type, EntityId::new(text)))
        };
        uid.filter(|uid| self.has_action(uid))
    }

    /// Actions whose id is this, in any namespace, as Cedar writes them; sorted.
    #[must_use]
    pub fn actions_with_id(&self, id: &str) -> Vec<String> {
        let found = self.schema.actions().filter(|action| action.id().unescaped() == id);
        let mut names: Vec<String> = found.map(ToString::to_string).collect();
        names.sort();
        names
    }

    /// The actions of a namespace, by id; the namespace is empty where there is none.
    #[must_use]
    pub fn actions_of(&self, namespace: &str) -> Vec<&'a EntityUid> {
        let of = |action: &&EntityUid| action.type_name().namespace() == namespace;
        let mut found: Vec<&EntityUid> = self.schema.actions().filter(of).collect();
        found.sort_by(|left, right| left.id().unescaped().cmp(right.id().unescaped()));
        found
    }

    /// The principal types an action applies to.
    #[must_use]
    pub fn principals(&self, action: &EntityUid) -> Vec<&'a EntityTypeName> {
        self.schema.principals_for_action(action).map_or_else(Vec::new, Iterator::collect)
    }

    /// The resource types an action applies to.
    #[must_use]
    pub fn resources(&self, action: &EntityUid) -> Vec<&'a EntityTypeName> {
        self.schema.resources_for_action(action).map_or_else(Vec::new, Iterator::collect)
    }

    /// The attributes of an action's context, by name.
    #[must_use]
    pub fn context(&self, action: &EntityUid) -> Vec<Attribute> {
        match self.validator().context_type(action.as_ref()) {
            Some(Type::Record { attrs, .. }) => attributes(attrs),
            _ => Vec::new(),
        }
    }
}

fn attributes(attributes: &Attributes) -> Vec<Attribute> {
    let list = attributes.iter().map(|(name, attribute)| Attribute {
        name: name.to_string(),
        attribute_type: convert(&attribute.attr_type),
        required: attribute.is_required(),
    });
    list.collect()
}

fn convert(from: &Type) -> Result<AttributeType, String> {
    Ok(match from {
        Type::Bool(_) => AttributeType::Bool,
        Type::Long => AttributeType::Long,
        Type::String => AttributeType::String,
        Type::Entity(EntityKind::Entity(union)) => match union.get_single_entity() {
            Some(name) => AttributeType::Entity(name.to_string()),
            None => return Err("a choice of entity types".to_owned()),
        },
        Type::Entity(EntityKind::AnyEntity) => return Err("an entity of any type".to_owned()),
        Type::Set { element_type: Some(element) } => AttributeType::Set(Box::new(convert(element)?)),
        Type::Set { element_type: None } => return Err("a set of anything".to_owned()),
        Type::Record { attrs, .. } => {
            let field = |attribute: Attribute| {
                Ok(RecordField {
                    name: attribute.name,
                    attribute_type: attribute.attribute_type?,
                    required: attribute.required,
                })
            };
            let fields: Result<Vec<RecordField>, String> = attributes(attrs).into_iter().map(field).collect();
            AttributeType::Record(fields?)
        }
        Type::ExtensionType { name } => match name.to_string().as_str() {
            "decimal" => AttributeType::Decimal,
            "ipaddr" => AttributeType::Ip,
            "datetime" => AttributeType::Datetime,
            "duration" => AttributeType::Duration,
            other => return Err(format!("the extension type `{other}`")),
        },
        Type::Never => return Err("a type without values".to_owned()),
    })
}
