//! The client: asks for an answer of a Rust type.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::RequestBuilder;
use reqwest::header::HeaderValue;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::chat::{self, Completion, Message, Models, Question};
use super::error::AiError;
use super::spent::{Prices, Spent};
use super::turns::Turns;
use super::{API_KEY, IDENTITY, MODEL, TIMEOUT_SECONDS, URL, answer, schema};
use crate::job::{Settings, Stop, cut};
use crate::services::ServiceError;
use crate::services::remote::{Remote, Repeat};

/// How much of what a model says is shown.
const SAID_BYTES: usize = 300;
/// How much of an answer that does not fit is sent back: some 5,000 tokens show well enough what is wrong.
const SENT_BACK_BYTES: usize = 20_000;

/// An AI service, as one job asks it. Cheap to clone: clones share its places, its turns and its counts.
#[derive(Clone)]
pub struct Ai(Arc<Inner>);

struct Inner {
    remote: Remote,
    key: Option<String>,
    model: String,
    turns: Turns,
    prices: Prices,
    spent: Mutex<Spent>,
    /// Set once the server has refused a schema: it is asked for any JSON from then on, and reads the schema as text.
    no_schemas: AtomicBool,
}

impl Ai {
    /// The service of these settings. Connects to nothing yet.
    pub fn new(settings: &Settings, stop: Stop) -> Result<Self, ServiceError> {
        let model = settings.need(&MODEL).map_err(ServiceError::settings)?;
        let (remote, key) = reach(settings, stop)?;
        Ok(Self(Arc::new(Inner {
            remote,
            key,
            model,
            turns: Turns::of(settings),
            prices: Prices::of(settings),
            spent: Mutex::default(),
            no_schemas: AtomicBool::new(false),
        })))
    }

    /// The model that is asked.
    pub fn model(&self) -> &str {
        &self.0.model
    }

    /// How many questions are asked at a time. More may be begun: they wait.
    pub fn at_a_time(&self) -> usize {
        self.0.turns.at_a_time
    }

    /// What was spent so far.
    pub fn spent(&self) -> Spent {
        *self.0.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks: `system` says what the model is to do, `user` what with. The answer fits the schema of `T`; an answer that does not is
    /// sent back once with what is wrong.
    pub async fn ask<T: JsonSchema + DeserializeOwned>(&self, system: &str, user: &str) -> Result<T, AiError> {
        let schema = schema::of::<T>();
        let validator = jsonschema::validator_for(&schema).map_err(|error| self.unfit(error.to_string()))?;
        let mut messages = vec![Message::system(system), Message::user(user)];
        let said = self.say(&T::schema_name(), &schema, &messages).await?;
        let wrong = match answer::read(&said, &validator) {
            Ok(answer) => return Ok(answer),
            Err(wrong) => wrong,
        };
        tracing::debug!("the answer does not fit, asking for another: {wrong}");
        messages.push(Message::assistant(cut(said, SENT_BACK_BYTES)));
        messages.push(Message::user(format!(
            "This answer can't be used: {wrong}. Answer again, with nothing but JSON that fits the schema."
        )));
        let said = self.say(&T::schema_name(), &schema, &messages).await?;
        answer::read(&said, &validator).map_err(|wrong| self.unfit(wrong))
    }

    /// One question, in whichever form the server takes.
    async fn say(&self, name: &str, schema: &Value, messages: &[Message]) -> Result<String, AiError> {
        let strict = schema::strict(schema);
        if !self.0.no_schemas.load(Ordering::Relaxed) {
            match self.question(messages, chat::by_schema(name, &strict)).await {
                Err(AiError::Service(ServiceError::Refused { status: 400 | 422, said, .. }))
                    if is_about_form(&said) =>
                {
                    tracing::info!("the AI service takes no schema, so it is asked for any JSON: {said}");
                    self.0.no_schemas.store(true, Ordering::Relaxed);
                }
                done => return done,
            }
        }
        let mut messages = messages.to_vec();
        if let Some(system) = messages.first_mut() {
            system.content = format!("{}\n\nAnswer with JSON that fits this JSON Schema:\n{strict}", system.content);
        }
        self.question(&messages, chat::any_json()).await
    }

    async fn question(&self, messages: &[Message], response_format: Value) -> Result<String, AiError> {
        let inner = &*self.0;
        let question = Question { model: &inner.model, messages, response_format };
        let _place = inner.turns.wait(inner.remote.stop()).await.map_err(ServiceError::from)?;
        let ask = |http: &reqwest::Client, url| with_key(http.post(url).json(&question), inner.key.as_deref());
        // Asking changes nothing there.
        let done: Completion = inner.remote.ask_json("chat/completions", Repeat::Safe, ask).await?;
        let mut spent = inner.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.add(done.usage.unwrap_or_default(), inner.prices);
        drop(spent);
        self.said(done)
    }

    /// What the model said, if it said something and came to its end.
    fn said(&self, done: Completion) -> Result<String, AiError> {
        let model = self.0.model.clone();
        let Some(choice) = done.choices.into_iter().next() else {
            return Err(self.0.remote.wrong_answer("it has no `choices`").into());
        };
        if let Some(refusal) = choice.message.refusal.filter(|refusal| !refusal.is_empty()) {
            return Err(AiError::Refuses { model, said: format!(": {}", cut(refusal, SAID_BYTES)) });
        }
        match choice.finish_reason.as_deref() {
            Some("length") => Err(AiError::CutOff { model }),
            Some("content_filter") => Err(AiError::Refuses { model, said: ": its filter stepped in".to_owned() }),
            _ => Ok(choice.message.content.unwrap_or_default()),
        }
    }

    fn unfit(&self, reason: String) -> AiError {
        AiError::Unfit { model: self.0.model.clone(), reason: cut(reason, SAID_BYTES) }
    }
}

/// Where the service is, and its key.
fn reach(settings: &Settings, stop: Stop) -> Result<(Remote, Option<String>), ServiceError> {
    let url = settings.need(&URL).map_err(ServiceError::settings)?;
    let key = settings.optional(&API_KEY).map_err(ServiceError::settings)?;
    if key.as_ref().is_some_and(|key| HeaderValue::from_str(key).is_err()) {
        let why = format!("the setting `{}` has characters that no key has, perhaps a line break", API_KEY.name());
        return Err(ServiceError::Settings(why));
    }
    let patience = settings.get(&TIMEOUT_SECONDS).and_then(|seconds| u64::try_from(seconds).ok());
    let remote = Remote::new(IDENTITY, &url, stop)?;
    Ok((patience.map(Duration::from_secs).map_or(remote.clone(), |patience| remote.answers_within(patience)), key))
}

/// The names of the models that the service of these settings has.
pub(super) async fn models(settings: &Settings, stop: Stop) -> Result<Vec<String>, ServiceError> {
    let (remote, key) = reach(settings, stop)?;
    let ask = |http: &reqwest::Client, url| with_key(http.get(url), key.as_deref());
    let models: Models = remote.ask_json("models", Repeat::Safe, ask).await?;
    Ok(models.data.into_iter().map(|model| model.id).collect())
}

fn with_key(request: RequestBuilder, key: Option<&str>) -> RequestBuilder {
    match key {
        Some(key) => request.bearer_auth(key),
        None => request,
    }
}

/// Whether a refusal is about the form of the answer that was asked for.
fn is_about_form(said: &str) -> bool {
    ["response_format", "json_schema", "schema"].iter().any(|word| said.contains(word))
}
