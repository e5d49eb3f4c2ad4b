//! Writes a plan to the API server: claims, users, ring groups, then deletions, and last the numbers that nobody names any more.
//! What to write was decided before; what became of each write is told, and one object that fails costs that object.

mod body;
mod hands;
mod log;
mod remove;
mod write;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::atomic::AtomicU32,
};

use futures::FutureExt;
use kube::Client;
use tokio_util::sync::CancellationToken;

use self::log::{LET_GO, Line, Since, number_in};
use self::{hands::all, write::Write};
pub use self::{log::Differences, remove::in_words as holder_in_words};
use super::{
    changes::NamespacedName,
    observed::{Kind, Objects, Record},
};
use crate::{
    api::sync_scope::Trigger,
    serve::metrics::Metrics,
    sync::{
        field::{Field, FieldSet, WrittenField},
        number::Number,
        observed::{ObservedExtension, ObservedRingGroup, ObservedUser},
        plan::{Change, Claim, Expected, Plan, RingGroupChange},
    },
};

/// What became of a write.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fate {
    /// The object was made.
    Created,
    /// The object was changed.
    Updated,
    /// The object is gone.
    Deleted,
    /// The object is about to go: somebody's finalizer keeps it until they are done. Its number is freed after that.
    Going,
    /// The object is not what the plan took it for; the maps know by now. Plan again.
    Lost,
    /// What it needs was lost, or the operator stops.
    Skipped,
    /// It could not be written, for this reason.
    Failed(String),
}

impl Fate {
    /// Why the object is not what the plan says.
    pub fn why_not(&self) -> Option<&str> {
        match self {
            Self::Created | Self::Updated | Self::Deleted | Self::Going => None,
            Self::Lost | Self::Skipped => Some("somebody else keeps changing it; it is tried again"),
            Self::Failed(reason) => Some(reason),
        }
    }
}

/// What became of each part of a plan, in its order.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    /// Of the claims.
    pub claims: Vec<Fate>,
    /// Of the users.
    pub users: Vec<Fate>,
    /// Of the ring groups.
    pub ring_groups: Vec<Fate>,
    /// Of the deletions.
    pub deletions: Vec<Fate>,
    /// Of the numbers to free.
    pub frees: Vec<Fate>,
}

impl Applied {
    /// All of them.
    pub fn fates(&self) -> impl Iterator<Item = &Fate> {
        let Self {
            claims,
            users,
            ring_groups,
            deletions,
            frees,
        } = self;
        let written = claims.iter().chain(users).chain(ring_groups);
        written.chain(deletions).chain(frees)
    }

    /// Whether it got anywhere.
    pub fn wrote_any(&self) -> bool {
        let written = |fate: &Fate| matches!(fate, Fate::Created | Fate::Updated | Fate::Deleted);
        self.fates().any(written)
    }

    /// Whether another plan could do what this one couldn't.
    pub fn lost_any(&self) -> bool {
        self.fates().any(|fate| *fate == Fate::Lost)
    }
}

/// Why a plan is written: each line of the log says so.
#[derive(Clone, Debug, Default)]
pub struct Cause {
    /// Why the sync runs.
    pub trigger: Option<Trigger>,
    /// The digest of the batch of removals that somebody approved.
    pub approved: Option<String>,
}

/// The numbers that a plan claims, with what became of each claim.
type Claimed<'a> = BTreeMap<Number, (&'a Claim, &'a Fate)>;

/// Writes for one scope.
pub struct Writer<'a> {
    client: &'a Client,
    objects: &'a Objects,
    metrics: &'a Metrics,
    stop: &'a CancellationToken,
    system: &'a NamespacedName,
    scope: &'a str,
    /// Whether the scope still wants to be synced: it may be suspended or deleted meanwhile.
    is_wanted: Box<dyn Fn() -> bool + Send + Sync + 'a>,
    /// Why this is written, for the log.
    cause: Cause,
    /// Calls without any answer, in a row.
    unanswered: AtomicU32,
    /// What failed in this sync: it is not tried again before the next.
    failed: BTreeMap<(Kind, Box<str>), String>,
}

impl<'a> Writer<'a> {
    /// A writer for one sync of the scope of this name. It begins no write after `stop`.
    pub fn new(
        client: &'a Client,
        objects: &'a Objects,
        metrics: &'a Metrics,
        stop: &'a CancellationToken,
        system: &'a NamespacedName,
        scope: &'a str,
    ) -> Self {
        Self {
            client,
            objects,
            metrics,
            stop,
            system,
            scope,
            is_wanted: Box::new(|| true),
            cause: Cause::default(),
            unanswered: AtomicU32::new(0),
            failed: BTreeMap::new(),
        }
    }

    /// No write begins once this is false.
    #[must_use]
    pub fn only_while(mut self, is_wanted: impl Fn() -> bool + Send + Sync + 'a) -> Self {
        self.is_wanted = Box::new(is_wanted);
        self
    }

    /// Why the next plans are written.
    pub fn because(&mut self, cause: Cause) {
        self.cause = cause;
    }

    /// Whether a write may begin.
    pub fn may_write(&self) -> bool {
        !self.stop.is_cancelled() && (self.is_wanted)()
    }

    /// Writes a plan.
    pub async fn apply(&mut self, plan: &Plan) -> Applied {
        let Plan {
            claims,
            users,
            ring_groups,
            deletions,
            frees,
        } = plan;
        let claimed = all(claims, |claim| self.claim(claim).boxed()).await;
        let numbers: Claimed<'_> = claims
            .iter()
            .zip(&claimed)
            .map(|(claim, fate)| (claim.number, (claim, fate)))
            .collect();
        let users = all(users, |change| self.change::<ObservedUser, _>(change, &numbers).boxed()).await;
        let ring_groups = without_lost_numbers(ring_groups, &numbers);
        let ring_groups = all(&ring_groups, |change| {
            self.change::<ObservedRingGroup, _>(change, &numbers).boxed()
        })
        .await;
        let deletions = all(deletions, |deletion| self.delete(deletion).boxed()).await;
        let mut applied = Applied {
            claims: claimed.clone(),
            users,
            ring_groups,
            deletions,
            frees: Vec::new(),
        };
        let holders = remove::holders(plan, &applied);
        applied.frees = all(frees, |free| self.free(free, &holders).boxed()).await;
        self.remember_failures(plan, &applied);
        self.tell_untried(&applied);
        applied
    }

    async fn claim(&self, claim: &Claim) -> Fate {
        let name = self.extension_name(claim.number);
        let before = self.number_in_words(&name).await;
        let write = Write {
            name: &name,
            expected: &claim.expected,
            release: FieldSet::<Field>::EMPTY,
            body: Some(body::of_claim(self.system, self.scope, &name, claim)),
            // One that exists is Cooling or its own: the rule on the holder refuses everything else, forced or not.
            force: matches!(claim.expected, Expected::Present(_)),
        };
        let fate = self.write::<ObservedExtension, _>(write).await;
        let changes = format!("{before} → Assigned to {}", remove::in_words(&claim.holder));
        let line = Line {
            kind: Kind::Extension,
            name: &name,
            login: None,
            extension: Some(claim.number.to_string()),
            changes: &changes,
            why: &claim.why,
        };
        self.tell(&fate, line);
        fate
    }

    async fn change<R: Record, F: WrittenField>(&self, change: &Change<F>, claims: &Claimed<'_>) -> Fate {
        let claim = change.needs.and_then(|number| claims.get(&number));
        match claim.map(|(_, fate)| fate) {
            Some(Fate::Lost | Fate::Skipped) => return Fate::Skipped,
            Some(Fate::Failed(reason)) => return Fate::Failed(reason.clone()),
            Some(Fate::Created | Fate::Updated | Fate::Deleted | Fate::Going) | None => {}
        }
        let Change {
            name,
            expected,
            release,
            apply,
            ..
        } = change;
        let write = Write {
            name,
            expected,
            release: *release,
            body: apply
                .as_ref()
                .map(|apply| body::of_change(R::KIND, self.system, name, expected, apply)),
            force: apply.as_ref().is_some_and(|apply| apply.force),
        };
        let fate = self.write::<R, F>(write).await;
        let absence = change.absence().map(|absence| Since(absence).to_string());
        let why = absence
            .or_else(|| change.why.as_ref().map(ToString::to_string))
            .or_else(|| claim.map(|(claim, _)| claim.why.clone()));
        let values = apply.iter().flat_map(|apply| &apply.values);
        let differences = Differences(&change.changes);
        let changes: &dyn std::fmt::Display = if apply.is_some() { &differences } else { &LET_GO };
        let line = Line {
            kind: R::KIND,
            name,
            login: Some(&change.subject.login),
            extension: number_in(values.map(|(field, value)| (*field, value))),
            changes,
            why: &why.unwrap_or_default(),
        };
        self.tell(&fate, line);
        fate
    }

    fn remember_failures(&mut self, plan: &Plan, applied: &Applied) {
        let claims = plan
            .claims
            .iter()
            .map(|claim| (Kind::Extension, self.extension_name(claim.number)));
        let users = plan.users.iter().map(|change| (Kind::User, change.name.clone()));
        let ring_groups = plan
            .ring_groups
            .iter()
            .map(|change| (Kind::RingGroup, change.name.clone()));
        let deletions = plan
            .deletions
            .iter()
            .map(|deletion| (Kind::of_holder(deletion.kind), deletion.name.clone()));
        let frees = plan
            .frees
            .iter()
            .map(|free| (Kind::Extension, self.extension_name(free.number)));
        let written = claims.chain(users).chain(ring_groups);
        let written: Vec<_> = written.chain(deletions).chain(frees).collect();
        for (object, fate) in written.into_iter().zip(applied.fates()) {
            if let Fate::Failed(reason) = fate {
                self.failed.insert(object, reason.clone());
            }
        }
    }

    fn extension_name(&self, number: Number) -> Box<str> {
        format!("{}-{number}", self.system.name).into()
    }
}

/// Nobody has a number whose claim was not written, so no ring group lists it yet.
fn without_lost_numbers<'a>(ring_groups: &'a [RingGroupChange], numbers: &Claimed<'_>) -> Cow<'a, [RingGroupChange]> {
    let missing = numbers.iter().filter(|(_, (_, fate))| fate.why_not().is_some());
    let missing: BTreeSet<Number> = missing.map(|(number, _)| *number).collect();
    let mut ring_groups = Cow::Borrowed(ring_groups);
    if !missing.is_empty() {
        for change in ring_groups.to_mut() {
            change.leave_out(&missing);
        }
    }
    ring_groups
}
