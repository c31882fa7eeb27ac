//! The operations of the `.graphql` files, each checked against `schema.graphql` when this is compiled.

use chrono::{DateTime, Utc};
use graphql_client::GraphQLQuery;

type Time = DateTime<Utc>;
type Timestamp = String;
type Int64 = i64;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/services/stash/schema.graphql",
    query_path = "src/services/stash/find_scenes.graphql",
    skip_serializing_none
)]
pub struct FindScenes;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/services/stash/schema.graphql",
    query_path = "src/services/stash/find_scenes_before_groups.graphql",
    skip_serializing_none
)]
pub struct FindScenesBeforeGroups;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/services/stash/schema.graphql",
    query_path = "src/services/stash/queries.graphql",
    skip_serializing_none
)]
pub struct FindPerformers;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/services/stash/schema.graphql",
    query_path = "src/services/stash/queries.graphql",
    skip_serializing_none
)]
pub struct FindTags;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/services/stash/schema.graphql",
    query_path = "src/services/stash/queries.graphql",
    skip_serializing_none
)]
pub struct FindStudios;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/services/stash/schema.graphql",
    query_path = "src/services/stash/queries.graphql",
    skip_serializing_none
)]
pub struct SceneIds;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/services/stash/schema.graphql",
    query_path = "src/services/stash/queries.graphql",
    skip_serializing_none
)]
pub struct PerformerIds;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/services/stash/schema.graphql",
    query_path = "src/services/stash/queries.graphql",
    skip_serializing_none
)]
pub struct TagIds;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/services/stash/schema.graphql",
    query_path = "src/services/stash/queries.graphql",
    skip_serializing_none
)]
pub struct StudioIds;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/services/stash/schema.graphql",
    query_path = "src/services/stash/queries.graphql",
    skip_serializing_none
)]
pub struct SceneUpdate;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/services/stash/schema.graphql",
    query_path = "src/services/stash/queries.graphql",
    skip_serializing_none
)]
pub struct BulkSceneUpdate;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/services/stash/schema.graphql",
    query_path = "src/services/stash/queries.graphql",
    skip_serializing_none
)]
pub struct TagCreate;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/services/stash/schema.graphql",
    query_path = "src/services/stash/queries.graphql",
    skip_serializing_none
)]
pub struct PerformerCreate;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/services/stash/schema.graphql",
    query_path = "src/services/stash/queries.graphql",
    skip_serializing_none
)]
pub struct StudioCreate;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/services/stash/schema.graphql",
    query_path = "src/services/stash/queries.graphql",
    skip_serializing_none
)]
pub struct MetadataScan;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/services/stash/schema.graphql",
    query_path = "src/services/stash/queries.graphql",
    skip_serializing_none
)]
pub struct MetadataGenerate;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/services/stash/schema.graphql",
    query_path = "src/services/stash/queries.graphql",
    skip_serializing_none
)]
pub struct FindJob;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/services/stash/schema.graphql",
    query_path = "src/services/stash/queries.graphql",
    skip_serializing_none
)]
pub struct JobQueue;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/services/stash/schema.graphql",
    query_path = "src/services/stash/queries.graphql",
    skip_serializing_none
)]
pub struct StopJob;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/services/stash/schema.graphql",
    query_path = "src/services/stash/queries.graphql",
    skip_serializing_none
)]
pub struct SystemStatus;

#[derive(GraphQLQuery)]
#[graphql(
    schema_path = "src/services/stash/schema.graphql",
    query_path = "src/services/stash/queries.graphql",
    skip_serializing_none
)]
pub struct Version;
