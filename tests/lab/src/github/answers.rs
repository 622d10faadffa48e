//! What GitHub's objects look like in its answers: as many fields as its description asks for.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Map, Value, json};

use super::GitHub;
use super::world::{Account, Check, Comment, Deployment, DeploymentStatus, Pull, Repository, Status};
use crate::stub::{Answer, Request, page};

/// An answer that is none.
pub(super) fn refusal(status: u16, message: &str) -> Answer {
    Answer::json(
        status,
        &json!({"message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string()}),
    )
}

pub(super) fn not_found() -> Answer {
    refusal(404, "Not Found")
}

/// 422 with the words where GitHub has them.
pub(super) fn invalid(resource: &str, field: &str, code: &str, message: Option<&str>) -> Answer {
    let mut error = json!({"resource": resource, "field": field, "code": code});
    if let Some(message) = message {
        error["message"] = json!(message);
    }
    Answer::json(
        422,
        &json!({
            "message": "Validation Failed", "errors": [error], "documentation_url": "https://docs.github.com/rest",
            "status": "422",
        }),
    )
}

/// A good answer to a GET, with its tag; 304 to whoever knows it.
pub(super) fn good(request: &Request, body: &Value) -> Answer {
    let mut hash = DefaultHasher::new();
    body.to_string().hash(&mut hash);
    let tag = format!("W/\"{:016x}\"", hash.finish());
    if request.header("if-none-match") == Some(&tag) {
        return Answer::empty(304).header("ETag", tag);
    }
    Answer::json(200, body).header("ETag", tag)
}

/// One page of a list, with links to the others.
pub(super) fn list(github: &GitHub, request: &Request, items: &[Value], wrap: Option<&str>) -> Answer {
    let number = |name: &str, default: usize| {
        request.query(name).and_then(|value| value.parse::<usize>().ok()).unwrap_or(default)
    };
    let (number, size) = (number("page", 1).max(1), number("per_page", 30).clamp(1, 100));
    let (shown, last) = page(items, number, size);
    let body = match wrap {
        None => Value::Array(shown),
        Some(field) => json!({"total_count": items.len(), field: shown}),
    };
    let mut links = Vec::new();
    for (name, to) in [("prev", number.wrapping_sub(1)), ("next", number + 1), ("last", last), ("first", 1)] {
        if to >= 1 && to <= last && to != number {
            let query: Vec<String> = request
                .query
                .iter()
                .filter(|(name, _)| name != "page")
                .map(|(name, value)| format!("{name}={value}"))
                .chain([format!("page={to}")])
                .collect();
            links.push(format!("<{}/api/v3{}?{}>; rel=\"{name}\"", github.url, request.path, query.join("&")));
        }
    }
    let answer = good(request, &body);
    if links.is_empty() { answer } else { answer.header("Link", links.join(", ")) }
}

/// A number that stays the same for the same text.
fn number(text: &str) -> u64 {
    let mut hash = DefaultHasher::new();
    text.hash(&mut hash);
    hash.finish() % 1_000_000_000 + 1
}

fn urls(base: &str, names: &[(&str, &str)]) -> Map<String, Value> {
    names.iter().map(|(name, tail)| ((*name).to_owned(), json!(format!("{base}{tail}")))).collect()
}

fn joined(one: Map<String, Value>, other: &Value) -> Value {
    let mut all = one;
    all.extend(other.as_object().cloned().unwrap_or_default());
    Value::Object(all)
}

/// `simple-user`.
pub(super) fn user(github: &GitHub, login: &str) -> Value {
    let api = format!("{}/api/v3/users/{}", github.url, login.replace('[', "%5B").replace(']', "%5D"));
    let names = [
        ("url", ""),
        ("followers_url", "/followers"),
        ("following_url", "/following{/other_user}"),
        ("gists_url", "/gists{/gist_id}"),
        ("starred_url", "/starred{/owner}{/repo}"),
        ("subscriptions_url", "/subscriptions"),
        ("organizations_url", "/orgs"),
        ("repos_url", "/repos"),
        ("events_url", "/events{/privacy}"),
        ("received_events_url", "/received_events"),
    ];
    let html = format!("{}/{}", github.url, login.trim_end_matches("[bot]"));
    joined(
        urls(&api, &names),
        &json!({
            "login": login, "id": number(login), "node_id": format!("U_{}", number(login)), "gravatar_id": "",
            "avatar_url": format!("{html}.png"), "html_url": html, "site_admin": false,
            "type": if login.ends_with("[bot]") { "Bot" } else { "User" },
        }),
    )
}

/// A person about themself.
pub(super) fn own_user(github: &GitHub, login: &str) -> Value {
    joined(
        user(github, login).as_object().cloned().unwrap_or_default(),
        &json!({
            "name": login, "company": null, "blog": null, "location": null, "email": null, "hireable": null, "bio": null,
            "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0,
            "created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z", "private_gists": 0,
            "total_private_repos": 0, "owned_private_repos": 0, "disk_usage": 0, "collaborators": 0,
            "two_factor_authentication": true,
        }),
    )
}

/// `repository` and `full-repository`.
pub(super) fn repository(github: &GitHub, repository: &Repository, account: Option<&Account>) -> Value {
    let api = format!("{}/api/v3/repos/{}", github.url, repository.name);
    let names = [
        ("url", ""),
        ("archive_url", "/{archive_format}{/ref}"),
        ("assignees_url", "/assignees{/user}"),
        ("blobs_url", "/git/blobs{/sha}"),
        ("branches_url", "/branches{/branch}"),
        ("collaborators_url", "/collaborators{/collaborator}"),
        ("comments_url", "/comments{/number}"),
        ("commits_url", "/commits{/sha}"),
        ("compare_url", "/compare/{base}...{head}"),
        ("contents_url", "/contents/{+path}"),
        ("contributors_url", "/contributors"),
        ("deployments_url", "/deployments"),
        ("downloads_url", "/downloads"),
        ("events_url", "/events"),
        ("forks_url", "/forks"),
        ("git_commits_url", "/git/commits{/sha}"),
        ("git_refs_url", "/git/refs{/sha}"),
        ("git_tags_url", "/git/tags{/sha}"),
        ("hooks_url", "/hooks"),
        ("issue_comment_url", "/issues/comments{/number}"),
        ("issue_events_url", "/issues/events{/number}"),
        ("issues_url", "/issues{/number}"),
        ("keys_url", "/keys{/key_id}"),
        ("labels_url", "/labels{/name}"),
        ("languages_url", "/languages"),
        ("merges_url", "/merges"),
        ("milestones_url", "/milestones{/number}"),
        ("notifications_url", "/notifications{?since,all,participating}"),
        ("pulls_url", "/pulls{/number}"),
        ("releases_url", "/releases{/id}"),
        ("stargazers_url", "/stargazers"),
        ("statuses_url", "/statuses/{sha}"),
        ("subscribers_url", "/subscribers"),
        ("subscription_url", "/subscription"),
        ("tags_url", "/tags"),
        ("teams_url", "/teams"),
        ("trees_url", "/git/trees{/sha}"),
    ];
    let html = format!("{}/{}", github.url, repository.name);
    let role = account.map_or("none", |account| repository.role(account));
    let rank = ["none", "read", "triage", "write", "maintain", "admin"].iter().position(|known| *known == role);
    let at_least = |needed: usize| rank.unwrap_or(0) >= needed;
    let mut body = joined(
        urls(&api, &names),
        &json!({
            "id": number(&repository.name), "node_id": format!("R_{}", number(&repository.name)),
            "name": repository.name.split('/').nth(1), "full_name": repository.name, "private": repository.private,
            "owner": user(github, repository.owner()), "html_url": html, "description": null, "homepage": null,
            "fork": repository.parent.is_some(), "clone_url": github.clone_url(&repository.name),
            "git_url": format!("git:{html}.git"), "ssh_url": format!("git@127.0.0.1:{}.git", repository.name),
            "svn_url": html, "mirror_url": null, "language": null, "license": null,
            "default_branch": repository.default_branch, "forks": 0, "forks_count": 0, "open_issues": 0,
            "open_issues_count": 0, "size": 0, "stargazers_count": 0, "watchers": 0, "watchers_count": 0,
            "network_count": 0, "subscribers_count": 0, "has_issues": true, "has_projects": false, "has_wiki": false,
            "has_pages": false, "has_downloads": false, "has_discussions": false, "archived": false, "disabled": false,
            "pushed_at": "2026-01-01T00:00:00Z", "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:00Z",
            "permissions": {
                "admin": at_least(5), "maintain": at_least(4), "push": at_least(3), "triage": at_least(2),
                "pull": at_least(1) || !repository.private,
            },
        }),
    );
    // Whoever may not push is not told.
    if at_least(3) {
        for (field, method) in
            [("allow_merge_commit", "merge"), ("allow_squash_merge", "squash"), ("allow_rebase_merge", "rebase")]
        {
            body[field] = json!(repository.merge_methods.contains(method));
        }
    }
    body
}

/// `pull-request`; without `details`, `pull-request-simple`.
pub(super) fn pull(
    github: &GitHub,
    base: &Repository,
    head: Option<&Repository>,
    pull: &Pull,
    base_head: &str,
    details: Option<Value>,
) -> Value {
    let api = format!("{}/api/v3/repos/{}", github.url, base.name);
    let (one, issue) = (format!("{api}/pulls/{}", pull.number), format!("{api}/issues/{}", pull.number));
    let html = format!("{}/{}/pull/{}", github.url, base.name, pull.number);
    let link = |to: &str| json!({"href": to});
    let side = |name: &str, sha: &str, repository: Option<&Repository>| {
        let owner = repository.map_or("unknown", |repository| repository.owner());
        let mut side =
            json!({"label": format!("{owner}:{name}"), "ref": name, "sha": sha, "user": user(github, owner)});
        side["repo"] = repository.map_or(Value::Null, |repository| self::repository(github, repository, None));
        side
    };
    let labels: Vec<Value> = pull.labels.iter().map(|name| label(github, base, name)).collect();
    let merged = pull.merged.as_ref();
    let mut body = json!({
        "url": one, "id": pull.id, "node_id": format!("PR_{}", pull.id), "html_url": html,
        "diff_url": format!("{html}.diff"), "patch_url": format!("{html}.patch"), "issue_url": issue,
        "commits_url": format!("{one}/commits"), "review_comments_url": format!("{one}/comments"),
        "review_comment_url": format!("{api}/pulls/comments{{/number}}"), "comments_url": format!("{issue}/comments"),
        "statuses_url": format!("{api}/statuses/{}", pull.head), "number": pull.number,
        "state": if pull.open { "open" } else { "closed" }, "locked": false, "title": pull.title,
        "user": user(github, &pull.author), "body": pull.body, "labels": labels, "milestone": null,
        "created_at": pull.created, "updated_at": pull.updated,
        "closed_at": if pull.open { Value::Null } else { json!(pull.updated) },
        "merged_at": merged.map(|merge| &merge.at),
        // Of an open one, the test merge: a commit of its own that nobody asked for.
        "merge_commit_sha": merged.map_or_else(|| pull.head.chars().rev().collect(), |merge| merge.commit.clone()),
        "assignee": null, "assignees": [], "requested_reviewers": [], "requested_teams": [],
        "head": side(&pull.head_branch, &pull.head, head), "base": side(&pull.base_branch, base_head, Some(base)),
        "_links": {
            "self": link(&one), "html": link(&html), "issue": link(&issue), "comments": link(&format!("{issue}/comments")),
            "review_comments": link(&format!("{one}/comments")),
            "review_comment": link(&format!("{api}/pulls/comments{{/number}}")),
            "commits": link(&format!("{one}/commits")), "statuses": link(&format!("{api}/statuses/{}", pull.head)),
        },
        "author_association": "NONE", "auto_merge": null, "draft": false,
    });
    if let Some(mergeable) = details {
        let extra = json!({
            "merged": merged.is_some(), "mergeable": mergeable, "rebaseable": null,
            "mergeable_state": match mergeable { Value::Null => "unknown", Value::Bool(true) => "clean", _ => "dirty" },
            "merged_by": merged.map(|merge| user(github, &merge.by)), "comments": 0, "review_comments": 0,
            "maintainer_can_modify": false, "commits": 1, "additions": 1, "deletions": 0, "changed_files": 1,
        });
        body.as_object_mut().into_iter().for_each(|body| body.extend(extra.as_object().cloned().unwrap_or_default()));
    }
    body
}

pub(super) fn label(github: &GitHub, repository: &Repository, name: &str) -> Value {
    json!({
        "id": number(name), "node_id": format!("L_{}", number(name)), "name": name, "color": "ededed", "default": false,
        "description": "", "url": format!("{}/api/v3/repos/{}/labels/{}", github.url, repository.name, name.replace(' ', "%20")),
    })
}

pub(super) fn comment(github: &GitHub, repository: &Repository, comment: &Comment) -> Value {
    let api = format!("{}/api/v3/repos/{}/issues", github.url, repository.name);
    json!({
        "id": comment.id, "node_id": format!("IC_{}", comment.id), "url": format!("{api}/comments/{}", comment.id),
        "html_url": format!("{}/{}/pull/{}#issuecomment-{}", github.url, repository.name, comment.number, comment.id),
        "issue_url": format!("{api}/{}", comment.number), "user": user(github, &comment.author), "body": comment.body,
        "created_at": comment.at, "updated_at": comment.at, "author_association": "NONE",
    })
}

pub(super) fn status(github: &GitHub, repository: &Repository, status: &Status) -> Value {
    json!({
        "id": status.id, "node_id": format!("SC_{}", status.id), "state": status.state, "context": status.context,
        "url": format!("{}/api/v3/repos/{}/statuses/{}", github.url, repository.name, status.sha),
        "avatar_url": format!("{}/avatar.png", github.url), "description": status.description,
        "target_url": status.target_url, "created_at": status.at, "updated_at": status.at,
        "creator": user(github, &status.author),
    })
}

pub(super) fn check(github: &GitHub, repository: &Repository, check: &Check) -> Value {
    let api = format!("{}/api/v3/repos/{}/check-runs/{}", github.url, repository.name, check.id);
    let html = format!("{}/{}/runs/{}", github.url, repository.name, check.id);
    let fields = &check.fields;
    let status = fields["status"].as_str().unwrap_or("queued");
    json!({
        "id": check.id, "node_id": format!("CR_{}", check.id), "head_sha": check.sha, "name": fields["name"],
        "external_id": fields["external_id"], "url": api, "html_url": html,
        "details_url": fields.get("details_url").unwrap_or(&json!(html)), "status": status,
        "conclusion": fields["conclusion"], "started_at": check.at,
        "completed_at": if status == "completed" { json!(check.at) } else { Value::Null },
        "output": {
            "title": fields["output"]["title"], "summary": fields["output"]["summary"], "text": fields["output"]["text"],
            "annotations_count": check.annotations.len(), "annotations_url": format!("{api}/annotations"),
        },
        "check_suite": {"id": number(&check.sha)}, "pull_requests": [],
        "app": {
            "id": number(&check.app), "slug": check.app, "node_id": format!("A_{}", number(&check.app)),
            "owner": user(github, "github"), "name": check.app, "description": null, "external_url": github.url,
            "html_url": format!("{}/apps/{}", github.url, check.app), "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:00Z", "permissions": {"checks": "write"}, "events": [],
        },
    })
}

pub(super) fn deployment(github: &GitHub, repository: &Repository, deployment: &Deployment) -> Value {
    let api = format!("{}/api/v3/repos/{}", github.url, repository.name);
    let one = format!("{api}/deployments/{}", deployment.id);
    json!({
        "url": one, "id": deployment.id, "node_id": format!("DE_{}", deployment.id), "task": "deploy",
        "sha": deployment.sha, "ref": deployment.reference, "environment": deployment.environment,
        "original_environment": deployment.environment, "description": deployment.description, "payload": {},
        "creator": user(github, &deployment.creator), "created_at": deployment.at, "updated_at": deployment.at,
        "statuses_url": format!("{one}/statuses"), "repository_url": api, "transient_environment": false,
        "production_environment": false,
    })
}

pub(super) fn deployment_status(
    github: &GitHub,
    repository: &Repository,
    deployment: &Deployment,
    status: &DeploymentStatus,
) -> Value {
    let api = format!("{}/api/v3/repos/{}", github.url, repository.name);
    let one = format!("{api}/deployments/{}", deployment.id);
    let log = status.log_url.clone().unwrap_or_else(|| format!("{}/{}/deployments", github.url, repository.name));
    json!({
        "url": format!("{one}/statuses/{}", status.id), "id": status.id, "node_id": format!("DES_{}", status.id),
        "state": status.state, "description": status.description, "environment": deployment.environment,
        "creator": user(github, &status.creator), "target_url": log, "log_url": log,
        "created_at": status.at, "updated_at": status.at, "deployment_url": one, "repository_url": api,
    })
}
