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
    /// The longest summary of a check; nothing where the host has no checks.
    pub check: Option<usize>,
    /// What opens a block in a remark that the host offers to put in place of its line; nothing where it has no such thing.
    pub suggestion: Option<&'static str>,
    /// How `comment`, `body` and `check` count.
    pub unit: TextUnit,
}

/// The local host takes what GitHub takes, so that the demo shows what users will see.
pub const LOCAL: Limits = Limits {
    comment: 65_000,
    body: 65_000,
    title: 256,
    status_description: 140,
    check: Some(65_000),
    suggestion: Some("suggestion"),
    unit: TextUnit::Characters,
};

/// Gitea enforces none for texts (they are `LONGTEXT`): the bounds are for whoever reads them. Titles are cut by its
/// database at 255.
pub const GITEA: Limits = Limits {
    comment: 200_000,
    body: 200_000,
    title: 255,
    status_description: 140,
    check: None,
    suggestion: None,
    unit: TextUnit::Characters,
};

/// GitLab refuses notes of more than 1,000,000 characters and descriptions of more than 1,048,576; the rest of the room is
/// for the marker and what makes text inert. Titles, names and descriptions of statuses are cut by its database at 255.
/// <https://docs.gitlab.com/administration/instance_limits/>
pub const GITLAB: Limits = Limits {
    comment: 990_000,
    body: 990_000,
    title: 255,
    status_description: 255,
    check: None,
    suggestion: Some("suggestion:-0+0"),
    unit: TextUnit::Characters,
};

/// GitHub refuses texts of more than 65,536 characters, counted as it stores them: the rest of the room is for the
/// marker. Summaries of check runs end at 65,535, titles of pull requests at 256, descriptions of statuses at 140.
/// <https://docs.github.com/rest>
pub const GITHUB: Limits = Limits {
    comment: 65_000,
    body: 65_000,
    title: 256,
    status_description: 140,
    check: Some(65_000),
    suggestion: Some("suggestion"),
    unit: TextUnit::Characters,
};
