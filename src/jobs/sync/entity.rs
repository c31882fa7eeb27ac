//! What the four kinds have in common: they are read by pages and by ids, and written by pages.

use diesel::QueryResult;
use diesel_async::AsyncPgConnection;

use crate::services::ServiceError;
use crate::services::stash::{Kind, Page, Performer, Scene, Slice, Stash, Studio, Tag};
use crate::store::library_write::{self, Written};

/// An entity of Stash.
pub trait Entity: Send + Sync + Sized {
    /// Its kind.
    const KIND: Kind;

    /// Its id.
    fn id(&self) -> &str;

    /// Reads a page.
    fn page(stash: &Stash, slice: &Slice) -> impl Future<Output = Result<Page<Self>, ServiceError>> + Send;

    /// Reads some.
    fn by_id(stash: &Stash, ids: &[String]) -> impl Future<Output = Result<Vec<Self>, ServiceError>> + Send;

    /// Writes some, in a transaction.
    fn write(conn: &mut AsyncPgConnection, page: &[Self]) -> impl Future<Output = QueryResult<Written>> + Send;
}

impl Entity for Performer {
    const KIND: Kind = Kind::Performers;

    fn id(&self) -> &str {
        &self.id
    }

    async fn page(stash: &Stash, slice: &Slice) -> Result<Page<Self>, ServiceError> {
        stash.performers(slice).await
    }

    async fn by_id(stash: &Stash, ids: &[String]) -> Result<Vec<Self>, ServiceError> {
        stash.performers_by_id(ids).await
    }

    async fn write(conn: &mut AsyncPgConnection, page: &[Self]) -> QueryResult<Written> {
        library_write::performers(conn, page).await
    }
}

impl Entity for Tag {
    const KIND: Kind = Kind::Tags;

    fn id(&self) -> &str {
        &self.id
    }

    async fn page(stash: &Stash, slice: &Slice) -> Result<Page<Self>, ServiceError> {
        stash.tags(slice).await
    }

    async fn by_id(stash: &Stash, ids: &[String]) -> Result<Vec<Self>, ServiceError> {
        stash.tags_by_id(ids).await
    }

    async fn write(conn: &mut AsyncPgConnection, page: &[Self]) -> QueryResult<Written> {
        library_write::tags(conn, page).await
    }
}

impl Entity for Studio {
    const KIND: Kind = Kind::Studios;

    fn id(&self) -> &str {
        &self.id
    }

    async fn page(stash: &Stash, slice: &Slice) -> Result<Page<Self>, ServiceError> {
        stash.studios(slice).await
    }

    async fn by_id(stash: &Stash, ids: &[String]) -> Result<Vec<Self>, ServiceError> {
        stash.studios_by_id(ids).await
    }

    async fn write(conn: &mut AsyncPgConnection, page: &[Self]) -> QueryResult<Written> {
        library_write::studios(conn, page).await
    }
}

impl Entity for Scene {
    const KIND: Kind = Kind::Scenes;

    fn id(&self) -> &str {
        &self.id
    }

    async fn page(stash: &Stash, slice: &Slice) -> Result<Page<Self>, ServiceError> {
        stash.scenes(slice).await
    }

    async fn by_id(stash: &Stash, ids: &[String]) -> Result<Vec<Self>, ServiceError> {
        stash.scenes_by_id(ids).await
    }

    async fn write(conn: &mut AsyncPgConnection, page: &[Self]) -> QueryResult<Written> {
        library_write::scenes(conn, page).await
    }
}
