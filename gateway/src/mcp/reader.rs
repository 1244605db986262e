//! What a route makes of a body by itself, for fuzzers and for people who have to find out why one is refused.
//!
//! The same code as on the way of a request: there is no second reader.

use super::denial::RpcReply;
use super::error::McpError;
use super::open::OpenMcp;
use super::read;
use super::transport::Transport;
use crate::header_map::HeaderMap;
use crate::identity::RouteSlots;
use crate::json::JsonDocument;
use crate::route::PathTemplate;
use crate::section::{McpRoute, SectionError};

/// A route to an MCP server, without policies.
#[derive(Debug)]
pub struct MessageReader {
    mcp: OpenMcp,
    document: JsonDocument,
}

impl MessageReader {
    /// Checks the route as a gateway does.
    ///
    /// # Errors
    ///
    /// When a bundle with this route would be refused.
    pub fn open(route: McpRoute) -> Result<Self, SectionError> {
        let template = PathTemplate::parse(&route.path)?;
        let mcp = OpenMcp::open(route, &template, &mut RouteSlots::default(), "the route")?;
        Ok(Self { mcp, document: JsonDocument::default() })
    }

    /// What a body asks policy about: for each question, the method and what it is about.
    ///
    /// # Errors
    ///
    /// When the request would be refused before policy is asked. Arguments are looked at only when it is.
    pub fn read(&mut self, headers: HeaderMap<'_>, body: &[u8]) -> Result<Vec<(&'static str, String)>, McpError> {
        let transport = Transport::read(&self.mcp, headers);
        transport.before_body()?;
        let mut reply = RpcReply::new(self.mcp.denial, &self.mcp.revisions);
        let calls = read::read(&self.mcp, &transport, body, &mut self.document, &mut reply)?;
        Ok(calls.iter().map(|call| (call.facts.method, call.facts.subject().to_owned())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::Digest;
    use crate::header_map::HeaderBuffer;
    use crate::mcp::open::testing;
    use crate::rpc::RpcError;
    use crate::section::{Catalogue, Drift, PinnedTool};

    #[test]
    fn a_body_is_read_as_on_the_way_of_a_request() {
        let mut reader = MessageReader::open(testing::route()).unwrap();
        let headers = HeaderBuffer::from_pairs([("content-type", "application/json")]);
        let mut read = |body: &str| reader.read(headers.as_map(), body.as_bytes());
        assert_eq!(read(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#), Ok(vec![("ping", String::new())]));
        let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read"}}"#;
        assert_eq!(read(call), Ok(vec![("tools/call", "read".to_owned())]));
        assert_eq!(read(&call.replace("\"name\"", "\"Name\"")), Err(RpcError::LookAlike.into()));
        assert_eq!(read(""), Err(McpError::Rpc(RpcError::Json(crate::JsonFault::Empty))));
        let with = |drift, names: &[&str]| {
            let pin = |name: &&str| PinnedTool { name: (*name).to_owned(), sha256: Digest::of(b"") };
            let catalogue = Some(Catalogue { drift, tools: names.iter().map(pin).collect() });
            let mut reader = MessageReader::open(McpRoute { catalogue, ..testing::route() }).unwrap();
            reader.read(headers.as_map(), call.as_bytes()).map(|calls| calls.len())
        };
        assert_eq!(with(Drift::Drop, &["read", "write"]), Ok(1));
        for names in [&[][..], &["write"], &["Read", "reads", "rea"]] {
            assert_eq!(with(Drift::Drop, names), Err(McpError::ToolUnpinned), "{names:?}");
            assert_eq!(with(Drift::Block, names), Err(McpError::ToolUnpinned), "{names:?}");
            assert_eq!(with(Drift::Report, names), Ok(1), "{names:?}");
        }
        assert!(MessageReader::open(McpRoute { revisions: vec![], ..testing::route() }).is_err());
    }
}
