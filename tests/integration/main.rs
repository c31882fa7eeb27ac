//! The tests of the real thing: the real binary, real Postgres, real HTTP, real WebSockets.

mod bad_sockets;
mod cancelling;
mod foreign;
mod guarantees;
mod live;
mod new_types;
mod private_postgres;
#[allow(dead_code)] // the benchmarks use the rest
mod support;
