//! The GraphQL side of a fake Stash: what is answered to each operation.

use serde::Serialize;
use serde_json::{Value, json};

use super::library::{FakeScene, Library};
use super::{Call, State, number};
use crate::services::stash::Kind;

/// A server's page unless it is asked for another.
const PER_PAGE: i64 = 25;

pub(super) fn is_mutation(operation: &str) -> bool {
    ["Update", "Create"].iter().any(|end| operation.ends_with(end))
        || matches!(operation, "MetadataScan" | "MetadataGenerate" | "StopJob")
}

/// The status and the body.
pub(super) fn answer(state: &mut State, call: &Call, query: &str) -> (u16, String) {
    if let Some(unknown) = unknown_field(state.before_groups, query) {
        return (422, json!({ "errors": [{ "message": unknown }], "data": null }).to_string());
    }
    let failing = state.failing.iter_mut().find(|(of, times, _)| *of == call.operation && *times > 0);
    let done = match failing {
        Some((_, times, message)) => {
            *times -= 1;
            Err(message.clone())
        }
        None => run(state, &call.operation, &call.variables),
    };
    match done {
        Ok(data) => (200, format!("{{\"data\":{data}}}")),
        Err(message) => (200, json!({ "errors": [{ "message": message }], "data": null }).to_string()),
    }
}

/// What the server's schema does not know of what was sent, all of which it looks at.
fn unknown_field(before_groups: bool, query: &str) -> Option<&'static str> {
    let has = |field: &str| query.contains(&format!("{field} {{"));
    match before_groups {
        true if has(" groups") => Some("Cannot query field \"groups\" on type \"Scene\"."),
        false if has("movies") => Some("Cannot query field \"movies\" on type \"Scene\"."),
        _ => None,
    }
}

fn run(state: &mut State, operation: &str, variables: &Value) -> Result<String, String> {
    let input = &variables["input"];
    let library = &mut state.library;
    let data = match operation {
        "FindScenes" => return find(library, Kind::Scenes, variables, "ids"),
        "FindScenesBeforeGroups" => return find(library, Kind::Scenes, variables, "scene_ids"),
        "FindPerformers" => return find(library, Kind::Performers, variables, "ids"),
        "FindTags" => return find(library, Kind::Tags, variables, "ids"),
        "FindStudios" => return find(library, Kind::Studios, variables, "ids"),
        "SceneIds" => find_ids(library, Kind::Scenes, variables),
        "PerformerIds" => find_ids(library, Kind::Performers, variables),
        "TagIds" => find_ids(library, Kind::Tags, variables),
        "StudioIds" => find_ids(library, Kind::Studios, variables),
        "SceneUpdate" => json!({ "sceneUpdate": update(library, number_of(&input["id"]), input, set)? }),
        "BulkSceneUpdate" => {
            let ids: Vec<_> = list(&input["ids"]).iter().map(|id| number(id)).collect();
            let updated = ids.into_iter().map(|id| update(library, id, input, change));
            json!({ "bulkSceneUpdate": updated.collect::<Result<Vec<_>, _>>()? })
        }
        "TagCreate" => json!({ "tagCreate": create(library, Kind::Tags, input)? }),
        "PerformerCreate" => json!({ "performerCreate": create(library, Kind::Performers, input)? }),
        "StudioCreate" => json!({ "studioCreate": create(library, Kind::Studios, input)? }),
        "MetadataScan" => json!({ "metadataScan": state.tasks.start("Scanning...", input.clone()) }),
        "MetadataGenerate" => json!({ "metadataGenerate": state.tasks.start("Generating...", input.clone()) }),
        "FindJob" => json!({ "findJob": state.tasks.look(input["id"].as_str().unwrap_or_default()) }),
        "JobQueue" => json!({ "jobQueue": state.tasks.queue() }),
        "StopJob" => {
            state.tasks.stop(variables["job_id"].as_str().unwrap_or_default());
            json!({ "stopJob": true })
        }
        "SystemStatus" => json!({ "systemStatus": { "databaseSchema": 72, "appSchema": 72, "status": "OK" } }),
        "Version" => {
            let version = if state.before_groups { "v0.26.2" } else { "v0.28.1" };
            json!({ "version": { "version": version, "hash": "0123abcd" } })
        }
        "Dialect" => dialect(state.before_groups),
        other => return Err(format!("the fake Stash does not know the operation `{other}`")),
    };
    Ok(data.to_string())
}

fn dialect(before_groups: bool) -> Value {
    let (fields, args): (&[_], &[_]) = if before_groups {
        (&["id", "movies"], &["filter", "scene_ids"])
    } else {
        (&["id", "movies", "groups"], &["filter", "scene_ids", "ids"])
    };
    let named = |names: &[&str]| names.iter().map(|name| json!({ "name": name })).collect::<Value>();
    json!({ "scene": { "fields": named(fields) }, "query": { "fields": [{ "name": "findScenes", "args": named(args) }] } })
}

#[derive(Serialize)]
struct Named<'a> {
    id: &'a str,
    name: String,
}

#[derive(Serialize)]
struct SceneOut<'a> {
    id: String,
    #[serde(flatten)]
    scene: SceneFields<'a>,
}

#[derive(Serialize)]
struct SceneFields<'a> {
    title: &'a str,
    code: &'a Option<String>,
    details: &'a Option<String>,
    director: &'a Option<String>,
    urls: &'a [String],
    date: &'a Option<String>,
    rating100: Option<i64>,
    organized: bool,
    created_at: &'static str,
    updated_at: String,
    files: Value,
    studio: Option<Named<'a>>,
    tags: Vec<Named<'a>>,
    performers: Vec<Named<'a>>,
    groups: Value,
}

fn kind_field(kind: Kind) -> &'static str {
    match kind {
        Kind::Scenes => "findScenes",
        Kind::Performers => "findPerformers",
        Kind::Tags => "findTags",
        Kind::Studios => "findStudios",
    }
}

fn filter_field(kind: Kind) -> &'static str {
    match kind {
        Kind::Scenes => "scene_filter",
        Kind::Performers => "performer_filter",
        Kind::Tags => "tag_filter",
        Kind::Studios => "studio_filter",
    }
}

/// How many fit, and the ids of the page.
fn page(library: &Library, kind: Kind, variables: &Value) -> (usize, Vec<i64>) {
    let (filter, fits) = (&variables["filter"], &variables[filter_field(kind)]);
    let after = if fits["id"]["modifier"] == "GREATER_THAN" { fits["id"]["value"].as_i64().unwrap_or(0) } else { 0 };
    let mut ids = library.ids(kind, after, fits["updated_at"]["value"].as_str());
    if fits["id"]["modifier"] == "EQUALS" {
        ids.retain(|id| fits["id"]["value"].as_i64() == Some(*id));
    }
    if let Some(name) = fits["name"]["value"].as_str() {
        ids.retain(|id| library.name(kind, *id).is_some_and(|found| is_like(&found, name)));
    }
    match filter["sort"].as_str() {
        Some("updated_at") => ids.sort_by_key(|id| updated_at(library, kind, *id)),
        Some("title" | "name") => {
            ids.sort_by_key(|id| library.scene(*id).map_or_else(|| library.name(kind, *id), |s| Some(s.title)))
        }
        _ => {}
    }
    if filter["direction"] == "DESC" {
        ids.reverse();
    }
    let count = ids.len();
    let per_page = filter["per_page"].as_i64().unwrap_or(PER_PAGE);
    if per_page >= 0 {
        let per_page = usize::try_from(per_page).unwrap_or(usize::MAX);
        let before = usize::try_from(filter["page"].as_i64().unwrap_or(1).max(1) - 1).unwrap_or(0);
        ids = ids.into_iter().skip(before * per_page).take(per_page).collect();
    }
    (count, ids)
}

/// SQLite's `LIKE`, which is what Stash makes of an equal name: `_` is any character, `%` any number of them, case is ignored.
fn is_like(text: &str, pattern: &str) -> bool {
    let mut pattern = pattern.chars();
    let Some(first) = pattern.next() else { return text.is_empty() };
    let (rest, mut chars) = (pattern.as_str(), text.chars());
    if first == '%' {
        return is_like(text, rest) || (chars.next().is_some() && is_like(chars.as_str(), &format!("%{rest}")));
    }
    chars.next().is_some_and(|c| (first == '_' || c.eq_ignore_ascii_case(&first)) && is_like(chars.as_str(), rest))
}

fn updated_at(library: &Library, kind: Kind, id: i64) -> Option<String> {
    let time = match kind {
        Kind::Scenes => library.scene(id)?.updated_at,
        _ => library.other(kind, id)?.updated_at,
    };
    Some(library.text(time))
}

fn find_ids(library: &Library, kind: Kind, variables: &Value) -> Value {
    let (count, ids) = page(library, kind, variables);
    let found: Value = ids.iter().map(|id| json!({ "id": id.to_string() })).collect();
    json!({ kind_field(kind): { "count": count, kind.as_str(): found } })
}

fn find(library: &Library, kind: Kind, variables: &Value, ids_name: &str) -> Result<String, String> {
    let asked = variables[ids_name].as_array().filter(|ids| !ids.is_empty());
    let (count, ids) = match asked {
        Some(ids) => (ids.len(), ids.iter().map(number_of).collect()),
        None => page(library, kind, variables),
    };
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        if let Some(message) = library.broken.get(&(kind, id)) {
            return Err(message.clone());
        }
        let word = kind.as_str().trim_end_matches('s');
        found.push(one(library, kind, id).ok_or_else(|| format!("{word} with id {id} not found"))?);
    }
    Ok(format!("{{\"{}\":{{\"count\":{count},\"{kind}\":[{}]}}}}", kind_field(kind), found.join(",")))
}

fn one(library: &Library, kind: Kind, id: i64) -> Option<String> {
    const CREATED: &str = "2023-06-01T12:00:00Z";
    if kind == Kind::Scenes {
        let scene = library.scene(id)?;
        return serde_json::to_string(&scene_out(library, id, &scene, CREATED)).ok();
    }
    let entity = library.other(kind, id)?;
    let updated_at = library.text(entity.updated_at);
    let facts = match kind {
        Kind::Performers => json!({
            "id": id.to_string(), "name": entity.name, "disambiguation": null, "gender": null, "alias_list": [],
            "favorite": false, "details": null, "created_at": CREATED, "updated_at": updated_at,
        }),
        Kind::Tags => json!({
            "id": id.to_string(), "name": entity.name, "description": null, "aliases": [], "created_at": CREATED,
            "updated_at": updated_at,
        }),
        Kind::Studios | Kind::Scenes => json!({
            "id": id.to_string(), "name": entity.name, "url": null, "details": null, "aliases": [], "parent_studio": null,
            "created_at": CREATED, "updated_at": updated_at,
        }),
    };
    Some(facts.to_string())
}

fn scene_out<'a>(library: &Library, id: i64, scene: &'a FakeScene, created_at: &'static str) -> SceneOut<'a> {
    let named = |kind: Kind, id: &'a String| library.name(kind, number(id)).map(|name| Named { id, name });
    let file = scene.path.as_ref().map(|path| {
        json!({
            "path": path, "size": scene.size, "width": 1920, "height": 1080, "duration": scene.duration,
            "video_codec": "h264", "fingerprints": [{ "type": "oshash", "value": format!("{id:016x}") }],
        })
    });
    let groups = scene.groups.iter();
    let groups = groups.map(|(id, name, index)| json!({ "group": { "id": id, "name": name }, "scene_index": index }));
    let scene = SceneFields {
        title: &scene.title,
        code: &scene.code,
        details: &scene.details,
        director: &scene.director,
        urls: &scene.urls,
        date: &scene.date,
        rating100: scene.rating100,
        organized: scene.organized,
        created_at,
        updated_at: library.text(scene.updated_at),
        files: file.into_iter().collect(),
        studio: scene.studio.as_ref().and_then(|id| named(Kind::Studios, id)),
        tags: scene.tags.iter().filter_map(|id| named(Kind::Tags, id)).collect(),
        performers: scene.performers.iter().filter_map(|id| named(Kind::Performers, id)).collect(),
        groups: groups.collect(),
    };
    SceneOut { id: id.to_string(), scene }
}

fn number_of(id: &Value) -> i64 {
    id.as_i64().or_else(|| id.as_str().and_then(|id| id.parse().ok())).unwrap_or(-1)
}

fn list(ids: &Value) -> Vec<String> {
    let ids = ids.as_array().into_iter().flatten();
    ids.filter_map(|id| id.as_str().map(str::to_owned)).collect()
}

fn update(library: &mut Library, id: i64, input: &Value, apply: fn(&mut FakeScene, &Value)) -> Result<Value, String> {
    if let Some(message) = library.broken.get(&(Kind::Scenes, id)) {
        return Err(message.clone());
    }
    if library.scene(id).is_none() {
        return Err(format!("scene with id {id} not found"));
    }
    for (field, kind) in [("tag_ids", Kind::Tags), ("performer_ids", Kind::Performers)] {
        let named = if input[field].is_object() { &input[field]["ids"] } else { &input[field] };
        if let Some(id) = list(named).iter().find(|id| library.other(kind, number(id)).is_none()) {
            return Err(format!("{} with id {id} not found", kind.as_str().trim_end_matches('s')));
        }
    }
    library.change_scene(id, |scene| apply(scene, input));
    Ok(json!({ "id": id.to_string(), "updated_at": updated_at(library, Kind::Scenes, id) }))
}

/// What is not there stays; null clears.
fn set(scene: &mut FakeScene, input: &Value) {
    let text = |field: &str| input.get(field).map(|value| value.as_str().map(str::to_owned));
    if let Some(title) = text("title") {
        scene.title = title.unwrap_or_default();
    }
    for (field, to) in [
        ("code", &mut scene.code),
        ("details", &mut scene.details),
        ("director", &mut scene.director),
        ("date", &mut scene.date),
        ("studio_id", &mut scene.studio),
    ] {
        if let Some(value) = text(field) {
            *to = value;
        }
    }
    if let Some(rating) = input.get("rating100") {
        scene.rating100 = rating.as_i64();
    }
    for (field, to) in
        [("urls", &mut scene.urls), ("tag_ids", &mut scene.tags), ("performer_ids", &mut scene.performers)]
    {
        if input[field].is_array() {
            *to = list(&input[field]);
        }
    }
    scene.organized = input["organized"].as_bool().unwrap_or(scene.organized);
}

fn change(scene: &mut FakeScene, input: &Value) {
    if let Some(studio) = input["studio_id"].as_str() {
        scene.studio = Some(studio.to_owned());
    }
    scene.organized = input["organized"].as_bool().unwrap_or(scene.organized);
    for (field, to) in [("tag_ids", &mut scene.tags), ("performer_ids", &mut scene.performers)] {
        let ids = list(&input[field]["ids"]);
        match input[field]["mode"].as_str() {
            Some("SET") => *to = ids,
            Some("ADD") => to.extend(ids.into_iter().filter(|id| !to.contains(id)).collect::<Vec<_>>()),
            Some("REMOVE") => to.retain(|id| !ids.contains(id)),
            _ => {}
        }
    }
}

fn create(library: &mut Library, kind: Kind, input: &Value) -> Result<Value, String> {
    let name = input["name"].as_str().unwrap_or_default();
    let word = kind.as_str().trim_end_matches('s');
    if library.named(kind, name).is_some() {
        return Err(format!("{word} with name '{name}' already exists"));
    }
    Ok(json!({ "id": library.add(kind, name).to_string(), "name": name }))
}
