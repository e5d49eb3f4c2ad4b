//! How much may happen at once (promise 3): limits, batches that wait, and approvals. Decides nothing about a single person.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{
    Input,
    batch::{Batch, Item, Verdict, weigh_items},
    budget::{Spent, add, allowance, lost_by},
    digest::has_member,
    field::RingField,
    limits::{over_for_people, over_for_ring_groups},
    removal::{Action, Due, Removal, whole_seconds},
    value::Value,
};
use crate::api::{
    extension::HolderKind,
    sync_scope::{BudgetEntry, Held, HeldType},
};

/// A ring group of fewer members may lose any of them but the last.
const FEWEST_GUARDED: i64 = 5;

/// Weighs what is due against what may happen. Ask it in the order of the pipeline; it remembers what it let through.
#[derive(Debug)]
pub struct Guard<'a> {
    input: &'a Input<'a>,
    /// Times in the ledger have whole seconds.
    now: Timestamp,
    linked: i64,
    ring_groups: i64,
    batch: Batch<'a>,
    unproven: Vec<Removal<'a>>,
    /// What this plan lets through within the limit.
    spending: Spent,
    /// What is spent for the first time.
    entered: Vec<String>,
    /// Members that ring groups lose with this plan.
    losses: Vec<BudgetEntry>,
    /// Creations and blanks that wait.
    others: Vec<Held>,
    finishes_approved: bool,
    /// The limit that removals are more than.
    over: Option<String>,
}

/// The removals that may happen now.
#[derive(Debug, Default)]
pub struct Allowed<'a>(BTreeMap<(HolderKind, &'a str), Action>);

/// What is to be kept in the status.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    /// `status.held`
    pub held: Vec<Held>,
    /// `status.budget`: written before anything is removed.
    pub budget: Vec<BudgetEntry>,
    /// What is new in `budget`, object by object: it is remembered while the process lives.
    pub entered: Vec<String>,
}

/// What a guard has to say at the end.
#[derive(Debug)]
pub struct Minutes {
    /// What to keep.
    pub ledger: Ledger,
    /// Something passes because it was approved: only when it is done, its batch is.
    pub continues: bool,
}

impl Allowed<'_> {
    /// Whether this object's removal may happen now.
    pub fn has(&self, kind: HolderKind, name: &str) -> bool {
        self.action(kind, name).is_some()
    }

    /// What may happen to an object now.
    pub fn action(&self, kind: HolderKind, name: &str) -> Option<Action> {
        self.0.get(&(kind, name)).copied()
    }
}

impl<'a> Guard<'a> {
    /// A guard for one plan; so many people are `linked` to the scope now.
    pub fn new(input: &'a Input<'a>, linked: usize) -> Self {
        let is_of_scope = |values: &BTreeMap<RingField, Value>| match values.get(&RingField::Source) {
            Some(Value::Source(source)) => *source.scope_ref.name == *input.scope.name,
            _ => false,
        };
        let ring_groups = input.observed.ring_groups.values();
        let ring_groups = ring_groups.filter(|ring_group| is_of_scope(&ring_group.values));
        Self {
            input,
            now: whole_seconds(input.now),
            linked: as_count(linked),
            ring_groups: as_count(ring_groups.count()),
            batch: Batch::default(),
            unproven: Vec::new(),
            spending: Spent::default(),
            entered: Vec::new(),
            losses: Vec::new(),
            others: Vec::new(),
            finishes_approved: false,
            over: None,
        }
    }

    /// Lets removals of people and ring groups through, or holds them: all of a kind that don't fit are held whole.
    pub fn weigh(&mut self, due: Due<'a>) -> Allowed<'a> {
        let Due {
            proven,
            emptying,
            unproven,
        } = due;
        let all = proven.iter().chain(&emptying).chain(&unproven);
        self.batch = Batch::reopen(&self.input.past, self.now, all);
        self.unproven = unproven;
        let mut allowed = Allowed::default();
        let (approved, proven): (Vec<_>, Vec<_>) =
            proven.into_iter().partition(|removal| self.batch.lets_through(removal));
        let (emptying_approved, emptying): (Vec<_>, Vec<_>) = emptying
            .into_iter()
            .partition(|removal| self.batch.lets_through(removal));
        for removal in emptying {
            self.batch.list(removal);
        }
        for removal in approved.into_iter().chain(emptying_approved) {
            self.finishes_approved = true;
            allowed.0.insert((removal.kind, removal.name), removal.action);
            self.batch.list(removal);
        }
        let (again, proven): (Vec<_>, Vec<_>) = proven.into_iter().partition(|removal| self.is_entered(removal));
        for removal in again {
            self.spend_again(&removal);
            allowed.0.insert((removal.kind, removal.name), removal.action);
        }
        let (people, ring_groups): (Vec<_>, Vec<_>) = proven
            .into_iter()
            .partition(|removal| removal.kind == HolderKind::PhoneUser);
        let people_over = over_for_people(self.input, self.now, self.linked, as_count(people.len()));
        let groups_over = over_for_ring_groups(self.input, self.now, self.ring_groups, as_count(ring_groups.len()));
        for (removals, over) in [(people, people_over), (ring_groups, groups_over)] {
            let over = over.filter(|_| !removals.is_empty());
            for removal in removals {
                if over.is_none() {
                    self.spend(&removal);
                    allowed.0.insert((removal.kind, removal.name), removal.action);
                } else {
                    self.batch.list(removal);
                }
            }
            self.over = self.over.take().or(over);
        }
        allowed
    }

    /// Whether it was let through within the window, and is tried again: what was lost or refused counts once.
    fn is_entered(&self, removal: &Removal<'_>) -> bool {
        self.is_within_window(&removal.entry())
    }

    fn is_within_window(&self, entry: &str) -> bool {
        let Input { scope, past, .. } = self.input;
        let window = scope.removal.limit.window.min(past.directory.window);
        let entered = past.entered.get(entry);
        entered.is_some_and(|entered| self.now.duration_since(*entered) < window)
    }

    fn spend(&mut self, removal: &Removal<'_>) {
        self.entered.push(removal.entry());
        match removal.kind {
            HolderKind::RingGroup => self.spending.ring_groups += 1,
            HolderKind::PhoneUser => {
                self.spending.people += 1;
                self.goes(removal);
            }
        }
    }

    /// Who was disabled within the window and is deleted now was counted, but for that they are linked no more.
    fn spend_again(&mut self, removal: &Removal<'_>) {
        if !self.is_within_window(&removal.entry_of_going()) {
            self.goes(removal);
        }
    }

    fn goes(&mut self, removal: &Removal<'_>) {
        if removal.kind == HolderKind::PhoneUser && matches!(removal.action, Action::Delete | Action::LetGo) {
            self.entered.push(removal.entry_of_going());
            self.spending.gone += 1;
        }
    }

    /// Whether a ring group may lose members: never all of them, nor more than half of five or more within the window.
    pub fn weigh_members(&mut self, removal: Removal<'a>, before: usize, after: usize) -> bool {
        let lost = as_count(before) - as_count(after);
        if lost <= 0 {
            return true;
        }
        let removal = Removal {
            action: if after == 0 { Action::Empty } else { Action::Shrink },
            loses: lost,
            ..removal
        };
        if after > 0 && self.is_entered(&removal) {
            return true;
        }
        let window = self.input.scope.removal.limit.window;
        let lost_earlier = lost_by(self.input.past.budget, self.now, window, removal.name);
        let had = as_count(before) + lost_earlier;
        let is_guarded = had >= FEWEST_GUARDED;
        let is_much = is_guarded && ((lost_earlier + lost) * 2 > had || self.waits_for_approval(&removal));
        if after > 0 && !is_much {
            if is_guarded {
                self.entered.push(removal.entry());
                self.losses.push(BudgetEntry {
                    ring_group: Some(removal.name.to_owned()),
                    ..self.entry(lost)
                });
            }
            return true;
        }
        let may_pass = self.batch.lets_through(&removal);
        self.finishes_approved |= may_pass;
        self.batch.list(removal);
        may_pass
    }

    /// Whether a ring group lost too much already: those who joined it since don't make that less.
    fn waits_for_approval(&self, removal: &Removal<'_>) -> bool {
        let held = self.input.past.held.iter();
        let mut held = held.filter(|held| held.kind == HeldType::Removals && held.approved.is_none());
        held.any(|held| (1..=removal.loses).any(|lost| has_member(&held.members, &removal.identity_of(lost))))
    }

    /// Whether newcomers may be created: whom they are about, with what tells them apart.
    pub fn weigh_creations(&mut self, newcomers: impl Iterator<Item = (String, String)>) -> bool {
        let Some(limit) = self.input.scope.creation_limit else {
            return true;
        };
        let percent = if self.input.past.has_synced {
            limit.percent
        } else {
            i64::MAX
        };
        let allowed = allowance(percent, limit.count, self.linked.max(1));
        let items = newcomers.map(|(shown, identity)| Item { identity, shown });
        self.weigh_items(HeldType::Creations, items.collect(), allowed)
    }

    /// The attributes that go blank for more people than may leave: for each one its name, and whose values they are (their
    /// login, and what tells them apart).
    pub fn weigh_blanks<'n>(&mut self, blanks: &BTreeMap<&'n str, Vec<(String, String)>>) -> BTreeSet<&'n str> {
        let limit = self.input.scope.removal.limit;
        let allowed = allowance(limit.percent, limit.count, self.linked);
        let too_many = blanks.iter().filter(|(_, people)| as_count(people.len()) > allowed);
        let item = |attribute: &str, (login, identity): &(String, String)| Item {
            identity: format!("{attribute} {identity}"),
            shown: format!("{login}: {attribute}"),
        };
        let items = too_many
            .clone()
            .flat_map(|(attribute, people)| people.iter().map(move |person| item(attribute, person)));
        if self.weigh_items(HeldType::Blanks, items.collect(), 0) {
            return BTreeSet::new();
        }
        too_many.map(|(attribute, _)| *attribute).collect()
    }

    fn weigh_items(&mut self, kind: HeldType, items: Vec<Item>, allowed: i64) -> bool {
        let Verdict { held, may_pass } = weigh_items(&self.input.past, self.now, kind, items, allowed);
        self.finishes_approved |= may_pass && held.is_some();
        self.others.extend(held);
        may_pass
    }

    fn entry(&self, count: i64) -> BudgetEntry {
        BudgetEntry {
            time: Time(self.now),
            count,
            gone: 0,
            ring_groups: 0,
            ring_group: None,
        }
    }

    /// What to keep. The budget changes only with what is spent: that time passes is no reason to write.
    pub fn finish(self) -> Minutes {
        let past = &self.input.past;
        let Spent {
            people,
            gone,
            ring_groups,
        } = self.spending;
        let spent = BudgetEntry {
            gone,
            ring_groups,
            ..self.entry(people)
        };
        let is_spent = people > 0 || gone > 0 || ring_groups > 0;
        let new: Vec<_> = self.losses.into_iter().chain(is_spent.then_some(spent)).collect();
        let window = self.input.scope.removal.limit.window.max(past.directory.window);
        let budget = if new.is_empty() {
            past.budget.to_vec()
        } else {
            add(past.budget, new, self.now, window)
        };
        let over = self.over;
        let removals = self.batch.close(past, self.now, self.unproven);
        // What is in doubt now stays in the batch that it is in, and that was over a limit.
        let removals = removals.map(|held| Held {
            limit: over.or(held.limit),
            ..held
        });
        Minutes {
            ledger: Ledger {
                held: removals.into_iter().chain(self.others).collect(),
                budget,
                entered: self.entered,
            },
            continues: self.finishes_approved,
        }
    }
}

fn as_count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
