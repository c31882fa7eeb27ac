//! The tests of the real thing: the real binary, real Postgres, real HTTP, real WebSockets.

mod api;
mod bad_input;
mod bad_paths;
mod bad_sockets;
mod bulk;
mod cancelling;
mod cleanup;
mod cluster;
mod cluster_fencing;
mod command_line;
mod creating;
mod curve;
mod drill;
mod explaining;
mod foreign;
mod guarantees;
mod history;
mod life;
mod listing;
mod live;
mod new_types;
mod nodes;
mod pausing;
mod policies;
mod private_postgres;
mod retrying;
mod scan_library;
mod schedules;
mod schedules_cli;
mod schedules_firing;
mod schedules_missed;
mod stash_service;
#[allow(dead_code)] // the benchmarks use the rest
mod support;
mod test_kit;
mod workflows;
