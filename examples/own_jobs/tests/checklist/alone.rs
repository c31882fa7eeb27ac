//! The handler: each test runs the job alone. The server is there for its database only.

use own_jobs::jobs::fetch_ratings::FetchRatings;
use own_jobs::ratings;
use serde_json::json;
use stashhog::testing::{self, JobTest, Server};

use crate::fake::FakeRatings;

/// The job about these titles, with all that it needs.
fn fetch(titles: &[&str], fake: &FakeRatings, server: &Server) -> JobTest {
    testing::job_of::<FetchRatings>(json!({ "titles": titles })).db(server.db()).setting(&ratings::URL, fake.url())
}

/// [ ] It runs to its end, its progress is right, and its result has the structure that is promised.
#[tokio::test]
async fn it_runs_to_its_end_and_tells_what_it_did() {
    let (fake, server) = (FakeRatings::start(&[("Harbour at Dawn", 8), ("Slow Train", 3)]), Server::start().unwrap());
    let run = fetch(&["Harbour at Dawn", "Slow Train"], &fake, &server).await;
    run.assert_completed().assert_items(2, 2);
    assert_eq!(run.result(), Some(&json!({ "kept": 2, "known": 0, "below": 0 })));
    let counted: Vec<_> = run.progress().iter().filter_map(|progress| progress.processed_items).collect();
    assert!(counted.is_sorted() && counted.contains(&1), "each title is counted: {counted:?}");
    assert!(run.last_progress().message.unwrap().starts_with("Kept 2 ratings"));
    server.stop().unwrap();
}

/// [ ] Cancelled, it stops by itself between two items.
#[tokio::test]
async fn it_stops_when_it_is_cancelled() {
    let (fake, server) = (FakeRatings::start(&[("Slow Train", 3)]), Server::start().unwrap());
    let run = fetch(&["Slow Train", "Harbour at Dawn"], &fake, &server).cancel_at_item(1).await;
    run.assert_cancelled().assert_items(1, 2);
    assert_eq!(fake.asked(), ["Slow Train"]);
    server.stop().unwrap();
}

/// [ ] One item that fails is named, and the others are done.
#[tokio::test]
async fn an_item_that_fails_is_named_and_the_others_are_done() {
    let (fake, server) = (FakeRatings::start(&[("Slow Train", 3)]), Server::start().unwrap());
    let run = fetch(&["Nowhere", "Slow Train"], &fake, &server).await;
    run.assert_completed_with_errors(&["Nowhere"]).assert_items(2, 2);
    assert!(run.item_errors()[0].error.contains("404: \"no such title\""), "{run}");
    assert_eq!(run.result().unwrap()["kept"], 1);
    server.stop().unwrap();
}

/// [ ] Trouble that no item can escape fails the job, with words that a person can act on.
#[tokio::test]
async fn a_service_that_is_away_fails_the_job_and_is_named() {
    let server = Server::start().unwrap();
    let job = testing::job_of::<FetchRatings>(json!({ "titles": ["Slow Train"] })).db(server.db());
    let run = job.setting(&ratings::URL, "http://127.0.0.1:9").await; // nobody listens on the port called "discard"
    run.assert_failed("the rating service can't be reached at http://127.0.0.1:9").assert_failed("`ratings.url`");
    server.stop().unwrap();
}

/// [ ] Run again after its node died, it does nothing twice.
#[tokio::test]
async fn after_a_crash_it_goes_on_where_it_was() {
    let (fake, server) = (FakeRatings::start(&[("Slow Train", 3), ("Harbour at Dawn", 8)]), Server::start().unwrap());
    let run = fetch(&["Slow Train", "Harbour at Dawn"], &fake, &server).crash_at_item(1).await;
    run.assert_crashed();
    let run = run.resume().await;
    run.assert_completed().assert_items(2, 2);
    assert_eq!(run.result(), Some(&json!({ "kept": 1, "known": 1, "below": 0 })));
    assert_eq!(fake.asked(), ["Slow Train", "Harbour at Dawn"], "each once");
    server.stop().unwrap();
}

/// [ ] What was retried is what had failed.
#[tokio::test]
async fn a_retry_of_the_failed_items_asks_for_those_alone() {
    let (fake, server) = (FakeRatings::start(&[("Nowhere", 5)]), Server::start().unwrap());
    let run = fetch(&["Slow Train", "Nowhere"], &fake, &server).only_items(["Nowhere"]).await;
    run.assert_completed().assert_items(1, 1);
    assert_eq!(fake.asked(), ["Nowhere"]);
    server.stop().unwrap();
}

/// [ ] Bad parameters are refused one by one, before anything is stored.
#[test]
fn bad_parameters_are_named() {
    let refused = testing::prepare::<FetchRatings>(json!({ "titles": ["Slow Train", " "] })).unwrap_err();
    assert_eq!(refused.errors[0].pointer, "/titles/1");
    let refused = testing::prepare::<FetchRatings>(json!({ "titles": [], "at_least": 11, "agian": true })).unwrap_err();
    assert_eq!(refused.errors.len(), 3, "{refused}");
}
