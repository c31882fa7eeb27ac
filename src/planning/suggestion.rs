//! An idea about a scene, and the change that it comes to: none when the scene is so already.

use std::collections::HashSet;

use serde_json::Value;
use uuid::Uuid;

use super::catalog::{Catalog, Names, folded};
use crate::job::cut;
use crate::store::plans::build::SceneFacts;
use crate::store::plans::{ChangeAction, ChangeField, ChangeValue, Named, NewChange};

/// What Stash and people take for a name or a title.
const NAME_BYTES: usize = 255;
const TITLE_BYTES: usize = 1_000;
const DETAILS_BYTES: usize = 20_000;
const REASON_BYTES: usize = 1_000;

/// An idea about one field of a scene.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    /// The field.
    pub field: ChangeField,
    /// The title, the description, the date; or the name of what the scene should have.
    pub value: String,
    /// How sure it is.
    pub confidence: f64,
    /// Why.
    pub reason: Option<String>,
}

/// How suggestions become changes.
#[derive(Clone, Copy, Debug)]
pub struct Taste {
    /// Those that are less sure are left out.
    pub min_confidence: f64,
    /// Whether names that the library does not have are proposed.
    pub create_missing: bool,
}

/// What people know a scene by.
fn scene_title(scene: &SceneFacts) -> String {
    let file = || scene.path.as_deref().and_then(|path| path.rsplit('/').next()).filter(|name| !name.is_empty());
    let title = Some(scene.title.trim()).filter(|title| !title.is_empty()).or_else(file);
    cut(title.map_or_else(|| format!("scene {}", scene.id), str::to_owned), TITLE_BYTES)
}

/// The changes that suggestions come to, the surest where two say the same.
pub fn changes(
    plan: Uuid,
    scene: &SceneFacts,
    mut suggestions: Vec<Suggestion>,
    catalog: &Catalog,
    taste: Taste,
) -> Vec<NewChange> {
    suggestions.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let (mut changes, mut seen) = (Vec::new(), HashSet::new());
    for suggestion in suggestions {
        let confidence = if suggestion.confidence.is_finite() { suggestion.confidence.clamp(0.0, 1.0) } else { 0.0 };
        if confidence < taste.min_confidence {
            continue;
        }
        let Some((key, current, proposed)) = difference(scene, &suggestion, catalog, taste) else { continue };
        if !seen.insert((suggestion.field, key.clone())) {
            continue;
        }
        let adds = matches!(suggestion.field, ChangeField::Tags | ChangeField::Performers);
        changes.push(NewChange {
            id: Uuid::now_v7(),
            plan_id: plan,
            scene_id: scene.id.clone(),
            scene_title: scene_title(scene),
            field: suggestion.field,
            action: if adds { ChangeAction::Add } else { ChangeAction::Set },
            key,
            current,
            proposed: Some(proposed.to_json()),
            confidence,
            reason: suggestion
                .reason
                .map(|reason| cut(clean(&reason), REASON_BYTES))
                .filter(|reason| !reason.is_empty()),
            scene_updated_at: Some(scene.stash_updated_at),
        });
    }
    changes
}

type Difference = (String, Option<Value>, ChangeValue);

/// What would change: the key, what is there, what is proposed. None when nothing would.
fn difference(scene: &SceneFacts, suggestion: &Suggestion, catalog: &Catalog, taste: Taste) -> Option<Difference> {
    match suggestion.field {
        ChangeField::Tags => added(&suggestion.value, &scene.tag_ids, &catalog.tags, taste),
        ChangeField::Performers => added(&suggestion.value, &scene.performer_ids, &catalog.performers, taste),
        ChangeField::Studio => {
            let proposed = named(&suggestion.value, &catalog.studios, taste)?;
            let id = scene.studio_id.clone();
            let name = scene.studio_name.clone().or_else(|| id.clone());
            let current = id.zip(name).map(|(id, name)| Named { id: Some(id), name });
            let same = current
                .as_ref()
                .is_some_and(|current| current.id == proposed.id || folded(&current.name) == folded(&proposed.name));
            let current = current.map(|current| ChangeValue::Named(current).to_json());
            (!same).then_some((String::new(), current, ChangeValue::Named(proposed)))
        }
        ChangeField::Title => text(one_line(&suggestion.value, TITLE_BYTES)?, Some(&scene.title)),
        ChangeField::Details => text(fits(clean(&suggestion.value), DETAILS_BYTES)?, scene.details.as_deref()),
        ChangeField::Date => text(one_line(&suggestion.value, NAME_BYTES)?, scene.date.as_deref()),
    }
}

fn added(value: &str, has: &[String], known: &Names, taste: Taste) -> Option<Difference> {
    let named = named(value, known, taste)?;
    if named.id.as_ref().is_some_and(|id| has.contains(id)) {
        return None;
    }
    Some((folded(&named.name), None, ChangeValue::Named(named)))
}

fn named(value: &str, known: &Names, taste: Taste) -> Option<Named> {
    let name = one_line(value, NAME_BYTES)?;
    match known.find(&name) {
        Some(found) => Some(found),
        None if taste.create_missing && !name.is_empty() => Some(Named { id: None, name }),
        None => None,
    }
}

fn text(value: String, current: Option<&str>) -> Option<Difference> {
    let current = current.filter(|current| !current.is_empty());
    let differs = !value.is_empty() && current.map(str::trim) != Some(value.as_str());
    differs.then(|| (String::new(), current.map(Value::from), ChangeValue::Text(value)))
}

/// Without what can't be stored or seen.
fn clean(text: &str) -> String {
    let seen: String = text.chars().filter(|c| !c.is_control() || *c == '\n').collect();
    seen.trim().to_owned()
}

/// A name or a title, which is one line with single spaces.
fn one_line(text: &str, limit: usize) -> Option<String> {
    fits(clean(text).split_whitespace().collect::<Vec<_>>().join(" "), limit)
}

/// A value that is too long is none: half of it is not what was meant.
fn fits(value: String, limit: usize) -> Option<String> {
    (value.len() <= limit).then_some(value)
}

#[cfg(test)]
mod tests {
    use chrono::Utc;
    use serde_json::json;
    use uuid::Uuid;

    use super::super::catalog::tests::names;
    use super::{Suggestion, Taste, changes};
    use crate::planning::Catalog;
    use crate::store::plans::build::SceneFacts;
    use crate::store::plans::{ChangeField, NewChange};

    fn changes_of(suggestions: &[(ChangeField, &str, f64)], create_missing: bool) -> Vec<NewChange> {
        let catalog = Catalog {
            tags: names(&[("Harbour", &["Port"]), ("Boats", &[])]),
            performers: names(&[("Ada", &[])]),
            studios: names(&[("Pier Nine", &[]), ("Lighthouse", &[])]),
        };
        let scene = SceneFacts {
            id: "7".to_owned(),
            title: "Harbour at Dawn".to_owned(),
            details: None,
            date: None,
            path: None,
            duration_seconds: None,
            studio_id: Some("1".to_owned()),
            studio_name: Some("Pier Nine".to_owned()),
            performer_ids: vec![],
            tag_ids: vec!["2".to_owned()],
            stash_updated_at: Utc::now(),
        };
        let suggestion = |(field, value, confidence): &(ChangeField, &str, f64)| Suggestion {
            field: *field,
            value: (*value).to_owned(),
            confidence: *confidence,
            reason: None,
        };
        let taste = Taste { min_confidence: 0.5, create_missing };
        changes(Uuid::nil(), &scene, suggestions.iter().map(suggestion).collect(), &catalog, taste)
    }

    #[test]
    fn what_the_scene_has_already_is_no_change() {
        use ChangeField::{Details, Studio, Tags, Title};
        let same =
            [(Tags, "boats", 1.0), (Studio, "pier nine", 1.0), (Title, " Harbour at Dawn ", 1.0), (Details, "", 1.0)];
        assert!(changes_of(&same, true).is_empty());
    }

    #[test]
    fn one_thing_is_proposed_once_by_its_right_name_and_as_surely_as_somebody_is() {
        use ChangeField::{Performers, Studio, Tags};
        let found = changes_of(&[(Tags, "port", 0.6), (Tags, "HARBOUR", 0.9), (Performers, "Ada", 0.4)], false);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].proposed, Some(json!({ "id": "1", "name": "Harbour" })));
        assert!((found[0].confidence - 0.9).abs() < f64::EPSILON);
        let studio = changes_of(&[(Studio, "Lighthouse", 7.0)], false);
        assert_eq!(studio[0].current, Some(json!({ "id": "1", "name": "Pier Nine" })));
        assert!((studio[0].confidence - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_name_that_nobody_knows_is_proposed_only_when_that_is_wanted() {
        let new = [(ChangeField::Tags, "Sea\0gulls", 0.9)];
        assert!(changes_of(&new, false).is_empty());
        assert_eq!(changes_of(&new, true)[0].proposed, Some(json!({ "id": null, "name": "Seagulls" })));
    }

    #[test]
    fn names_and_titles_are_one_line_and_what_is_too_long_is_left_out() {
        use ChangeField::{Details, Tags, Title};
        let found = changes_of(&[(Tags, "Sea \n  gulls", 0.9), (Title, "Low\nTide", 0.8)], true);
        assert_eq!(found[0].proposed, Some(json!({ "id": null, "name": "Sea gulls" })));
        assert_eq!(found[1].proposed, Some(json!("Low Tide")));
        let (name, text) = ("n".repeat(256), "d".repeat(20_001));
        assert!(changes_of(&[(Tags, &name, 0.9), (Details, &text, 0.9)], true).is_empty());
    }
}
