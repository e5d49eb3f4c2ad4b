//! THE CORE: who is synced, and what the phone system should look like. Values in, values out: no client, no clock, no randomness.

pub mod absence;
mod batch;
mod blanks;
pub mod budget;
pub mod census;
pub mod claimants;
pub mod claims;
pub mod department_claims;
pub mod departments;
pub mod departures;
pub mod difference;
pub mod digest;
pub mod ending;
pub mod evidence;
pub mod field;
pub mod field_set;
#[cfg(test)]
mod fixture;
pub mod guard;
mod identities;
mod keys;
mod left_behind;
mod limits;
pub mod lingering;
pub mod login_names;
pub mod mapping;
pub mod matching;
pub mod number;
pub mod number_frees;
pub mod number_holders;
pub mod number_pattern;
pub mod number_plan;
mod number_pool;
mod number_rivals;
pub mod number_set;
pub mod number_taker;
pub mod number_wish;
pub mod numbering;
pub mod observed;
mod outside;
pub mod past;
pub mod person;
pub mod plan;
pub mod references;
pub mod relinking;
pub mod removal;
pub mod report;
pub mod ring_field;
pub mod ring_group_removal;
pub mod ring_groups;
pub mod ring_members;
pub mod roster;
pub mod rule_usage;
pub mod select;
#[cfg(test)]
mod sentences;
mod steps;
pub mod users;
pub mod validated;
pub mod value;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use self::{
    absence::Absences,
    census::Census,
    claims::Claims,
    department_claims::RivalDepartments,
    departments::{Coverage, Departments},
    departures::Departures,
    evidence::Open,
    guard::{Guard, Ledger, Minutes},
    matching::match_newcomers,
    number_frees::Rests,
    number_holders::NumberHolders,
    observed::Observed,
    past::{Past, Suspect},
    plan::Plan,
    references::References,
    report::Report,
    ring_group_removal::Going,
    ring_groups::RingGroups,
    ring_members::RingingPeople,
    select::Selection,
    users::{Guarded, Provided},
    validated::{ValidatedRule, ValidatedScope, ValidatedSystem},
};
use crate::{
    api::{extension::HolderKind, sync_scope::ResolvedReference},
    directory::{Guid, Sighting, Snapshot},
};

/// Everything that a plan is made of.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// What time it is.
    pub now: Timestamp,
    /// The scope to plan for.
    pub scope: &'a ValidatedScope,
    /// The other live scopes of its phone system.
    pub siblings: &'a [Sibling<'a>],
    /// Its phone system.
    pub system: &'a ValidatedSystem,
    /// The ExtensionRules of its phone system, by name; those that could not be parsed are missing.
    pub rules: &'a BTreeMap<Box<str>, ValidatedRule>,
    /// What a complete read of its directory saw.
    pub directory: &'a Snapshot,
    /// Whether people may sign in with their bare names (`login.bareUsername` of the ActiveDirectoryConfig).
    pub bare_username: bool,
    /// What is in the cluster, of its phone system.
    pub observed: &'a Observed,
    /// The entries that the spec named the last time (`status.references`).
    pub references: &'a [ResolvedReference],
    /// What the directory said of accounts it was asked for by objectGUID. Missing: not asked yet.
    pub sightings: &'a BTreeMap<Guid, Sighting>,
    /// What earlier syncs left.
    pub past: Past<'a>,
}

/// Another live scope of the same phone system.
#[derive(Clone, Copy, Debug)]
pub struct Sibling<'a> {
    /// Name of the object.
    pub name: &'a str,
    /// When it was created.
    pub created: Timestamp,
    /// Its directory is read by this operator. One of another operator keeps whom it has, and says nothing of anybody else.
    pub is_served: bool,
    /// What it sees. None: it can't be read now, or its spec is invalid; it keeps whom it has.
    pub sight: Option<Sight<'a>>,
}

/// What another scope sees.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// Its spec.
    pub scope: &'a ValidatedScope,
    /// Its directory.
    pub directory: &'a Snapshot,
    /// Its `status.references`.
    pub references: &'a [ResolvedReference],
}

/// What a sync would do, what it found, and what it needs to know.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// What to write.
    pub plan: Plan,
    /// What was found.
    pub report: Report,
    /// The entries that the spec names (`status.references`).
    pub references: Vec<ResolvedReference>,
    /// Accounts to ask the directory for by objectGUID: with the answers in [`Input::sightings`], plan again.
    pub ask: BTreeSet<Guid>,
    /// What is held, and what the limit's window has seen: to be stored before the plan is carried out.
    pub ledger: Ledger,
    /// Absences that must last, for [`Past::suspects`] of the next sync. When there are any, read again after
    /// [`Past::confirm_after`].
    pub suspects: BTreeMap<Suspect, Timestamp>,
    /// There is more to do once this plan is carried out: plan again.
    pub continues: bool,
}

/// Makes the plan of one scope.
///
/// 1. resolve the entries that the spec names
/// 2. select, and take a census of everybody by objectGUID
/// 3. prove who has left
/// 4. match newcomers with users that exist
/// 5. weigh who may be taken away now
/// 6. number people and ring groups together
/// 7. compare what should be with what is
/// 8. count
pub fn plan(input: &Input<'_>) -> Outcome {
    let references = References::resolve(input.scope, input.directory, input.references);
    let selection = Selection::new(input.scope, &references, input.directory);
    let claims = Claims::new(input);
    let mut census = Census::take(input, &references, &selection, &claims);
    let missing = std::mem::take(&mut census.missing);
    let mut absences = Absences::prove(input, &references, &selection, missing);
    let mut open = Open::default();
    let newcomers = std::mem::take(&mut census.newcomers);
    let mut matched = match_newcomers(input, newcomers, &claims, &absences, &mut open);
    let coverage = Coverage::new(input.scope, &references, input.directory);
    let rivals = RivalDepartments::new(input);
    let departments = Departments::new(input, &coverage, &rivals, &selection);
    let going = ring_group_removal::going(input, &references, &coverage, &rivals, &mut open);

    let linked = census.linked.len() + census.kept.len() + absences.proven.len() + absences.doubted.len();
    let linked = linked + census.excluded.len();
    let mut people = steps::everybody(input, &mut census, &mut matched);
    let mut guard = Guard::new(input, linked);
    let due = steps::due(input, &people, &absences, &census.excluded, &matched, &going);
    let allowed = guard.weigh(due);
    let excluded_later = steps::exclude(&mut census, &allowed);
    census.counts.gone -= steps::relink(&mut matched, &mut people, &mut absences, &allowed);
    // Their successors come with the next plan.
    let mut awaited = matched.waited_for.iter();
    let is_awaited = awaited.any(|name| allowed.has(HolderKind::PhoneUser, name));
    let mut departures = Departures::take(&mut people, &allowed);

    let holders = NumberHolders::new(input.observed, input.now);
    let yielding = claimants::yielding(input, &absences, &allowed, &departures.deletions);
    let blank = guard.weigh_blanks(&blanks::blanks(input, &people));
    let guarded = Guarded {
        allowed: &allowed,
        blank: &blank,
    };
    let numbers = steps::Numbers {
        input,
        holders: &holders,
        claims: &claims,
        yielding: &yielding,
        guarded: &guarded,
    };
    let (mut numbering, held) = steps::number(&mut guard, &numbers, &people, &departments.ring_groups);
    departures.take_absentees(input, &absences, &allowed, &numbering.handover.yielding);
    let ring_numbers = numbering.numbered.split_off(people.len());
    let people = people
        .into_iter()
        .zip(std::mem::take(&mut numbering.numbered))
        .map(|(person, numbered)| Provided { person, numbered });
    let (held_back, people): (Vec<_>, Vec<_>) = people.partition(|provided| held.contains(&provided.person.name));
    let people = people.into_iter();
    let (waiting, provided): (Vec<_>, Vec<_>) = people.partition(|provided| provided.numbered.waits);

    let (mut users, problems) = steps::changes(input, &provided, std::mem::take(&mut census.let_go), &guarded);
    users.extend(departures.changes);
    users.sort_by(|left, right| left.name.cmp(&right.name));
    let deleted = departures.deletions.iter().map(|deletion| &*deletion.name).collect();
    let ringing = RingingPeople::new(input, &holders, &provided, &users, &deleted, &numbering.handover.moved)
        .with_excluded_later(excluded_later);
    let ring_groups = RingGroups::plan(
        input,
        &selection,
        &departments,
        &ring_numbers,
        &ringing,
        &mut guard,
        &mut open,
    );

    let going_now = going
        .iter()
        .filter(|going| allowed.has(HolderKind::RingGroup, going.name));
    let mut plan = Plan {
        claims: steps::claims(&provided, &ring_groups),
        users,
        ring_groups: ring_groups.changes.clone(),
        deletions: going_now.map(Going::deletion).chain(departures.deletions).collect(),
        frees: Vec::new(),
    };
    plan.frees = Rests::new(input, &holders, &numbering.handover).begin(&plan);

    let unmatched = matched
        .unmatched
        .into_iter()
        .chain(waiting.iter().map(users::why_waiting))
        .chain(held_back.iter().map(users::why_held_back));
    let mut report = Report::new(census, &provided, unmatched, problems, references.unresolved());
    report.add_ring_groups(&ring_groups);
    report.add_departures(&departures.counts);
    report.add_lingering(lingering::count(input, &selection, &claims, &absences, &plan));
    open.ask.extend(&absences.ask);
    open.suspects.extend(absences.suspects);
    let Minutes { ledger, continues } = guard.finish();
    let continues = continues || left_behind::may_make_room(holders.left_behind(), &plan);
    Outcome {
        plan,
        report,
        references: references.to_store(),
        ask: open.ask,
        ledger,
        suspects: open.suspects,
        continues: continues || departures.continues || is_awaited || numbering.handover.continues,
    }
}
