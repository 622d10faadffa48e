//! Downloads from a server on loopback.

#![allow(clippy::unwrap_used)]

use super::*;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A server that gives each path its answer, and counts.
struct Server {
    address: String,
    asked: Arc<AtomicUsize>,
}

fn server(answer: impl Fn(&str) -> String + Send + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let read = stream.read(&mut request).unwrap_or_default();
            let line = String::from_utf8_lossy(&request[..read]).into_owned();
            let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
            count.fetch_add(1, Ordering::SeqCst);
            let _ = stream.write_all(answer(&path).as_bytes());
        }
    });
    Server { address, asked }
}

impl Server {
    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len())
}

fn limits() -> Limits {
    Limits { size: 100, time: Duration::from_secs(20), fresh: Duration::from_secs(3600) }
}

fn web(folder: &std::path::Path) -> Web {
    Web::with(Some(folder.to_owned()), limits())
}

#[test]
fn what_was_downloaded_is_not_asked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(|path| match path {
        "/there" => answer("200 OK", "", "{}"),
        _ => answer("404 Not Found", "", "no"),
    });
    for _ in 0..2 {
        let web = web(folder.path());
        for _ in 0..2 {
            assert_eq!(web.get(&server.at("/there")).unwrap(), Some(b"{}".to_vec()));
            assert_eq!(web.get(&server.at("/nothing")).unwrap(), None);
        }
    }
    assert_eq!(server.asked(), 2);
}

#[test]
fn a_file_of_the_cache_that_was_changed_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(|_| answer("200 OK", "", "{}"));
    web(folder.path()).get(&server.at("/x")).unwrap();
    let contents = folder.path().join("downloads/sha256");
    let file = std::fs::read_dir(contents).unwrap().next().unwrap().unwrap().path();
    std::fs::write(file, "evil").unwrap();
    assert_eq!(web(folder.path()).get(&server.at("/x")).unwrap(), Some(b"{}".to_vec()));
    assert_eq!(server.asked(), 2);
}

#[test]
fn an_old_answer_is_used_where_the_server_fails_and_not_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let times = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&times);
    let server = server(move |_| match counted.fetch_add(1, Ordering::SeqCst) {
        0 => answer("200 OK", "", "old"),
        1 => answer("503 Service Unavailable", "", ""),
        _ => answer("200 OK", "", "new"),
    });
    let get = || {
        let stale = Limits { fresh: Duration::ZERO, ..limits() };
        std::thread::sleep(Duration::from_millis(20));
        Web::with(Some(folder.path().to_owned()), stale).get(&server.at("/x")).unwrap().unwrap()
    };
    assert_eq!([get(), get(), get()], [b"old".to_vec(), b"old".to_vec(), b"new".to_vec()]);
}

#[test]
fn a_server_that_fails_is_asked_once_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let server = server(|_| answer("429 Too Many Requests", "", ""));
    let web = web(folder.path());
    for _ in 0..3 {
        let failure = web.get(&server.at("/x")).unwrap_err();
        assert!(failure.to_string().contains("answers 429"), "{failure}");
    }
    assert_eq!(server.asked(), 1);
}

#[test]
fn redirects_are_followed_on_the_same_server_and_never_to_a_private_one() {
    let folder = tempfile::tempdir().unwrap();
    let inside = server(|_| answer("200 OK", "", "secret"));
    let target = inside.address.clone();
    let server = server(move |path| match path {
        "/here" => answer("302 Found", "Location: /there\r\n", ""),
        "/round" => answer("302 Found", "Location: /round\r\n", ""),
        "/inside" => answer("302 Found", &format!("Location: {target}/\r\n"), ""),
        _ => answer("200 OK", "", "found"),
    });
    let web = web(folder.path());
    assert_eq!(web.get(&server.at("/here")).unwrap(), Some(b"found".to_vec()));
    assert!(web.get(&server.at("/round")).unwrap_err().to_string().contains("leads on more than"));
    let refused = web.get(&server.at("/inside")).unwrap_err();
    assert!(refused.to_string().contains("on a private network"), "{refused}");
    assert_eq!((refused.kind(), inside.asked()), (crate::failure::FailureKind::Refused, 0));
}

#[test]
fn a_download_ends_by_size_and_by_time() {
    let large = server(|_| answer("200 OK", "", &"x".repeat(101)));
    let refused = Web::with(None, limits()).get(&large.at("/x")).unwrap_err();
    assert!(refused.to_string().contains("larger than 100 bytes"), "{refused}");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/x", silent.local_addr().unwrap());
    let hasty = Limits { time: Duration::from_millis(200), ..limits() };
    assert!(
        Web::with(None, hasty).get(&address).unwrap_err().to_string().contains("cannot download")
            || Web::with(None, hasty).get(&address).unwrap_err().to_string().contains("took longer")
    );
}

#[test]
fn nothing_is_downloaded_off_line_and_no_password_is_sent() {
    assert!(Offline.get("https://example.com/x").unwrap_err().to_string().contains("stays off the network"));
    let web = Web::with(None, limits());
    assert!(web.get("https://user:pass@example.com/x").unwrap_err().to_string().contains("holds a user or password"));
    assert!(web.get("file:///etc/passwd").is_err());
}
