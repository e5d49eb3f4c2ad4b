//! Other hands on what the operator makes: tools that apply or update a field of it, and people with kubectl. Each ends in one
//! state, whoever is right, and nobody writes again and again.

use adsync::api::{Extension, PhoneUser, RingGroup, SyncScope, sync_scope::ProblemReason::FieldManagedElsewhere};
use kube::{
    Resource, ResourceExt,
    api::{ListParams, Patch, PatchParams},
    core::NamespaceResourceScope,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::scene::{Scene, everyone, phone_user, problems, with};
use crate::{
    env::{self, Person, PersonSpec},
    scenario::{eventually, settled, written},
};

/// A person in a department with a ring group.
async fn company(scene: &Scene) -> Person {
    let ada = scene
        .ou
        .person(PersonSpec::named("Ada Lovelace").with("title", "Analyst"))
        .await;
    let group = scene.ou.group("Support", &[&ada.dn]).await;
    let departments = json!([{"name": "support", "group": {"dn": group}, "ringGroup": {"number": "600"}}]);
    scene
        .scope("staff", with(everyone(), json!({"departments": departments})))
        .await;
    ada
}

/// Writes by the operator to what it makes, over several syncs of what is at rest.
async fn writes_of_three_syncs(scene: &Scene) -> Vec<String> {
    let operator = scene.operator().await;
    let position = settled(env::kube().await, &scene.namespace, operator).await;
    for _ in 0..3 {
        scene.sync("staff").await;
    }
    let writes = written(&scene.namespace, position, operator).into_iter();
    let made = writes.filter(|event| ["phoneusers", "extensions", "ringgroups"].contains(&&*event.object.resource));
    made.map(|event| format!("{} {}", event.verb, event.object.name))
        .collect()
}

#[tokio::test]
async fn whoever_applies_or_updates_a_field_keeps_it_and_nobody_writes_again_and_again() {
    for (manager, applies) in [
        ("hr-system", true),
        ("argocd-controller", true),
        ("phone-portal", false),
        ("kubectl-client-side-apply", false),
    ] {
        let scene = Scene::new("hands").await;
        let ada = company(&scene).await;
        let name = scene.user(&ada.login).await.name_any();
        let title = json!({"title": "Countess"});
        let position = env::kube().await.audit_position();
        if applies {
            let api = scene.namespace.api::<PhoneUser>();
            let parameters = PatchParams::apply(manager).force();
            let patch = Patch::Apply(phone_user(&name, title));
            api.patch(&name, &parameters, &patch).await.unwrap();
        } else {
            scene.edit_user_as(manager, &name, title).await;
        }
        let told = [(&*ada.login, FieldManagedElsewhere)];
        let scope = eventually("the report of the other hand", async || {
            let scope = scene.sync("staff").await;
            (problems(&scope) == told).then_some(scope)
        })
        .await;
        assert_eq!(problems(&scope), told, "{manager}");
        assert_eq!(writes_of_three_syncs(&scene).await, [""; 0], "{manager}");
        // Of Active Directory, everything else goes on to arrive.
        scene.ou.set(&ada.dn, "physicalDeliveryOfficeName", &["B 2.17"]).await;
        scene.ou.set(&ada.dn, "title", &["Mathematician"]).await;
        scene.sync("staff").await;
        let spec = scene.user(&ada.login).await.spec;
        let [title, office] = [spec.title.as_deref(), spec.office.as_deref()];
        assert_eq!([title, office], [Some("Countess"), Some("B 2.17")], "{manager}");
        let writes = written(&scene.namespace, position, scene.operator().await);
        let of_users = writes.iter().filter(|event| event.object.resource == "phoneusers");
        assert!(of_users.count() <= 2, "letting go, and the office: {writes:#?}");
        scene.finish().await;
    }
}

#[tokio::test]
async fn what_a_person_edits_with_kubectl_is_repaired_once() {
    let scene = Scene::new("hands").await;
    let ada = company(&scene).await;
    let user = scene.user(&ada.login).await;
    let name = user.name_any();
    let number = user.spec.extension.clone().unwrap();
    let ring_group = scene.ring_group("Support").await.name_any();
    let position = env::kube().await.audit_position();
    let edit = |spec: Value| json!({"spec": spec}).to_string();
    for (kind, name, spec) in [
        (
            "phoneuser",
            &name,
            json!({"displayName": "Countess", "title": null, "enabled": false}),
        ),
        ("phoneuser", &name, json!({"extension": "2999"})),
        (
            "ringgroup",
            &ring_group,
            json!({"displayName": "Somebody else's", "members": ["2998"]}),
        ),
    ] {
        let (patch, before) = (
            edit(spec),
            settled(env::kube().await, &scene.namespace, scene.operator().await).await,
        );
        scene
            .namespace
            .kubectl(&["patch", kind, name, "--type=merge", "--patch", &patch])
            .await;
        eventually("the repair", async || {
            let writes = written(&scene.namespace, before, scene.operator().await);
            writes.iter().any(|event| event.object.name == *name).then_some(())
        })
        .await;
        assert_eq!(writes_of_three_syncs(&scene).await, [""; 0], "{patch}");
    }
    let spec = scene.user(&ada.login).await.spec;
    assert_eq!(spec, user.spec, "as Active Directory has it");
    assert_eq!(scene.extension("2999").await.map(|extension| extension.spec), None);
    let ring_group = scene.ring_group("Support").await.spec;
    assert_eq!(ring_group.members, Some(vec![number]));
    let writes = written(&scene.namespace, position, scene.operator().await);
    let made = writes.iter().filter(|event| event.object.resource != "syncscopes");
    let made = made.filter(|event| !["extensionrules", "phonesystems", "events"].contains(&&*event.object.resource));
    assert_eq!(made.count(), 3, "one repair each: {writes:#?}");
    scene.finish().await;
}

#[tokio::test]
async fn somebody_elses_word_does_not_keep_a_disabled_persons_phone_on() {
    let scene = Scene::new("hands").await;
    let ada = company(&scene).await;
    let name = scene.user(&ada.login).await.name_any();
    let parameters = PatchParams::apply("hr-system").force();
    let patch = Patch::Apply(phone_user(&name, json!({"enabled": true})));
    let api = scene.namespace.api::<PhoneUser>();
    api.patch(&name, &parameters, &patch).await.unwrap();
    env::directory().await.disable(&ada.dn).await;
    scene.sync("staff").await;
    assert_eq!(scene.user(&ada.login).await.spec.enabled, Some(false));
    assert_eq!(writes_of_three_syncs(&scene).await, [""; 0]);
    scene.finish().await;
}

/// Metadata of all objects of a kind.
async fn metadata<K>(scene: &Scene) -> Vec<Value>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned,
{
    let api = scene.namespace.api::<K>();
    let all = api.list_metadata(&ListParams::default()).await.unwrap().items;
    all.iter()
        .map(|object| json!({"labels": object.labels(), "annotations": object.annotations(), "finalizers": object.finalizers()}))
        .collect()
}

#[tokio::test]
async fn nothing_that_people_put_on_their_objects_goes_on_to_what_is_made() {
    let scene = Scene::new("hands").await;
    company(&scene).await;
    let theirs = [
        "activedirectoryconfig/corp",
        "phonesystem/hq",
        "extensionrule/hq-numbers",
        "syncscope/staff",
    ];
    for object in theirs {
        // What Argo CD and Flux know their own by: what is made would be pruned as no longer in Git.
        let labels = [
            "app.kubernetes.io/instance=company",
            "kustomize.toolkit.fluxcd.io/name=company",
            "team=voice",
        ];
        scene
            .namespace
            .kubectl(&[&["label", object][..], &labels].concat())
            .await;
        let annotations = [
            "argocd.argoproj.io/tracking-id=company:v1:phones",
            "example.com/owner=voice",
        ];
        scene
            .namespace
            .kubectl(&[&["annotate", object][..], &annotations].concat())
            .await;
    }
    scene.ou.people(["Grace Hopper", "Jürgen Müller"]).await;
    scene.sync("staff").await;
    let made = [
        metadata::<PhoneUser>(&scene).await,
        metadata::<Extension>(&scene).await,
        metadata::<RingGroup>(&scene).await,
    ];
    assert_eq!(made.each_ref().map(Vec::len), [3, 4, 1]);
    let labels =
        json!({"app.kubernetes.io/managed-by": "adsync", "adsync.dev/scope": "staff", "adsync.dev/phone-system": "hq"});
    for object in made.iter().flatten() {
        assert_eq!(*object, json!({"labels": labels, "annotations": {}, "finalizers": []}));
    }
    let scope = metadata::<SyncScope>(&scene).await;
    assert_eq!(scope[0]["labels"]["team"], "voice", "and nobody takes them away");
    scene.finish().await;
}
