//! Who has which number, as the cluster tells it: Extensions first, then what PhoneUsers and RingGroups say of themselves.
//! Gives nobody a number.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    field::{Field, RingField},
    left_behind::left_behind,
    number::Number,
    number_set::NumberSet,
    number_taker::{Occupant, Taker},
    observed::{Observed, ObservedExtension},
    plan::Expected,
    value::Value,
};
use crate::api::extension::{ExtensionState, Holder, HolderKind};

/// Everybody's numbers in one phone system, at one moment.
#[derive(Debug)]
pub struct NumberHolders<'a> {
    observed: &'a Observed,
    now: Timestamp,
    numbers: BTreeMap<Number, Traces<'a>>,
    holders: BTreeMap<HolderName<'a>, Holdings>,
    left_behind: BTreeSet<Number>,
}

/// A holder, without a copy of its name.
type HolderName<'a> = (HolderKind, &'a str);

/// Where a number was seen.
#[derive(Debug, Default)]
struct Traces<'a> {
    extension: Option<&'a ObservedExtension>,
    named_by: Vec<HolderName<'a>>,
}

/// What one holder has.
#[derive(Debug, Default)]
struct Holdings {
    /// Extensions that are assigned to them.
    assigned: BTreeSet<Number>,
    /// Extensions that rest after them.
    resting: BTreeSet<Number>,
    /// Extensions that others let go of for them.
    promised: BTreeSet<Number>,
    /// Extensions that name them, in a state that is not known here.
    unclear: BTreeSet<Number>,
    /// What their own object says.
    named: Option<Number>,
}

/// Whether somebody may have a number.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Availability<'a> {
    /// They have it.
    Held,
    /// They may claim it.
    Free(Expected),
    /// They may not.
    Taken(Taker<'a>),
}

impl<'a> NumberHolders<'a> {
    /// Reads the cluster.
    pub fn new(observed: &'a Observed, now: Timestamp) -> Self {
        let mut all = Self {
            observed,
            now,
            numbers: BTreeMap::new(),
            holders: BTreeMap::new(),
            left_behind: left_behind(observed),
        };
        for extension in observed.extensions.values() {
            all.add_extension(extension);
        }
        for (name, user) in &observed.users {
            all.add_name((HolderKind::PhoneUser, name), user.values.text(Field::Extension));
        }
        for (name, ring_group) in &observed.ring_groups {
            let number = ring_group.values.get(&RingField::Number).and_then(Value::as_text);
            all.add_name((HolderKind::RingGroup, name), number);
        }
        all
    }

    fn add_extension(&mut self, extension: &'a ObservedExtension) {
        // One that gives no number anywhere is in nobody's way.
        let Some(number) = extension.number else { return };
        self.numbers.entry(number).or_default().extension = Some(extension);
        if let (Some(ExtensionState::Cooling), Some(next)) = (extension.state, &extension.awaited_by) {
            let holdings = self.holders.entry((next.kind, &next.name)).or_default();
            holdings.promised.insert(number);
        }
        let Some(holder) = &extension.holder else { return };
        let holdings = self.holders.entry((holder.kind, &holder.name)).or_default();
        match extension.state {
            Some(ExtensionState::Assigned) => holdings.assigned.insert(number),
            Some(ExtensionState::Cooling) => holdings.resting.insert(number),
            Some(ExtensionState::Reserved) => false,
            None => holdings.unclear.insert(number),
        };
    }

    fn add_name(&mut self, holder: HolderName<'a>, named: Option<&str>) {
        // What is no number was typed by somebody, and is in nobody's way.
        let Some(number) = named.and_then(|named| named.parse().ok()) else {
            return;
        };
        self.numbers.entry(number).or_default().named_by.push(holder);
        self.holders.entry(holder).or_default().named = Some(number);
    }

    /// The number that somebody has: an Extension says so. Of several (after a crash) the one that their object names, else the lowest.
    pub fn held_by(&self, kind: HolderKind, name: &str) -> Option<Number> {
        let holdings = self.holders.get(&(kind, name))?;
        let named = holdings.named.filter(|named| holdings.assigned.contains(named));
        named.or_else(|| holdings.assigned.first().copied())
    }

    /// A number that somebody may have: its Extension names them, or their object names it, and its state is not known here.
    pub fn perhaps_held_by(&self, kind: HolderKind, name: &str) -> Option<Number> {
        let holdings = self.holders.get(&(kind, name))?;
        let is_unclear = |number: &Number| {
            let extension = self.numbers.get(number).and_then(|traces| traces.extension);
            extension.is_some_and(|extension| extension.state.is_none())
        };
        let named = holdings.named.filter(is_unclear);
        named.or_else(|| holdings.unclear.first().copied())
    }

    /// The number that somebody's own object names, whoever has it.
    pub fn named_by(&self, kind: HolderKind, name: &str) -> Option<Number> {
        self.holders.get(&(kind, name))?.named
    }

    /// All numbers whose Extensions are assigned to somebody, lowest first.
    pub fn assigned_to<'s>(&'s self, kind: HolderKind, name: &'s str) -> impl Iterator<Item = Number> + 's {
        self.holders
            .get(&(kind, name))
            .into_iter()
            .flat_map(|holdings| holdings.assigned.iter().copied())
    }

    /// Whose Extension a number is, as long as it is assigned.
    pub fn holder_of(&self, number: Number) -> Option<&'a Holder> {
        let extension = self.numbers.get(&number)?.extension?;
        let is_assigned = extension.state == Some(ExtensionState::Assigned);
        extension.holder.as_ref().filter(|_| is_assigned)
    }

    /// The Extension of a number that its holder may be made to let go of: the operator's own, and nobody protects it.
    pub fn releasable(&self, number: Number, holder: &Holder) -> Option<&'a ObservedExtension> {
        let extension = self.numbers.get(&number)?.extension?;
        let is_theirs = self.holder_of(number) == Some(holder) && extension.is_readable;
        let is_free_to_change = extension.is_ours && extension.applied_by.is_none() && !extension.is_protected;
        Some(extension).filter(|_| is_theirs && is_free_to_change)
    }

    /// Whether somebody protects the Extension of a number.
    pub fn is_protected(&self, number: Number) -> bool {
        let extension = self.numbers.get(&number).and_then(|traces| traces.extension);
        extension.is_some_and(|extension| extension.is_protected)
    }

    /// Whether a number could go from its holder to somebody: it can be let go of, and no third one names it.
    pub fn can_pass(&self, number: Number, from: &Holder, to: &Holder) -> bool {
        let is_third = |(kind, name): &HolderName<'_>| {
            [from, to]
                .iter()
                .all(|holder| (holder.kind, holder.name.as_str()) != (*kind, *name))
        };
        let traces = self.numbers.get(&number);
        self.releasable(number, from).is_some() && !traces.is_some_and(|traces| traces.named_by.iter().any(is_third))
    }

    /// Whether there is an object of this name.
    pub fn exists(&self, holder: &Holder) -> bool {
        match holder.kind {
            HolderKind::PhoneUser => self.observed.users.contains_key(holder.name.as_str()),
            HolderKind::RingGroup => self.observed.ring_groups.contains_key(holder.name.as_str()),
        }
    }

    /// When the rest of a number ends.
    pub fn release_after(&self, number: Number) -> Option<Timestamp> {
        self.numbers.get(&number)?.extension?.release_after
    }

    /// The numbers that rest after somebody, lowest first.
    pub fn resting_after<'s>(&'s self, kind: HolderKind, name: &'s str) -> impl Iterator<Item = Number> + 's {
        self.holders
            .get(&(kind, name))
            .into_iter()
            .flat_map(|holdings| holdings.resting.iter().copied())
    }

    /// The numbers that others let go of for somebody, and nobody has claimed since, lowest first.
    pub fn promised_to<'s>(&'s self, kind: HolderKind, name: &'s str) -> impl Iterator<Item = Number> + 's {
        self.holders
            .get(&(kind, name))
            .into_iter()
            .flat_map(|holdings| holdings.promised.iter().copied())
    }

    /// Whether somebody may have a number.
    pub fn availability(&self, number: Number, holder: &Holder) -> Availability<'a> {
        let holder = (holder.kind, holder.name.as_str());
        let Some(traces) = self.numbers.get(&number) else {
            return Availability::Free(Expected::Absent);
        };
        let expected = match traces.extension {
            None => Expected::Absent,
            Some(extension) => match self.obstacle(extension, holder) {
                Some(Obstacle::IsTheirs) => return Availability::Held,
                Some(Obstacle::Taken(taker)) => return Availability::Taken(taker),
                None => Expected::Present(extension.version.clone()),
            },
        };
        match traces.named_by.iter().find(|other| **other != holder) {
            Some(other) => Availability::Taken(Taker::Names(self.occupant(*other))),
            None => Availability::Free(expected),
        }
    }

    /// What stands between somebody and an Extension that exists.
    fn obstacle(&self, extension: &'a ObservedExtension, claimant: HolderName<'_>) -> Option<Obstacle<'a>> {
        let holder = extension
            .holder
            .as_ref()
            .map(|holder| (holder.kind, holder.name.as_str()));
        match (extension.state, holder) {
            (Some(ExtensionState::Assigned), Some(holder)) if holder == claimant => Some(Obstacle::IsTheirs),
            (Some(ExtensionState::Assigned), Some(holder)) => {
                Some(Obstacle::Taken(Taker::Holds(self.occupant(holder))))
            }
            (Some(ExtensionState::Reserved), _) => Some(Obstacle::Taken(Taker::Nobody("set aside by its Extension"))),
            _ if !extension.is_readable => Some(Obstacle::Taken(Taker::Nobody(
                "held by an Extension that can't be read",
            ))),
            (Some(ExtensionState::Cooling), _) if extension.applied_by.is_some() => {
                Some(Obstacle::Taken(Taker::Nobody("applied by another tool")))
            }
            (Some(ExtensionState::Cooling), Some(holder)) if holder == claimant => None,
            (Some(ExtensionState::Cooling), _) if self.is_left_behind(extension) => Some(Obstacle::Taken(
                Taker::Nobody("still listed by a ring group that may not lose it yet: see status.held"),
            )),
            (Some(ExtensionState::Cooling), _) if extension.is_protected => Some(Obstacle::Taken(Taker::Nobody(
                "protected by an annotation of its Extension",
            ))),
            (Some(ExtensionState::Cooling), _) if self.is_past(extension.release_after) => None,
            (Some(ExtensionState::Cooling), Some(holder)) => {
                Some(Obstacle::Taken(Taker::RestsAfter(self.occupant(holder))))
            }
            (Some(ExtensionState::Cooling), None) => Some(Obstacle::Taken(Taker::Nobody("resting"))),
            (Some(ExtensionState::Assigned) | None, _) => Some(Obstacle::Taken(Taker::Nobody(
                "held by an Extension of a state that is not known here",
            ))),
        }
    }

    /// Whether the rest of a number is over.
    pub fn is_released(&self, number: Number) -> bool {
        self.is_past(self.release_after(number))
    }

    /// The numbers that ring groups list though whoever had them is not in service.
    pub fn left_behind(&self) -> &BTreeSet<Number> {
        &self.left_behind
    }

    fn is_left_behind(&self, extension: &ObservedExtension) -> bool {
        extension
            .number
            .is_some_and(|number| self.left_behind.contains(&number))
    }

    fn is_past(&self, release_after: Option<Timestamp>) -> bool {
        release_after.is_some_and(|release_after| release_after <= self.now)
    }

    fn occupant(&self, (kind, name): HolderName<'a>) -> Occupant<'a> {
        let user = (kind == HolderKind::PhoneUser).then(|| self.observed.users.get(name));
        let login = user.flatten().and_then(|user| user.values.text(Field::Login));
        Occupant { kind, name, login }
    }

    /// All numbers that nobody new may have.
    pub fn taken(&self) -> NumberSet {
        self.uses()
            .filter(|(_, used)| *used != Use::Free)
            .map(|(number, _)| number)
            .collect()
    }

    /// What each number that was seen anywhere is used for, lowest first.
    pub fn uses(&self) -> impl Iterator<Item = (Number, Use)> {
        self.numbers
            .iter()
            .map(|(number, traces)| (*number, self.use_of(traces)))
    }

    fn use_of(&self, traces: &Traces<'_>) -> Use {
        let resting = match traces.extension.map(|extension| (extension, extension.state)) {
            Some((_, Some(ExtensionState::Reserved))) => return Use::SetAside,
            Some((extension, Some(ExtensionState::Cooling)))
                if extension.is_readable
                    && self.is_past(extension.release_after)
                    && !self.is_left_behind(extension) =>
            {
                // One that rests no longer is free, unless somebody sees to it that it stays as it is.
                if extension.is_protected || extension.applied_by.is_some() {
                    return Use::SetAside;
                }
                false
            }
            Some((extension, Some(ExtensionState::Cooling))) if extension.is_readable => true,
            Some(_) => return Use::Assigned,
            None => false,
        };
        match (resting, traces.named_by.is_empty()) {
            (true, _) => Use::Resting,
            (false, true) => Use::Free,
            (false, false) => Use::Assigned,
        }
    }
}

/// What a number is used for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Use {
    /// Somebody has it, or might: it is named by an object, or its Extension can't be understood.
    Assigned,
    /// It rests after its last holder.
    Resting,
    /// People set it aside.
    SetAside,
    /// Its rest is over.
    Free,
}

enum Obstacle<'a> {
    IsTheirs,
    Taken(Taker<'a>),
}
