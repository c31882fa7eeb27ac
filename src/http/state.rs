//! What every request can reach.

use std::sync::Arc;

use actix::Addr;

use super::wait::Waits;
use crate::actors::health::Health;
use crate::actors::identity::NodeIdentity;
use crate::actors::relay::Relay;
use crate::actors::scheduler::JobScheduler;
use crate::actors::supervisor::JobSupervisor;
use crate::actors::tracker::JobTracker;
use crate::job::{DbPool, Registry};
use crate::store::settings::StoredSettings;

/// Shared by all requests. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// This node.
    pub node: Arc<NodeIdentity>,
    /// The job types.
    pub registry: Registry,
    /// Where commands go.
    pub supervisor: Addr<JobSupervisor>,
    /// Who is told of written schedules.
    pub scheduler: Addr<JobScheduler>,
    /// Where live clients join.
    pub tracker: Addr<JobTracker>,
    /// Told whose logs a client follows, where other nodes may share the database.
    pub relay: Option<Addr<Relay>>,
    /// For reading.
    pub db: DbPool,
    /// What jobs have to be told.
    pub settings: Arc<StoredSettings>,
    /// Requests that wait for jobs.
    pub waits: Arc<Waits>,
    /// For probes.
    pub health: Arc<Health>,
    /// Host names that this server answers to besides loopback ones.
    pub allowed_hosts: Arc<[String]>,
}
