//! Who is meant: a scope's people and who numbers them, in three values. An entry in doubt is neither nobody nor everybody.

use std::fmt;

use super::{
    person::RuleChoice,
    references::{Lost, References},
    validated::{Reference, Selector, ValidatedScope},
};
use crate::directory::{Answer, Dn, Filter, Group, Snapshot, UserIndex, UserSet};

/// Who is in a scope, as sets of one snapshot's users.
#[derive(Debug)]
pub struct Selection<'a> {
    users: Answer,
    excluded: UserSet,
    /// Exclusions of which it can't be told whether they keep these people out.
    doubts: Vec<(UserSet, Doubt<'a>)>,
}

/// Where an account stands to a scope.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// The scope selects it.
    Selected,
    /// `users` selects it, or perhaps does, and `exclude` keeps it out.
    Excluded,
    /// Something in doubt may select it, and nothing else does.
    Perhaps,
    /// The scope does not select it.
    Outside,
}

/// Why it can't be told of somebody whether a selector picks them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Doubt<'a> {
    /// It names this entry, which was not found.
    Lost(&'a Dn),
    /// It names this entry, and another one has the name now.
    Replaced(&'a Dn),
    /// It excludes this group, which showed members and shows none now.
    Emptied(&'a Dn),
    /// Its filter compares an attribute that was not read.
    Unread,
}

impl<'a> Doubt<'a> {
    /// The entry that was not found, as the spec has it.
    pub fn dn(self) -> Option<&'a str> {
        match self {
            Self::Lost(dn) | Self::Replaced(dn) | Self::Emptied(dn) => Some(dn.as_str()),
            Self::Unread => None,
        }
    }
}

impl fmt::Display for Doubt<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(dn) => write!(formatter, "{} was not found", dn.as_str()),
            Self::Replaced(dn) => write!(formatter, "another entry has the name {} now", dn.as_str()),
            Self::Emptied(dn) => write!(formatter, "{} has shown members, and shows none now", dn.as_str()),
            Self::Unread => formatter.write_str("what its filter compares was not read yet"),
        }
    }
}

impl<'a> Selection<'a> {
    /// Evaluates `users` and `exclude`.
    pub fn new(scope: &'a ValidatedScope, references: &References<'_>, directory: &Snapshot) -> Self {
        let evaluation = Evaluation { references, directory };
        let mut users = Answer::certain(if scope.users.everyone {
            directory.all()
        } else {
            directory.empty_set()
        });
        for unit in &scope.users.units {
            users = users.or(&evaluation.below(unit));
        }
        for (group, nested) in &scope.users.groups {
            users = users.or(&evaluation.members(group, *nested));
        }
        if let Some(filter) = &scope.users.filter {
            users = users.and(&evaluation.matching(filter));
        }
        let mut excluded = directory.empty_set();
        let mut doubts = Vec::new();
        for exclusion in &scope.exclude {
            let answer = evaluation.picked_by(&exclusion.selector);
            excluded.union_with(answer.yes());
            if !answer.perhaps().is_empty() {
                doubts.push((answer.perhaps().clone(), evaluation.doubt(&exclusion.selector)));
            }
        }
        Self {
            users,
            excluded,
            doubts,
        }
    }

    /// Where an account stands. Of an exclusion in doubt it says nothing: see [`Self::exclusion_in_doubt`].
    pub fn standing(&self, user: UserIndex) -> Standing {
        let (found, perhaps) = (self.is_found(user), self.users.perhaps().contains(user));
        match (found || perhaps, self.excluded.contains(user)) {
            (true, true) => Standing::Excluded,
            (true, false) if found => Standing::Selected,
            (true, false) => Standing::Perhaps,
            (false, _) => Standing::Outside,
        }
    }

    /// Why `exclude` may keep an account out, when that can't be told: what is written of it stays, and nothing is begun.
    pub fn exclusion_in_doubt(&self, user: UserIndex) -> Option<Doubt<'a>> {
        let mut doubts = self.doubts.iter().filter(|_| !self.excluded.contains(user));
        doubts
            .find(|(perhaps, _)| perhaps.contains(user))
            .map(|(_, doubt)| *doubt)
    }

    /// Whether it can be told of everybody whether `exclude` keeps them out.
    pub fn is_exclusion_certain(&self) -> bool {
        self.doubts.is_empty()
    }

    /// Whether `exclude` lets an account in for certain, selected or not.
    pub fn lets_in(&self, user: UserIndex) -> bool {
        !self.excluded.contains(user) && self.exclusion_in_doubt(user).is_none()
    }

    /// Whether `exclude` keeps an account out for certain, selected or not.
    pub fn is_excluded(&self, user: UserIndex) -> bool {
        self.excluded.contains(user)
    }

    /// Whether `users` selects an account for certain.
    pub fn is_found(&self, user: UserIndex) -> bool {
        self.users.yes().contains(user)
    }

    /// Those whom `users` selects for certain, the excluded among them, in the snapshot's order.
    pub fn found(&self) -> impl Iterator<Item = UserIndex> + '_ {
        self.users.yes().iter()
    }
}

/// What parts of a spec say of everybody in a directory.
struct Evaluation<'a, 'b> {
    references: &'b References<'a>,
    directory: &'b Snapshot,
}

impl Evaluation<'_, '_> {
    fn below(&self, unit: &Reference) -> Answer {
        let unit = self.references.unit(&unit.dn);
        self.of(unit.map(|unit| self.directory.users_below(unit.dn())))
    }

    fn members(&self, group: &Reference, nested: bool) -> Answer {
        let group = self.references.group(&group.dn);
        self.of(group.map(|group| self.directory.members(group.index(), nested).users))
    }

    fn matching(&self, filter: &Filter) -> Answer {
        self.directory
            .users_matching(filter, |dn| self.references.group(dn).map(Group::index))
    }

    fn picked_by(&self, selector: &Selector) -> Answer {
        match selector {
            Selector::Unit(unit) => self.below(unit),
            Selector::Group { reference, nested } => self.members(reference, *nested),
            Selector::Filter(filter) => self.matching(filter),
            Selector::Login(login) => Answer::certain(self.directory.users_with_login(login)),
        }
    }

    /// Of whom nothing visible says that a selector does not pick them: its group shows nobody, or what its filter compares is
    /// missing, which looks the same when it is hidden.
    fn unseen_by(&self, selector: &Selector) -> UserSet {
        let directory = self.directory;
        match selector {
            Selector::Group { reference, nested } => self.of_group(&reference.dn, *nested).perhaps().clone(),
            Selector::Filter(filter) => directory
                .users_visibly_matching(filter, |dn, nested| self.of_group(dn, nested))
                .perhaps()
                .clone(),
            Selector::Unit(_) | Selector::Login(_) => directory.empty_set(),
        }
    }

    /// The members of a group; of one that shows nobody, it may be anybody.
    fn of_group(&self, dn: &Dn, nested: bool) -> Answer {
        let directory = self.directory;
        match self.references.group(dn).map(Group::index) {
            Some(group) if !directory.is_silent(group, nested) => {
                Answer::certain(directory.members(group, nested).users)
            }
            _ => Answer::open(directory.all()),
        }
    }

    /// The people of an entry; in doubt, it may be anybody.
    fn of(&self, people: Option<UserSet>) -> Answer {
        people.map_or_else(|| Answer::open(self.directory.all()), Answer::certain)
    }

    /// Why it can't be told whom a selector picks, where its answer is a perhaps.
    fn doubt<'s>(&self, selector: &'s Selector) -> Doubt<'s> {
        let about = |dn, lost| match lost {
            Some(Lost::Replaced) => Doubt::Replaced(dn),
            Some(Lost::Emptied) => Doubt::Emptied(dn),
            Some(Lost::Missing) | None => Doubt::Lost(dn),
        };
        let about_group = |dn| about(dn, self.references.lost_group(dn));
        match selector {
            Selector::Unit(reference) => about(&reference.dn, self.references.lost_unit(&reference.dn)),
            Selector::Group { reference, .. } => about_group(&reference.dn),
            Selector::Filter(filter) => {
                let mut groups = filter.groups().into_iter();
                let lost = groups.find(|dn| self.references.group(dn).is_none());
                lost.map_or(Doubt::Unread, about_group)
            }
            Selector::Login(_) => Doubt::Unread,
        }
    }
}

/// Which of a scope's `extensions` numbers whom.
#[derive(Debug)]
pub struct RuleChoices<'a> {
    /// The rules in their order, each with whom it numbers. None: everybody.
    entries: Vec<(&'a str, Option<Picked<'a>>)>,
}

/// Whom an entry of `extensions` numbers.
#[derive(Debug)]
struct Picked<'a> {
    answer: Answer,
    doubt: Doubt<'a>,
    unseen: UserSet,
}

impl<'a> RuleChoices<'a> {
    /// Evaluates all selectors.
    pub fn new(scope: &'a ValidatedScope, references: &References<'_>, directory: &Snapshot) -> Self {
        let evaluation = Evaluation { references, directory };
        let picked = |selector| Picked {
            answer: evaluation.picked_by(selector),
            doubt: evaluation.doubt(selector),
            unseen: evaluation.unseen_by(selector),
        };
        let entries = scope.extensions.iter();
        Self {
            entries: entries
                .map(|entry| (&*entry.rule, entry.when.as_ref().map(picked)))
                .collect(),
        }
    }

    /// The first entry that holds; in doubt, when one before it may hold.
    pub fn choose(&self, user: UserIndex) -> RuleChoice<'a> {
        for (rule, picked) in &self.entries {
            match picked {
                Some(picked) if picked.answer.perhaps().contains(user) => return RuleChoice::Doubt(picked.doubt),
                Some(picked) if !picked.answer.yes().contains(user) => {}
                _ => return RuleChoice::Rule(rule),
            }
        }
        RuleChoice::None
    }

    /// The rules of the entries before the one that holds of which nothing visible says that they don't hold for somebody.
    pub fn unseen_before(&self, user: UserIndex) -> impl Iterator<Item = &'a str> + '_ {
        let passed_over = self.entries.iter().map_while(move |(rule, picked)| {
            let picked = picked.as_ref().filter(|picked| !picked.answer.yes().contains(user))?;
            Some((*rule, picked))
        });
        passed_over.filter_map(move |(rule, picked)| picked.unseen.contains(user).then_some(rule))
    }
}
