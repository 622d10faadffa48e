//! Git over smart HTTP: bare repositories behind `git http-backend`, with a rule of the host before anything is received.
//!
//! The rule is asked by a pre-receive hook, which looks at what comes while it is still in quarantine and speaks to the
//! stub by bash's `/dev/tcp`.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::http::{Answer, Request};

/// One reference that a push moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// The token that came with it.
    pub token: Option<String>,
    /// `refs/heads/…`.
    pub reference: String,
    /// The commit before; zeros for a new one.
    pub old: String,
    /// The commit after; zeros when it is deleted.
    pub new: String,
    /// Every file that a commit new to the repository touches.
    pub files: Vec<String>,
}

/// Where the hook asks.
pub(super) const ASK: &str = "/.stub/pre-receive";

const HOOK: &str = r#"#!/bin/bash
# Asks the stub whether this push may be. A push that did not come through it may.
[ -n "$STUB_PORT" ] || { cat >/dev/null; exit 0; }
set -f
body=$(while read -r old new ref; do
  printf 'ref %s %s %s\n' "$old" "$new" "$ref"
  case $new in *[!0]*) ;; *) continue ;; esac
  git -c core.quotePath=false log --format= --name-only -m --root "$new" --not --all | sort -u | sed '/^$/d; s/^/file /'
done)
exec 3<>"/dev/tcp/127.0.0.1/$STUB_PORT" || exit 1
printf 'POST %s HTTP/1.1\r\nX-Stub-Token: %s\r\nContent-Length: %s\r\nConnection: close\r\n\r\n%s' \
  "$STUB_ASK$STUB_PATH" "$STUB_TOKEN" "$(printf %s "$body" | wc -c)" "$body" >&3
read -r _ status _ <&3
[ "$status" = 204 ] && exit 0
while read -r line; do [ "$line" = $'\r' ] && break; done <&3
cat <&3 >&2
exit 1
"#;

/// Makes an empty bare repository whose pushes are asked about, with `main` as its head.
///
/// # Panics
/// When git cannot.
pub fn create_repository(path: &Path) {
    let made = Command::new("git").args(["init", "--quiet", "--bare", "--initial-branch", "main"]).arg(path).status();
    assert!(made.is_ok_and(|status| status.success()), "cannot make a repository at {}", path.display());
    for (key, value) in [
        ("http.receivepack", "true"),
        ("uploadpack.allowAnySHA1InWant", "true"),
        ("receive.advertisePushOptions", "true"),
        ("gc.auto", "0"),
    ] {
        let set = Command::new("git").arg("-C").arg(path).args(["config", key, value]).status();
        assert!(set.is_ok_and(|status| status.success()), "cannot set {key}");
    }
    let hooks = path.join("hooks");
    let hook = hooks.join("pre-receive");
    let written = std::fs::create_dir_all(&hooks)
        .and_then(|()| std::fs::write(&hook, HOOK))
        .and_then(|()| std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)));
    assert!(written.is_ok(), "cannot write {}: {written:?}", hook.display());
}

/// The repository's path in a request of git's (`/owner/name`, without `.git`), and what follows it.
pub(super) fn split(request: &Request) -> Option<(String, &'static str)> {
    let service = match request.query("service") {
        None | Some("git-upload-pack" | "git-receive-pack") => true,
        Some(_) => false,
    };
    ["/info/refs", "/git-upload-pack", "/git-receive-pack"].into_iter().find_map(|tail| {
        let repository = request.path.strip_suffix(tail).filter(|_| service)?;
        (tail != "/info/refs" || request.query("service").is_some())
            .then(|| (repository.trim_end_matches(".git").to_owned(), tail))
    })
}

/// Says whether the request is of a push.
pub(super) fn is_push(request: &Request) -> bool {
    request.path.ends_with("/git-receive-pack") || request.query("service") == Some("git-receive-pack")
}

/// Lets git answer for the bare repository at `path`. Gives the references that moved, too.
pub(super) fn serve(path: &Path, name: &str, tail: &str, request: &Request, port: u16) -> (Answer, Vec<Push>) {
    let receives = tail == "/git-receive-pack";
    let before = if receives { references(path) } else { BTreeMap::new() };
    let query = request.query.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
    let mut command = Command::new("git");
    command
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", path)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("PATH_INFO", tail)
        .env("REQUEST_METHOD", &request.method)
        .env("QUERY_STRING", query)
        .env("CONTENT_TYPE", request.header("content-type").unwrap_or_default())
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("REMOTE_USER", "somebody")
        .env("REMOTE_ADDR", "127.0.0.1")
        .env("STUB_PORT", port.to_string())
        .env("STUB_ASK", ASK)
        .env("STUB_PATH", name)
        .env("STUB_TOKEN", request.token().unwrap_or_default())
        .env_remove("GIT_DIR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for (header, variable) in [("content-encoding", "HTTP_CONTENT_ENCODING"), ("git-protocol", "GIT_PROTOCOL")] {
        if let Some(value) = request.header(header) {
            command.env(variable, value);
        }
    }
    let Ok(mut child) = command.spawn() else { return (Answer::text(500, "git cannot be run"), Vec::new()) };
    let mut input = child.stdin.take();
    let body = request.body.clone();
    let writer = std::thread::spawn(move || input.as_mut().map(|pipe| pipe.write_all(&body)));
    let output = child.wait_with_output();
    drop(writer.join());
    let Ok(output) = output else { return (Answer::text(500, "git ended badly"), Vec::new()) };
    let answer = parse(&output.stdout)
        .unwrap_or_else(|| Answer::text(500, String::from_utf8_lossy(&output.stderr).into_owned()));
    let mut moved = Vec::new();
    if receives {
        let after = references(path);
        let zeros = "0".repeat(40);
        for reference in before.keys().chain(after.keys()).collect::<std::collections::BTreeSet<_>>() {
            let (old, new) = (before.get(reference), after.get(reference));
            if old != new {
                moved.push(Push {
                    token: request.token(),
                    reference: reference.clone(),
                    old: old.unwrap_or(&zeros).clone(),
                    new: new.unwrap_or(&zeros).clone(),
                    files: Vec::new(),
                });
            }
        }
    }
    (answer, moved)
}

/// What the hook asks about.
pub(super) fn asked(request: &Request) -> Vec<Push> {
    let token = request.header("x-stub-token").filter(|token| !token.is_empty()).map(str::to_owned);
    let mut pushes: Vec<Push> = Vec::new();
    for line in String::from_utf8_lossy(&request.body).lines() {
        if let Some(file) = line.strip_prefix("file ") {
            if let Some(push) = pushes.last_mut() {
                push.files.push(file.to_owned());
            }
            continue;
        }
        let words: Vec<&str> = line.split(' ').collect();
        if let ["ref", old, new, reference] = words.as_slice() {
            pushes.push(Push {
                token: token.clone(),
                reference: (*reference).to_owned(),
                old: (*old).to_owned(),
                new: (*new).to_owned(),
                files: Vec::new(),
            });
        }
    }
    pushes
}

/// Every reference of a repository with its commit.
#[must_use]
pub fn references(path: &Path) -> BTreeMap<String, String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(path)
        .args(["for-each-ref", "--format=%(refname) %(objectname)"])
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    output.lines().filter_map(|line| line.split_once(' ')).map(|(name, id)| (name.to_owned(), id.to_owned())).collect()
}

/// A CGI answer: headers, an empty line, the body.
fn parse(output: &[u8]) -> Option<Answer> {
    let end = output.windows(4).position(|window| window == b"\r\n\r\n")?;
    let mut answer = Answer { status: 200, headers: Vec::new(), body: output[end + 4..].to_vec() };
    for line in String::from_utf8_lossy(&output[..end]).lines() {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("status") {
            answer.status = value.split_whitespace().next()?.parse().ok()?;
        } else {
            answer = answer.header(name, value.trim());
        }
    }
    Some(answer)
}
