//! How a scope with `deletionPolicy: Delete` ends: who goes over to another scope, who stays, and what is deleted, within the limit or
//! not at all. Nobody's absence is proven here: whoever deletes the scope wants it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    Input, Sibling,
    claims::Claims,
    department_claims::RivalDepartments,
    digest::{has_member, members},
    field::RingField,
    guard::{Guard, Ledger},
    number_frees::{Rests, orphans},
    number_holders::NumberHolders,
    numbering::Handover,
    observed::{ObservedRingGroup, ObservedUser, Version},
    past::Past,
    plan::{Deletion, Plan, Subject, Why},
    removal::{Action, Due, Removal, whole_seconds},
    roster::NamedUser,
    users::let_go_of,
    value::Value,
};
use crate::api::{
    extension::HolderKind,
    phone_user::Origin,
    ring_group::RingGroupSource,
    sync_scope::{Approval, Held, HeldType},
};

/// What takes the place of a digest once the whole of it was found to be within the limit: after a crash the rest of it is not weighed
/// again. Whoever else is to go by then is.
const PERMITTED: &str = "scope-deletion";

/// How a scope ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// It can't be told yet, for this reason.
    Wait(String),
    /// So many objects would be removed, and that is more than the limit allows: everything stays.
    Retain(usize),
    /// This is carried out.
    Delete(Box<Farewell>),
}

/// What a scope does at its end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Farewell {
    /// What to write.
    pub plan: Plan,
    /// What the limit's window has seen then: to be stored before the plan is carried out.
    pub ledger: Ledger,
    /// PhoneUsers and RingGroups that another scope selects, and takes once this one is gone.
    pub goes_over: usize,
    /// PhoneUsers and RingGroups that are unlinked, protected, or can't be read.
    pub stays: usize,
}

/// What becomes of one object.
enum Fate {
    GoesOver,
    Stays,
    Goes(Action),
}

/// Decides how a scope ends.
pub fn end(input: &Input<'_>) -> Ending {
    if let Some(reason) = doubt(input) {
        return Ending::Wait(reason);
    }
    // What was approved before was approved of a scope that lives on.
    let past = Past {
        held: &[],
        approval: None,
        ..input.past
    };
    let weighed = Input { past, ..*input };
    let (removals, mut farewell) = removals(&weighed);
    let count = removals.len();
    let (mut guard, is_permitted) = (
        Guard::new(&weighed, linked(input)),
        is_permitted(input.past.held, &removals),
    );
    let mut ledger = Ledger {
        held: input.past.held.to_vec(),
        budget: input.past.budget.to_vec(),
        entered: Vec::new(),
    };
    if count > 0 && !is_permitted {
        let due = Due {
            proven: removals.clone(),
            ..Due::default()
        };
        let allowed = guard.weigh(due);
        if !removals.iter().all(|removal| allowed.has(removal.kind, removal.name)) {
            return Ending::Retain(count);
        }
        ledger = guard.finish().ledger;
        ledger.held = vec![permission(input, &removals)];
    }
    farewell.ledger = ledger;
    farewell.plan = plan(input, &removals);
    Ending::Delete(Box::new(farewell))
}

/// Why it can't be told.
fn doubt(input: &Input<'_>) -> Option<String> {
    let mut served = input.siblings.iter().filter(|sibling| sibling.is_served);
    let blind = served.find(|sibling| sibling.sight.is_none());
    if let Some(Sibling { name, .. }) = blind {
        return Some(format!("whom SyncScope {name} selects is not known yet"));
    }
    if input.directory.origin().is_behind {
        return Some("the domain controller is behind another one that was read before".to_owned());
    }
    (!input.observed.is_readable())
        .then(|| "an object of the phone system can't be read: correct or delete it".to_owned())
}

fn is_ours(input: &Input<'_>, user: &ObservedUser) -> bool {
    user.values.link().is_some_and(|link| *link.scope == *input.scope.name)
}

fn source(group: &ObservedRingGroup) -> Option<&RingGroupSource> {
    match group.values.get(&RingField::Source)? {
        Value::Source(source) => Some(source),
        _ => None,
    }
}

fn linked(input: &Input<'_>) -> usize {
    input
        .observed
        .users
        .values()
        .filter(|user| is_ours(input, user))
        .count()
}

fn removals<'a>(input: &Input<'a>) -> (Vec<Removal<'a>>, Farewell) {
    let (claims, rivals) = (Claims::new(input), RivalDepartments::new(input));
    let (mut removals, mut farewell) = (Vec::new(), Farewell::default());
    let mut sort = |fate, kind, name: &'a str, version: &'a Version, subject: Subject| match fate {
        Fate::GoesOver => farewell.goes_over += 1,
        Fate::Stays => farewell.stays += 1,
        Fate::Goes(action) => removals.push(Removal {
            kind,
            name,
            version,
            subject,
            action,
            loses: 0,
            due: whole_seconds(input.now),
            reason: None,
        }),
    };
    for (name, user) in input.observed.users.iter().filter(|(_, user)| is_ours(input, user)) {
        let subject = Subject::of_user(NamedUser { name, user });
        sort(
            fate_of_user(&claims, user),
            HolderKind::PhoneUser,
            name,
            &user.version,
            subject,
        );
    }
    for (name, group) in &input.observed.ring_groups {
        let Some(source) = source(group).filter(|source| source.scope_ref.name == *input.scope.name) else {
            continue;
        };
        let shown = group.values.get(&RingField::DisplayName).and_then(Value::as_text);
        let subject = Subject {
            login: shown.unwrap_or(name).into(),
            mail: None,
        };
        let fate = fate_of_ring_group(&rivals, group, source);
        sort(fate, HolderKind::RingGroup, name, &group.version, subject);
    }
    (removals, farewell)
}

fn fate_of_user(claims: &Claims<'_>, user: &ObservedUser) -> Fate {
    let Some(link) = user.values.link() else {
        return Fate::Stays;
    };
    if user.is_unlinked || user.is_protected || !user.is_readable || !user.is_held() {
        Fate::Stays
    } else if claims.may_go_over(link.guid) {
        Fate::GoesOver
    } else {
        Fate::Goes(match link.origin {
            Origin::Provisioned => Action::Delete,
            Origin::Adopted => Action::LetGo,
        })
    }
}

fn fate_of_ring_group(rivals: &RivalDepartments<'_>, group: &ObservedRingGroup, source: &RingGroupSource) -> Fate {
    match source.object_guid.parse() {
        _ if group.is_protected || !group.is_readable => Fate::Stays,
        Err(_) => Fate::Stays,
        Ok(guid) if rivals.may_take(guid) => Fate::GoesOver,
        Ok(_) => Fate::Goes(Action::Delete),
    }
}

fn plan(input: &Input<'_>, removals: &[Removal<'_>]) -> Plan {
    let mut plan = Plan::default();
    let why = Why::ScopeDeleted(input.scope.name.clone());
    for removal in removals {
        let Removal { kind, name, .. } = *removal;
        if removal.action == Action::Delete {
            plan.deletions.push(Deletion {
                kind,
                name: name.into(),
                subject: removal.subject.clone(),
                version: removal.version.clone(),
                why: why.to_string(),
            });
        } else if let Some(user) = input.observed.users.get(name) {
            let change = let_go_of(name, user, removal.subject.clone(), Some(why.clone()));
            plan.users.push(change);
        }
    }
    let holders = NumberHolders::new(input.observed, input.now);
    let handover = Handover {
        // What a crash between a deletion and the rest of its number left.
        leaving: orphans(input, &Claims::new(input), &holders, &[]),
        ..Handover::default()
    };
    let rests = Rests {
        now: input.now,
        holders: &holders,
        rules: input.rules,
        handover: &handover,
    };
    plan.frees = rests.begin(&plan);
    plan
}

fn is_permitted(held: &[Held], removals: &[Removal<'_>]) -> bool {
    let mut permitted = held
        .iter()
        .filter(|held| held.digest == PERMITTED && held.approved.is_some());
    permitted.any(|held| {
        let is_of = |removal: &Removal<'_>| has_member(&held.members, &removal.identity());
        removals.iter().all(is_of)
    })
}

fn permission(input: &Input<'_>, removals: &[Removal<'_>]) -> Held {
    let now = Time(whole_seconds(input.now));
    let items: Vec<_> = removals.iter().map(Removal::identity).collect();
    Held {
        kind: HeldType::Removals,
        count: i64::try_from(removals.len()).unwrap_or(i64::MAX),
        digest: PERMITTED.to_owned(),
        since: now.clone(),
        sample: Vec::new(),
        limit: None,
        members: members(items.iter().map(String::as_str)),
        approved: Some(Approval {
            digest: PERMITTED.to_owned(),
            time: now,
        }),
    }
}
