//! How the bus is, for probes and for those who publish.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How this node hears of what other nodes do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BusState)]
pub enum BusState {
    /// No other node lives: there is nothing to hear.
    Alone,
    /// At once.
    Live,
    /// Within a second: the connection is lost, and tried again.
    Lost,
    /// Within a second: it listens and does not hear itself. A connection pooler in transaction mode does that.
    Deaf,
    /// Within a second: it was told not to listen.
    Off,
}

/// The bus as the API shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Bus)]
pub struct BusView {
    /// How this node hears of what other nodes do.
    pub state: BusState,
    /// How many other nodes live, as of the last renewal of the lease.
    pub others: u64,
    /// How many notices it sent, those to itself included.
    pub sent: u64,
    /// How many it heard from others.
    pub heard: u64,
}

/// Figures of the bus.
pub struct BusHealth {
    /// Whether it listens at all.
    on: bool,
    state: AtomicU8,
    others: AtomicU64,
    sent: AtomicU64,
    heard: AtomicU64,
}

const LOST: u8 = 0;
/// Connected, and not heard yet.
const FRESH: u8 = 1;
const LIVE: u8 = 2;
const DEAF: u8 = 3;

impl BusHealth {
    /// Of a bus that is on or off.
    pub const fn new(on: bool) -> Self {
        let zero = AtomicU64::new;
        Self { on, state: AtomicU8::new(LOST), others: zero(0), sent: zero(0), heard: zero(0) }
    }

    /// How many other nodes live.
    pub fn others(&self) -> u64 {
        self.others.load(Ordering::Relaxed)
    }

    /// Notes how many other nodes live.
    pub fn set_others(&self, others: u64) {
        self.others.store(others, Ordering::Relaxed);
    }

    /// Whether notices can be sent.
    pub fn is_connected(&self) -> bool {
        self.state.load(Ordering::Relaxed) != LOST
    }

    /// Notes that there is a connection, over which nothing was heard yet.
    pub fn connected(&self) {
        self.state.store(FRESH, Ordering::Relaxed);
    }

    /// Notes how it is. A change is told once.
    pub fn set(&self, state: BusState) {
        let code = match state {
            BusState::Live => LIVE,
            BusState::Deaf => DEAF,
            BusState::Lost | BusState::Alone | BusState::Off => LOST,
        };
        let before = self.state.swap(code, Ordering::Relaxed);
        match (before, code) {
            (before, DEAF) if before != DEAF => tracing::warn!(
                "the bus is deaf: notifications of Postgres do not arrive here, so what other nodes do is told within a second; \
                 a connection pooler in transaction mode swallows them"
            ),
            (before, LIVE) if before != LIVE => tracing::info!("the bus is live"),
            _ => {}
        }
    }

    /// Counts notices that were sent.
    pub fn sent(&self, notices: usize) {
        self.sent.fetch_add(notices as u64, Ordering::Relaxed);
    }

    /// Counts a notice that was heard.
    pub fn heard(&self) {
        self.heard.fetch_add(1, Ordering::Relaxed);
    }

    /// The bus as the API shows it.
    pub fn view(&self) -> BusView {
        let state = match (self.on, self.others(), self.state.load(Ordering::Relaxed)) {
            (false, ..) => BusState::Off,
            (true, 0, _) => BusState::Alone,
            (true, _, LIVE) => BusState::Live,
            (true, _, DEAF) => BusState::Deaf,
            (true, ..) => BusState::Lost,
        };
        let figure = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        BusView { state, others: self.others(), sent: figure(&self.sent), heard: figure(&self.heard) }
    }
}

#[cfg(test)]
mod tests {
    use super::{BusHealth, BusState};

    #[test]
    fn a_bus_is_told_by_what_matters_most() {
        let bus = BusHealth::new(true);
        assert_eq!(bus.view().state, BusState::Alone);
        bus.set_others(2);
        assert!(!bus.is_connected());
        assert_eq!(bus.view().state, BusState::Lost);
        bus.connected();
        assert!(bus.is_connected());
        assert_eq!(bus.view().state, BusState::Lost, "nothing was heard yet");
        for state in [BusState::Live, BusState::Deaf, BusState::Lost] {
            bus.set(state);
            assert_eq!((bus.view().state, bus.is_connected()), (state, state != BusState::Lost));
        }
        let off = BusHealth::new(false);
        off.set_others(1);
        assert_eq!(off.view().state, BusState::Off);
    }
}
