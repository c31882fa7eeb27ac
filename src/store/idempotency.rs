//! Requests that came with an idempotency key, and their answers, for a day.
//!
//! A key is reserved by a committed row before its request is executed. Its answer is stored into that row. A crash between the
//! two leaves a reservation that the next repetition takes over; the ids that a request gives follow from the row's `seed`, so
//! what the first execution has stored is found and not made again.

use diesel::QueryResult;
use diesel::dsl::{now, sql};
use diesel::prelude::{BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl};
use diesel::sql_types::{Bool, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use super::clock;
use super::schema::idempotency_keys as keys;

/// Keys that are forgotten by one call.
const FORGOTTEN_AT_ONCE: i64 = 1_000;

/// A request with a key.
#[derive(Clone, Debug)]
pub struct KeyedRequest {
    /// The key, as the client chose it.
    pub key: String,
    /// SHA-256 of the whole request.
    pub request: Vec<u8>,
    /// The node that would execute it.
    pub node: Uuid,
}

/// What a key says about a request.
#[derive(Clone, Debug)]
pub enum Reservation {
    /// It is to be executed: this is the first request with the key, or the executions before left no answer.
    Execute(Execution),
    /// It was answered.
    Answered(KeptAnswer),
    /// It is being executed.
    InProgress,
    /// The key belongs to another request.
    Reused,
}

/// An execution of a request.
#[derive(Clone, Debug)]
pub struct Execution {
    /// The request's key.
    pub key: String,
    /// A fresh id: only the latest execution may store an answer.
    pub execution: Uuid,
    /// What the ids follow from that the request gives.
    pub seed: Uuid,
}

/// An answer that is kept.
#[derive(Clone, Debug)]
pub struct KeptAnswer {
    /// Its HTTP status.
    pub status: u16,
    /// Its headers: an object of strings.
    pub headers: Value,
    /// Its body.
    pub body: Vec<u8>,
}

type Row = (Vec<u8>, Uuid, Option<i16>, Option<Value>, Option<Vec<u8>>, bool);

/// Reserves a key for a request. Call it in a transaction, and execute the request once that is committed.
pub async fn reserve(conn: &mut AsyncPgConnection, request: &KeyedRequest) -> QueryResult<Reservation> {
    let (execution, key) = (clock::new_id(), &request.key);
    let old = keys::table.find(key).filter(keys::created_at.lt(a_day_ago()));
    diesel::delete(old).execute(conn).await?;
    let inserted = diesel::insert_into(keys::table)
        .values((
            keys::key.eq(key),
            keys::request.eq(&request.request),
            keys::seed.eq(execution),
            keys::node_id.eq(request.node),
            keys::execution.eq(execution),
        ))
        .on_conflict_do_nothing()
        .execute(conn)
        .await?;
    let execute = |seed| Reservation::Execute(Execution { key: key.clone(), execution, seed });
    if inserted == 1 {
        return Ok(execute(execution));
    }
    // An execution takes less than two minutes, unless its node is stopped or dead.
    let executes = sql::<Bool>(
        "(node_id IS NOT NULL AND begun_at > now() - interval '2 minutes' AND EXISTS (
             SELECT FROM nodes WHERE nodes.id = node_id AND stopped_at IS NULL AND renewed_at > now() - interval '10 seconds'))",
    );
    let columns = (keys::request, keys::seed, keys::status, keys::headers, keys::body, executes);
    let found: Option<Row> = keys::table.find(key).select(columns).for_update().first(conn).await.optional()?;
    Ok(match found {
        Some((known, ..)) if known != request.request => Reservation::Reused,
        Some((_, _, Some(status), headers, body, _)) => Reservation::Answered(KeptAnswer {
            status: u16::try_from(status).unwrap_or(500), // never: it was one
            headers: headers.unwrap_or_default(),
            body: body.unwrap_or_default(),
        }),
        Some((.., false)) => {
            let taken = (keys::execution.eq(execution), keys::node_id.eq(request.node), keys::begun_at.eq(now));
            let row = diesel::update(keys::table.find(key)).set(taken).returning(keys::seed);
            execute(row.get_result(conn).await?)
        }
        // Deleted at this moment: asking again makes another.
        Some(_) | None => Reservation::InProgress,
    })
}

/// Keeps the answer of an execution, or, with none, lets the request be executed again.
pub async fn end(conn: &mut AsyncPgConnection, of: &Execution, answer: Option<KeptAnswer>) -> QueryResult<usize> {
    let own = keys::table.find(&of.key).filter(keys::execution.eq(of.execution).and(keys::status.is_null()));
    let update = diesel::update(own);
    match answer {
        None => update.set(keys::node_id.eq(None::<Uuid>)).execute(conn).await,
        Some(KeptAnswer { status, headers, body }) => {
            let status = i16::try_from(status).unwrap_or(i16::MAX); // never: it has three digits
            let answer = (keys::status.eq(status), keys::headers.eq(headers), keys::body.eq(body));
            update.set(answer).execute(conn).await
        }
    }
}

/// Forgets keys that are older than a day; at most 1,000 a call.
pub async fn forget_old(conn: &mut AsyncPgConnection) -> QueryResult<usize> {
    let old = keys::table.filter(keys::created_at.lt(a_day_ago())).order(keys::created_at).limit(FORGOTTEN_AT_ONCE);
    let old: Vec<String> = old.select(keys::key).load(conn).await?;
    if old.is_empty() {
        return Ok(0);
    }
    diesel::delete(keys::table.filter(keys::key.eq_any(old))).execute(conn).await
}

fn a_day_ago() -> diesel::expression::SqlLiteral<Timestamptz> {
    sql("now() - interval '24 hours'")
}
