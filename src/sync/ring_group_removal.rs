//! Which ring groups go: nothing in the scope's departments is theirs any more, for certain. Whether they may go now is the
//! guard's word.

use super::{
    Input,
    department_claims::RivalDepartments,
    departments::{Coverage, is_ours, source},
    evidence::{Open, Verdict},
    field::{Field, RingField},
    observed::ObservedRingGroup,
    past::Suspect,
    plan::{Deletion, Subject},
    references::References,
    removal::{Action, Removal},
    ring_members::members_of,
    validated::{Department, DepartmentSource},
    value::Value,
};
use crate::{
    api::extension::HolderKind,
    directory::{Dn, Group, Guid, Sighting, Unit},
};

/// How many members are asked whether they are still in a group that gives no answer.
const WITNESSES: usize = 10;

/// A ring group that is to go.
#[derive(Clone, Debug)]
pub struct Going<'a> {
    /// Name of the object.
    pub name: &'a str,
    /// The object.
    pub observed: &'a ObservedRingGroup,
    /// Why, for people to read.
    why: String,
}

/// Where the entry of a ring group is.
enum Place {
    /// Here, and the snapshot shows it.
    Shown(Dn),
    /// Here, and the snapshot does not show it.
    Hidden(Dn),
    /// It was deleted, for certain.
    Deleted,
    /// That is not known.
    Unknown,
}

/// Looks at every ring group of the scope that its departments don't cover.
pub fn going<'a>(
    input: &Input<'a>,
    references: &References<'a>,
    coverage: &Coverage<'a>,
    rivals: &RivalDepartments<'a>,
    open: &mut Open,
) -> Vec<Going<'a>> {
    if input.directory.origin().is_behind || !input.observed.is_readable() {
        return Vec::new();
    }
    let mut all = Vec::new();
    for (name, observed) in &input.observed.ring_groups {
        let Some(source) = source(observed).filter(|source| *source.scope_ref.name == *input.scope.name) else {
            continue;
        };
        let Ok(guid) = source.object_guid.parse::<Guid>() else {
            continue;
        };
        let is_made_for_it = **name == *format!("{}-{guid}", input.system.name);
        if !is_made_for_it || !is_ours(observed) || observed.is_protected || coverage.has(guid) || rivals.may_take(guid)
        {
            continue;
        }
        let department = Covering {
            input,
            references,
            coverage,
            name: &source.department,
            entry: input
                .scope
                .departments
                .iter()
                .find(|entry| *entry.name == *source.department),
        };
        let why = department.why_it_goes(guid, observed, open);
        all.extend(why.map(|why| Going { name, observed, why }));
    }
    all
}

/// The entry of `departments` that a ring group is of.
struct Covering<'a, 'b> {
    input: &'b Input<'a>,
    references: &'b References<'a>,
    coverage: &'b Coverage<'a>,
    name: &'b str,
    /// None: the spec has it no more.
    entry: Option<&'a Department>,
}

impl Covering<'_, '_> {
    /// None: it stays, or that is in doubt.
    fn why_it_goes(&self, guid: Guid, observed: &ObservedRingGroup, open: &mut Open) -> Option<String> {
        let place = self.place(guid, observed, open);
        if let Place::Deleted = place {
            return Some("its group or organizational unit was deleted".to_owned());
        }
        let dn = match &place {
            Place::Shown(dn) | Place::Hidden(dn) => Some(dn),
            Place::Deleted | Place::Unknown => None,
        };
        if self.coverage.is_in_doubt(self.name, dn) || self.may_cover_unseen(&place) {
            return None;
        }
        let name = self.name;
        let Some(entry) = self.entry else {
            return Some(format!("departments has no entry {name} any more"));
        };
        match (&entry.source, dn) {
            (DepartmentSource::Under { reference, .. }, Some(dn)) => {
                let unit = self.references.unit(&reference.dn)?;
                Some(if dn.is_at_or_below(unit.dn()) {
                    format!("department {name} leaves it out")
                } else {
                    format!(
                        "it is not below {} any more, which department {name} covers",
                        reference.dn.as_str()
                    )
                })
            }
            _ => Some(format!("department {name} names another entry")),
        }
    }

    /// Whether an entry with `under` covers what the snapshot does not show, or shows in part.
    fn may_cover_unseen(&self, place: &Place) -> bool {
        let units = self
            .input
            .scope
            .departments
            .iter()
            .filter_map(|entry| match &entry.source {
                DepartmentSource::Under { reference, .. } => Some(self.references.unit(&reference.dn)),
                DepartmentSource::Group { .. } | DepartmentSource::Unit(_) => None,
            });
        let mut units = units.flatten();
        match place {
            Place::Hidden(dn) => units.any(|unit| dn.is_at_or_below(unit.dn())),
            Place::Unknown => units.next().is_some(),
            // Whether it is a distribution list is told by an attribute that every group has.
            Place::Shown(dn) => {
                let group = self.input.directory.group_by_dn(dn);
                group.is_some_and(|group| !group.shows_kind()) && units.any(|unit| dn.is_at_or_below(unit.dn()))
            }
            Place::Deleted => false,
        }
    }

    fn place(&self, guid: Guid, observed: &ObservedRingGroup, open: &mut Open) -> Place {
        let directory = self.input.directory;
        let group = directory.group_by_guid(guid).map(Group::dn);
        if let Some(dn) = group.or_else(|| directory.unit_by_guid(guid).map(Unit::dn)) {
            return Place::Shown(dn.clone());
        }
        let suspect = Suspect {
            account: guid,
            entry: None,
        };
        match open.sighting(self.input, suspect) {
            Some(Sighting::Alive(alive)) => Place::Hidden(alive.dn.clone()),
            Some(Sighting::Deleted) => Place::Deleted,
            Some(Sighting::Unseen { sees_tombstones: false })
                if !self.is_contradicted(guid, observed, open)
                    && open.has_lasted(self.input, suspect) == Verdict::Proven =>
            {
                Place::Deleted
            }
            Some(Sighting::Unseen { .. }) | None => Place::Unknown,
        }
    }

    /// Whether something shows that an entry exists that gives no answer: who rings is still in the group, or people still lie
    /// below the unit; or entries hide who they are, and it may be one of them; or nobody answers at all.
    fn is_contradicted(&self, guid: Guid, observed: &ObservedRingGroup, open: &mut Open) -> bool {
        let directory = self.input.directory;
        let hides = directory.groups().any(|group| group.guid().is_none())
            || directory.units().any(|unit| unit.guid().is_none());
        let lie_below = |dn: &Dn| !directory.users_below(dn).is_empty();
        let has_people = self.entry.is_some_and(|entry| match &entry.source {
            DepartmentSource::Unit(reference) => lie_below(&reference.dn),
            DepartmentSource::Group { .. } | DepartmentSource::Under { .. } => false,
        });
        // An empty answer speaks of no entry, and who gives no answer either can't be asked for one.
        let is_empty = directory.user_count() == 0;
        let answers = self.witnesses(observed).into_iter().map(|witness| {
            let suspect = Suspect {
                account: witness,
                entry: Some(guid),
            };
            match open.sighting(self.input, suspect) {
                Some(Sighting::Alive(alive)) => Some(alive.groups.contains(&guid)),
                Some(Sighting::Deleted) => Some(false),
                Some(Sighting::Unseen { .. }) => None,
                // Ask them first.
                None => Some(true),
            }
        });
        let answers: Vec<_> = answers.collect();
        let is_mute = !answers.is_empty() && answers.iter().all(Option::is_none);
        hides || has_people || is_empty || is_mute || answers.contains(&Some(true))
    }

    /// A few of those who ring.
    fn witnesses(&self, observed: &ObservedRingGroup) -> Vec<Guid> {
        let members = members_of(observed);
        let users = self.input.observed.users.values();
        let ring = users.filter(|user| {
            let number = user
                .values
                .text(Field::Extension)
                .and_then(|number| number.parse().ok());
            number.is_some_and(|number| members.contains(&number))
        });
        ring.filter_map(|user| Some(user.values.link()?.guid))
            .take(WITNESSES)
            .collect()
    }
}

impl<'a> Going<'a> {
    /// As the guard weighs it.
    pub fn removal(&self, input: &Input<'a>) -> Removal<'a> {
        Removal {
            kind: HolderKind::RingGroup,
            name: self.name,
            version: &self.observed.version,
            subject: self.subject(),
            action: Action::Delete,
            loses: 0,
            due: input.now,
            reason: None,
        }
    }

    /// As it is carried out.
    pub fn deletion(&self) -> Deletion {
        Deletion {
            kind: HolderKind::RingGroup,
            name: self.name.into(),
            subject: self.subject(),
            version: self.observed.version.clone(),
            why: self.why.clone(),
        }
    }

    fn subject(&self) -> Subject {
        let display_name = self.observed.values.get(&RingField::DisplayName);
        Subject {
            login: display_name.and_then(Value::as_text).unwrap_or(self.name).into(),
            mail: None,
        }
    }
}
