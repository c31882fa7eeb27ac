//! What was synced, as REST shows it.

use serde_json::{Value, json};

use crate::support::database;
use crate::support::server::Server;

/// Five scenes with what they name, written as a sync writes them.
const FILL: &str = "
    INSERT INTO studios (id, name, stash_updated_at) VALUES ('1', 'Pier 7', now());
    INSERT INTO performers (id, name, aliases, stash_updated_at)
        VALUES ('1', 'Ada', '{Countess}', now()), ('2', 'Ada', '{}', now()), ('3', 'Grace', '{}', now());
    INSERT INTO tags (id, name, description, stash_updated_at) VALUES ('1', '100% calm', 'No wind.', now());
    INSERT INTO scenes (id, title, path, studio_id, stash_updated_at)
        SELECT n::text, 'Harbour at ' || n, '/media/' || n || '_x.mp4', '1', '2024-01-01'::timestamptz + (n / 2) * interval '1 day'
        FROM generate_series(1, 5) n;
    INSERT INTO scene_performers VALUES ('1', '1'), ('2', '1'), ('2', '9');
    INSERT INTO scene_tags VALUES ('2', '1');
    INSERT INTO scene_groups VALUES ('2', '9', 'Tides', 3);
    INSERT INTO sync_state (entity, synced_until, done_at) VALUES ('scenes', '2024-02-01', '2024-02-02')";

async fn filled() -> Server {
    let server = Server::start().await;
    database::execute(&server.database_url, FILL).await;
    server
}

async fn get(server: &Server, path: &str) -> Value {
    server.api.get(path).await.expect(200)
}

fn ids(items: &Value) -> Vec<&str> {
    items.as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn it_is_counted_listed_page_by_page_searched_and_shown() {
    let server = filled().await;
    let overview = get(&server, "/api/library").await;
    let scenes = overview["kinds"].as_array().unwrap().iter().find(|kind| kind["kind"] == "scenes").unwrap();
    assert_eq!((&scenes["count"], &scenes["synced_until"]), (&json!(5), &json!("2024-02-01T00:00:00Z")));

    let (mut seen, mut path) = (Vec::new(), "/api/library/scenes?limit=2".to_owned());
    loop {
        let page = get(&server, &path).await;
        seen.extend(ids(&page["scenes"]).into_iter().map(str::to_owned));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/api/library/scenes?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, ["5", "4", "3", "2", "1"]);
    for (query, found) in [
        ("q=harbour%20at%204", vec!["4"]),
        ("q=2_x", vec!["2"]),
        ("q=%25", vec![]),
        ("performer=1", vec!["2", "1"]),
        ("tag=1", vec!["2"]),
        ("studio=2", vec![]),
    ] {
        let page = get(&server, &format!("/api/library/scenes?{query}")).await;
        assert_eq!(ids(&page["scenes"]), found, "{query}");
    }
    let scene = get(&server, "/api/library/scenes/2").await;
    assert_eq!((&scene["title"], &scene["studio_name"]), (&json!("Harbour at 2"), &json!("Pier 7")));
    assert_eq!(scene["performers"], json!([{ "id": "1", "name": "Ada" }, { "id": "9", "name": null }]));
    assert_eq!(scene["groups"], json!([{ "id": "9", "name": "Tides", "scene_index": 3 }]));

    let first = get(&server, "/api/library/performers?limit=1").await;
    assert_eq!((ids(&first["items"]), &first["items"][0]["scenes"]), (vec!["1"], &json!(2)));
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = get(&server, &format!("/api/library/performers?cursor={cursor}")).await;
    assert_eq!(ids(&rest["items"]), ["2", "3"], "two of one name");
    assert_eq!(ids(&get(&server, "/api/library/performers?q=countess").await["items"]), ["1"]);
    assert_eq!(ids(&get(&server, "/api/library/tags?q=100%25").await["items"]), ["1"]);
    assert_eq!(get(&server, "/api/library/tags/1").await["details"], "No wind.");
    assert_eq!(get(&server, "/api/library/studios/1").await["scenes"], 5);
    server.stop().await;
}

#[tokio::test]
async fn what_is_not_there_is_told_as_such() {
    let server = filled().await;
    for path in [
        "/api/library/scenes/77",
        "/api/library/movies",
        "/api/library/tags/77",
        "/api/library/movies/1",
        "/api/library/tags/a%00b",
    ] {
        let problem = server.api.get(path).await.expect(404);
        assert_eq!(problem["code"], "unknown_entity", "{path}: {problem}");
    }
    let long_before_the_year_zero = "/api/library/scenes?cursor=bDEtOTk5OTk5OTk5OTk5OTk5OTkANw";
    for path in
        ["/api/library/scenes?cursor=x", long_before_the_year_zero, "/api/library/tags?limit=0", "/api/library?x=1"]
    {
        server.api.get(path).await.expect(400);
    }
    server.stop().await;
}
