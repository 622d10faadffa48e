//! The DevTools protocol over the browser's own pipes: JSON messages that end with a zero byte.
//!
//! <https://chromedevtools.github.io/devtools-protocol/>. The browser reads file 3 and writes file 4; the shell that starts
//! it makes these its standard input and output, so that nothing listens on any port.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::error::{Doing, LabError, LabResult};

/// How long the browser may take to answer before it counts as broken. No test measures it.
const PATIENCE: Duration = Duration::from_secs(60);

const START: &str = r#"exec 3<&0 4>&1; exec "$@" </dev/null >/dev/null"#;

/// A running browser and the pipes to it.
#[derive(Debug)]
pub(super) struct Wire {
    child: Child,
    input: Option<ChildStdin>,
    messages: Receiver<Value>,
    /// What the browser told meanwhile.
    events: VecDeque<Value>,
    last: u64,
    folder: TempDir,
}

impl Wire {
    /// Starts the browser `program`.
    pub(super) fn start(program: &Path) -> LabResult<Self> {
        let starting = || "start the browser".to_owned();
        let folder = tempfile::tempdir().doing(starting)?;
        let home = program.parent().unwrap_or(Path::new("."));
        let mut shell = Command::new("sh");
        shell.args(["-c", START, "browser"]).arg(program);
        // The page is our own: the sandbox, which needs more rights than a container has, guards against nothing here.
        shell.args(["--headless", "--no-sandbox", "--no-zygote", "--disable-gpu", "--in-process-gpu"]);
        shell.args(["--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--no-pings"]);
        shell.args(["--disable-component-update", "--disable-domain-reliability", "--force-color-profile=srgb"]);
        shell.args(["--font-render-hinting=none", "--window-size=1280,900", "--remote-debugging-pipe"]);
        shell.arg(format!("--user-data-dir={}", folder.path().join("profile").display()));
        shell.env("LD_LIBRARY_PATH", home.join("lib")).env("FONTCONFIG_FILE", home.join("fonts.conf"));
        shell.env("HOME", folder.path()).env("XDG_CACHE_HOME", folder.path());
        let log = std::fs::File::create(folder.path().join("log")).doing(starting)?;
        let mut child = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log).spawn().doing(starting)?;
        let (sender, messages) = channel();
        let output = child.stdout.take();
        std::thread::spawn(move || {
            let mut output = BufReader::new(output?);
            let mut bytes = Vec::new();
            while output.read_until(0, &mut bytes).ok()? > 0 {
                let message = serde_json::from_slice(bytes.strip_suffix(&[0]).unwrap_or(&bytes)).ok()?;
                bytes.clear();
                sender.send(message).ok()?;
            }
            None::<()>
        });
        let input = child.stdin.take();
        Ok(Self { child, input, messages, events: VecDeque::new(), last: 0, folder })
    }

    /// Calls a method and waits for its result.
    pub(super) fn call(&mut self, session: Option<&str>, method: &str, parameters: &Value) -> LabResult<Value> {
        self.last += 1;
        let mut message = json!({"id": self.last, "method": method, "params": parameters});
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let mut text = message.to_string().into_bytes();
        text.push(0);
        let wrote = self.input.as_mut().map(|input| input.write_all(&text).and_then(|()| input.flush()));
        if !matches!(wrote, Some(Ok(()))) {
            return Err(self.broken(method));
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let message = self.next(deadline, method)?;
            if message["id"] != self.last {
                self.events.push_back(message);
                continue;
            }
            return match message.get("error") {
                Some(error) => Err(LabError::new(format!("the browser refuses `{method}`: {error}"))),
                None => Ok(message["result"].clone()),
            };
        }
    }

    /// Waits for an event, and leaves all others where they are.
    pub(super) fn wait_for(&mut self, event: &str) -> LabResult<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.events.iter().position(|message| message["method"] == event) {
                self.events.remove(at);
                return Ok(());
            }
            let message = self.next(deadline, event)?;
            self.events.push_back(message);
        }
    }

    /// What the browser told so far.
    pub(super) fn events(&mut self) -> &VecDeque<Value> {
        self.events.extend(self.messages.try_iter());
        &self.events
    }

    fn next(&mut self, deadline: Instant, what: &str) -> LabResult<Value> {
        match self.messages.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(message) => Ok(message),
            Err(RecvTimeoutError::Timeout) => {
                Err(LabError::new(format!("the browser does not answer `{what}` in {} s", PATIENCE.as_secs())))
            }
            Err(RecvTimeoutError::Disconnected) => Err(self.broken(what)),
        }
    }

    fn broken(&self, what: &str) -> LabError {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        LabError::new(format!("the browser ended before `{what}` was answered; it said:\n{log}"))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        // A closed pipe ends the browser; what does not listen is ended.
        drop(self.input.take());
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
