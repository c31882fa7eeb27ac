//! Schedules from the command line.

use serde_json::json;

use crate::schedules::{FAR, create, history, until_runs};
use crate::support::database;
use crate::support::program::Program;
use crate::support::server::Server;

fn words(line: &str) -> Vec<String> {
    // `'` keeps words together, as a shell has it.
    let mut parts = Vec::new();
    for (n, part) in line.split('\'').enumerate() {
        match n % 2 {
            0 => parts.extend(part.split_whitespace().map(str::to_owned)),
            _ => parts.push(part.to_owned()),
        }
    }
    parts
}

#[tokio::test]
async fn a_schedule_lives_its_life_on_the_command_line() {
    let server = Server::start().await;
    let api = &server.api;
    let ask = |line: &str| Program::new(words(line)).env("STASHHOG_SERVER", &api.url).env("TZ", "UTC");
    assert!(ask("schedules list").run().await.expect(0).err.contains("no schedules yet"));
    let line = "schedules create demo --cron '30 2 * * *' --time-zone Europe/Berlin --overlap queue --catch-up one \
                --priority -5 --reason 'less noise' demo --items 7 --block";
    let made = ask(line).run().await.expect(0).out;
    assert!(made.starts_with("demo is on: At 02:30 (Europe/Berlin), next "), "{made}");
    let shown = ask("schedules show demo --json").run().await.expect(0).json();
    assert_eq!(
        (&shown["overlap"], &shown["catch_up"], &shown["priority"]),
        (&json!("queue"), &json!("one"), &json!(-5))
    );
    assert_eq!((&shown["params"]["items"], &shown["params"]["block"]), (&json!(7), &json!(true)));
    assert_eq!((&shown["created_by"], &shown["reason"]), (&json!("cli"), &json!("less noise")));

    // What is not named stays; flags go on top of the params.
    let edited = ask("schedules edit demo --no-priority --rename nightly --json demo --items 0 --no-block").run().await;
    let edited = edited.expect(0).json();
    assert_eq!((&edited["name"], &edited["priority"]), (&json!("nightly"), &json!(null)));
    assert_eq!((&edited["params"]["items"], &edited["params"]["block"]), (&json!(0), &json!(false)));
    assert_eq!(edited["cron"], "30 2 * * *");
    let params = ask(r#"schedules edit nightly --params '{"items":1}' --json"#).run().await.expect(0).json();
    assert_eq!(params["params"]["items"], 1);

    let list = ask("schedules").arg("list").run().await.expect(0).out;
    assert!(list.contains("nightly") && list.contains("At 02:30 (Europe/Berlin)"), "{list}");
    assert!(ask("schedules disable nightly --reason holidays").run().await.expect(0).out.contains("nightly is off"));
    assert!(ask("schedules list").run().await.expect(0).out.contains("off"));
    let job = ask("schedules run nightly --json").run().await.expect(0).json();
    assert_eq!((&job["created_by"], &job["schedule_id"]), (&json!("cli"), &shown["id"]));
    until_runs(api, &shown, "manual", 1).await;
    assert!(ask("schedules enable nightly").run().await.expect(0).out.contains("nightly is on"));
    let shown_text = ask("schedules show nightly").run().await.expect(0).out;
    assert!(shown_text.contains("30 2 * * *") && shown_text.contains("by cli"), "{shown_text}");

    let told = ask("schedules history nightly").run().await.expect(0).out;
    for word in ["created", "edited", "disabled", "holidays", "manual", "enabled", "less noise"] {
        assert!(told.contains(word), "{word}: {told}");
    }
    let page = ask("schedules history nightly -n 2 --json").run().await.expect(0).json();
    assert_eq!(
        (page["runs"].as_array().map(Vec::len), page["runs"][0]["outcome"].as_str()),
        (Some(2), Some("enabled"))
    );
    // The end of the id is as good as the name.
    let end = shown["id"].as_str().expect("an id").rsplit('-').next().expect("its end").to_owned();
    assert!(ask("schedules delete").arg(end).run().await.expect(0).out.contains("nightly is deleted"));
    assert_eq!(api.get("/api/schedules").await.expect(200), json!({ "schedules": [] }));
    server.stop().await;
}

#[tokio::test]
async fn mistakes_are_told_in_the_words_that_were_typed() {
    let server = Server::start().await;
    let ask = |line: &str| Program::new(words(line)).env("STASHHOG_SERVER", &server.api.url);
    let made = create(&server.api, "nightly", json!({})).await;
    for (line, told) in [
        ("schedules create a --cron '61 * * * *' demo", "--cron: the minute `61`"),
        ("schedules create a --cron @daily --time-zone berlin demo", "--time-zone: is not the IANA name"),
        ("schedules create a --cron @daily demo --items -1", "--items:"),
        ("schedules create a --cron @daily demo --itmes 1", "--items"),
        ("schedules create a --cron @daily dmeo", "did you mean `demo`?"),
        ("schedules create a --cron @daily", "behind all options"),
        ("schedules create a demo", "--cron"),
        ("schedules create '' --cron @daily demo", "the name:"),
        ("schedules create a --cron @daily --overlap never demo", "skip, queue"),
        ("schedules edit nightly --cron '0 0 31 2 *'", "--cron: is never due"),
        ("schedules edit nightly", "say what to change"),
        ("schedules edit nightly --reason why", "say what to change"),
        ("schedules edit nighlty --cron @daily", "did you mean `nightly`?"),
        ("schedules show none", "schedules list"),
        ("schedules preview '* * *'", "has 3 fields"),
        ("schedules create a --cron @daily demo --json", "the options of the command stand before it"),
    ] {
        let ended = ask(line).run().await.expect(2);
        assert!(ended.err.contains(told), "{line}: {}", ended.err);
    }
    let taken = ask("schedules create nightly --cron @daily demo").run().await.expect(1);
    assert!(taken.err.contains("another schedule has this name"), "{}", taken.err);
    assert_eq!(history(&server.api, &made).await.len(), 1, "nothing was changed");
    let help = ask("schedules create a --cron @daily demo --help").run().await.expect(0).out;
    assert!(help.contains("--items") && help.contains("stand before it"), "{help}");
    let preview = ask("schedules preview '0 9 * * MON' --time-zone America/New_York").run().await.expect(0).out;
    assert!(preview.starts_with("At 09:00, on Monday\n") && preview.lines().count() == 6, "{preview}");
    server.stop().await;
}

#[tokio::test]
async fn a_command_that_starts_a_server_for_itself_keeps_no_due_times() {
    let folder = database::folder();
    let data_dir = folder.path().join("data");
    let beside = |line: &str| Program::new(words(line)).arg("--data-dir").arg(&data_dir);
    let line = format!(
        "schedules create often --cron '* * * * * *' --params '{{\"items\":0}}' --data-dir {}",
        data_dir.display()
    );
    Program::new(words(&line)).arg("demo").run().await.expect(0);
    beside("schedules preview").arg(FAR).run().await.expect(0);
    for line in ["schedules list", "run demo --items 30 --item-ms 100"] {
        let told = beside(line).run().await.expect(0);
        assert!(line.starts_with("run") || told.err.contains("no server is running"), "{}", told.err);
    }
    let page = beside("schedules history often --json").run().await.expect(0).json();
    assert_eq!(page["runs"].as_array().map(Vec::len), Some(1), "created, and never fired: {page:#}");
}
