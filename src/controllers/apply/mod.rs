//! Writes a plan to the API server: claims, then users, then ring groups. What to write was decided before; what became of
//! each write is told, and one object that fails costs that object.

mod body;
mod log;
mod write;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicU32, AtomicUsize, Ordering},
};

use futures::{
    FutureExt,
    future::{BoxFuture, join_all},
};
use kube::Client;
use tokio_util::sync::CancellationToken;

use self::{log::Differences, write::Write};
use super::{
    changes::NamespacedName,
    observed::{Kind, Objects, Record},
};
use crate::{
    serve::metrics::Metrics,
    sync::{
        field::{Field, FieldSet, WrittenField},
        number::Number,
        observed::{ObservedExtension, ObservedRingGroup, ObservedUser},
        plan::{Change, Claim, Expected, Plan, RingGroupChange},
    },
};

/// Writes in flight. The API server is the limit from there on, not the client.
const IN_FLIGHT: usize = 16;

/// What became of a write.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fate {
    /// The object was made.
    Created,
    /// The object was changed.
    Updated,
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
            Self::Created | Self::Updated => None,
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
}

impl Applied {
    /// All of them.
    pub fn fates(&self) -> impl Iterator<Item = &Fate> {
        let Self {
            claims,
            users,
            ring_groups,
        } = self;
        claims.iter().chain(users).chain(ring_groups)
    }

    /// Whether another plan could do what this one couldn't.
    pub fn lost_any(&self) -> bool {
        self.fates().any(|fate| *fate == Fate::Lost)
    }
}

/// Writes for one scope.
pub struct Writer<'a> {
    client: &'a Client,
    objects: &'a Objects,
    metrics: &'a Metrics,
    stop: &'a CancellationToken,
    system: &'a NamespacedName,
    scope: &'a str,
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
            unanswered: AtomicU32::new(0),
            failed: BTreeMap::new(),
        }
    }

    /// Writes a plan.
    pub async fn apply(&mut self, plan: &Plan) -> Applied {
        let Plan {
            claims,
            users,
            ring_groups,
            deletions: _,
            frees: _,
        } = plan;
        let claimed = all(claims, |claim| self.claim(claim).boxed()).await;
        let numbers: BTreeMap<Number, &Fate> = claims.iter().map(|claim| claim.number).zip(&claimed).collect();
        let users = all(users, |change| self.change::<ObservedUser, _>(change, &numbers).boxed()).await;
        let ring_groups = without_lost_numbers(ring_groups, &numbers);
        let ring_groups = all(&ring_groups, |change| {
            self.change::<ObservedRingGroup, _>(change, &numbers).boxed()
        })
        .await;
        let applied = Applied {
            claims: claimed.clone(),
            users,
            ring_groups,
        };
        self.remember_failures(plan, &applied);
        self.tell_untried(&applied);
        applied
    }

    async fn claim(&self, claim: &Claim) -> Fate {
        let name = self.extension_name(claim);
        let write = Write {
            name: &name,
            expected: &claim.expected,
            release: FieldSet::<Field>::EMPTY,
            body: Some(body::of_claim(self.system, self.scope, &name, claim)),
            // One that exists is Cooling or its own: the rule on the holder refuses everything else, forced or not.
            force: matches!(claim.expected, Expected::Present(_)),
        };
        let fate = self.write::<ObservedExtension, _>(write).await;
        let holder = format!("spec.holder: {:?} {}", claim.holder.kind, claim.holder.name);
        self.tell(Kind::Extension, &name, &fate, &holder);
        fate
    }

    async fn change<R: Record, F: WrittenField>(&self, change: &Change<F>, claims: &BTreeMap<Number, &Fate>) -> Fate {
        match change.needs.and_then(|number| claims.get(&number)) {
            Some(Fate::Lost | Fate::Skipped) => return Fate::Skipped,
            Some(Fate::Failed(reason)) => return Fate::Failed(reason.clone()),
            Some(Fate::Created | Fate::Updated) | None => {}
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
        self.tell(R::KIND, name, &fate, &Differences(&change.changes));
        fate
    }

    fn remember_failures(&mut self, plan: &Plan, applied: &Applied) {
        let claims = plan
            .claims
            .iter()
            .map(|claim| (Kind::Extension, self.extension_name(claim)));
        let users = plan.users.iter().map(|change| (Kind::User, change.name.clone()));
        let ring_groups = plan
            .ring_groups
            .iter()
            .map(|change| (Kind::RingGroup, change.name.clone()));
        let written: Vec<_> = claims.chain(users).chain(ring_groups).collect();
        for (object, fate) in written.into_iter().zip(applied.fates()) {
            if let Fate::Failed(reason) = fate {
                self.failed.insert(object, reason.clone());
            }
        }
    }

    fn extension_name(&self, claim: &Claim) -> Box<str> {
        format!("{}-{}", self.system.name, claim.number).into()
    }
}

/// Nobody has a number whose claim was not written, so no ring group lists it yet.
fn without_lost_numbers<'a>(
    ring_groups: &'a [RingGroupChange],
    numbers: &BTreeMap<Number, &Fate>,
) -> Cow<'a, [RingGroupChange]> {
    let missing = numbers.iter().filter(|(_, fate)| fate.why_not().is_some());
    let missing: BTreeSet<Number> = missing.map(|(number, _)| *number).collect();
    let mut ring_groups = Cow::Borrowed(ring_groups);
    if !missing.is_empty() {
        for change in ring_groups.to_mut() {
            change.leave_out(&missing);
        }
    }
    ring_groups
}

/// Does all the work, [`IN_FLIGHT`] pieces at a time, and gives what became of each in the order of the work.
async fn all<'a, W: Sync>(work: &'a [W], write: impl Fn(&'a W) -> BoxFuture<'a, Fate> + Send + Sync) -> Vec<Fate> {
    let next = AtomicUsize::new(0);
    let hands = join_all((0..IN_FLIGHT).map(|_| hand(work, &next, &write))).await;
    let mut fates: Vec<(usize, Fate)> = hands.into_iter().flatten().collect();
    fates.sort_by_key(|(index, _)| *index);
    fates.into_iter().map(|(_, fate)| fate).collect()
}

/// Takes one piece of work after the other until none is left. A future is made only for work that has begun: a plan may
/// have hundreds of thousands of pieces.
async fn hand<'a, W>(
    work: &'a [W],
    next: &AtomicUsize,
    write: &(impl Fn(&'a W) -> BoxFuture<'a, Fate> + Send + Sync),
) -> Vec<(usize, Fate)> {
    let mut fates = Vec::new();
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let Some(piece) = work.get(index) else { return fates };
        fates.push((index, write(piece).await));
    }
}
