//! One write: its calls, and what their answers mean for the object and for the maps.

use std::sync::atomic::Ordering;

use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams},
};
use serde_json::Value as Json;

use super::{Fate, Writer, body};
use crate::{
    api::FIELD_MANAGER,
    causes::with_causes,
    controllers::{
        client::{CallError, call},
        observed::{Kind, Record},
        release::{Released, release},
    },
    sync::{
        field::{FieldSet, WrittenField},
        plan::Expected,
    },
};

/// Calls in a row without any answer after which nothing more is tried: with a deadline each, thousands would take hours.
const UNANSWERED: u32 = 16;

/// What becomes of the rest.
pub(super) const NOT_TRIED: &str = "not tried: the API server does not answer";

/// One write.
pub(super) struct Write<'a, F: WrittenField> {
    /// Name of the object.
    pub name: &'a str,
    /// What is there.
    pub expected: &'a Expected,
    /// Fields to let go of first.
    pub release: FieldSet<F>,
    /// What to apply. None: letting go is all.
    pub body: Option<Json>,
    /// Take fields from others.
    pub force: bool,
}

impl Writer<'_> {
    /// Writes one object, and tells the maps what it came to.
    pub(super) async fn write<R: Record, F: WrittenField>(&self, write: Write<'_, F>) -> Fate {
        let (name, expected) = (write.name, write.expected);
        if let Some(fate) = self.why_not_begin(R::KIND, name) {
            return fate;
        }
        let api = self.api(R::KIND);
        let mut answers = Vec::new();
        self.objects.begin_write::<R>(self.system, name).await;
        let result = send(&api, write, &mut answers).await;
        self.objects.end_write::<R>(self.system, name, &answers).await;
        match (result, expected) {
            (Ok(()), Expected::Absent) => self.answered(Fate::Created),
            (Ok(()), Expected::Present(_)) => self.answered(Fate::Updated),
            (Err(error), _) => self.refused::<R>(&api, name, expected, &error).await,
        }
    }

    /// What becomes of a write that does not begin.
    pub(super) fn why_not_begin(&self, kind: Kind, name: &str) -> Option<Fate> {
        if !self.may_write() {
            return Some(Fate::Skipped);
        }
        if let Some(reason) = self.failed.get(&(kind, name.into())) {
            return Some(Fate::Failed(reason.clone()));
        }
        let is_answered = self.unanswered.load(Ordering::Relaxed) < UNANSWERED;
        (!is_answered).then(|| Fate::Failed(NOT_TRIED.to_owned()))
    }

    pub(super) fn api(&self, kind: Kind) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.system.namespace, &kind.resource())
    }

    /// What a call that did not succeed means.
    pub(super) async fn refused<R: Record>(
        &self,
        api: &Api<DynamicObject>,
        name: &str,
        expected: &Expected,
        error: &CallError,
    ) -> Fate {
        if error.code().is_none() {
            self.unanswered.fetch_add(1, Ordering::Relaxed);
            return failed(error);
        }
        self.answered(self.judge::<R>(api, name, expected, error).await)
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
                if found.metadata.uid.as_deref() == Some(&*version.uid)
                    && found.metadata.resource_version.as_deref() == Some(&*version.resource_version) =>
            {
                failed(error)
            }
            // It was not there, and still isn't: what is wrong is the object.
            (Expected::Absent, None) if error.code() == Some(422) => failed(error),
            _ => Fate::Lost,
        }
    }

    pub(super) fn answered(&self, fate: Fate) -> Fate {
        self.unanswered.store(0, Ordering::Relaxed);
        fate
    }
}

fn failed(error: &CallError) -> Fate {
    Fate::Failed(with_causes(error))
}

/// The calls of one write: fields are let go of first, and then the apply is shorter.
async fn send<F: WrittenField>(
    api: &Api<DynamicObject>,
    write: Write<'_, F>,
    answers: &mut Vec<DynamicObject>,
) -> Result<(), CallError> {
    let Write {
        name,
        expected,
        release: fields,
        mut body,
        force,
    } = write;
    if let Expected::Present(version) = expected
        && !fields.is_empty()
        && let Released::Rewritten(object) = release(api, name, version, fields).await?
    {
        if let Some(body) = &mut body {
            body::expect_version(body, object.metadata.resource_version.as_deref());
        }
        answers.push(*object);
    }
    if let Some(body) = body {
        let parameters = PatchParams {
            force,
            ..PatchParams::apply(FIELD_MANAGER)
        };
        answers.push(call(api.patch(name, &parameters, &Patch::Apply(body))).await?);
    }
    Ok(())
}
