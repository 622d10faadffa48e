//! Stateful stubs of Git hosts on loopback: the half that is the same for all of them.
//!
//! A stub of one host is a [`Service`]: it keeps the host's state (behind a `Mutex` of its own) and answers requests. What
//! is here gives it the rest:
//!
//! - **HTTP** on a free port, one thread a connection, `git` over smart HTTP for the repositories that
//!   [`Service::repository`] names (made by [`create_repository`]), with [`Service::may_push`] asked by a pre-receive hook
//!   before anything is received, and [`Service::pushed`] told after.
//! - **A judge**: with [`Stub::start`]'s description, every request below [`Service::api`] and every answer is checked
//!   against the host's own OpenAPI description ([`Description`]; 3.0 and Swagger 2.0). A request that it does not allow
//!   is answered with 599 and never reaches the service. **Dropping the stub panics with all violations of either side.**
//! - **Faults**: [`Stub::inject`] with an [`Injection`]: `Injection::nth_write(2, Fault::DropAfter)`,
//!   `Injection::next(Fault::Status(502)).times(3)`, `Injection::next(Fault::TooMany(1)).matching(|r| r.path.ends_with("/notes"))`.
//!   Only requests of the API are counted, not git's.
//! - **A log**: [`Stub::log`] has every request of the API with its status, in order; [`Stub::writes`] counts what is not GET.
//!
//! Tests act as a person on the service itself (`stub.service()`), not over HTTP: what the log has is the program under test.
//! A service matches `(request.method.as_str(), segments)` with the path below the API's root, its segments decoded:
//!
//! ```no_run
//! # use mergeline_lab::stub::{Answer, Request};
//! # fn call(request: &Request) -> Answer {
//! let segments = request.segments();
//! let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
//! match (request.method.as_str(), segments.as_slice()) {
//!     ("GET", ["projects", id, "merge_requests"]) => Answer::json(200, &serde_json::json!([])),
//!     _ => Answer::json(404, &serde_json::json!({"message": "404 Not Found"})),
//! }
//! # }
//! ```

mod description;
mod fault;
mod git;
mod http;
pub(crate) mod schema;
#[cfg(test)]
mod tests;

use std::io::BufReader;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

pub use description::Description;
pub use fault::{Fault, Injection};
pub use git::{Push, create_repository, references};
pub use http::{Answer, Request};

/// What is particular to one host.
pub trait Service: Send + Sync + 'static {
    /// The path below which the API is: `/api/v3`. Empty for all.
    fn api(&self) -> &'static str;

    /// Where GraphQL is asked, if it is. Its requests reach [`Service::call`] with the path `/graphql` and are not judged.
    fn graphql(&self) -> Option<&'static str> {
        None
    }

    /// Answers a request of the API; its path is below the root.
    fn call(&self, request: &Request) -> Answer;

    /// Answers what is neither the API nor git.
    fn page(&self, request: &Request) -> Answer {
        Answer::text(404, format!("there is no page {}\n", request.path))
    }

    /// The bare repository at `/owner/name` for a request of git's, or the answer to it (401, 403, 404).
    ///
    /// # Errors
    /// The answer, where the token may not.
    fn repository(&self, path: &str, request: &Request, is_push: bool) -> Result<PathBuf, Answer>;

    /// Says why a push is not taken; all of its references are refused then.
    ///
    /// # Errors
    /// The words that git shows as `remote: …`.
    fn may_push(&self, path: &str, pushes: &[Push]) -> Result<(), String>;

    /// Takes note of what a push moved.
    fn pushed(&self, path: &str, pushes: &[Push]);
}

/// A request of the API as it was answered.
#[derive(Debug, Clone)]
pub struct Entry {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path below the API's root, as it was sent.
    pub path: String,
    /// The query.
    pub query: Vec<(String, String)>,
    /// The body that was sent.
    pub body: Value,
    /// The status that was answered, also when the answer was lost; 0 when nothing was.
    pub status: u16,
    /// What befell it.
    pub fault: Option<Fault>,
}

impl Entry {
    /// Says whether it may have changed something.
    #[must_use]
    pub fn is_write(&self) -> bool {
        let asks = self.path == "/graphql" && !self.body["query"].as_str().is_some_and(|it| it.starts_with("mutation"));
        self.method != "GET" && self.method != "HEAD" && !asks
    }
}

/// A stub that answers as long as it lives.
#[derive(Debug)]
pub struct Stub<S> {
    core: Arc<Core<S>>,
}

#[derive(Debug)]
struct Core<S> {
    service: S,
    description: Option<&'static Description>,
    port: u16,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    log: Vec<Entry>,
    injections: Vec<Injection>,
    violations: Vec<String>,
    ended: bool,
}

impl<S: Service> Stub<S> {
    /// Answers on a free port of loopback.
    ///
    /// `service` is made with the root address (`http://127.0.0.1:PORT`), which hosts write into their answers.
    ///
    /// # Panics
    /// When no port is free.
    pub fn start(description: Option<&'static Description>, service: impl FnOnce(&str) -> S) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("no port is free: {error}"));
        let port = listener.local_addr().map_or(0, |address| address.port());
        let service = service(&format!("http://127.0.0.1:{port}"));
        let core = Arc::new(Core { service, description, port, state: Mutex::default() });
        let shared = Arc::clone(&core);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.state().ended {
                    return;
                }
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || shared.connection(stream));
            }
        });
        Self { core }
    }

    /// The host behind it.
    #[must_use]
    pub fn service(&self) -> &S {
        &self.core.service
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.core.port)
    }

    /// The root of the API.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("{}{}", self.url(), self.core.service.api())
    }

    /// Lets something happen to a request to come.
    pub fn inject(&self, injection: Injection) {
        self.core.state().injections.push(injection);
    }

    /// Says whether an injected fault still waits for its request.
    #[must_use]
    pub fn is_armed(&self) -> bool {
        self.core.state().injections.iter().any(Injection::is_armed)
    }

    /// Takes back the faults that are still to come.
    pub fn calm(&self) {
        self.core.state().injections.clear();
    }

    /// Every request of the API so far.
    #[must_use]
    pub fn log(&self) -> Vec<Entry> {
        self.core.state().log.clone()
    }

    /// Takes the requests since the last time.
    #[must_use]
    pub fn take_log(&self) -> Vec<Entry> {
        std::mem::take(&mut self.core.state().log)
    }

    /// How many requests other than GET are in the log.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.core.state().log.iter().filter(|entry| entry.is_write()).count()
    }

    /// What either side did that the description does not allow.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        self.core.state().violations.clone()
    }
}

impl<S> Drop for Stub<S> {
    fn drop(&mut self) {
        let violations = {
            let mut state = self.core.state();
            state.ended = true;
            std::mem::take(&mut state.violations)
        };
        // Wakes the thread that listens.
        drop(TcpStream::connect(("127.0.0.1", self.core.port)));
        if !violations.is_empty() && !std::thread::panicking() {
            panic!("the host's description was violated:\n  {}", violations.join("\n  "));
        }
    }
}

impl<S> Core<S> {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Service> Core<S> {
    fn connection(&self, stream: TcpStream) {
        drop(stream.set_nodelay(true));
        let Ok(mut writer) = stream.try_clone() else { return };
        let mut reader = BufReader::new(stream);
        while let Ok(Some(request)) = Request::read(&mut reader) {
            let close = request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
            let (answer, torn) = self.respond(request);
            let sent = answer.is_some_and(|answer| answer.write(&mut writer, torn).is_ok());
            if !sent || torn || close || self.state().ended {
                break;
            }
        }
        drop(writer.shutdown(Shutdown::Both));
    }

    /// The answer, if any, and whether only half of it is sent.
    fn respond(&self, mut request: Request) -> (Option<Answer>, bool) {
        if let Some(path) = request.path.strip_prefix(git::ASK) {
            return match self.service.may_push(path, &git::asked(&request)) {
                Ok(()) => (Some(Answer::empty(204)), false),
                Err(why) => (Some(Answer::text(403, format!("{why}\n"))), false),
            };
        }
        if let Some((path, tail)) = git::split(&request) {
            return (Some(self.git(&path, tail, &request)), false);
        }
        if self.service.graphql() == Some(request.path.as_str()) {
            request.path = "/graphql".to_owned();
            return self.api(&request, None);
        }
        let root = self.service.api();
        let below = request.path.strip_prefix(root).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let Some(path) = below.map(str::to_owned) else { return (Some(self.service.page(&request)), false) };
        request.path = path;
        self.api(&request, self.description)
    }

    fn api(&self, request: &Request, description: Option<&Description>) -> (Option<Answer>, bool) {
        // Each counts for itself; the first that befalls it wins.
        let faults: Vec<_> = self.state().injections.iter_mut().filter_map(|known| known.take(request)).collect();
        let fault = faults.into_iter().next();
        let mut violations = description.map_or_else(Vec::new, |known| known.judge_request(&request.path, request));
        let done = fault.as_ref().is_none_or(Fault::is_done);
        let answer = if !violations.is_empty() {
            Answer::json(599, &json!({"message": violations.join("; ")}))
        } else if done {
            let answer = self.service.call(request);
            violations
                .extend(description.map_or_else(Vec::new, |known| known.judge_answer(&request.path, request, &answer)));
            answer
        } else {
            Answer::empty(0)
        };
        let mut state = self.state();
        state.violations.append(&mut violations);
        state.log.push(Entry {
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            body: request.json(),
            status: answer.status,
            fault: fault.clone(),
        });
        drop(state);
        let said = |status: u16, message: &str| Answer::json(status, &json!({"message": message}));
        match fault {
            None => (Some(answer), false),
            Some(Fault::DropBefore | Fault::DropAfter) => (None, true),
            Some(Fault::Truncate) => (Some(answer), true),
            Some(Fault::Status(status) | Fault::StatusAfter(status)) => {
                (Some(said(status, "the host has a bad day")), false)
            }
            Some(Fault::TooMany(wait)) => {
                (Some(said(429, "too many requests").header("Retry-After", wait.to_string())), false)
            }
            Some(Fault::Busy(wait)) => {
                (Some(Answer::text(429, "Retry later\n").header("Retry-After", wait.to_string())), false)
            }
            Some(Fault::Secondary(wait)) => {
                let answer = said(403, "You have exceeded a secondary rate limit. Please wait a few minutes.");
                (Some(answer.header("Retry-After", wait.to_string())), false)
            }
            Some(Fault::Exhausted(wait)) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
                let answer = said(403, "API rate limit exceeded for installation.")
                    .header("X-RateLimit-Remaining", "0")
                    .header("X-RateLimit-Reset", (now + wait).to_string());
                (Some(answer), false)
            }
        }
    }

    fn git(&self, path: &str, tail: &str, request: &Request) -> Answer {
        let folder = match self.service.repository(path, request, git::is_push(request)) {
            Ok(folder) => folder,
            Err(answer) => return answer,
        };
        let (answer, moved) = git::serve(&folder, path, tail, request, self.port);
        if !moved.is_empty() {
            self.service.pushed(path, &moved);
        }
        answer
    }
}

/// One page of `items`, and the number of the last page. Pages count from 1.
#[must_use]
pub fn page<T: Clone>(items: &[T], number: usize, size: usize) -> (Vec<T>, usize) {
    let size = size.max(1);
    let last = items.len().div_ceil(size).max(1);
    (items.iter().skip(number.saturating_sub(1) * size).take(size).cloned().collect(), last)
}
