//! What is made before anything is measured: keys, tokens, signed bundles. In a folder below target/, by the command
//! itself and by the small program that signs many tokens.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::Result;
use crate::rules::{ALIAS, AUDIENCE, Credential, ISSUER, Rules};
use crate::tools;

/// The folder, and the programs that work there.
pub(crate) struct Workshop {
    pub(crate) home: PathBuf,
    pub(crate) cli: PathBuf,
    /// A script for node.
    pub(crate) mint: PathBuf,
}

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signature {
    Es256,
    Rs256,
}

/// What palisade tells the upstream of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// As all others here.
    Nothing,
    /// Who calls, and the decision's id: the default.
    All,
}

impl Told {
    /// Tells projects apart.
    fn suffix(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::All => "-telling",
        }
    }

    /// A line of the route.
    fn setting(self) -> &'static str {
        match self {
            Self::Nothing => "upstream_headers = []\n",
            Self::All => "",
        }
    }
}

/// A credential of a caller, as it is wanted.
pub(crate) type Wanted = (Credential, usize);

impl Workshop {
    /// Makes the folder empty and fills it with keys.
    pub(crate) fn open(home: PathBuf, cli: PathBuf, mint: PathBuf) -> Result<Self> {
        if home.exists() {
            fs::remove_dir_all(&home)?;
        }
        fs::create_dir_all(&home)?;
        let workshop = Self { home, cli, mint };
        for (algorithm, kid, folder) in [
            ("ed25519", "bundle", "keys"),
            ("es256", "es256", "keys/issuer"),
            ("rs256", "rs256", "keys/issuer"),
            ("es256", "stranger", "keys/stranger"),
        ] {
            workshop.palisade(&["keys", "generate", "--algorithm", algorithm, "--kid", kid, "--out", folder])?;
        }
        workshop.palisade(&["keys", "jwks", "keys/issuer", "-o", "jwks.json"])?;
        Ok(workshop)
    }

    /// The issuer's key set.
    pub(crate) fn jwks(&self) -> Result<String> {
        Ok(fs::read_to_string(self.home.join("jwks.json"))?)
    }

    /// Signs claims, each by the issuer's key for that algorithm.
    pub(crate) fn sign(&self, signature: Signature, claims: &[Value]) -> Result<Vec<String>> {
        match signature {
            Signature::Es256 => self.sign_with("ES256", "keys/issuer/es256.pem", "es256", claims),
            Signature::Rs256 => self.sign_with("RS256", "keys/issuer/rs256.pem", "rs256", claims),
        }
    }

    /// The token of each credential; `now` in seconds since the epoch.
    pub(crate) fn credentials(&self, wanted: &[Wanted], now: u64) -> Result<Vec<Option<String>>> {
        let mut tokens = vec![None; wanted.len()];
        type Key<'a> = (fn(Credential) -> bool, &'a str, &'a str, &'a str);
        let keys: [Key<'_>; 3] = [
            (|of| of == Credential::GoodRs256, "RS256", "keys/issuer/rs256.pem", "rs256"),
            (|of| of == Credential::OtherKey, "ES256", "keys/stranger/stranger.pem", "es256"),
            (
                |of| !matches!(of, Credential::GoodRs256 | Credential::OtherKey),
                "ES256",
                "keys/issuer/es256.pem",
                "es256",
            ),
        ];
        for (signs, algorithm, pem, kid) in keys {
            let (places, claims): (Vec<_>, Vec<_>) = (tokens.iter_mut().zip(wanted))
                .filter(|(_, (credential, _))| signs(*credential))
                .filter_map(|(place, (credential, team))| Some(((place, *credential), credential.claims(*team, now)?)))
                .unzip();
            let signed = self.sign_with(algorithm, pem, kid, &claims)?;
            for ((place, credential), token) in places.into_iter().zip(signed) {
                *place = Some(if credential == Credential::Forged { forged(&token)? } else { token });
            }
        }
        Ok(tokens)
    }

    fn sign_with(&self, algorithm: &str, pem: &str, kid: &str, claims: &[Value]) -> Result<Vec<String>> {
        let mut mint = Command::new("node")
            .arg(&self.mint)
            .args([algorithm, pem, kid])
            .current_dir(&self.home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let lines: String = claims.iter().map(|claims| format!("{claims}\n")).collect();
        let mut stdin = mint.stdin.take().ok_or("no standard input")?;
        // From a thread of its own, for both pipes are smaller than what goes through them.
        let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
        let output = mint.wait_with_output()?;
        writer.join().map_err(|_| "the writer panicked")??;
        let tokens: Vec<_> = String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect();
        if !output.status.success() || tokens.len() != claims.len() {
            return Err(format!("{} of {} tokens were signed", tokens.len(), claims.len()).into());
        }
        Ok(tokens)
    }

    /// The plugin configuration with a bundle of these rules.
    pub(crate) fn gateway(&self, rules: Rules, told: Told) -> Result<Value> {
        let route = "[[routes]]\nhost = \"repos.internal\"\nmethods = [\"GET\"]\n\
             path = \"/repos/{repo}/files/{file*}\"\naction = \"read\"\n\
             resource = { type = \"Repository\", id = \"{repo}\" }\n";
        let name = format!("rules-{}{}", rules.policies, told.suffix());
        self.configure(&name, Rules::SCHEMA, &rules.cedar(), &rules.entities(), &format!("{route}{}", told.setting()))
    }

    /// The plugin configuration with a bundle of the rules for tool calls.
    pub(crate) fn tools_gateway(&self) -> Result<Value> {
        let route = format!(
            "[[routes]]\nprotocol = \"mcp\"\nhost = \"tools.internal\"\npath = \"{}\"\n\
             resource = {{ type = \"Files::Server\", id = \"files\" }}\n{}",
            tools::PATH,
            Told::Nothing.setting()
        );
        self.configure("tools", &tools::schema(), &tools::cedar(), &json!([]), &route)
    }

    fn configure(&self, name: &str, schema: &str, policies: &str, entities: &Value, route: &str) -> Result<Value> {
        let project = self.home.join(name);
        fs::create_dir_all(project.join("policies"))?;
        fs::create_dir_all(project.join("entities"))?;
        fs::write(project.join("schema.cedarschema"), schema)?;
        fs::write(project.join("policies/rules.cedar"), policies)?;
        fs::write(project.join("entities/entities.json"), entities.to_string())?;
        let manifest = format!(
            "name = \"{name}\"\nschema = \"schema.cedarschema\"\npolicies = [\"policies/*.cedar\"]\n\
             entities = [\"entities/*.json\"]\nlifetime = \"1d\"\n\
             [[issuers]]\nalias = \"{ALIAS}\"\nissuer = \"{ISSUER}\"\naudiences = [\"{AUDIENCE}\"]\n\
             algorithms = [\"ES256\", \"RS256\"]\njwks = \"../jwks.json\"\nmax_token_lifetime = \"2h\"\n\
             [issuers.principal]\ntype = \"Agent\"\nid = \"sub\"\n\
             parents = [{{ claim = \"teams\", type = \"Team\" }}]\n{route}"
        );
        fs::write(project.join("palisade.toml"), manifest)?;
        let bundle = format!("{name}.palisade");
        let jwks = format!("{ALIAS}=jwks.json");
        self.palisade(&["build", name, "-o", &bundle, "--jwks", &jwks])?;
        self.palisade(&["sign", &bundle, "--key", "keys/bundle.pem"])?;
        let configuration = format!("{name}.json");
        self.palisade(&["gateway-config", &bundle, "--trust", "keys/bundle.pub", "-o", &configuration])?;
        Ok(serde_json::from_slice(&fs::read(self.home.join(configuration))?)?)
    }

    /// Writes what the alternatives on cedar-policy are given of these rules.
    pub(crate) fn sources(&self, rules: Rules) -> Result<PathBuf> {
        let path = self.home.join(format!("sources-{}.json", rules.policies));
        let sources = json!({
            "schema": Rules::SCHEMA,
            "policies": rules.cedar(),
            "entities": rules.entities(),
            "jwks": serde_json::from_str::<Value>(&self.jwks()?)?,
            "issuer": ISSUER,
            "audience": AUDIENCE,
            "namespace": ALIAS,
        });
        fs::write(&path, sources.to_string())?;
        Ok(path)
    }

    fn palisade(&self, arguments: &[&str]) -> Result<()> {
        run(&self.cli, arguments, &self.home)
    }
}

fn run(program: &Path, arguments: &[impl AsRef<OsStr>], folder: &Path) -> Result<()> {
    let output = Command::new(program).args(arguments).current_dir(folder).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{} failed: {}", program.display(), String::from_utf8_lossy(&output.stderr)).into())
}

/// The token with another character in the middle of its signature.
fn forged(token: &str) -> Result<String> {
    let (signed, signature) = token.rsplit_once('.').ok_or("a token without a signature")?;
    let (front, back) = signature.split_at_checked(signature.len() / 2).ok_or("an odd signature")?;
    let (first, rest) = back.split_at_checked(1).ok_or("an empty signature")?;
    let other = if first == "A" { "B" } else { "A" };
    Ok(format!("{signed}.{front}{other}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::forged;

    #[test]
    fn a_forged_token_differs_in_its_signature_only() {
        assert_eq!(forged("a.b.cdef").unwrap(), "a.b.cdAf");
        assert_eq!(forged("a.b.cdAf").unwrap(), "a.b.cdBf");
        assert!(forged("nothing").is_err());
    }
}
