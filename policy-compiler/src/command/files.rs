//! Reading and writing files.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use super::Failure;

/// Whether a path argument stands for standard input or output.
pub(super) fn is_standard(path: &Path) -> bool {
    path == Path::new("-")
}

/// Reads a file, or standard input for `-`.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let read = if is_standard(path) {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(path)
    };
    read.map_err(|error| Failure::file("io.read", path, error))
}

/// Reads a UTF-8 file, or standard input for `-`.
pub(super) fn read_text(path: &Path) -> Result<String, Failure> {
    String::from_utf8(read(path)?).map_err(|_| Failure::file("io.utf8", path, "not UTF-8"))
}

/// Opens a file, or standard input for `-`, to read it by lines.
pub(super) fn lines(path: &Path) -> Result<Box<dyn BufRead>, Failure> {
    if is_standard(path) {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let file = File::open(path).map_err(|error| Failure::file("io.read", path, error))?;
    Ok(Box::new(BufReader::new(file)))
}

/// Writes a file whole or not at all: to a temporary neighbour, then renamed.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    replace(path, bytes, 0o644)
}

/// Writes a file that only its owner may read.
pub(super) fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    replace(path, bytes, 0o600)
}

fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Failure> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = create(&temporary, mode)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, path));
    written.map_err(|error| {
        // The temporary file may not exist; the first error is the one to report.
        let _ = fs::remove_file(&temporary);
        Failure::file("io.write", path, error)
    })
}

#[cfg(unix)]
fn create(path: &Path, mode: u32) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
}

#[cfg(not(unix))]
fn create(path: &Path, _mode: u32) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Reads a private key file, and refuses one that others may read, as ssh does.
pub(super) fn read_secret(path: &Path) -> Result<String, Failure> {
    let file_error = |error: io::Error| Failure::file("io.read", path, error);
    let mut file = File::open(path).map_err(file_error)?;
    // Asked of the open file, so that what was checked is what is read.
    let mode = mode(&file).map_err(file_error)?;
    if mode & 0o077 != 0 {
        let message = format!("mode {mode:04o} lets others use this private key; chmod 600 it");
        return Err(Failure::file("key.permissions", path, message));
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(file_error)?;
    Ok(text)
}

#[cfg(unix)]
fn mode(file: &File) -> io::Result<u32> {
    use std::os::unix::fs::MetadataExt;
    Ok(file.metadata()?.mode() & 0o777)
}

/// Other systems have no mode bits to look at.
#[cfg(not(unix))]
fn mode(_file: &File) -> io::Result<u32> {
    Ok(0)
}

/// The files of a folder with one extension, sorted by name.
pub(super) fn with_extension(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, Failure> {
    let entries = fs::read_dir(folder).map_err(|error| Failure::file("io.read", folder, error))?;
    let mut list = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| Failure::file("io.read", folder, error))?.path();
        let name = path.to_string_lossy();
        if name.ends_with(extension) {
            list.push(path.clone());
        }
    }
    list.sort();
    Ok(list)
}
