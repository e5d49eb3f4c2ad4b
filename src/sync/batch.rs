//! What waits for somebody's approval, frozen: who is in it does not grow, and what is approved is let through once.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    digest::{digest, has_member, members},
    past::Past,
    removal::{Action, Removal, whole_seconds},
    report::shortened,
};
use crate::api::{
    extension::HolderKind,
    sync_scope::{Approval, Held, HeldType, LONGEST_NAME, MOST_HELD_MEMBERS, MOST_SAMPLED},
};

/// How long an approved batch is tried to finish: what can't be finished must not keep others from being approved.
const FINISHED_WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// The removals that wait.
#[derive(Debug, Default)]
pub(super) struct Batch<'a> {
    /// The batch as it was closed, with what approved it.
    closed: Option<Held>,
    /// Those in it who are not done.
    members: Vec<Removal<'a>>,
    /// Those who are not in it.
    others: Vec<Removal<'a>>,
}

impl<'a> Batch<'a> {
    /// The batch that earlier syncs closed, if it still stands: another spec may want other things, and whoever approves must
    /// know whom. `due` are all removals that are due, but for those of members of ring groups.
    pub(super) fn reopen<'r>(past: &Past<'_>, now: Timestamp, due: impl Iterator<Item = &'r Removal<'a>>) -> Self
    where
        'a: 'r,
    {
        let mut batch = Self {
            closed: find(past, HeldType::Removals)
                .filter(|held| !is_given_up(held, now))
                .cloned(),
            ..Self::default()
        };
        let Some(closed) = &mut batch.closed else { return batch };
        if closed.members.is_empty() {
            // Too many to know one by one: it stands while it is what it was, to the last of them.
            let items = due.map(Removal::identity).collect();
            if closed.digest != digest(past.uid, HeldType::Removals, closed.since.0, items) {
                batch.closed = None;
                return batch;
            }
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
        // Who came back and left again leaves for another reason than the one that was seen.
        let is_known = removal.kind == HolderKind::RingGroup || removal.due <= closed.since.0;
        is_known
            && if closed.members.is_empty() {
                !loses_members(removal)
            } else {
                has_member(&closed.members, &removal.identity())
            }
    }

    /// What to keep of it. `unproven` would be due, were it not in doubt: of itself it is no reason to hold anything, nor to keep
    /// others from being approved.
    pub(super) fn close(mut self, past: &Past<'_>, now: Timestamp, unproven: Vec<Removal<'a>>) -> Option<Held> {
        let is_open = !self.others.is_empty();
        if is_open && self.members.is_empty() {
            self.closed = None;
        }
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
        if self.others.len() > MOST_HELD_MEMBERS {
            // Their next batch comes when this one is done.
            self.others.retain(|removal| !loses_members(removal));
        }
        let items: Vec<_> = self.others.iter().map(Removal::identity).collect();
        let closed = Held {
            kind: HeldType::Removals,
            count: 0,
            members: members(items.iter().map(String::as_str)),
            digest: digest(past.uid, HeldType::Removals, since, items),
            since: Time(since),
            sample: Vec::new(),
            limit: None,
            approved: None,
        };
        Some(describe(closed, &mut self.others))
    }
}

/// Whether a ring group stays, with fewer members.
fn loses_members(removal: &Removal<'_>) -> bool {
    matches!(removal.action, Action::Shrink | Action::Empty)
}

/// Whether a batch was approved long ago, and something of it can't be done: it is held anew, with what has come up since.
fn is_given_up(held: &Held, now: Timestamp) -> bool {
    let approved = held.approved.as_ref();
    approved.is_some_and(|approved| now.duration_since(approved.time.0) >= FINISHED_WITHIN)
}

/// The batch of a kind that earlier syncs closed.
fn find<'p>(past: &Past<'p>, kind: HeldType) -> Option<&'p Held> {
    let held = past.held.iter().filter(|_| !past.is_respecified);
    { held }.find(|held| held.kind == kind)
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

fn describe(mut held: Held, members: &mut [Removal<'_>]) -> Held {
    members.sort_by(|left, right| (&left.subject, left.name).cmp(&(&right.subject, right.name)));
    let shown = members.iter().take(MOST_SAMPLED);
    held.count = i64::try_from(members.len()).unwrap_or(i64::MAX);
    held.sample = shown
        .map(|removal| shortened(&in_words(removal), LONGEST_NAME))
        .collect();
    held
}

/// Whom it is about, what is to happen, and why.
fn in_words(removal: &Removal<'_>) -> String {
    let Removal {
        subject,
        action,
        reason,
        ..
    } = removal;
    let login = &subject.login;
    match (action, reason) {
        (_, Some(reason)) => format!("{login}: {action:?} ({reason:?})"),
        // Whoever has not left and is let go of all the same.
        (Action::LetGo, None) => format!("{login}: {action:?} (Excluded)"),
        (_, None) => format!("{login}: {action:?}"),
    }
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
    let is_of = |held: &Held| items.iter().all(|item| has_member(&held.members, &item.identity));
    if let Some(approved) = before.filter(|held| held.approved.is_some() && count > 0 && is_of(held)) {
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
        limit: None,
        members: members(identities.iter().map(String::as_str)),
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
