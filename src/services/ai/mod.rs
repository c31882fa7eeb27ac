//! An AI service: any server that speaks OpenAI's `chat/completions`, on this machine or far away.
//!
//! ```text
//!   ask::<T>(system, user) ── a place, its turn ──▶ POST chat/completions, with the JSON Schema of T
//!        ▲                                                  │
//!        └── T ◀── fits the schema ◀── the JSON in it ◀─────┘
//!                        │ no: told once what is wrong with it
//! ```
//!
//! - At most `ai.max_concurrent` questions are asked at a time, and no more than `ai.requests_per_minute`. When the service asks to
//!   be left alone for a while (429 with Retry-After), it is.
//! - Every answer is checked against the schema; the model is not trusted to have kept to it. One that does not fit is sent back
//!   once, with what is wrong.
//! - Tokens are counted, and with prices in the settings their cost. A client belongs to one job, and so do its counts.

mod answer;
mod chat;
mod client;
mod error;
mod schema;
mod spent;
mod test;
mod turns;

pub use client::Ai;
pub use error::AiError;
pub use spent::Spent;

use super::Service;
use super::remote::Identity;
use crate::job::{JobContext, Setting};

const GROUP: &str = "AI";

/// Where the service is.
pub const URL: Setting<String> = Setting::url("ai.url", "Address")
    .group(GROUP)
    .describe("The base address of a server that speaks OpenAI's API, like http://127.0.0.1:11434/v1");
/// Its key.
pub const API_KEY: Setting<String> =
    Setting::text("ai.api_key", "API key").group(GROUP).describe("Sent as a bearer token, if there is one").secret();
/// Which model is asked.
pub const MODEL: Setting<String> =
    Setting::text("ai.model", "Model").group(GROUP).describe("The name of the model, as the service calls it");
/// How many questions are asked at a time.
pub const MAX_CONCURRENT: Setting<i64> = Setting::integer("ai.max_concurrent", "Questions at a time", 1, 64)
    .group(GROUP)
    .describe("How many questions one job asks at a time")
    .default("2");
/// How many questions are asked per minute.
pub const REQUESTS_PER_MINUTE: Setting<i64> =
    Setting::integer("ai.requests_per_minute", "Questions per minute", 1, 100_000)
        .group(GROUP)
        .describe("How many questions one job asks per minute at most; as many as it can when unset");
/// How long one answer may take.
pub const TIMEOUT_SECONDS: Setting<i64> = Setting::integer("ai.timeout_seconds", "Patience in seconds", 1, 3_600)
    .group(GROUP)
    .describe("How long one answer may take")
    .default("300");
/// What questions cost.
pub const INPUT_PRICE: Setting<f64> =
    Setting::number("ai.price_per_million_input_tokens", "Price of a million input tokens", 0.0, 1e6)
        .group(GROUP)
        .describe("For the cost that a plan shows, in whatever currency");
/// What answers cost.
pub const OUTPUT_PRICE: Setting<f64> =
    Setting::number("ai.price_per_million_output_tokens", "Price of a million output tokens", 0.0, 1e6)
        .group(GROUP)
        .describe("For the cost that a plan shows, in whatever currency");

inventory::submit!(URL.spec);
inventory::submit!(API_KEY.spec);
inventory::submit!(MODEL.spec);
inventory::submit!(MAX_CONCURRENT.spec);
inventory::submit!(REQUESTS_PER_MINUTE.spec);
inventory::submit!(TIMEOUT_SECONDS.spec);
inventory::submit!(INPUT_PRICE.spec);
inventory::submit!(OUTPUT_PRICE.spec);
inventory::submit!(Service {
    name: "ai",
    label: "AI service",
    test: |settings, stop| Box::pin(test::test(settings, stop))
});

const IDENTITY: Identity = Identity { service: "the AI service", url_setting: URL.name(), key_setting: API_KEY.name() };

impl JobContext {
    /// The AI service of the settings. What it spends is this client's own; make one for a job.
    pub async fn ai(&self) -> anyhow::Result<Ai> {
        Ok(Ai::new(&self.settings().await?, self.stop_signal())?)
    }
}
