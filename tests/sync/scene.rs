//! The stage of one test: a namespace, an OU of its own and an operator, and hands that do with them what people do. What must
//! hold at the end of every test is in `sound.rs`.

use std::{collections::BTreeMap, time::Duration};

use adsync::{
    api::{
        Extension, PhoneUser, RingGroup, SyncScope, annotations,
        sync_scope::{Problem, ProblemReason},
    },
    directory::Guid,
};
use kube::{
    Api, Resource, ResourceExt,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams},
    core::NamespaceResourceScope,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::{
    env::{self, Directory, Flags, Gate, Namespace, Operator, TestOu},
    scenario::{self, await_synced, eventually},
};

/// How long somebody who gives no answer must be missing before they are gone.
pub const CONFIRM_AFTER: Duration = Duration::from_secs(1);
/// How long a scope that is deleted waits for a read.
pub const WAIT_FOR_END: Duration = Duration::from_secs(10);
/// How long it waits for another one that selects the same people.
pub const WAIT_FOR_RENAME: Duration = Duration::from_secs(1);

/// A directory `corp`, a phone system `hq` and a rule `hq-numbers` of 2000 to 2999. The operator starts with the first scope:
/// what was made before is known to it from the start.
pub struct Scene {
    pub namespace: Namespace<'static>,
    pub ou: TestOu<'static>,
    /// What its operators are told.
    pub flags: Flags,
    operator: OnceCell<Operator>,
}

impl Scene {
    /// With a directory that reads the test's own OU, and nothing else.
    pub async fn new(name: &str) -> Self {
        let ou = env::directory().await.ou(name).await;
        let base_dn = ou.dn().to_owned();
        Self::make(name, ou, &base_dn).await
    }

    /// With a directory that reads everything below an entry of the company.
    pub async fn reading(name: &str, base_dn: &str) -> Self {
        let ou = env::directory().await.ou(name).await;
        Self::make(name, ou, base_dn).await
    }

    /// Whose operator meets the API server at a gate.
    pub async fn behind_gate(name: &str) -> (Self, Gate) {
        let mut scene = Self::new(name).await;
        let kube = env::kube().await;
        let (operator, gate) = Operator::start_behind_gate(kube, &[&scene.namespace], scene.flags).await;
        scene.operator = OnceCell::new_with(Some(operator));
        (scene, gate)
    }

    async fn make(name: &str, ou: TestOu<'static>, base_dn: &str) -> Self {
        let scene = Self {
            namespace: env::kube().await.namespace(name).await,
            ou,
            flags: Flags {
                confirm_absence_after: Some(CONFIRM_AFTER),
                wait_for_end: Some(WAIT_FOR_END),
                wait_for_rename: Some(WAIT_FOR_RENAME),
                ..Flags::default()
            },
            operator: OnceCell::new(),
        };
        scene.directory(json!({"baseDN": base_dn})).await;
        scene.system(json!({})).await;
        scene.rule("hq-numbers", numbers("2000", "2999")).await;
        scene
    }

    /// The operator, with its own rights.
    pub async fn operator(&self) -> &Operator {
        let start = async || Operator::start_with(env::kube().await, &[&self.namespace], self.flags).await;
        self.operator.get_or_init(start).await
    }

    /// Kills the operator, and starts another one with the same rights.
    pub async fn restart(&mut self) {
        drop(self.operator.take());
        self.operator().await;
    }

    /// Applies an object as `kubectl apply --server-side` does.
    pub async fn apply(&self, object: Value) {
        self.apply_as("kubectl", object).await.unwrap();
    }

    /// Applies an object as somebody's tool does: without force.
    pub async fn apply_as(&self, manager: &str, object: Value) -> kube::Result<DynamicObject> {
        let (api, object) = self.dynamic(object);
        api.patch(&object.name_any(), &PatchParams::apply(manager), &Patch::Apply(&object))
            .await
    }

    /// Creates an object as `kubectl create` does.
    pub async fn create(&self, object: Value) {
        let (api, object) = self.dynamic(object);
        let parameters = PostParams {
            field_manager: Some("kubectl-create".to_owned()),
            ..PostParams::default()
        };
        api.create(&parameters, &object).await.unwrap();
    }

    fn dynamic(&self, object: Value) -> (Api<DynamicObject>, DynamicObject) {
        let object: DynamicObject = serde_json::from_value(object).expect("an object has a kind and a name");
        let types = object.types.clone().expect("an object has a kind");
        let kind = GroupVersionKind::try_from(&types).expect("a version is known");
        let resource = ApiResource::from_gvk(&kind);
        let api = Api::namespaced_with(self.namespace.client(), self.namespace.name(), &resource);
        (api, object)
    }

    /// The ActiveDirectoryConfig `corp`, with further fields.
    pub async fn directory(&self, further: Value) {
        let directory = env::directory().await;
        self.apply(
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "corp-bind"},
            "stringData": {"username": Directory::BIND_UPN, "password": Directory::BIND_PASSWORD}}),
        )
        .await;
        self.apply(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "corp-ca"}, "data": {"ca.crt": directory.ca_pem()}}),
        )
        .await;
        let spec = json!({
            "domain": Directory::DOMAIN,
            "servers": [{"host": Directory::HOST, "port": directory.ldaps_port()}],
            "tls": {"caRef": {"configMap": {"name": "corp-ca"}}},
            "credentials": {"secretRef": {"name": "corp-bind"}},
        });
        self.configure("ActiveDirectoryConfig", "corp", with(spec, further))
            .await;
    }

    /// The PhoneSystem `hq`, with this number plan.
    pub async fn system(&self, number_plan: Value) {
        self.apply(
            json!({"apiVersion": "telephony.adsync.dev/v1alpha1", "kind": "PhoneSystem", "metadata": {"name": "hq"},
            "spec": {"numberPlan": number_plan}}),
        )
        .await;
    }

    /// An ExtensionRule of `hq`.
    pub async fn rule(&self, name: &str, spec: Value) {
        let spec = with(json!({"phoneSystemRef": {"name": "hq"}}), spec);
        self.configure("ExtensionRule", name, spec).await;
    }

    /// Applies a SyncScope from `corp` to `hq`, and waits until it is synced.
    pub async fn scope(&self, name: &str, spec: Value) -> SyncScope {
        self.apply_scope(name, spec).await;
        await_synced(&self.namespace, name).await
    }

    /// Applies a SyncScope, and does not wait.
    pub async fn apply_scope(&self, name: &str, spec: Value) {
        self.operator().await;
        let spec = with(
            json!({"directoryRef": {"name": "corp"}, "phoneSystemRef": {"name": "hq"}}),
            spec,
        );
        self.configure("SyncScope", name, spec).await;
    }

    async fn configure(&self, kind: &str, name: &str, spec: Value) {
        self.apply(
            json!({"apiVersion": "adsync.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}),
        )
        .await;
    }

    /// Asks for a sync, and waits for it.
    pub async fn sync(&self, scope: &str) -> SyncScope {
        scenario::sync_now(&self.namespace, scope).await
    }

    /// Writes an annotation, as `kubectl annotate` does.
    pub async fn annotate<K>(&self, name: &str, annotation: &str, value: &str)
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned,
    {
        let patch = Patch::Merge(json!({"metadata": {"annotations": {annotation: value}}}));
        let api = self.namespace.api::<K>();
        api.patch(name, &PatchParams::default(), &patch).await.unwrap();
    }

    /// Approves what a scope holds back.
    pub async fn approve(&self, scope: &str, digest: &str) {
        self.annotate::<SyncScope>(scope, annotations::APPROVE, digest).await;
    }

    /// The objectGUID of an entry of the directory.
    pub async fn guid_of(&self, dn: &str) -> Guid {
        let entry = self.ou.entry(dn, &["objectGUID"]).await;
        Guid::from_ldap_bytes(&entry.bytes("objectGUID")[0]).unwrap()
    }

    /// A PhoneUser that people make.
    pub async fn make_user(&self, name: &str, spec: Value) {
        self.create(phone_user(name, spec)).await;
    }

    /// Changes fields of a PhoneUser as `kubectl edit` does.
    pub async fn edit_user(&self, name: &str, spec: Value) {
        self.edit_user_as("kubectl-edit", name, spec).await;
    }

    /// Changes fields of a PhoneUser by an update of somebody's.
    pub async fn edit_user_as(&self, manager: &str, name: &str, spec: Value) {
        let parameters = PatchParams {
            field_manager: Some(manager.to_owned()),
            ..PatchParams::default()
        };
        let patch = Patch::Merge(json!({"spec": spec}));
        let api = self.namespace.api::<PhoneUser>();
        api.patch(name, &parameters, &patch).await.unwrap();
    }

    /// All PhoneUsers, by login; who has none by name.
    pub async fn users(&self) -> BTreeMap<String, PhoneUser> {
        let users = scenario::phone_users(&self.namespace).await;
        let count = users.len();
        let by_login: BTreeMap<_, _> = users
            .into_iter()
            .map(|user| (user.spec.login.clone().unwrap_or_else(|| user.name_any()), user))
            .collect();
        assert_eq!(
            by_login.len(),
            count,
            "two PhoneUsers have one login: {:?}",
            by_login.keys()
        );
        by_login
    }

    /// The logins of all PhoneUsers, sorted.
    pub async fn logins(&self) -> Vec<String> {
        self.users().await.into_keys().collect()
    }

    /// The PhoneUser with this login.
    pub async fn user(&self, login: &str) -> PhoneUser {
        let mut users = self.users().await;
        let logins: Vec<_> = users.keys().cloned().collect();
        users
            .remove(login)
            .unwrap_or_else(|| panic!("{login} has no PhoneUser, but {logins:?}"))
    }

    /// The number of the PhoneUser with this login.
    pub async fn number(&self, login: &str) -> Option<String> {
        self.user(login).await.spec.extension
    }

    /// Everybody's number, by login; who has none is not in it.
    pub async fn numbers(&self) -> BTreeMap<String, String> {
        let users = self.users().await.into_iter();
        users
            .filter_map(|(login, user)| Some((login, user.spec.extension?)))
            .collect()
    }

    /// Waits until the PhoneUser of this name is so.
    pub async fn user_when(&self, name: &str, what: &str, is_so: impl Fn(&PhoneUser) -> bool) -> PhoneUser {
        let api = self.namespace.api::<PhoneUser>();
        eventually(&format!("{name}: {what}"), async || {
            api.get(name).await.ok().filter(|user| is_so(user))
        })
        .await
    }

    /// An Extension of `hq`, by number.
    pub async fn extension(&self, number: &str) -> Option<Extension> {
        let api = self.namespace.api::<Extension>();
        api.get_opt(&format!("hq-{number}")).await.unwrap()
    }

    /// All RingGroups, by display name.
    pub async fn ring_groups(&self) -> BTreeMap<String, RingGroup> {
        let api = self.namespace.api::<RingGroup>();
        let all = api.list(&ListParams::default()).await.unwrap().items;
        all.into_iter()
            .map(|group| (group.spec.display_name.clone().unwrap_or_default(), group))
            .collect()
    }

    /// The RingGroup that phones call so.
    pub async fn ring_group(&self, display_name: &str) -> RingGroup {
        let mut groups = self.ring_groups().await;
        let names: Vec<_> = groups.keys().cloned().collect();
        groups
            .remove(display_name)
            .unwrap_or_else(|| panic!("there is no ring group {display_name}, but {names:?}"))
    }
}

/// A PhoneUser of `hq`.
pub fn phone_user(name: &str, spec: Value) -> Value {
    let spec = with(json!({"phoneSystemRef": {"name": "hq"}}), spec);
    json!({"apiVersion": "telephony.adsync.dev/v1alpha1", "kind": "PhoneUser", "metadata": {"name": name}, "spec": spec})
}

/// An Extension of `hq`.
pub fn extension(number: &str, spec: Value) -> Value {
    let spec = with(json!({"phoneSystemRef": {"name": "hq"}, "number": number}), spec);
    json!({"apiVersion": "telephony.adsync.dev/v1alpha1", "kind": "Extension", "metadata": {"name": format!("hq-{number}")},
        "spec": spec})
}

/// A rule's spec: the lowest free number of one range.
pub fn numbers(from: &str, to: &str) -> Value {
    json!({"source": "Sequential", "ranges": [{"from": from, "to": to}]})
}

/// `extensions` of a scope: everybody by one rule.
pub fn numbered_by(rule: &str) -> Value {
    json!([{"name": "everybody", "ruleRef": {"name": rule}}])
}

/// Everybody that the directory reads, numbered by `hq-numbers`.
pub fn everyone() -> Value {
    json!({"users": {"everyone": {}}, "extensions": numbered_by("hq-numbers")})
}

/// The same object with further fields; they win.
pub fn with(object: Value, further: Value) -> Value {
    match (object, further) {
        (Value::Object(mut object), Value::Object(further)) => {
            object.extend(further);
            Value::Object(object)
        }
        (object, further) => panic!("no objects: {object} and {further}"),
    }
}

/// Who has a problem of which kind: (login, reason), sorted.
pub fn problems(scope: &SyncScope) -> Vec<(&str, ProblemReason)> {
    let all = &scope.status.as_ref().expect("a scope has a status").problems;
    let mut found: Vec<_> = all
        .iter()
        .map(|problem| (problem.login.as_str(), problem.reason))
        .collect();
    found.sort_unstable();
    found
}

/// Somebody's only problem.
pub fn problem_of<'a>(scope: &'a SyncScope, login: &str) -> &'a Problem {
    let all = &scope.status.as_ref().expect("a scope has a status").problems;
    let theirs: Vec<_> = all.iter().filter(|problem| problem.login == login).collect();
    let [problem] = theirs[..] else {
        panic!("{login} has not one problem: {all:#?}")
    };
    problem
}

/// The counts of the last sync: found, excluded, inactive, inScope, matched, unmatched.
pub fn counts(scope: &SyncScope) -> [i64; 6] {
    let users = scope.status.as_ref().and_then(|status| status.users);
    let users = users.expect("a scope that was synced has counts");
    [
        users.found,
        users.excluded,
        users.inactive,
        users.in_scope,
        users.matched,
        users.unmatched,
    ]
}

/// Of the last sync: disabled, outOfScope, gone.
pub fn left(scope: &SyncScope) -> [i64; 3] {
    let users = scope.status.as_ref().and_then(|status| status.users);
    let users = users.expect("a scope that was synced has counts");
    [users.disabled, users.out_of_scope, users.gone]
}
