//! Runs the command in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

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
