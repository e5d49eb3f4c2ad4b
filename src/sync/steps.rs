//! What the stages of a plan hand to each other, in a form that fits the next one. Decides nothing of its own.

use std::collections::{BTreeSet, HashSet};

use super::{
    Input,
    absence::Absences,
    census::{Census, LetGo},
    claimants,
    claims::Claims,
    departments::RingGroup,
    field::Field,
    guard::{Allowed, Guard},
    login_names::LoginNames,
    matching::Matched,
    number_frees,
    number_holders::NumberHolders,
    number_rivals::NumberRivals,
    numbering::{self, Claimant, Numbering, Terms},
    person::Person,
    plan::{Claim, UserChange},
    relinking::Relink,
    removal::{self, Due},
    ring_group_removal::Going,
    ring_groups::RingGroups,
    users::{self, Guarded, Provided},
};
use crate::{
    api::{
        extension::{Holder, HolderKind},
        sync_scope::Problem,
    },
    directory::Guid,
};

/// Everybody whom the scope provides, or is about to, by the name of their PhoneUser, with what that says about their absence.
pub(super) fn everybody<'a>(input: &Input<'a>, census: &mut Census<'a>, matched: &mut Matched<'a>) -> Vec<Person<'a>> {
    let mut people = std::mem::take(&mut census.linked);
    people.append(&mut matched.people);
    people.sort_by(|left, right| left.name.cmp(&right.name));
    for person in &mut people {
        let user = person.observed;
        person.absence = user.and_then(|user| removal::absence_of(input, user, person.is_inactive));
    }
    people
}

/// Everything that is due and would take something away.
pub(super) fn due<'a>(
    input: &Input<'a>,
    people: &[Person<'a>],
    absences: &Absences<'a>,
    excluded: &[LetGo<'a>],
    matched: &Matched<'a>,
    going: &[Going<'a>],
) -> Due<'a> {
    let mut due = removal::due(input, people, absences, excluded);
    let relinked: HashSet<&str> = matched.relinks.iter().map(|relink| relink.name).collect();
    due.proven.retain(|removal| !relinked.contains(removal.name));
    due.proven.extend(matched.relinks.iter().map(Relink::removal));
    due.proven.extend(going.iter().map(|going| going.removal(input)));
    due
}

/// Lets go of the excluded who may be let go of now. The others, whose accounts are these, are served as they are.
pub(super) fn exclude(census: &mut Census<'_>, allowed: &Allowed<'_>) -> BTreeSet<Guid> {
    let excluded = std::mem::take(&mut census.excluded);
    let is_allowed = |excluded: &LetGo<'_>| allowed.has(HolderKind::PhoneUser, excluded.name);
    let (let_go, waiting): (Vec<_>, Vec<_>) = excluded.into_iter().partition(is_allowed);
    census.let_go.extend(let_go);
    let links = waiting.iter().filter_map(|waiting| waiting.user.values.link());
    links.map(|link| link.guid).collect()
}

/// Numbers for everybody. When there are too many newcomers at once, they are held: these are the names of what would be their
/// PhoneUsers, and nobody lets go of a number for them.
pub(super) fn number(
    guard: &mut Guard<'_>,
    context: &Numbers<'_, '_>,
    people: &[Person<'_>],
    ring_groups: &[RingGroup<'_>],
) -> (Numbering, BTreeSet<Box<str>>) {
    let numbering = context.give(people, ring_groups, &BTreeSet::new());
    let newcomers = people.iter().zip(&numbering.numbered).filter(|(person, numbered)| {
        let will_be = !numbered.waits || numbered.awaits;
        will_be && person.observed.is_none()
    });
    let newcomers: Vec<_> = newcomers.map(|(person, _)| person).collect();
    let identities = newcomers
        .iter()
        .map(|person| (person.subject.login.to_string(), person.guid.to_string()));
    if guard.weigh_creations(identities) {
        return (numbering, BTreeSet::new());
    }
    let held = newcomers.iter().map(|person| person.name.clone()).collect();
    (context.give(people, ring_groups, &held), held)
}

/// Whoever may have their former PhoneUser now is one of the people; the others wait, and what they had stays as it is. How many
/// of those who were gone are back.
pub(super) fn relink<'a>(
    matched: &mut Matched<'a>,
    people: &mut Vec<Person<'a>>,
    absences: &mut Absences<'a>,
    allowed: &Allowed<'_>,
) -> i64 {
    let mut found = HashSet::new();
    for relink in std::mem::take(&mut matched.relinks) {
        if allowed.has(HolderKind::PhoneUser, relink.name) {
            found.insert(relink.name);
            people.push(relink.person);
        } else {
            matched.unmatched.push(relink.held());
        }
    }
    people.sort_by(|left, right| left.name.cmp(&right.name));
    let gone = absences.proven.len();
    absences
        .proven
        .retain(|absentee| !found.contains(absentee.missing.name));
    i64::try_from(gone - absences.proven.len()).unwrap_or(i64::MAX)
}

/// What numbers are given by.
pub(super) struct Numbers<'i, 'a> {
    pub input: &'i Input<'a>,
    pub holders: &'i NumberHolders<'a>,
    pub claims: &'i Claims<'a>,
    /// Those whose number may go to whom the directory gives it.
    pub yielding: &'i [Holder],
    /// What is held back, and what is not.
    pub guarded: &'i Guarded<'i>,
}

impl Numbers<'_, '_> {
    /// People and ring groups together: they share the numbers.
    fn give(&self, people: &[Person<'_>], ring_groups: &[RingGroup<'_>], held: &BTreeSet<Box<str>>) -> Numbering {
        let Self { input, holders, .. } = *self;
        let rivals = NumberRivals::new(input, people.iter().map(|person| person.guid).collect());
        let people = people.iter().map(|person| Claimant {
            is_held: held.contains(&person.name),
            ..claimants::claimant(input, person, self.guarded)
        });
        let ring_groups = ring_groups.iter().map(|ring_group| ring_group.claimant(input));
        let claimants: Vec<_> = people.chain(ring_groups).collect();
        let terms = Terms {
            holders,
            plan: &input.system.number_plan,
            rules: input.rules,
            gone: self.yielding,
            orphans: &number_frees::orphans(input, self.claims, holders, &claimants),
            may_move: !input.directory.origin().is_behind,
            asked_for_elsewhere: &|number| rivals.of(number),
        };
        numbering::assign(&claimants, &terms)
    }
}

/// What to write to people, and what is to be told of them.
pub(super) fn changes(
    input: &Input<'_>,
    provided: &[Provided<'_>],
    let_go: Vec<LetGo<'_>>,
    guarded: &Guarded<'_>,
) -> (Vec<UserChange>, Vec<Problem>) {
    let names = input.scope.map.contains_key(&Field::LoginNames);
    let people = provided.iter().map(|provided| &provided.person);
    let names = names.then(|| LoginNames::new(people, input.observed, input.bare_username));
    let (mut changes, mut problems) = (Vec::new(), Vec::new());
    for provided in provided {
        let (change, found) = users::change(input, provided, names.as_ref(), guarded);
        changes.extend(change);
        problems.extend(found);
    }
    changes.extend(let_go.into_iter().map(users::let_go));
    (changes, problems)
}

/// The numbers to claim, for people and ring groups.
pub(super) fn claims(provided: &[Provided<'_>], ring_groups: &RingGroups) -> Vec<Claim> {
    let of_people = provided.iter().filter_map(users::claim);
    let mut claims: Vec<_> = of_people.chain(ring_groups.claims.iter().cloned()).collect();
    claims.sort_by_key(|claim| claim.number);
    claims
}
