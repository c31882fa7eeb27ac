//! SQL text whose prepared statement is kept by the connection.
//!
//! `diesel::sql_query` is prepared anew on every call, which costs half of the throughput of a claim or a finish. A
//! [`Statement`] is written by hand like it, but has an identity: each connection prepares it once.

use std::marker::PhantomData;

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::HasSqlType;

/// A statement with its binds.
pub(super) trait Statement: 'static {
    /// The SQL types of the rows that it returns; `()` for none.
    type Row;

    /// What follows the declaration of the binds, `WITH declared AS (SELECT $1, $2 …)`. It names them by number.
    const SQL: &'static str;

    /// Declares the binds in order: `$1`, `$2`, …
    fn bind<'b>(&'b self, binds: &mut Binds<'_, '_, 'b>) -> QueryResult<()>;
}

/// Where a statement declares its binds.
pub(super) struct Binds<'p, 'a, 'b> {
    pass: &'p mut AstPass<'a, 'b, Pg>,
    separator: &'static str,
}

impl<'b> Binds<'_, '_, 'b> {
    /// Declares the next bind as SQL type `T`.
    pub(super) fn add<T, U>(&mut self, value: &'b U) -> QueryResult<()>
    where
        Pg: HasSqlType<T>,
        U: ToSql<T, Pg> + ?Sized,
    {
        self.pass.push_sql(self.separator);
        self.separator = ", ";
        self.pass.push_bind_param::<T, U>(value)
    }
}

/// A [`Statement`] as a query of diesel.
pub(super) struct Cached<S>(pub(super) S);

/// The identity of a statement: its Rust type.
pub(super) struct Identity<S>(PhantomData<S>);

impl<S: Statement> QueryId for Cached<S> {
    type QueryId = Identity<S>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<S: Statement> Query for Cached<S> {
    type SqlType = S::Row;
}

impl<S: Statement> QueryFragment<Pg> for Cached<S> {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        pass.push_sql("WITH declared AS (SELECT ");
        self.0.bind(&mut Binds { pass: &mut pass, separator: "" })?;
        pass.push_sql(") ");
        pass.push_sql(S::SQL);
        Ok(())
    }
}
