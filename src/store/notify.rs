//! `LISTEN` and `NOTIFY`: how nodes hear of each other's doings without asking. What is sent is short and may be lost.

use diesel::QueryResult;
use diesel::sql_types::{Array, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use super::statement::{Binds, Cached, Statement};

/// The longest payload, in bytes: Postgres takes less than 8,000.
pub const PAYLOAD_BYTES: usize = 7_900;

/// Lets this connection hear what is sent from now on, by itself too.
pub async fn listen(conn: &mut AsyncPgConnection) -> QueryResult<()> {
    conn.batch_execute("LISTEN stashhog").await
}

/// Sends payloads to all that listen in this database, in one transaction.
pub async fn notify(conn: &mut AsyncPgConnection, payloads: &[String]) -> QueryResult<usize> {
    Cached(Send { payloads: payloads.to_vec() }).execute(conn).await
}

/// The payload that says that there may be jobs of a type to be claimed, sent by nobody's node: every server that listens looks.
pub fn claimable(type_name: &str) -> String {
    format!("{NO_NODE} claimable {type_name}")
}

/// The nil UUID, as the bus writes ids.
const NO_NODE: &str = "AAAAAAAAAAAAAAAAAAAAAA";

struct Send {
    payloads: Vec<String>,
}

impl Statement for Send {
    type Row = ();

    const SQL: &'static str = "SELECT pg_notify('stashhog', payload) FROM unnest($1) AS s (payload)";

    fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()> {
        binds.add::<Array<Text>, _>(&self.payloads)
    }
}
