//! A release server on loopback: it serves files, misbehaves as told, and keeps what it was asked for.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// How the server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// As it should.
    Good,
    /// Half of each body, then it hangs up; for this many requests.
    Truncating(usize),
    /// A server error; for this many requests.
    Failing(usize),
}

/// Serves a folder over HTTP/1.1 for as long as the test process lives.
pub(super) struct Server {
    pub(super) url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(super) fn start(folder: &Path, mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let (folder, seen) = (folder.to_owned(), Arc::clone(&requests));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                drop(answer(client, &folder, mood, &seen));
            }
        });
        Self { url, requests }
    }

    /// The targets of the requests since the last time, in order.
    pub(super) fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

fn answer(mut client: TcpStream, folder: &Path, mood: Mood, seen: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(client.try_clone()?).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let target = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let place: PathBuf = folder.join(target.trim_start_matches("http://release.example.com").trim_start_matches('/'));
    let count = {
        let mut seen = seen.lock().unwrap();
        seen.push(target);
        seen.len()
    };
    let head = |status: &str, length: usize| {
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n")
    };
    match (mood, std::fs::read(place)) {
        (Mood::Failing(times), _) if count <= times => client.write_all(head("503 Service Unavailable", 0).as_bytes()),
        (_, Err(_)) => client.write_all(head("404 Not Found", 0).as_bytes()),
        (mood, Ok(body)) => {
            client.write_all(head("200 OK", body.len()).as_bytes())?;
            let cut = matches!(mood, Mood::Truncating(times) if count <= times);
            client.write_all(if cut { &body[..body.len() / 2] } else { &body })
        }
    }
}
