//! What waits for somebody's approval, frozen: who is in it does not grow, and what is approved is let through once.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    digest::digest,
    past::Past,
    removal::{Removal, whole_seconds},
    report::shortened,
};
use crate::api::{
    extension::HolderKind,
    sync_scope::{Approval, Held, HeldType, LONGEST_NAME, MOST_HELD_RING_GROUPS, MOST_SAMPLED},
};

/// The removals that wait.
#[derive(Debug, Default)]
pub(super) struct Batch<'a> {
    /// The batch as it was closed, with what approved it.
    closed: Option<Held>,
    /// Those in it who are not done.
    members: Vec<Removal<'a>>,
    /// Those who came up later.
    others: Vec<Removal<'a>>,
}

impl<'a> Batch<'a> {
    /// The batch that earlier syncs closed, if it still stands: another spec may want other things, and whoever approves must
    /// know whom. `due` are all removals of people that are due.
    pub(super) fn reopen<'r>(past: &Past<'_>, now: Timestamp, due: impl Iterator<Item = &'r Removal<'a>>) -> Self
    where
        'a: 'r,
    {
        let mut batch = Self {
            closed: find(past, HeldType::Removals).filter(|_| !past.is_respecified).cloned(),
            ..Self::default()
        };
        let Some(closed) = &mut batch.closed else { return batch };
        let ring_groups = i64::try_from(closed.ring_groups.len()).unwrap_or(i64::MAX);
        let before = closed.count - ring_groups;
        let people = due.filter(|removal| removal.kind == HolderKind::PhoneUser && removal.due <= closed.since.0);
        if i64::try_from(people.count()).unwrap_or(i64::MAX) > before {
            // Somebody who was not in it has an old date, such as one whose protection was taken away.
            batch.closed = None;
            return batch;
        }
        approve(closed, past, now);
        batch
    }

    /// Whether a removal may happen because somebody approved it.
    pub(super) fn lets_through(&self, removal: &Removal<'_>) -> bool {
        let closed = self.closed.as_ref();
        closed.is_some_and(|closed| closed.approved.is_some()) && self.has(removal)
    }

    /// Lists a removal: one that is held, or one that is let through and not done before the plan is carried out.
    pub(super) fn list(&mut self, removal: Removal<'a>) {
        if self.has(&removal) {
            self.members.push(removal);
        } else {
            self.others.push(removal);
        }
    }

    fn has(&self, removal: &Removal<'_>) -> bool {
        let Some(closed) = &self.closed else { return false };
        match removal.kind {
            HolderKind::PhoneUser => removal.due <= closed.since.0,
            HolderKind::RingGroup => closed.ring_groups.iter().any(|name| name == removal.name),
        }
    }

    /// What to keep of it. `unproven` would be due, were it not in doubt: of itself it is no reason to hold anything.
    pub(super) fn close(mut self, past: &Past<'_>, now: Timestamp, unproven: Vec<Removal<'a>>) -> Option<Held> {
        let is_open = !self.others.is_empty();
        for removal in unproven {
            self.list(removal);
        }
        if let Some(closed) = self.closed.filter(|_| !self.members.is_empty()) {
            return Some(describe(closed, &mut self.members));
        }
        if !is_open {
            return None;
        }
        let since = whole_seconds(now);
        cut_ring_groups(&mut self.others);
        let item = |removal: &Removal<'_>| format!("{} {:?}", removal.version.uid, removal.action);
        let items = self.others.iter().map(item).collect();
        let closed = Held {
            kind: HeldType::Removals,
            count: 0,
            digest: digest(past.uid, HeldType::Removals, since, items),
            since: Time(since),
            sample: Vec::new(),
            ring_groups: Vec::new(),
            approved: None,
        };
        Some(describe(closed, &mut self.others))
    }
}

/// The batch of a kind that earlier syncs closed.
fn find<'p>(past: &Past<'p>, kind: HeldType) -> Option<&'p Held> {
    past.held.iter().find(|held| held.kind == kind)
}

/// Notes that somebody has approved a batch, when they have.
fn approve(held: &mut Held, past: &Past<'_>, now: Timestamp) {
    if held.approved.is_none() && past.approval == Some(&*held.digest) {
        held.approved = Some(Approval {
            digest: held.digest.clone(),
            time: Time(whole_seconds(now)),
        });
    }
}

/// A batch has only so many ring groups; the others wait for the next.
fn cut_ring_groups(removals: &mut Vec<Removal<'_>>) {
    removals.sort_by(|left, right| left.name.cmp(right.name));
    let mut kept = BTreeSet::new();
    removals.retain(|removal| {
        removal.kind == HolderKind::PhoneUser || {
            let has_room = kept.len() < MOST_HELD_RING_GROUPS;
            has_room && kept.insert(removal.name)
        }
    });
}

fn describe(mut held: Held, members: &mut [Removal<'_>]) -> Held {
    members.sort_by(|left, right| (&left.subject, left.name).cmp(&(&right.subject, right.name)));
    let shown = members.iter().take(MOST_SAMPLED);
    let groups = members.iter().filter(|removal| removal.kind == HolderKind::RingGroup);
    held.count = i64::try_from(members.len()).unwrap_or(i64::MAX);
    held.sample = shown
        .map(|removal| sampled(&removal.subject.login, &format!("{:?}", removal.action)))
        .collect();
    held.ring_groups = groups.map(|removal| removal.name.to_owned()).collect();
    held.ring_groups.sort();
    held
}

fn sampled(name: &str, what: &str) -> String {
    shortened(&format!("{name}: {what}"), LONGEST_NAME)
}

/// What else may be held: these items, each with what tells it apart and how people know it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Item {
    pub identity: String,
    pub shown: String,
}

/// What becomes of items that are more than may be.
#[derive(Debug)]
pub(super) struct Verdict {
    /// The batch; none: there is nothing to wait for.
    pub held: Option<Held>,
    /// They may happen now.
    pub may_pass: bool,
}

/// Weighs creations or blanks: these, of which so many are `allowed` at once. A batch that was approved is finished, also
/// after a crash: who is left of it has another digest.
pub(super) fn weigh_items(
    past: &Past<'_>,
    now: Timestamp,
    kind: HeldType,
    mut items: Vec<Item>,
    allowed: i64,
) -> Verdict {
    let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let before = find(past, kind);
    if let Some(approved) = before.filter(|held| held.approved.is_some() && 0 < count && count <= held.count) {
        items.sort_by(|left, right| left.shown.cmp(&right.shown));
        return Verdict {
            held: Some(listing(approved.clone(), &items)),
            may_pass: true,
        };
    }
    if count <= allowed {
        return Verdict {
            held: None,
            may_pass: true,
        };
    }
    items.sort_by(|left, right| left.shown.cmp(&right.shown));
    let identities: Vec<_> = items.iter().map(|item| item.identity.clone()).collect();
    let digest_at = |since| digest(past.uid, kind, since, identities.clone());
    let same = before.filter(|held| held.digest == digest_at(held.since.0));
    let since = whole_seconds(now);
    let mut held = same.cloned().unwrap_or_else(|| Held {
        kind,
        count,
        digest: digest_at(since),
        since: Time(since),
        sample: Vec::new(),
        ring_groups: Vec::new(),
        approved: None,
    });
    approve(&mut held, past, now);
    Verdict {
        may_pass: held.approved.is_some(),
        held: Some(listing(held, &items)),
    }
}

fn listing(mut held: Held, items: &[Item]) -> Held {
    let shown = items.iter().take(MOST_SAMPLED);
    held.count = i64::try_from(items.len()).unwrap_or(i64::MAX);
    held.sample = shown.map(|item| shortened(&item.shown, LONGEST_NAME)).collect();
    held
}
