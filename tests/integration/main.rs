//! The tests of the real thing: the real binary, real Postgres, real HTTP, real WebSockets.

mod cancelling;
mod guarantees;
mod live;
mod private_postgres;
mod support;
