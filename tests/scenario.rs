//! What tests of whole syncs share: the YAML of a company, and waiting for what the operator says and writes.

use std::{cell::RefCell, fmt::Debug, time::Duration};

use adsync::api::{
    ActiveDirectoryConfig, ExtensionRule, PhoneSystem, PhoneUser, SyncScope, SyncScopeStatus, annotations,
};
use kube::{
    Resource, ResourceExt,
    api::{ListParams, Patch, PatchParams},
    core::NamespaceResourceScope,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::env::{AuditEvent, Directory, Kube, Namespace, PersonSpec, kstatus::unsound, operator::Operator};

/// Nothing that a test waits for takes longer, on a busy machine either.
const PATIENCE: Duration = Duration::from_mins(1);

/// An ActiveDirectoryConfig `corp` with its Secret and certificate authority, and a PhoneSystem `hq`.
pub async fn apply_company(namespace: &Namespace<'_>, directory: &Directory) {
    let ca = directory.ca_pem().replace('\n', "\n    ");
    let port = directory.ldaps_port();
    let (host, domain, user, password) = (
        Directory::HOST,
        Directory::DOMAIN,
        Directory::BIND_UPN,
        Directory::BIND_PASSWORD,
    );
    namespace
        .apply(&format!(
            "apiVersion: v1
kind: Secret
metadata: {{name: corp-bind}}
stringData: {{username: {user}, password: {password}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: corp-ca}}
data:
  ca.crt: |
    {ca}
---
apiVersion: adsync.dev/v1alpha1
kind: ActiveDirectoryConfig
metadata: {{name: corp}}
spec:
  domain: {domain}
  servers: [{{host: {host}, port: {port}}}]
  tls: {{caRef: {{configMap: {{name: corp-ca}}}}}}
  credentials: {{type: Secret, secretRef: {{name: corp-bind}}}}
---
apiVersion: telephony.adsync.dev/v1alpha1
kind: PhoneSystem
metadata: {{name: hq}}
spec: {{numberPlan: {{}}}}
"
        ))
        .await;
}

/// From now on the directory is read with an account whose password ends one day. That of the company never does.
pub async fn use_expiring_account(namespace: &Namespace<'_>, directory: &Directory) {
    const PASSWORD: &str = "Passw0rd.Ends";
    let accounts = directory.ou("expiring").await;
    let account = PersonSpec::named("Svc Expiring").with_password(PASSWORD);
    let username = accounts.person(account).await.user_principal_name;
    let account = json!({"stringData": {"username": username, "password": PASSWORD}}).to_string();
    namespace
        .kubectl(&["patch", "secret", "corp-bind", "--patch", &account])
        .await;
}

/// An ExtensionRule of `hq` that numbers from one to the other.
pub async fn apply_rule(namespace: &Namespace<'_>, name: &str, from: &str, to: &str) {
    namespace
        .apply(&format!(
            "apiVersion: adsync.dev/v1alpha1
kind: ExtensionRule
metadata: {{name: {name}}}
spec: {{phoneSystemRef: {{name: hq}}, source: Sequential, ranges: [{{from: '{from}', to: '{to}'}}]}}
"
        ))
        .await;
}

/// A SyncScope of the people below an OU; `further` are further lines of its spec.
pub async fn apply_scope(namespace: &Namespace<'_>, name: &str, ou: &str, further: &str) {
    let further = further.replace('\n', "\n  ");
    namespace
        .apply(&format!(
            "apiVersion: adsync.dev/v1alpha1
kind: SyncScope
metadata: {{name: {name}}}
spec:
  directoryRef: {{name: corp}}
  phoneSystemRef: {{name: hq}}
  users: {{organizationalUnits: [{{dn: \"{ou}\"}}]}}
  {further}
"
        ))
        .await;
}

/// Numbers everybody by the rule `hq-numbers`.
pub const NUMBERED: &str = "extensions: [{name: everybody, ruleRef: {name: hq-numbers}}]";

/// Waits until the scope is so.
pub async fn await_scope(
    namespace: &Namespace<'_>,
    name: &str,
    what: &str,
    is_so: impl Fn(&SyncScope, &SyncScopeStatus) -> bool,
) -> SyncScope {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let scope = namespace.api::<SyncScope>().get(name).await.unwrap();
        if is_so(&scope, scope.status.as_ref().unwrap()) {
            return scope;
        }
        assert!(Instant::now() < deadline, "{name} is not {what}: {:#?}", scope.status);
        sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until the scope is Ready and Synced in its present generation.
pub async fn await_synced(namespace: &Namespace<'_>, name: &str) -> SyncScope {
    await_scope(namespace, name, "synced", |scope, status| {
        status.observed_generation == scope.metadata.generation
            && status.users.is_some()
            && has(status, "Ready", "True")
            && has(status, "Synced", "True")
            && is_of(status, "Synced", scope.metadata.generation)
            && !has(status, "Reconciling", "True")
    })
    .await
}

fn is_of(status: &SyncScopeStatus, kind: &str, generation: Option<i64>) -> bool {
    let mut conditions = status.conditions.iter();
    conditions.any(|condition| condition.type_ == kind && condition.observed_generation == generation)
}

/// Asks for a sync, and waits until it was made.
pub async fn sync_now(namespace: &Namespace<'_>, name: &str) -> SyncScope {
    static COUNTER: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let request = format!("request-{}", COUNTER.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    let patch = json!({"metadata": {"annotations": {annotations::REQUESTED_AT: request}}});
    let api = namespace.api::<SyncScope>();
    api.patch(name, &PatchParams::default(), &Patch::Merge(&patch))
        .await
        .unwrap();
    await_scope(namespace, name, "synced on request", |_, status| {
        status.last_handled_reconcile_at.as_ref() == Some(&request)
    })
    .await
}

/// Waits until something holds.
pub async fn eventually<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    eventually_within(PATIENCE, what, look).await
}

/// The same for what takes longer than most.
pub async fn eventually_within<T>(patience: Duration, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not happen");
        sleep(Duration::from_millis(100)).await;
    }
}

/// Whether a condition has this status.
pub fn has(status: &SyncScopeStatus, kind: &str, wanted: &str) -> bool {
    status
        .conditions
        .iter()
        .any(|condition| condition.type_ == kind && condition.status == wanted)
}

/// The message of a condition.
pub fn message(scope: &SyncScope, kind: &str) -> String {
    let conditions = &scope.status.as_ref().unwrap().conditions;
    let condition = conditions.iter().find(|condition| condition.type_ == kind);
    condition.map(|condition| condition.message.clone()).unwrap_or_default()
}

/// All PhoneUsers, by login.
pub async fn phone_users(namespace: &Namespace<'_>) -> Vec<PhoneUser> {
    let mut users = namespace
        .api::<PhoneUser>()
        .list(&ListParams::default())
        .await
        .unwrap()
        .items;
    users.sort_by_key(|user| (user.spec.login.clone(), user.name_any()));
    users
}

/// What the operator wrote since a position of the audit log.
pub fn written(namespace: &Namespace<'_>, position: u64, operator: &Operator) -> Vec<AuditEvent> {
    let mut writes = namespace.writes(position);
    writes.retain(|event| event.user.username == operator.user());
    writes
}

/// Waits until the operator has written nothing for two seconds: totals of a phone system follow its objects a moment later.
/// Gives the position of the audit log then.
pub async fn settled(kube: &Kube, namespace: &Namespace<'_>, operator: &Operator) -> u64 {
    loop {
        let position = kube.audit_position();
        sleep(Duration::from_secs(2)).await;
        if written(namespace, position, operator).is_empty() {
            return position;
        }
    }
}

/// Waits until every configuration object says what kstatus, Helm and Argo CD need, in its present generation.
pub async fn await_rest(namespace: &Namespace<'_>) {
    let latest = RefCell::new(Vec::new());
    let at_rest = async {
        loop {
            let mut complaints = complaints_of::<ActiveDirectoryConfig>(namespace).await;
            complaints.extend(complaints_of::<ExtensionRule>(namespace).await);
            complaints.extend(complaints_of::<PhoneSystem>(namespace).await);
            complaints.extend(complaints_of::<SyncScope>(namespace).await);
            if complaints.is_empty() {
                return;
            }
            latest.replace(complaints);
            sleep(Duration::from_millis(100)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, at_rest).await.is_ok();
    assert!(in_time, "unsound: {:#?}", latest.borrow());
}

async fn complaints_of<K>(namespace: &Namespace<'_>) -> Vec<String>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned + Serialize,
{
    let all = namespace.api::<K>().list(&ListParams::default()).await.unwrap();
    let mut complaints = Vec::new();
    for object in all.items {
        let object = serde_json::to_value(&object).unwrap();
        let name = format!("{} {}", K::kind(&()), object["metadata"]["name"]);
        complaints.extend(unsound(&object).into_iter().map(|what| format!("{name}: {what}")));
    }
    complaints
}
