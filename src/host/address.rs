//! Where a Git host is and how to speak to it. Plain data: `event/` makes it from a CI's environment.

use crate::secret::Secret;
use std::fmt;

/// Which API a host speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HostKind {
    /// github.com and GitHub Enterprise Server.
    GitHub,
    /// gitlab.com and self-managed GitLab.
    GitLab,
    /// Gitea and Forgejo.
    Gitea,
    /// Bitbucket Cloud.
    Bitbucket,
    /// Azure DevOps Services and Server.
    Azure,
    /// A bare Git repository with a folder of files beside it: the embedded host of the demo and of tests.
    Local,
}

impl fmt::Display for HostKind {
    /// The name that people know it by.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GitHub => "GitHub",
            Self::GitLab => "GitLab",
            Self::Gitea => "Gitea",
            Self::Bitbucket => "Bitbucket",
            Self::Azure => "Azure DevOps",
            Self::Local => "the local host",
        })
    }
}

/// A repository on a host, and the credential for it.
#[derive(Debug, Clone)]
pub struct Address {
    /// Which API.
    pub kind: HostKind,
    /// Root of the API without a trailing `/` (`https://git.example.com/api/v1`); for [`HostKind::Local`] the folder.
    pub api_url: String,
    /// Root of the web pages without a trailing `/`; links in comments start with it.
    pub web_url: String,
    /// `owner/name`.
    pub repository: String,
    /// The job's credential; `None` means read-only and anonymous.
    pub token: Option<Secret>,
}
