//! What a host takes at most, in its own unit. Read by `report/`, which cuts to it.

/// How a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextUnit {
    /// UTF-8 bytes.
    Bytes,
    /// Unicode scalar values.
    Characters,
}

/// The limits of one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest comment.
    pub comment: usize,
    /// The longest pull request body.
    pub body: usize,
    /// The longest pull request title, in characters.
    pub title: usize,
    /// The longest description of a commit status, in characters.
    pub status_description: usize,
    /// How `comment` and `body` count.
    pub unit: TextUnit,
}

/// The local host takes what GitHub takes, so that the demo shows what users will see.
pub const LOCAL: Limits =
    Limits { comment: 65_000, body: 65_000, title: 256, status_description: 140, unit: TextUnit::Characters };

/// Gitea enforces none for texts (they are `LONGTEXT`): the bounds are for whoever reads them. Titles are cut by its
/// database at 255.
pub const GITEA: Limits =
    Limits { comment: 200_000, body: 200_000, title: 255, status_description: 140, unit: TextUnit::Characters };

/// GitLab refuses notes of more than 1,000,000 characters and descriptions of more than 1,048,576; the rest of the room is
/// for the marker and what makes text inert. Titles, names and descriptions of statuses are cut by its database at 255.
/// <https://docs.gitlab.com/administration/instance_limits/>
pub const GITLAB: Limits =
    Limits { comment: 990_000, body: 990_000, title: 255, status_description: 255, unit: TextUnit::Characters };
