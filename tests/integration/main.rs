//! The tests of the real thing: the real binary, real Postgres, real HTTP, real WebSockets.

mod api;
mod bad_input;
mod bad_paths;
mod bad_sockets;
mod bulk;
mod cancelling;
mod creating;
mod foreign;
mod guarantees;
mod history;
mod listing;
mod live;
mod new_types;
mod private_postgres;
mod retrying;
#[allow(dead_code)] // the benchmarks use the rest
mod support;
