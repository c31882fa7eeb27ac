//! Runs that wait for their children: their slots go back, and they take one again before others are started.
//!
//! With that, jobs that wait for jobs of their own type end with one slot too. Books are kept per run: one that waits holds no
//! slot, whatever becomes of it; one that wants its slot back comes before every claim, except those that a claim under way was
//! promised.

use std::mem;

use actix::{Context, Handler, Message};
use tokio::sync::oneshot;

use super::{JobSupervisor, RunnerPlace, RunningJob};
use crate::job::Fence;
use crate::store::claim::Room;

/// Fact: a run waits for its children and needs no slot.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Park {
    /// The run.
    pub fence: Fence,
}

/// Command: give this run a slot again.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Resume {
    /// The run.
    pub fence: Fence,
    /// Told when it has one, or dropped when it needs none. None when it goes on already, and has to be counted.
    pub grant: Option<oneshot::Sender<()>>,
}

/// What a run has of its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// One of its type's slots.
    Slot,
    /// Nothing: it waits for its children, or for a slot to go on.
    Nothing,
    /// Nothing more: its handler is over, and its end is being stored.
    Ended,
}

/// A run that wants a slot to go on.
pub(super) struct Returning {
    fence: Fence,
    grant: oneshot::Sender<()>,
}

impl RunningJob {
    /// Whether it is this run, and waits for its children or for a slot.
    fn waits(&self, fence: Fence) -> bool {
        self.fence == fence && self.holds == Holds::Nothing
    }
}

impl RunnerPlace {
    fn has_room(&self) -> bool {
        self.busy + self.promised < self.slots
    }
}

impl JobSupervisor {
    /// Notes what a claim that begins may fill.
    pub(super) fn promise(&mut self, rooms: &[Room]) {
        for room in rooms {
            if let Some(place) = self.runners.get_mut(room.type_name) {
                place.promised = room.slots;
            }
        }
    }

    /// A claim is over: what it left can be given to others.
    pub(super) fn redeem(&mut self) {
        for place in self.runners.values_mut() {
            place.promised = 0;
        }
        self.let_return();
    }

    /// Gives free slots to runs that want to go on, in the order in which they asked.
    pub(super) fn let_return(&mut self) {
        for place in self.runners.values_mut() {
            while place.has_room()
                && let Some(returning) = place.returning.pop_front()
            {
                if let Some(run) =
                    self.running.get_mut(&returning.fence.job_id).filter(|run| run.waits(returning.fence))
                    && returning.grant.send(()).is_ok()
                {
                    run.holds = Holds::Slot;
                    place.busy += 1;
                }
            }
        }
    }

    fn park(&mut self, park: &Park, ctx: &mut Context<Self>) {
        let Some(run) = self.running.get_mut(&park.fence.job_id).filter(|run| run.fence == park.fence) else { return };
        let type_name = run.type_name;
        match run.holds {
            Holds::Ended => return,
            Holds::Slot => {
                run.holds = Holds::Nothing;
                self.busy(type_name, |busy| busy.saturating_sub(1));
            }
            // It wanted to go on and waits again: whoever wanted it is told by the drop.
            Holds::Nothing => {
                if let Some(place) = self.runners.get_mut(type_name) {
                    place.returning.retain(|returning| returning.fence != park.fence);
                }
            }
        }
        self.let_return();
        self.claim_due = true;
        self.turn(ctx);
    }

    fn resume(&mut self, resume: Resume) {
        let Resume { fence, grant } = resume;
        let Some(run) = self.running.get_mut(&fence.job_id).filter(|run| run.waits(fence)) else { return };
        let Some(place) = self.runners.get_mut(run.type_name) else { return };
        match grant {
            Some(grant) => place.returning.push_back(Returning { fence, grant }),
            None => {
                run.holds = Holds::Slot;
                place.busy += 1;
            }
        }
        self.let_return();
    }

    /// The handler of a run is over: its slot, if it has one, is free. Whether that is news.
    pub(super) fn give_back(&mut self, fence: Fence) -> bool {
        let Some(run) = self.running.get_mut(&fence.job_id).filter(|run| run.fence == fence) else { return false };
        let type_name = run.type_name;
        let had_slot = mem::replace(&mut run.holds, Holds::Ended) == Holds::Slot;
        if had_slot {
            self.busy(type_name, |busy| busy.saturating_sub(1));
            self.let_return();
        }
        had_slot
    }
}

impl Handler<Park> for JobSupervisor {
    type Result = ();

    fn handle(&mut self, park: Park, ctx: &mut Self::Context) {
        self.park(&park, ctx);
    }
}

impl Handler<Resume> for JobSupervisor {
    type Result = ();

    fn handle(&mut self, resume: Resume, _: &mut Self::Context) {
        self.resume(resume);
    }
}
