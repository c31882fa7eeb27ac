//! What the changes of one scene come to, against what the scene is now.

use uuid::Uuid;

use super::names::Made;
use crate::planning::folded;
use crate::services::stash::{Scene, SceneChange, Stash};
use crate::store::plans::{ChangeAction, ChangeField, ChangeRow, ChangeValue, Named};

/// The changes of a scene as one.
pub struct Merged<'a> {
    scene: &'a Scene,
    change: SceneChange,
    /// Changes that are not made, and why.
    pub conflicts: Vec<(Uuid, String)>,
}

impl<'a> Merged<'a> {
    /// Nothing yet, for this scene.
    pub fn of(scene: &'a Scene) -> Self {
        Self { scene, change: SceneChange::default(), conflicts: Vec::new() }
    }

    /// Takes in a change: makes it a part of the whole, or a conflict, or nothing where the scene is so already.
    pub async fn take(&mut self, change: &ChangeRow, stash: &Stash, made: &mut Made) -> anyhow::Result<()> {
        let current = ChangeValue::from_json(change.current.as_ref());
        let proposed = ChangeValue::from_json(change.proposed.as_ref());
        match (change.field, proposed) {
            (ChangeField::Tags | ChangeField::Performers, Some(ChangeValue::Named(named))) => {
                self.take_one_of_many(change, &named, stash, made).await?;
            }
            (ChangeField::Studio, Some(ChangeValue::Named(named))) => {
                self.take_studio(change, current.as_ref(), &named, stash, made).await?;
            }
            (ChangeField::Title | ChangeField::Details | ChangeField::Date, Some(ChangeValue::Text(text))) => {
                self.take_text(change, current.as_ref(), text);
            }
            _ => self.refuse(change, "the plan has a value here that can't be"),
        }
        Ok(())
    }

    /// What is to be sent; none when the scene is so already.
    pub fn change(&self) -> Option<SceneChange> {
        (self.change != SceneChange::default()).then(|| self.change.clone())
    }

    async fn take_one_of_many(
        &mut self,
        change: &ChangeRow,
        named: &Named,
        stash: &Stash,
        made: &mut Made,
    ) -> anyhow::Result<()> {
        let (has, set) = match change.field {
            ChangeField::Tags => (&self.scene.tags, &mut self.change.tag_ids),
            _ => (&self.scene.performers, &mut self.change.performer_ids),
        };
        let same = |id: &str, name: &str| match &named.id {
            Some(wanted) => wanted == id,
            None => folded(name) == folded(&named.name),
        };
        let there: Vec<&str> = has.iter().filter(|n| same(&n.id, &n.name)).map(|n| n.id.as_str()).collect();
        let all = || has.iter().map(|n| n.id.clone()).collect::<Vec<_>>();
        match change.action {
            ChangeAction::Remove if there.is_empty() => {}
            ChangeAction::Remove => set.get_or_insert_with(all).retain(|id| !there.contains(&id.as_str())),
            ChangeAction::Add | ChangeAction::Set if !there.is_empty() => {}
            ChangeAction::Add | ChangeAction::Set => {
                let id = match &named.id {
                    Some(id) => id.clone(),
                    None => made.id(stash, change.field, &named.name).await?,
                };
                let ids = set.get_or_insert_with(all);
                if !ids.contains(&id) {
                    ids.push(id);
                }
            }
        }
        if set.as_ref() == Some(&all()) {
            *set = None; // what was to be made was there under another name
        }
        Ok(())
    }

    async fn take_studio(
        &mut self,
        change: &ChangeRow,
        current: Option<&ChangeValue>,
        named: &Named,
        stash: &Stash,
        made: &mut Made,
    ) -> anyhow::Result<()> {
        let now = self.scene.studio.as_ref();
        let is_so = now.is_some_and(|now| match &named.id {
            Some(id) => *id == now.id,
            None => folded(&named.name) == folded(&now.name),
        });
        if is_so {
            return Ok(());
        }
        let seen = match current {
            Some(ChangeValue::Named(seen)) => seen.id.as_deref(),
            _ => None,
        };
        if now.map(|now| now.id.as_str()) != seen {
            let now = now.map_or("none", |now| now.name.as_str());
            self.refuse(change, &format!("its studio is {now} by now"));
            return Ok(());
        }
        self.change.studio_id = Some(match &named.id {
            Some(id) => id.clone(),
            None => made.id(stash, change.field, &named.name).await?,
        });
        Ok(())
    }

    fn take_text(&mut self, change: &ChangeRow, current: Option<&ChangeValue>, proposed: String) {
        let (now, set) = match change.field {
            ChangeField::Title => (&self.scene.title, &mut self.change.title),
            ChangeField::Details => (&self.scene.details, &mut self.change.details),
            _ => (&self.scene.date, &mut self.change.date),
        };
        let now = now.as_deref().unwrap_or_default();
        let seen = match current {
            Some(ChangeValue::Text(seen)) => seen.as_str(),
            _ => "",
        };
        if now == proposed {
            return;
        }
        if now == seen {
            *set = Some(proposed);
            return;
        }
        let now =
            if now.is_empty() { "empty".to_owned() } else { format!("`{}`", crate::job::cut(now.to_owned(), 100)) };
        self.refuse(change, &format!("its {} is {now} by now", change.field));
    }

    fn refuse(&mut self, change: &ChangeRow, why: &str) {
        self.conflicts.push((change.id, why.to_owned()));
    }
}
