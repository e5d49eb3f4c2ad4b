//! What has cut whole companies off their phones elsewhere: nobody is removed by it, no number moves, no ring group shrinks, and when
//! it is over, everything is exactly as it was. One of each kind; the core lives through all of them (`sync/sentences/dangers`).
//! Lagging domain controllers, reused logins and operators that are killed have files of their own.

use std::fmt::Write as _;

use std::collections::BTreeMap;

use adsync::api::{
    Extension, PhoneUser, RingGroup, SyncScope, SyncScopeStatus,
    extension::ExtensionSpec,
    phone_user::PhoneUserSpec,
    ring_group::RingGroupSpec,
    sync_scope::{HeldType, ProblemReason},
};
use kube::{Resource, ResourceExt, api::ListParams, core::NamespaceResourceScope};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::scene::{CONFIRM_AFTER, Scene, numbers, problems, with};
use crate::{
    env::{Denied, Directory, Person, PersonSpec, TestOu},
    scenario::{await_scope, eventually, has},
};

/// All that people's phones depend on, by the name of the object; with its uid.
#[derive(Debug, PartialEq)]
struct Phones {
    users: BTreeMap<String, (String, PhoneUserSpec)>,
    ring_groups: BTreeMap<String, (String, RingGroupSpec)>,
    extensions: BTreeMap<String, (String, ExtensionSpec)>,
}

impl Phones {
    async fn of(scene: &Scene) -> Self {
        Self {
            users: all(scene, |user: PhoneUser| user.spec).await,
            ring_groups: all(scene, |group: RingGroup| group.spec).await,
            extensions: all(scene, |extension: Extension| extension.spec).await,
        }
    }

    /// What must not change, whatever else is known of people meanwhile.
    fn service(&self) -> BTreeMap<&str, Value> {
        let users = self.users.iter().map(|(name, (uid, spec))| {
            let service = json!({"uid": uid, "enabled": spec.enabled, "extension": spec.extension});
            (&**name, service)
        });
        let ring_groups = self.ring_groups.iter().map(|(name, (uid, spec))| {
            let service = json!({"uid": uid, "number": spec.number, "enabled": spec.enabled, "members": spec.members});
            (&**name, service)
        });
        let extensions = self.extensions.iter().map(|(name, (uid, spec))| {
            let service = json!({"uid": uid, "state": spec.state, "holder": spec.holder});
            (&**name, service)
        });
        users.chain(ring_groups).chain(extensions).collect()
    }
}

async fn all<K, Spec>(scene: &Scene, spec: impl Fn(K) -> Spec) -> BTreeMap<String, (String, Spec)>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned,
{
    let objects = scene.namespace.api::<K>().list(&ListParams::default()).await.unwrap();
    let named = objects
        .items
        .into_iter()
        .map(|object| (object.name_any(), (object.uid().unwrap(), spec(object))));
    named.collect()
}

/// Ten people with phones and one without. Five of the OU `Staff`, who are all in a group that the scope doesn't speak of; two of the
/// OU `Branch`, who are in no group; three of the OU `Field` by the group `Phones`, two of them by the group `Remote` in it. The
/// group `Sales` with the group `Inside` in it has numbers and a ring group of its own; the group `Quiet` is excluded.
struct Company {
    scene: Scene,
    staff: TestOu<'static>,
    branch: TestOu<'static>,
    field: TestOu<'static>,
    people: Vec<Person>,
    groups: Groups,
    spec: Value,
    before: Phones,
}

/// By DN.
struct Groups {
    remote: String,
    phones: String,
    inside: String,
    sales: String,
    quiet: String,
}

/// Lets everybody go at once: what keeps them is what is known of them, and no limit.
const ALL_MAY_LEAVE: (u8, u16) = (100, 1000);
/// As it comes: three of ten.
const THREE_MAY_LEAVE: (u8, u16) = (10, 50);

impl Company {
    async fn new((percent, count): (u8, u16)) -> Self {
        let scene = Scene::new("danger").await;
        let [staff, branch, field] = [
            scene.ou.unit("Staff").await,
            scene.ou.unit("Branch").await,
            scene.ou.unit("Field").await,
        ];
        let mut people = staff
            .people(["Ada", "Bob", "Cem", "Dan", "Eve", "Fay"].map(in_office))
            .await;
        people.extend(branch.people(["Gus", "Hal"].map(in_office)).await);
        people.extend(field.people(["Ida", "Jim", "Kim"].map(in_office)).await);
        let limit = json!({"percent": percent, "count": count});
        scene
            .directory(json!({"baseDN": scene.ou.dn(), "removalLimit": limit}))
            .await;
        scene.rule("sales-numbers", numbers("3000", "3099")).await;
        let groups = Groups::make(&scene, &people).await;
        let spec = json!({
            "users": {"organizationalUnits": [{"dn": staff.dn()}, {"dn": branch.dn()}], "groups": [{"dn": groups.phones}]},
            "exclude": [{"name": "quiet", "group": {"dn": groups.quiet}}],
            "extensions": [
                {"name": "sales", "ruleRef": {"name": "sales-numbers"}, "when": {"group": {"dn": groups.sales}}},
                {"name": "everybody", "ruleRef": {"name": "hq-numbers"}},
            ],
            "departments": [{"name": "sales", "group": {"dn": groups.sales}, "ringGroup": {"number": "600"}}],
            "removal": {"whenDisabled": "Delete", "whenOutOfScope": "Delete", "whenDeleted": "Delete", "limit": limit},
        });
        scene.scope("staff", spec.clone()).await;
        let before = Phones::of(&scene).await;
        assert_eq!((before.users.len(), before.extensions.len()), (10, 11));
        let members = scene.ring_group("Sales").await.spec.members;
        assert_eq!(members.unwrap(), ["3000", "3001", "3002", "3003"]);
        Self {
            scene,
            staff,
            branch,
            field,
            people,
            groups,
            spec,
            before,
        }
    }

    /// Nobody loses anything, over more reads than it takes to confirm an absence.
    async fn nothing_happens(&self, what: &str) -> SyncScope {
        let mut scope = self.sync_and_compare(what).await;
        for _ in 0..2 {
            tokio::time::sleep(CONFIRM_AFTER.mul_f32(1.1)).await;
            scope = self.sync_and_compare(what).await;
        }
        let status = status(&scope);
        let removed = status.history.iter().map(|record| record.disabled + record.deleted);
        assert_eq!(removed.sum::<i64>(), 0, "{what}: {:#?}", status.history);
        scope
    }

    async fn sync_and_compare(&self, what: &str) -> SyncScope {
        let scope = self.scene.sync("staff").await;
        let now = Phones::of(&self.scene).await;
        assert_eq!(self.before.service(), now.service(), "{what}: {:#?}", scope.status);
        scope
    }

    /// The same, and nothing waits for an approval: it is known that nobody has left.
    async fn nothing_is_due(&self, what: &str) {
        let scope = self.nothing_happens(what).await;
        assert_eq!(status(&scope).held, [], "{what}");
    }

    /// It was mended.
    async fn is_as_before(&self, what: &str) {
        self.scene.sync("staff").await;
        await_scope(&self.scene.namespace, "staff", "at rest", |_, status| {
            status.held.is_empty() && has(status, "Synced", "True")
        })
        .await;
        assert_eq!(self.before, Phones::of(&self.scene).await, "{what}");
    }

    /// Hides it from an account, and shows it again.
    async fn hide_for_a_while(&self, what: &str, account: &str, hidden: &[(Denied, &[&str])]) {
        for (denied, entries) in hidden {
            self.scene.ou.deny_to(account, *denied, entries).await;
        }
        self.nothing_is_due(what).await;
        for (denied, entries) in hidden {
            self.scene.ou.allow(account, *denied, entries).await;
        }
        self.is_as_before(what).await;
    }

    async fn apply_spec(&self, further: Value) {
        self.scene.apply_scope("staff", with(self.spec.clone(), further)).await;
    }

    /// The account that the operator binds with.
    async fn bind_as(&self, user_principal_name: &str, password: &str) {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "corp-bind"},
            "stringData": {"username": user_principal_name, "password": password}});
        self.scene.apply(secret).await;
    }

    /// The directory can't be read: the scope says so, and stays ready.
    async fn can_not_be_read(&self, what: &str) {
        await_scope(&self.scene.namespace, "staff", "failing", |_, status| {
            has(status, "Synced", "False")
        })
        .await;
        let scope = self.nothing_happens(what).await;
        assert!(
            has(status(&scope), "Synced", "False") && has(status(&scope), "Ready", "True"),
            "{what}: {:#?}",
            scope.status
        );
    }
}

impl Groups {
    async fn make(scene: &Scene, people: &[Person]) -> Self {
        let dns: Vec<&str> = people.iter().map(|person| &*person.dn).collect();
        let [ada, bob, cem, _, _, fay, _, _, ida, jim, kim] = dns[..] else {
            panic!("eleven people")
        };
        scene.ou.group("Everybody", &dns[..5]).await;
        let remote = scene.ou.group("Remote", &[ida, jim]).await;
        let inside = scene.ou.group("Inside", &[cem, ida]).await;
        Self {
            phones: scene.ou.group("Phones", &[&remote, kim]).await,
            sales: scene.ou.group("Sales", &[&inside, ada, bob]).await,
            quiet: scene.ou.group("Quiet", &[fay]).await,
            remote,
            inside,
        }
    }
}

fn in_office(name: &str) -> PersonSpec {
    PersonSpec::named(name).with("telephoneNumber", &format!("+1 555 {name}"))
}

fn status(scope: &SyncScope) -> &SyncScopeStatus {
    scope.status.as_ref().unwrap()
}

#[tokio::test]
async fn people_who_are_hidden_keep_what_they_have() {
    let company = Company::new(ALL_MAY_LEAVE).await;
    let [ada, bob] = [&*company.people[0].dn, &company.people[1].dn];
    let some: &[(Denied, &[&str])] = &[(Denied::Everything, &[ada, bob])];
    company
        .hide_for_a_while("two are hidden", Directory::BIND_DN, some)
        .await;
    let units: &[(Denied, &[&str])] = &[(Denied::Contents, &[company.branch.dn(), company.field.dn()])];
    company
        .hide_for_a_while("two units are hidden", Directory::BIND_DN, units)
        .await;
    company.scene.finish().await;
}

#[tokio::test]
async fn whoever_left_no_tombstone_is_hidden() {
    let company = Company::new(ALL_MAY_LEAVE).await;
    let booth = company.branch.unit("Booth").await;
    // Nothing but the missing tombstone tells of somebody who is in no group, and was alone where they were.
    let gus = company.scene.ou.move_below(&company.people[6].dn, booth.dn()).await;
    company.bind_as(Directory::ADMIN_UPN, Directory::ADMIN_PASSWORD).await;
    company.scene.sync("staff").await;
    let company = Company {
        before: Phones::of(&company.scene).await,
        ..company
    };
    assert!(gus.ends_with(booth.dn()));
    let hidden: &[(Denied, &[&str])] = &[(Denied::Contents, &[booth.dn()])];
    company
        .hide_for_a_while("one is hidden", Directory::ADMIN_DN, hidden)
        .await;
    company.scene.finish().await;
}

#[tokio::test]
async fn an_empty_answer_takes_nobody_away() {
    let company = Company::new(ALL_MAY_LEAVE).await;
    let units = [company.staff.dn(), company.branch.dn(), company.field.dn()];
    let all = [&units[..], &[company.scene.ou.dn()]].concat();
    for (what, hidden) in [
        ("nobody is to be seen", &units[..]),
        ("no unit and no group is to be seen, though people are", &all[3..]),
        ("nothing is to be seen", &all),
    ] {
        company
            .hide_for_a_while(what, Directory::BIND_DN, &[(Denied::Contents, hidden)])
            .await;
    }
    company.scene.finish().await;
}

#[tokio::test]
async fn groups_that_hide_their_members_keep_them() {
    let company = Company::new(ALL_MAY_LEAVE).await;
    let groups = &company.groups;
    let nested: &[(Denied, &[&str])] = &[(Denied::Members, &[&groups.remote, &groups.inside])];
    company
        .hide_for_a_while("groups in others", Directory::BIND_DN, nested)
        .await;
    let named: &[(Denied, &[&str])] = &[(Denied::Members, &[&groups.phones, &groups.sales])];
    company
        .hide_for_a_while("groups of the spec", Directory::BIND_DN, named)
        .await;
    company.scene.finish().await;
}

#[tokio::test]
async fn groups_and_units_that_are_renamed_are_the_same() {
    let company = Company::new(ALL_MAY_LEAVE).await;
    let (ou, groups) = (&company.scene.ou, &company.groups);
    let mut renamed = Vec::new();
    for dn in [
        &groups.quiet,
        &groups.sales,
        &groups.phones,
        &groups.inside,
        &groups.remote,
    ] {
        renamed.push((dn.as_str(), ou.rename(dn, "Now so").await));
        company.sync_and_compare(dn).await;
        let (_, last) = renamed.last_mut().unwrap();
        *last = ou.rename(last, &format!("Once {}", renamed_from(dn))).await;
    }
    for unit in [company.staff.dn(), company.branch.dn()] {
        renamed.push((unit, ou.rename(unit, &format!("Once {}", renamed_from(unit))).await));
    }
    company.nothing_is_due("groups and units have other names").await;
    for (dn, now) in renamed {
        ou.rename(&now, renamed_from(dn)).await;
    }
    company.is_as_before("they have their names again").await;
    company.scene.finish().await;
}

/// The first name in a DN.
fn renamed_from(dn: &str) -> &str {
    let (relative, _) = dn.split_once(',').unwrap();
    relative.split_once('=').unwrap().1
}

#[tokio::test]
async fn a_filter_that_loses_most_people_is_held_until_it_is_mended() {
    let company = Company::new(THREE_MAY_LEAVE).await;
    let users = company.spec["users"].clone();
    let only_ada = format!("(sAMAccountName={})", company.people[0].login);
    for filter in ["(sAMAccountName=nobody)", &only_ada] {
        company
            .apply_spec(json!({"users": with(users.clone(), json!({"filter": filter}))}))
            .await;
        await_scope(&company.scene.namespace, "staff", "holding", |scope, status| {
            let is_new = status.observed_generation == scope.metadata.generation;
            is_new && status.held.iter().any(|held| held.kind == HeldType::Removals)
        })
        .await;
        company.nothing_happens(filter).await;
        company.apply_spec(json!({})).await;
        company.is_as_before(filter).await;
    }
    company.scene.finish().await;
}

#[tokio::test]
async fn a_base_that_is_gone_changes_nothing() {
    let company = Company::new(ALL_MAY_LEAVE).await;
    let nowhere = format!("OU=Nowhere,{}", company.scene.ou.dn());
    company.scene.directory(json!({"baseDN": nowhere})).await;
    company.can_not_be_read("the base is gone").await;
    company.scene.directory(json!({"baseDN": company.scene.ou.dn()})).await;
    company.is_as_before("the base is back").await;
    company.scene.finish().await;
}

#[tokio::test]
async fn a_password_that_was_changed_changes_nothing_else() {
    let company = Company::new(ALL_MAY_LEAVE).await;
    let accounts = company.scene.ou.unit("Accounts").await;
    let account = PersonSpec::named("Svc Danger").with_password("Passw0rd.0ld");
    let account = accounts.person(account).await;
    company.bind_as(&account.user_principal_name, "Passw0rd.0ld").await;
    company.is_as_before("with an account of its own").await;

    company.bind_as(&account.user_principal_name, "Passw0rd.N3w").await;
    company.can_not_be_read("the password is another one").await;
    let tried = company.scene.ou.entry(&account.dn, &["badPwdCount"]).await;
    assert_eq!(tried.value("badPwdCount"), Some("1"), "it is tried once");
    company.bind_as(&account.user_principal_name, "Passw0rd.0ld").await;
    company.is_as_before("the password is right again").await;
    company.scene.finish().await;
}

#[tokio::test]
async fn telephone_numbers_that_go_blank_for_many_stay() {
    let company = Company::new(THREE_MAY_LEAVE).await;
    for person in &company.people[..4] {
        company.scene.ou.set(&person.dn, "telephoneNumber", &[]).await;
    }
    let scope = company.nothing_happens("four have no telephone number").await;
    let kinds: Vec<_> = status(&scope).held.iter().map(|held| held.kind).collect();
    assert_eq!(kinds, [HeldType::Blanks]);
    assert_eq!(company.before, Phones::of(&company.scene).await);
    for (person, name) in company.people.iter().zip(["Ada", "Bob", "Cem", "Dan"]) {
        let number = format!("+1 555 {name}");
        company.scene.ou.set(&person.dn, "telephoneNumber", &[&number]).await;
    }
    company.is_as_before("they have their numbers again").await;
    company.scene.finish().await;
}

#[tokio::test]
async fn whoever_comes_back_has_everything_that_they_had() {
    let company = Company::new(THREE_MAY_LEAVE).await;
    company.apply_spec(json!({"removal": {}})).await;
    let [ada, bob, dan] = [&company.people[0], &company.people[1], &company.people[3]];
    let ou = &company.scene.ou;
    ou.disable(&ada.dn).await;
    // A moment of the year 2000.
    ou.set(&bob.dn, "accountExpires", &["125911584000000000"]).await;
    let moved = ou.move_below(&dan.dn, ou.dn()).await;
    // The sync for the spec may still run, on what was read before: it is no answer to this request.
    let scope = company.scene.sync("staff").await;
    for person in [ada, bob, dan] {
        let enabled = company.scene.user(&person.login).await.spec.enabled;
        assert_eq!(enabled, Some(false), "{}: {:#?}", person.login, scope.status);
    }
    assert_eq!(
        company.scene.ring_group("Sales").await.spec.members.unwrap(),
        ["3002", "3003"],
        "whoever has left rings no longer"
    );
    assert_eq!(Phones::of(&company.scene).await.extensions, company.before.extensions);

    ou.enable(&ada.dn).await;
    ou.set(&bob.dn, "accountExpires", &["0"]).await;
    ou.move_below(&moved, company.staff.dn()).await;
    company.is_as_before("they are back").await;
    company.scene.finish().await;
}

#[tokio::test]
async fn a_forest_migration_waits_until_somebody_says_who_is_who() {
    let company = Company::new(THREE_MAY_LEAVE).await;
    let mut text = String::new();
    for person in &company.people {
        writeln!(text, "dn: {}\nchangetype: delete\n", person.dn).unwrap();
    }
    company.scene.ou.ldif(&text).await;
    for (unit, people) in [
        (&company.staff, &company.people[..6]),
        (&company.branch, &company.people[6..8]),
        (&company.field, &company.people[8..]),
    ] {
        let again = people.iter().map(|person| {
            let name = renamed_from(&person.dn);
            in_office(name).with_login(&person.login).with("mail", &person.mail)
        });
        unit.people(again).await;
    }
    let (groups, people) = (&company.groups, &company.people);
    for (group, member) in [
        (&groups.sales, 0),
        (&groups.sales, 1),
        (&groups.inside, 2),
        (&groups.quiet, 5),
        (&groups.remote, 8),
        (&groups.inside, 8),
        (&groups.remote, 9),
        (&groups.phones, 10),
    ] {
        company.scene.ou.add_member(group, &people[member].dn).await;
    }
    let scope = company.nothing_happens("all accounts are new").await;
    assert!(has(status(&scope), "RemovalsHeld", "True"), "{:#?}", scope.status);
    let reused = problems(&scope)
        .into_iter()
        .filter(|(_, reason)| *reason == ProblemReason::IdentityReused);
    assert_eq!(reused.count(), 10);

    // To get a phone by another account is weighed like a removal.
    company.apply_spec(json!({"match": {"relinkBy": "WindowsLogin"}})).await;
    let scope = company.nothing_happens("it is known who is who").await;
    let [held] = &*status(&scope).held else {
        panic!("not one batch: {:#?}", scope.status)
    };
    company.scene.approve("staff", &held.digest).await;
    eventually("everybody is known again", async || {
        let scope = company.sync_and_compare("relinked").await;
        (status(&scope).held.is_empty() && problems(&scope).is_empty()).then_some(())
    })
    .await;
    company.scene.finish().await;
}
