//! What the test kit gives to other crates beside the run of one job: a whole server.

use serde_json::json;
use stashhog::testing::Server;

use crate::support::api::Api;

#[tokio::test]
async fn a_test_of_another_crate_has_a_server_with_a_database_of_its_own() {
    let server = Server::start().expect("a server");
    let api = Api::at(server.url());
    let id = api.submit("demo", json!({ "items": 3, "item_ms": 0 })).await;
    let job = api.until_status(id, "completed").await;
    assert_eq!(job["processed_items"], 3);
    let another = Server::start().expect("another server");
    assert_ne!(another.url(), server.url());
    drop(another);
    server.stop().expect("it stops in order");
}
