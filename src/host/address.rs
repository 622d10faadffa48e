//! Where a Git host is and how to speak to it. Plain data: `event/` makes it from a CI's environment.

use crate::failure::{Failure, Result};
use crate::secret::Secret;
use std::fmt;
use std::path::Path;

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

impl HostKind {
    /// The kind that a person names: `github`, `gitlab`, `gitea`, `forgejo`, `bitbucket`, `azure`.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Some(match word {
            "github" => Self::GitHub,
            "gitlab" => Self::GitLab,
            "gitea" | "forgejo" => Self::Gitea,
            "bitbucket" => Self::Bitbucket,
            "azure" => Self::Azure,
            _ => return None,
        })
    }

    /// The kind of host that a remote's location speaks of by its name: `git@github.com:acme/shop.git`,
    /// `https://gitlab.example.com/acme/shop`. A name that says nothing is `None`.
    #[must_use]
    pub fn of_remote(location: &str) -> Option<Self> {
        let rest = location.split_once("://").map_or(location, |(_, rest)| rest);
        // A password may hold a colon; behind the name, one begins a port or, without a scheme, the path.
        let authority = rest.split('/').next()?.rsplit('@').next()?;
        let name = authority.split(':').next()?.to_ascii_lowercase();
        let label = |word: &str| name.split(['.', '-']).any(|part| part == word);
        [
            ("github", Self::GitHub),
            ("ghe", Self::GitHub),
            ("gitlab", Self::GitLab),
            ("gitea", Self::Gitea),
            ("forgejo", Self::Gitea),
            ("codeberg", Self::Gitea),
            ("bitbucket", Self::Bitbucket),
            ("azure", Self::Azure),
        ]
        .into_iter()
        .find(|(word, _)| label(word))
        .map(|(_, kind)| kind)
    }
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
    /// What the CI job says besides, where its host needs it.
    pub job: Option<Job>,
}

/// What a CI job says of its repository and of itself, so that nothing needs to be asked that its token may not ask.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Job {
    /// Set when nothing may be written: reports are all that comes of this run.
    pub report_only: Option<ReportOnly>,
    /// The default branch, where the CI says it.
    pub default_branch: Option<String>,
    /// Where the target repository is fetched from, when the checkout's remote is a fork of it.
    pub clone_url: Option<String>,
    /// The running pipeline, with the commit that it belongs to.
    pub pipeline: Option<(String, u64)>,
}

/// Why a run writes nothing but reports, and what would change that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportOnly {
    /// Why.
    pub why: String,
    /// What to do about it.
    pub hint: String,
}

impl Address {
    /// The user name that goes with the token when Git speaks HTTP: most hosts look at the token alone, GitLab wants
    /// `oauth2` beside an access token and `gitlab-ci-token` beside a job's
    /// (<https://docs.gitlab.com/user/profile/personal_access_tokens/>, <https://docs.gitlab.com/ci/jobs/ci_job_token/>).
    #[must_use]
    pub fn git_username(&self) -> &'static str {
        match (self.kind, self.report_only()) {
            (HostKind::GitLab, None) => "oauth2",
            (HostKind::GitLab, Some(_)) => "gitlab-ci-token",
            _ => "x-access-token",
        }
    }

    /// Why nothing but reports may come of a run with this credential, if so.
    #[must_use]
    pub fn report_only(&self) -> Option<&ReportOnly> {
        self.job.as_ref()?.report_only.as_ref()
    }

    /// Reads what a person wrote: `gitea=https://git.example.com/api/v1`, `local=FOLDER`. The repository is what they
    /// named, else the last two parts of the remote's location.
    ///
    /// # Errors
    /// Usage, naming what is known.
    pub fn parse(text: &str, repository: Option<&str>, remote: Option<&str>, token: Option<Secret>) -> Result<Self> {
        let known = "`--host` takes `github=API-URL`, `gitlab=API-URL`, `gitea=API-URL` or `local=FOLDER`";
        let wrong = |why: String| Failure::usage(why).hint(known);
        let (kind, place) = text.split_once('=').ok_or_else(|| wrong(format!("`{text}` names no host")))?;
        let kind = match kind {
            "github" => HostKind::GitHub,
            "gitlab" => HostKind::GitLab,
            "gitea" | "forgejo" => HostKind::Gitea,
            "local" => return Ok(Self::local(place)),
            other => return Err(wrong(format!("`{other}` is no kind of host"))),
        };
        let api_url = place.trim_end_matches('/').to_owned();
        if !api_url.starts_with("https://") && !api_url.starts_with("http://") {
            return Err(wrong(format!("`{place}` is no URL of an API")));
        }
        let web_url = api_url.split("/api/").next().unwrap_or(&api_url).to_owned();
        let of_remote = |remote| match kind {
            HostKind::GitLab => whole_path(remote, &web_url),
            _ => last_two_parts(remote),
        };
        let named = repository.map(str::to_owned).or_else(|| remote.and_then(of_remote));
        let repository = named.ok_or_else(|| {
            Failure::usage("the repository on the host is not known").hint("name it: `--repository OWNER/NAME`")
        })?;
        Ok(Self { kind, api_url, web_url, repository, token, job: None })
    }

    /// The local host that a remote's location lies in: a folder with `host.json` and `repository.git`.
    #[must_use]
    pub fn behind(remote: &str) -> Option<Self> {
        let path = Path::new(remote.strip_prefix("file://").unwrap_or(remote));
        let folder = path.parent()?;
        let is_local = path.file_name()? == "repository.git" && folder.join("host.json").is_file();
        is_local.then(|| Self::local(&folder.to_string_lossy()))
    }

    fn local(folder: &str) -> Self {
        Self {
            kind: HostKind::Local,
            api_url: folder.to_owned(),
            web_url: folder.to_owned(),
            repository: String::new(),
            token: None,
            job: None,
        }
    }
}

/// `owner/name` of a remote's location: `https://host/owner/name.git`, `git@host:owner/name.git`.
fn last_two_parts(remote: &str) -> Option<String> {
    let path = remote.trim_end_matches('/').trim_end_matches(".git");
    let mut parts = path.rsplit(['/', ':']).filter(|part| !part.is_empty());
    let (name, owner) = (parts.next()?, parts.next()?);
    Some(format!("{owner}/{name}"))
}

/// The whole path of a remote's location: projects of GitLab lie in nested groups, below `web_url`.
fn whole_path(remote: &str, web_url: &str) -> Option<String> {
    let remote = remote.trim_end_matches('/').trim_end_matches(".git");
    let below_host = |url: &str| Some(url.split_once("://")?.1.split_once('/')?.1.to_owned());
    let path = match remote.contains("://") {
        true => below_host(remote)?,
        false => remote.split_once(':')?.1.to_owned(),
    };
    let root = below_host(web_url).filter(|_| remote.starts_with("http")).map(|root| root + "/");
    let path = root.and_then(|root| path.strip_prefix(&root).map(str::to_owned)).unwrap_or(path);
    let path = path.trim_matches('/');
    path.contains('/').then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_repository_comes_from_the_remote_when_nobody_names_it() {
        for remote in
            ["https://git.example.com/acme/shop.git", "git@git.example.com:acme/shop", "ssh://git@h/acme/shop/"]
        {
            let address = Address::parse("gitea=https://git.example.com/api/v1/", None, Some(remote), None).unwrap();
            assert_eq!(address.repository, "acme/shop");
            assert_eq!(address.api_url, "https://git.example.com/api/v1");
            assert_eq!(address.web_url, "https://git.example.com");
        }
    }

    #[test]
    fn a_remote_tells_its_host_by_the_name_of_the_server() {
        let cases = [
            ("https://github.com/acme/shop.git", Some(HostKind::GitHub)),
            ("git@github.com:acme/shop.git", Some(HostKind::GitHub)),
            ("ssh://git@github.example.com:2222/acme/shop", Some(HostKind::GitHub)),
            ("https://x-access-token:secret@gitlab.com/acme/shop", Some(HostKind::GitLab)),
            ("git@gitlab.example.com:acme/shop", Some(HostKind::GitLab)),
            ("https://codeberg.org/acme/shop", Some(HostKind::Gitea)),
            ("https://gitea.example.com:3000/acme/shop", Some(HostKind::Gitea)),
            ("git@ssh.dev.azure.com:v3/acme/shop/shop", Some(HostKind::Azure)),
            ("https://git.example.com/github/shop", None),
            ("https://notgithub.com/acme/shop", None),
            ("/srv/git/github.com/shop.git", None),
            ("", None),
        ];
        for (location, kind) in cases {
            assert_eq!(HostKind::of_remote(location), kind, "{location}");
        }
    }

    #[test]
    fn a_project_of_gitlab_lies_in_nested_groups_below_the_servers_own_path() {
        for (api, remote) in [
            ("https://git.example.com/api/v4", "https://git.example.com/acme/platform/shop.git"),
            ("https://git.example.com/gitlab/api/v4", "https://bob:x@git.example.com/gitlab/acme/platform/shop.git/"),
            ("https://git.example.com/gitlab/api/v4", "git@git.example.com:acme/platform/shop.git"),
            ("https://git.example.com/api/v4", "ssh://git@git.example.com:22/acme/platform/shop"),
        ] {
            let address = Address::parse(&format!("gitlab={api}"), None, Some(remote), None).unwrap();
            assert_eq!(address.repository, "acme/platform/shop", "{remote}");
        }
    }

    #[test]
    fn what_is_no_host_is_said() {
        for text in ["https://git.example.com", "svn=x", "gitea=git.example.com"] {
            let failure = Address::parse(text, Some("a/b"), None, None).unwrap_err();
            assert!(failure.hints()[0].contains("gitea=API-URL"), "{failure}");
        }
    }
}
