//! A WebSocket client.

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use uuid::Uuid;

use super::DEADLINE;
use super::api::{Api, id_of};

/// A live client.
pub struct Live {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Live {
    /// Connects to a path, `/api/jobs/ws`.
    pub async fn connect(api: &Api, path: &str) -> Self {
        let url = format!("{}{path}", api.url.replacen("http", "ws", 1));
        let (socket, _) = connect_async(url).await.expect("an upgrade");
        Self { socket }
    }

    /// Sends a frame.
    pub async fn send(&mut self, message: Value) {
        self.send_text(&message.to_string()).await;
    }

    /// Sends any text.
    pub async fn send_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.expect("to send");
    }

    /// The next frame of JSON.
    pub async fn next(&mut self) -> Value {
        let deadline = tokio::time::Instant::now() + DEADLINE; // which no ping puts off
        loop {
            let frame = tokio::time::timeout_at(deadline, self.socket.next()).await.expect("a frame in time");
            match frame.expect("an open socket").expect("a frame") {
                Message::Text(text) => return serde_json::from_str(&text).expect("JSON"),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("an odd frame: {other:?}"),
            }
        }
    }

    /// The next frame of this type.
    pub async fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.next().await;
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// Reads until a job is told with this status. Every state of it that was told on the way, as status and rev.
    pub async fn until_status(&mut self, id: Uuid, status: &str) -> Vec<(String, i64)> {
        let mut told = Vec::new();
        loop {
            let frame = self.next().await;
            let jobs = frame["jobs"].as_array().cloned().unwrap_or_default();
            for job in jobs.iter().filter(|job| id_of(job) == id) {
                told.push((job["status"].as_str().unwrap_or_default().to_owned(), job["rev"].as_i64().unwrap_or(0)));
            }
            if told.last().is_some_and(|(last, _)| last == status) {
                return told;
            }
        }
    }
}
