//! What each person's PhoneUser should hold, and what to write so that it does. Numbers and names were decided before.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Input,
    census::LetGo,
    claimants::holder,
    difference::{Desired, Existing},
    field::{Field, FieldSet},
    guard::Allowed,
    login_names::{LoginNames, Names},
    mapping::{Mapped, map_fields},
    numbering::Numbered,
    observed::ObservedUser,
    person::{Person, RuleChoice},
    plan::{Change, Claim, Expected, Subject, UserChange, Why},
    removal::{Action, is_given_back},
    report::problem,
    validated::FieldSource,
    value::{Link, Value},
};
use crate::api::{
    FIELD_MANAGER,
    extension::HolderKind,
    sync_scope::{Problem, ProblemReason},
};

/// Somebody the scope provides, with what became of their number.
#[derive(Clone, Debug)]
pub struct Provided<'a> {
    /// The person.
    pub person: Person<'a>,
    /// Their number.
    pub numbered: Numbered,
}

/// What the guard said about a plan's people.
#[derive(Clone, Copy, Debug)]
pub struct Guarded<'g> {
    /// Whose removal may happen now.
    pub allowed: &'g Allowed<'g>,
    /// Attributes that are blank for too many.
    pub blank: &'g BTreeSet<&'g str>,
}

impl Guarded<'_> {
    /// Whether a field keeps its value although the directory shows none.
    fn keeps(&self, input: &Input<'_>, field: Field) -> bool {
        match input.scope.map.get(&field) {
            Some(FieldSource::Attribute(attribute)) => self.blank.contains(attribute.as_str()),
            _ => false,
        }
    }
}

/// Why a newcomer is not created now.
pub fn why_waiting(provided: &Provided<'_>) -> Problem {
    let Provided { person, numbered } = provided;
    if let Some(complaint) = &numbered.complaint {
        return problem(
            &person.subject,
            complaint.reason,
            &complaint.message,
            complaint.other.as_deref(),
        );
    }
    let message = match person.rule {
        RuleChoice::Doubt(doubt) => format!("it can't be told which rule numbers them: {doubt}"),
        RuleChoice::Rule(rule) => format!("ExtensionRule {rule} numbers them, and is missing or wrong: see its status"),
        RuleChoice::None => "they have no number".to_owned(),
    };
    problem(&person.subject, ProblemReason::NumberMissing, &message, None)
}

/// Why a newcomer is not created together with so many others.
pub fn why_held_back(provided: &Provided<'_>) -> Problem {
    let message = "more newcomers than creationLimit allows at once: approve them with the digest in status.held";
    problem(&provided.person.subject, ProblemReason::NoTargetUser, message, None)
}

/// The number that has to be claimed for somebody first.
pub fn claim(provided: &Provided<'_>) -> Option<Claim> {
    Some(Claim {
        number: provided.numbered.number?,
        holder: holder(&provided.person.name),
        expected: provided.numbered.claim.clone()?,
        why: provided.numbered.why.clone(),
    })
}

/// What to write to one person's PhoneUser, and what is to be told about it.
pub fn change(
    input: &Input<'_>,
    provided: &Provided<'_>,
    names: Option<&LoginNames<'_>>,
    guarded: &Guarded<'_>,
) -> (Option<UserChange>, Vec<Problem>) {
    let Provided { person, numbered } = provided;
    let mut problems = Vec::new();
    let action = guarded.allowed.action(HolderKind::PhoneUser, &person.name);
    if let Some(user) = person.observed.filter(|_| action == Some(Action::LetGo)) {
        let why = person.absence.map(Why::Absent);
        return (
            Some(let_go_of(&person.name, user, person.subject.clone(), why)),
            problems,
        );
    }
    if is_given_back(input, person) {
        return (None, problems);
    }
    if let Some(complaint) = &numbered.complaint {
        problems.push(problem(
            &person.subject,
            complaint.reason,
            &complaint.message,
            complaint.other.as_deref(),
        ));
    }
    let mut desired = desired(input, provided, names, guarded, &mut problems);
    if action == Some(Action::Disable) {
        desired.switch_off();
    }
    let difference = match person.observed {
        Some(user) => desired.compare(&existing(user)),
        None => desired.create(),
    };
    let advice = "map them with policy Ignore, or take them from those tools";
    problems.extend(difference.held_elsewhere(&person.subject, advice));
    let change = (!difference.is_empty()).then(|| Change {
        name: person.name.clone(),
        subject: person.subject.clone(),
        expected: person
            .observed
            .map_or(Expected::Absent, |user| Expected::Present(user.version.clone())),
        release: difference.release,
        apply: difference.apply,
        changes: difference.changes,
        needs: numbered.claim.is_some().then_some(numbered.number).flatten(),
        links: person
            .observed
            .and_then(|user| user.values.link())
            .is_none_or(|link| link.guid != person.guid),
        why: None,
    });
    (change, problems)
}

/// Letting go of a whole PhoneUser: its values stay, and the labels, which an entry of the operator's must have.
pub fn let_go(gone: LetGo<'_>) -> UserChange {
    let why = if gone.user.is_unlinked {
        Why::Unlinked
    } else {
        Why::Excluded
    };
    let_go_of(gone.name, gone.user, gone.subject, Some(why))
}

/// The same, of whom the scope does not serve any more.
pub fn let_go_of(name: &str, user: &ObservedUser, subject: Subject, why: Option<Why>) -> UserChange {
    Change {
        name: name.into(),
        subject,
        expected: Expected::Present(user.version.clone()),
        release: user.ownership.ours.intersection(FieldSet::all_of_spec()),
        apply: None,
        changes: Vec::new(),
        needs: None,
        links: false,
        why,
    }
}

fn desired(
    input: &Input<'_>,
    provided: &Provided<'_>,
    names: Option<&LoginNames<'_>>,
    guarded: &Guarded<'_>,
    problems: &mut Vec<Problem>,
) -> Desired<Field> {
    let Provided { person, numbered } = provided;
    let (mut values, mut kept) = mapped(input, person, guarded, problems);
    if let Some(names) = names.map(|names| names.of(person)) {
        problems.extend(shared_names(person, &names));
        if kept.contains(Field::UserPrincipalName) || kept.contains(Field::Email) {
            kept.insert(Field::LoginNames);
        } else if !names.own.is_empty() {
            values.insert(Field::LoginNames, Value::List(names.own));
        }
    }
    // Who is disabled in the directory stays as they are until it is their turn.
    if person.is_inactive || person.absence.is_some() {
        kept.insert(Field::Enabled);
    } else {
        values.insert(Field::Enabled, Value::Flag(true));
    }
    match numbered.number {
        Some(number) => drop(values.insert(Field::Extension, Value::text(&number.to_string()))),
        // The field goes away.
        None if numbered.lets_go_of.is_some() => {}
        None => kept.insert(Field::Extension),
    }
    values.insert(Field::Directory, Value::Link(Box::new(link(input, person))));
    values.insert(Field::ManagedByLabel, Value::text(FIELD_MANAGER));
    values.insert(Field::ScopeLabel, Value::text(&input.scope.name));
    values.insert(Field::PhoneSystemLabel, Value::text(&input.system.name));
    let released = Field::mapped()
        .filter(|field| !input.scope.map.contains_key(field))
        .collect();
    Desired {
        values,
        kept,
        released,
        forced: FieldSet::EMPTY,
        is_linking: person.observed.is_some_and(becomes_linked),
    }
}

/// What the directory has for the mapped fields, and the fields for which it can't be told or used.
fn mapped(
    input: &Input<'_>,
    person: &Person<'_>,
    guarded: &Guarded<'_>,
    problems: &mut Vec<Problem>,
) -> (BTreeMap<Field, Value>, FieldSet) {
    let (mut values, mut kept) = (BTreeMap::new(), FieldSet::EMPTY);
    for (field, mapped) in map_fields(input, person.account) {
        match mapped {
            Mapped::Value(value) => drop(values.insert(field, value)),
            Mapped::Empty if guarded.keeps(input, field) => kept.insert(field),
            Mapped::Empty => {}
            Mapped::Unread => kept.insert(field),
            Mapped::Unusable(unusable) => {
                kept.insert(field);
                let message = unusable.to_string();
                problems.push(problem(&person.subject, ProblemReason::InvalidRecord, &message, None));
            }
        }
    }
    (values, kept)
}

fn shared_names(person: &Person<'_>, names: &Names) -> Option<Problem> {
    let (_, other) = names.shared.first()?;
    let shared = names
        .shared
        .iter()
        .map(|(name, other)| format!("{name} (with {other})"));
    let shared: Vec<_> = shared.collect();
    let message = format!(
        "two users have the same name to sign in with, so neither gets it: {}",
        shared.join(", ")
    );
    Some(problem(
        &person.subject,
        ProblemReason::DuplicateMatch,
        &message,
        Some(other),
    ))
}

fn link(input: &Input<'_>, person: &Person<'_>) -> Link {
    Link {
        config: input.scope.directory.clone(),
        scope: input.scope.name.clone(),
        guid: person.guid,
        origin: person.origin,
        absence: person.absence,
    }
}

/// Whether the operator takes a PhoneUser into its hands: for the first time, or again after people had unlinked it.
pub(super) fn becomes_linked(user: &ObservedUser) -> bool {
    let ownership = &user.ownership;
    let is_applied = ownership
        .applied
        .iter()
        .any(|(_, fields)| fields.contains(Field::Directory));
    !ownership.ours.contains(Field::Directory) && !is_applied
}

/// What a PhoneUser holds.
pub fn existing(user: &ObservedUser) -> Existing<'_, Field> {
    let present = user.values.present().iter();
    Existing {
        values: present
            .filter_map(|field| Some((field, user.values.get(field)?)))
            .collect(),
        ownership: &user.ownership,
    }
}
