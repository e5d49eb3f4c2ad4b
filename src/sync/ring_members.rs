//! Whose phones ring in a ring group: numbers of people, from the directory's groups. Writes nothing and gives no number.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{
    Input,
    departments::Entry,
    evidence::{Open, Verdict, has_left},
    field::{Field, RingField},
    number::Number,
    number_holders::NumberHolders,
    observed::{Observed, ObservedRingGroup, ObservedUser},
    plan::UserChange,
    roster::account_named,
    select::Selection,
    users::Provided,
    value::Value,
};
use crate::{
    api::extension::{ExtensionState, HolderKind},
    directory::{Guid, Sighting, User, UserSet},
};

/// The most members that a ring group may have; a list of them fits into one object by far.
pub const MOST_MEMBERS: usize = 20_000;

/// The people of a phone system and their phones, whichever scope provides them.
#[derive(Debug, Default)]
pub struct RingingPeople {
    /// Who comes in where they belong.
    numbers: HashMap<Guid, Number>,
    /// Everybody that is linked, or might be, by number.
    owners: BTreeMap<Number, Vec<Owner>>,
    /// Every object can be read, for one that can't may be anybody's; and the directory knows all that it knew before.
    is_complete: bool,
    /// Which number became which: a member keeps their place.
    moved: BTreeMap<Number, Number>,
    /// Whom the scope excludes, and has not let go of: that waits.
    excluded_later: BTreeSet<Guid>,
}

/// Whose number one is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Owner {
    /// None: that is not known.
    account: Option<Guid>,
    /// Not switched off, and not let go of: where they ring, they ring on.
    rings: bool,
    /// Not switched off, and let go of; or linked again by people a moment ago, which looks the same.
    is_let_go: bool,
}

/// Who rings in a ring group, and who does no longer.
#[derive(Debug, Default, Eq, PartialEq)]
pub struct RingMembers {
    /// Numbers of those who were there, and are not known to have left.
    pub staying: BTreeSet<Number>,
    /// Numbers of those who were there, and have left for certain.
    pub leaving: BTreeSet<Number>,
    /// Numbers of those who come in.
    pub coming: BTreeSet<Number>,
    /// Members of the group that are neither people nor groups of the directory that was read.
    pub unresolved: usize,
}

/// The numbers that ring.
#[derive(Debug, Default, Eq, PartialEq)]
pub struct Ringing {
    /// Lowest first.
    pub numbers: Vec<Number>,
    /// How many there is no room for.
    pub left_out: usize,
}

/// A PhoneUser as far as it rings.
struct Phone {
    owner: Owner,
    numbers: BTreeSet<Number>,
    /// It comes in where its account belongs.
    comes: bool,
}

impl RingingPeople {
    /// Everybody as they will be once `changes` are written, and those of the names `deleted` are gone.
    pub fn new(
        input: &Input<'_>,
        holders: &NumberHolders<'_>,
        provided: &[Provided<'_>],
        changes: &[UserChange],
        deleted: &HashSet<&str>,
        moved: &BTreeMap<Number, Number>,
    ) -> Self {
        let switched: HashMap<&str, bool> = changes
            .iter()
            .filter_map(|change| Some((&*change.name, switches(change)?)))
            .collect();
        let mut phones: HashMap<&str, Phone> = HashMap::new();
        for (name, user) in &input.observed.users {
            let is_on = switched
                .get(&**name)
                .copied()
                .unwrap_or(user.values.enabled() != Some(false));
            // Who is deleted was there: that they leave is weighed like anybody's leaving.
            let is_on = is_on && !deleted.contains(&**name);
            let known = Phone::observed(input, holders, name, user, is_on);
            phones.extend(known.map(|phone| (&**name, phone)));
        }
        for Provided { person, numbered } in provided {
            let is_off = person.observed.is_some_and(|user| user.values.enabled() == Some(false));
            let rings = switched.get(&*person.name).copied().unwrap_or(!is_off);
            let owner = Owner {
                account: Some(person.guid),
                rings,
                is_let_go: false,
            };
            let named = phones.remove(&*person.name).map(|phone| phone.numbers);
            // Who is on the way to another number rings under the old one. Without a number for certain they have what their object says.
            let number = numbered.number.or(numbered.lets_go_of);
            let numbers = number.map(|number| [number].into()).or(named);
            let phone = Phone {
                owner,
                numbers: numbers.unwrap_or_default(),
                comes: rings && number.is_some(),
            };
            phones.insert(&person.name, phone);
        }
        let people = Self::of(phones.into_values(), holders.left_behind());
        let mut all_moved = moved.clone();
        for (old, now) in moved_earlier(input.observed, holders) {
            if !people.owners.contains_key(&old) {
                all_moved
                    .entry(old)
                    .or_insert_with(|| moved.get(&now).copied().unwrap_or(now));
            }
        }
        Self {
            is_complete: input.observed.is_readable() && !input.directory.origin().is_behind,
            moved: all_moved,
            ..people
        }
    }

    /// The same, with those whom the scope excludes and still serves.
    #[must_use]
    pub fn with_excluded_later(self, excluded_later: BTreeSet<Guid>) -> Self {
        Self { excluded_later, ..self }
    }

    fn of(phones: impl Iterator<Item = Phone>, left_behind: &BTreeSet<Number>) -> Self {
        let mut people = Self::default();
        let nobody = Owner {
            account: None,
            rings: false,
            is_let_go: false,
        };
        people
            .owners
            .extend(left_behind.iter().map(|number| (*number, vec![nobody])));
        for Phone { owner, numbers, comes } in phones {
            let account = owner.account.filter(|_| comes);
            people.numbers.extend(account.zip(numbers.first().copied()));
            for number in numbers {
                people.owners.entry(number).or_default().push(owner);
            }
        }
        people
    }

    /// Who rings for an entry: those in it who are active and not excluded and, of `before`, who was there, everybody who is linked
    /// and has not left for certain. Nobody comes in of whom it is in doubt whether they are excluded.
    pub fn members(
        &self,
        input: &Input<'_>,
        selection: &Selection<'_>,
        entry: Entry<'_>,
        before: &[Number],
        open: &mut Open,
    ) -> RingMembers {
        let (users, unresolved) = match entry {
            Entry::Group { group, nested } => {
                let members = input.directory.members(group.index(), nested);
                (members.users, members.unresolved)
            }
            Entry::Unit(unit) => (input.directory.users_below(unit.dn()), 0),
        };
        let in_it = users
            .iter()
            .filter(|user| selection.lets_in(*user))
            .map(|user| input.directory.user(user));
        let active = in_it.filter(|user| user.is_inactive(input.now) == Some(false));
        let coming: BTreeSet<Number> = active
            .filter_map(|user| self.numbers.get(&user.guid()?).copied())
            .collect();
        let mut leaves = |number: Number, owners: &[Owner]| {
            let has_left = |owner: &Owner| {
                let is_out =
                    |guid| !self.excluded_later.contains(&guid) && is_out(input, selection, entry, &users, guid, open);
                let rings = owner.rings || owner.is_let_go && is_doubtful(input, selection, owner);
                self.is_complete && (!rings || owner.account.is_some_and(is_out))
            };
            !coming.contains(&number) && owners.iter().all(has_left)
        };
        let before = before
            .iter()
            .map(|number| self.moved.get(number).copied().unwrap_or(*number));
        let linked = before.filter_map(|number| Some((number, self.owners.get(&number)?)));
        let (leaving, staying) = linked
            .map(|(number, owners)| (number, leaves(number, owners)))
            .partition::<Vec<_>, _>(|(_, leaves)| *leaves);
        let numbers = |numbers: Vec<(Number, bool)>| numbers.into_iter().map(|(number, _)| number).collect();
        RingMembers {
            staying: numbers(staying),
            leaving: numbers(leaving),
            coming,
            unresolved,
        }
    }
}

/// Whether somebody whose phone works has left an entry for certain. Whether they are gone altogether is decided elsewhere, and
/// switches them off: an account that gives no answer stays.
fn is_out(
    input: &Input<'_>,
    selection: &Selection<'_>,
    entry: Entry<'_>,
    users: &UserSet,
    guid: Guid,
    open: &mut Open,
) -> bool {
    if let Some(user) = input.directory.user_by_guid(guid).map(User::index) {
        if selection.is_excluded(user) {
            return true;
        }
        if users.contains(user) || selection.exclusion_in_doubt(user).is_some() {
            return false;
        }
    } else if !matches!(input.sightings.get(&guid), Some(Sighting::Alive(_))) {
        if !input.sightings.contains_key(&guid) {
            open.ask.insert(guid);
        }
        return false;
    }
    has_left(input, guid, entry, open) == Verdict::Proven
}

/// Whether it is in doubt that the scope excludes somebody, or can't be known for want of the account.
fn is_doubtful(input: &Input<'_>, selection: &Selection<'_>, owner: &Owner) -> bool {
    owner
        .account
        .is_some_and(|guid| match input.directory.user_by_guid(guid) {
            Some(account) => selection.exclusion_in_doubt(account.index()).is_some(),
            None => !matches!(input.sightings.get(&guid), Some(Sighting::Deleted)),
        })
}

/// The numbers that rest after people who have another one now: a list that still has the old number means them.
fn moved_earlier(observed: &Observed, holders: &NumberHolders<'_>) -> impl Iterator<Item = (Number, Number)> {
    let resting = observed.extensions.values();
    let resting = resting.filter(|extension| extension.state == Some(ExtensionState::Cooling));
    resting.filter_map(|extension| {
        let holder = extension.holder.as_ref()?;
        let is_person = holder.kind == HolderKind::PhoneUser;
        let now = is_person.then(|| holders.held_by(holder.kind, &holder.name))?;
        extension.number.zip(now)
    })
}

impl Phone {
    /// One that is linked, or might be.
    fn observed(
        input: &Input<'_>,
        holders: &NumberHolders<'_>,
        name: &str,
        user: &ObservedUser,
        is_on: bool,
    ) -> Option<Self> {
        let link = user.values.link().map(|link| link.guid);
        let is_held = user.is_held();
        if link.is_none() && !is_held && user.is_readable {
            return None;
        }
        let number = holders
            .held_by(HolderKind::PhoneUser, name)
            .or(holders.named_by(HolderKind::PhoneUser, name));
        // Whom people unlinked stays where they are; whom the operator let go of does not.
        let is_ours_or_theirs = is_held || user.is_unlinked;
        let rings = !user.is_readable || is_on && is_ours_or_theirs;
        let comes = user.is_readable && rings && !user.is_unlinked;
        Some(Self {
            owner: Owner {
                account: link.or_else(|| account_named(&input.system.name, name)),
                rings,
                is_let_go: is_on && !is_ours_or_theirs,
            },
            numbers: number.into_iter().collect(),
            comes: comes && link.is_some() && holders.held_by(HolderKind::PhoneUser, name).is_some(),
        })
    }
}

impl RingMembers {
    /// Nobody leaves.
    pub fn hold(&mut self) {
        self.staying.append(&mut self.leaving);
    }

    /// As many as there is room for: those who were there, then who comes in, each lowest first.
    pub fn ringing(&self) -> Ringing {
        self.within(MOST_MEMBERS)
    }

    fn within(&self, room: usize) -> Ringing {
        let all = self.staying.iter().chain(self.coming.difference(&self.staying));
        let mut numbers: Vec<_> = all.clone().take(room).copied().collect();
        numbers.sort_unstable();
        Ringing {
            left_out: all.count() - numbers.len(),
            numbers,
        }
    }
}

/// The members that a ring group has now.
pub fn members_of(ring_group: &ObservedRingGroup) -> Vec<Number> {
    match ring_group.values.get(&RingField::Members) {
        Some(Value::List(members)) => members.iter().filter_map(|member| member.parse().ok()).collect(),
        _ => Vec::new(),
    }
}

/// Whether a change switches a phone on, or off.
fn switches(change: &UserChange) -> Option<bool> {
    let mut changes = change.changes.iter();
    match changes.find(|change| change.field == Field::Enabled)?.after {
        Some(Value::Flag(is_on)) => Some(is_on),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_there_stays_when_there_is_no_room_for_all() {
        let numbers = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| text.parse().unwrap())
                .collect::<BTreeSet<Number>>()
        };
        let members = RingMembers {
            staying: numbers(&["2005", "2007"]),
            coming: numbers(&["2001", "2002", "2003", "2005"]),
            ..RingMembers::default()
        };
        let members = members.within(3);
        assert_eq!(
            members.numbers,
            ["2001", "2005", "2007"].map(|text| text.parse().unwrap())
        );
        assert_eq!(members.left_out, 2);
    }
}
