//! What a server can be asked: found out once for each client.

use graphql_client::QueryBody;
use serde::Deserialize;

use super::super::error::ServiceError;
use super::super::remote::Repeat;
use super::Stash;

/// How scenes are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// By `ids`, with their `groups`: from v0.27 on.
    Groups,
    /// By `scene_ids`, with their `movies`.
    Movies,
}

/// GraphQL's own questions about a schema are no part of the schema: this one is not checked when compiled.
const ASKED: &str = "query Dialect {
  scene: __type(name: \"Scene\") { fields(includeDeprecated: true) { name } }
  query: __type(name: \"Query\") { fields(includeDeprecated: true) { name args { name } } }
}";

#[derive(Deserialize)]
struct Told {
    scene: Type,
    query: Type,
}

#[derive(Deserialize)]
struct Type {
    fields: Vec<Field>,
}

#[derive(Deserialize)]
struct Field {
    name: String,
    #[serde(default)]
    args: Vec<Argument>,
}

#[derive(Deserialize)]
struct Argument {
    name: String,
}

impl Stash {
    pub(super) async fn dialect(&self) -> Result<Dialect, ServiceError> {
        self.dialect.get_or_try_init(|| self.find_out()).await.copied()
    }

    async fn find_out(&self) -> Result<Dialect, ServiceError> {
        let body = QueryBody { variables: (), query: ASKED, operation_name: "Dialect" };
        let told: Told = self.call(Repeat::Safe, &body).await?;
        let has_groups = told.scene.fields.iter().any(|field| field.name == "groups");
        let find = told.query.fields.iter().find(|field| field.name == "findScenes");
        let has_ids = find.is_some_and(|find| find.args.iter().any(|argument| argument.name == "ids"));
        Ok(if has_groups && has_ids { Dialect::Groups } else { Dialect::Movies })
    }
}
