//! The jobs that bring Stash's library here, against the fake Stash and a real database.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{FixedOffset, TimeDelta, Utc};
use serde_json::{Value, json};
use stashhog::job::DbPool;
use stashhog::services::stash::{Kind, PAGE_SIZE, URL};
use stashhog::store::pool;
use stashhog::testing::rude::{Manner, RudeServer};
use stashhog::testing::stash::{FakeScene, FakeStash};
use stashhog::testing::{self, JobTest, Run};

use crate::support::database;

/// A library here, and a Stash to bring it from.
struct Library {
    url: String,
    pool: DbPool,
    stash: FakeStash,
}

impl Library {
    async fn new() -> Self {
        let url = database::create().await;
        let pool = pool::build(&url, tokio::runtime::Handle::current()).unwrap();
        Self { url, pool, stash: FakeStash::start() }
    }

    /// The same with six scenes, with what they name.
    async fn with_scenes() -> Self {
        let library = Self::new().await;
        let stash = &library.stash;
        let (tag, who, studio) = (stash.add_tag("Harbour"), stash.add_performer("Ada"), stash.add_studio("Pier 7"));
        for n in 1..=6 {
            stash.add_scene(FakeScene {
                tags: vec![tag.clone()],
                performers: vec![who.clone()],
                studio: Some(studio.clone()),
                groups: vec![("9".to_owned(), "Tides".to_owned(), Some(n))],
                urls: vec!["http://example.org/a".to_owned(), "b".to_owned()],
                date: Some("2024-05".to_owned()),
                ..FakeScene::titled(&format!("Harbour at {n}"))
            });
        }
        library
    }

    fn job(&self, name: &str, params: Value) -> JobTest {
        testing::job_named(name, params).db(self.pool.clone()).setting(&URL, self.stash.url())
    }

    /// A sync with small pages.
    fn sync(&self) -> JobTest {
        self.job("sync", json!({})).setting(&PAGE_SIZE, 2)
    }

    async fn rows(&self, query: &str) -> Vec<Value> {
        database::rows(&self.url, query).await
    }

    async fn one(&self, query: &str) -> Value {
        self.rows(&format!("SELECT ({query}) AS value")).await.remove(0)["value"].take()
    }

    async fn scene_ids(&self) -> Value {
        self.one("SELECT jsonb_agg(id ORDER BY id::int) FROM scenes").await
    }
}

fn counts(run: &Run, kind: &str) -> (i64, i64, i64, i64) {
    let told = &run.result().unwrap()[kind];
    let n = |name: &str| told[name].as_i64().unwrap_or_else(|| panic!("no {name} of {kind}\n{run}"));
    (n("new"), n("changed"), n("unchanged"), n("failed"))
}

#[tokio::test]
async fn a_first_sync_brings_everything_and_a_second_one_writes_nothing() {
    let library = Library::with_scenes().await;
    let run = library.sync().await;
    run.assert_completed().assert_items(9, 9);
    assert_eq!(counts(&run, "scenes"), (6, 0, 0, 0));
    assert_eq!(run.last_progress().message.as_deref(), Some("Synced 9 items: 9 new, 0 changed, 0 unchanged"));
    let scene = library.one("SELECT to_jsonb(scenes) FROM scenes WHERE id = '1'").await;
    assert_eq!((&scene["title"], &scene["path"]), (&json!("Harbour at 1"), &json!("/media/Harbour at 1.mp4")));
    assert_eq!((&scene["urls"], &scene["date"]), (&json!(["http://example.org/a", "b"]), &json!("2024-05")));
    assert_eq!((&scene["oshash"], &scene["width"]), (&json!("0000000000000001"), &json!(1920)));
    let named = "SELECT jsonb_build_array((SELECT count(*) FROM scene_tags), (SELECT count(*) FROM scene_performers),
                 (SELECT count(*) FROM scene_groups), (SELECT count(*) FROM scenes JOIN studios ON studios.id = studio_id))";
    assert_eq!(library.one(named).await, json!([6, 6, 6, 6]));

    let versions = "SELECT jsonb_agg(xmin::text::bigint) FROM (SELECT xmin FROM scenes UNION ALL SELECT xmin FROM tags
                    UNION ALL SELECT xmin FROM scene_tags) rows";
    let before = library.one(versions).await;
    for full in [false, true] {
        let again = library.job("sync", json!({ "full_resync": full })).await;
        again.assert_completed();
        assert_eq!(counts(&again, "scenes"), (0, 0, 6, 0));
        assert_eq!(counts(&again, "tags"), (0, 0, 1, 0));
    }
    assert_eq!(library.one(versions).await, before, "no row was touched");
}

#[tokio::test]
async fn what_changed_in_stash_changes_here_and_the_rest_is_not_asked_for() {
    let library = Library::with_scenes().await;
    let stash = &library.stash;
    let long_ago = Utc::now() - TimeDelta::days(30);
    for id in ["1", "2", "3", "4", "5", "6"] {
        stash.set_updated_at(Kind::Scenes, id, long_ago);
    }
    library.sync().await.assert_completed();
    let calm = stash.add_tag("Calm");
    stash.change_scene("4", |scene| {
        scene.tags = vec![calm.clone()];
        scene.performers.clear();
        scene.groups[0].1 = "High tides".to_owned();
    });
    let run = library.sync().await;
    run.assert_completed();
    assert_eq!(counts(&run, "scenes"), (0, 1, 0, 0));
    assert_eq!(counts(&run, "tags"), (1, 0, 1, 0));
    assert_eq!(library.rows("SELECT tag_id FROM scene_tags WHERE scene_id = '4'").await, [json!({ "tag_id": calm })]);
    assert_eq!(library.one("SELECT count(*) FROM scene_performers WHERE scene_id = '4'").await, 0);
    assert_eq!(library.one("SELECT name FROM scene_groups WHERE scene_id = '4'").await, "High tides");
}

#[tokio::test]
async fn a_stash_of_another_time_zone_hides_no_change() {
    let library = Library::new().await;
    library.stash.live_in(FixedOffset::west_opt(11 * 3600).unwrap());
    library.sync().await.assert_completed();
    library.stash.add_scene(FakeScene::titled("Harbour at Dawn"));
    let run = library.sync().await;
    assert_eq!(counts(&run, "scenes"), (1, 0, 0, 0), "its text for now is that of half a day ago");
}

#[tokio::test]
async fn what_is_deleted_on_the_way_hides_no_other() {
    let library = Library::new().await;
    let stash = Arc::new(FakeStash::start());
    for n in 1..=9 {
        stash.add_tag(&format!("Tag {n}"));
        stash.add_scene(FakeScene::titled(&format!("Scene {n}")));
    }
    let (of_call, asked) = (Arc::downgrade(&stash), AtomicUsize::new(0));
    stash.on_call(move |call| {
        // After the second page: what is on the third moves up to the second.
        if matches!(call.operation.as_str(), "FindTags" | "FindScenes")
            && asked.fetch_add(1, Ordering::Relaxed) % 5 == 2
        {
            let kind = if call.operation == "FindTags" { Kind::Tags } else { Kind::Scenes };
            of_call.upgrade().unwrap().delete(kind, "1");
        }
    });
    let run = library.sync().setting(&URL, stash.url()).await;
    run.assert_completed();
    assert_eq!(library.one("SELECT count(*) FROM tags WHERE id <> '1'").await, 8);
    assert_eq!(library.one("SELECT count(*) FROM scenes WHERE id <> '1'").await, 8);
}

#[tokio::test]
async fn an_entity_that_stash_cannot_tell_of_is_an_item_error_until_it_can() {
    let library = Library::with_scenes().await;
    library.stash.fail_entity(Kind::Scenes, "4", "the file is on fire");
    let run = library.sync().await;
    run.assert_completed_with_errors(&["scenes/4"]).assert_items(9, 9);
    assert!(run.item_errors()[0].error.contains("Stash says: the file is on fire"));
    assert_eq!(library.scene_ids().await, json!(["1", "2", "3", "5", "6"]));
    // It is asked for again, though all others are not due.
    let not_due = "UPDATE sync_state SET synced_until = now() + interval '2 days'";
    database::execute(&library.url, not_due).await;
    library.sync().await.assert_completed_with_errors(&["scenes/4"]);
    library.stash.heal();
    database::execute(&library.url, not_due).await;
    let run = library.sync().await;
    run.assert_completed();
    assert_eq!(counts(&run, "scenes"), (1, 0, 0, 0));
    assert_eq!(library.one("SELECT jsonb_agg(failing) FROM sync_state WHERE failing <> '{}'").await, Value::Null);
}

#[tokio::test]
async fn a_retry_of_the_failed_items_is_about_those() {
    let library = Library::with_scenes().await;
    library.stash.fail_entity(Kind::Scenes, "4", "the file is on fire");
    library.sync().await.assert_completed_with_errors(&["scenes/4"]);
    library.stash.heal();
    let pages = library.stash.calls_of("FindTags");
    let run = library.sync().only_items(["scenes/4"]).await;
    run.assert_completed().assert_items(1, 1);
    assert_eq!(library.stash.calls_of("FindTags"), pages);
    assert_eq!(library.scene_ids().await, json!(["1", "2", "3", "4", "5", "6"]));
}

#[tokio::test]
async fn a_page_that_cannot_be_read_is_an_item_error_and_the_next_sync_looks_at_it_again() {
    let library = Library::with_scenes().await;
    library.stash.set_updated_at(Kind::Scenes, "1", Utc::now() - TimeDelta::days(30));
    library.stash.fail("FindScenes", 1, "out of memory");
    // Once when the scenes are counted, which is no error; once when it is to tell the ids of the page.
    library.stash.fail("SceneIds", 2, "out of memory");
    let run = library.sync().await;
    run.assert_completed_with_errors(&["scenes/page 1 after id 0"]);
    assert_eq!(library.scene_ids().await, json!(["3", "4", "5", "6"]));
    assert_eq!(library.one("SELECT synced_until FROM sync_state WHERE entity = 'scenes'").await, Value::Null);
    let run = library.sync().await;
    run.assert_completed();
    assert_eq!(counts(&run, "scenes"), (2, 0, 4, 0), "also the one that changed a month ago");
    assert_ne!(library.one("SELECT synced_until FROM sync_state WHERE entity = 'scenes'").await, Value::Null);
}

#[tokio::test]
async fn a_stash_that_fails_page_after_page_fails_the_sync() {
    let library = Library::with_scenes().await;
    for operation in ["FindScenes", "SceneIds", "FindTags", "TagIds", "FindPerformers", "PerformerIds"] {
        library.stash.fail(operation, 1_000, "database is locked");
    }
    let run = library.sync().await;
    run.assert_failed("page after page can't be read: Stash says: database is locked");
}

#[tokio::test]
async fn a_cancelled_sync_stops_between_pages_and_the_next_one_goes_on() {
    let library = Library::with_scenes().await;
    let run = library.sync().cancel_at_item(5).await;
    run.assert_cancelled();
    assert_eq!(library.scene_ids().await, json!(["1", "2"]));
    let run = library.sync().await;
    run.assert_completed();
    assert_eq!(counts(&run, "scenes"), (4, 0, 0, 0), "the first two were not looked at again");
}

#[tokio::test]
async fn a_first_sync_that_was_cut_short_counts_from_where_it_first_began() {
    let library = Library::with_scenes().await;
    library.sync().cancel_at_item(5).await.assert_cancelled();
    let began = library.one("SELECT run_began FROM sync_state WHERE entity = 'scenes'").await;
    library.sync().await.assert_completed();
    assert_eq!(library.one("SELECT synced_until FROM sync_state WHERE entity = 'scenes'").await, began);
}

#[tokio::test]
async fn a_later_sync_that_was_cut_short_is_begun_anew_by_another_job() {
    let library = Library::with_scenes().await;
    library.sync().await.assert_completed();
    library.sync().cancel_at_item(5).await.assert_cancelled();
    library.stash.change_scene("1", |scene| scene.title = "Harbour at Noon".to_owned());
    let run = library.sync().await;
    run.assert_completed();
    assert_eq!(counts(&run, "scenes"), (0, 1, 5, 0), "the change is below the place that the other had come to");
}

#[tokio::test]
async fn another_stash_is_synced_from_the_beginning() {
    let library = Library::with_scenes().await;
    library.stash.fail_entity(Kind::Scenes, "4", "the file is on fire");
    library.sync().await.assert_completed_with_errors(&["scenes/4"]);
    let other = FakeStash::start();
    other.add_scene(FakeScene::titled("Lighthouse"));
    other.set_updated_at(Kind::Scenes, "1", Utc::now() - TimeDelta::days(30));
    let run = library.sync().setting(&URL, other.url()).await;
    run.assert_completed();
    assert_eq!(counts(&run, "scenes"), (0, 1, 0, 0));
    assert_eq!(library.one("SELECT title FROM scenes WHERE id = '1'").await, "Lighthouse");
}

#[tokio::test]
async fn a_sync_whose_node_died_goes_on_where_it_was() {
    let library = Library::with_scenes().await;
    let run = library.job("sync", json!({ "full_resync": true })).setting(&PAGE_SIZE, 2).crash_at_item(5).await;
    run.assert_crashed();
    let run = run.resume().await;
    run.assert_completed();
    let scenes = counts(&run, "scenes");
    assert_eq!((scenes.0 + scenes.2 <= 4, scenes.3), (true, 0), "{run}");
    assert!(run.result().unwrap().get("tags").is_none(), "the tags were done before");
    assert_eq!(library.scene_ids().await, json!(["1", "2", "3", "4", "5", "6"]));
}

#[tokio::test]
async fn a_server_of_before_groups_is_synced_with_its_movies() {
    let library = Library::with_scenes().await;
    library.stash.be_before_groups();
    library.stash.fail_entity(Kind::Scenes, "2", "the file is on fire");
    library.sync().await.assert_completed_with_errors(&["scenes/2"]);
    assert_eq!(library.one("SELECT count(*) FROM scene_groups WHERE name = 'Tides'").await, 5);
}

#[tokio::test]
async fn a_server_that_misbehaves_fails_every_job_at_once_and_nothing_is_written() {
    let library = Library::with_scenes().await;
    library.sync().await.assert_completed();
    for (manner, told) in [
        (Manner::Refuses, "can't be reached at"),
        (Manner::WebPage, "is the address right?"),
        (Manner::RedirectsTo("http://elsewhere.example/".to_owned()), "set `stash.url`"),
        (Manner::GraphQlError("no".to_owned()), "Stash says: no"),
        (Manner::WrongKey, "check the setting `stash.api_key`"),
    ] {
        let rude = RudeServer::start(manner);
        for (job, params) in [
            ("sync", json!({})),
            ("sync_scenes", json!({ "scene_ids": ["1"] })),
            ("remove_orphaned_entities", json!({})),
            ("stash_scan", json!({})),
        ] {
            let run = library.job(job, params).setting(&URL, rude.url()).await;
            match job {
                "sync_scenes" if run.error().is_none() => drop(run.assert_completed_with_errors(&["1"])),
                _ => drop(run.assert_failed(told)),
            }
        }
    }
    assert_eq!(library.one("SELECT count(*) FROM scenes").await, 6);
}

#[tokio::test]
async fn a_sync_without_an_address_says_which_setting_is_missing() {
    let run = testing::job_named("sync", json!({})).await;
    run.assert_failed("stash.url");
}

#[tokio::test]
async fn single_scenes_are_brought_with_what_they_name() {
    let library = Library::with_scenes().await;
    let run = library.job("sync_scenes", json!({ "scene_ids": ["2", "77", "5", "02", "+2"] })).await;
    run.assert_completed_with_errors(&["77"]).assert_items(3, 3);
    assert!(run.item_errors()[0].error.contains("remove_orphaned_entities"), "{run}");
    assert_eq!(library.scene_ids().await, json!(["2", "5"]));
    assert_eq!(
        library.one("SELECT jsonb_build_array((SELECT name FROM tags), (SELECT name FROM studios))").await,
        json!(["Harbour", "Pier 7"])
    );
}

#[tokio::test]
async fn what_is_gone_in_stash_goes_here_once_it_is_not_only_looked_at() {
    let library = Library::with_scenes().await;
    library.stash.add_tag("Kept");
    library.sync().await.assert_completed();
    library.stash.delete(Kind::Scenes, "3");
    library.stash.delete(Kind::Tags, "1");
    let look = library.job("remove_orphaned_entities", json!({ "dry_run": true })).await;
    look.assert_completed();
    assert_eq!(look.result().unwrap()["scenes"], 1);
    assert_eq!(library.one("SELECT count(*) FROM scenes").await, 6);
    let run = library.job("remove_orphaned_entities", json!({})).await;
    run.assert_completed().assert_items(2, 2);
    assert_eq!(
        *run.result().unwrap(),
        json!({ "scenes": 1, "tags": 1, "performers": 0, "studios": 0, "dry_run": false })
    );
    assert_eq!(library.scene_ids().await, json!(["1", "2", "4", "5", "6"]));
    assert_eq!(library.one("SELECT count(*) FROM scene_tags").await, 0);
}

#[tokio::test]
async fn a_stash_that_answers_with_nothing_empties_no_library() {
    let library = Library::with_scenes().await;
    library.sync().await.assert_completed();
    library.stash.delete_all();
    for params in [json!({}), json!({ "max_percent": 100 }), json!({ "dry_run": true })] {
        library.job("remove_orphaned_entities", params).await.assert_failed("nothing is deleted");
    }
    assert_eq!(library.one("SELECT count(*) FROM scenes").await, 6);
    let empty = Library::new().await;
    empty.job("remove_orphaned_entities", json!({})).await.assert_completed();
}

#[tokio::test]
async fn a_kind_of_which_stash_has_none_is_left_alone_and_what_was_deleted_can_come_back() {
    let library = Library::with_scenes().await;
    library.stash.set_updated_at(Kind::Scenes, "1", Utc::now() - TimeDelta::days(30));
    library.sync().await.assert_completed();
    library.stash.delete(Kind::Tags, "1");
    library.stash.delete(Kind::Scenes, "3");
    library.job("remove_orphaned_entities", json!({})).await.assert_completed_with_errors(&["tags"]);
    assert_eq!(library.scene_ids().await, json!(["1", "2", "4", "5", "6"]));
    assert_eq!(library.one("SELECT count(*) FROM tags").await, 1);
    let run = library.sync().await;
    assert_eq!(counts(&run, "scenes").2 + counts(&run, "scenes").1, 5, "everything is looked at, old or not: {run}");
}

#[tokio::test]
async fn a_kind_whose_ids_cannot_be_read_is_left_alone() {
    let library = Library::with_scenes().await;
    library.sync().await.assert_completed();
    library.stash.delete(Kind::Scenes, "3");
    library.stash.fail("TagIds", 1, "database is locked");
    let run = library.job("remove_orphaned_entities", json!({})).await;
    run.assert_completed_with_errors(&["tags"]);
    assert_eq!(
        library.one("SELECT jsonb_build_array((SELECT count(*) FROM scenes), (SELECT count(*) FROM tags))").await,
        json!([5, 1])
    );
}

#[tokio::test]
async fn a_task_of_stash_is_mirrored_to_its_end() {
    let library = Library::new().await;
    let run = library.job("stash_scan", json!({ "paths": ["/media/new"], "covers": true })).await;
    run.assert_completed();
    assert!(run.messages().iter().any(|message| message.starts_with("Scanning... file ")), "{run}");
    let task = library.stash.tasks().remove(0);
    assert_eq!((task.status, &task.input["paths"]), ("FINISHED", &json!(["/media/new"])));
    assert_eq!(task.input["scanGenerateCovers"], true);
    library.stash.fail_tasks("no ffmpeg");
    let run = library.job("stash_generate", json!({ "scene_ids": ["1"] })).await;
    run.assert_failed("Stash failed: no ffmpeg");
    assert_eq!(library.stash.tasks()[1].input["sceneIDs"], json!(["1"]));
    assert_eq!(library.one("SELECT count(*) FROM stash_tasks").await, 0);
}

#[tokio::test]
async fn a_cancelled_job_stops_its_task_in_stash() {
    let library = Library::new().await;
    library.stash.tasks_take(None);
    let run = library.job("stash_generate", json!({})).cancel_when(|progress| progress.percent > 0.0).await;
    run.assert_cancelled();
    assert_eq!(library.stash.tasks()[0].status, "CANCELLED");
}

#[tokio::test]
async fn a_job_whose_node_died_goes_on_watching_the_task_that_it_has_started() {
    let library = Library::new().await;
    library.stash.tasks_take(None);
    let job = library.job("stash_scan", json!({}));
    let run = job.crash_when(|progress| progress.percent > 0.0).await;
    run.assert_crashed();
    assert_eq!(library.stash.tasks()[0].status, "RUNNING", "a scan that nobody watches goes on");
    library.stash.tasks_take(Some(3));
    run.resume().await.assert_completed();
    assert_eq!(library.stash.tasks().len(), 1);
}

#[tokio::test]
async fn a_stash_that_was_restarted_has_forgotten_its_task() {
    let library = Arc::new(Library::new().await);
    library.stash.tasks_take(None);
    let of_call = Arc::downgrade(&library);
    library.stash.on_call(move |call| {
        let library = of_call.upgrade().unwrap();
        if call.operation == "FindJob" && library.stash.calls_of("FindJob") == 3 {
            library.stash.forget_tasks();
        }
    });
    let run = library.job("stash_scan", json!({})).await;
    run.assert_failed("was it restarted? run this again");
}
