//! Applying plans to Stash.

use serde_json::{Value, json};
use stashhog::services::stash::{Kind, URL};
use stashhog::store::plans::decide::{Chosen, Decision};
use stashhog::store::plans::{ChangeStatus, apply, decide};
use stashhog::store::pool;
use stashhog::testing::rude::{Manner, RudeServer};
use stashhog::testing::stash::{FakeScene, FakeStash};
use stashhog::testing::{self, JobTest};
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::support::database;

/// A Stash with scenes, and a plan that is open.
struct Place {
    stash: FakeStash,
    url: String,
    plan: Uuid,
}

impl Place {
    async fn new() -> Self {
        let (stash, url, plan) = (FakeStash::start(), database::create().await, Uuid::now_v7());
        let sql = format!(
            "INSERT INTO plans (id, job_id, name, status, source, params)
             VALUES ('{plan}', gen_random_uuid(), 'A plan', 'open', 'ai', '{{}}')"
        );
        database::execute(&url, &sql).await;
        Self { stash, url, plan }
    }

    /// Adds a change. Its id.
    async fn change(&self, scene: &str, what: (&str, &str), current: Value, proposed: Value, status: &str) -> Uuid {
        let ((field, action), id) = (what, Uuid::now_v7());
        let sql = format!(
            "INSERT INTO plan_changes (id, plan_id, scene_id, scene_title, field, action, key, current, proposed, confidence, status)
             VALUES ('{id}', '{}', '{scene}', 'A scene', '{field}', '{action}', '{id}', NULLIF('{current}', 'null')::jsonb,
                     NULLIF('{proposed}', 'null')::jsonb, 0.9, '{status}')",
            self.plan
        );
        database::execute(&self.url, &sql).await;
        id
    }

    fn job(&self, params: Value) -> JobTest {
        let mut all = json!({ "plan_id": self.plan });
        all.as_object_mut().unwrap().extend(params.as_object().unwrap().clone());
        testing::job_named("apply_plan", all)
            .db(pool::build(&self.url, Handle::current()).unwrap())
            .setting(&URL, self.stash.url())
    }

    async fn status(&self, change: Uuid) -> String {
        let sql = format!("SELECT status FROM plan_changes WHERE id = '{change}'");
        database::rows(&self.url, &sql).await[0]["status"].as_str().unwrap().to_owned()
    }

    async fn plan_status(&self) -> Value {
        database::rows(&self.url, "SELECT status FROM plans").await.remove(0)["status"].take()
    }
}

const TAGS: (&str, &str) = ("tags", "add");
const TITLE: (&str, &str) = ("title", "set");
const STUDIO: (&str, &str) = ("studio", "set");

fn new(name: &str) -> Value {
    json!({ "id": null, "name": name })
}

#[tokio::test]
async fn the_approved_changes_of_a_scene_are_made_at_once_and_what_is_missing_is_created() {
    let place = Place::new().await;
    let (boats, waves) = (place.stash.add_tag("Boats"), place.stash.add_tag("Waves"));
    let scene =
        place.stash.add_scene(FakeScene { tags: vec![boats.clone(), waves.clone()], ..FakeScene::titled("Harbour") });
    let other = place.stash.add_scene(FakeScene::titled("Pier"));
    let named = |id: &str| json!({ "id": id, "name": "x" });
    let mut approved = vec![
        place.change(&scene, TITLE, json!("Harbour"), json!("Harbour at Dawn"), "approved").await,
        place.change(&scene, TAGS, Value::Null, new("Seagulls"), "approved").await,
        place.change(&scene, TAGS, Value::Null, named(&boats), "approved").await,
        place.change(&scene, ("tags", "remove"), Value::Null, named(&waves), "approved").await,
        place.change(&scene, ("performers", "add"), Value::Null, new("Ada"), "approved").await,
        place.change(&scene, STUDIO, Value::Null, new("Pier Nine"), "approved").await,
        place.change(&scene, ("date", "set"), Value::Null, json!("2026-01-31"), "approved").await,
    ];
    let rejected = place.change(&scene, ("details", "set"), Value::Null, json!("No"), "rejected").await;
    let pending = place.change(&other, TITLE, json!("Pier"), json!("Pier at Noon"), "pending").await;
    approved.push(place.change(&other, TAGS, Value::Null, new("seagulls"), "approved").await);

    let run = place.job(json!({})).await;
    run.assert_completed().assert_items(8, 8);
    let (after, seagulls) = (place.stash.scene(&scene).unwrap(), place.stash.scene(&other).unwrap().tags.remove(0));
    assert_eq!(after.title, "Harbour at Dawn");
    assert_eq!(after.tags, [boats, seagulls.clone()]);
    assert_eq!(place.stash.name(Kind::Tags, &seagulls).as_deref(), Some("Seagulls"), "it was made once");
    assert_eq!(place.stash.name(Kind::Studios, &after.studio.unwrap()).as_deref(), Some("Pier Nine"));
    assert_eq!((after.performers.len(), after.date.as_deref(), after.details), (1, Some("2026-01-31"), None));
    assert_eq!(place.stash.scene(&other).unwrap().title, "Pier");
    assert_eq!(place.stash.calls_of("SceneUpdate"), 2, "one for each scene");
    for change in approved {
        assert_eq!(place.status(change).await, "applied");
    }
    assert_eq!((place.status(rejected).await, place.status(pending).await), ("rejected".into(), "pending".into()));
    assert_eq!(place.plan_status().await, "open", "something is undecided");

    // What is undecided too, then nothing is left.
    place.job(json!({ "auto_approve": true })).await.assert_completed().assert_items(1, 1);
    assert_eq!(place.stash.scene(&other).unwrap().title, "Pier at Noon");
    assert_eq!((place.plan_status().await, place.status(rejected).await), (json!("applied"), "rejected".to_owned()));
    let mutations = place.stash.mutations().len();
    place.job(json!({ "auto_approve": true })).await.assert_completed().assert_items(0, 0);
    assert_eq!(place.stash.mutations().len(), mutations);
}

#[tokio::test]
async fn a_scene_that_has_moved_on_is_a_conflict_and_stays_as_it_is() {
    let place = Place::new().await;
    let (old, newer) = (place.stash.add_studio("Old"), place.stash.add_studio("Newer"));
    let scene = place.stash.add_scene(FakeScene { studio: Some(newer.clone()), ..FakeScene::titled("By hand") });
    let seen = json!({ "id": old, "name": "Old" });
    let title = place.change(&scene, TITLE, json!("Harbour"), json!("Harbour at Dawn"), "approved").await;
    let studio = place.change(&scene, STUDIO, seen, new("Pier Nine"), "approved").await;
    let details = place.change(&scene, ("details", "set"), Value::Null, json!("Boats."), "approved").await;
    let gone = place.change("77", TITLE, json!("a"), json!("b"), "approved").await;
    let run = place.job(json!({})).await;
    run.assert_completed();
    assert_eq!((&run.result().unwrap()["applied"], &run.result().unwrap()["conflicts"]), (&json!(1), &json!(3)));
    for change in [title, studio, gone] {
        assert_eq!(place.status(change).await, "conflict");
    }
    assert_eq!(place.status(details).await, "applied");
    let after = place.stash.scene(&scene).unwrap();
    assert_eq!(
        (after.title.as_str(), after.studio, after.details.as_deref()),
        ("By hand", Some(newer), Some("Boats."))
    );
    assert_eq!(place.stash.calls_of("StudioCreate"), 0, "nothing is made for a conflict");
    let why = database::rows(&place.url, "SELECT error FROM plan_changes WHERE field = 'studio'").await;
    assert_eq!(why[0]["error"], "its studio is Newer by now");
}

#[tokio::test]
async fn what_stash_does_not_take_is_an_item_error_and_is_tried_again() {
    let place = Place::new().await;
    let (first, second) =
        (place.stash.add_scene(FakeScene::titled("a")), place.stash.add_scene(FakeScene::titled("b")));
    let failing = place.change(&first, TITLE, json!("a"), json!("A"), "approved").await;
    let fine = place.change(&second, TITLE, json!("b"), json!("B"), "approved").await;
    place.stash.fail("SceneUpdate", 1, "the disk is full");
    let run = place.job(json!({})).await;
    run.assert_completed_with_errors(&[&failing.to_string()]);
    assert!(run.item_errors()[0].error.contains("the disk is full"));
    assert_eq!((place.status(failing).await, place.status(fine).await), ("failed".into(), "applied".into()));
    assert_eq!(place.plan_status().await, "open");
    place.job(json!({})).only_items([failing.to_string()]).await.assert_completed().assert_items(1, 1);
    assert_eq!((place.stash.scene(&first).unwrap().title.as_str(), place.plan_status().await), ("A", json!("applied")));
}

#[tokio::test]
async fn it_stops_between_scenes_and_runs_again_without_harm() {
    for crash in [false, true] {
        let place = Place::new().await;
        let mut scenes = Vec::new();
        for n in 0..4 {
            let scene = place.stash.add_scene(FakeScene::titled(&format!("{n}")));
            place.change(&scene, TAGS, Value::Null, new("Harbour"), "approved").await;
            scenes.push(scene);
        }
        let run = if crash {
            let run = place.job(json!({})).crash_at_item(2).await;
            run.assert_crashed();
            run.resume().await
        } else {
            place.job(json!({})).cancel_at_item(2).await.assert_cancelled().assert_items(2, 4);
            assert_eq!(place.plan_status().await, "open");
            place.job(json!({})).await
        };
        run.assert_completed();
        assert_eq!(place.plan_status().await, "applied");
        assert!(scenes.iter().all(|scene| place.stash.scene(scene).unwrap().tags.len() == 1));
        assert_eq!(place.stash.calls_of("TagCreate"), 1);
    }
}

#[tokio::test]
async fn a_name_that_fits_another_as_a_pattern_is_a_name_of_its_own() {
    let place = Place::new().await;
    let other = place.stash.add_tag("foo bar");
    let scene = place.stash.add_scene(FakeScene::titled("Harbour"));
    place.change(&scene, TAGS, Value::Null, new("foo_bar"), "approved").await;
    place.job(json!({})).await.assert_completed();
    let tags = place.stash.scene(&scene).unwrap().tags;
    assert!(tags.len() == 1 && tags[0] != other, "{tags:?}");
    assert_eq!(place.stash.name(Kind::Tags, &tags[0]).as_deref(), Some("foo_bar"));
}

#[tokio::test]
async fn a_stash_that_takes_no_key_or_is_away_fails_the_job_and_no_change() {
    for manner in [Manner::WrongKey, Manner::Refuses] {
        let (place, rude) = (Place::new().await, RudeServer::start(manner));
        let mut changes = Vec::new();
        for scene in ["1", "2"] {
            changes.push(place.change(scene, TITLE, json!("a"), json!("b"), "approved").await);
        }
        place.job(json!({})).setting(&URL, rude.url()).await.assert_failed("check");
        for change in changes {
            assert_eq!(place.status(change).await, "approved");
        }
    }
}

#[tokio::test]
async fn what_somebody_rejected_meanwhile_stays_rejected_and_what_failed_can_be_rejected() {
    let place = Place::new().await;
    let status = ChangeStatus::Failed;
    let rejected = place.change("1", TITLE, json!("a"), json!("b"), "rejected").await;
    let approved = place.change("2", TITLE, json!("a"), json!("b"), "approved").await;
    let pool = pool::build(&place.url, Handle::current()).unwrap();
    let mut db = pool.get().await.unwrap();
    assert_eq!(apply::settle(&mut db, &[rejected, approved], status, Some("no")).await.unwrap(), 1);
    assert_eq!((place.status(rejected).await, place.status(approved).await), ("rejected".into(), "failed".into()));
    let decision = Decision { status: ChangeStatus::Rejected, actor: "test".to_owned(), reason: None };
    assert_eq!(decide::decide(&mut db, place.plan, &Chosen::default(), &decision).await.unwrap(), 1);
    assert_eq!(place.status(approved).await, "rejected");
}

#[tokio::test]
async fn a_plan_that_is_not_there_or_not_ready_is_not_applied() {
    let place = Place::new().await;
    database::execute(&place.url, "UPDATE plans SET status = 'building'").await;
    place.job(json!({})).await.assert_failed("still being built");
    database::execute(&place.url, "DELETE FROM plans").await;
    place.job(json!({})).await.assert_failed("it may have been deleted");
}
