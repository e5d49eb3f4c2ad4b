//! The chart's rights: the operator's own, and the roles for people, as the API server understands them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::served::kube;
use super::{ROOT, named, of_kind, rendered, the};
use crate::env::helm::{manifests, objects, values_files};
use crate::env::{Kube, process};

/// What is in a namespace.
fn of_namespace(objects: &[Value], namespace: &str) -> Vec<Value> {
    let inside = objects
        .iter()
        .filter(|object| object["metadata"]["namespace"] == namespace);
    inside.cloned().collect()
}

fn as_set(rules: &Value) -> BTreeSet<String> {
    rules.as_array().unwrap().iter().map(Value::to_string).collect()
}

#[tokio::test]
async fn secrets_are_read_where_the_configurations_live_and_nowhere_else() {
    let kube = kube().await;
    for namespace in ["with-secrets", "without"] {
        kube.kubectl(&["create", "namespace", namespace]).await;
    }
    let rights = manifests(
        "secretive",
        &[
            "--set=rbac.secretNamespaces={with-secrets}",
            "--show-only=templates/rbac.yaml",
        ],
    )
    .await;
    let namespace = r#"{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "secretive"}}"#;
    let rights = format!("{namespace}\n---\n{rights}");
    kube.kubectl_with_input(&["apply", "--server-side", "--filename=-"], &rights)
        .await;
    let operator = "system:serviceaccount:secretive:adsync";
    for kind in ["secrets", "configmaps"] {
        for verb in ["get", "list", "watch"] {
            let what = format!("{verb} {kind}");
            assert!(may_in(kube, "with-secrets", operator, &what).await, "{what}");
            assert!(!may_in(kube, "without", operator, &what).await, "{what}");
        }
    }
    assert!(may_in(kube, "without", operator, "list syncscopes").await);
    assert!(!may_in(kube, "with-secrets", operator, "create secrets").await);
}

#[tokio::test]
async fn the_rights_are_those_that_the_tests_run_with() {
    let tested = objects(&fs::read_to_string(Path::new(ROOT).join("deploy/rbac.yaml")).unwrap());
    let rules = &the(&tested, "ClusterRole")["rules"];
    assert!(rules.as_array().unwrap().len() > 3, "{rules}");
    for values in values_files() {
        let objects = rendered(&["--values", &values]).await;
        let deployment = of_kind(&objects, "Deployment")[0];
        let account = &deployment["spec"]["template"]["spec"]["serviceAccountName"];
        for binding in [
            of_kind(&objects, "ClusterRoleBinding"),
            of_kind(&objects, "RoleBinding"),
        ]
        .concat()
        {
            assert_eq!(&binding["subjects"][0]["name"], account, "{values}");
            let role = binding["roleRef"]["name"].as_str().unwrap();
            if binding["roleRef"]["kind"] == "Role" {
                continue;
            }
            let mut rights = named(&objects, "ClusterRole", role)["rules"].clone();
            if values.contains("secrets") {
                // What a Role in each of two namespaces has instead.
                let secrets = the(&of_namespace(&objects, "phones"), "Role")["rules"][0].clone();
                assert_eq!(secrets["resources"], json!(["secrets", "configmaps"]));
                rights.as_array_mut().unwrap().push(secrets);
                assert_eq!(as_set(&rights), as_set(rules), "{values}");
            } else {
                assert_eq!(&rights, rules, "{values}");
            }
        }
    }
}

#[tokio::test]
async fn who_serves_some_namespaces_has_no_rights_in_others() {
    let objects = rendered(&["--set=scope.namespaces={phones,branch-phones}"]).await;
    assert!(of_kind(&objects, "ClusterRoleBinding").is_empty());
    let account = the(&objects, "ServiceAccount")["metadata"]["name"].clone();
    let bindings = of_kind(&objects, "RoleBinding");
    let namespaces: Vec<_> = bindings
        .iter()
        .map(|binding| &binding["metadata"]["namespace"])
        .collect();
    assert_eq!(namespaces, ["phones", "branch-phones"]);
    for binding in bindings {
        let subject = json!([{"kind": "ServiceAccount", "name": account, "namespace": "adsync"}]);
        assert_eq!(binding["subjects"], subject);
        let role = binding["roleRef"]["name"].as_str().unwrap();
        named(&objects, "ClusterRole", role);
    }
}

#[tokio::test]
async fn roles_for_people_are_part_of_those_that_kubernetes_brings() {
    let aggregated = async |arguments: &[&str]| {
        let objects = rendered(arguments).await;
        let roles = of_kind(&objects, "ClusterRole").into_iter().filter_map(|role| {
            let labels = role["metadata"]["labels"].as_object()?;
            let label = labels
                .keys()
                .find_map(|label| label.strip_prefix("rbac.authorization.k8s.io/aggregate-to-"))?;
            Some(format!("{} {label}", role["metadata"]["name"].as_str()?))
        });
        let mut roles: Vec<String> = roles.collect();
        roles.sort();
        roles
    };
    let usual = ["adsync.admin admin", "adsync.editor edit", "adsync.viewer view"];
    assert_eq!(aggregated(&[]).await, usual);
    let with_people = [usual[0], usual[1], "adsync.phone-user-viewer view", usual[2]];
    assert_eq!(aggregated(&["--set=rbac.aggregatePhoneUsers=true"]).await, with_people);
    assert!(
        aggregated(&["--set=rbac.aggregate=false,rbac.aggregatePhoneUsers=true"])
            .await
            .is_empty()
    );
    let objects = rendered(&["--set=rbac.create=false"]).await;
    assert!(of_kind(&objects, "ClusterRole").is_empty());
}

/// Whether somebody may do it in a namespace.
async fn may_in(kube: &Kube, namespace: &str, who: &str, what: &str) -> bool {
    let environment = [
        ("KUBECONFIG", kube.kubeconfig().as_os_str()),
        ("KUBECACHEDIR", kube.folder().as_os_str()),
    ];
    let arguments: Vec<&str> = ["auth", "can-i", "--namespace", namespace, "--as", who]
        .into_iter()
        .chain(what.split(' '))
        .collect();
    let output = process::attempt(kube.kubectl_program(), &arguments, &environment, "").await;
    match String::from_utf8_lossy(&output.stdout).trim() {
        "yes" => true,
        "no" => false,
        _ => panic!("{what}: {}", String::from_utf8_lossy(&output.stderr)),
    }
}

#[tokio::test]
async fn each_role_may_do_what_it_is_called_for_and_no_more() {
    let kube = kube().await;
    // Of another release than the other tests', which come and go.
    let roles = manifests("roles", &["--show-only=templates/user-roles.yaml"]).await;
    kube.kubectl_with_input(&["apply", "--server-side", "--filename=-"], &roles)
        .await;
    for role in ["viewer", "phone-user-viewer", "editor", "admin"] {
        let (bind, role) = (format!("{role}s-of-phones"), format!("adsync.roles.{role}"));
        let user = format!("--user={role}");
        let arguments = [
            "--namespace=phones",
            "create",
            "rolebinding",
            &bind,
            "--clusterrole",
            &role,
            &user,
        ];
        kube.kubectl(&arguments).await;
    }
    // Who of viewer, phone-user-viewer, editor and admin may.
    for (what, wanted) in [
        ("list syncscopes", [true, false, true, true]),
        ("watch activedirectoryconfigs", [true, false, true, true]),
        ("get phonesystems", [true, false, true, true]),
        ("get extensions.telephony.adsync.dev", [true, false, true, true]),
        ("list ringgroups", [true, false, true, true]),
        ("list phoneusers", [false, true, true, true]),
        ("patch phoneusers", [false, false, true, true]),
        ("create syncscopes", [false, false, true, true]),
        ("delete extensionrules", [false, false, true, true]),
        ("deletecollection phoneusers", [false; 4]),
        ("patch syncscopes --subresource=status", [false; 4]),
        ("approve syncscopes", [false, false, false, true]),
        ("get syncscopes --subresource=results", [false, false, false, true]),
        ("get secrets", [false; 4]),
    ] {
        let mut found = [false; 4];
        for (found, role) in found.iter_mut().zip(["viewer", "phone-user-viewer", "editor", "admin"]) {
            *found = may_in(kube, "phones", &format!("adsync.roles.{role}"), what).await;
        }
        assert_eq!(found, wanted, "{what}");
    }
}
