//! What all scopes on one directory have spent of its limit: by their statuses, and by what this process has just let through and
//! the watch may not show yet. No I/O.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

use crate::{
    api::{ActiveDirectoryConfig, SyncScope, active_directory_config::DirectoryRemovalLimit, sync_scope::BudgetEntry},
    controllers::changes::NamespacedName,
    sync::{
        budget::{self, Spent},
        past::DirectoryBudget,
        validated::parse_duration,
    },
};

/// The default of `removalLimit.window`.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The budgets that this process has let through or seen, by directory and scope. Cloning shares. A scope that is gone stays in it:
/// what it removed was removed.
#[derive(Clone, Debug, Default)]
pub(super) struct Spending(Arc<Mutex<Reserved>>);

type Reserved = BTreeMap<NamespacedName, OfDirectory>;

/// By name of the scope, the newest last.
type OfDirectory = BTreeMap<String, Vec<Reservation>>;

/// Scopes of a name of which something is known: this one, and the one before it.
const GENERATIONS: usize = 2;

/// What one scope has spent.
#[derive(Debug)]
struct Reservation {
    uid: String,
    budget: Vec<BudgetEntry>,
}

/// A scope that spends: not the one that had its name before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spender<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its `metadata.uid`.
    pub uid: &'a str,
}

/// Another scope on the directory, as its status has it.
#[derive(Clone, Debug, Default)]
pub(super) struct Other {
    /// Its name.
    pub name: String,
    /// How many people are linked to it.
    pub linked: i64,
    /// Its `status.budget`.
    pub budget: Vec<BudgetEntry>,
}

impl Other {
    /// What a scope's status says.
    pub(super) fn of(scope: &SyncScope) -> Self {
        let status = scope.status.as_ref();
        let linked = status
            .and_then(|status| status.users)
            .map_or(0, |users| users.matched + users.out_of_scope + users.gone);
        Self {
            name: scope.name_any(),
            linked,
            budget: status.map(|status| status.budget.clone()).unwrap_or_default(),
        }
    }
}

/// The directory's limit, of which nothing is spent.
pub(super) fn limit(directory: &ActiveDirectoryConfig) -> DirectoryBudget {
    let DirectoryRemovalLimit { percent, count, window } = &directory.spec.removal_limit;
    let window = parse_duration(window).ok();
    DirectoryBudget {
        percent: i64::from(*percent),
        count: i64::from(*count),
        window: window.and_then(|window| window.try_into().ok()).unwrap_or(DAY),
        ..DirectoryBudget::default()
    }
}

impl Spending {
    /// What the other scopes have spent.
    pub(super) fn by_others(
        &self,
        directory: &NamespacedName,
        scope: &str,
        others: &[Other],
        limit: DirectoryBudget,
        now: Timestamp,
    ) -> DirectoryBudget {
        spent(self.lock().get(directory), scope, others, limit, now)
    }

    /// What a scope has spent, by its `status.budget`. One that says nothing yet has what the scope spent that had its name before:
    /// whoever deletes a scope and makes it again gets no second allowance.
    pub(super) fn by_itself(
        &self,
        directory: &NamespacedName,
        scope: Spender<'_>,
        budget: Vec<BudgetEntry>,
    ) -> Vec<BudgetEntry> {
        let mut all = self.lock();
        let of_name = all.entry(directory.clone()).or_default();
        let of_name = of_name.entry(scope.name.to_owned()).or_default();
        if budget.is_empty() {
            let before = of_name.iter().rfind(|reservation| reservation.uid != scope.uid);
            return before.map(|before| before.budget.clone()).unwrap_or_default();
        }
        if !of_name.iter().any(|reservation| reservation.uid == scope.uid) {
            remember(of_name, scope, &budget);
        }
        budget
    }

    /// Takes what a scope is about to spend. `false`: others have spent meanwhile, and what was planned may be too much.
    pub(super) fn reserve(
        &self,
        directory: &NamespacedName,
        scope: Spender<'_>,
        others: &[Other],
        planned: DirectoryBudget,
        now: Timestamp,
        budget: &[BudgetEntry],
    ) -> bool {
        let mut all = self.lock();
        let spent = spent(all.get(directory), scope.name, others, planned, now);
        if spent.spent > planned.spent || spent.ring_groups > planned.ring_groups {
            return false;
        }
        let scopes = all.entry(directory.clone()).or_default();
        remember(scopes.entry(scope.name.to_owned()).or_default(), scope, budget);
        true
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Reserved> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn remember(of_name: &mut Vec<Reservation>, scope: Spender<'_>, budget: &[BudgetEntry]) {
    of_name.retain(|reservation| reservation.uid != scope.uid);
    of_name.push(Reservation {
        uid: scope.uid.to_owned(),
        budget: budget.to_vec(),
    });
    of_name.drain(..of_name.len().saturating_sub(GENERATIONS));
}

fn spent(
    reserved: Option<&OfDirectory>,
    scope: &str,
    others: &[Other],
    limit: DirectoryBudget,
    now: Timestamp,
) -> DirectoryBudget {
    let mut total = DirectoryBudget {
        linked: others.iter().map(|other| other.linked).sum(),
        spent: 0,
        gone: 0,
        ring_groups: 0,
        ..limit
    };
    let mut by_scope: BTreeMap<&str, [i64; 3]> = BTreeMap::new();
    let told = others.iter().map(|other| (other.name.as_str(), &other.budget));
    let known = reserved.into_iter().flatten();
    let known = known.flat_map(|(name, all)| all.iter().map(move |one| (name.as_str(), &one.budget)));
    for (name, budget) in told.chain(known).filter(|(name, _)| *name != scope) {
        // Of what the status says and what was let through here, one is the newer, and the newer one is not less: a scope that is made
        // again goes on with what the one before it spent.
        let most = by_scope.entry(name).or_default();
        let Spent {
            people,
            gone,
            ring_groups,
        } = budget::spent(budget, now, limit.window);
        for (most, sum) in most.iter_mut().zip([people, gone, ring_groups]) {
            *most = sum.max(*most);
        }
    }
    for [people, gone, ring_groups] in by_scope.into_values() {
        total.spent += people;
        total.gone += gone;
        total.ring_groups += ring_groups;
    }
    total
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;

    fn time(hour: i64) -> Timestamp {
        Timestamp::from_second(hour * 3600).unwrap()
    }

    fn entry(hour: i64, count: i64) -> BudgetEntry {
        BudgetEntry {
            time: Time(time(hour)),
            count,
            gone: count / 2,
            ring_groups: 1,
            ring_group: None,
        }
    }

    fn other(name: &str, budget: Vec<BudgetEntry>) -> Other {
        Other {
            name: name.to_owned(),
            linked: 100,
            budget,
        }
    }

    fn spender<'a>(name: &'a str, uid: &'a str) -> Spender<'a> {
        Spender { name, uid }
    }

    fn directory() -> NamespacedName {
        NamespacedName::new("telephony", "corp")
    }

    #[test]
    fn what_others_spent_within_the_window_counts_once() {
        let spending = Spending::default();
        let of_a_ring_group = BudgetEntry {
            ring_group: Some("hq-support".to_owned()),
            ..entry(30, 50)
        };
        let others = [
            other("sales", vec![entry(1, 40), entry(30, 6), of_a_ring_group]),
            other("ops", Vec::new()),
        ];
        let limit = DirectoryBudget::default();
        assert!(spending.reserve(
            &directory(),
            spender("sales", "1"),
            &[],
            limit,
            time(30),
            &[entry(30, 6)]
        ));
        let spent = spending.by_others(&directory(), "staff", &others, limit, time(31));
        let counts = (spent.linked, spent.spent, spent.gone, spent.ring_groups);
        assert_eq!(counts, (200, 6, 3, 1));
        let own = spending.by_others(&directory(), "sales", &others[1..], limit, time(31));
        assert_eq!((own.linked, own.spent), (100, 0), "its own is in its own budget");
    }

    #[test]
    fn two_scopes_that_plan_at_once_do_not_spend_the_same_allowance() {
        let (spending, limit, now) = (Spending::default(), DirectoryBudget::default(), time(30));
        let planned = spending.by_others(&directory(), "staff", &[], limit, now);
        assert!(spending.reserve(&directory(), spender("sales", "1"), &[], planned, now, &[entry(30, 4)]));
        assert!(!spending.reserve(&directory(), spender("staff", "1"), &[], planned, now, &[entry(30, 4)]));
        let planned = spending.by_others(&directory(), "staff", &[], limit, now);
        assert_eq!(planned.spent, 4);
        assert!(spending.reserve(&directory(), spender("staff", "1"), &[], planned, now, &[entry(30, 4)]));
        let elsewhere = NamespacedName::new("telephony", "other");
        assert_eq!(spending.by_others(&elsewhere, "staff", &[], limit, now).spent, 0);
    }

    #[test]
    fn a_scope_that_is_made_again_has_spent_what_the_one_before_it_had() {
        let (spending, limit, now) = (Spending::default(), DirectoryBudget::default(), time(30));
        let (first, second, third) = (spender("staff", "1"), spender("staff", "2"), spender("staff", "3"));
        let own = |scope, budget: &[BudgetEntry]| spending.by_itself(&directory(), scope, budget.to_vec());
        assert_eq!(own(first, &[]), [], "nothing is known of one before it");
        // What an earlier process let through is known from the status alone.
        assert_eq!(own(first, &[entry(29, 3)]), [entry(29, 3)]);
        assert_eq!(own(second, &[]), [entry(29, 3)]);
        let both = [entry(29, 3), entry(30, 2)];
        assert!(spending.reserve(&directory(), second, &[], limit, now, &both));
        assert_eq!(
            own(second, &[]),
            [entry(29, 3)],
            "it was reserved, and could not be stored"
        );
        assert_eq!(own(second, &both), both);
        assert_eq!(own(third, &[]), both);
        let spent = spending.by_others(&directory(), "sales", &[], limit, now);
        assert_eq!(spent.spent, 5, "each once");
    }
}
