//! Changing Stash: a scene, many scenes, and what they name.

use super::super::error::ServiceError;
use super::super::remote::Repeat::{Never, Safe};
use super::Stash;
use super::facts::Named;
use super::operations::{
    BulkSceneUpdate, PerformerCreate, SceneUpdate, StudioCreate, TagCreate, bulk_scene_update, performer_create,
    scene_update, studio_create, tag_create,
};

/// New values for a scene. What is none stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SceneChange {
    /// Its title.
    pub title: Option<String>,
    /// The studio's code for it.
    pub code: Option<String>,
    /// What it is about.
    pub details: Option<String>,
    /// Who directed it.
    pub director: Option<String>,
    /// Where it is on the web: all of it.
    pub urls: Option<Vec<String>>,
    /// When it came out.
    pub date: Option<String>,
    /// 1 to 100.
    pub rating100: Option<i64>,
    /// Whether it is in order.
    pub organized: Option<bool>,
    /// Its studio.
    pub studio_id: Option<String>,
    /// Who is in it: all of them.
    pub performer_ids: Option<Vec<String>>,
    /// Its tags: all of them.
    pub tag_ids: Option<Vec<String>>,
}

/// What becomes of the ids that many scenes have of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdChange {
    /// They have these and no others.
    Set(Vec<String>),
    /// They have these too.
    Add(Vec<String>),
    /// They don't have these.
    Remove(Vec<String>),
}

/// The same change for many scenes. What is none stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SceneChanges {
    /// Whether they are in order.
    pub organized: Option<bool>,
    /// Their studio.
    pub studio_id: Option<String>,
    /// Who is in them.
    pub performer_ids: Option<IdChange>,
    /// Their tags.
    pub tag_ids: Option<IdChange>,
}

impl IdChange {
    fn into_input(self) -> bulk_scene_update::BulkUpdateIds {
        use bulk_scene_update::BulkUpdateIdMode::{ADD, REMOVE, SET};
        let (mode, ids) = match self {
            Self::Set(ids) => (SET, ids),
            Self::Add(ids) => (ADD, ids),
            Self::Remove(ids) => (REMOVE, ids),
        };
        bulk_scene_update::BulkUpdateIds { ids: Some(ids), mode }
    }
}

impl Stash {
    /// Sets values of a scene. Sent once: a list that was read before would undo what somebody did meanwhile when sent again later.
    pub async fn update_scene(&self, id: &str, change: SceneChange) -> Result<(), ServiceError> {
        let input = scene_update::SceneUpdateInput {
            id: id.to_owned(),
            title: change.title,
            code: change.code,
            details: change.details,
            director: change.director,
            urls: change.urls,
            date: change.date,
            rating100: change.rating100,
            organized: change.organized,
            studio_id: change.studio_id,
            performer_ids: change.performer_ids,
            tag_ids: change.tag_ids,
        };
        match self.ask::<SceneUpdate>(Never, scene_update::Variables { input }).await?.scene_update {
            Some(_) => Ok(()),
            None => Err(ServiceError::said("Stash", &[format!("scene with id {id} not found")])),
        }
    }

    /// Makes the same change to many scenes. Doing it twice is the same as once.
    pub async fn update_scenes(&self, ids: &[String], change: SceneChanges) -> Result<(), ServiceError> {
        let input = bulk_scene_update::BulkSceneUpdateInput {
            ids: Some(ids.to_vec()),
            organized: change.organized,
            studio_id: change.studio_id,
            performer_ids: change.performer_ids.map(IdChange::into_input),
            tag_ids: change.tag_ids.map(IdChange::into_input),
        };
        self.ask::<BulkSceneUpdate>(Safe, bulk_scene_update::Variables { input }).await?;
        Ok(())
    }

    /// Makes a tag. Stash refuses a second one of that name.
    pub async fn create_tag(&self, name: &str) -> Result<Named, ServiceError> {
        let input = tag_create::TagCreateInput { name: name.to_owned(), description: None, aliases: None };
        let made = self.ask::<TagCreate>(Never, tag_create::Variables { input }).await?.tag_create;
        made.map(|made| Named { id: made.id, name: made.name }).ok_or_else(|| self.made_nothing())
    }

    /// Makes a performer. Stash refuses a second one of that name.
    pub async fn create_performer(&self, name: &str) -> Result<Named, ServiceError> {
        let input =
            performer_create::PerformerCreateInput { name: name.to_owned(), disambiguation: None, alias_list: None };
        let made = self.ask::<PerformerCreate>(Never, performer_create::Variables { input }).await?.performer_create;
        made.map(|made| Named { id: made.id, name: made.name }).ok_or_else(|| self.made_nothing())
    }

    /// Makes a studio. Stash refuses a second one of that name.
    pub async fn create_studio(&self, name: &str) -> Result<Named, ServiceError> {
        let input = studio_create::StudioCreateInput { name: name.to_owned(), url: None, details: None };
        let made = self.ask::<StudioCreate>(Never, studio_create::Variables { input }).await?.studio_create;
        made.map(|made| Named { id: made.id, name: made.name }).ok_or_else(|| self.made_nothing())
    }

    fn made_nothing(&self) -> ServiceError {
        self.remote.wrong_answer("it made nothing, and does not say why")
    }
}
