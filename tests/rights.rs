//! Least privilege: operators under the chart's own rights, in a scenario that needs all of them. What was granted and is not in the audit
//! log is one right too many. (That nothing is refused is looked at in every test.)
//!
//! Two releases share a cluster: one serves all of it, with a leader; the other is an agent, bound in its namespace alone. So both
//! ways of binding are proven; `chart::rights` shows that the other values (`rbac.secretNamespaces`) grant the same elsewhere.

use std::{collections::BTreeSet, time::Duration};

use adsync::api::{PhoneUser, RingGroup, SyncScope, sync_scope::DeletionPolicy};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api, Resource,
    api::{DeleteParams, ListParams, Patch, PatchParams},
    core::NamespaceResourceScope,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    env::{
        self, AuditEvent, Binary, Directory, Kube, Namespace, Person, PersonSpec, TestOu, helm,
        operator::{self, Identity},
        rights::{self, Right},
    },
    scenario::{await_scope, await_synced, eventually, eventually_within, has, message, phone_users},
};

/// Longer than the half minute for which a deleted scope waits.
const PATIENCE: Duration = Duration::from_mins(3);
/// Where both releases are.
const HOME: &str = "--leader-election-namespace=adsync";

/// A release of the chart in the namespace `adsync`, of which only the rights are there: who uses them runs outside.
struct Release<'a> {
    kube: &'a Kube,
    objects: Vec<Value>,
    operator: Identity,
}

impl<'a> Release<'a> {
    async fn install(kube: &'a Kube, home: &Namespace<'_>, name: &str, values: &str) -> Self {
        let values = format!("--set={values}");
        let only = "--show-only=templates/rbac.yaml";
        let rendered = helm::helm(
            None,
            &["template", name, helm::CHART, "--namespace=adsync", only, &values],
        )
        .await;
        kube.kubectl_with_input(&["apply", "--server-side", "--filename=-"], &rendered)
            .await;
        let objects = helm::objects(&rendered);
        let account = objects.iter().find(|object| object["kind"] == "ServiceAccount");
        let account = account.unwrap()["metadata"]["name"].as_str().unwrap();
        let operator = Identity::of(home, account).await;
        for right in rights::granted(&objects) {
            right.is_given(&home.client(), operator.user()).await;
        }
        Self {
            kube,
            objects,
            operator,
        }
    }

    async fn start(&self, namespace: &Namespace<'_>, arguments: &[&str]) -> Binary {
        Binary::start_as(&self.operator, self.kube, &[namespace], &[&[HOME], arguments].concat()).await
    }

    /// What its operators asked for since the beginning.
    fn requests(&self) -> Vec<AuditEvent> {
        let mut events = self.kube.audit_events(0);
        events.retain(|event| event.user.username == self.operator.user());
        events
    }

    fn used(&self) -> BTreeSet<Right> {
        rights::used(&self.requests())
    }

    async fn await_use(&self, verb: &str, resource: &str) {
        eventually(&format!("{verb} {resource}"), async || {
            let used = self.used();
            let mut used = used.iter();
            used.any(|right| right.verb == verb && right.resource == resource)
                .then_some(())
        })
        .await;
    }

    fn assert_that_all_is_used_and_nothing_else(&self) {
        let (granted, requests) = (rights::granted(&self.objects), self.requests());
        let used = rights::used(&requests);
        let list = |rights: Vec<&Right>| rights.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            list(rights::unused(&granted, &used)),
            [""; 0],
            "granted, and never used"
        );
        assert_eq!(
            list(rights::ungranted(&granted, &used)),
            [""; 0],
            "used, and not granted"
        );
        assert!(granted.len() > 40 && used.len() > 40, "{granted:#?} {used:#?}");

        // Wherever the names of Secrets are known, the rights can be narrowed to them.
        for right in used.iter().filter(|right| right.group.is_empty()) {
            let named = right.name.as_deref();
            assert!(matches!(named, Some("corp-bind" | "corp-ca")), "{right}");
        }
        // What everybody may ask for.
        let paths = requests.iter().filter(|event| event.object.resource.is_empty());
        for path in paths.map(|event| event.uri.as_str()) {
            assert!(matches!(path, "/version" | "/apis/adsync.dev/v1alpha1"), "{path}");
        }
    }
}

/// A company in a namespace, served by the operators of a release; `agent` is the name of those.
struct Company<'a> {
    release: &'a Release<'a>,
    namespace: &'a Namespace<'a>,
    ou: &'a TestOu<'a>,
    people: &'a [Person],
    agent: Option<&'a str>,
}

impl Company<'_> {
    async fn apply(&self, api_version: &str, kind: &str, name: &str, spec: Value) {
        let object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec});
        self.namespace.apply(&object.to_string()).await;
    }

    /// The spec with who serves it.
    fn served(&self, mut spec: Value) -> Value {
        if let Some(agent) = self.agent {
            spec["agent"] = json!(agent);
        }
        spec
    }

    async fn scope(&self, name: &str, further: Value) {
        let mut spec =
            json!({"directoryRef": {"name": "corp"}, "phoneSystemRef": {"name": "hq"}, "users": {"everyone": {}}});
        spec.as_object_mut()
            .unwrap()
            .extend(further.as_object().unwrap().clone());
        self.apply("adsync.dev/v1alpha1", "SyncScope", name, spec).await;
    }

    /// What everything refers to, but for the directory. (By the phone system it is known whose the scopes are.)
    async fn system(&self) {
        let spec = self.served(json!({"numberPlan": {}}));
        self.apply("telephony.adsync.dev/v1alpha1", "PhoneSystem", "hq", spec)
            .await;
        self.namespace
            .kubectl(&["wait", "--for=condition=Ready", "--timeout=1m", "phonesystem/hq"])
            .await;
    }

    async fn directory(&self) {
        let directory = env::directory().await;
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "corp-bind"},
            "stringData": {"username": Directory::BIND_UPN, "password": Directory::BIND_PASSWORD}});
        let authority = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "corp-ca"},
            "data": {"ca.crt": directory.ca_pem()}});
        for object in [secret, authority] {
            self.namespace.apply(&object.to_string()).await;
        }
        let spec = json!({
            "domain": Directory::DOMAIN,
            "baseDN": self.ou.dn(),
            "servers": [{"host": Directory::HOST, "port": directory.ldaps_port()}],
            "tls": {"caRef": {"configMap": {"name": "corp-ca"}}},
            "credentials": {"type": "Secret", "secretRef": {"name": "corp-bind"}},
            "removalLimit": {"percent": 100, "count": 1000},
        });
        self.apply(
            "adsync.dev/v1alpha1",
            "ActiveDirectoryConfig",
            "corp",
            self.served(spec),
        )
        .await;
    }

    async fn rule(&self) {
        let spec = json!({"phoneSystemRef": {"name": "hq"}, "source": "Sequential", "ranges": [{"from": "2000", "to": "2009"}]});
        self.apply("adsync.dev/v1alpha1", "ExtensionRule", "hq-numbers", spec)
            .await;
    }

    /// What a scope refers to comes last: that it is missing is believed only when the API server says so.
    async fn begin_with_the_scope(&self) {
        self.system().await;
        let by_day = self.ou.group("Support", &[&self.people[0].dn]).await;
        let by_night = self.ou.group("Night", &[&self.people[0].dn]).await;
        let ring_group = |name: &str, group: &str, number: &str| json!({"name": name, "group": {"dn": group}, "ringGroup": {"number": number}});
        let further = json!({
            "extensions": [{"name": "everybody", "ruleRef": {"name": "hq-numbers"}}],
            "departments": [ring_group("support", &by_day, "600"), ring_group("night", &by_night, "601")],
            "removal": {"limit": {"percent": 100, "count": 1000}},
        });
        self.scope("staff", further).await;
        await_scope(self.namespace, "staff", "in want of a directory", |scope, _| {
            message(scope, "Ready").contains("ActiveDirectoryConfig corp")
                && message(scope, "Ready").contains("ExtensionRule")
        })
        .await;
    }

    /// And one that refers to a phone system that never comes.
    async fn refer_to_nothing(&self) {
        self.scope("nowhere", json!({"phoneSystemRef": {"name": "branch"}}))
            .await;
        await_scope(self.namespace, "nowhere", "in want of a phone system", |scope, _| {
            message(scope, "Ready").contains("PhoneSystem branch")
        })
        .await;
        let scopes = self.namespace.api::<SyncScope>();
        scopes.delete("nowhere", &DeleteParams::default()).await.unwrap();
    }

    /// The API server refuses some objects of each kind for a while: whoever is refused looks whether the object is what it was.
    async fn be_refused(&self) {
        let policy = format!("refuse-in-{}", self.namespace.name());
        let login = &self.people[1].login;
        self.namespace
            .apply(&format!(
                "apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{name: {policy}}}
spec:
  matchConstraints:
    resourceRules:
    - {{apiGroups: [telephony.adsync.dev], apiVersions: ['*'], operations: [CREATE], resources: [phoneusers, extensions, ringgroups]}}
  validations:
  - {{expression: \"object.kind != 'PhoneUser' || !has(object.spec.login) || object.spec.login != '{login}'\", message: not this user}}
  - {{expression: \"object.kind != 'Extension' || object.spec.number != '600'\", message: not this number}}
  - {{expression: \"object.kind != 'RingGroup'\", message: no ring group}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {{name: {policy}}}
spec:
  policyName: {policy}
  validationActions: [Deny]
  matchResources: {{namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {0}}}}}}}
",
                self.namespace.name()
            ))
            .await;
        // The policy is in force a moment after it was written.
        let probe = json!({"apiVersion": "telephony.adsync.dev/v1alpha1", "kind": "PhoneUser", "metadata": {"name": "probe"},
            "spec": {"phoneSystemRef": {"name": "hq"}, "login": login}});
        let probing = PatchParams {
            dry_run: true,
            ..PatchParams::apply("test")
        };
        let users = self.namespace.api::<PhoneUser>();
        eventually("the policy", async || {
            let answer = users.patch("probe", &probing, &Patch::Apply(&probe)).await;
            answer.is_err().then_some(())
        })
        .await;
        self.directory().await;
        self.rule().await;
        for resource in ["phoneusers", "extensions", "ringgroups"] {
            self.release.await_use("get", resource).await;
        }
        self.namespace
            .kubectl(&["delete", "validatingadmissionpolicybinding", &policy])
            .await;
    }

    /// Somebody writes to the scope all the time, while its finalizer comes and goes.
    async fn be_in_the_way_of_the_finalizer(&self) {
        let scopes = self.namespace.api::<SyncScope>();
        let change = async |change: Value| {
            let patch = Patch::Merge(change);
            scopes.patch("staff", &PatchParams::default(), &patch).await.unwrap()
        };
        let mut policy = DeletionPolicy::Delete;
        eventually("a look at who was faster", async || {
            change(json!({"spec": {"deletionPolicy": policy}})).await;
            for count in 0..30 {
                change(json!({"metadata": {"annotations": {"example.com/count": count.to_string()}}})).await;
            }
            policy = match policy {
                DeletionPolicy::Delete => DeletionPolicy::Retain,
                DeletionPolicy::Retain => DeletionPolicy::Delete,
            };
            let used = self.release.used();
            let mut used = used.iter();
            used.any(|right| right.verb == "get" && right.resource == "syncscopes")
                .then_some(())
        })
        .await;
        change(json!({"spec": {"deletionPolicy": "Delete"}})).await;
        eventually("the finalizer", async || {
            let scope = scopes.get("staff").await.unwrap();
            scope
                .metadata
                .finalizers
                .is_some_and(|names| !names.is_empty())
                .then_some(())
        })
        .await;
    }

    async fn end(&self) {
        let scopes = self.namespace.api::<SyncScope>();
        scopes.delete("staff", &DeleteParams::default()).await.unwrap();
        eventually_within(PATIENCE, "the end of the scope", async || {
            scopes.get_opt("staff").await.unwrap().is_none().then_some(())
        })
        .await;
        assert!(phone_users(self.namespace).await.is_empty());
        assert_eq!(count::<RingGroup>(self.namespace).await, 0);
    }

    async fn live(&self) {
        self.begin_with_the_scope().await;
        self.be_refused().await;
        let scope = await_synced(self.namespace, "staff").await;
        await_scope(self.namespace, "staff", "complete", |_, status| {
            has(status, "Matched", "True")
        })
        .await;
        assert_eq!(scope.status.unwrap().users.unwrap().in_scope, 3);
        self.refer_to_nothing().await;
        self.be_in_the_way_of_the_finalizer().await;
        self.end().await;
    }
}

async fn count<K>(namespace: &Namespace<'_>) -> usize
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned,
{
    let api: Api<K> = namespace.api();
    api.list(&ListParams::default()).await.unwrap().items.len()
}

async fn staff(ou: &TestOu<'_>) -> Vec<Person> {
    ou.people(["Ada Lovelace", "Grace Hopper", "Mary Somerville"].map(PersonSpec::named))
        .await
}

async fn await_lead(operator: &Binary) {
    eventually_within(PATIENCE, "a leader", async || {
        (operator::value(operator.metrics, "adsync_leader").await == Some(1)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_the_chart_grants_is_what_the_operator_uses() {
    let kube = Kube::own().await;
    let directory = env::directory().await;
    let home = kube.namespace_named("adsync").await;
    let (phones, hosted) = (kube.namespace("phones").await, kube.namespace("hosted").await);
    let central = Release::install(&kube, &home, "adsync", "leaderElection.enabled=true").await;
    let of_agent = format!("agent.name=site-a,scope.namespaces={{{}}}", hosted.name());
    let agent = Release::install(&kube, &home, "site-a", &of_agent).await;

    // One hands over to the other. Both look at the Lease of the agent, which does not run yet.
    let mut first = central.start(&phones, &["--leader-elect"]).await;
    await_lead(&first).await;
    let second = central.start(&phones, &["--leader-elect"]).await;
    assert_eq!(first.terminate().await.code(), Some(0), "{:#?}", first.log());
    await_lead(&second).await;
    let serves = format!("--namespace={}", hosted.name());
    let third = agent.start(&hosted, &["--agent=site-a", &serves]).await;
    await_lead(&third).await;

    let (here, there) = (directory.ou("rights").await, directory.ou("rights").await);
    let people = [staff(&here).await, staff(&there).await];
    let company = |release, namespace, ou, people, agent| Company {
        release,
        namespace,
        ou,
        people,
        agent,
    };
    let ours = company(&central, &phones, &here, &people[0], None);
    let theirs = company(&agent, &hosted, &there, &people[1], Some("site-a"));
    tokio::join!(ours.live(), theirs.live());

    central.assert_that_all_is_used_and_nothing_else();
    agent.assert_that_all_is_used_and_nothing_else();
}

/// Else nothing of the above would mean much: the authorizer lets an apply pass that then may not create.
#[tokio::test]
async fn an_apply_takes_the_right_to_create_only_where_it_creates() {
    let kube = env::kube().await;
    let namespace = kube.namespace("rights").await;
    let role = |verbs: &[&str]| {
        let rules = json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": verbs}]);
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "applier"}, "rules": rules})
    };
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "applier"}});
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "applier"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "applier"},
        "subjects": [{"kind": "ServiceAccount", "name": "applier"}]});
    for object in [role(&["patch"]), account, binding] {
        namespace.apply(&object.to_string()).await;
    }
    let applier = Identity::of(&namespace, "applier").await;
    let config_maps: Api<ConfigMap> = Api::namespaced(applier.client(kube).await, namespace.name());
    let apply = async || {
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "made"}});
        config_maps
            .patch("made", &PatchParams::apply("test"), &Patch::Apply(object))
            .await
    };
    // What is granted holds a moment later.
    eventually("the right to patch", async || {
        let refused = apply().await.unwrap_err().to_string();
        (!refused.contains("cannot patch")).then_some(())
    })
    .await;
    let position = kube.audit_position();
    assert!(apply().await.is_err() && config_maps.get("made").await.is_err());
    let requests = || {
        let mut events = namespace.audit_events(position);
        events.retain(|event| event.user.username == applier.user());
        events
    };
    let events = requests();
    assert_eq!(events.len(), 2);
    assert_eq!(events[0].annotations["authorization.k8s.io/decision"], "allow");
    assert!(events.iter().all(AuditEvent::lacks_a_right), "{events:#?}");
    assert!(rights::used(&events).is_empty());

    namespace.apply(&role(&["patch", "create"]).to_string()).await;
    eventually("the right to create", async || apply().await.ok()).await;
    apply().await.unwrap();
    let used: Vec<_> = rights::used(&requests()).iter().map(ToString::to_string).collect();
    let place = namespace.name();
    assert_eq!(
        used,
        [
            format!("create configmaps. made in {place}"),
            format!("patch configmaps. made in {place}")
        ]
    );
}
