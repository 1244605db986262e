//! Routes: from method, host and path to an action, a resource and a context.

mod error;

pub use error::{ContextError, RouteError};
