//! A company and its phone system in a few words.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp, ToSpan as _};

use super::{
    cluster,
    veil::{self, Veil},
};
use crate::{
    api::{
        SyncScopeSpec,
        sync_scope::{Problem, ProblemReason, ResolvedReference},
    },
    directory::{Alive, AttributeName, Dn, Guid, Origin, RawEntry, Sighting, Snapshot, SnapshotBuilder},
    sync::{
        Input, Outcome, Sibling, Sight,
        field::Field,
        fixture::{NOW, time},
        guard::Ledger,
        observed::{Observed, ObservedUser, Ownership, Version},
        past::{DirectoryBudget, Past, Suspect},
        plan,
        validated::{ValidatedRule, ValidatedScope, ValidatedSystem},
        value::Value,
    },
};

/// The root of the domain.
const DOMAIN: &str = "DC=example,DC=com";
/// Below this lies everybody.
pub(super) const STAFF: &str = "OU=Staff,DC=example,DC=com";

/// A directory, a phone system, and scopes between them. The first scope is the one that tests speak of.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub users: Vec<RawEntry>,
    pub groups: Vec<RawEntry>,
    /// Groups that whoever asks may not see.
    pub hidden_groups: Vec<RawEntry>,
    pub units: Vec<RawEntry>,
    pub scopes: Vec<Scope>,
    pub rules: BTreeMap<Box<str>, ValidatedRule>,
    pub observed: Observed,
    /// What the directory answers about single accounts, where it is not what it shows.
    pub sightings: BTreeMap<Guid, Sighting>,
    /// What time it is.
    pub now: Timestamp,
    /// The account may see tombstones.
    pub sees_tombstones: bool,
    /// Accounts that were deleted, and left a tombstone.
    pub deleted: BTreeSet<Guid>,
    /// The controller that answers knows less than another one did.
    pub is_behind: bool,
    /// What of the directory the service account may not see.
    pub veil: Veil,
    pub bare_username: bool,
    /// What the other scopes on the directory have spent.
    pub directory: DirectoryBudget,
    /// Names of scopes whose directory another operator reads.
    left_to_others: BTreeSet<Box<str>>,
}

#[derive(Clone, Debug)]
pub(super) struct Scope {
    pub validated: ValidatedScope,
    pub references: Vec<ResolvedReference>,
    /// `status.held` and `status.budget`
    pub ledger: Ledger,
    /// Who seems to be gone.
    pub suspects: BTreeMap<Suspect, Timestamp>,
    /// What of the budget its process entered.
    pub entered: BTreeMap<String, Timestamp>,
    /// The annotation `adsync.dev/approve`.
    pub approval: Option<String>,
    /// Its spec is another one than at the last sync.
    pub is_respecified: bool,
    /// It has synced before.
    pub has_synced: bool,
    /// Its directory can be read now.
    pub is_readable: bool,
    /// Logins of people whom its service account may not see.
    pub hidden: Vec<&'static str>,
    /// Below this, its directory is read.
    pub base: &'static str,
}

/// An objectGUID that has a word in it.
pub(super) fn guid(word: &str) -> Guid {
    let mut bytes = [b'-'; 16];
    for (byte, letter) in bytes.iter_mut().zip(word.bytes()) {
        *byte = letter;
    }
    Guid::from_ldap_bytes(&bytes).unwrap()
}

/// Name of the PhoneUser that is made for an account.
pub(super) fn name_of(login: &str) -> String {
    format!("hq-{}", guid(login))
}

impl World {
    /// A scope of everyone, with this beside `users` in its spec.
    pub(super) fn new(spec: &str) -> Self {
        Self::with_users("{everyone: {}}", spec)
    }

    /// A scope with these `users`, and this beside them.
    pub(super) fn with_users(users: &str, spec: &str) -> Self {
        let world = Self {
            users: Vec::new(),
            groups: Vec::new(),
            hidden_groups: Vec::new(),
            units: Vec::new(),
            scopes: Vec::new(),
            rules: BTreeMap::new(),
            observed: Observed::default(),
            sightings: BTreeMap::new(),
            now: time(NOW),
            sees_tombstones: false,
            deleted: BTreeSet::new(),
            is_behind: false,
            veil: Veil::default(),
            bare_username: false,
            directory: DirectoryBudget::default(),
            left_to_others: BTreeSet::new(),
        };
        world.unit("DC=example,DC=com").unit(STAFF).scope("staff", users, spec)
    }

    /// One more scope, younger than those before it.
    pub(super) fn scope(mut self, name: &str, users: &str, spec: &str) -> Self {
        let age = i64::try_from(self.scopes.len()).unwrap();
        let created = time(NOW) - (1000 - age).hours();
        let validated = validated(name, created, users, spec);
        self.scopes.push(Scope {
            validated,
            references: Vec::new(),
            ledger: Ledger::default(),
            suspects: BTreeMap::new(),
            entered: BTreeMap::new(),
            approval: None,
            is_respecified: false,
            has_synced: false,
            is_readable: true,
            hidden: Vec::new(),
            base: DOMAIN,
        });
        self
    }

    /// Changes the spec of the first scope.
    pub(super) fn respec(&mut self, users: &str, spec: &str) {
        let scope = &mut self.scopes[0];
        scope.is_respecified = true;
        let scope = &mut scope.validated;
        *scope = validated(&scope.name, scope.created, users, spec);
    }

    pub(super) fn rule(mut self, rule: ValidatedRule) -> Self {
        self.rules.insert(rule.name.clone(), rule);
        self
    }

    /// An active account in [`STAFF`], its objectGUID made from the login.
    pub(super) fn person(self, login: &str, attributes: &[(&str, &str)]) -> Self {
        self.person_in(STAFF, login, attributes)
    }

    pub(super) fn person_in(mut self, unit: &str, login: &str, attributes: &[(&str, &str)]) -> Self {
        let entry = RawEntry::new(format!("CN={login},{unit}"))
            .with_guid(guid(login))
            .with("sAMAccountName", [login])
            .with("userAccountControl", ["512"]);
        let with = |entry: RawEntry, (name, value): &(&str, &str)| entry.with(name, [*value]);
        self.users.push(attributes.iter().fold(entry, with));
        self
    }

    pub(super) fn unit(mut self, dn: &str) -> Self {
        self.units.push(RawEntry::new(dn).with_guid(guid(dn)));
        self
    }

    /// A security group below the domain's root, with members by login.
    pub(super) fn group(mut self, name: &str, members: &[&str]) -> Self {
        let dn_of = |login: &&str| {
            let account = self.users.iter().find(|entry| entry.guid() == Some(guid(login)));
            account.map_or_else(|| format!("CN={login},{STAFF}"), |account| account.dn.clone())
        };
        let entry = RawEntry::new(format!("CN={name},DC=example,DC=com"))
            .with_guid(guid(name))
            .with("cn", [name])
            .with("groupType", ["-2147483646"])
            .with("member", members.iter().map(dn_of));
        self.groups.push(entry);
        self
    }

    /// Changes somebody's attribute; an empty value takes it away.
    pub(super) fn set(&mut self, login: &str, attribute: &str, value: &str) {
        let account = self
            .users
            .iter_mut()
            .find(|entry| entry.guid() == Some(guid(login)))
            .unwrap();
        account
            .attributes
            .retain(|(name, _)| !name.eq_ignore_ascii_case(attribute));
        if !value.is_empty() {
            account.attributes.push((attribute.to_owned(), vec![value.into()]));
        }
    }

    pub(super) fn disable(&mut self, login: &str) {
        self.set(login, "userAccountControl", "514");
    }

    pub(super) fn leave(&mut self, login: &str) {
        self.users.retain(|entry| entry.guid() != Some(guid(login)));
    }

    /// Renames an entry, its objectGUID staying the same.
    pub(super) fn rename(entries: &mut [RawEntry], from: &str, to: &str) {
        entries.iter_mut().find(|entry| entry.dn == from).unwrap().dn = to.to_owned();
    }

    /// A PhoneUser that people made with kubectl.
    pub(super) fn hand_made(mut self, name: &str, values: &[(Field, &str)]) -> Self {
        let fields = values.iter().map(|(field, _)| *field).collect();
        let user = ObservedUser {
            is_protected: false,
            version: Version {
                uid: format!("uid-of-{name}").into(),
                resource_version: "1".into(),
            },
            is_unlinked: false,
            values: values
                .iter()
                .map(|(field, value)| (*field, Value::text(value)))
                .collect(),
            ownership: Ownership {
                updated: [("kubectl-create".into(), fields)].into(),
                ..Ownership::default()
            },
            is_readable: true,
        };
        self.observed.users.insert(name.into(), user);
        self
    }

    pub(super) fn user(&self, name: &str) -> &ObservedUser {
        self.observed
            .users
            .get(name)
            .unwrap_or_else(|| panic!("no {name} in {:?}", self.observed.users.keys()))
    }

    pub(super) fn user_mut(&mut self, name: &str) -> &mut ObservedUser {
        self.observed.users.get_mut(name).unwrap()
    }

    /// A text of somebody's own PhoneUser.
    pub(super) fn text(&self, login: &str, field: Field) -> Option<&str> {
        self.user(&name_of(login)).values.text(field)
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        self.seen_from(DOMAIN, &[])
    }

    /// What a read of everything below `base` sees by an account that may not see some people.
    fn seen_from(&self, base: &str, hidden: &[&str]) -> Snapshot {
        let origin = Origin {
            server: "dc1.example.com:636".to_owned(),
            invocation_id: guid("dc1"),
            naming_context: Dn::parse("DC=example,DC=com").unwrap(),
            base_dn: Dn::parse(base).unwrap(),
            highest_usn: 1,
            read_at: self.now,
            replicas: Vec::new(),
            is_behind: self.is_behind,
        };
        let attributes = self
            .scopes
            .iter()
            .flat_map(|scope| scope.validated.attributes(&self.rules));
        let attributes: BTreeSet<AttributeName> = attributes.collect();
        let mut builder = SnapshotBuilder::new(origin, &attributes);
        let is_hidden = |entry: &RawEntry| hidden.iter().any(|login| entry.guid() == Some(guid(login)));
        let seen = self.veil.users(&self.users).filter(|entry| !is_hidden(entry));
        seen.for_each(|entry| builder.add_user(entry));
        self.veil
            .groups(&self.groups)
            .for_each(|entry| builder.add_group(entry));
        self.veil.units(&self.units).for_each(|entry| builder.add_unit(entry));
        builder.build()
    }

    /// What the first scope would do.
    pub(super) fn plan(&self) -> Outcome {
        self.plan_of(0)
    }

    /// What one scope would do.
    pub(super) fn plan_of(&self, index: usize) -> Outcome {
        self.plan_of_with(index, &self.snapshot())
    }

    /// What the first scope would do with what an older read saw.
    pub(super) fn plan_with(&self, directory: &Snapshot) -> Outcome {
        self.plan_of_with(0, directory)
    }

    fn plan_of_with(&self, index: usize, directory: &Snapshot) -> Outcome {
        let mut sightings = self.sightings.clone();
        loop {
            let outcome = self.plan_knowing(index, directory, &sightings);
            let unknown: Vec<_> = outcome
                .ask
                .iter()
                .filter(|guid| !sightings.contains_key(*guid))
                .collect();
            if unknown.is_empty() {
                return outcome;
            }
            sightings.extend(unknown.into_iter().map(|guid| (*guid, self.look_for(*guid))));
        }
    }

    /// What the directory says of an account that is asked for.
    pub(super) fn look_for(&self, wanted: Guid) -> Sighting {
        if self.deleted.contains(&wanted) && self.sees_tombstones {
            return Sighting::Deleted;
        }
        let mut entries = self.users.iter().chain(&self.groups).chain(&self.units);
        let Some(account) = entries.find(|entry| entry.guid() == Some(wanted) && !self.veil.hides(entry)) else {
            return Sighting::Unseen {
                sees_tombstones: self.sees_tombstones,
            };
        };
        let is_in = |group: &&RawEntry| {
            let mut members = group.attributes.iter().filter(|(name, _)| name == "member");
            members.any(|(_, members)| members.iter().any(|member| veil::names(member, account)))
        };
        Sighting::Alive(Box::new(Alive {
            dn: Dn::parse(&account.dn).unwrap(),
            groups: self
                .groups
                .iter()
                .chain(&self.hidden_groups)
                .filter(is_in)
                .filter_map(RawEntry::guid)
                .collect(),
        }))
    }

    fn past(&self, index: usize) -> Past<'_> {
        let scope = &self.scopes[index];
        Past {
            has_synced: scope.has_synced,
            is_respecified: scope.is_respecified,
            directory: self.directory,
            held: &scope.ledger.held,
            budget: &scope.ledger.budget,
            entered: &scope.entered,
            approval: scope.approval.as_deref(),
            suspects: &scope.suspects,
            ..Past::none(&scope.validated.name)
        }
    }

    fn plan_knowing(&self, index: usize, directory: &Snapshot, sightings: &BTreeMap<Guid, Sighting>) -> Outcome {
        self.with_input(index, directory, sightings, plan)
    }

    /// Hands over what a plan of one scope is made of.
    pub(super) fn with_input<T>(
        &self,
        index: usize,
        directory: &Snapshot,
        sightings: &BTreeMap<Guid, Sighting>,
        consumer: impl FnOnce(&Input<'_>) -> T,
    ) -> T {
        let others = self.scopes.iter().enumerate().filter(|(other, _)| *other != index);
        let seen: Vec<_> = others
            .clone()
            .map(|(_, scope)| self.seen_from(scope.base, &scope.hidden))
            .collect();
        let siblings: Vec<_> = others
            .zip(&seen)
            .map(|((_, scope), directory)| Sibling {
                name: &scope.validated.name,
                created: scope.validated.created,
                is_served: !self.left_to_others.contains(&scope.validated.name),
                sight: scope.is_readable.then_some(Sight {
                    scope: &scope.validated,
                    directory,
                    references: &scope.references,
                }),
            })
            .collect();
        consumer(&Input {
            now: self.now,
            scope: &self.scopes[index].validated,
            siblings: &siblings,
            system: &ValidatedSystem::new("hq", &crate::api::PhoneSystemSpec::default()).unwrap(),
            rules: &self.rules,
            directory,
            bare_username: self.bare_username,
            observed: &self.observed,
            references: &self.scopes[index].references,
            sightings,
            past: self.past(index),
        })
    }

    /// Syncs the first scope, and holds that nothing is left to do.
    pub(super) fn sync(&mut self) -> Outcome {
        self.sync_scope(0)
    }

    /// Syncs one scope, and holds that nothing is left to do.
    pub(super) fn sync_scope(&mut self, index: usize) -> Outcome {
        let mut outcome = self.step(index);
        for _ in 0..8 {
            if !outcome.continues {
                break;
            }
            outcome = self.step(index);
        }
        let again = self.plan_of(index);
        assert!(again.plan.is_empty(), "not converged: {:#?}", again.plan);
        // Messages may name others by what their objects held before.
        let essence = |outcome: &Outcome| {
            let report = &outcome.report;
            (
                report.users,
                report.extensions,
                report.ring_groups,
                report.unmatched.clone(),
                outcome.told(),
            )
        };
        assert_eq!(essence(&again), essence(&outcome), "what was reported is what is");
        outcome
    }
}

impl World {
    /// Plans once, and carries the plan out.
    pub(super) fn step(&mut self, index: usize) -> Outcome {
        let outcome = self.plan_of(index);
        cluster::apply_as(&mut self.observed, &self.scopes[index].validated.name, &outcome.plan);
        let scope = &mut self.scopes[index];
        scope.references.clone_from(&outcome.references);
        scope.ledger.clone_from(&outcome.ledger);
        scope.suspects.clone_from(&outcome.suspects);
        let entered = outcome.ledger.entered.iter().cloned();
        scope.entered.extend(entered.map(|removal| (removal, self.now)));
        scope.has_synced = true;
        scope.is_respecified = false;
        outcome
    }

    /// What the first scope's status has.
    pub(super) fn set_ledger(&mut self, ledger: Ledger) {
        self.scopes[0].ledger = ledger;
    }

    /// A scope whose directory can't be read.
    pub(super) fn blind(&mut self, index: usize) {
        self.scopes[index].is_readable = false;
    }

    /// A scope whose directory another operator reads.
    pub(super) fn leave_to_another_operator(&mut self, index: usize) {
        self.blind(index);
        self.left_to_others.insert(self.scopes[index].validated.name.clone());
    }

    /// Time passes.
    pub(super) fn later(&mut self, time: SignedDuration) {
        self.now += time;
    }

    /// An account is deleted, and leaves a tombstone.
    pub(super) fn delete(&mut self, login: &str) {
        self.leave(login);
        self.deleted.insert(guid(login));
    }
}

impl Outcome {
    /// Who has which problem, as `login: reason`.
    pub(super) fn told(&self) -> Vec<String> {
        let tell = |problem: &Problem| format!("{}: {:?}", problem.login, problem.reason);
        self.report.problems.iter().map(tell).collect()
    }

    pub(super) fn problem(&self, login: &str, reason: ProblemReason) -> &Problem {
        let mut problems = self.report.problems.iter();
        let problem = problems.find(|problem| problem.login == login && problem.reason == reason);
        problem.unwrap_or_else(|| panic!("{login} has no {reason:?}: {:#?}", self.report.problems))
    }
}

fn validated(name: &str, created: Timestamp, users: &str, spec: &str) -> ValidatedScope {
    let comma = if spec.is_empty() { "" } else { ", " };
    let yaml = format!("{{directoryRef: {{name: corp}}, phoneSystemRef: {{name: hq}}, users: {users}{comma}{spec}}}");
    let spec: SyncScopeSpec = serde_yaml::from_str(&yaml).unwrap_or_else(|error| panic!("{error}: {yaml}"));
    ValidatedScope::new(name, created, &spec).unwrap()
}
