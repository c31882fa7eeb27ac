//! A rating service for tests: a real one as far as a client can see, on a free port of this machine.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

/// What it answers to each path, and what it was asked.
pub struct FakeRatings {
    url: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    ratings: Mutex<HashMap<String, i32>>,
    asked: Mutex<Vec<String>>,
    asked_again: Condvar,
    /// Connections on which it keeps silent.
    silent: Mutex<Vec<TcpStream>>,
}

impl FakeRatings {
    /// A service that knows these titles.
    pub fn start(ratings: &[(&str, i32)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(State::default());
        let fake = Self { url, state: Arc::clone(&state) };
        fake.learn(ratings);
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let _ = answer(&state, connection.expect("a connection")); // a client may leave
            }
        });
        fake
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Makes more titles known to it.
    pub fn learn(&self, ratings: &[(&str, i32)]) {
        let more = ratings.iter().map(|(title, rating)| ((*title).to_owned(), *rating));
        self.state.ratings.lock().expect("a lock").extend(more);
    }

    /// Waits until it is asked for a title.
    pub fn until_asked(&self, title: &str) {
        let asked = self.state.asked.lock().expect("a lock");
        let not_yet = |asked: &mut Vec<String>| !asked.iter().any(|other| other == title);
        let _asked = self.state.asked_again.wait_while(asked, not_yet).expect("a lock");
    }

    /// The titles that it was asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        self.state.asked.lock().expect("a lock").clone()
    }
}

/// Answers one request. It says nothing about the title `silence`, and never hangs up.
fn answer(state: &State, mut connection: TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(connection.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for line in lines.by_ref() {
        if line?.is_empty() {
            break;
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    let (status, body) = match path.strip_prefix("/ratings/") {
        None => ("200 OK", format!(r#"{{"titles": {}}}"#, state.ratings.lock().expect("a lock").len())),
        Some(title) => {
            let title = title.replace("%20", " ");
            state.asked.lock().expect("a lock").push(title.clone());
            state.asked_again.notify_all();
            if title == "silence" {
                state.silent.lock().expect("a lock").push(connection);
                return Ok(());
            }
            match state.ratings.lock().expect("a lock").get(&title) {
                Some(rating) => ("200 OK", format!(r#"{{"rating": {rating}}}"#)),
                None => ("404 Not Found", r#""no such title""#.to_owned()),
            }
        }
    };
    let length = body.len();
    write!(
        connection,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}
