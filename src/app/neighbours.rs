//! How a node is connected to others: its bus, if it has one, and where what is heard goes.

use std::sync::Arc;

use actix::{Actor, Addr, Arbiter};

use super::node::NodeParts;
use crate::actors::bus::{Bus, NoBus, Notice};
use crate::actors::bus_postgres::{Ears, PostgresBus};
use crate::actors::health::Health;
use crate::actors::relay::{NoticeHeard, Relay};
use crate::actors::supervisor::{AskedElsewhere, JobSupervisor, Woken};
use crate::config::BusKind;

/// The bus of a node.
pub(super) struct Neighbours(Option<Arc<PostgresBus>>);

impl Neighbours {
    /// A bus, where others may share the database and it is not switched off.
    pub(super) fn new(parts: &NodeParts, health: &Health) -> Self {
        let wanted = !parts.private && parts.bus == BusKind::Postgres;
        Self(wanted.then(|| {
            PostgresBus::new(Arc::clone(&parts.node), Arc::clone(&parts.database_url), Arc::clone(&health.bus))
        }))
    }

    /// Where to publish.
    pub(super) fn bus(&self) -> Arc<dyn Bus> {
        match &self.0 {
            Some(bus) => Arc::clone(bus) as Arc<dyn Bus>,
            None => Arc::new(NoBus),
        }
    }

    /// Begins to listen. The relay lives with the bus, on a thread of theirs; where there is no relay, nobody is to be heard.
    pub(super) fn listen(self, relay: Option<Relay>, supervisor: &Addr<JobSupervisor>) -> Option<Addr<Relay>> {
        let relay = relay?;
        let thread = Arbiter::new().handle();
        let relay = Relay::start_in_arbiter(&thread, |_| relay);
        if let Some(bus) = self.0 {
            thread.spawn(bus.run(ears(relay.clone(), supervisor.clone())));
        }
        Some(relay)
    }
}

fn ears(relay: Addr<Relay>, supervisor: Addr<JobSupervisor>) -> Ears {
    Box::new(move |notice| match notice {
        Notice::Claimable(types) => supervisor.do_send(Woken(types)),
        Notice::Cancel(ids) => supervisor.do_send(AskedElsewhere(ids)),
        Notice::Jobs(_) | Notice::Removed => relay.do_send(NoticeHeard(notice)),
    })
}
