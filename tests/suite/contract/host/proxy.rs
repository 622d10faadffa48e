//! A witness between our client and a real host: it counts writes, and can lose an answer after the effect.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Forwards HTTP/1.1 connections from a port of its own to a host on loopback.
pub(crate) struct Proxy {
    pub(crate) url: String,
    witness: Arc<Witness>,
}

#[derive(Default)]
struct Witness {
    writes: AtomicU64,
    requests: AtomicU64,
    lose_next: AtomicBool,
}

impl Proxy {
    /// Starts one in front of `http://HOST:PORT`; it lives as long as the test process.
    pub(crate) fn start(upstream: &str) -> Self {
        let upstream = upstream.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let witness = Arc::<Witness>::default();
        let seen = Arc::clone(&witness);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if let Ok(server) = TcpStream::connect(&upstream) {
                    seen.connect(client, server);
                }
            }
        });
        Self { url, witness }
    }

    /// How many requests other than GET went through.
    pub(crate) fn writes(&self) -> u64 {
        self.witness.writes.load(Ordering::SeqCst)
    }

    /// Takes the number of requests of any kind since the last time.
    pub(crate) fn take_requests(&self) -> u64 {
        self.witness.requests.swap(0, Ordering::SeqCst)
    }

    /// Forwards the next write and closes the connection when its answer comes.
    pub(crate) fn lose_next_answer(&self) {
        self.witness.lose_next.store(true, Ordering::SeqCst);
    }

    /// Says whether the loss that was asked for is still to come.
    pub(crate) fn is_armed(&self) -> bool {
        self.witness.lose_next.load(Ordering::SeqCst)
    }
}

impl Witness {
    fn connect(self: &Arc<Self>, client: TcpStream, server: TcpStream) {
        let lose = Arc::new(AtomicBool::new(false));
        let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let (witness, losing) = (Arc::clone(self), Arc::clone(&lose));
        std::thread::spawn(move || {
            pump(from, to, |chunk| {
                // Each request starts a chunk of its own: the client waits for an answer before it sends another one.
                if [b"GET ".as_slice(), b"POST ", b"PATCH ", b"PUT ", b"DELETE "]
                    .iter()
                    .any(|method| chunk.starts_with(method))
                {
                    witness.requests.fetch_add(1, Ordering::SeqCst);
                }
                if [b"POST ".as_slice(), b"PATCH ", b"PUT ", b"DELETE "].iter().any(|method| chunk.starts_with(method))
                {
                    witness.writes.fetch_add(1, Ordering::SeqCst);
                    losing.store(witness.lose_next.swap(false, Ordering::SeqCst), Ordering::SeqCst);
                }
                true
            });
        });
        std::thread::spawn(move || pump(server, client, |_| !lose.load(Ordering::SeqCst)));
    }
}

/// Copies until an end, or until `pass` says no.
fn pump(mut from: TcpStream, mut to: TcpStream, mut pass: impl FnMut(&[u8]) -> bool) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if !pass(&buffer[..read]) || to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    drop(from.shutdown(Shutdown::Both));
    drop(to.shutdown(Shutdown::Both));
}
