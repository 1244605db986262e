//! The measured rules, decided by the crates that one would take for it: jwt-simple and cedar-policy.
//!
//! Written to be as fast as these crates allow, so that the comparison is with them and not with carelessness: policies,
//! entities and types are parsed once, a token is verified once and then known by its text, with its principal and the
//! entities that its requests are decided over.

mod keys;
mod tokens;

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::str::FromStr as _;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet, Request,
    RestrictedExpression, Schema,
};
use keys::Keys;
use tokens::{Claims, Tokens};

/// What can go wrong while loading.
pub type Fault = Box<dyn Error + Send + Sync>;

/// What a request gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is forwarded.
    Allow,
    /// 401: there is no token that counts.
    Unauthenticated,
    /// 403: the policies do not allow it, or it is none that they know.
    Forbidden,
}

/// A policy set with its entities and keys, ready to decide.
pub struct Rules {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
    keys: Keys,
    tokens: Tokens,
    read: EntityUid,
    agent: EntityTypeName,
    team: EntityTypeName,
    repository: EntityTypeName,
}

/// The texts that [`Rules`] are made of.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sources {
    /// The schema, in Cedar's own form.
    pub schema: String,
    /// The policies, in Cedar's own form.
    pub policies: String,
    /// The entities.
    pub entities: serde_json::Value,
    /// The issuer's key set.
    pub jwks: serde_json::Value,
    /// Who issues tokens.
    pub issuer: String,
    /// For whom they are meant.
    pub audience: String,
    /// How a subject becomes an id: this, a slash and the claim `sub`.
    pub namespace: String,
}

/// A caller whose token was verified.
pub struct Caller {
    uid: EntityUid,
    /// The stored entities, and the caller's own.
    entities: Entities,
}

impl Rules {
    /// Parses everything.
    ///
    /// # Errors
    ///
    /// Where a text is not what it should be.
    pub fn load(sources: Sources) -> Result<Self, Fault> {
        let Sources { schema, policies, entities, jwks, issuer, audience, namespace } = sources;
        let (schema, _) = Schema::from_cedarschema_str(&schema)?;
        Ok(Self {
            authorizer: Authorizer::new(),
            policies: PolicySet::from_str(&policies)?,
            entities: Entities::from_json_value(entities, Some(&schema))?,
            keys: Keys::read(&jwks, issuer, audience)?,
            tokens: Tokens::new(namespace),
            read: EntityUid::from_str("Action::\"read\"")?,
            agent: EntityTypeName::from_str("Agent")?,
            team: EntityTypeName::from_str("Team")?,
            repository: EntityTypeName::from_str("Repository")?,
        })
    }

    /// Decides on a request by its method, its path and its header `authorization`; `now` in seconds since the epoch.
    pub fn decide(&mut self, method: &str, path: &str, authorization: Option<&str>, now: u64) -> Answer {
        let Some(token) = authorization.and_then(|value| value.strip_prefix("Bearer ")) else {
            return Answer::Unauthenticated;
        };
        if self.tokens.find(token, now).is_none() {
            let Some((claims, expires)) = self.keys.verify(token) else { return Answer::Unauthenticated };
            match self.caller(&claims) {
                Ok(caller) => self.tokens.keep(token, caller, expires),
                Err(_) => return Answer::Unauthenticated,
            }
        }
        let Some(caller) = self.tokens.find(token, now) else { return Answer::Unauthenticated };
        let Some(repository) = repository(method, path) else { return Answer::Forbidden };
        let resource = EntityUid::from_type_name_and_id(self.repository.clone(), EntityId::new(repository));
        let Ok(request) = Request::new(caller.uid.clone(), self.read.clone(), resource, Context::empty(), None) else {
            return Answer::Forbidden;
        };
        match self.authorizer.is_authorized(&request, &self.policies, &caller.entities).decision() {
            Decision::Allow => Answer::Allow,
            Decision::Deny => Answer::Forbidden,
        }
    }

    fn caller(&self, claims: &Claims) -> Result<Caller, Fault> {
        let id = format!("{}/{}", self.tokens.namespace(), claims.subject);
        let uid = EntityUid::from_type_name_and_id(self.agent.clone(), EntityId::new(id));
        let team = |id: &String| EntityUid::from_type_name_and_id(self.team.clone(), EntityId::new(id));
        let parents: HashSet<_> = claims.teams.iter().map(team).collect();
        let attributes =
            HashMap::from([("suspended".to_owned(), RestrictedExpression::new_bool(claims.suspended))]);
        let agent = Entity::new(uid.clone(), attributes, parents)?;
        Ok(Caller { uid, entities: self.entities.clone().add_entities([agent], None)? })
    }
}

/// The repository that a request reads a file of; the one route of the measurement.
fn repository<'a>(method: &str, path: &'a str) -> Option<&'a str> {
    let path = path.split('?').next()?;
    let (repository, file) = path.strip_prefix("/repos/")?.split_once("/files/")?;
    (method == "GET" && !repository.is_empty() && !repository.contains('/') && !file.is_empty()).then_some(repository)
}
