//! What the supervisor and people need to know of a job type, written once beside its parameters.
//!
//! All of it is `const`: a spec costs nothing to look at, and a mistake in it is a compile error or a failed test, never a
//! surprise at three in the morning.

use std::time::Duration;

use serde::Serialize;

/// How many jobs of a type may exist or run at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Up to this many running at a time on each node; any number may wait.
    PerNode(u32),
    /// One running in the whole cluster; the others wait as pending.
    Serial,
    /// One pending or running in the whole cluster; a second trigger is refused with the id of the first.
    Exclusive,
}

/// How often the starts of a type may follow each other, in the whole cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// So many starts,
    pub starts: u32,
    /// within any span of this length.
    pub period: Duration,
}

/// What follows when an attempt fails: nothing, or another attempt after a pause that doubles each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How many failed attempts are followed by another.
    pub retries: u32,
    /// The pause after the first failure. Each pause is shortened by up to half, at random, so that what failed together
    /// does not come back together.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
}

impl RetryPolicy {
    /// No automatic retry.
    pub const NEVER: Self = Self { retries: 0, first: Duration::ZERO, longest: Duration::ZERO };
}

/// The palette of the tags (the old system's, Ant Design's names).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Color {
    Blue,
    Green,
    Purple,
    Orange,
    Cyan,
    Magenta,
    Volcano,
    Geekblue,
    Lime,
    Red,
    Gold,
}

/// What a type counts: `1 scene`, `15 / 30 scenes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Unit {
    /// For one.
    pub singular: &'static str,
    /// For any other number.
    pub plural: &'static str,
}

/// The description of a job type. Build it with [`JobSpec::new`] and the methods named after what they set.
#[derive(Clone, Copy, Debug)]
pub struct JobSpec {
    /// Stable snake_case name; also the file's name.
    pub name: &'static str,
    /// What people read.
    pub label: &'static str,
    /// The group of cards it stands in.
    pub category: &'static str,
    /// The colour of its tag.
    pub color: Color,
    /// An Ant Design icon's name without its suffix, `download`.
    pub icon: &'static str,
    /// What its items are called.
    pub unit: Unit,
    /// How many at a time.
    pub admission: Admission,
    /// Whether two jobs with the same params may not both be pending or running.
    pub unique_by_params: bool,
    /// Higher is claimed first; the default of its jobs, 0 unless set.
    pub priority: i32,
    /// How long an attempt may run before it is stopped and failed.
    pub timeout: Option<Duration>,
    /// How often in a row its node may die under a job before the job is failed as poisonous.
    pub max_interruptions: i32,
    /// How long a handler has to stop by itself once it was asked to.
    pub cancel_grace: Duration,
    /// How many of its jobs run at a time in the whole cluster; as many as there are slots when none.
    pub in_cluster: Option<u32>,
    /// How often its jobs are started; as often as there is room when none.
    pub rate_limit: Option<RateLimit>,
    /// What follows when an attempt fails.
    pub retry: RetryPolicy,
    /// The names of settings that must be set: without them its jobs are refused when they are triggered.
    pub needs: &'static [&'static str],
    /// Further patterns with two groups, processed and total, looked for in progress messages.
    pub progress_patterns: &'static [&'static str],
}

impl JobSpec {
    /// A type that runs one job at a time per node, is never timed out and counts `items`.
    pub const fn new(name: &'static str, label: &'static str) -> Self {
        Self {
            name,
            label,
            category: "Other",
            color: Color::Blue,
            icon: "tool",
            unit: Unit { singular: "item", plural: "items" },
            admission: Admission::PerNode(1),
            unique_by_params: false,
            priority: 0,
            timeout: None,
            max_interruptions: 3,
            cancel_grace: Duration::from_secs(10),
            in_cluster: None,
            rate_limit: None,
            retry: RetryPolicy::NEVER,
            needs: &[],
            progress_patterns: &[],
        }
    }

    /// Sets the group of cards it stands in.
    pub const fn category(mut self, category: &'static str) -> Self {
        self.category = category;
        self
    }

    /// Sets the colour of its tag.
    pub const fn color(mut self, color: Color) -> Self {
        self.color = color;
        self
    }

    /// Sets its icon, an Ant Design name such as `download`.
    pub const fn icon(mut self, icon: &'static str) -> Self {
        self.icon = icon;
        self
    }

    /// Sets what its items are called, for one and for many.
    pub const fn unit(mut self, singular: &'static str, plural: &'static str) -> Self {
        self.unit = Unit { singular, plural };
        self
    }

    /// Lets up to `n` of its jobs run at a time on each node.
    pub const fn concurrency(mut self, n: u32) -> Self {
        self.admission = Admission::PerNode(n);
        self
    }

    /// Lets one job be pending or running in the whole cluster; a second trigger is refused.
    pub const fn exclusive(mut self) -> Self {
        self.admission = Admission::Exclusive;
        self
    }

    /// Lets one job run in the whole cluster; the others wait.
    pub const fn serial(mut self) -> Self {
        self.admission = Admission::Serial;
        self
    }

    /// Lets one job with the same params be pending or running in the whole cluster; a duplicate is refused with the first.
    pub const fn unique_by_params(mut self) -> Self {
        self.unique_by_params = true;
        self
    }

    /// Sets the default priority of its jobs.
    pub const fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// Stops and fails an attempt that runs longer than this.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets how often in a row its node may die under a job before the job is failed, as it may be the reason.
    ///
    /// An attempt begins a new row when it got somewhere: it stored a state by
    /// [`checkpoint_state`](super::JobContext::checkpoint_state), lasted ten minutes, or ended otherwise than by the death of its node.
    /// While a job only waits for its children, a death does not count.
    pub const fn max_interruptions(mut self, n: i32) -> Self {
        self.max_interruptions = n;
        self
    }

    /// Sets how long a handler has to stop by itself.
    pub const fn cancel_grace(mut self, grace: Duration) -> Self {
        self.cancel_grace = grace;
        self
    }

    /// Names the settings that must be set, `&[stash::URL.name()]`: without them its jobs are refused when they are triggered.
    pub const fn needs(mut self, settings: &'static [&'static str]) -> Self {
        self.needs = settings;
        self
    }

    /// Lets up to `n` of its jobs run at a time in the whole cluster, however many slots its nodes have; the others wait.
    pub const fn in_cluster(mut self, n: u32) -> Self {
        self.in_cluster = Some(n);
        self
    }

    /// Lets `starts` of its jobs be started within any span of length `period`, in the whole cluster; the others wait.
    pub const fn rate_limit(mut self, starts: u32, period: Duration) -> Self {
        self.rate_limit = Some(RateLimit { starts, period });
        self
    }

    /// Tries again up to `retries` times when an attempt fails, after a pause of `first`, twice that, and so on up to `longest`.
    pub const fn retry(mut self, retries: u32, first: Duration, longest: Duration) -> Self {
        self.retry = RetryPolicy { retries, first, longest };
        self
    }

    /// Adds patterns for its progress messages, each with two groups: processed and total.
    pub const fn progress_patterns(mut self, patterns: &'static [&'static str]) -> Self {
        self.progress_patterns = patterns;
        self
    }

    /// How many of its jobs one node runs at a time.
    pub const fn slots(&self) -> u32 {
        match self.admission {
            Admission::PerNode(n) => n,
            Admission::Serial | Admission::Exclusive => 1,
        }
    }

    /// How many of its jobs run at a time in the whole cluster, where that is limited.
    pub const fn cluster_limit(&self) -> Option<u32> {
        match self.admission {
            Admission::Serial => Some(1),
            Admission::PerNode(_) | Admission::Exclusive => self.in_cluster,
        }
    }

    /// How many failed attempts are followed by another, as it is stored.
    pub fn max_retries(&self) -> i32 {
        i32::try_from(self.retry.retries).unwrap_or(i32::MAX)
    }

    /// How many of its jobs a node runs at a time that was told to run `told`: never more than one of a serial type.
    pub fn slots_if_told(&self, told: Option<u32>) -> u32 {
        let slots = told.unwrap_or_else(|| self.slots());
        if self.admission == Admission::Serial { slots.min(1) } else { slots }
    }
}
