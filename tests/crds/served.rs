//! What the API server makes of objects that it accepts: defaults, status, selection and size.

use adsync::api::{PhoneUser, crds};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use super::admission::{TABLES, Table};
use crate::env::{self, Namespace};

/// The object of a kind's table that is fine.
pub(super) fn valid(kind: &str) -> Value {
    let (_, text) = TABLES.iter().find(|(table, _)| *table == kind).unwrap();
    serde_yaml::from_str::<Table>(text).unwrap().valid
}

pub(super) fn api(namespace: &Namespace<'_>, kind: &str) -> Api<DynamicObject> {
    let crds = crds::all();
    let spec = &crds.iter().find(|crd| crd.spec.names.kind == kind).unwrap().spec;
    let kind = GroupVersionKind::gvk(&spec.group, "v1alpha1", kind);
    let resource = ApiResource::from_gvk_with_plural(&kind, &spec.names.plural);
    Api::namespaced_with(namespace.client(), namespace.name(), &resource)
}

pub(super) async fn apply(api: &Api<DynamicObject>, object: &Value) -> DynamicObject {
    let name = object["metadata"]["name"].as_str().unwrap();
    api.patch(
        name,
        &PatchParams::apply("person").validation_strict(),
        &Patch::Apply(object),
    )
    .await
    .unwrap()
}

/// Only what people must write.
fn least() -> [Value; 7] {
    let system = json!({"name": "hq"});
    let object = |group: &str, kind: &str, name: &str, spec: Value| json!({"apiVersion": format!("{group}/v1alpha1"), "kind": kind, "metadata": {"name": name}, "spec": spec});
    let [sync, telephony] = ["adsync.dev", "telephony.adsync.dev"];
    let credentials = json!({"secretRef": {"name": "corp-bind"}});
    let range = json!([{"from": "2000", "to": "2999"}]);
    let scope = json!({"directoryRef": {"name": "corp"}, "phoneSystemRef": system, "users": {"everyone": {}}});
    [
        object(
            sync,
            "ActiveDirectoryConfig",
            "least",
            json!({"domain": "example.com", "credentials": credentials}),
        ),
        object(sync, "SyncScope", "least", scope),
        object(
            sync,
            "ExtensionRule",
            "least",
            json!({"phoneSystemRef": system, "source": "Sequential", "ranges": range}),
        ),
        object(telephony, "PhoneSystem", "least", json!({})),
        object(telephony, "PhoneUser", "least", json!({"phoneSystemRef": system})),
        object(
            telephony,
            "Extension",
            "hq-1",
            json!({"phoneSystemRef": system, "number": "1", "state": "Reserved"}),
        ),
        object(telephony, "RingGroup", "least", json!({"phoneSystemRef": system})),
    ]
}

#[tokio::test]
async fn applying_an_object_again_changes_nothing_nor_does_applying_what_the_server_made_of_it() {
    let namespace = env::kube().await.namespace("applied").await;
    for object in TABLES.iter().map(|(kind, _)| valid(kind)).chain(least()) {
        let kind = object["kind"].as_str().unwrap();
        let api = api(&namespace, kind);
        apply(&api, &object).await;
        // The API server drops the status of what is created and fills in its default when it reads: that is stored once.
        let first = apply(&api, &object).await;
        assert_eq!(
            apply(&api, &object).await.resource_version(),
            first.resource_version(),
            "{kind}"
        );
        // With its defaults written out, which is what Argo CD and a person who edits the object see.
        let whole = json!({"apiVersion": object["apiVersion"], "kind": kind, "metadata": object["metadata"], "spec": first.data["spec"]});
        assert_eq!(apply(&api, &whole).await.data["spec"], first.data["spec"], "{kind}");
        assert!(
            !first.data["spec"].to_string().contains("null"),
            "{kind}: {}",
            first.data
        );
    }
}

#[tokio::test]
async fn an_object_that_nobody_looked_at_is_unobserved() {
    let namespace = env::kube().await.namespace("unobserved").await;
    for object in least() {
        let kind = object["kind"].as_str().unwrap();
        let status = apply(&api(&namespace, kind), &object).await.data["status"].clone();
        let configured = ["ActiveDirectoryConfig", "SyncScope", "ExtensionRule", "PhoneSystem"].contains(&kind);
        assert_eq!(
            status,
            if configured {
                json!({"observedGeneration": -1})
            } else {
                Value::Null
            },
            "{kind}"
        );
    }
}

#[tokio::test]
async fn the_defaults_of_the_cluster_are_those_of_the_code() {
    let namespace = env::kube().await.namespace("defaults").await;
    for object in least() {
        let kind = object["kind"].as_str().unwrap();
        let applied = apply(&api(&namespace, kind), &object).await.data["spec"].clone();
        macro_rules! same {
            ($($kind:ident),+) => {
                match kind {
                    $(stringify!($kind) => {
                        let read = |spec: &Value| serde_json::from_value::<adsync::api::$kind>(
                            json!({"apiVersion": object["apiVersion"], "kind": kind, "metadata": {}, "spec": spec}),
                        ).unwrap().spec;
                        assert_eq!(read(&applied), read(&object["spec"]), "{kind}");
                    })+
                    // `link` is only spelled out by the cluster: people's wish has no default in the code.
                    _ => assert_eq!(applied, json!({"phoneSystemRef": {"name": "hq"}, "link": "Linked"})),
                }
            };
        }
        same!(
            ActiveDirectoryConfig,
            SyncScope,
            ExtensionRule,
            PhoneSystem,
            Extension,
            RingGroup
        );
    }
}

#[tokio::test]
async fn a_phone_system_may_write_any_status_and_touches_no_spec() {
    let namespace = env::kube().await.namespace("status").await;
    for kind in ["PhoneUser", "Extension", "RingGroup"] {
        let api = api(&namespace, kind);
        let made = apply(&api, &valid(kind)).await;
        let status = json!({"registered": true, "devices": [{"model": "T54W"}]});
        let patch = json!({"status": status, "spec": {"phoneSystemRef": {"name": "other"}}});
        let patched = api
            .patch_status(&made.name_any(), &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .unwrap();
        assert_eq!(patched.data["status"], status, "{kind}");
        assert_eq!(patched.data["spec"], made.data["spec"], "{kind}");
        assert_eq!(patched.metadata.generation, made.metadata.generation, "{kind}");
    }
}

#[tokio::test]
async fn people_are_found_by_login_extension_and_account() {
    let namespace = env::kube().await.namespace("selected").await;
    let users = api(&namespace, "PhoneUser");
    apply(&users, &valid("PhoneUser")).await;
    apply(&users, &least()[4]).await;
    for field in [
        "login=jdoe",
        "extension=2001",
        "directory.objectGUID=0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
    ] {
        let found = namespace
            .api::<PhoneUser>()
            .list(&ListParams::default().fields(&format!("spec.{field}")))
            .await
            .unwrap();
        assert_eq!(found.items.len(), 1, "{field}");
    }
}

#[tokio::test]
async fn the_largest_scope_is_accepted() {
    let namespace = env::kube().await.namespace("largest").await;
    let parents = "OU=a-rather-long-name-of-an-organizational-unit,".repeat(2);
    let dn = |index: usize| json!({"dn": format!("CN=Group {index},{parents}DC=example,DC=com")});
    let name = |index: usize| format!("{:a>59}{index:04}", "");
    let entries = |count: usize, entry: &dyn Fn(usize) -> Value| (0..count).map(entry).collect::<Vec<_>>();
    let filter = format!("(|{})", "(department=Sales)".repeat(100));
    let scope = json!({
        "apiVersion": "adsync.dev/v1alpha1",
        "kind": "SyncScope",
        "metadata": {"name": "largest"},
        "spec": {
            "directoryRef": {"name": "corp"},
            "phoneSystemRef": {"name": "hq"},
            "users": {"organizationalUnits": entries(256, &dn), "groups": entries(256, &dn), "filter": filter},
            "exclude": entries(256, &|index| json!({"name": name(index), "group": dn(index)})),
            "extensions": entries(64, &|index| json!({"name": name(index), "ruleRef": {"name": "a"}, "when": {"group": dn(index)}})),
            "departments": entries(256, &|index| json!({"name": name(index), "under": dn(index), "exclude": entries(8, &dn)})),
        }
    });
    apply(&api(&namespace, "SyncScope"), &scope).await;
    let ranges = entries(
        64,
        &|index| json!({"from": format!("{index:014}0"), "to": format!("{index:014}9")}),
    );
    let mut rule = valid("ExtensionRule");
    rule["spec"]["ranges"] = ranges.into();
    apply(&api(&namespace, "ExtensionRule"), &rule).await;
    let mut group = valid("RingGroup");
    group["spec"]["members"] = (0..20_000).map(|number| format!("{number:06}")).collect();
    apply(&api(&namespace, "RingGroup"), &group).await;
}
