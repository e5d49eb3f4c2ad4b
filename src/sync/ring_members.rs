//! Whose phones ring in a ring group: numbers of people, from the directory's groups. Writes nothing and gives no number.

use std::collections::{BTreeSet, HashMap};

use super::{
    Input, departments::Entry, field::Field, number::Number, number_holders::NumberHolders, plan::UserChange,
    select::Selection, users::Provided, value::Value,
};
use crate::{api::extension::HolderKind, directory::Guid};

/// The most members that a ring group may have; a list of them fits into one object by far.
pub const MOST_MEMBERS: usize = 20_000;

/// The people of a phone system whose phones can ring, whichever scope provides them.
#[derive(Debug, Default)]
pub struct RingingPeople {
    numbers: HashMap<Guid, Number>,
    /// Numbers of everybody that is linked, or might be: also of those whose phones don't ring now.
    linked: BTreeSet<Number>,
}

/// Who rings in a ring group.
#[derive(Debug, Default, Eq, PartialEq)]
pub struct RingMembers {
    /// Their numbers, lowest first.
    pub numbers: Vec<Number>,
    /// Numbers for which there is no room.
    pub left_out: usize,
    /// Members of the group that are neither people nor groups of the directory that was read.
    pub unresolved: usize,
}

impl RingingPeople {
    /// Everybody as they will be once `changes` are written to those whom the scope provides.
    pub fn new(
        input: &Input<'_>,
        holders: &NumberHolders<'_>,
        provided: &[Provided<'_>],
        changes: &[UserChange],
    ) -> Self {
        let mut people = Self::default();
        for (name, user) in &input.observed.users {
            let number = holders.held_by(HolderKind::PhoneUser, name);
            let link = user.values.link();
            if link.is_some() || user.is_held() || !user.is_readable {
                people
                    .linked
                    .extend(number.or(holders.named_by(HolderKind::PhoneUser, name)));
            }
            let rings = user.is_readable && !user.is_unlinked && user.values.enabled() != Some(false);
            if let (Some(link), Some(number), true) = (link, number, rings) {
                people.numbers.insert(link.guid, number);
            }
        }
        let switched_on: BTreeSet<&str> = changes
            .iter()
            .filter(|change| switches_on(change))
            .map(|change| &*change.name)
            .collect();
        for Provided { person, numbered } in provided {
            // Who is on the way to another number rings under the old one until then.
            let number = numbered.number.or(numbered.lets_go_of);
            people.linked.extend(number);
            let is_off = person.observed.is_some_and(|user| user.values.enabled() == Some(false));
            match number {
                Some(number) if !is_off || switched_on.contains(&*person.name) => {
                    people.numbers.insert(person.guid, number)
                }
                _ => people.numbers.remove(&person.guid),
            };
        }
        people
    }

    /// Who rings for an entry: those in it who are active and not excluded, and of `members`, the ones there before, everybody who
    /// is linked. Nobody is taken out yet, and nobody comes in of whom it is in doubt whether they are excluded.
    pub fn members(
        &self,
        input: &Input<'_>,
        selection: &Selection<'_>,
        entry: Entry<'_>,
        before: &[Number],
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
        let staying = before
            .iter()
            .copied()
            .filter(|number| self.linked.contains(number))
            .collect();
        RingMembers {
            unresolved,
            ..RingMembers::within(MOST_MEMBERS, &staying, &coming)
        }
    }
}

impl RingMembers {
    /// As many as there is room for: those who were there, then who comes in, each lowest first.
    fn within(room: usize, staying: &BTreeSet<Number>, coming: &BTreeSet<Number>) -> Self {
        let all = staying.iter().chain(coming.difference(staying));
        let mut numbers: Vec<_> = all.clone().take(room).copied().collect();
        numbers.sort_unstable();
        Self {
            left_out: all.count() - numbers.len(),
            numbers,
            unresolved: 0,
        }
    }
}

fn switches_on(change: &UserChange) -> bool {
    let mut changes = change.changes.iter();
    changes.any(|change| change.field == Field::Enabled && change.after == Some(Value::Flag(true)))
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
        let members = RingMembers::within(
            3,
            &numbers(&["2005", "2007"]),
            &numbers(&["2001", "2002", "2003", "2005"]),
        );
        assert_eq!(
            members.numbers,
            ["2001", "2005", "2007"].map(|text| text.parse().unwrap())
        );
        assert_eq!(members.left_out, 2);
    }
}
