//! How signed artefacts get from whoever signed them to gateways: what files there are, and the rules by which they are
//! handed out. What touches disks and sockets is in `command`.

pub mod artefact;
pub mod condition;
pub mod fleet;
pub mod oci;
pub mod progress;
pub mod shelf;
pub mod trustees;
