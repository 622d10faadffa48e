//! The files of a local host: what each one holds, how it is read, and how it is written whole or not at all.
//!
//! Every file is JSON that a person can read. All reading and writing happens under one lock file, so that two
//! processes never lose each other's updates; the operating system frees the lock of a process that died.

use crate::commit::CommitId;
use crate::failure::{Failure, Result};
use crate::host::{PullRequestState, Rights, StatusState};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// How a pull request is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum MergeStyle {
    /// A commit with both histories as parents.
    #[default]
    MergeCommit,
    /// One commit with the whole change on the base branch.
    Squash,
    /// The base branch moves to the head; refused when it is not behind it.
    FastForward,
}

/// `host.json`: what an administrator would set.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Settings {
    pub version: u32,
    pub repository: String,
    pub default_branch: String,
    pub merge_style: MergeStyle,
    /// The setting that GitHub calls "Allow GitHub Actions to create and approve pull requests".
    pub jobs_may_create_pull_requests: bool,
    /// The account that jobs act as.
    pub job_account: String,
    #[serde(with = "as_word::map")]
    pub members: BTreeMap<String, Rights>,
}

/// `pull-requests/N.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct PullRecord {
    pub number: u64,
    #[serde(with = "as_word")]
    pub state: PullRequestState,
    pub title: String,
    pub author: String,
    #[serde(with = "as_word")]
    pub opened_at: Timestamp,
    pub head_branch: String,
    /// The owner of the fork that the head branch is in: `refs/forks/OWNER/BRANCH` of the repository.
    pub fork: Option<String>,
    pub base_branch: String,
    #[serde(with = "as_word")]
    pub head: CommitId,
    pub labels: Vec<String>,
    pub merge: Option<MergeRecord>,
    pub body: String,
    pub next_comment: u64,
    pub comments: Vec<CommentRecord>,
    /// What is said beside lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<RemarkRecord>,
}

/// What a merge left in `pull-requests/N.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct MergeRecord {
    #[serde(with = "as_word")]
    pub commit: CommitId,
    pub by: String,
    #[serde(with = "as_word")]
    pub at: Timestamp,
}

/// A comment in `pull-requests/N.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct CommentRecord {
    pub id: u64,
    pub author: String,
    #[serde(with = "as_word")]
    pub posted_at: Timestamp,
    #[serde(with = "as_word")]
    pub edited_at: Timestamp,
    pub body: String,
}

/// A remark beside a line, in `pull-requests/N.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RemarkRecord {
    pub id: u64,
    pub author: String,
    pub path: String,
    pub line: u32,
    /// The remark that it answers.
    pub answers: Option<u64>,
    pub body: String,
}

/// One line of `statuses/COMMIT.json`; the last one of a context counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct StatusRecord {
    pub context: String,
    #[serde(with = "as_word")]
    pub state: StatusState,
    pub description: String,
    pub url: Option<String>,
    pub author: String,
    #[serde(with = "as_word")]
    pub posted_at: Timestamp,
}

/// One check in `checks/COMMIT.json`; there is one of each name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct CheckRecord {
    pub name: String,
    #[serde(with = "as_word")]
    pub state: StatusState,
    pub title: String,
    pub summary: String,
    /// `PATH:LINE: LEVEL[TITLE] MESSAGE`, one each.
    pub annotations: Vec<String>,
    pub url: Option<String>,
    pub author: String,
    #[serde(with = "as_word")]
    pub at: Timestamp,
}

/// One line of `deployments/ENVIRONMENT.json`; the last one counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct DeploymentRecord {
    #[serde(with = "as_word")]
    pub commit: CommitId,
    #[serde(with = "as_word")]
    pub state: StatusState,
    pub description: String,
    pub author: String,
    #[serde(with = "as_word")]
    pub at: Timestamp,
}

/// The folder of a local host. Only [`Folder::locked`] gives access to its files.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    root: PathBuf,
}

/// The folder while its lock is held.
pub(super) struct Locked<'a> {
    root: &'a Path,
    /// Dropping the file frees the lock.
    _lock: File,
}

impl Folder {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn repository(&self) -> PathBuf {
        self.root.join("repository.git")
    }

    /// Waits for the lock. It is held for milliseconds and never over an `await`.
    pub(super) fn locked(&self) -> Result<Locked<'_>> {
        let path = self.root.join("lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .and_then(|file| file.lock().map(|()| file))
            .map_err(|error| Failure::remote(format!("cannot lock `{}`", path.display())).because(error))?;
        Ok(Locked { root: &self.root, _lock: lock })
    }
}

impl Locked<'_> {
    /// The record at `path`, or `None` when there is no such file.
    pub(super) fn read<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>> {
        let path = self.root.join(path);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::remote(format!("cannot read `{}`", path.display())).because(error)),
        };
        serde_json::from_str(&text).map(Some).map_err(|error| {
            Failure::remote(format!("`{}` is not a file of a local host", path.display()))
                .because(error)
                .hint("restore the file, or remove the folder and create the host anew")
        })
    }

    /// Writes the record to a new file and moves it to `path`, so that no reader sees half of it.
    pub(super) fn write<T: Serialize>(&self, path: &str, record: &T) -> Result<()> {
        let path = self.root.join(path);
        let folder = path.parent().unwrap_or(self.root);
        let write = || -> std::io::Result<()> {
            fs::create_dir_all(folder)?;
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            serde_json::to_writer_pretty(&mut file, record)?;
            file.write_all(b"\n")?;
            file.persist(&path).map_err(|error| error.error)?;
            Ok(())
        };
        write().map_err(|error| Failure::remote(format!("cannot write `{}`", path.display())).because(error))
    }

    /// The numbers of all pull requests, ascending.
    pub(super) fn pull_numbers(&self) -> Result<Vec<u64>> {
        let folder = self.root.join("pull-requests");
        let cannot = |error| Failure::remote(format!("cannot list `{}`", folder.display())).because(error);
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&folder).map_err(cannot)? {
            let name = entry.map_err(cannot)?.file_name();
            let stem = name.to_str().and_then(|name| name.strip_suffix(".json"));
            numbers.extend(stem.and_then(|stem| stem.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }
}

/// Where the record of a pull request is.
pub(super) fn pull_path(number: u64) -> String {
    format!("pull-requests/{number}.json")
}

/// Where the statuses of a commit are.
pub(super) fn statuses_path(commit: &CommitId) -> String {
    format!("statuses/{commit}.json")
}

/// Where the checks of a commit are.
pub(super) fn checks_path(commit: &CommitId) -> String {
    format!("checks/{commit}.json")
}

/// Where the deployments of an environment are. Its name may hold `/`, which a file name cannot.
pub(super) fn deployments_path(environment: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const UNSAFE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');
    format!("deployments/{}.json", utf8_percent_encode(environment, UNSAFE))
}

/// Values that stand as one word in the files.
pub(super) trait Word: Sized {
    fn word(&self) -> String;
    fn of_word(text: &str) -> Option<Self>;
}

macro_rules! words {
    ($type:ty { $($value:path => $word:literal),+ $(,)? }) => {
        impl Word for $type {
            fn word(&self) -> String {
                match self { $($value => $word),+ }.to_owned()
            }
            fn of_word(text: &str) -> Option<Self> {
                match text { $($word => Some($value),)+ _ => None }
            }
        }
    };
}

words!(PullRequestState {
    PullRequestState::Open => "open",
    PullRequestState::Closed => "closed",
    PullRequestState::Merged => "merged",
});
words!(StatusState {
    StatusState::Pending => "pending",
    StatusState::Success => "success",
    StatusState::Failure => "failure",
    StatusState::Error => "error",
});
words!(Rights {
    Rights::None => "none",
    Rights::Read => "read",
    Rights::Write => "write",
    Rights::Admin => "admin",
});

impl Word for CommitId {
    fn word(&self) -> String {
        self.to_string()
    }
    fn of_word(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }
}

impl Word for Timestamp {
    fn word(&self) -> String {
        self.to_string()
    }
    fn of_word(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// Serialises a [`Word`]: the vocabulary's types know nothing of files.
mod as_word {
    use super::Word;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<T: Word, S: Serializer>(value: &T, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&value.word())
    }

    pub(super) fn deserialize<'de, T: Word, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<T, D::Error> {
        let text = String::deserialize(deserializer)?;
        T::of_word(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is not a word that belongs here")))
    }

    /// The values of a map.
    pub(super) mod map {
        use super::{Deserialize, Deserializer, Error, Serializer, Word};
        use std::collections::BTreeMap;

        pub(in super::super) fn serialize<T: Word, S: Serializer>(
            map: &BTreeMap<String, T>,
            serializer: S,
        ) -> std::result::Result<S::Ok, S::Error> {
            serializer.collect_map(map.iter().map(|(key, value)| (key, value.word())))
        }

        pub(in super::super) fn deserialize<'de, T: Word, D: Deserializer<'de>>(
            deserializer: D,
        ) -> std::result::Result<BTreeMap<String, T>, D::Error> {
            let words = BTreeMap::<String, String>::deserialize(deserializer)?;
            let value = |text: &str| {
                T::of_word(text).ok_or_else(|| D::Error::custom(format!("`{text}` is not a word that belongs here")))
            };
            words.into_iter().map(|(key, text)| Ok((key, value(&text)?))).collect()
        }
    }
}
