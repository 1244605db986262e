//! Writes Cedar schemas for what others describe: the tools of an MCP server, the operations of an OpenAPI document.
//!
//! What cannot be typed exactly is left out and told, with a code and a place: nothing is guessed.

mod fragment;
mod json_schema;
mod mcp;
mod openapi;
mod param_headers;
mod stub;
mod toml_text;

pub use mcp::{McpSchema, ToolList, from_mcp};
pub use openapi::{OpenApiOptions, OpenApiSchema, from_openapi};
pub use stub::Stub;
