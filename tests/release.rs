//! Letting go of fields on a real API server: the value stays, and anybody may have it.

use adsync::{
    api::PhoneUser,
    controllers::apply::Fate,
    sync::{
        field::{Field, FieldSet},
        plan::Expected,
    },
};
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::{
    env,
    telephony::{Telephony, user, user_name, users},
};

#[tokio::test]
async fn a_field_that_is_let_go_keeps_its_value_and_is_free_to_apply() {
    let telephony = Telephony::new(env::kube().await, "release").await;
    let values = [
        (Field::Login, "ada"),
        (Field::Title, "Analyst"),
        (Field::Phone, "+44 20 7946 0001"),
    ];
    telephony.apply(&users(vec![user(1, &values, Expected::Absent)])).await;
    let api = telephony.namespace.api::<PhoneUser>();
    let generation = api.get(&user_name(1)).await.unwrap().metadata.generation;

    let mut change = user(1, &values[..1], telephony.expected(&user_name(1)).await);
    change.release = [Field::Title, Field::Phone].into_iter().collect();
    assert_eq!(telephony.apply(&users(vec![change])).await.users, [Fate::Updated]);

    let released = api.get(&user_name(1)).await.unwrap();
    assert_eq!(released.spec.title.as_deref(), Some("Analyst"));
    assert_eq!(released.spec.phone.as_deref(), Some("+44 20 7946 0001"));
    assert_eq!(released.metadata.generation, generation);
    assert_eq!(released.spec.login.as_deref(), Some("ada"));
    let maps = telephony.objects.of(&telephony.system).await;
    let ours = maps.users[&*user_name(1)].ownership.ours;
    assert!(!ours.contains(Field::Title) && !ours.contains(Field::Phone) && ours.contains(Field::Login));
    drop(maps);

    let title = json!({"apiVersion": "telephony.adsync.dev/v1alpha1", "kind": "PhoneUser",
        "metadata": {"name": user_name(1)}, "spec": {"phoneSystemRef": {"name": "hq"}, "title": "Countess"}});
    api.patch(&user_name(1), &PatchParams::apply("hr-system"), &Patch::Apply(&title))
        .await
        .expect("no conflict, no force");
}

#[tokio::test]
async fn without_letting_go_a_shorter_apply_deletes() {
    let telephony = Telephony::new(env::kube().await, "release").await;
    let values = [(Field::Login, "ada"), (Field::Title, "Analyst")];
    telephony.apply(&users(vec![user(1, &values, Expected::Absent)])).await;
    let shorter = user(1, &values[..1], telephony.expected(&user_name(1)).await);
    telephony.apply(&users(vec![shorter])).await;
    assert_eq!(
        telephony
            .namespace
            .api::<PhoneUser>()
            .get(&user_name(1))
            .await
            .unwrap()
            .spec
            .title,
        None
    );
}

#[tokio::test]
async fn an_unlinked_user_is_let_go_whole_and_stays_as_it_is() {
    let telephony = Telephony::new(env::kube().await, "release").await;
    telephony
        .apply(&users(vec![user(1, &[(Field::Login, "ada")], Expected::Absent)]))
        .await;
    let api = telephony.namespace.api::<PhoneUser>();
    let before = api.get(&user_name(1)).await.unwrap();
    let mut change = user(1, &[], telephony.expected(&user_name(1)).await);
    change.release = FieldSet::all_of_spec();
    change.apply = None;
    assert_eq!(telephony.apply(&users(vec![change])).await.users, [Fate::Updated]);
    let after = api.get(&user_name(1)).await.unwrap();
    assert_eq!(after.spec, before.spec);
    let entries = after.metadata.managed_fields.unwrap();
    let ours = entries
        .iter()
        .find(|entry| entry.manager.as_deref() == Some("adsync"))
        .unwrap();
    assert_eq!(
        ours.fields_v1.as_ref().unwrap().0["f:spec"],
        json!({"f:phoneSystemRef": {"f:name": {}}}),
        "phoneSystemRef and the labels stay ours"
    );
    assert!(
        ours.fields_v1.as_ref().unwrap().0["f:metadata"]["f:labels"]
            .as_object()
            .unwrap()
            .len()
            == 3
    );

    let edit = json!({"spec": {"login": "countess"}});
    api.patch(&user_name(1), &PatchParams::default(), &Patch::Merge(&edit))
        .await
        .unwrap();
    assert_eq!(
        api.get(&user_name(1)).await.unwrap().spec.login.as_deref(),
        Some("countess")
    );
}

#[tokio::test]
async fn letting_go_of_an_older_version_is_lost() {
    let telephony = Telephony::new(env::kube().await, "release").await;
    telephony
        .apply(&users(vec![user(1, &[(Field::Title, "Analyst")], Expected::Absent)]))
        .await;
    let stale = telephony.expected(&user_name(1)).await;
    let edit = json!({"spec": {"office": "London"}});
    let api = telephony.namespace.api::<PhoneUser>();
    api.patch(&user_name(1), &PatchParams::default(), &Patch::Merge(&edit))
        .await
        .unwrap();
    let mut change = user(1, &[], stale);
    change.release = [Field::Title].into_iter().collect();
    assert_eq!(telephony.apply(&users(vec![change])).await.users, [Fate::Lost]);
    assert_eq!(
        api.get(&user_name(1)).await.unwrap().spec.title.as_deref(),
        Some("Analyst")
    );
}
