//! What a fake AI service answers.

use std::time::Duration;

use serde_json::{Value, json};

use super::MODEL;

/// One answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(super) status: u16,
    pub(super) body: String,
    pub(super) retry_after: Option<u64>,
    pub(super) takes: Duration,
}

impl Reply {
    /// The model says this, and comes to its end.
    pub fn text(said: &str) -> Self {
        Self::completion(json!({ "role": "assistant", "content": said }), "stop")
    }

    /// The model says this JSON.
    pub fn json(said: Value) -> Self {
        Self::text(&said.to_string())
    }

    /// The model begins to say this, and is cut off at its limit.
    pub fn cut_off(said: &str) -> Self {
        Self::completion(json!({ "role": "assistant", "content": said }), "length")
    }

    /// The model refuses.
    pub fn refusal(why: &str) -> Self {
        Self::completion(json!({ "role": "assistant", "content": null, "refusal": why }), "stop")
    }

    /// The server refuses, with an error as OpenAI's look.
    pub fn status(status: u16) -> Self {
        let body = json!({ "error": { "message": format!("this is a {status}"), "type": "fake" } });
        Self::raw(status, body.to_string())
    }

    /// Anything: what no such server should answer.
    pub fn raw(status: u16, body: impl Into<String>) -> Self {
        Self { status, body: body.into(), retry_after: None, takes: Duration::ZERO }
    }

    /// Asks to be left alone for so many seconds.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Takes so long.
    pub fn takes(mut self, time: Duration) -> Self {
        self.takes = time;
        self
    }

    /// Says nothing of tokens, as some servers do.
    pub fn without_usage(mut self) -> Self {
        if let Ok(Value::Object(mut body)) = serde_json::from_str(&self.body) {
            body.remove("usage");
            self.body = Value::Object(body).to_string();
        }
        self
    }

    fn completion(message: Value, finish_reason: &str) -> Self {
        let body = json!({
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": MODEL,
            "choices": [{ "index": 0, "message": message, "finish_reason": finish_reason }],
            "usage": { "prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120 },
        });
        Self::raw(200, body.to_string())
    }
}
