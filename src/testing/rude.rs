//! A server on loopback that misbehaves in a chosen way, for tests of what a client makes of it.
//!
//! ```
//! use stashhog::testing::rude::{Manner, RudeServer};
//!
//! let server = RudeServer::start(Manner::WebPage);
//! // Whatever speaks HTTP to `server.url()` is answered with a web page.
//! assert_eq!(server.requests(), 0);
//! ```

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// How it misbehaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Nobody listens there.
    Refuses,
    /// It takes the request and never answers.
    Hangs,
    /// It takes the request and hangs up.
    HangsUp,
    /// It answers 500.
    Fails,
    /// It answers 200 with a web page.
    WebPage,
    /// It hangs up in the middle of its answer.
    HalfABody,
    /// It sends people elsewhere.
    RedirectsTo(String),
    /// It answers 200 with JSON that has nothing to do with the question.
    Junk,
    /// It answers 200 with an error of GraphQL.
    GraphQlError(String),
    /// It answers 401.
    WrongKey,
    /// It answers 429, and wants to be left alone for so many seconds.
    TooMany(u64),
}

/// A server that misbehaves; it is gone when this is dropped.
pub struct RudeServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    manner: Manner,
    requests: AtomicUsize,
    over: AtomicBool,
    /// Those that hang.
    held: Mutex<Vec<TcpStream>>,
}

impl RudeServer {
    /// Starts one.
    ///
    /// # Panics
    ///
    /// When there is no free port.
    pub fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap_or_else(|error| panic!("no free port: {error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("a listener without address: {error}"));
        let (requests, over, held) = (AtomicUsize::new(0), AtomicBool::new(false), Mutex::default());
        let shared = Arc::new(Shared { manner, requests, over, held });
        if shared.manner == Manner::Refuses {
            return Self { address, shared, thread: None }; // the listener goes with this block
        }
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if of_thread.over.load(Ordering::Acquire) {
                    return;
                }
                let shared = Arc::clone(&of_thread);
                std::thread::spawn(move || shared.serve(stream));
            }
        });
        Self { address, shared, thread: Some(thread) }
    }

    /// Where it is: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many requests it took.
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::Acquire)
    }
}

impl Drop for RudeServer {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Release);
        for stream in self.shared.held.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = stream.shutdown(Shutdown::Both); // its client may be gone
        }
        if let Some(thread) = self.thread.take() {
            let _ = TcpStream::connect(self.address); // wakes it
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn serve(&self, mut stream: TcpStream) {
        if !took_request(&mut stream) {
            return;
        }
        self.requests.fetch_add(1, Ordering::AcqRel);
        let json = |body: &str| answer("200 OK", &["Content-Type: application/json"], body);
        let text = match &self.manner {
            Manner::Hangs => {
                self.held.lock().unwrap_or_else(PoisonError::into_inner).push(stream);
                return;
            }
            Manner::Refuses | Manner::HangsUp => return,
            Manner::Fails => answer("500 Internal Server Error", &["Content-Type: text/plain"], "out of paper"),
            Manner::WebPage => answer("200 OK", &["Content-Type: text/html"], "<html><body>Welcome</body></html>"),
            Manner::HalfABody => {
                let whole = json(&format!("{{\"data\": \"{}\"}}", "x".repeat(1_000)));
                whole[..whole.len() / 2].to_owned()
            }
            Manner::RedirectsTo(url) => answer("302 Found", &[&format!("Location: {url}")], ""),
            Manner::Junk => json("[1, 2, 3]"),
            Manner::GraphQlError(message) => {
                json(&serde_json::json!({ "errors": [{ "message": message }], "data": null }).to_string())
            }
            Manner::WrongKey => answer("401 Unauthorized", &[], ""),
            Manner::TooMany(seconds) => {
                answer("429 Too Many Requests", &[&format!("Retry-After: {seconds}")], "slowly")
            }
        };
        let _ = stream.write_all(text.as_bytes()); // its client may be gone
    }
}

fn answer(status: &str, headers: &[&str], body: &str) -> String {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

/// Reads a request whole: a server that closes before has its answer thrown away.
fn took_request(stream: &mut TcpStream) -> bool {
    let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
            if bytes.len() >= end + 4 + length.unwrap_or(0) {
                return true;
            }
        }
        match stream.read(&mut part) {
            Ok(0) | Err(_) => return false,
            Ok(n) => bytes.extend_from_slice(&part[..n]),
        }
    }
}
