//! A company as it lives through a history.

use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

use super::{
    company::{self, Truth, UNITS},
    promises::{Look, Memory},
    steps::{Directory, GROUPS, Operator, PEOPLE, People, Step},
};
use crate::api::extension::ExtensionState;
use crate::{
    api::sync_scope::HeldType,
    directory::{Guid, RawEntry},
    sync::{
        Outcome,
        field::Field,
        fixture::version,
        observed::{ObservedExtension, Version},
        plan::Plan,
        sentences::{
            cluster::write_as,
            racing::{try_apply, writes},
            veil::Veil,
            world::{World, guid},
        },
        value::Value,
    },
};

pub(super) struct Life {
    pub world: World,
    pub by_group: bool,
    /// How many accounts with somebody's login came before this one.
    pub generations: [usize; PEOPLE],
    /// Since when accounts can't be seen.
    pub hidden: BTreeMap<Guid, Timestamp>,
    pub memory: Memory,
}

impl Life {
    pub(super) fn new() -> Self {
        let mut life = Self {
            world: company::company(),
            by_group: true,
            generations: [0; PEOPLE],
            hidden: BTreeMap::new(),
            memory: Memory::default(),
        };
        for scope in 0..2 {
            life.operate(&Operator::Sync(scope));
        }
        life
    }

    pub(super) fn truth(&self) -> Truth<'_> {
        Truth {
            world: &self.world,
            by_group: self.by_group,
        }
    }

    pub(super) fn live(&mut self, step: &Step) {
        match step {
            Step::Directory(step) => self.change_directory(step),
            Step::People(step) => self.use_kubectl(step),
            Step::Operator(step) => self.operate(step),
        }
    }

    fn word(&self, person: usize) -> String {
        company::word(person, self.generations[person])
    }

    fn exists(&self, person: usize) -> bool {
        let wanted = guid(&self.word(person));
        self.world.users.iter().any(|entry| entry.guid() == Some(wanted))
    }

    fn change_directory(&mut self, step: &Directory) {
        let word = match step {
            Directory::Join(person) => return self.join(*person),
            Directory::LeaveMany(who) => return self.each(*who, &Directory::Leave),
            Directory::DisableMany(who) => return self.each(*who, &Directory::Disable),
            Directory::MoveMany(who) => return self.each(*who, &|person| Directory::Move(person, 2)),
            Directory::HideMany(who) => return self.each(*who, &Directory::HideAccount),
            Directory::Leave(person)
            | Directory::Disable(person)
            | Directory::Rename(person)
            | Directory::Move(person, _)
            | Directory::Number(person, _)
            | Directory::SitAtDesk(person, _)
            | Directory::JoinGroup(person, _)
            | Directory::LeaveGroup(person, _)
            | Directory::HideAccount(person)
            | Directory::HideNumber(person) => {
                if !self.exists(*person) {
                    return;
                }
                self.word(*person)
            }
            _ => String::new(),
        };
        let world = &mut self.world;
        match step {
            Directory::Join(_)
            | Directory::LeaveMany(_)
            | Directory::DisableMany(_)
            | Directory::MoveMany(_)
            | Directory::HideMany(_) => {}
            Directory::Leave(_) => {
                world.delete(&word);
                for group in GROUPS {
                    company::exit(world, &word, group);
                }
            }
            Directory::Disable(_) => world.set(&word, "userAccountControl", "514"),
            Directory::EnableAll => (0..PEOPLE).for_each(|person| self.enable(person)),
            Directory::Rename(_) => self.rename(&word),
            Directory::Move(_, unit) => self.place(&word, UNITS[*unit]),
            Directory::Number(_, 6) => world.set(&word, "telephoneNumber", ""),
            Directory::Number(_, number) => world.set(&word, "telephoneNumber", &company::telephone(*number)),
            Directory::SitAtDesk(_, sits) => world.set(&word, "departmentNumber", if *sits { "7" } else { "" }),
            Directory::JoinGroup(_, group) => company::enter(world, &word, GROUPS[*group]),
            Directory::LeaveGroup(_, group) => company::exit(world, &word, GROUPS[*group]),
            Directory::RenameGroup(group) => {
                let entry = self.group_mut(*group);
                entry.dn = entry.dn.replacen("CN=", "CN=New ", 1);
            }
            Directory::HideAccount(_) => {
                world.veil.accounts.insert(guid(&word));
            }
            Directory::HideNumber(_) => {
                let hidden = world.veil.attributes.entry("telephonenumber".to_owned()).or_default();
                hidden.insert(guid(&word));
            }
            Directory::HideMembers(group) => drop(world.veil.members.insert(guid(GROUPS[*group]))),
            Directory::HideGroup(group) => drop(world.veil.groups.insert(guid(GROUPS[*group]))),
            Directory::HideStaff => drop(world.veil.units.insert(guid(UNITS[0]))),
            Directory::Unveil => world.veil = Veil::default(),
            Directory::FallBehind => world.is_behind = true,
            Directory::CatchUp => world.is_behind = false,
            Directory::ShowTombstones(show) => world.sees_tombstones = *show,
        }
        let now = self.world.now;
        let veil = &self.world.veil;
        self.hidden.retain(|account, _| veil.accounts.contains(account));
        for account in &veil.accounts {
            self.hidden.entry(*account).or_insert(now);
        }
    }

    fn each(&mut self, who: u16, step: &dyn Fn(usize) -> Directory) {
        let people = (0..PEOPLE).filter(|person| who & (1 << person) != 0);
        people.for_each(|person| self.change_directory(&step(person)));
    }

    fn enable(&mut self, person: usize) {
        if self.exists(person) {
            let word = self.word(person);
            self.world.set(&word, "userAccountControl", "512");
        }
    }

    fn join(&mut self, person: usize) {
        if self.exists(person) {
            return;
        }
        if self.world.deleted.contains(&guid(&self.word(person))) {
            self.generations[person] += 1;
        }
        company::join(&mut self.world, person, self.generations[person]);
    }

    fn rename(&mut self, word: &str) {
        let account = self.account(word);
        account.dn = account.dn.replacen("CN=", "CN=New ", 1);
    }

    fn place(&mut self, word: &str, unit: &str) {
        let account = self.account(word);
        let name = account.dn.split_once(',').unwrap().0;
        account.dn = format!("{name},{unit}");
    }

    fn account(&mut self, word: &str) -> &mut RawEntry {
        let wanted = Some(guid(word));
        self.world
            .users
            .iter_mut()
            .find(|entry| entry.guid() == wanted)
            .unwrap()
    }

    /// Name of the PhoneUser that is linked to somebody.
    fn phone_of(&self, person: usize) -> Option<Box<str>> {
        let account = guid(&self.word(person));
        let mut users = self.world.observed.users.iter();
        let found = users.find(|(_, user)| user.values.link().is_some_and(|link| link.guid == account));
        found.map(|(name, _)| name.clone())
    }

    fn use_kubectl(&mut self, step: &People) {
        match step {
            People::Unlink(person) | People::Link(person) => {
                let Some(name) = self.phone_of(*person) else { return };
                let user = self.world.user_mut(&name);
                user.is_unlinked = matches!(step, People::Unlink(_));
                touch(&mut user.version);
            }
            People::Protect(person, protects) => {
                let Some(name) = self.phone_of(*person) else { return };
                let user = self.world.user_mut(&name);
                user.is_protected = *protects;
                touch(&mut user.version);
            }
            People::Delete(person) => {
                let Some(name) = self.phone_of(*person) else { return };
                self.world.observed.users.remove(&name);
            }
            People::Edit(person) => {
                let Some(name) = self.phone_of(*person) else { return };
                let user = self.world.user_mut(&name);
                write_as(user, "kubectl-edit", false, Field::Title, Some(Value::text("Edited")));
            }
            People::MakeUser(person) => {
                let name = format!("people-{person}");
                if !self.world.observed.users.contains_key(&*name) {
                    let login = company::login(*person);
                    self.world = self.world.clone().hand_made(&name, &[(Field::Login, &login)]);
                    self.world.user_mut(&name).version = version(&format!("{name}-{}", self.world.now));
                }
                if *person < PEOPLE {
                    self.join(*person);
                }
            }
            People::Reserve(number) => {
                let number = format!("20{:02}", number * 2);
                let reserved = ObservedExtension {
                    version: version(&number),
                    number: number.parse().ok(),
                    state: Some(ExtensionState::Reserved),
                    holder: None,
                    release_after: None,
                    awaited_by: None,
                    is_readable: true,
                    scope: None,
                    is_protected: false,
                    is_ours: false,
                    applied_by: None,
                };
                let name: Box<str> = format!("hq-{number}").into();
                self.world.observed.extensions.entry(name).or_insert(reserved);
            }
            People::Approve(scope) => {
                let scope = &mut self.world.scopes[*scope];
                let held = scope.ledger.held.iter().find(|held| held.kind == HeldType::Removals);
                scope.approval = held.map(|held| held.digest.clone()).or(scope.approval.take());
            }
            People::Respecify(policy, by_group) => self.respecify(*policy, *by_group),
        }
    }

    pub(super) fn respecify(&mut self, policy: usize, by_group: bool) {
        let (users, spec) = company::staff_spec(policy, by_group);
        self.world.respec(&users, &spec);
        if by_group && !self.by_group {
            self.name_group();
        }
        self.by_group = by_group;
    }

    /// The group that the spec names is called so: it is not followed to another name before it was seen under this one.
    pub(super) fn name_group(&mut self) {
        self.group_mut(0).dn = format!("CN={},DC=example,DC=com", GROUPS[0]);
    }

    fn group_mut(&mut self, group: usize) -> &mut RawEntry {
        let wanted = Some(guid(GROUPS[group]));
        let mut groups = self.world.groups.iter_mut();
        groups.find(|entry| entry.guid() == wanted).unwrap()
    }

    pub(super) fn operate(&mut self, step: &Operator) {
        match step {
            Operator::Sync(scope) => self.sync(*scope),
            Operator::Killed(scope, after) => {
                if self.world.scopes[*scope].is_readable {
                    let look = self.look(*scope);
                    self.write(&look, *after);
                    self.world.scopes[*scope].suspects.clear();
                    self.world.scopes[*scope].entered.clear();
                }
            }
            Operator::Stale(scope, between) => {
                if self.world.scopes[*scope].is_readable {
                    let look = self.look(*scope);
                    self.live(between);
                    self.write(&look, usize::MAX);
                }
            }
            Operator::Race(turns) => self.race(turns),
            Operator::Restart => self.world.restart(),
            Operator::Unreadable(scope, is) => self.world.scopes[*scope].is_readable = !is,
            Operator::Minutes(minutes) => self.world.later(SignedDuration::from_mins(*minutes)),
            Operator::Days(days) => self.world.later(SignedDuration::from_hours(24 * days)),
        }
    }

    /// Syncs until there is no more to do; then there is nothing to do at all.
    fn sync(&mut self, scope: usize) {
        if !self.world.scopes[scope].is_readable {
            return;
        }
        for _ in 0..8 {
            let look = self.look(scope);
            let continues = look.outcome.continues;
            self.write(&look, usize::MAX);
            self.finish(&look);
            if !continues {
                break;
            }
        }
        Memory::is_silent(&self.world.plan_of(scope).plan);
    }

    pub(super) fn look(&self, scope: usize) -> Look {
        Look {
            scope,
            world: self.world.clone(),
            by_group: self.by_group,
            hidden: self.hidden.clone(),
            outcome: self.world.plan_of(scope),
        }
    }

    /// What is spent and held is stored first, then the plan is carried out, so far.
    fn write(&mut self, look: &Look, most: usize) {
        self.begin(look);
        for write in writes(&look.outcome.plan).iter().take(most) {
            self.write_one(look, write);
        }
    }

    fn begin(&mut self, look: &Look) {
        let scope = &mut self.world.scopes[look.scope];
        scope.ledger.clone_from(&look.outcome.ledger);
        scope.is_respecified = false;
    }

    fn write_one(&mut self, look: &Look, write: &Plan) {
        let before = self.world.observed.clone();
        let name = self.world.scopes[look.scope].validated.name.clone();
        if try_apply(&mut self.world.observed, write, &name) {
            self.memory.holds(look, &before, &self.world);
        }
    }

    /// What is stored and remembered when a plan was carried out.
    fn finish(&mut self, look: &Look) {
        let Outcome {
            references, suspects, ..
        } = &look.outcome;
        let scope = &mut self.world.scopes[look.scope];
        scope.references.clone_from(references);
        scope.suspects.clone_from(suspects);
        scope.has_synced = true;
    }

    fn race(&mut self, turns: &[bool]) {
        if !self.world.scopes.iter().all(|scope| scope.is_readable) {
            return;
        }
        let looks = [self.look(0), self.look(1)];
        let mut plans = [0, 1].map(|scope| {
            self.begin(&looks[scope]);
            writes(&looks[scope].outcome.plan).into_iter()
        });
        let whole = turns
            .iter()
            .map(|turn| usize::from(*turn))
            .chain([0; 200])
            .chain([1; 200]);
        for turn in whole {
            if let Some(write) = plans[turn].next() {
                self.write_one(&looks[turn], &write);
            }
        }
    }
}

fn touch(version: &mut Version) {
    let number: u32 = version.resource_version.parse().unwrap();
    version.resource_version = (number + 1).to_string().into();
}
