//! Nodes around the rows: processes with handlers and memory, leases, writes under way, and all that can go wrong.
//!
//! A write is sent and applied at some later time, or never, if its sender has died; its answer may be lost, and then it is sent
//! again. So "late" needs no notion of time. What goes wrong is counted, as it could go on for ever.

use std::collections::BTreeSet;

use stashhog::job::{OutcomeKind, Status};
use stateright::{Model, Property};

use crate::promises;
use crate::row::{Life, MAX_RETRIES, Row, Statement};
use crate::state::{Backup, Claimed, End, Job, Lease, Node, Process, Run, State, Stop, Write};

/// What is walked through.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// How many jobs wait when it begins.
    pub jobs: usize,
    /// How many nodes run at a time.
    pub nodes: usize,
    /// How many things may go wrong.
    pub misfortunes: u8,
    /// Whether the database may go back to an earlier state.
    pub goes_back: bool,
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
            goes_back: false,
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
    /// Writes of a run don't name their claim.
    NoFence,
    /// Writes of a run name their attempt, not their claim.
    AttemptIsFence,
    /// Writes of a run don't ask whether the job still runs.
    NoFinality,
    /// A claim leaves the claim id as it is.
    SameClaim,
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
    /// A node that was signed off while it lives, or that the database does not know, stays as it is.
    NeverRegistersAnew,
    /// Clients go on from what they were told before the database went back.
    NobodyStartsAfresh,
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
    /// `nodes::register`, as the renewal found no live row: all runs are dropped, and the process goes on under a fresh id.
    Register(Life),
    /// Misfortune: somebody signs the node off although it lives, or deletes its row.
    Disown(Life),
    /// The state that the database may go back to. It knows of so many nodes: those after them have registered since.
    BackUp(usize),
    /// Misfortune: a failover that loses commits, or a restored backup.
    GoBack,
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
            jobs: vec![Job { row: self.new_row(), ends: 0, told: None, claims: 0 }; self.jobs],
            nodes: vec![Node::NEW; self.nodes],
            claims: BTreeSet::new(),
            runs: BTreeSet::new(),
            writes: BTreeSet::new(),
            misfortunes: self.misfortunes,
            backup: None,
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
            self.add_misfortunes(state, actions);
            match (self.goes_back, &state.backup) {
                (true, None) => {
                    let knows =
                        |known: &usize| state.jobs.iter().all(|job| job.row.node.is_none_or(|node| node < *known));
                    actions.extend((1..=state.nodes.len()).filter(knows).map(Action::BackUp));
                }
                (true, Some(_)) => actions.push(Action::GoBack),
                (false, _) => {}
            }
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
                let first = life != 1 || state.jobs.iter().any(|job| job.claims > 0) || state.nodes.len() > 2;
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
                    Lease::SignedOff | Lease::Unknown if node.process == Process::Up => {
                        actions.push(Action::Register(life));
                    }
                    Lease::Fresh | Lease::SignedOff | Lease::Unknown => {}
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
            // Nobody renews it: one that came back with an older state of the database runs out.
            Process::Replaced if matches!(node.lease, Lease::Fresh | Lease::Late) => actions.push(Action::Lapse(life)),
            Process::Replaced => {}
        }
        if node.claiming {
            actions.extend(pending().map(|job| Action::LateClaim(life, job)));
        }
    }

    fn add_misfortunes(&self, state: &State, actions: &mut Vec<Action>) {
        actions.extend(state.claims.iter().map(|claimed| Action::LoseAnswer(*claimed)));
        let unasked = state.runs.iter().filter(|run| run.stop.is_none());
        actions.extend(unasked.map(|run| Action::End(*run, End::Released)));
        for (life, node) in state.nodes.iter().enumerate().filter(|(_, node)| !node.is_gone()) {
            actions.extend([false, true].map(|claiming| Action::Crash { life, claiming }));
            if node.process == Process::Up {
                actions.push(Action::Drain(life));
                // Others take its jobs at once, whatever the time.
                if node.lease == Lease::Fresh && !self.timely {
                    actions.push(Action::Disown(life));
                }
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
                if let Some(row) = self.claim(state, life, job) {
                    state.claims.insert(Claimed { life, job, claim: row.claim });
                }
            }
            Action::Start(claimed) => self.start(state, claimed),
            Action::LoseAnswer(claimed) => {
                state.misfortunes -= 1;
                state.claims.remove(&claimed);
            }
            Action::LateClaim(life, job) => {
                if self.claim(state, life, job).is_some() {
                    state.nodes[life].claiming = false;
                }
            }
            Action::GiveBack(life, job) if self.bug != Some(Bug::NobodyLooks) => {
                let claim = state.jobs[job].row.claim;
                let known = state.runs.iter().any(|run| (run.life, run.job, run.claim) == (life, job, claim))
                    || state.writes.iter().any(|write| (write.life, write.job, write.claim) == (life, job, claim));
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
                let dead = state.jobs[job].row.node.is_some_and(|node| Self::is_dead(state, node));
                if self.execute(state, job, Statement::Rescue { me: life, dead }).is_some() {
                    state.jobs[job].tell();
                }
            }
            Action::Lapse(life) => self.lapse(state, life),
            Action::Renew(life) => {
                state.nodes[life].lease = Lease::Fresh;
                state.nodes[life].fenced = false;
            }
            Action::Register(life) => self.register(state, life),
            Action::Disown(life) => {
                state.misfortunes -= 1;
                state.nodes[life].end_lease(Lease::SignedOff);
            }
            Action::BackUp(known) => {
                let leases = state.nodes.iter().take(known).map(|node| node.lease).collect();
                state.backup = Some(Backup { jobs: state.jobs.clone(), leases });
            }
            Action::GoBack => self.go_back(state),
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

    fn claim(&self, state: &mut State, me: Life, job: usize) -> Option<Row> {
        let registered = state.nodes[me].is_registered();
        let claim = state.jobs[job].claims + 1;
        let row = self.execute(state, job, Statement::Claim { me, registered, claim })?;
        state.jobs[job].claims = claim;
        Some(row)
    }

    /// The process lives on; its runs have yet to end.
    fn register(&self, state: &mut State, life: Life) {
        if self.bug == Some(Bug::NeverRegistersAnew) {
            return;
        }
        state.stop_all(life);
        state.nodes[life].process = Process::Replaced;
        state.nodes.push(Node::NEW);
    }

    /// What was told is told afresh, and nobody is surprised to lose a job.
    fn go_back(&self, state: &mut State) {
        state.misfortunes -= 1;
        let Some(Backup { jobs, leases }) = state.backup.take() else { return };
        for (now, then) in state.jobs.iter_mut().zip(jobs) {
            let told = now.told.filter(|_| self.bug == Some(Bug::NobodyStartsAfresh));
            *now = Job { told, claims: now.claims, ..then };
        }
        for (life, node) in state.nodes.iter_mut().enumerate() {
            node.end_lease(leases.get(life).copied().unwrap_or(Lease::Unknown));
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
        if !matches!(node.lease, Lease::SignedOff | Lease::Unknown) {
            node.end_lease(Lease::RanOut);
        }
    }

    /// A run of the same job that this node still has is dropped: the runner keeps one a job.
    fn start(&self, state: &mut State, claimed: Claimed) {
        let Claimed { life, job, claim } = claimed;
        state.claims.remove(&claimed);
        for run in state.runs.clone().into_iter().filter(|run| (run.life, run.job) == (life, job)) {
            state.stop(run, Stop::Interrupted);
        }
        let node = state.nodes[life];
        if node.process == Process::Replaced || self.timely && node.lease != Lease::Fresh {
            state.writes.insert(Write { job, claim, life, end: End::Released });
            return;
        }
        let stop = (node.process == Process::Draining).then_some(Stop::Interrupted);
        state.runs.insert(Run { job, claim, life, stop });
    }

    fn end(&self, state: &mut State, run: Run, end: End) {
        if end == End::Released && run.stop.is_none() {
            state.misfortunes -= 1;
        }
        state.runs.remove(&run);
        state.writes.insert(Write { job: run.job, claim: run.claim, life: run.life, end });
        if self.bug == Some(Bug::AnnounceFirst) && end == End::Completed {
            state.jobs[run.job].told = Some(Status::Completed);
        }
    }

    fn store(&self, state: &mut State, write: Write) {
        let claim = write.claim;
        let finish = |outcome| Statement::Finish { claim, outcome, again: true };
        let statement = match write.end {
            End::Completed => finish(OutcomeKind::Completed),
            End::Failed => finish(OutcomeKind::Failed),
            End::Cancelled => finish(OutcomeKind::Cancelled),
            End::Released => Statement::Release { claim },
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
            (Some(Bug::NoFence | Bug::NoFinality), Statement::Finish { claim, outcome, again }) => {
                self.lets_in(&row, claim).then(|| row.finished(outcome, again))
            }
            (Some(Bug::NoFence | Bug::NoFinality), Statement::Release { claim }) => {
                self.lets_in(&row, claim).then(|| row.released())
            }
            (Some(Bug::SameClaim), Statement::Claim { .. }) if row.claim > 0 => {
                after.map(|after| Row { claim: row.claim, ..after })
            }
            // One number for each attempt: two claims that make the same attempt of it are one.
            (Some(Bug::AttemptIsFence), Statement::Claim { .. }) => {
                after.map(|after| Row { claim: after.attempt, ..after })
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

    /// Whether a write under this claim is let in, right or with the bug.
    pub fn lets_in(&self, row: &Row, claim: i32) -> bool {
        match self.bug {
            Some(Bug::NoFence) => row.is_active(),
            Some(Bug::NoFinality) => row.claim == claim,
            _ => row.lets_in(claim),
        }
    }

    /// What a rescue takes a node for.
    fn is_dead(state: &State, life: Life) -> bool {
        matches!(state.nodes[life].lease, Lease::RanOut | Lease::SignedOff | Lease::Unknown)
    }
}
