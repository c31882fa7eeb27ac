//! What goes over the wire: the part of OpenAI's `chat/completions` and `models` that every server of the kind has.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A line of a conversation.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Message {
    pub(super) role: &'static str,
    pub(super) content: String,
}

impl Message {
    pub(super) fn system(content: impl Into<String>) -> Self {
        Self { role: "system", content: content.into() }
    }

    pub(super) fn user(content: impl Into<String>) -> Self {
        Self { role: "user", content: content.into() }
    }

    pub(super) fn assistant(content: impl Into<String>) -> Self {
        Self { role: "assistant", content: content.into() }
    }
}

/// A question.
#[derive(Debug, Serialize)]
pub(super) struct Question<'a> {
    pub(super) model: &'a str,
    pub(super) messages: &'a [Message],
    pub(super) response_format: Value,
}

/// An answer that keeps to a schema, of a server that sees to it.
pub(super) fn by_schema(name: &str, schema: &Value) -> Value {
    json!({ "type": "json_schema", "json_schema": { "name": name, "strict": true, "schema": schema } })
}

/// An answer that is JSON, of a server that knows no schemas.
pub(super) fn any_json() -> Value {
    json!({ "type": "json_object" })
}

/// An answer.
#[derive(Debug, Deserialize)]
pub(super) struct Completion {
    #[serde(default)]
    pub(super) choices: Vec<Choice>,
    pub(super) usage: Option<Usage>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    pub(super) message: Said,
    pub(super) finish_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Said {
    pub(super) content: Option<String>,
    pub(super) refusal: Option<String>,
}

/// How many tokens it took. Some servers don't say.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct Usage {
    #[serde(default)]
    pub(super) prompt_tokens: u64,
    #[serde(default)]
    pub(super) completion_tokens: u64,
}

/// The models that there are.
#[derive(Debug, Deserialize)]
pub(super) struct Models {
    #[serde(default)]
    pub(super) data: Vec<Model>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Model {
    pub(super) id: String,
}
