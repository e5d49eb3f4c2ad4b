//! Whole syncs, from people in Active Directory to users, numbers and a status, by the real operator.

use adsync::api::{
    Extension, PhoneUser, RingGroup, SyncScope,
    phone_user::{Link, Origin},
    ring_group::Strategy,
    sync_scope::{ProblemReason, Trigger},
};
use k8s_openapi::api::events::v1::Event;
use kube::{
    ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams},
};
use serde_json::json;

use crate::{
    env::{self, Directory, Namespace, Operator, PersonSpec, TestOu},
    scenario::{
        NUMBERED, apply_company, apply_rule, apply_scope, await_rest, await_scope, await_synced, eventually, has,
        message, phone_users, settled, sync_now, written,
    },
};

/// A namespace with a running operator, the company's YAML, a rule from 2000 to 2009, and an OU of its own.
struct Office<'a> {
    namespace: Namespace<'a>,
    ou: TestOu<'a>,
    operator: Operator,
}

async fn office() -> Office<'static> {
    let (kube, directory) = (env::kube().await, env::directory().await);
    let (namespace, ou) = (kube.namespace("scope").await, directory.ou("scope").await);
    let operator = Operator::start(kube, &[&namespace]).await;
    apply_company(&namespace, directory).await;
    apply_rule(&namespace, "hq-numbers", "2000", "2009").await;
    Office {
        namespace,
        ou,
        operator,
    }
}

async fn merge(namespace: &Namespace<'_>, user: &str, patch: serde_json::Value) {
    let patch = Patch::Merge(patch);
    namespace
        .api::<PhoneUser>()
        .patch(user, &PatchParams::default(), &patch)
        .await
        .unwrap();
}

async fn merge_scope(namespace: &Namespace<'_>, scope: &str, spec: serde_json::Value) {
    let patch = Patch::Merge(json!({"spec": spec}));
    namespace
        .api::<SyncScope>()
        .patch(scope, &PatchParams::default(), &patch)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_person_of_the_directory_becomes_a_phone_user_with_a_number() {
    let Office {
        namespace,
        ou,
        operator: _operator,
    } = office().await;
    let ada = ou.person("Ada Lovelace").await;
    apply_scope(&namespace, "staff", ou.dn(), NUMBERED).await;

    let scope = await_synced(&namespace, "staff").await;
    assert_eq!(message(&scope, "Matched"), "1 matched, 0 unmatched");
    let users = phone_users(&namespace).await;
    assert_eq!(users.len(), 1);
    let spec = &users[0].spec;
    assert_eq!(spec.login.as_deref(), Some(&*ada.login));
    assert_eq!(spec.display_name.as_deref(), Some("Ada Lovelace"));
    assert_eq!(spec.extension.as_deref(), Some("2000"));
    assert_eq!(spec.directory.as_ref().unwrap().origin, Origin::Provisioned);
    assert_eq!(
        users[0].name_any(),
        format!("hq-{}", spec.directory.as_ref().unwrap().object_guid)
    );

    let status = scope.status.unwrap();
    let sync = status.last_sync.unwrap();
    assert_eq!(
        (sync.trigger, sync.created, sync.updated, sync.failed),
        (Trigger::Started, 2, 0, 0)
    );
    assert_eq!(status.history.len(), 1);
    assert_eq!(status.references.len(), 1, "the OU, with its objectGUID");
    await_rest(&namespace).await;
}

#[tokio::test]
async fn a_converged_scope_makes_no_write_but_the_echo_of_each_request() {
    let Office {
        namespace,
        ou,
        operator,
    } = office().await;
    ou.people(["Ada Lovelace", "Grace Hopper", "Jürgen Müller"]).await;
    apply_scope(&namespace, "staff", ou.dn(), NUMBERED).await;
    await_synced(&namespace, "staff").await;
    let before = settled(env::kube().await, &namespace, &operator).await;
    for _ in 0..10 {
        let scope = sync_now(&namespace, "staff").await;
        assert_eq!(scope.status.unwrap().last_sync.unwrap().trigger, Trigger::Requested);
    }
    let writes = written(&namespace, before, &operator);
    let of: Vec<_> = writes
        .iter()
        .map(|event| (&*event.object.resource, &*event.object.subresource))
        .collect();
    assert_eq!(of, [("syncscopes", "status"); 10]);
    await_rest(&namespace).await;
}

#[tokio::test]
async fn what_somebody_else_changes_is_repaired_and_what_is_deleted_is_made_again() {
    let Office {
        namespace,
        ou,
        operator,
    } = office().await;
    let people = ou.people(["Ada Lovelace", "Grace Hopper"]).await;
    apply_scope(&namespace, "staff", ou.dn(), NUMBERED).await;
    await_synced(&namespace, "staff").await;
    let users = phone_users(&namespace).await;
    let ada = users
        .iter()
        .find(|user| user.spec.login.as_deref() == Some(&*people[0].login))
        .unwrap()
        .name_any();

    let before = env::kube().await.audit_position();
    namespace
        .kubectl(&[
            "patch",
            "phoneuser",
            &ada,
            "--type=merge",
            "--patch",
            r#"{"spec": {"displayName": "Countess"}}"#,
        ])
        .await;
    let users = namespace.api::<PhoneUser>();
    eventually("the repair", async || {
        let name = users.get(&ada).await.unwrap().spec.display_name;
        (name.as_deref() == Some("Ada Lovelace")).then_some(())
    })
    .await;
    let scope = await_scope(&namespace, "staff", "repaired", |_, status| {
        status
            .last_sync
            .as_ref()
            .is_some_and(|sync| sync.trigger == Trigger::ObjectChanged)
    })
    .await;
    assert_eq!(scope.status.unwrap().last_sync.unwrap().updated, 1);
    let writes = written(&namespace, before, &operator);
    let of_users = writes
        .iter()
        .filter(|event| event.object.resource == "phoneusers")
        .count();
    assert_eq!(of_users, 1, "one repair, and no reaction to itself: {writes:#?}");

    let uid = users.get(&ada).await.unwrap().uid();
    users.delete(&ada, &DeleteParams::default()).await.unwrap();
    let again = eventually("the person's return", async || users.get_opt(&ada).await.unwrap()).await;
    assert_ne!(again.uid(), uid);
    let number = again.spec.extension.unwrap();
    let extension = namespace.api::<Extension>().get(&format!("hq-{number}")).await.unwrap();
    assert_eq!(extension.spec.holder.unwrap().name, ada);
    await_rest(&namespace).await;
}

#[tokio::test]
async fn changes_of_the_directory_arrive_with_the_interval() {
    let Office {
        namespace,
        ou,
        operator: _operator,
    } = office().await;
    let ada = ou.person("Ada Lovelace").await;
    apply_scope(&namespace, "staff", ou.dn(), "interval: 10s").await;
    await_synced(&namespace, "staff").await;
    env::directory().await.set(&ada.dn, "title", &["Countess"]).await;
    ou.person("Grace Hopper").await;
    let users = eventually("the change", async || {
        let users = phone_users(&namespace).await;
        (users.len() == 2).then_some(users)
    })
    .await;
    assert!(users.iter().any(|user| user.spec.title.as_deref() == Some("Countess")));
    await_scope(&namespace, "staff", "synced by its schedule", |_, status| {
        status
            .last_sync
            .as_ref()
            .is_some_and(|sync| sync.trigger == Trigger::Scheduled)
    })
    .await;
    await_rest(&namespace).await;
}

#[tokio::test]
async fn an_unlinked_user_is_free_to_edit_and_stays_as_people_leave_it() {
    let Office {
        namespace,
        ou,
        operator,
    } = office().await;
    let ada = ou
        .person(PersonSpec::named("Ada Lovelace").with("title", "Analyst"))
        .await;
    apply_scope(&namespace, "staff", ou.dn(), NUMBERED).await;
    await_synced(&namespace, "staff").await;
    let name = phone_users(&namespace).await[0].name_any();
    merge(&namespace, &name, json!({"spec": {"link": "Unlinked"}})).await;
    eventually("letting go", async || {
        let user = namespace.api::<PhoneUser>().get(&name).await.unwrap();
        let ours = user
            .metadata
            .managed_fields
            .unwrap()
            .into_iter()
            .find(|entry| entry.manager.as_deref() == Some("adsync") && entry.subresource.is_none());
        (ours.unwrap().fields_v1.unwrap().0["f:spec"].get("f:title").is_none()).then_some(())
    })
    .await;

    env::directory().await.set(&ada.dn, "title", &["Countess"]).await;
    merge(&namespace, &name, json!({"spec": {"displayName": "Somebody"}})).await;
    let scope = sync_now(&namespace, "staff").await;
    let user = namespace.api::<PhoneUser>().get(&name).await.unwrap();
    assert_eq!(user.spec.title.as_deref(), Some("Analyst"));
    assert_eq!(user.spec.display_name.as_deref(), Some("Somebody"));
    assert_eq!(user.spec.link, Some(Link::Unlinked));
    assert_eq!(user.spec.extension.as_deref(), Some("2000"));
    assert_eq!(message(&scope, "Matched"), "0 matched, 1 unmatched");
    assert!(
        has(scope.status.as_ref().unwrap(), "Matched", "True"),
        "it is people's wish"
    );
    assert_eq!(scope.status.unwrap().problems[0].reason, ProblemReason::Unlinked);

    let before = settled(env::kube().await, &namespace, &operator).await;
    sync_now(&namespace, "staff").await;
    assert_eq!(written(&namespace, before, &operator).len(), 1, "it is let go once");

    merge(&namespace, &name, json!({"spec": {"link": "Linked"}})).await;
    eventually("taking it back", async || {
        let user = namespace.api::<PhoneUser>().get(&name).await.unwrap();
        (user.spec.title.as_deref() == Some("Countess")).then_some(())
    })
    .await;
    await_rest(&namespace).await;
}

#[tokio::test]
async fn a_field_that_another_tool_applies_is_left_to_it_and_reported() {
    let Office {
        namespace,
        ou,
        operator,
    } = office().await;
    ou.person(PersonSpec::named("Ada Lovelace").with("title", "Analyst"))
        .await;
    apply_scope(&namespace, "staff", ou.dn(), NUMBERED).await;
    await_synced(&namespace, "staff").await;
    let name = phone_users(&namespace).await[0].name_any();
    let title = json!({"apiVersion": "telephony.adsync.dev/v1alpha1", "kind": "PhoneUser", "metadata": {"name": name},
        "spec": {"phoneSystemRef": {"name": "hq"}, "title": "Countess"}});
    let parameters = PatchParams::apply("hr-system").force();
    namespace
        .api::<PhoneUser>()
        .patch(&name, &parameters, &Patch::Apply(title))
        .await
        .unwrap();
    let scope = await_scope(&namespace, "staff", "aware of the other tool", |_, status| {
        !status.problems.is_empty()
    })
    .await;
    let problem = &scope.status.unwrap().problems[0];
    assert_eq!(problem.reason, ProblemReason::FieldManagedElsewhere);
    assert!(
        problem.message.contains("hr-system") || problem.other.as_deref() == Some("hr-system"),
        "{problem:?}"
    );
    sync_now(&namespace, "staff").await;
    let before = settled(env::kube().await, &namespace, &operator).await;
    sync_now(&namespace, "staff").await;
    assert_eq!(written(&namespace, before, &operator).len(), 1, "nobody fights");
    assert_eq!(phone_users(&namespace).await[0].spec.title.as_deref(), Some("Countess"));
    await_rest(&namespace).await;
}

#[tokio::test]
async fn a_mapping_that_is_switched_off_leaves_the_value_and_lets_it_go() {
    let Office {
        namespace,
        ou,
        operator: _operator,
    } = office().await;
    ou.person(PersonSpec::named("Ada Lovelace").with("title", "Analyst"))
        .await;
    apply_scope(&namespace, "staff", ou.dn(), NUMBERED).await;
    await_synced(&namespace, "staff").await;
    let name = phone_users(&namespace).await[0].name_any();
    merge_scope(&namespace, "staff", json!({"map": {"title": {"policy": "Ignore"}}})).await;
    let scope = await_synced(&namespace, "staff").await;
    assert_eq!(scope.status.unwrap().last_sync.unwrap().trigger, Trigger::SpecChanged);
    assert_eq!(phone_users(&namespace).await[0].spec.title.as_deref(), Some("Analyst"));
    merge(&namespace, &name, json!({"spec": {"title": "Countess"}})).await;
    sync_now(&namespace, "staff").await;
    assert_eq!(phone_users(&namespace).await[0].spec.title.as_deref(), Some("Countess"));
    await_rest(&namespace).await;
}

#[tokio::test]
async fn with_mode_plan_everything_is_reported_and_nothing_written() {
    let Office {
        namespace,
        ou,
        operator,
    } = office().await;
    ou.people(["Ada Lovelace", "Grace Hopper"]).await;
    let before = env::kube().await.audit_position();
    apply_scope(&namespace, "staff", ou.dn(), &format!("mode: Plan\n{NUMBERED}")).await;
    let scope = await_synced(&namespace, "staff").await;
    let said = message(&scope, "Synced");
    assert!(
        said.starts_with("mode is Plan: a sync would write 2 numbers, 2 users and 0 ring groups\n- create PhoneUser "),
        "{said}"
    );
    assert_eq!(scope.status.unwrap().users.unwrap().in_scope, 2);
    let writes = written(&namespace, before, &operator);
    assert!(
        writes
            .iter()
            .all(|event| event.object.api_group != "telephony.adsync.dev"),
        "{writes:#?}"
    );

    merge_scope(&namespace, "staff", json!({"mode": "Apply"})).await;
    eventually("the sync", async || {
        (phone_users(&namespace).await.len() == 2).then_some(())
    })
    .await;
    await_rest(&namespace).await;
}

#[tokio::test]
async fn a_plan_shows_what_a_field_that_is_switched_on_again_would_lose() {
    let Office {
        namespace,
        ou,
        operator: _operator,
    } = office().await;
    ou.person(PersonSpec::named("Ada Lovelace").with("title", "Analyst"))
        .await;
    apply_scope(&namespace, "staff", ou.dn(), NUMBERED).await;
    await_synced(&namespace, "staff").await;
    let name = phone_users(&namespace).await[0].name_any();
    merge_scope(&namespace, "staff", json!({"map": {"title": {"policy": "Ignore"}}})).await;
    await_synced(&namespace, "staff").await;
    let by_hand = PatchParams {
        field_manager: Some("kubectl-edit".to_owned()),
        ..PatchParams::default()
    };
    let edit = Patch::Merge(json!({"spec": {"title": "Countess"}}));
    let users = namespace.api::<PhoneUser>();
    users.patch(&name, &by_hand, &edit).await.unwrap();

    let planned = json!({"mode": "Plan", "map": {"title": {"policy": "Sync"}}});
    merge_scope(&namespace, "staff", planned).await;
    let scope = await_synced(&namespace, "staff").await;
    let said = message(&scope, "Synced");
    assert!(said.ends_with(r#": spec.title: "Countess" → "Analyst""#), "{said}");
    assert_eq!(phone_users(&namespace).await[0].spec.title.as_deref(), Some("Countess"));
    await_rest(&namespace).await;
}

#[tokio::test]
async fn a_suspended_scope_is_ready_and_does_nothing() {
    let Office {
        namespace,
        ou,
        operator: _operator,
    } = office().await;
    ou.person("Ada Lovelace").await;
    apply_scope(&namespace, "staff", ou.dn(), "suspend: true").await;
    let scope = await_scope(&namespace, "staff", "suspended", |scope, status| {
        has(status, "Ready", "True") && status.observed_generation == scope.metadata.generation
    })
    .await;
    assert!(message(&scope, "Ready").contains("spec.suspend"));
    assert_eq!(phone_users(&namespace).await, []);
    merge_scope(&namespace, "staff", json!({"suspend": false})).await;
    await_synced(&namespace, "staff").await;
    assert_eq!(phone_users(&namespace).await.len(), 1);
    await_rest(&namespace).await;
}

#[tokio::test]
async fn what_a_scope_refers_to_may_come_later() {
    let kube = env::kube().await;
    let (namespace, ou) = (kube.namespace("scope").await, env::directory().await.ou("scope").await);
    let _operator = Operator::start(kube, &[&namespace]).await;
    ou.person("Ada Lovelace").await;
    apply_scope(&namespace, "staff", ou.dn(), NUMBERED).await;
    let scope = await_scope(&namespace, "staff", "waiting", |_, status| {
        has(status, "Ready", "False")
    })
    .await;
    let said = message(&scope, "Ready");
    for missing in [
        "ActiveDirectoryConfig corp",
        "PhoneSystem hq",
        "ExtensionRule hq-numbers",
    ] {
        assert!(said.contains(missing), "{said}");
    }
    assert!(has(scope.status.as_ref().unwrap(), "Reconciling", "True"));
    apply_company(&namespace, env::directory().await).await;
    apply_rule(&namespace, "hq-numbers", "2000", "2009").await;
    await_synced(&namespace, "staff").await;
}

#[tokio::test]
async fn a_spec_that_cannot_be_understood_is_stalled_at_once() {
    let Office {
        namespace,
        ou,
        operator: _operator,
    } = office().await;
    let spec = format!("interval: 1h\nexclude: [{{name: odd, filter: \"(objectSid=*)\"}}]\n{NUMBERED}");
    apply_scope(&namespace, "staff", ou.dn(), &spec).await;
    let scope = await_scope(&namespace, "staff", "stalled", |_, status| {
        has(status, "Stalled", "True")
    })
    .await;
    assert!(has(scope.status.as_ref().unwrap(), "Ready", "False"));
    assert!(
        message(&scope, "Ready").contains("spec.exclude"),
        "{}",
        message(&scope, "Ready")
    );
    merge_scope(&namespace, "staff", json!({"exclude": null})).await;
    let scope = await_synced(&namespace, "staff").await;
    assert!(!has(scope.status.as_ref().unwrap(), "Stalled", "True"));
    await_rest(&namespace).await;
}

#[tokio::test]
async fn a_changed_reference_causes_a_sync() {
    let Office {
        namespace,
        ou,
        operator: _operator,
    } = office().await;
    ou.people((0..3).map(|number| PersonSpec::named(&format!("Person {number}"))))
        .await;
    apply_rule(&namespace, "hq-numbers", "2000", "2001").await;
    apply_scope(&namespace, "staff", ou.dn(), NUMBERED).await;
    let scope = await_synced(&namespace, "staff").await;
    assert_eq!(message(&scope, "Matched"), "2 matched, 1 unmatched");
    assert_eq!(scope.status.unwrap().problems[0].reason, ProblemReason::RangeExhausted);
    apply_rule(&namespace, "hq-numbers", "2000", "2002").await;
    let scope = await_scope(&namespace, "staff", "with room for all", |_, status| {
        has(status, "Matched", "True")
    })
    .await;
    assert_eq!(
        scope.status.unwrap().last_sync.unwrap().trigger,
        Trigger::ReferenceChanged
    );
    await_rest(&namespace).await;
}

#[tokio::test]
async fn an_outage_of_the_directory_is_told_by_synced_and_never_by_ready() {
    let kube = env::kube().await;
    let directory = Directory::own(env::Options::default()).await;
    let (namespace, ou) = (kube.namespace("scope").await, directory.ou("scope").await);
    let operator = Operator::start(kube, &[&namespace]).await;
    apply_company(&namespace, &directory).await;
    ou.person("Ada Lovelace").await;
    apply_scope(&namespace, "staff", ou.dn(), "interval: 10s").await;
    let scope = await_synced(&namespace, "staff").await;
    directory.kill().await;
    let scope = {
        let out = await_scope(&namespace, "staff", "out of sync", |_, status| {
            has(status, "Synced", "False")
        })
        .await;
        assert!(has(out.status.as_ref().unwrap(), "Ready", "True"));
        assert!(!has(out.status.as_ref().unwrap(), "Reconciling", "True"));
        assert_eq!(out.metadata.generation, scope.metadata.generation);
        out
    };
    assert!(
        message(&scope, "Synced").contains("localhost"),
        "{}",
        message(&scope, "Synced")
    );

    // What was read before still repairs what others change.
    let name = phone_users(&namespace).await[0].name_any();
    namespace
        .kubectl(&[
            "patch",
            "phoneuser",
            &name,
            "--type=merge",
            "--patch",
            r#"{"spec": {"displayName": "Countess"}}"#,
        ])
        .await;
    eventually("the repair", async || {
        let name = phone_users(&namespace).await[0].spec.display_name.clone();
        (name.as_deref() == Some("Ada Lovelace")).then_some(())
    })
    .await;
    directory.start_again().await;
    await_synced(&namespace, "staff").await;
    operator.stop().await;
}

#[tokio::test]
async fn one_object_that_cannot_be_written_costs_that_object_and_is_tried_again() {
    let Office {
        namespace,
        ou,
        operator: _operator,
    } = office().await;
    let people = ou.people(["Ada Lovelace", "Grace Hopper", "Mary Somerville"]).await;
    let refused = &people[1].login;
    let policy = format!("refuse-{}", namespace.name());
    namespace
        .apply(&format!(
            "apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{name: {policy}}}
spec:
  matchConstraints:
    resourceRules:
    - {{apiGroups: [telephony.adsync.dev], apiVersions: ['*'], operations: [CREATE], resources: [phoneusers]}}
  validations:
  - {{expression: \"object.spec.login != '{refused}'\", message: not this one}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {{name: {policy}}}
spec:
  policyName: {policy}
  validationActions: [Deny]
  matchResources: {{namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {0}}}}}}}
",
            namespace.name()
        ))
        .await;
    // The policy is in force a moment after it was written.
    let probe = json!({"apiVersion": "telephony.adsync.dev/v1alpha1", "kind": "PhoneUser", "metadata": {"name": "probe"},
        "spec": {"phoneSystemRef": {"name": "hq"}, "login": refused}});
    eventually("the policy", async || {
        let parameters = PatchParams {
            dry_run: true,
            ..PatchParams::apply("test")
        };
        let answer = namespace
            .api::<PhoneUser>()
            .patch("probe", &parameters, &Patch::Apply(&probe))
            .await;
        answer.is_err().then_some(())
    })
    .await;

    apply_scope(&namespace, "staff", ou.dn(), NUMBERED).await;
    let scope = await_scope(&namespace, "staff", "failing", |_, status| !status.problems.is_empty()).await;
    assert_eq!(message(&scope, "Matched"), "2 matched, 1 unmatched");
    let status = scope.status.unwrap();
    assert_eq!(status.problems[0].reason, ProblemReason::WriteFailed);
    assert!(
        status.problems[0].message.contains("not this one"),
        "{:?}",
        status.problems
    );
    assert_eq!(&status.problems[0].login, refused);
    assert_eq!(status.last_sync.unwrap().failed, 1);
    let scope = await_synced(&namespace, "staff").await;
    assert!(message(&scope, "Synced").ends_with("one object could not be written; it is tried again"));

    namespace
        .kubectl(&["delete", "validatingadmissionpolicybinding", &policy])
        .await;
    let scope = await_scope(&namespace, "staff", "complete", |_, status| {
        has(status, "Matched", "True")
    })
    .await;
    assert_eq!(message(&scope, "Matched"), "3 matched, 0 unmatched");
    assert_eq!(message(&scope, "Synced"), "the last sync worked");
    await_rest(&namespace).await;
}

#[tokio::test]
async fn a_scope_that_is_being_deleted_syncs_no_more() {
    let Office {
        namespace,
        ou,
        operator: _operator,
    } = office().await;
    ou.person("Ada Lovelace").await;
    apply_scope(&namespace, "staff", ou.dn(), NUMBERED).await;
    await_synced(&namespace, "staff").await;
    let scopes = namespace.api::<SyncScope>();
    let finalizers = async |names: serde_json::Value| {
        let patch = Patch::Merge(json!({"metadata": {"finalizers": names}}));
        scopes.patch("staff", &PatchParams::default(), &patch).await.unwrap();
    };
    finalizers(json!(["example.com/keep"])).await;
    scopes.delete("staff", &DeleteParams::default()).await.unwrap();

    let ada = phone_users(&namespace).await[0].name_any();
    merge(&namespace, &ada, json!({"spec": {"displayName": "Countess"}})).await;
    let elsewhere = env::directory().await.ou("scope").await;
    elsewhere.person("Grace Hopper").await;
    apply_scope(&namespace, "others", elsewhere.dn(), NUMBERED).await;
    await_synced(&namespace, "others").await;
    let users = phone_users(&namespace).await;
    let ada = users.iter().find(|user| user.name_any() == ada).unwrap();
    assert_eq!(ada.spec.display_name.as_deref(), Some("Countess"));
    finalizers(serde_json::Value::Null).await;
    await_rest(&namespace).await;
}

#[tokio::test]
async fn a_status_that_the_api_server_refuses_keeps_nobody_from_being_synced() {
    let Office {
        namespace,
        ou,
        operator: _operator,
    } = office().await;
    let policy = format!("refuse-status-{}", namespace.name());
    namespace
        .apply(&format!(
            "apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{name: {policy}}}
spec:
  matchConstraints:
    resourceRules:
    - {{apiGroups: [adsync.dev], apiVersions: ['*'], operations: [UPDATE], resources: [syncscopes/status]}}
  validations:
  - {{expression: \"false\", message: no status}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {{name: {policy}}}
spec:
  policyName: {policy}
  validationActions: [Deny]
  matchResources: {{namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {0}}}}}}}
",
            namespace.name()
        ))
        .await;
    apply_scope(&namespace, "probe", ou.dn(), "suspend: true").await;
    eventually("the policy", async || {
        let body = json!({"status": {"lastHandledReconcileAt": "probe"}});
        let api = namespace.api::<SyncScope>();
        let answer = api
            .patch_status("probe", &PatchParams::default(), &Patch::Merge(&body))
            .await;
        answer.is_err().then_some(())
    })
    .await;

    ou.person("Ada Lovelace").await;
    apply_scope(&namespace, "staff", ou.dn(), &format!("interval: 10s\n{NUMBERED}")).await;
    let users = async |count| {
        eventually("people", async || {
            (phone_users(&namespace).await.len() == count).then_some(())
        })
        .await;
    };
    users(1).await;
    ou.person("Grace Hopper").await;
    users(2).await;
    let scope = namespace.api::<SyncScope>().get("staff").await.unwrap();
    assert!(scope.status.is_none_or(|status| status.last_sync.is_none()));

    namespace
        .kubectl(&["delete", "validatingadmissionpolicybinding", &policy])
        .await;
    let scope = await_synced(&namespace, "staff").await;
    assert_eq!(message(&scope, "Matched"), "2 matched, 0 unmatched");
    await_rest(&namespace).await;
}

#[tokio::test]
async fn a_large_first_sync_publishes_a_few_events() {
    let Office {
        namespace,
        ou,
        operator: _operator,
    } = office().await;
    ou.people((0..25).map(|number| PersonSpec::named(&format!("Person {number}"))))
        .await;
    apply_scope(&namespace, "staff", ou.dn(), "interval: 1h").await;
    await_synced(&namespace, "staff").await;
    let events = eventually("the summary", async || {
        let events = namespace
            .api::<Event>()
            .list(&ListParams::default())
            .await
            .unwrap()
            .items;
        events
            .iter()
            .any(|event| event.reason.as_deref() == Some("MoreChanges"))
            .then_some(events)
    })
    .await;
    let of_scope: Vec<_> = events
        .iter()
        .filter(|event| {
            event
                .regarding
                .as_ref()
                .is_some_and(|object| object.kind.as_deref() == Some("SyncScope"))
        })
        .collect();
    assert_eq!(of_scope.len(), 11, "{of_scope:#?}");
    await_rest(&namespace).await;
}

#[tokio::test]
async fn who_takes_over_a_login_waits_and_the_directory_is_asked_for_its_last_owner() {
    let Office {
        namespace,
        ou,
        operator,
    } = office().await;
    let first = ou.person("Ada Lovelace").await;
    apply_scope(&namespace, "staff", ou.dn(), NUMBERED).await;
    await_synced(&namespace, "staff").await;
    let before = phone_users(&namespace).await;

    env::directory().await.delete(&first.dn).await;
    ou.person(PersonSpec::named("Ada Byron").with_login(&first.login)).await;
    let scope = sync_now(&namespace, "staff").await;
    assert_eq!(
        phone_users(&namespace).await,
        before,
        "nobody is removed, nor given to somebody else"
    );
    let status = scope.status.unwrap();
    assert_eq!(status.problems[0].reason, ProblemReason::IdentityReused);
    assert!(
        status.problems[0].message.contains("was not found"),
        "{:?}",
        status.problems
    );
    let counts = status.users.unwrap();
    assert_eq!((counts.matched, counts.unmatched, counts.gone), (0, 1, 1));
    let (_, metrics) = env::operator::get(operator.metrics, "/metrics").await;
    let asked = format!(r#"namespace="{}",name="corp",operation="Find""#, namespace.name());
    assert!(metrics.contains(&asked), "{metrics}");
    await_rest(&namespace).await;
}

#[tokio::test]
async fn a_first_attempt_that_cannot_heal_itself_is_stalled_until_somebody_mends_it() {
    let kube = env::kube().await;
    let directory = env::directory().await;
    let (namespace, ou) = (kube.namespace("scope").await, directory.ou("scope").await);
    let _operator = Operator::start(kube, &[&namespace]).await;
    ou.person("Ada Lovelace").await;
    apply_rule(&namespace, "hq-numbers", "2000", "2009").await;
    apply_company(&namespace, directory).await;
    let secret = |authority: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: corp-ca}}\ndata:\n  ca.crt: |\n    {}\n",
            authority.replace('\n', "\n    ")
        )
    };
    namespace.apply(&secret(&directory.other_ca_pem())).await;
    apply_scope(&namespace, "staff", ou.dn(), NUMBERED).await;
    let scope = await_scope(&namespace, "staff", "stalled", |_, status| {
        has(status, "Stalled", "True")
    })
    .await;
    let status = scope.status.as_ref().unwrap();
    assert!(has(status, "Ready", "False") && has(status, "Synced", "False"));
    let reason = status
        .conditions
        .iter()
        .find(|condition| condition.type_ == "Ready")
        .unwrap()
        .reason
        .clone();
    assert_eq!(reason, "TLSCertificateInvalid");
    namespace.apply(&secret(&directory.ca_pem())).await;
    await_synced(&namespace, "staff").await;
}

#[tokio::test]
async fn a_scope_says_why_its_directory_cannot_be_asked_now_not_before() {
    let (kube, directory) = (env::kube().await, env::directory().await);
    let (namespace, ou) = (kube.namespace("scope").await, directory.ou("scope").await);
    let account = ou
        .person(PersonSpec::named("Svc Outdated").with_password("Passw0rd.Right"))
        .await;
    apply_company(&namespace, directory).await;
    apply_rule(&namespace, "hq-numbers", "2000", "2009").await;
    let bind = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "corp-bind"},
        "stringData": {"username": account.user_principal_name, "password": "Passw0rd.Wr0ng"}});
    namespace.apply(&bind.to_string()).await;
    namespace.kubectl(&["delete", "configmap", "corp-ca"]).await;
    let _operator = Operator::start(kube, &[&namespace]).await;
    apply_scope(&namespace, "staff", ou.dn(), NUMBERED).await;
    let because = async |reason: &str| {
        await_scope(&namespace, "staff", reason, |_, status| {
            let mut synced = status.conditions.iter().filter(|condition| condition.type_ == "Synced");
            synced.any(|condition| condition.reason == reason)
        })
        .await
    };
    because("ConfigMapNotFound").await;
    // After so many attempts the next is minutes away.
    for _ in 0..5 {
        sync_now(&namespace, "staff").await;
    }
    let authority = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "corp-ca"},
        "data": {"ca.crt": directory.ca_pem()}});
    namespace.apply(&authority.to_string()).await;
    because("InvalidCredentials").await;
}

#[tokio::test]
async fn the_older_of_two_scopes_has_whom_both_select() {
    let Office {
        namespace,
        ou,
        operator: _operator,
    } = office().await;
    ou.person("Ada Lovelace").await;
    apply_scope(&namespace, "first", ou.dn(), NUMBERED).await;
    await_synced(&namespace, "first").await;
    apply_scope(&namespace, "second", ou.dn(), NUMBERED).await;
    let second = await_synced(&namespace, "second").await;
    assert_eq!(message(&second, "Matched"), "0 matched, 1 unmatched");
    assert_eq!(
        second.status.unwrap().problems[0].reason,
        ProblemReason::ClaimedByOtherScope
    );

    // The first is deleted: its people are the second's, with user and number.
    let before = phone_users(&namespace).await;
    namespace
        .api::<SyncScope>()
        .delete("first", &DeleteParams::default())
        .await
        .unwrap();
    await_scope(&namespace, "second", "in charge", |_, status| {
        has(status, "Matched", "True")
    })
    .await;
    let after = phone_users(&namespace).await;
    assert_eq!((after.len(), after[0].uid()), (1, before[0].uid()));
    assert_eq!(after[0].spec.directory.as_ref().unwrap().scope_ref.name, "second");
    assert_eq!(after[0].spec.extension, before[0].spec.extension);
    await_rest(&namespace).await;
}

#[tokio::test]
async fn a_group_of_the_directory_becomes_a_ring_group_of_its_peoples_numbers() {
    let Office {
        namespace,
        ou,
        operator,
    } = office().await;
    let people = ou.people(["Ada Lovelace", "Grace Hopper", "Mary Somerville"]).await;
    let support = ou.group("Support", &[&people[0].dn, &people[2].dn]).await;
    let departments = format!(
        "{NUMBERED}\ndepartments: [{{name: support, group: {{dn: \"{support}\"}}, ringGroup: {{number: '600', strategy: Hunt}}}}]"
    );
    apply_scope(&namespace, "staff", ou.dn(), &departments).await;
    let scope = await_synced(&namespace, "staff").await;
    assert_eq!(scope.status.unwrap().ring_groups.unwrap().synced, 1);
    let groups = namespace
        .api::<RingGroup>()
        .list(&ListParams::default())
        .await
        .unwrap()
        .items;
    let spec = &groups[0].spec;
    assert_eq!(
        (groups.len(), spec.number.as_deref(), spec.strategy),
        (1, Some("600"), Some(Strategy::Hunt))
    );
    let users = phone_users(&namespace).await;
    let of = |login: &str| {
        users
            .iter()
            .find(|user| user.spec.login.as_deref() == Some(login))
            .unwrap()
    };
    let mut wanted: Vec<_> = [0, 2]
        .iter()
        .map(|index| of(&people[*index].login).spec.extension.clone().unwrap())
        .collect();
    wanted.sort();
    assert_eq!(spec.members, Some(wanted));
    let extension = namespace.api::<Extension>().get("hq-600").await.unwrap();
    assert_eq!(extension.spec.holder.unwrap().name, groups[0].name_any());

    // People's own members are theirs, and no reason to write.
    let before = settled(env::kube().await, &namespace, &operator).await;
    let patch = Patch::Merge(json!({"spec": {"additionalMembers": ["99"]}}));
    namespace
        .api::<RingGroup>()
        .patch(&groups[0].name_any(), &PatchParams::default(), &patch)
        .await
        .unwrap();
    sync_now(&namespace, "staff").await;
    assert_eq!(written(&namespace, before, &operator).len(), 1);
    let after = namespace.api::<RingGroup>().get(&groups[0].name_any()).await.unwrap();
    assert_eq!(after.spec.additional_members, Some(vec!["99".to_owned()]));
    await_rest(&namespace).await;
}
