//! The tests of the real thing: the real binary, real Postgres, real HTTP, real WebSockets.

mod cancelling;
mod cleanup;
mod guarantees;
mod life;
mod live;
mod new_types;
mod private_postgres;
mod scan_library;
#[allow(dead_code)] // the benchmarks use the rest
mod support;
