//! The file from which Envoy reads the filter (extension configuration discovery).

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

const SANDBOX: &str = "/resources/0/typed_config/config";
const CONFIGURATION: &str = "/resources/0/typed_config/config/configuration";

/// The file's content. Tests change it as an attacker or a clumsy operator would.
#[derive(Clone, Debug)]
pub struct Filter {
    resources: Value,
}

impl Filter {
    /// Reads what `palisade gateway-config --ecds` prints.
    ///
    /// # Errors
    ///
    /// The text is no JSON, or has not the expected form.
    pub fn parse(text: &str) -> Result<Self> {
        let filter = Self { resources: serde_json::from_str(text).context("the filter file is no JSON")? };
        filter.configuration()?;
        Ok(filter)
    }

    /// The plugin's own configuration.
    ///
    /// # Errors
    ///
    /// It is not JSON inside a `StringValue`, the one form that reaches the filter unchanged.
    pub fn configuration(&self) -> Result<Value> {
        let text = self.resources.pointer(&format!("{CONFIGURATION}/value")).and_then(Value::as_str);
        serde_json::from_str(text.context("no StringValue configuration")?).context("the configuration is no JSON")
    }

    /// The same filter with another configuration text, well-formed or not.
    ///
    /// # Errors
    ///
    /// The file has no configuration.
    pub fn with_configuration(self, text: &str) -> Result<Self> {
        self.with(&format!("{CONFIGURATION}/value"), json!(text))
    }

    /// The same filter with another protobuf message as its configuration.
    ///
    /// # Errors
    ///
    /// The file has no configuration.
    pub fn with_any(self, message: Value) -> Result<Self> {
        self.with(CONFIGURATION, message)
    }

    /// The same filter with one field of its configuration changed.
    ///
    /// # Errors
    ///
    /// As [`Filter::configuration`], or it is no object.
    pub fn with_field(self, name: &str, value: Value) -> Result<Self> {
        let mut configuration = self.configuration()?;
        configuration.as_object_mut().context("no object")?.insert(name.to_owned(), value);
        self.with_configuration(&configuration.to_string())
    }

    /// The same filter in a sandbox: what it may call, and what of it may be called, is these functions and no others.
    ///
    /// # Errors
    ///
    /// The file has no place for it.
    pub fn with_capabilities<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let allowed: serde_json::Map<_, _> = names.into_iter().map(|name| (name.to_owned(), json!({}))).collect();
        let mut filter = self;
        let place = filter.resources.pointer_mut(SANDBOX).and_then(Value::as_object_mut).context("no plugin")?;
        place.insert("capability_restriction_config".to_owned(), json!({"allowed_capabilities": allowed}));
        Ok(filter)
    }

    /// The same filter with other bytes for a bundle.
    ///
    /// # Errors
    ///
    /// As [`Filter::with_field`].
    pub fn with_bundle(self, bytes: &[u8]) -> Result<Self> {
        self.with_field("bundle", json!({"inline": STANDARD.encode(bytes)}))
    }

    /// Puts the file in place as an operator should: written beside, then renamed over.
    ///
    /// # Errors
    ///
    /// The folder cannot be written.
    pub fn install(&self, path: &Path) -> Result<()> {
        let beside = path.with_extension("new");
        fs::write(&beside, self.resources.to_string())
            .with_context(|| format!("cannot write `{}`", beside.display()))?;
        fs::rename(&beside, path).with_context(|| format!("cannot rename to `{}`", path.display()))
    }

    fn with(mut self, pointer: &str, value: Value) -> Result<Self> {
        *self.resources.pointer_mut(pointer).with_context(|| format!("the filter file has no {pointer}"))? = value;
        Ok(self)
    }
}
