//! Downloads on disk: contents by their digest, and for each address what it last gave.
//!
//! `sha256/DIGEST` holds bytes; `address/DIGEST-OF-ADDRESS` names them, or says that nothing was there. A file that is not
//! what its name says is not there. A cache that cannot be written is no failure: it is not there either.

use sha2::{Digest as _, Sha256};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What an address gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kept {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The server said that nothing is there.
    Absent,
}

impl Kept {
    pub(super) fn into_bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Absent => None,
        }
    }
}

/// What stands in the place of a digest where nothing was there.
const ABSENT: &str = "absent";

#[derive(Debug)]
pub(super) struct Cache {
    folder: Option<PathBuf>,
}

impl Cache {
    pub(super) fn at(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// What an address gave, and how long ago.
    pub(super) fn find(&self, address: &str) -> Option<(Kept, Duration)> {
        let folder = self.folder.as_ref()?;
        let note = folder.join("address").join(digest(address.as_bytes()));
        let text = fs::read_to_string(&note).ok()?;
        let written = fs::metadata(&note).ok()?.modified().ok()?;
        let age = SystemTime::now().duration_since(written).unwrap_or_default();
        let mut lines = text.lines();
        let (content, of) = (lines.next()?, lines.next()?);
        if of != address {
            return None;
        }
        if content == ABSENT {
            return Some((Kept::Absent, age));
        }
        let is_digest = content.len() == 64 && content.bytes().all(|byte| byte.is_ascii_hexdigit());
        let bytes = is_digest.then(|| fs::read(folder.join("sha256").join(content)).ok())??;
        (digest(&bytes) == content).then_some((Kept::Bytes(bytes), age))
    }

    /// Keeps what an address gave.
    pub(super) fn keep(&self, address: &str, kept: &Kept) {
        let Some(folder) = &self.folder else { return };
        let content = match kept {
            Kept::Absent => ABSENT.to_owned(),
            Kept::Bytes(bytes) => {
                let name = digest(bytes);
                if write(&folder.join("sha256").join(&name), bytes).is_err() {
                    return;
                }
                name
            }
        };
        let note = folder.join("address").join(digest(address.as_bytes()));
        // Without the note the next run asks again.
        let _ = write(&note, format!("{content}\n{address}\n").as_bytes());
    }
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a file so that nobody ever reads half of it.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}
