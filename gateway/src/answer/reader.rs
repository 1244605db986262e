//! What a route makes of answers by itself, for fuzzers and for people who have to find out why one is refused.
//!
//! The same code as on the way of an answer: there is no second filter.

use std::rc::Rc;

use palisade_engine::CompiledPolicySet;

use super::caller::Caller;
use super::filter::AnswerFilter;
use crate::configuration::OnForbidError;
use crate::decision_id::DecisionId;
use crate::header_map::HeaderBuffer;
use crate::identity::{Identity, RouteSlots};
use crate::mcp::{OpenMcp, Revision, RpcReply};
use crate::route::{PathTemplate, RequestPath};
use crate::rpc::RpcIds;
use crate::section::{DelegationMode, McpRoute, PrincipalMapping, SectionError};

/// A route to an MCP server and policies, and somebody of whom no more is known than an id.
#[derive(Debug)]
pub struct AnswerReader {
    filter: AnswerFilter,
}

impl AnswerReader {
    /// Checks the route as a gateway does. The caller is the entity of that type with the id `nobody`, and the server's id is `server`.
    ///
    /// # Errors
    ///
    /// When a bundle with this route would be refused.
    pub fn open(
        route: McpRoute,
        policies: CompiledPolicySet,
        revision: Revision,
        caller_type: &str,
    ) -> Result<Self, SectionError> {
        let template = PathTemplate::parse(&route.path)?;
        let mut mcp = OpenMcp::open(route, &template, &mut RouteSlots::default(), "the route")?;
        mcp.learn(&policies);
        let principal = PrincipalMapping {
            entity_type: caller_type.to_owned(),
            id_claim: Vec::new(),
            attributes: Vec::new(),
            parents: Vec::new(),
        };
        let (denial, revisions) = (mcp.denial, mcp.revisions.clone());
        let reply = RpcReply { ids: RpcIds::One("1"), revision: Some(revision), ..RpcReply::new(denial, &revisions) };
        let caller = Caller {
            policies: Rc::new(policies),
            mcp: Rc::new(mcp),
            on_forbid_error: OnForbidError::Deny,
            identity: Rc::new(Identity::unknown("nobody")),
            principal: Rc::new(principal),
            actors: None,
            delegation: DelegationMode::Refuse,
            revision,
            server_id: "server".to_owned(),
            location: None,
            host: String::new(),
            path: RequestPath::default(),
            query: None,
            headers: HeaderBuffer::default(),
            transaction: None,
            now_ms: 0,
        };
        Ok(Self { filter: AnswerFilter::new(caller, Some(&reply), DecisionId::default(), "{}") })
    }

    /// A filter for one answer to a request with the id `1`.
    #[must_use]
    pub fn filter(&self) -> AnswerFilter {
        self.filter.clone()
    }
}
