//! The client of AI services, against the fake and against servers that misbehave.

use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use stashhog::job::{Settings, Stop, StopReason};
use stashhog::services::Service;
use stashhog::services::ai::{Ai, AiError};
use stashhog::testing::ai::{FakeAi, MODEL, Reply};
use stashhog::testing::rude::{Manner, RudeServer};

#[derive(Debug, Deserialize, JsonSchema)]
struct Guess {
    name: String,
    #[schemars(range(min = 0.0, max = 1.0))]
    confidence: f64,
    why: Option<String>,
}

fn settings(url: &str, more: &[(&str, Value)]) -> Settings {
    let own = [("ai.url".to_owned(), json!(url)), ("ai.model".to_owned(), json!(MODEL))];
    Settings::default()
        .with(own.into_iter().chain(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone()))))
}

fn client(ai: &FakeAi) -> Ai {
    Ai::new(&settings(ai.url(), &[]), Stop::default()).unwrap()
}

fn good() -> Reply {
    Reply::json(json!({ "name": "Ada", "confidence": 0.75 }))
}

async fn guess(ai: &Ai) -> Result<Guess, AiError> {
    ai.ask::<Guess>("Guess who", "in the harbour").await
}

#[tokio::test]
async fn an_answer_is_of_the_type_that_was_asked_for_and_what_it_took_is_counted() {
    let fake = FakeAi::start();
    fake.require_key("let-me-in");
    let prices = [
        ("ai.api_key", json!("let-me-in")),
        ("ai.price_per_million_input_tokens", json!(1000)),
        ("ai.price_per_million_output_tokens", json!(5000)),
    ];
    let ai = Ai::new(&settings(fake.url(), &prices), Stop::default()).unwrap();
    fake.next(good());
    fake.next(good().without_usage());
    let first = guess(&ai).await.unwrap();
    assert_eq!((first.name.as_str(), first.why), ("Ada", None));
    assert!((first.confidence - 0.75).abs() < f64::EPSILON);
    guess(&ai).await.unwrap();
    let spent = ai.spent();
    assert_eq!((spent.requests, spent.input_tokens, spent.output_tokens), (2, 100, 20));
    assert!((spent.cost.unwrap() - 0.2).abs() < 1e-9, "{spent:?}");
    let asked = &fake.questions()[0];
    assert_eq!((asked.system(), asked.user()), ("Guess who", "in the harbour"));
    let schema = &asked.body["response_format"]["json_schema"];
    assert_eq!((&schema["strict"], &schema["name"]), (&json!(true), &json!("Guess")));
    assert_eq!(schema["schema"]["required"], json!(["name", "confidence", "why"]));
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_sent_back_once_with_what_is_wrong() {
    let fake = FakeAi::start();
    let ai = client(&fake);
    fake.next(Reply::json(json!({ "name": "Ada", "confidence": 7 })));
    fake.next(Reply::text("```json\n{\"name\":\"Ada\",\"confidence\":0.7}\n```"));
    assert_eq!(guess(&ai).await.unwrap().name, "Ada");
    let asked = fake.questions();
    assert_eq!(asked.len(), 2);
    assert!(asked[1].user().contains("/confidence"), "{}", asked[1].user());
    assert_eq!(asked[1].body["messages"].as_array().unwrap().len(), 4);

    fake.next(Reply::text("I don't know."));
    fake.next(Reply::json(json!({ "name": 3 })));
    let error = guess(&ai).await.unwrap_err();
    assert!(matches!(&error, AiError::Unfit { reason, .. } if reason.contains("/name")), "{error}");
    assert_eq!(fake.questions().len(), 4, "it is sent back once, not until it fits");
}

#[tokio::test]
async fn a_refusal_and_an_answer_that_is_cut_off_are_told_as_what_they_are() {
    let fake = FakeAi::start();
    let ai = client(&fake);
    fake.next(Reply::refusal("I can't help with that"));
    let refused = guess(&ai).await.unwrap_err();
    assert!(matches!(&refused, AiError::Refuses { .. }) && refused.to_string().contains("can't help"), "{refused}");
    fake.next(Reply::cut_off("{\"name\":\"A"));
    let cut = guess(&ai).await.unwrap_err();
    assert!(matches!(&cut, AiError::CutOff { .. }) && cut.to_string().contains("fewer"), "{cut}");
    assert_eq!(fake.questions().len(), 2);
}

#[tokio::test]
async fn a_service_that_is_overrun_is_asked_again_when_it_says_so() {
    let fake = FakeAi::start();
    fake.next(Reply::status(429).retry_after(0));
    fake.next(Reply::status(503).retry_after(1));
    fake.next(good());
    let begun = Instant::now();
    guess(&client(&fake)).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1), "it was left alone as long as it asked for");
    assert_eq!(fake.questions().len(), 3);
}

#[tokio::test]
async fn a_server_without_schemas_reads_the_schema_as_text() {
    let fake = FakeAi::start();
    fake.know_no_schemas();
    fake.answer_with(|_| good());
    let ai = client(&fake);
    guess(&ai).await.unwrap();
    guess(&ai).await.unwrap();
    let asked = fake.questions();
    let forms: Vec<_> = asked.iter().map(|question| question.form()).collect();
    assert_eq!(forms, ["json_schema", "json_object", "json_object"], "it is found out once");
    assert!(asked[2].system().contains("\"confidence\""), "{}", asked[2].system());
}

#[tokio::test]
async fn no_more_questions_are_asked_at_a_time_than_the_settings_allow() {
    let fake = FakeAi::start();
    fake.answer_with(|_| good().takes(Duration::from_millis(50)));
    let ai = Ai::new(&settings(fake.url(), &[("ai.max_concurrent", json!(2))]), Stop::default()).unwrap();
    let all = futures_util::future::join_all((0..8).map(|_| guess(&ai))).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(fake.most_at_once(), 2);
}

#[tokio::test]
async fn whatever_a_server_does_the_error_says_what_to_do() {
    for (manner, told) in [
        (Manner::Refuses, "check that it runs, and the setting `ai.url`"),
        (Manner::WebPage, "is the address right?"),
        (Manner::RedirectsTo("http://elsewhere.example/".to_owned()), "set `ai.url` to where it really is"),
        (Manner::WrongKey, "check the setting `ai.api_key`"),
        (Manner::Junk, "makes no sense"),
        (Manner::TooMany(3600), "429"),
    ] {
        let rude = RudeServer::start(manner.clone());
        let ai = Ai::new(&settings(&rude.url(), &[]), Stop::default()).unwrap();
        let error = guess(&ai).await.unwrap_err().to_string();
        assert!(error.contains(told), "{manner:?}: {error}");
    }
}

#[tokio::test]
async fn a_stop_is_heard_while_a_server_hangs() {
    let rude = RudeServer::start(Manner::Hangs);
    let stop = Stop::default();
    let ai = Ai::new(&settings(&rude.url(), &[]), stop.clone()).unwrap();
    let asked = tokio::spawn(async move { guess(&ai).await });
    crate::support::until("it is asked", async || (rude.requests() > 0).then_some(())).await;
    stop.request(StopReason::Cancelled);
    assert!(asked.await.unwrap().unwrap_err().is_stop());
}

#[tokio::test]
async fn trying_the_service_says_whether_it_has_the_model() {
    let fake = FakeAi::start();
    fake.require_key("let-me-in");
    let service = Service::all().find(|service| service.name == "ai").unwrap();
    let test = async |more: &[(&str, Value)]| {
        let said = (service.test)(settings(fake.url(), more), Stop::default()).await;
        said.map_err(|error| error.to_string())
    };
    let key = ("ai.api_key", json!("let-me-in"));
    assert_eq!(test(std::slice::from_ref(&key)).await.unwrap(), "model small-model available");
    assert!(test(&[]).await.unwrap_err().contains("`ai.api_key`"));
    let missing = test(&[key.clone(), ("ai.model", json!("huge-model"))]).await.unwrap_err();
    assert!(missing.contains("no model `huge-model`") && missing.contains("small-model, large-model"), "{missing}");
    assert!(test(&[key, ("ai.model", Value::Null)]).await.unwrap().contains("choose one of its models"));
}
