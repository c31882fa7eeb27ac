//! Nodes around the rows: processes with handlers and memory, leases, writes under way, and all that can go wrong.
//!
//! A write is sent and applied at some later time, or never, if its sender has died; its answer may be lost, and then it is sent
//! again. So "late" needs no notion of time. What goes wrong is counted, as it could go on for ever.

use std::collections::BTreeSet;

use stashhog::job::{OutcomeKind, Status};
use stateright::{Model, Property};

use crate::promises;
use crate::row::{Life, MAX_RETRIES, Row, Statement};
use crate::state::{Claimed, End, Job, Lease, Node, Process, Run, State, Stop, Write};

/// What is walked through.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// How many jobs wait when it begins.
    pub jobs: usize,
    /// How many nodes run at a time.
    pub nodes: usize,
    /// How many things may go wrong.
    pub misfortunes: u8,
    /// Whether the database is one data directory's, whose lock keeps a second process out.
    pub alone: bool,
    /// Whether somebody cancels.
    pub cancels: bool,
    /// Whether handlers fail, and are tried again.
    pub retries: bool,
    /// Whether processes keep time: one that can't renew has stopped its handlers before its lease runs out.
    pub timely: bool,
    /// What is broken.
    pub bug: Option<Bug>,
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            jobs: 1,
            nodes: 2,
            misfortunes: 1,
            alone: false,
            cancels: true,
            retries: false,
            timely: false,
            bug: None,
        }
    }
}

/// A line that somebody got wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// Writes of a run don't name their attempt.
    NoFence,
    /// Writes of a run don't ask whether the job still runs.
    NoFinality,
    /// A claim leaves the attempt as it is.
    SameAttempt,
    /// Clients are told of an end when the handler returns.
    AnnounceFirst,
    /// A rescue takes what any other node has.
    RescueIgnoresLease,
    /// A rescue gives a cancelling job back to the queue.
    RescueForgetsCancel,
    /// Nobody looks for jobs whose claim was not answered.
    NobodyLooks,
    /// Whoever looks for them does so while an answer is under way.
    LooksTooEarly,
    /// A node that can't renew goes on.
    NoSelfFence,
}

/// A step, and the code that takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// `claim::claim`, stored.
    Claim(Life, usize),
    /// The claim's answer reaches the supervisor, which starts the handler.
    Start(Claimed),
    /// Misfortune: the claim's answer is lost with the connection.
    LoseAnswer(Claimed),
    /// A claim that was under way when its process died is stored.
    LateClaim(Life, usize),
    /// `rescue::unknown`: the node gives back what it holds without knowing.
    GiveBack(Life, usize),
    /// `cancel::request`.
    Request(usize),
    /// The wish reaches the handler: by the tracker's batch, or by `cancel::asked`.
    Deliver(Run),
    /// The handler ends, by itself, aborted or abandoned, and its end is sent. Released without a stop: its runner died, a
    /// misfortune.
    End(Run, End),
    /// `finish::finish` or `finish::release`, stored and answered: the tracker tells.
    Store(Write),
    /// The same, but the answer is lost: it will be sent again.
    StoreUnanswered(Write),
    /// Time goes by and the lease is not renewed. A misfortune when the process lives: it is slow, stopped, or cut off.
    Lapse(Life),
    /// `nodes::renew`.
    Renew(Life),
    /// The node could not renew: it tells its handlers to stop.
    Fence(Life),
    /// `rescue::rescue`.
    Rescue(Life, usize),
    /// Misfortune: `kill -9`, perhaps while a claim is under way.
    Crash { life: Life, claiming: bool },
    /// Misfortune, or an operator: SIGTERM.
    Drain(Life),
    /// `nodes::sign_off`, at the end of the drain, whatever came of it.
    SignOff(Life),
    /// The drained process ends.
    Exit(Life),
    /// A process starts on a data directory: it signs its predecessor off and enters with an id of its own.
    Restart(Life),
}

impl Model for Cluster {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            jobs: vec![Job { row: self.new_row(), ends: 0, told: None }; self.jobs],
            nodes: vec![Node::NEW; self.nodes],
            claims: BTreeSet::new(),
            runs: BTreeSet::new(),
            writes: BTreeSet::new(),
            misfortunes: self.misfortunes,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.is_over() {
            return;
        }
        if self.cancels {
            actions.extend(state.jobs_that(|row| !row.status.is_terminal()).map(Action::Request));
        }
        actions.extend(state.claims.iter().map(|claimed| Action::Start(*claimed)));
        for run in &state.runs {
            self.actions_of_run(state, *run, actions);
        }
        for write in &state.writes {
            actions.push(Action::Store(*write));
            if !state.nodes[write.life].is_gone() {
                actions.push(Action::StoreUnanswered(*write));
            }
        }
        for life in 0..state.nodes.len() {
            self.actions_of_node(state, life, actions);
        }
        if state.misfortunes > 0 {
            Self::add_misfortunes(state, actions);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        self.take(&mut next, action);
        next.tidy();
        (next != *state).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promises::promises(self)
    }
}

impl Cluster {
    fn new_row(&self) -> Row {
        let failures = if self.retries { 0 } else { MAX_RETRIES };
        Row { failures, ..Row::NEW }
    }

    fn actions_of_run(&self, state: &State, run: Run, actions: &mut Vec<Action>) {
        if state.jobs[run.job].row.status == Status::Cancelling && run.stop.is_none() {
            actions.push(Action::Deliver(run));
        }
        actions.push(Action::End(run, End::Completed));
        if self.retries {
            actions.push(Action::End(run, End::Failed));
        }
        match run.stop {
            Some(Stop::Cancelled) => actions.push(Action::End(run, End::Cancelled)),
            Some(Stop::Interrupted) => actions.push(Action::End(run, End::Released)),
            None => {}
        }
    }

    fn actions_of_node(&self, state: &State, life: Life, actions: &mut Vec<Action>) {
        let node = state.nodes[life];
        // Most statements would be refused: not trying them spares most of the time.
        let pending = || state.jobs_that(|row| row.status == Status::Pending);
        let active = || state.jobs_that(Row::is_active);
        match node.process {
            Process::Up | Process::Draining => {
                // One connection: between a claim and its answer nothing else is done on it.
                let listening = !state.claims.iter().any(|claimed| claimed.life == life);
                let claims = !node.fenced && (node.lease == Lease::Fresh || !self.timely);
                // Both nodes are alike: the one that claims first is called the first.
                let first = life != 1 || state.jobs.iter().any(|job| job.row.attempt > 0) || state.nodes.len() > 2;
                if node.process == Process::Up && listening && claims && first {
                    actions.extend(pending().map(|job| Action::Claim(life, job)));
                }
                if listening || self.bug == Some(Bug::LooksTooEarly) {
                    actions.extend(active().map(|job| Action::GiveBack(life, job)));
                }
                if listening {
                    actions.extend(active().map(|job| Action::Rescue(life, job)));
                }
                match node.lease {
                    Lease::Late | Lease::RanOut => actions.extend([Action::Renew(life), Action::Fence(life)]),
                    Lease::Fresh | Lease::SignedOff => {}
                }
                if node.lease == Lease::Late && self.may_lapse(state, life) {
                    actions.push(Action::Lapse(life));
                }
                if node.process == Process::Draining {
                    match node.lease {
                        Lease::SignedOff => actions.push(Action::Exit(life)),
                        _ if self.may_lapse(state, life) => actions.push(Action::SignOff(life)),
                        _ => {}
                    }
                }
            }
            Process::Gone => actions.extend([Action::Lapse(life), Action::Restart(life)]),
            Process::Replaced => {}
        }
        if node.claiming {
            actions.extend(pending().map(|job| Action::LateClaim(life, job)));
        }
    }

    fn add_misfortunes(state: &State, actions: &mut Vec<Action>) {
        actions.extend(state.claims.iter().map(|claimed| Action::LoseAnswer(*claimed)));
        let unasked = state.runs.iter().filter(|run| run.stop.is_none());
        actions.extend(unasked.map(|run| Action::End(*run, End::Released)));
        for (life, node) in state.nodes.iter().enumerate().filter(|(_, node)| !node.is_gone()) {
            actions.extend([false, true].map(|claiming| Action::Crash { life, claiming }));
            if node.process == Process::Up {
                actions.push(Action::Drain(life));
            }
            if node.lease == Lease::Fresh {
                actions.push(Action::Lapse(life));
            }
        }
    }

    /// Whether others may take a living process's jobs. One that keeps time has seen to it that nothing of it runs then.
    fn may_lapse(&self, state: &State, life: Life) -> bool {
        !self.timely
            || self.bug == Some(Bug::NoSelfFence)
            || !state.runs.iter().any(|run| run.life == life)
                && !state.claims.iter().any(|claimed| claimed.life == life)
    }

    fn take(&self, state: &mut State, action: Action) {
        match action {
            Action::Claim(life, job) => {
                if let Some(row) = self.execute(state, job, Statement::Claim(life)) {
                    state.claims.insert(Claimed { life, job, attempt: row.attempt });
                }
            }
            Action::Start(claimed) => self.start(state, claimed),
            Action::LoseAnswer(claimed) => {
                state.misfortunes -= 1;
                state.claims.remove(&claimed);
            }
            Action::LateClaim(life, job) => {
                if self.execute(state, job, Statement::Claim(life)).is_some() {
                    state.nodes[life].claiming = false;
                }
            }
            Action::GiveBack(life, job) if self.bug != Some(Bug::NobodyLooks) => {
                let known = state.runs.iter().any(|run| (run.life, run.job) == (life, job))
                    || state.writes.iter().any(|write| (write.life, write.job) == (life, job));
                self.execute(state, job, Statement::Unknown { me: life, known });
            }
            Action::GiveBack(..) => {}
            Action::Request(job) => {
                self.execute(state, job, Statement::Request);
                state.jobs[job].tell();
            }
            Action::Deliver(run) => state.stop(run, Stop::Cancelled),
            Action::End(run, end) => self.end(state, run, end),
            Action::Store(write) => {
                self.store(state, write);
                state.writes.remove(&write);
                if !state.nodes[write.life].is_gone() {
                    state.jobs[write.job].tell();
                }
            }
            Action::StoreUnanswered(write) => self.store(state, write),
            Action::Rescue(life, job) => {
                let dead = state.jobs[job].row.node.is_some_and(|node| self.is_dead(state, node));
                if self.execute(state, job, Statement::Rescue { me: life, dead }).is_some() {
                    state.jobs[job].tell();
                }
            }
            Action::Lapse(life) => self.lapse(state, life),
            Action::Renew(life) => {
                state.nodes[life].lease = Lease::Fresh;
                state.nodes[life].fenced = false;
            }
            Action::Fence(life) => {
                state.nodes[life].fenced = true;
                state.stop_all(life);
            }
            Action::Crash { life, claiming } => {
                state.misfortunes -= 1;
                state.nodes[life].process = Process::Gone;
                state.nodes[life].claiming = claiming;
                state.forget(life);
            }
            Action::Drain(life) => {
                state.misfortunes -= 1;
                state.nodes[life].process = Process::Draining;
                state.stop_all(life);
            }
            Action::SignOff(life) => state.nodes[life].end_lease(Lease::SignedOff),
            Action::Exit(life) => {
                state.nodes[life].process = Process::Gone;
                state.forget(life);
            }
            Action::Restart(life) => {
                state.nodes[life].process = Process::Replaced;
                state.nodes[life].end_lease(Lease::SignedOff);
                state.nodes.push(Node::NEW);
            }
        }
    }

    /// Only who keeps time makes use of the time between late and over.
    fn lapse(&self, state: &mut State, life: Life) {
        let node = &mut state.nodes[life];
        if node.lease == Lease::Fresh && !node.is_gone() {
            state.misfortunes -= 1;
            if self.timely {
                node.lease = Lease::Late;
                return;
            }
        }
        if node.lease != Lease::SignedOff {
            node.end_lease(Lease::RanOut);
        }
    }

    /// A run of the same job that this node still has is dropped: the runner keeps one a job.
    fn start(&self, state: &mut State, claimed: Claimed) {
        let Claimed { life, job, attempt } = claimed;
        state.claims.remove(&claimed);
        for run in state.runs.clone().into_iter().filter(|run| (run.life, run.job) == (life, job)) {
            state.stop(run, Stop::Interrupted);
        }
        let node = state.nodes[life];
        if self.timely && node.lease != Lease::Fresh {
            state.writes.insert(Write { job, attempt, life, end: End::Released });
            return;
        }
        let stop = (node.process == Process::Draining).then_some(Stop::Interrupted);
        state.runs.insert(Run { job, attempt, life, stop });
    }

    fn end(&self, state: &mut State, run: Run, end: End) {
        if end == End::Released && run.stop.is_none() {
            state.misfortunes -= 1;
        }
        state.runs.remove(&run);
        state.writes.insert(Write { job: run.job, attempt: run.attempt, life: run.life, end });
        if self.bug == Some(Bug::AnnounceFirst) && end == End::Completed {
            state.jobs[run.job].told = Some(Status::Completed);
        }
    }

    fn store(&self, state: &mut State, write: Write) {
        let attempt = write.attempt;
        let finish = |outcome| Statement::Finish { attempt, outcome, again: true };
        let statement = match write.end {
            End::Completed => finish(OutcomeKind::Completed),
            End::Failed => finish(OutcomeKind::Failed),
            End::Cancelled => finish(OutcomeKind::Cancelled),
            End::Released => Statement::Release { attempt },
        };
        self.execute(state, write.job, statement);
    }

    /// Executes a statement, right or with the bug in it.
    fn execute(&self, state: &mut State, job: usize, statement: Statement) -> Option<Row> {
        let job = &mut state.jobs[job];
        let after = self.after(job.row, statement)?;
        if after.status.is_terminal() {
            job.ends += 1;
        }
        job.row = after;
        Some(after)
    }

    fn after(&self, row: Row, statement: Statement) -> Option<Row> {
        let after = row.after(statement);
        match (self.bug, statement) {
            (Some(Bug::NoFence | Bug::NoFinality), Statement::Finish { attempt, outcome, again }) => {
                self.lets_in(&row, attempt).then(|| row.finished(outcome, again))
            }
            (Some(Bug::NoFence | Bug::NoFinality), Statement::Release { attempt }) => {
                self.lets_in(&row, attempt).then(|| row.released())
            }
            (Some(Bug::SameAttempt), Statement::Claim(_)) if row.attempt > 0 => {
                after.map(|after| Row { attempt: row.attempt, ..after })
            }
            (Some(Bug::RescueIgnoresLease), Statement::Rescue { me, .. }) => {
                row.after(Statement::Rescue { me, dead: true })
            }
            (Some(Bug::RescueForgetsCancel), Statement::Rescue { .. }) => {
                after.map(|after| Row { status: if row.asked { Status::Pending } else { after.status }, ..after })
            }
            _ => after,
        }
    }

    /// Whether a write of this attempt is let in, right or with the bug.
    pub fn lets_in(&self, row: &Row, attempt: i32) -> bool {
        match self.bug {
            Some(Bug::NoFence) => row.is_active(),
            Some(Bug::NoFinality) => row.attempt == attempt,
            _ => row.lets_in(attempt),
        }
    }

    /// What a rescue takes a node for.
    fn is_dead(&self, state: &State, life: Life) -> bool {
        self.alone || matches!(state.nodes[life].lease, Lease::RanOut | Lease::SignedOff)
    }
}
