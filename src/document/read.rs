//! Reads files that people wrote, and refuses what others could have changed.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::trust::{Distrust, distrust};
use super::{LARGEST, Problem, Source};

/// Why a file could not be read as text.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("there is no file {0}")]
    Missing(PathBuf),
    #[error("{0} is a directory")]
    Directory(PathBuf),
    #[error("{0} is larger than {1}")]
    TooLarge(PathBuf, String),
    #[error("{0} cannot be read: {1}")]
    Io(PathBuf, std::io::Error),
    #[error("{0}; anyone who can change it controls what runs as root on the hosts")]
    Distrusted(#[from] Distrust),
}

/// Whether the file at `path`, which another program reads, is trusted.
///
/// # Errors
/// [`ReadError::Distrusted`]; the other program reports a missing file itself.
pub fn may_be_read(path: &Path) -> Result<(), ReadError> {
    let found = std::fs::metadata(path).ok().and_then(|found| distrust(path, &found));
    found.map_or(Ok(()), |found| Err(found.into()))
}

/// Reads at most `limit` bytes of a file, and refuses one that is larger or that others can write.
///
/// # Errors
/// [`ReadError`], which names the file.
pub fn read_bounded(path: &Path, limit: usize) -> Result<Vec<u8>, ReadError> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => ReadError::Missing(path.to_owned()),
        std::io::ErrorKind::IsADirectory => ReadError::Directory(path.to_owned()),
        _ => ReadError::Io(path.to_owned(), error),
    };
    let file = std::fs::File::open(path).map_err(failed)?;
    if let Some(found) = distrust(path, &file.metadata().map_err(failed)?) {
        return Err(found.into());
    }
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > limit {
        let size =
            if limit < 1 << 20 { format!("{} KiB", limit >> 10) } else { format!("{} MiB", limit >> 20) };
        return Err(ReadError::TooLarge(path.to_owned(), size));
    }
    Ok(bytes)
}

/// Reads a document: size-limited, and in UTF-8.
///
/// # Errors
/// One [`Problem`] with the file as a whole; `missing` is the hint for a missing file.
pub fn read_document(path: &Path, missing: &str) -> Result<Arc<Source>, Problem> {
    let bytes = read_bounded(path, LARGEST).map_err(|error| {
        let hint = match &error {
            ReadError::Missing(_) => missing.to_owned(),
            ReadError::Directory(_) => {
                format!("name a file in it: {}", path.join("inventory.toml").display())
            }
            ReadError::TooLarge(..) => {
                "such a document has a few kilobytes; check that it is the right file".to_owned()
            }
            ReadError::Io(..) => "check the file's mode and owner".to_owned(),
            ReadError::Distrusted(why) => why.hint(),
        };
        Problem::error(error.to_string()).hint(hint).of_file(path)
    })?;
    String::from_utf8(bytes).map(|text| Source::new(path, text)).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(valid).filter(|b| **b == b'\n').count() + 1;
        Problem::error(format!("{} is not UTF-8 text: byte {} (line {line})", path.display(), valid + 1))
            .hint("save it as UTF-8; an inventory written as Latin-1 or UTF-16 is not TOML")
            .of_file(path)
    })
}
