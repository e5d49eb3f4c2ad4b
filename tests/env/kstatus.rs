//! What a status must be in the eyes of kstatus and of `api::conditions`. It is asked of every status that an operator writes,
//! whatever a test is about: when the operator is dropped, the audit log has them all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use adsync::api::conditions::{self, LONGEST_MESSAGE, READY, RECONCILING, STALLED, TYPES};
use serde_json::Value;

use super::kube::AuditEvent;

/// Operators that run under one name, and whether one ever wrote what it could not know of at once: there were two at a time, or answers got lost.
static RUNNING: Mutex<BTreeMap<String, (usize, bool)>> = Mutex::new(BTreeMap::new());

/// What is wrong with the status of an object at rest: there must be one, of the present generation.
pub fn unsound(object: &Value) -> Vec<String> {
    let mut complaints = unsound_always(object);
    let generation = &object["metadata"]["generation"];
    let status = &object["status"];
    if status["observedGeneration"] != *generation {
        complaints.push(format!(
            "observedGeneration is {}, generation {generation}",
            status["observedGeneration"]
        ));
    }
    // The others tell what the last sync that went to the end found, which may be one of an earlier spec.
    for condition in conditions_of(status) {
        let is_of_the_spec = [READY, RECONCILING, STALLED].contains(&text(condition, "type"));
        if is_of_the_spec && condition["observedGeneration"] != *generation {
            complaints.push(format!("it speaks of another generation: {condition}"));
        }
    }
    complaints
}

/// What is wrong with the statuses that were written to one set of objects, and with the steps from each to the next.
/// `operator`: whose writes are judged; what others write is only what came before. Of who knows of some only by a watch, which is behind, no step is.
pub fn unsound_writes(mut writes: Vec<AuditEvent>, operator: &str, knows_all: bool) -> Vec<String> {
    writes.sort_by_key(|event| number(&event.response_object["metadata"]["resourceVersion"]));
    let mut latest: BTreeMap<String, Value> = BTreeMap::new();
    let mut complaints = Vec::new();
    for event in writes {
        let object = event.response_object;
        let Some(uid) = object["metadata"]["uid"].as_str().map(str::to_owned) else {
            continue;
        };
        if event.user.username == operator {
            let mut found = unsound_always(&object);
            let before = latest.get(&uid).filter(|_| knows_all).map(|before| &before["status"]);
            found.extend(before.map_or_else(Vec::new, |before| unsound_step(before, &object["status"])));
            let name = format!("{} {}", object["kind"], object["metadata"]["name"]);
            let when = event.request_received_timestamp;
            complaints.extend(found.into_iter().map(|what| format!("{name} at {when}: {what}")));
        }
        latest.insert(uid, object);
    }
    complaints
}

/// What is wrong with a status, at rest or not.
fn unsound_always(object: &Value) -> Vec<String> {
    let mut complaints = Vec::new();
    let (kind, status) = (text(object, "kind"), &object["status"]);
    let generation = number(&object["metadata"]["generation"]);
    if number(&status["observedGeneration"]) > generation {
        complaints.push("observedGeneration is one that is still to come".to_owned());
    }
    let mut statuses = BTreeMap::new();
    for condition in conditions_of(status) {
        let (type_, holds) = (text(condition, "type"), text(condition, "status"));
        if statuses.insert(type_, holds).is_some() {
            complaints.push(format!("{type_} stands twice"));
        }
        if !(1..=generation).contains(&number(&condition["observedGeneration"])) {
            complaints.push(format!("{type_} speaks of no generation that there was: {condition}"));
        }
        complaints.extend(unsound_condition(kind, condition));
    }
    if !statuses.contains_key(READY) {
        complaints.push("there is no Ready".to_owned());
    }
    if statuses.contains_key(STALLED) && (statuses.contains_key(RECONCILING) || statuses.get(READY) != Some(&"False")) {
        complaints.push(format!("Stalled beside {statuses:?}"));
    }
    complaints
}

fn unsound_condition(kind: &str, condition: &Value) -> Vec<String> {
    let mut complaints = Vec::new();
    let (type_, holds) = (text(condition, "type"), text(condition, "status"));
    let (reason, message) = (text(condition, "reason"), text(condition, "message"));
    let documented = TYPES.iter().find(|known| known.name == type_);
    // A list has its items without their kind.
    if !documented.is_some_and(|known| kind.is_empty() || known.on.contains(&kind)) {
        complaints.push(format!("{type_} is no condition of {kind} in api::conditions"));
    }
    if documented.is_some_and(|known| known.only_while_true) && holds != "True" {
        complaints.push(format!("{type_} is there, and {holds}"));
    }
    if !conditions::reason(reason).is_some_and(|known| known.goes_with.contains(&(type_, holds))) {
        complaints.push(format!("{type_}={holds} has no reason {reason} in api::conditions"));
    }
    let is_camel_case = reason.starts_with(|first: char| first.is_ascii_uppercase())
        && reason.chars().all(|character| character.is_ascii_alphanumeric());
    if !is_camel_case {
        complaints.push(format!("{reason} is not CamelCase"));
    }
    if holds != "True" && message.is_empty() {
        complaints.push(format!("{type_}={holds} has no message"));
    }
    if i64::try_from(message.chars().count()).is_ok_and(|length| length > LONGEST_MESSAGE) {
        complaints.push(format!("{type_} has a message that is too long"));
    }
    complaints
}

/// What is wrong with writing a status over the one before.
fn unsound_step(before: &Value, after: &Value) -> Vec<String> {
    if before == after {
        return vec![format!("it was written again, and nothing had changed: {after}")];
    }
    let mut complaints = Vec::new();
    for condition in conditions_of(after) {
        let type_ = text(condition, "type");
        let Some(previous) = conditions_of(before).find(|previous| previous["type"] == condition["type"]) else {
            continue;
        };
        let moved = previous["lastTransitionTime"] != condition["lastTransitionTime"];
        if moved && previous["status"] == condition["status"] {
            complaints.push(format!("the time of {type_} moved without its status: {condition}"));
        }
        // RFC 3339 in UTC sorts as it reads.
        if text(previous, "lastTransitionTime") > text(condition, "lastTransitionTime") {
            complaints.push(format!("the time of {type_} went back: {condition}"));
        }
    }
    complaints
}

fn conditions_of(status: &Value) -> impl Iterator<Item = &Value> {
    status["conditions"].as_array().into_iter().flatten()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// A number, also one in quotes; −1 where there is none.
fn number(value: &Value) -> i64 {
    let quoted = || value.as_str()?.parse().ok();
    value.as_i64().or_else(quoted).unwrap_or(-1)
}

/// Where an operator writes statuses, and who it is.
#[derive(Debug)]
pub struct Watched {
    audit_log: super::AuditLog,
    position: u64,
    namespaces: BTreeSet<String>,
    user: String,
}

impl Watched {
    /// What the operator of this name writes in these namespaces, since the first of them was made: an operator that starts
    /// again knows no other beginning.
    pub fn new(kube: &super::Kube, namespaces: &[&super::Namespace<'_>], user: &str) -> Self {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, is_behind) = running.entry(user.to_owned()).or_default();
        *count += 1;
        *is_behind |= *count > 1;
        let positions = namespaces.iter().map(|namespace| namespace.since());
        Self {
            audit_log: super::AuditLog::at(kube.audit_log().to_owned()),
            position: positions.min().unwrap_or_default(),
            namespaces: namespaces.iter().map(|namespace| namespace.name().to_owned()).collect(),
            user: user.to_owned(),
        }
    }

    /// Its answers may get lost.
    pub fn is_behind(&self) {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        running.entry(self.user.clone()).or_default().1 = true;
    }

    /// Panics with what is wrong, unless the test has failed already.
    pub fn assert_sound(&self) {
        if std::thread::panicking() {
            return;
        }
        let writes = self.audit_log.status_writes(self.position, &self.namespaces);
        let knows_all = {
            let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
            running.get(&self.user).is_none_or(|(_, is_behind)| !is_behind)
        };
        let complaints = unsound_writes(writes, &self.user, knows_all);
        assert!(complaints.is_empty(), "unsound statuses were written: {complaints:#?}");
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((count, _)) = running.get_mut(&self.user) {
            *count -= 1;
        }
    }
}
