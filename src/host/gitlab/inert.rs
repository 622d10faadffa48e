//! Text that GitLab does not obey.
//!
//! GitLab looks for quick actions (`/merge`, `/close`, `/approve`) in every note and description that it is given, also when
//! it is edited, and carries them out with the rights of who wrote it. It looks at the beginnings of lines, and its idea of
//! where code begins and ends is not Markdown's: a fence is no protection. So no line that we write begins with `/`.
//! Decided by `lib/gitlab/quick_actions/extractor.rb` and <https://docs.gitlab.com/user/project/quick_actions/>.

/// Shows nothing and is no white space, to Markdown and to GitLab alike (U+2060 WORD JOINER).
const GUARD: char = '\u{2060}';

/// `text` with a guard before each `/` that begins a line. Twice is once.
///
/// GitLab drops every `\r` before it looks, so that `\r` begins no word here either; white space before the `/` is let
/// count as nothing, which is stricter than GitLab.
pub(super) fn inert(text: &str) -> String {
    let mut guarded = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let start = line.len() - line.trim_start_matches(|c: char| c.is_whitespace() || c == '\0').len();
        let (space, rest) = line.split_at(start);
        if rest.starts_with('/') {
            guarded.extend(space.chars().filter(|c| *c != '\r'));
            guarded.push(GUARD);
        } else {
            guarded.push_str(space);
        }
        guarded.push_str(rest);
    }
    guarded
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines in which GitLab would look for a command, whatever it takes for code.
    fn obeyed(text: &str) -> Vec<String> {
        let seen = text.replace('\r', "");
        seen.lines().filter(|line| line.trim_start().starts_with('/')).map(str::to_owned).collect()
    }

    #[test]
    fn no_line_begins_a_quick_action_wherever_it_stands() {
        for text in [
            "/close",
            "fine\n/merge",
            "fine\r\n/merge\r\n",
            "fine\n\r/approve",
            "fine\n\r\r /label ~x",
            "```\n/close\n```",
            "````\n```\n/close\n```\n````",
            "`x`\n\t/shrug",
            "> quoted\n  /unlabel ~x",
            "<details>\n\n/assign @mallory\n\n</details>",
            "fine\n\u{b}/close\u{c}/close\n\u{85}/close\n\u{2028}/close",
        ] {
            let guarded = inert(text);
            assert_eq!(obeyed(&guarded), Vec::<String>::new(), "{text:?} became {guarded:?}");
            assert_eq!(inert(&guarded), guarded);
        }
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        let text = "a/b\n- /x\n+/x\n  path: /etc\r\n`/close`\n| /close |\n";
        assert_eq!(inert(text), text);
        assert_eq!(inert("one\n/etc/x\n").replace(GUARD, ""), "one\n/etc/x\n");
    }
}
