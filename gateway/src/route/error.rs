//! Why a request matches no route, or its context cannot be built.

/// Why a request matches no route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteError {
    /// No route for this method, host and path.
    Unknown,
    /// A path that two readers could read differently: encoded separators, dot segments, `//`, bad escapes.
    PathUnsafe,
    /// An authority that is not a host name.
    HostInvalid,
    /// A request to a gRPC method that is not gRPC.
    NotGrpc,
}

/// Why a context value is not what the route asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContextError {
    /// A required value is not there.
    Missing,
    /// The value is not of the type, or too long.
    Type,
    /// A header that must be there once is there more often.
    HeaderRepeated,
    /// A header that is needed is not UTF-8.
    HeaderNotUtf8,
    /// A query parameter that must be there once is there more often.
    QueryRepeated,
    /// A query that readers could read differently: bad escapes, `;`, too many pairs.
    QueryMalformed,
}
