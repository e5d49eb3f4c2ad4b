//! Whether people who are missing are visibly out of a scope: each OU, group and filter that could select them is looked at.
//! Pure; tombstones and those who give no answer are not judged here.

use std::collections::{HashMap, HashSet};

use super::{
    Input,
    absence::Missing,
    departments::Entry,
    evidence::{Open, Verdict, has_left},
    field::Field,
    observed::ObservedUser,
    past::Suspect,
    references::References,
};
use crate::directory::{Answer, Dn, Group, Snapshot, User, UserSet};

/// What a scope's `users` says of those who are missing, by what is visible.
pub(super) struct Outside<'a> {
    everyone: bool,
    /// Each OU and group that `users` names. None: it is in doubt, and may select anybody.
    entries: Vec<Option<Selecting<'a>>>,
    /// By the filter.
    filter: Option<Answer>,
    /// Of whom something visible says that they are in a group of the filter, though its members don't show them.
    contradicted: UserSet,
}

/// An OU or group, and whom it selects.
struct Selecting<'a> {
    entry: Entry<'a>,
    /// As the spec has it: an OU may have had this name.
    dn: &'a Dn,
    people: UserSet,
}

impl Selecting<'_> {
    /// Whether a place lies in it, or did when an OU had the name that the spec has.
    fn covers(&self, place: &Dn) -> bool {
        place.is_at_or_below(self.entry.dn()) || place.is_at_or_below(self.dn)
    }
}

impl<'a> Outside<'a> {
    pub(super) fn new(
        input: &Input<'a>,
        references: &References<'a>,
        missing: &[Missing<'a>],
        open: &mut Open,
    ) -> Self {
        let (users, directory) = (&input.scope.users, input.directory);
        let units = users.units.iter().map(|reference| {
            let unit = references.unit(&reference.dn)?;
            Some(Selecting {
                entry: Entry::Unit(unit),
                dn: &reference.dn,
                people: directory.users_below(unit.dn()),
            })
        });
        let groups = users.groups.iter().map(|(reference, nested)| {
            let (group, nested) = (references.group(&reference.dn)?, *nested);
            Some(Selecting {
                entry: Entry::Group { group, nested },
                dn: &reference.dn,
                people: directory.members(group.index(), nested).users,
            })
        });
        let entries = units.chain(groups).collect();
        let mut contradicted = directory.empty_set();
        let filter = users.filter.as_ref().map(|filter| {
            let verdicts = std::cell::RefCell::new((open, &mut contradicted));
            directory.users_visibly_matching(filter, |dn, nested| {
                let (open, contradicted) = &mut *verdicts.borrow_mut();
                let Some(group) = references.group(dn) else {
                    return Answer::open(directory.all());
                };
                in_group(input, missing, group, nested, open, contradicted)
            })
        });
        Self {
            everyone: users.everyone,
            entries,
            filter,
            contradicted,
        }
    }

    /// Whether an account that was read is out of the scope: by the filter, or by all OUs and groups.
    pub(super) fn verdict(&self, input: &Input<'_>, account: User<'_>, suspect: Suspect, open: &mut Open) -> Verdict {
        let user = account.index();
        let by_filter = match &self.filter {
            None => Verdict::Contradicted,
            Some(answer) if answer.yes().contains(user) => Verdict::Contradicted,
            Some(answer) if !answer.perhaps().contains(user) => return Verdict::Proven,
            Some(_) if self.contradicted.contains(user) => Verdict::Contradicted,
            Some(_) => open.has_lasted(input, suspect),
        };
        if self.everyone {
            return by_filter;
        }
        let by_entries = self.entries.iter().map(|entry| match entry {
            Some(selecting) if !selecting.people.contains(user) => {
                has_left(input, suspect.account, selecting.entry, open)
            }
            Some(_) | None => Verdict::Contradicted,
        });
        by_filter.or(by_entries.fold(Verdict::Proven, Verdict::and))
    }

    /// Whether an OU or group that may have selected somebody shows nobody at all any more. Who lay in an OU of the scope that has
    /// people was selected by that one: a group of the scope without anybody says nothing of them.
    pub(super) fn is_empty_for(&self, user: &ObservedUser) -> bool {
        let place = place_of(user);
        let has_selected = |selecting: &Selecting<'_>| {
            matches!(selecting.entry, Entry::Unit(_))
                && !selecting.people.is_empty()
                && place.as_ref().is_some_and(|place| selecting.covers(place))
        };
        let was_in_unit = self.entries.iter().flatten().any(has_selected);
        let silent = self
            .entries
            .iter()
            .flatten()
            .filter(|selecting| selecting.people.is_empty());
        let mut silent = silent.filter(|selecting| match (selecting.entry, &place) {
            (Entry::Unit(_), Some(place)) => selecting.covers(place),
            (Entry::Unit(_), None) => true,
            (Entry::Group { .. }, _) => !was_in_unit,
        });
        silent.next().is_some()
    }
}

/// Who is in a group of a filter: of those who are missing, a no only when it is proven.
fn in_group(
    input: &Input<'_>,
    missing: &[Missing<'_>],
    group: Group<'_>,
    nested: bool,
    open: &mut Open,
    contradicted: &mut UserSet,
) -> Answer {
    let directory = input.directory;
    // `memberOf` knows nothing of a primary group.
    let members = directory.linked_members(group.index(), nested);
    let mut perhaps = directory.empty_set();
    let read = missing
        .iter()
        .filter_map(|missing| Some((missing.guid, missing.account?.index())));
    for (guid, user) in read.filter(|(_, user)| !members.contains(*user)) {
        let verdict = has_left(input, guid, Entry::Group { group, nested }, open);
        if verdict == Verdict::Contradicted {
            contradicted.insert(user);
        }
        if verdict != Verdict::Proven {
            perhaps.insert(user);
        }
    }
    Answer::certain(members).or(&Answer::open(perhaps))
}

/// Where people were, by what their PhoneUsers say.
pub(super) struct Places {
    /// Where somebody is now, and all that lies above.
    lively: HashSet<String>,
    /// How many are missing from each place, or from below it.
    missing: HashMap<String, usize>,
}

impl Places {
    pub(super) fn new(directory: &Snapshot, missing: &[Missing<'_>]) -> Self {
        let mut places = Self {
            lively: HashSet::new(),
            missing: HashMap::new(),
        };
        for missing in missing.iter().filter(|missing| missing.account.is_none()) {
            for place in place_of(missing.user).into_iter().flat_map(with_those_above) {
                *places.missing.entry(place.key().to_owned()).or_default() += 1;
            }
        }
        if !places.missing.is_empty() {
            let now: HashSet<&Dn> = directory.users().filter_map(User::parent).collect();
            let all = now.into_iter().cloned().flat_map(with_those_above);
            places.lively.extend(all.map(|place| place.key().to_owned()));
        }
        places
    }

    /// Whether several are missing from where somebody was, or from what that lies in, and nobody is left there: it is rather the
    /// place that is hidden.
    pub(super) fn are_empty_for(&self, user: &ObservedUser) -> bool {
        let mut places = place_of(user).into_iter().flat_map(with_those_above);
        places.any(|place| {
            let missing = self.missing.get(place.key()).copied().unwrap_or_default();
            missing > 1 && !self.lively.contains(place.key())
        })
    }
}

/// The entry that somebody lay in when they were last seen, where that is written.
fn place_of(user: &ObservedUser) -> Option<Dn> {
    Dn::parse(user.values.text(Field::OrganizationalUnit)?).ok()
}

fn with_those_above(place: Dn) -> impl Iterator<Item = Dn> {
    std::iter::successors(Some(place), Dn::parent)
}
