//! A client of OCI registries (distribution specification 1.1), as far as one artifact needs it.
//!
//! What a registry says is not believed: manifests and blobs are what their digests say, or there is a failure.

use std::cell::RefCell;
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use palisade_gateway::bundle::Digest;
use serde::Deserialize;
use ureq::http::{Method, Request, Response, StatusCode, Uri};
use ureq::tls::TlsConfig;
use ureq::{Agent, Body};

use super::{Failure, files, web};
use crate::distribution::oci::{Challenge, Manifest, Reference};

/// How to reach a registry and who to be there.
#[derive(Debug, Args)]
pub(super) struct RegistryArguments {
    /// User name. Default: what `docker login` has stored for the registry, if it is in the file itself
    #[arg(long, value_name = "NAME", requires = "password_env")]
    username: Option<String>,
    /// Environment variable with the password or token of the user
    #[arg(long, value_name = "VARIABLE", requires = "username")]
    password_env: Option<String>,
    /// Authorities in PEM form that the registry is checked by. Default: the public ones
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Talk to a registry on a loopback address without TLS
    #[arg(long)]
    plain_http: bool,
}

/// How long one exchange may take.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Largest manifest, in bytes; the distribution specification asks registries to take as much.
const MANIFEST_BYTES: usize = 4 * 1024 * 1024;

/// Largest answer of a token server, in bytes.
const TOKEN_BYTES: usize = 64 * 1024;

/// Most redirects to a blob's storage.
const REDIRECTS: usize = 3;

/// A registry and one repository in it.
pub(super) struct Registry {
    agent: Agent,
    scheme: &'static str,
    reference: Reference,
    credentials: Option<Credentials>,
    /// The header that was asked for, once it is known.
    authorization: RefCell<Option<String>>,
}

/// A user name and a password, as `Basic` has them.
struct Credentials(String);

impl Registry {
    pub(super) fn new(reference: Reference, arguments: &RegistryArguments) -> Result<Self, Failure> {
        let RegistryArguments { username, password_env, ca, plain_http } = arguments;
        let is_local = web::is_loopback(reference.host());
        if *plain_http && !is_local {
            return Err(Failure::new("oci.plain_http", "plain http is for loopback addresses only"));
        }
        let credentials = match (username, password_env) {
            (Some(username), Some(variable)) => {
                let password = std::env::var(variable)
                    .map_err(|error| Failure::new("oci.password", format!("`{variable}`: {error}")))?;
                Some(Credentials(STANDARD.encode(format!("{username}:{password}"))))
            }
            (None | Some(_), None) | (None, Some(_)) => stored(&reference.registry)?,
        };
        let config = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .max_redirects(0)
            .http_status_as_error(false)
            .tls_config(TlsConfig::builder().root_certs(web::roots(ca.as_deref(), "oci.ca")?).build());
        let config = if is_local { config.proxy(None) } else { config };
        Ok(Self {
            agent: Agent::new_with_config(config.build()),
            scheme: if *plain_http { "http" } else { "https" },
            reference,
            credentials,
            authorization: RefCell::new(None),
        })
    }

    /// Stores a blob, unless the registry has it.
    pub(super) fn push_blob(&self, bytes: &[u8]) -> Result<(), Failure> {
        let digest = Digest::of(bytes);
        let known = self.send(Method::HEAD, &self.url(&format!("blobs/sha256:{digest}")), &[], None)?;
        if known.status() == StatusCode::OK {
            return Ok(());
        }
        let started = self.send(Method::POST, &self.url("blobs/uploads/"), &[], Some(&[]))?;
        let started = self.expect(started, StatusCode::ACCEPTED)?;
        let location =
            self.same_origin(&location(&started).ok_or_else(|| self.failure("oci.location", "no place"))?)?;
        let separator = if location.contains('?') { '&' } else { '?' };
        let url = format!("{location}{separator}digest=sha256:{digest}");
        let stored = self.send(Method::PUT, &url, &[("content-type", "application/octet-stream")], Some(bytes))?;
        self.expect(stored, StatusCode::CREATED).map(drop)
    }

    /// Stores a manifest under the reference's tag, or under its digest where there is none, and gives the digest.
    pub(super) fn push_manifest(&self, bytes: &[u8]) -> Result<Digest, Failure> {
        let digest = Digest::of(bytes);
        let name = self.reference.tag.clone().unwrap_or_else(|| format!("sha256:{digest}"));
        let headers = [("content-type", Manifest::MEDIA_TYPE)];
        let stored = self.send(Method::PUT, &self.url(&format!("manifests/{name}")), &headers, Some(bytes))?;
        let stored = self.expect(stored, StatusCode::CREATED)?;
        self.check_announced(&stored, &digest)?;
        Ok(digest)
    }

    /// The manifest that the reference names, with its digest.
    pub(super) fn manifest(&self) -> Result<(Vec<u8>, Digest), Failure> {
        let url = self.url(&format!("manifests/{}", self.reference.name()));
        let found = self.send(Method::GET, &url, &[("accept", Manifest::MEDIA_TYPE)], None)?;
        let mut found = self.expect(found, StatusCode::OK)?;
        let bytes = self.read(&mut found, MANIFEST_BYTES)?;
        let digest = Digest::of(&bytes);
        match &self.reference.digest {
            Some(asked) if *asked != digest => {
                let message = format!("asked for sha256:{asked}, the registry has given sha256:{digest}");
                Err(self.failure("oci.digest_mismatch", message))
            }
            Some(_) => Ok((bytes, digest)),
            None => self.check_announced(&found, &digest).map(|()| (bytes, digest)),
        }
    }

    /// A blob of `size` bytes, wherever the registry keeps it.
    pub(super) fn blob(&self, digest: &Digest, size: usize) -> Result<Vec<u8>, Failure> {
        let mut url = self.url(&format!("blobs/sha256:{digest}"));
        let mut found = self.send(Method::GET, &url, &[], None)?;
        for _ in 0..REDIRECTS {
            if !found.status().is_redirection() {
                break;
            }
            let to = location(&found).ok_or_else(|| self.failure("oci.location", "a redirect without a place"))?;
            url = self.storage(&to)?;
            found = match self.same_origin(&url) {
                Ok(url) => self.send(Method::GET, &url, &[], None)?,
                // The token is for the registry alone.
                Err(_) => self.exchange(Method::GET, &url, &[], None)?,
            };
        }
        let mut found = self.expect(found, StatusCode::OK)?;
        let bytes = self.read(&mut found, size)?;
        let (have, given) = (bytes.len(), Digest::of(&bytes));
        if have != size {
            let message = format!("a blob of {size} bytes was announced, {have} came");
            return Err(self.failure("oci.size_mismatch", message));
        }
        if given != *digest {
            let message = format!("asked for sha256:{digest}, the registry has given sha256:{given}");
            return Err(self.failure("oci.digest_mismatch", message));
        }
        Ok(bytes)
    }

    fn url(&self, path: &str) -> String {
        let Reference { registry, repository, .. } = &self.reference;
        format!("{}://{registry}/v2/{repository}/{path}", self.scheme)
    }

    /// The URL of a place on the registry itself, given as a URL or a path.
    fn same_origin(&self, location: &str) -> Result<String, Failure> {
        let origin = format!("{}://{}", self.scheme, self.reference.registry);
        if location.starts_with('/') && !location.starts_with("//") {
            return Ok(format!("{origin}{location}"));
        }
        match location.strip_prefix(&origin) {
            Some(path) if path.starts_with('/') => Ok(location.to_owned()),
            Some(_) | None => Err(self.failure("oci.location", format!("`{location}` is not the registry"))),
        }
    }

    /// The URL of a place where blobs are kept: the registry itself, or another server over TLS.
    fn storage(&self, location: &str) -> Result<String, Failure> {
        if let Ok(url) = self.same_origin(location) {
            return Ok(url);
        }
        self.safe(location)
    }

    /// A URL that may be followed: with TLS, or on this machine where plain http was asked for.
    fn safe(&self, url: &str) -> Result<String, Failure> {
        let parsed: Uri = url.parse().map_err(|error| self.failure("oci.location", format!("`{url}`: {error}")))?;
        let is_local = self.scheme == "http" && web::is_loopback(parsed.host().unwrap_or_default());
        match parsed.scheme_str() {
            Some("https") => Ok(url.to_owned()),
            Some("http") if is_local => Ok(url.to_owned()),
            Some(_) | None => Err(self.failure("oci.location", format!("`{url}` is neither https nor local"))),
        }
    }

    /// Sends a request to the registry, and once more with what it asks for.
    fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Response<Body>, Failure> {
        let known = self.authorization.borrow().clone();
        let answer = self.exchange(method.clone(), url, &with(headers, known.as_deref()), body)?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let authorization = self.authorize(&answer)?;
        let answer = self.exchange(method, url, &with(headers, Some(&authorization)), body)?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            return Err(self.failure("oci.unauthorized", "the registry does not take these credentials"));
        }
        *self.authorization.borrow_mut() = Some(authorization);
        Ok(answer)
    }

    /// What `Authorization` has to be after such an answer.
    fn authorize(&self, answer: &Response<Body>) -> Result<String, Failure> {
        let fields = answer.headers().get_all("www-authenticate").iter().filter_map(|field| field.to_str().ok());
        let challenge = fields.filter_map(Challenge::read).next();
        match (challenge, &self.credentials) {
            (None, _) => Err(self.failure("oci.unauthorized", "the registry asks for what this client cannot do")),
            (Some(Challenge::Basic), Some(Credentials(basic))) => Ok(format!("Basic {basic}")),
            (Some(Challenge::Basic), None) => {
                Err(self.failure("oci.unauthorized", "the registry asks for a user: give it --username"))
            }
            (Some(Challenge::Bearer { realm, service, scope }), credentials) => {
                self.token(&realm, service.as_deref(), scope.as_deref(), credentials.as_ref())
            }
        }
    }

    /// A token for this repository, of the server that the registry names.
    fn token(
        &self,
        realm: &str,
        service: Option<&str>,
        scope: Option<&str>,
        credentials: Option<&Credentials>,
    ) -> Result<String, Failure> {
        #[derive(Deserialize)]
        struct Answer {
            token: Option<String>,
            access_token: Option<String>,
        }

        let realm = self.safe(realm)?;
        let asked = [("service", service), ("scope", scope)].into_iter();
        let query: Vec<String> =
            asked.filter_map(|(name, value)| Some(format!("{name}={}", escaped(value?)))).collect();
        let separator = if realm.contains('?') { '&' } else { '?' };
        let url = format!("{realm}{separator}{}", query.join("&"));
        let basic = credentials.map(|Credentials(basic)| format!("Basic {basic}"));
        let mut answer = self.exchange(Method::GET, &url, &with(&[], basic.as_deref()), None)?;
        if answer.status() != StatusCode::OK {
            let message = format!("`{realm}` gives no token: status {}", answer.status());
            return Err(self.failure("oci.unauthorized", message));
        }
        let bytes = self.read(&mut answer, TOKEN_BYTES)?;
        let Answer { token, access_token } = serde_json::from_slice(&bytes)
            .map_err(|error| self.failure("oci.unauthorized", format!("`{realm}`: {error}")))?;
        let token = token.or(access_token).filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| self.failure("oci.unauthorized", format!("`{realm}` gives no token")))?;
        Ok(format!("Bearer {token}"))
    }

    fn exchange(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Response<Body>, Failure> {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let malformed = |error| self.failure("oci.http", error);
        let answer = match body {
            Some(body) => self.agent.run(request.body(body).map_err(malformed)?),
            None => self.agent.run(request.body(()).map_err(malformed)?),
        };
        answer.map_err(|error| self.failure("oci.http", error))
    }

    fn expect(&self, mut answer: Response<Body>, status: StatusCode) -> Result<Response<Body>, Failure> {
        if answer.status() == status {
            return Ok(answer);
        }
        // Registries say why in JSON, for people.
        let said = self.read(&mut answer, TOKEN_BYTES).unwrap_or_default();
        let said: String = String::from_utf8_lossy(&said).chars().filter(|c| !c.is_control()).take(300).collect();
        let code = if answer.status() == StatusCode::NOT_FOUND { "oci.not_found" } else { "oci.status" };
        Err(self.failure(code, format!("status {}: {said}", answer.status())))
    }

    /// Reads at most one byte more than `max_bytes`, which tells that there are too many.
    fn read(&self, answer: &mut Response<Body>, max_bytes: usize) -> Result<Vec<u8>, Failure> {
        let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX).saturating_add(1);
        let mut bytes = Vec::new();
        let reader = answer.body_mut().as_reader().take(limit).read_to_end(&mut bytes);
        reader.map_err(|error| self.failure("oci.http", error))?;
        if bytes.len() > max_bytes {
            return Err(self.failure("oci.size_mismatch", format!("more than {max_bytes} bytes came")));
        }
        Ok(bytes)
    }

    /// Compares the digest that the registry announces, where it does, with that of the bytes.
    fn check_announced(&self, answer: &Response<Body>, digest: &Digest) -> Result<(), Failure> {
        let Some(announced) = answer.headers().get("docker-content-digest") else { return Ok(()) };
        if announced.as_bytes() == format!("sha256:{digest}").as_bytes() {
            return Ok(());
        }
        let announced = String::from_utf8_lossy(announced.as_bytes());
        let message = format!("the registry announces `{announced}`, the manifest has sha256:{digest}");
        Err(self.failure("oci.digest_mismatch", message))
    }

    fn failure(&self, code: &'static str, what: impl std::fmt::Display) -> Failure {
        let Reference { registry, repository, .. } = &self.reference;
        Failure::new(code, format!("`{registry}/{repository}`: {what}"))
    }
}

fn with<'a>(headers: &[(&'a str, &'a str)], authorization: Option<&'a str>) -> Vec<(&'a str, &'a str)> {
    headers.iter().copied().chain(authorization.map(|value| ("authorization", value))).collect()
}

fn location(answer: &Response<Body>) -> Option<String> {
    answer.headers().get("location")?.to_str().ok().map(str::to_owned)
}

/// A value in a query (RFC 3986 §2.3: what is unreserved stays).
fn escaped(value: &str) -> String {
    value.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
        escaped
    })
}

/// What `docker login` and its relatives have stored in their file for a registry. Helpers that keep it elsewhere are not asked.
fn stored(registry: &str) -> Result<Option<Credentials>, Failure> {
    #[derive(Deserialize)]
    struct Config {
        #[serde(default)]
        auths: std::collections::BTreeMap<String, Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        auth: Option<String>,
    }

    let folder = match (std::env::var_os("DOCKER_CONFIG"), std::env::var_os("HOME")) {
        (Some(folder), _) => PathBuf::from(folder),
        (None, Some(home)) => PathBuf::from(home).join(".docker"),
        (None, None) => return Ok(None),
    };
    let path = folder.join("config.json");
    if !path.exists() {
        return Ok(None);
    }
    let Config { mut auths } = serde_json::from_slice(&files::read(&path)?)
        .map_err(|error| Failure::file("oci.docker_config", &path, error))?;
    let entry = auths.remove(registry).and_then(|entry| entry.auth).filter(|auth| !auth.is_empty());
    Ok(entry.map(Credentials))
}
