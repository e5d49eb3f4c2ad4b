//! The promises of the design, each as what must hold of every single write.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::company::{MOST, Truth};
use crate::{
    api::{extension::ExtensionState, sync_scope::HeldType},
    directory::{AttributeName, Guid},
    sync::{
        Outcome,
        field::Field,
        observed::{Observed, ObservedUser},
        plan::Plan,
        sentences::{company::Phones, world::World},
    },
};

/// What an operator saw, and what it decided.
pub(super) struct Look {
    pub scope: usize,
    pub world: World,
    pub by_group: bool,
    /// Accounts that could not be seen, and since when.
    pub hidden: BTreeMap<Guid, Timestamp>,
    pub outcome: Outcome,
}

impl Look {
    fn truth(&self) -> Truth<'_> {
        Truth {
            world: &self.world,
            by_group: self.by_group,
        }
    }

    fn scope_name(&self) -> &str {
        &self.world.scopes[self.scope].validated.name
    }

    /// Whether somebody may be taken away: they have left, or nothing tells them from whoever has.
    fn may_go(&self, account: Guid) -> bool {
        if self.world.is_behind {
            return false;
        }
        let Some(entry) = self.truth().account(account) else {
            return true;
        };
        let has_left = !Truth::is_active(entry)
            || !self.truth().is_selected(self.scope, entry)
            || self.truth().is_excluded(self.scope, entry);
        has_left || self.looks_gone(account)
    }

    /// Hidden for long enough, from an account that sees no tombstones, and listed by no group.
    fn looks_gone(&self, account: Guid) -> bool {
        let for_long = self
            .hidden
            .get(&account)
            .is_some_and(|since| self.world.now.duration_since(*since) >= SignedDuration::from_mins(5));
        let is_listed = self
            .truth()
            .account(account)
            .is_some_and(|entry| self.truth().is_listed(entry));
        for_long && !self.world.sees_tombstones && !is_listed
    }

    /// Whether a batch of the scope is approved.
    fn has_approval(&self) -> bool {
        let scope = &self.world.scopes[self.scope];
        let mut batches = scope.ledger.held.iter().chain(&self.outcome.ledger.held);
        batches.any(|held| held.approved.is_some() || scope.approval.as_ref() == Some(&held.digest))
    }

    /// Whether the batch that was approved has somebody in it.
    fn is_approved(&self, user: &ObservedUser) -> bool {
        let since = user
            .values
            .link()
            .and_then(|link| link.absence)
            .map(|absence| absence.since);
        let scope = &self.world.scopes[self.scope];
        let held = scope.ledger.held.iter().chain(&self.outcome.ledger.held);
        let mut batches = held.filter(|held| {
            let was_approved = held.approved.is_some() || scope.approval.as_ref() == Some(&held.digest);
            held.kind == HeldType::Removals && was_approved
        });
        batches.any(|batch| since.is_some_and(|since| since <= batch.since.0))
    }
}

/// What is remembered over a whole history.
#[derive(Default)]
pub(super) struct Memory {
    /// Who was removed when, by which scope, without approval.
    removed: Vec<(Timestamp, usize, Box<str>)>,
    /// Whose number began to rest, and when.
    resting: BTreeMap<String, (Guid, Timestamp)>,
    /// How often something happened that a promise is about.
    pub seen: BTreeMap<&'static str, usize>,
}

impl Memory {
    /// All that must hold when one write of a plan has been made.
    pub(super) fn holds(&mut self, look: &Look, before: &Observed, world: &World) {
        let after = &world.observed;
        self.count(look, before, after);
        nobody_goes_on_doubt(look, before, after);
        self.within_the_limit(look, before, after);
        no_ring_group_is_emptied(look, before, after);
        no_ring_group_loses_most(look, before, after);
        what_is_not_ours_is_not_touched(look, before, after);
        no_number_is_given_twice(after);
        numbers_follow_the_directory_alone(look, before, after);
        self.numbers_rest(look, before, after);
        unlinked_stays_unlinked(before, after);
    }

    /// Promises that nothing happens to are easily kept.
    fn count(&mut self, look: &Look, before: &Observed, after: &Observed) {
        let mut saw = |what: &'static str, count: usize| *self.seen.entry(what).or_default() += count;
        for (name, user) in &before.users {
            let now = after.users.get(name);
            let (was_on, is_on) = (user.values.enabled(), now.and_then(|now| now.values.enabled()));
            let number = |user: &ObservedUser| user.values.text(Field::Extension).map(str::to_owned);
            saw("deleted", usize::from(now.is_none()));
            saw("disabled", usize::from(was_on == Some(true) && is_on == Some(false)));
            saw(
                "enabled again",
                usize::from(was_on == Some(false) && is_on == Some(true)),
            );
            saw(
                "let go of",
                usize::from(user.is_held() && now.is_some_and(|now| !now.is_held())),
            );
            saw(
                "adopted",
                usize::from(!user.is_held() && now.is_some_and(ObservedUser::is_held)),
            );
            saw(
                "given another number",
                usize::from(number(user).is_some() && now.is_some_and(|now| number(now) != number(user))),
            );
        }
        saw("created", usize::from(after.users.len() > before.users.len()));
        saw("freed", usize::from(!look.outcome.plan.frees.is_empty()));
        saw("held", usize::from(!look.outcome.ledger.held.is_empty()));
        saw(
            "approved",
            usize::from(look.outcome.ledger.held.iter().any(|held| held.approved.is_some())),
        );
        let rings = |observed: &Observed| -> usize {
            Phones::of_observed(observed)
                .ring_groups
                .values()
                .map(|group| group.members.len())
                .sum()
        };
        saw("out of a ring group", usize::from(rings(after) < rings(before)));
    }

    /// Promise 7: converged is silent.
    pub(super) fn is_silent(plan: &Plan) {
        let users = plan
            .users
            .iter()
            .map(|change| format!("{}: {:?}", change.name, change.changes));
        let groups = plan
            .ring_groups
            .iter()
            .map(|change| format!("{}: {:?}", change.name, change.changes));
        let more: Vec<_> = users.chain(groups).collect();
        assert!(
            plan.is_empty(),
            "promise 7: there is more to do after a sync: {more:#?} {:?} {:?} {:?}",
            plan.claims,
            plan.deletions,
            plan.frees
        );
    }

    /// Promise 3: over the limit, removals wait. It is a budget over a window, over restarts too; what was approved is not in it.
    fn within_the_limit(&mut self, look: &Look, before: &Observed, after: &Observed) {
        for (name, user) in removed(before, after) {
            if !look.is_approved(user) {
                self.removed.push((look.world.now, look.scope, name.into()));
            }
        }
        let day_ago = look.world.now - SignedDuration::from_hours(24);
        let recent = self
            .removed
            .iter()
            .filter(|(when, scope, _)| *when > day_ago && *scope == look.scope);
        let who: BTreeSet<_> = recent.map(|(_, _, name)| name).collect();
        assert!(
            who.len() <= MOST,
            "promise 3: {} removed these within a day: {who:?}",
            look.scope_name()
        );
    }

    /// Promise 5 and "Numbers": what somebody had rests before anybody else gets it.
    fn numbers_rest(&mut self, look: &Look, before: &Observed, after: &Observed) {
        for (name, user) in &before.users {
            let (Some(link), Some(number)) = (user.values.link(), user.values.text(Field::Extension)) else {
                continue;
            };
            if !after.users.contains_key(name) && number.starts_with('2') {
                self.resting.insert(number.to_owned(), (link.guid, look.world.now));
            }
        }
        for user in after.users.values() {
            let (Some(link), Some(number)) = (user.values.link(), user.values.text(Field::Extension)) else {
                continue;
            };
            let Some((last, since)) = self.resting.get(number).copied() else {
                continue;
            };
            let rested = look.world.now.duration_since(since) >= SignedDuration::from_hours(720);
            assert!(
                last == link.guid || rested,
                "promise 5: {number} went from {last} to {} without rest",
                link.guid
            );
            self.resting.remove(number);
        }
    }
}

/// Those whom a write has disabled or deleted.
fn removed<'o>(before: &'o Observed, after: &Observed) -> Vec<(&'o str, &'o ObservedUser)> {
    let users = before.users.iter().filter(|(name, user)| {
        let is_off = |user: &ObservedUser| user.values.enabled() == Some(false);
        after.users.get(*name).is_none_or(|now| is_off(now) && !is_off(user))
    });
    users.map(|(name, user)| (&**name, user)).collect()
}

/// Promise 2: nothing is removed on doubt.
fn nobody_goes_on_doubt(look: &Look, before: &Observed, after: &Observed) {
    for (name, user) in removed(before, after) {
        let link = user.values.link();
        assert!(
            link.is_some_and(|link| look.may_go(link.guid)),
            "promise 2: {name} was taken away by {}, and has not left: {:?}",
            look.scope_name(),
            look.outcome.ledger
        );
        assert!(
            !user.is_protected && !user.is_unlinked,
            "promise 2: {name} is protected or unlinked, and was taken away"
        );
    }
    let (before_phones, after_phones) = (Phones::of_observed(before), Phones::of_observed(after));
    for (name, group) in &before_phones.ring_groups {
        let Some(now) = after_phones.ring_groups.get(name) else {
            continue;
        };
        for number in group.members.difference(&now.members) {
            let mut had_it = before
                .users
                .values()
                .filter(|user| user.values.text(Field::Extension) == Some(number));
            let reason = had_it.all(|user| {
                let Some(link) = user.values.link() else { return true };
                let is_in_it = look
                    .truth()
                    .account(link.guid)
                    .is_some_and(|entry| look.truth().is_in(entry, "Team"));
                let is_off = user.values.enabled() == Some(false);
                is_off || user.is_unlinked || !look.world.is_behind && !is_in_it || look.may_go(link.guid)
            });
            assert!(reason, "promise 2: {number} rings no more in {name}");
        }
    }
}

/// Promise 3: a ring group that would become empty is always held.
fn no_ring_group_is_emptied(look: &Look, before: &Observed, after: &Observed) {
    let (before, after) = (Phones::of_observed(before), Phones::of_observed(after));
    if look.has_approval() {
        return;
    }
    // One whose group gives no answer for long looks like one that was deleted, and so does an OU; that goes by the limit.
    let looks_deleted = !look.world.veil.groups.is_empty() && !look.world.sees_tombstones;
    for (name, group) in &before.ring_groups {
        if looks_deleted && !after.ring_groups.contains_key(name) {
            continue;
        }
        let now = after.ring_groups.get(name).map_or(0, |now| now.members.len());
        assert!(
            now > 0 || group.members.is_empty(),
            "promise 3: nobody rings in {name} any more: {group:?}"
        );
    }
}

/// Promise 3: a ring group of five or more never loses more than half of them at once. Whose number became another is still there.
fn no_ring_group_loses_most(look: &Look, before: &Observed, after: &Observed) {
    if look.has_approval() {
        return;
    }
    let (before_phones, after_phones) = (Phones::of_observed(before), Phones::of_observed(after));
    for (name, group) in &before_phones.ring_groups {
        let Some(now) = after_phones.ring_groups.get(name) else {
            continue;
        };
        let lost = group.members.difference(&now.members).filter(|number| {
            let extension = look.world.observed.extensions.get(&*format!("hq-{number}"));
            let holder = extension.and_then(|extension| extension.holder.as_ref());
            let user = holder.and_then(|holder| after_phones.users.get(&*holder.name));
            let number = user.and_then(|user| user.number.as_ref());
            !number.is_some_and(|number| now.members.contains(number))
        });
        let lost: Vec<_> = lost.collect();
        assert!(
            group.members.len() < 5 || lost.len() * 2 <= group.members.len(),
            "promise 3: {name} was {group:?}, and lost {lost:?} at once"
        );
    }
}

/// Promise 4: what is not ours is not touched, but adopted by an unambiguous match.
fn what_is_not_ours_is_not_touched(look: &Look, before: &Observed, after: &Observed) {
    for (name, user) in &before.users {
        if user.is_held() || user.values.link().is_some() {
            continue;
        }
        let now = after
            .users
            .get(name)
            .unwrap_or_else(|| panic!("promise 4: {name} is people's, and is gone"));
        if now.version == user.version {
            continue;
        }
        let account = now.values.link().and_then(|link| look.truth().account(link.guid));
        let login = account.and_then(|account| account.text(&AttributeName::LOGIN));
        assert!(
            login.is_some() && login == user.values.text(Field::Login),
            "promise 4: {name} is people's, and became {:?}",
            now.values
        );
    }
    for (name, extension) in &before.extensions {
        if extension.state == Some(ExtensionState::Reserved) {
            let now = after.extensions.get(name).map(|now| &now.version);
            assert_eq!(now, Some(&extension.version), "promise 4: {name} is reserved");
        }
    }
}

/// Promise 5: a number is never given twice, and whoever names one of ours holds it.
fn no_number_is_given_twice(after: &Observed) {
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, user) in after.users.iter().filter(|(_, user)| user.is_held()) {
        let Some(number) = user.values.text(Field::Extension) else {
            continue;
        };
        let other = names.insert(number, name);
        assert!(other.is_none(), "promise 5: {number} was given to {name} and {other:?}");
        let extension = after.extensions.get(&*format!("hq-{number}"));
        let holder = extension.and_then(|extension| extension.holder.as_ref());
        let is_assigned = extension.is_some_and(|extension| extension.state == Some(ExtensionState::Assigned));
        assert!(
            is_assigned && holder.is_some_and(|holder| *holder.name == **name),
            "promise 5: {name} names {number}, which is of {extension:?}"
        );
    }
}

/// Promise 5: a number changes only when the directory holds another one, or gives it to somebody else.
fn numbers_follow_the_directory_alone(look: &Look, before: &Observed, after: &Observed) {
    for (name, user) in &before.users {
        let (Some(was), Some(now)) = (user.values.text(Field::Extension), after.users.get(name)) else {
            continue;
        };
        let is = now.values.text(Field::Extension);
        let link = now.values.link();
        let asked = link.and_then(|link| look.truth().telephone(link.guid));
        let follows = is.is_some() && is == asked.as_deref();
        // On the way to another one, or gone for good.
        let makes_way = is.is_none()
            && (asked.as_deref() != Some(was) || link.is_some_and(|link| look.may_go(link.guid)))
            && look.truth().is_telephone_of_another(was, link.map(|link| link.guid));
        assert!(
            is == Some(was) || ((follows || makes_way) && !look.world.is_behind),
            "promise 5: {name} had {was}, and has {is:?}; the directory says {asked:?}"
        );
    }
}

/// Promise 9: unlinked stays unlinked, and as it is.
fn unlinked_stays_unlinked(before: &Observed, after: &Observed) {
    for (name, user) in before.users.iter().filter(|(_, user)| user.is_unlinked) {
        let now = after
            .users
            .get(name)
            .unwrap_or_else(|| panic!("promise 9: {name} is unlinked, and is gone"));
        assert!(
            now.is_unlinked && now.values == user.values,
            "promise 9: {name} is unlinked, and became {:?}",
            now.values
        );
        let account = user.values.link().map(|link| link.guid);
        let others = after
            .users
            .iter()
            .filter(|(other, _)| *other != name && !before.users.contains_key(*other));
        for (other, new) in others {
            assert!(
                account.is_none() || new.values.link().map(|link| link.guid) != account,
                "promise 9: {name} is unlinked, and {other} was made instead"
            );
        }
    }
}
