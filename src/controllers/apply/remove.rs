//! Taking away: objects that are deleted, in the version they were judged in and no other, and numbers that begin to rest.

use std::collections::BTreeMap;

use kube::api::{DeleteParams, Preconditions};

use super::{
    Applied, Differences, Fate, Writer, body,
    log::{Line, number_in},
    write::Write,
};
use crate::{
    api::extension::{Holder, HolderKind},
    controllers::{
        client::call,
        conditions::whole_seconds,
        observed::{Kind, Record},
    },
    sync::{
        field::{Field, FieldSet, WrittenField},
        observed::{Observed, ObservedExtension, ObservedRingGroup, ObservedUser, Version},
        plan::{Deletion, Expected, FieldChange, Free, Plan},
        value::Value,
    },
};

/// What became of the objects that can hold numbers.
pub(super) type Holders<'a> = BTreeMap<(HolderKind, &'a str), &'a Fate>;

/// What a plan has done to whoever may hold a number.
pub(super) fn holders<'a>(plan: &'a Plan, applied: &'a Applied) -> Holders<'a> {
    let users = plan.users.iter().map(|change| (HolderKind::PhoneUser, &*change.name));
    let ring_groups = plan
        .ring_groups
        .iter()
        .map(|change| (HolderKind::RingGroup, &*change.name));
    let deletions = plan.deletions.iter().map(|deletion| (deletion.kind, &*deletion.name));
    users
        .zip(&applied.users)
        .chain(ring_groups.zip(&applied.ring_groups))
        .chain(deletions.zip(&applied.deletions))
        .collect()
}

/// A holder, for people.
pub fn in_words(holder: &Holder) -> String {
    format!("{:?} {}", holder.kind, holder.name)
}

impl Writer<'_> {
    /// Deletes an object.
    pub(super) async fn delete(&self, deletion: &Deletion) -> Fate {
        let Deletion {
            kind,
            name,
            version,
            why,
            subject,
        } = deletion;
        match kind {
            HolderKind::PhoneUser => {
                let lost = self.values(name, |maps, name| {
                    let user = maps.users.get(name)?;
                    Some(going(|field: Field| user.values.get(field)))
                });
                let lost = lost.await;
                let fate = self.delete_version::<ObservedUser>(name, version).await;
                self.tell(
                    &fate,
                    line(Kind::User, name, &subject.login, &Differences(&lost), &lost, why),
                );
                fate
            }
            HolderKind::RingGroup => {
                let lost = self.values(name, |maps, name| {
                    let group = maps.ring_groups.get(name)?;
                    Some(going(|field| group.values.get(&field).cloned()))
                });
                let lost = lost.await;
                let fate = self.delete_version::<ObservedRingGroup>(name, version).await;
                self.tell(
                    &fate,
                    line(Kind::RingGroup, name, &subject.login, &Differences(&lost), &lost, why),
                );
                fate
            }
        }
    }

    /// Without the version, what somebody has just unlinked or taken over would be deleted; without the uid, their next object of
    /// the name.
    async fn delete_version<R: Record>(&self, name: &str, version: &Version) -> Fate {
        if let Some(fate) = self.why_not_begin(R::KIND, name) {
            return fate;
        }
        let api = self.api(R::KIND);
        let parameters = DeleteParams::default().preconditions(Preconditions {
            uid: Some(version.uid.to_string()),
            resource_version: Some(version.resource_version.to_string()),
        });
        self.objects.begin_write::<R>(self.system, name).await;
        let answer = call(api.delete(name, &parameters)).await;
        // The object comes as an answer only where it still exists.
        let kept = answer.as_ref().ok().and_then(|answer| answer.as_ref().left());
        if answer.is_ok() && kept.is_none() {
            self.objects.deleted_by_us::<R>(self.system, name, &version.uid).await;
        }
        let answers = kept.map(std::slice::from_ref).unwrap_or_default();
        self.objects.end_write::<R>(self.system, name, answers).await;
        match (&answer, kept) {
            (Ok(_), Some(_)) => self.answered(Fate::Going),
            (Ok(_), None) => self.answered(Fate::Deleted),
            (Err(error), _) => {
                let expected = Expected::Present(version.clone());
                self.refused::<R>(&api, name, &expected, error).await
            }
        }
    }

    /// Lets a number rest, once nobody names it any more.
    pub(super) async fn free(&self, free: &Free, holders: &Holders<'_>) -> Fate {
        match holders.get(&(free.holder.kind, &*free.holder.name)) {
            Some(Fate::Lost | Fate::Skipped) => return Fate::Skipped,
            Some(Fate::Failed(reason)) => return Fate::Failed(reason.clone()),
            Some(Fate::Going) => return Fate::Going,
            Some(Fate::Created | Fate::Updated | Fate::Deleted) | None => {}
        }
        let name = self.extension_name(free.number);
        let before = self.number_in_words(&name).await;
        let expected = Expected::Present(free.version.clone());
        let write = Write {
            name: &name,
            expected: &expected,
            release: FieldSet::<Field>::EMPTY,
            body: Some(body::of_free(self.system, self.scope, &name, free)),
            // Somebody who applies its state wants it so.
            force: false,
        };
        let fate = self.write::<ObservedExtension, _>(write).await;
        let until = whole_seconds(free.release_after);
        let changes = format!("{before} → Cooling after {} until {until}", in_words(&free.holder));
        let line = Line {
            kind: Kind::Extension,
            name: &name,
            login: None,
            extension: Some(free.number.to_string()),
            changes: &changes,
            why: "its holder has let go of it, or is gone",
        };
        self.tell(&fate, line);
        fate
    }

    /// What an Extension says now, for people.
    pub(super) async fn number_in_words(&self, name: &str) -> String {
        let maps = self.objects.of(self.system).await;
        let Some(extension) = maps.extensions.get(name) else {
            return "unset".to_owned();
        };
        let state = extension
            .state
            .map_or_else(|| "unknown".to_owned(), |state| format!("{state:?}"));
        match &extension.holder {
            Some(holder) if state == "Cooling" => format!("{state} after {}", in_words(holder)),
            Some(holder) => format!("{state} to {}", in_words(holder)),
            None => state,
        }
    }

    async fn values<F: WrittenField>(
        &self,
        name: &str,
        read: impl Fn(&Observed, &str) -> Option<Vec<FieldChange<F>>>,
    ) -> Vec<FieldChange<F>> {
        read(&*self.objects.of(self.system).await, name).unwrap_or_default()
    }
}

fn line<'a, F: WrittenField>(
    kind: Kind,
    name: &'a str,
    login: &'a str,
    changes: &'a Differences<'a, F>,
    lost: &[FieldChange<F>],
    why: &'a str,
) -> Line<'a> {
    let values = lost
        .iter()
        .filter_map(|change| Some((change.field, change.before.as_ref()?)));
    Line {
        kind,
        name,
        login: Some(login),
        extension: number_in(values),
        changes,
        why,
    }
}

/// What goes away with an object: enough to make it again.
fn going<F: WrittenField>(value: impl Fn(F) -> Option<Value>) -> Vec<FieldChange<F>> {
    let fields = F::ALL.iter().copied();
    let held = fields.filter_map(|field| Some((field, value(field)?)));
    held.map(|(field, before)| FieldChange {
        field,
        before: Some(before),
        after: None,
    })
    .collect()
}
