//! Chat commands: the closed grammar of what a comment on a pull request may ask for.
//!
//! The whole first line, or nothing: quoted, indented, fenced and edited text commands nobody (DESIGN §4 "Trusting"). What
//! follows the first line is for people. Refuses to guess: a command that is not one of these is named and not obeyed.

/// What a comment asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Nothing of us.
    Nothing,
    /// A command.
    Command(Command),
    /// Something that is no command; its word, when it has a plain one.
    Unknown(Option<String>),
}

/// A chat command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `/mergeline land [COMMIT]`: land the promotion that this pull request is, and deliver it.
    Land {
        /// The head that is meant, from 7 to 40 digits; without, the head that was reported when the comment was written.
        head: Option<String>,
    },
    /// `/mergeline help`, or `/mergeline` alone.
    Help,
}

/// The commands as people type them, with what they do.
pub const GRAMMAR: [(&str, &str); 2] = [
    ("/mergeline land [COMMIT]", "land this promotion now and deliver it; with COMMIT, only if that is still its head"),
    ("/mergeline help", "say this"),
];

impl Asked {
    /// Reads a comment's text.
    #[must_use]
    pub fn of(body: &str) -> Self {
        let line = body.split(['\n', '\r']).next().unwrap_or_default().trim_end();
        let mut words = line.split(' ').filter(|word| !word.is_empty());
        if !line.starts_with("/mergeline") || words.next() != Some("/mergeline") {
            return Self::Nothing;
        }
        match words.collect::<Vec<_>>().as_slice() {
            [] | ["help"] => Self::Command(Command::Help),
            ["land"] => Self::Command(Command::Land { head: None }),
            ["land", commit] if is_commit(commit) => Self::Command(Command::Land { head: Some((*commit).to_owned()) }),
            [word, ..] => Self::Unknown(is_plain(word).then(|| (*word).to_owned())),
        }
    }
}

fn is_commit(word: &str) -> bool {
    (7..=40).contains(&word.len()) && word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Foreign text is repeated only where it is one harmless word.
fn is_plain(word: &str) -> bool {
    word.len() <= 20 && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn land(head: Option<&str>) -> Asked {
        Asked::Command(Command::Land { head: head.map(str::to_owned) })
    }

    #[test]
    fn a_command_is_the_whole_first_line() {
        let help = || Asked::Command(Command::Help);
        let cases = [
            ("/mergeline land", land(None)),
            ("/mergeline land  ", land(None)),
            ("/mergeline land\r\nbecause the shop is closed", land(None)),
            ("/mergeline  land 3f2c1ab", land(Some("3f2c1ab"))),
            (
                "/mergeline land 3f2c1ab9d04e773f2c1ab9d04e773f2c1ab9d04e",
                land(Some("3f2c1ab9d04e773f2c1ab9d04e773f2c1ab9d04e")),
            ),
            ("/mergeline", help()),
            ("/mergeline help\n/mergeline land", help()),
        ];
        for (body, asked) in cases {
            assert_eq!(Asked::of(body), asked, "{body}");
        }
    }

    #[test]
    fn what_only_looks_like_a_command_asks_for_nothing() {
        let bodies = [
            "",
            "\n/mergeline land",
            " /mergeline land",
            "\t/mergeline land",
            "> /mergeline land",
            "- /mergeline land",
            "`/mergeline land`",
            "```\n/mergeline land\n```",
            "    /mergeline land",
            "please /mergeline land",
            "/Mergeline land",
            "/MERGELINE land",
            "/mergelineland",
            "/mergeline-land",
            "/mergeline\tland",
            "/mergeline: land",
            "//mergeline land",
            "@mergeline land",
            "mergeline land",
            "<!-- /mergeline land -->",
            "\u{200b}/mergeline land",
            "\u{feff}/mergeline land",
            "LGTM\n/mergeline land",
            "/lgtm",
        ];
        for body in bodies {
            assert_eq!(Asked::of(body), Asked::Nothing, "{body:?}");
        }
    }

    #[test]
    fn what_is_no_command_is_named_and_not_obeyed() {
        let cases = [
            ("/mergeline rollback prod", Some("rollback")),
            ("/mergeline apply", Some("apply")),
            ("/mergeline land now", Some("land")),
            ("/mergeline land 3f2c1a", Some("land")),
            ("/mergeline land 3F2C1AB", Some("land")),
            ("/mergeline land 3f2c1ab --force", Some("land")),
            ("/mergeline land; rm -rf /", None),
            ("/mergeline help me", Some("help")),
            ("/mergeline Land", None),
            ("/mergeline $(id)", None),
            ("/mergeline <img src=x>", None),
            ("/mergeline land\u{a0}3f2c1ab", None),
        ];
        for (body, word) in cases {
            assert_eq!(Asked::of(body), Asked::Unknown(word.map(str::to_owned)), "{body:?}");
        }
    }
}
