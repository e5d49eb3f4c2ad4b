//! Who is meant: a scope's people and who numbers them, in three values. An entry in doubt is neither nobody nor everybody.

use super::{
    person::RuleChoice,
    references::References,
    validated::{ExtensionEntry, Selector, ValidatedScope},
};
use crate::directory::{Snapshot, UserIndex, UserSet, filter::Filter};

/// Who is in a scope, as sets of one snapshot's users.
#[derive(Debug)]
pub struct Selection<'a> {
    found: UserSet,
    perhaps: UserSet,
    excluded: UserSet,
    /// This exclusion is in doubt: nobody may be created, for it could be them.
    pub exclusion_in_doubt: Option<&'a Selector>,
}

/// Where an account stands to a scope.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// The scope selects it.
    Selected,
    /// `users` selects it, or perhaps does, and `exclude` keeps it out.
    Excluded,
    /// An entry in doubt may select it, and nothing else does.
    Perhaps,
    /// The scope does not select it.
    Outside,
}

/// An answer about everybody. Nobody is in both sets.
#[derive(Debug)]
struct Answer {
    yes: UserSet,
    perhaps: UserSet,
}

impl<'a> Selection<'a> {
    /// Evaluates `users` and `exclude`.
    pub fn new(scope: &'a ValidatedScope, references: &References<'_>, directory: &Snapshot) -> Self {
        let mut users = Answer {
            yes: directory.empty_set(),
            perhaps: directory.empty_set(),
        };
        if scope.users.everyone {
            users.yes = directory.all();
        }
        for unit in &scope.users.units {
            users.or(&Answer::about(references.unit(unit), directory, |unit| {
                directory.users_below(unit.dn())
            }));
        }
        for (group, nested) in &scope.users.groups {
            users.or(&Answer::about(references.group(group), directory, |group| {
                directory.members(group.index(), *nested).users
            }));
        }
        if let Some(filter) = &scope.users.filter {
            users.and(&Answer::matching(filter, directory));
        }
        let mut excluded = directory.empty_set();
        let mut exclusion_in_doubt = None;
        for exclusion in &scope.exclude {
            let answer = Answer::of(&exclusion.selector, references, directory);
            if !answer.perhaps.is_empty() {
                exclusion_in_doubt = exclusion_in_doubt.or(Some(&exclusion.selector));
            }
            excluded.union_with(&answer.yes);
        }
        Self {
            found: users.yes,
            perhaps: users.perhaps,
            excluded,
            exclusion_in_doubt,
        }
    }

    /// Where an account stands.
    pub fn standing(&self, user: UserIndex) -> Standing {
        let found = self.found.contains(user);
        match (found || self.perhaps.contains(user), self.excluded.contains(user)) {
            (true, true) => Standing::Excluded,
            (true, false) if found => Standing::Selected,
            (true, false) => Standing::Perhaps,
            (false, _) => Standing::Outside,
        }
    }

    /// Whether `exclude` keeps an account out for certain, selected or not.
    pub fn excludes(&self, user: UserIndex) -> bool {
        self.excluded.contains(user)
    }

    /// Whether `users` selects an account for certain.
    pub fn is_found(&self, user: UserIndex) -> bool {
        self.found.contains(user)
    }

    /// Those whom `users` selects for certain, the excluded among them, in the snapshot's order.
    pub fn found(&self) -> impl Iterator<Item = UserIndex> + '_ {
        self.found.iter()
    }
}

impl Answer {
    /// The answer that an entry gives; in doubt, it may be anybody.
    fn about<E>(entry: Option<E>, directory: &Snapshot, people: impl FnOnce(E) -> UserSet) -> Self {
        match entry {
            Some(entry) => Self {
                yes: people(entry),
                perhaps: directory.empty_set(),
            },
            None => Self {
                yes: directory.empty_set(),
                perhaps: directory.all(),
            },
        }
    }

    fn of(selector: &Selector, references: &References<'_>, directory: &Snapshot) -> Self {
        match selector {
            Selector::Unit(unit) => Self::about(references.unit(unit), directory, |unit| {
                directory.users_below(unit.dn())
            }),
            Selector::Group { reference, nested } => Self::about(references.group(reference), directory, |group| {
                directory.members(group.index(), *nested).users
            }),
            Selector::Filter(filter) => Self::matching(filter, directory),
            Selector::Login(login) => Self::about(Some(login), directory, |login| directory.users_with_login(login)),
        }
    }

    /// A filter on what was not read is in doubt, as an entry is that was not found.
    fn matching(filter: &Filter, directory: &Snapshot) -> Self {
        let was_read = filter.attributes().iter().all(|attribute| directory.has(attribute));
        Self::about(was_read.then_some(filter), directory, |filter| {
            directory.users_matching(filter)
        })
    }

    fn and(&mut self, other: &Self) {
        let mut possible = other.yes.clone();
        possible.union_with(&other.perhaps);
        self.perhaps.union_with(&self.yes);
        self.perhaps.intersect_with(&possible);
        self.yes.intersect_with(&other.yes);
        self.perhaps.subtract(&self.yes);
    }

    fn or(&mut self, other: &Self) {
        self.yes.union_with(&other.yes);
        self.perhaps.union_with(&other.perhaps);
        self.perhaps.subtract(&self.yes);
    }
}

/// Which of a scope's `extensions` numbers whom.
#[derive(Debug)]
pub struct RuleChoices<'a> {
    entries: Vec<(&'a ExtensionEntry, Answer)>,
}

impl<'a> RuleChoices<'a> {
    /// Evaluates all selectors.
    pub fn new(scope: &'a ValidatedScope, references: &References<'_>, directory: &Snapshot) -> Self {
        let entries = scope.extensions.iter().map(|entry| {
            let answer = match &entry.when {
                Some(selector) => Answer::of(selector, references, directory),
                None => Answer {
                    yes: directory.all(),
                    perhaps: directory.empty_set(),
                },
            };
            (entry, answer)
        });
        Self {
            entries: entries.collect(),
        }
    }

    /// The first entry that holds; in doubt, when one before it may hold.
    pub fn choose(&self, user: UserIndex) -> RuleChoice<'a> {
        for (entry, answer) in &self.entries {
            if answer.yes.contains(user) {
                return RuleChoice::Rule(&entry.rule);
            }
            if let Some(selector) = entry.when.as_ref().filter(|_| answer.perhaps.contains(user)) {
                return RuleChoice::Doubt(selector);
            }
        }
        RuleChoice::None
    }
}
