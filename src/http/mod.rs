//! How it is asked.
pub mod state;
