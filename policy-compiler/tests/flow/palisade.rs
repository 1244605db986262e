//! Runs the command in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use palisade_gateway::ConfigurationFile;
use serde_json::json;
use tempfile::TempDir;

/// A temporary folder with the golden tests' good project in `project/`, and the command to run there.
pub(crate) struct Workshop {
    folder: TempDir,
}

/// What one run left.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Workshop {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/project.in/good");
        copy(&project, &folder.path().join("project"));
        Self { folder }
    }

    /// A workshop with an issuer's key set and two signing keys, and `b.palisade` built from the project.
    pub(crate) fn with_bundle() -> Self {
        let workshop = Self::new();
        workshop.ok("keys generate --algorithm es256 --kid dev-es256 --out issuer");
        workshop.ok("keys generate --algorithm ed25519 --kid dev-eddsa --out issuer");
        workshop.ok("keys jwks issuer -o issuer.jwks.json");
        workshop.ok("keys generate --algorithm ed25519 --kid one --out signers");
        workshop.ok("keys generate --algorithm es256 --kid two --out signers");
        workshop.ok("build project -o b.palisade --version 7 --created 1767225600 --jwks dev=issuer.jwks.json");
        workshop
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_palisade"));
        command.current_dir(self.folder.path()).args(arguments).stdin(Stdio::null());
        command.env_remove("SOURCE_DATE_EPOCH").env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
        command
    }

    /// Runs words separated by spaces.
    pub(crate) fn run(&self, line: &str) -> Run {
        let words: Vec<&str> = line.split_whitespace().collect();
        Run::of(&mut self.command(&words))
    }

    /// Runs what must succeed and gives its standard output.
    pub(crate) fn ok(&self, line: &str) -> String {
        let run = self.run(line);
        assert_eq!(run.code, 0, "palisade {line}: {run:?}");
        run.out
    }

    /// Runs what must fail with an exit code and an error code.
    pub(crate) fn fails(&self, line: &str, exit: i32, code: &str) {
        let run = self.run(line);
        assert_eq!(run.code, exit, "palisade {line}: {run:?}");
        assert!(run.err.contains(&format!("error[{code}]")), "palisade {line}: {}", run.err);
    }

    pub(crate) fn json(&self, line: &str) -> serde_json::Value {
        serde_json::from_str(&self.ok(line)).unwrap()
    }

    /// What the command says of a token in a file, and its exit code.
    pub(crate) fn verify(&self, token: &str, extra: &str) -> (i32, serde_json::Value) {
        let line = format!("token verify {token} --project project --jwks dev=issuer.jwks.json --format json {extra}");
        let run = self.run(&line);
        assert!(run.err.is_empty(), "{run:?}");
        (run.code, serde_json::from_str(&run.out).unwrap())
    }

    /// A signed bundle needs a cluster for what is fetched from `host`: `gateway-config` says so, and takes one for the host or for
    /// the issuer, by `option` into `member` of the configuration.
    pub(crate) fn needs_cluster(&self, bundle: &str, host: &str, option: &str, member: &str, code: &str) {
        let line = format!("gateway-config {bundle} --trust signers/one.pub");
        self.fails(&line, 1, code);
        self.fails(&format!("{line} {option} other.example=idp"), 1, code);
        let twice = format!("{option} {host}=a {option} {}=b", host.to_ascii_uppercase());
        self.fails(&format!("{line} {twice}"), 1, code);
        for malformed in [host, "=idp", &format!("{host}="), ""] {
            let run = self.run(&format!("{line} {option} {malformed}"));
            assert_eq!(run.code, 64, "{malformed}: {run:?}");
        }
        for name in [host, "dev"] {
            let text = self.ok(&format!("{line} {option} {name}=idp"));
            let file: ConfigurationFile = serde_json::from_str(&text).unwrap();
            assert_eq!(serde_json::to_value(file).unwrap()[member], json!({name: "idp"}));
        }
    }
}

impl Run {
    pub(crate) fn of(command: &mut Command) -> Self {
        let Output { status, stdout, stderr } = command.output().unwrap();
        Self {
            code: status.code().unwrap(),
            out: String::from_utf8(stdout).unwrap(),
            err: String::from_utf8(stderr).unwrap(),
        }
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
