//! Writes a plan to the API server: claims, then users, then ring groups. What to write was decided before; what became of
//! each write is told, and one object that fails costs that object.

mod body;
mod log;

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, Ordering},
};

use futures::{StreamExt, stream};
use kube::{
    Api, Client, ResourceExt,
    api::{DynamicObject, Patch, PatchParams},
};
use serde_json::Value as Json;
use tracing::{debug, info, warn};

use self::log::Differences;
use super::{
    changes::NamespacedName,
    client::{CallError, call},
    observed::{Kind, Objects, Record},
    release::{Released, release},
};
use crate::{
    api::FIELD_MANAGER,
    sync::{
        field::{FieldSet, WrittenField},
        number::Number,
        observed::{ObservedExtension, ObservedRingGroup, ObservedUser, Version},
        plan::{Change, Claim, Expected, Plan},
    },
};

/// Writes in flight. The API server is the limit from there on, not the client.
const IN_FLIGHT: usize = 16;
/// Calls in a row without any answer after which nothing more is tried: with a deadline each, thousands would take hours.
const UNANSWERED: u32 = 16;

/// What became of a write.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fate {
    /// The object was made.
    Created,
    /// The object was changed.
    Updated,
    /// The object is not what the plan took it for; the maps know by now. Plan again.
    Lost,
    /// What it needs was lost.
    Skipped,
    /// It could not be written, for this reason.
    Failed(String),
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
    system: &'a NamespacedName,
    scope: &'a str,
    /// Calls without any answer, in a row.
    unanswered: AtomicU32,
    /// What failed in this sync: it is not tried again before the next.
    failed: BTreeMap<(Kind, Box<str>), String>,
}

impl<'a> Writer<'a> {
    /// A writer for one sync of one scope.
    pub fn new(client: &'a Client, objects: &'a Objects, system: &'a NamespacedName, scope: &'a str) -> Self {
        Self {
            client,
            objects,
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
        } = plan;
        let claimed = at_most(IN_FLIGHT, claims.iter().map(|claim| self.claim(claim))).await;
        let numbers = claims.iter().map(|claim| claim.number).zip(&claimed).collect();
        let users = at_most(
            IN_FLIGHT,
            users
                .iter()
                .map(|change| self.change::<ObservedUser, _>(change, &numbers)),
        )
        .await;
        let ring_groups = at_most(
            IN_FLIGHT,
            ring_groups
                .iter()
                .map(|change| self.change::<ObservedRingGroup, _>(change, &numbers)),
        )
        .await;
        let applied = Applied {
            claims: claimed.clone(),
            users,
            ring_groups,
        };
        self.remember_failures(plan, &applied);
        applied
    }

    async fn claim(&self, claim: &Claim) -> Fate {
        let name = self.extension_name(claim);
        let body = body::of_claim(self.system, self.scope, &name, claim);
        // One that exists is Cooling or its own: the rule on the holder refuses everything else, forced or not.
        let force = matches!(claim.expected, Expected::Present(_));
        let fate = self.write::<ObservedExtension>(&name, &claim.expected, async |api, answers| {
            self.send(api, &name, &body, force, answers).await
        });
        let fate = fate.await;
        let holder = format!("{:?} {}", claim.holder.kind, claim.holder.name);
        self.log(Kind::Extension, &name, &fate, &format_args!("spec.holder: {holder}"));
        fate
    }

    async fn change<R: Record, F: WrittenField>(&self, change: &Change<F>, claims: &BTreeMap<Number, &Fate>) -> Fate {
        match change.needs.and_then(|number| claims.get(&number)) {
            Some(Fate::Lost | Fate::Skipped) => return Fate::Skipped,
            Some(Fate::Failed(reason)) => return Fate::Failed(reason.clone()),
            Some(Fate::Created | Fate::Updated) | None => {}
        }
        let name = &change.name;
        let fate = self
            .write::<R>(name, &change.expected, async |api, answers| {
                let expected = self
                    .let_go(api, name, &change.expected, change.release, answers)
                    .await?;
                let Some(apply) = &change.apply else { return Ok(()) };
                let body = body::of_change(R::KIND, self.system, name, &expected, apply);
                self.send(api, name, &body, apply.force, answers).await
            })
            .await;
        self.log(R::KIND, name, &fate, &Differences(&change.changes));
        fate
    }

    /// Lets go of fields first; what is expected then is the version without them.
    async fn let_go<F: WrittenField>(
        &self,
        api: &Api<DynamicObject>,
        name: &str,
        expected: &Expected,
        fields: FieldSet<F>,
        answers: &mut Vec<DynamicObject>,
    ) -> Result<Expected, CallError> {
        let Expected::Present(version) = expected else {
            return Ok(expected.clone());
        };
        if fields.is_empty() {
            return Ok(expected.clone());
        }
        match release(api, name, version, fields).await? {
            Released::Unchanged => Ok(expected.clone()),
            Released::Rewritten(object) => {
                let resource_version = object.resource_version().unwrap_or_default().into();
                answers.push(*object);
                Ok(Expected::Present(Version {
                    uid: version.uid.clone(),
                    resource_version,
                }))
            }
        }
    }

    async fn send(
        &self,
        api: &Api<DynamicObject>,
        name: &str,
        body: &Json,
        force: bool,
        answers: &mut Vec<DynamicObject>,
    ) -> Result<(), CallError> {
        let parameters = PatchParams {
            force,
            ..PatchParams::apply(FIELD_MANAGER)
        };
        answers.push(call(api.patch(name, &parameters, &Patch::Apply(body))).await?);
        Ok(())
    }

    /// Runs the calls of one write, and tells the maps what they came to.
    async fn write<R: Record>(
        &self,
        name: &str,
        expected: &Expected,
        calls: impl AsyncFnOnce(&Api<DynamicObject>, &mut Vec<DynamicObject>) -> Result<(), CallError>,
    ) -> Fate {
        if let Some(reason) = self.failed.get(&(R::KIND, name.into())) {
            return Fate::Failed(reason.clone());
        }
        if self.unanswered.load(Ordering::Relaxed) >= UNANSWERED {
            return Fate::Failed("not tried: the API server does not answer".to_owned());
        }
        let api = Api::namespaced_with(self.client.clone(), &self.system.namespace, &R::KIND.resource());
        let mut answers = Vec::new();
        self.objects.begin_write::<R>(self.system, name).await;
        let result = calls(&api, &mut answers).await;
        self.objects.end_write::<R>(self.system, name, &answers).await;
        match (result, expected) {
            (Ok(()), Expected::Absent) => self.answered(Fate::Created),
            (Ok(()), Expected::Present(_)) => self.answered(Fate::Updated),
            (Err(error), _) if error.code().is_none() => {
                self.unanswered.fetch_add(1, Ordering::Relaxed);
                Fate::Failed(with_cause(&error))
            }
            (Err(error), _) => self.answered(self.judge::<R>(&api, name, expected, &error).await),
        }
    }

    /// Whether a refusal means that the object is not what the plan took it for. It is read again to see.
    async fn judge<R: Record>(
        &self,
        api: &Api<DynamicObject>,
        name: &str,
        expected: &Expected,
        error: &CallError,
    ) -> Fate {
        let may_be_lost = match expected {
            // Not found where nothing was expected: it is the namespace or the kind that is missing.
            Expected::Absent => matches!(error.code(), Some(409 | 422)),
            Expected::Present(_) => matches!(error.code(), Some(404 | 409 | 422)),
        };
        if !may_be_lost {
            return failed(error);
        }
        let Ok(found) = call(api.get_opt(name)).await else {
            return failed(error);
        };
        self.objects.looked_up::<R>(self.system, name, found.as_ref()).await;
        match (expected, found) {
            (Expected::Present(version), Some(found))
                if found.metadata.resource_version.as_deref() == Some(&*version.resource_version) =>
            {
                failed(error)
            }
            // It was not there, and still isn't: what is wrong is the object.
            (Expected::Absent, None) if error.code() == Some(422) => failed(error),
            _ => Fate::Lost,
        }
    }

    fn answered(&self, fate: Fate) -> Fate {
        self.unanswered.store(0, Ordering::Relaxed);
        fate
    }

    fn log(&self, kind: Kind, name: &str, fate: &Fate, changes: &dyn std::fmt::Display) {
        let (namespace, system, scope, kind) = (&self.system.namespace, &self.system.name, self.scope, kind.name());
        match fate {
            Fate::Created => info!(namespace, system, scope, kind, name, %changes, "created"),
            Fate::Updated => info!(namespace, system, scope, kind, name, %changes, "updated"),
            Fate::Lost => debug!(
                namespace,
                system, scope, kind, name, "changed meanwhile, planning again"
            ),
            Fate::Skipped => {}
            Fate::Failed(reason) => warn!(namespace, system, scope, kind, name, reason, "could not be written"),
        }
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

fn failed(error: &CallError) -> Fate {
    Fate::Failed(with_cause(error))
}

/// An error and what caused it, in one line.
fn with_cause(error: &CallError) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}"))
}

/// Runs so many at once, and gives the results in the order of the work.
async fn at_most<T>(in_flight: usize, work: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let numbered = work.enumerate().map(|(index, work)| async move { (index, work.await) });
    let mut results: Vec<(usize, T)> = stream::iter(numbered).buffer_unordered(in_flight).collect().await;
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}
