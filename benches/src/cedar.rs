//! The oracle: cedar-policy, used as its documentation asks, with everything prepared that can be.

use std::collections::{HashMap, HashSet};
use std::str::FromStr;

use cedar_policy::{
    Authorizer, Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicyId, PolicySet, Request, Response,
    RestrictedExpression, Schema, SlotId, ValidationMode, Validator,
};

use crate::Result;
use crate::workload::{Ask, Entity as EntityData, Field, Uid, Workload};

/// A workload as cedar-policy holds it.
pub struct Cedar {
    /// The validated policies, templates linked.
    pub policies: PolicySet,
    /// The store, action entities included.
    pub entities: Entities,
    authorizer: Authorizer,
    types: HashMap<&'static str, EntityTypeName>,
}

/// A request with the data of its own entities, ready to ask.
pub struct Prepared {
    request: Request,
}

/// Parses a workload's policies and links its templates.
///
/// # Errors
/// Where the workload is not valid Cedar.
pub fn parse(workload: &Workload) -> Result<PolicySet> {
    let mut policies = PolicySet::from_str(&workload.policies)?;
    for (number, link) in workload.links.iter().enumerate() {
        let slots = HashMap::from([
            (SlotId::principal(), EntityUid::from_str(&link.principal.cedar())?),
            (SlotId::resource(), EntityUid::from_str(&link.resource.cedar())?),
        ]);
        policies.link(PolicyId::new(link.template), PolicyId::new(format!("link{number}")), slots)?;
    }
    Ok(policies)
}

/// The workload's schema.
///
/// # Errors
/// Where it is not one.
pub fn schema(workload: &Workload) -> Result<Schema> {
    Ok(Schema::from_cedarschema_str(workload.schema)?.0)
}

/// Validates policies as strictly as cedar-policy can.
///
/// # Errors
/// Where they do not pass.
pub fn validate(policies: &PolicySet, schema: Schema) -> Result<()> {
    let result = Validator::new(schema).validate(policies, ValidationMode::Strict);
    match result.validation_errors().next() {
        Some(error) => Err(error.to_string().into()),
        None => Ok(()),
    }
}

impl Cedar {
    /// Loads a workload.
    ///
    /// # Errors
    /// Where cedar-policy refuses some part of it.
    pub fn load(workload: &Workload) -> Result<Self> {
        let policies = parse(workload)?;
        let schema = schema(workload)?;
        let entities = Entities::from_json_value(workload.entities_json(), Some(&schema))?;
        validate(&policies, schema)?;
        let mut types = HashMap::new();
        let uids = workload.asks.iter().flat_map(|ask| [&ask.principal, &ask.action, &ask.resource]);
        let stored = workload.entities.iter().flat_map(|entity| entity.parents.iter().chain([&entity.uid]));
        let fields = workload.entities.iter().flat_map(|entity| &entity.attributes);
        let fields = fields.filter_map(|(_, field)| match field {
            Field::Entity(uid) => Some(uid),
            _ => None,
        });
        for uid in uids.chain(stored).chain(fields) {
            types.insert(uid.type_name, EntityTypeName::from_str(uid.type_name)?);
        }
        Ok(Self { policies, entities, authorizer: Authorizer::new(), types })
    }

    fn uid(&self, uid: &Uid) -> Result<EntityUid> {
        let type_name = self.types.get(uid.type_name).ok_or("an entity type that the workload does not mention")?;
        Ok(EntityUid::from_type_name_and_id(type_name.clone(), EntityId::new(&uid.id)))
    }

    fn field(&self, field: &Field) -> Result<RestrictedExpression> {
        Ok(match field {
            Field::Bool(value) => RestrictedExpression::new_bool(*value),
            Field::Long(value) => RestrictedExpression::new_long(*value),
            Field::Text(text) => RestrictedExpression::new_string(text.clone()),
            Field::Entity(uid) => RestrictedExpression::new_entity_uid(self.uid(uid)?),
            Field::Entities(uids) => {
                let elements = uids.iter().map(|uid| Ok(RestrictedExpression::new_entity_uid(self.uid(uid)?)));
                RestrictedExpression::new_set(elements.collect::<Result<Vec<_>>>()?)
            }
        })
    }

    /// Builds a request from its parts.
    ///
    /// # Errors
    /// Where cedar-policy refuses some part of it.
    pub fn prepare(&self, ask: &Ask) -> Result<Prepared> {
        let context = ask.context.iter().map(|(name, field)| Ok(((*name).to_owned(), self.field(field)?)));
        let context = Context::from_pairs(context.collect::<Result<Vec<_>>>()?)?;
        let (principal, action, resource) =
            (self.uid(&ask.principal)?, self.uid(&ask.action)?, self.uid(&ask.resource)?);
        Ok(Prepared { request: Request::new(principal, action, resource, context, None)? })
    }

    /// Builds the store that a gateway would make for one request: its principal and resource.
    ///
    /// # Errors
    /// Where cedar-policy refuses some part of it.
    pub fn slice(&self, entities: [&EntityData; 2]) -> Result<Entities> {
        let mut all = Vec::with_capacity(entities.len());
        for entity in entities {
            let mut attributes = HashMap::with_capacity(entity.attributes.len());
            for (name, field) in &entity.attributes {
                attributes.insert((*name).to_owned(), self.field(field)?);
            }
            let parents = entity.parents.iter().map(|parent| self.uid(parent)).collect::<Result<HashSet<_>>>()?;
            all.push(Entity::new(self.uid(&entity.uid)?, attributes, parents)?);
        }
        Ok(Entities::from_entities(all, None)?)
    }

    /// Asks a request that is ready.
    #[must_use]
    pub fn decide(&self, prepared: &Prepared) -> Response {
        self.authorizer.is_authorized(&prepared.request, &self.policies, &self.entities)
    }

    /// Asks a request over a store of its own.
    #[must_use]
    pub fn decide_over(&self, prepared: &Prepared, entities: &Entities) -> Response {
        self.authorizer.is_authorized(&prepared.request, &self.policies, entities)
    }
}
