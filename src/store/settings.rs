//! What was set through the API. Secrets are stored encrypted: [`Vault`].

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::dsl::now;
use diesel::pg::Pg;
use diesel::prelude::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel::{QueryResult, Queryable, Selectable};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::read::{ReadError, read};
use super::schema::settings;
use super::vault::Vault;
use crate::job::{DbPool, SettingSpec, Settings, SettingsFromEnvironment, SettingsSource};

/// A setting that was set.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = settings, check_for_backend(Pg))]
pub struct SetSetting {
    /// Its name.
    pub name: String,
    /// Its value, unless it is secret.
    pub value: Option<Value>,
    /// Its value when it is.
    pub secret: Option<Vec<u8>>,
    /// When it was set.
    pub updated_at: DateTime<Utc>,
    /// By whom.
    pub updated_by: String,
}

/// A value on its way into the database.
#[derive(Clone, Debug)]
pub enum NewValue {
    /// One that all may see.
    Plain(Value),
    /// One that is encrypted.
    Sealed(Vec<u8>),
    /// None: what the environment says holds again, or the default.
    Nothing,
}

/// Everything that was set.
pub async fn all(conn: &mut AsyncPgConnection) -> QueryResult<Vec<SetSetting>> {
    settings::table.order(settings::name).select(SetSetting::as_select()).load(conn).await
}

/// Keeps others from changing settings until the transaction ends. Reading goes on.
pub async fn lock(conn: &mut AsyncPgConnection) -> QueryResult<()> {
    conn.batch_execute("LOCK TABLE settings IN SHARE ROW EXCLUSIVE MODE").await
}

/// Sets one setting, or takes it back.
pub async fn set(conn: &mut AsyncPgConnection, name: &str, value: NewValue, actor: &str) -> QueryResult<()> {
    let (value, secret) = match value {
        NewValue::Plain(value) => (Some(value), None),
        NewValue::Sealed(secret) => (None, Some(secret)),
        NewValue::Nothing => {
            diesel::delete(settings::table.find(name)).execute(conn).await?;
            return Ok(());
        }
    };
    let row = (settings::value.eq(value), settings::secret.eq(secret), settings::updated_by.eq(actor));
    diesel::insert_into(settings::table)
        .values((settings::name.eq(name), row.clone()))
        .on_conflict(settings::name)
        .do_update()
        .set((row, settings::updated_at.eq(now)))
        .execute(conn)
        .await?;
    Ok(())
}

/// The settings of this node: what was set, over its environment, over the defaults.
pub struct StoredSettings {
    db: DbPool,
    environment: SettingsFromEnvironment,
    /// Encrypts what is secret.
    pub vault: Vault,
}

impl StoredSettings {
    /// Settings of a database, and of the environment of this process.
    pub fn new(db: DbPool, environment: SettingsFromEnvironment, vault: Vault) -> Self {
        Self { db, environment, vault }
    }

    /// The settings as they stand, and who set those that were set.
    pub async fn now(&self) -> Result<(Settings, Vec<SetSetting>), ReadError> {
        let rows = read(&self.db, async |conn| all(conn).await).await?;
        Ok((self.resolve(&rows), rows))
    }

    /// The settings as they would be with these values; null takes back what was set.
    pub async fn trying(&self, typed: &[(&'static SettingSpec, Value)]) -> Result<Settings, ReadError> {
        let mut set = self.values(&read(&self.db, async |conn| all(conn).await).await?);
        for (spec, value) in typed {
            if value.is_null() {
                set.remove(spec.name);
            } else {
                set.insert(spec.name.to_owned(), Ok(value.clone()));
            }
        }
        Ok(Settings::resolve(&self.environment, set))
    }

    /// The settings with these rows set.
    pub fn resolve(&self, rows: &[SetSetting]) -> Settings {
        Settings::resolve(&self.environment, self.values(rows))
    }

    fn values(&self, rows: &[SetSetting]) -> HashMap<String, Result<Value, String>> {
        let value = |row: &SetSetting| match (&row.value, &row.secret) {
            (Some(value), _) => Ok(value.clone()),
            (None, secret) => self.vault.unseal(&row.name, secret.as_deref().unwrap_or_default()).map(Value::from),
        };
        rows.iter().map(|row| (row.name.clone(), value(row))).collect()
    }
}

/// A job's way to the settings: shared with the API, so that a change is in force for the next job.
#[derive(Clone)]
pub struct SharedSettings(pub Arc<StoredSettings>);

/// Between two tries while the database is away.
const PAUSE: Duration = Duration::from_millis(500);

impl SettingsSource for SharedSettings {
    /// Waits for a database that is away: that its settings could not be read is no failure of a job.
    fn load(&self) -> BoxFuture<'static, anyhow::Result<Settings>> {
        let stored = Arc::clone(&self.0);
        async move {
            loop {
                match stored.now().await {
                    Ok((settings, _)) => return Ok(settings),
                    Err(error) => tracing::warn!(%error, "the settings can't be read, trying again"),
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
        .boxed()
    }
}
