//! Writing plans to a real API server: what each write becomes when the object is not what the plan took it for.

use adsync::{
    api::{Extension, PhoneUser, extension::ExtensionState},
    controllers::{apply::Fate, observed::Author},
    sync::{
        field::Field,
        plan::{Expected, Plan},
    },
};
use futures::{StreamExt, future};
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use crate::{
    env,
    telephony::{Telephony, claim, claims, holder, user, user_name, users},
};

#[tokio::test]
async fn a_person_gets_a_number_and_a_user_in_that_order() {
    let kube = env::kube().await;
    let telephony = Telephony::new(kube, "apply").await;
    let before = kube.audit_position();
    let name = user_name(1);
    let mut newcomer = user(
        1,
        &[(Field::Login, "ada"), (Field::Extension, "2001")],
        Expected::Absent,
    );
    newcomer.needs = Some("2001".parse().unwrap());
    let plan = Plan {
        claims: vec![claim("2001", &name, Expected::Absent)],
        users: vec![newcomer],
        ..Plan::default()
    };
    let applied = telephony.apply(&plan).await;
    assert!(applied.fates().all(|fate| *fate == Fate::Created), "{applied:?}");

    let extension = telephony.namespace.api::<Extension>().get("hq-2001").await.unwrap();
    assert_eq!(extension.spec.holder, Some(holder(&name)));
    assert_eq!(extension.metadata.labels.unwrap()["adsync.dev/scope"], "staff");
    let user = telephony.namespace.api::<PhoneUser>().get(&name).await.unwrap();
    assert_eq!(user.spec.extension.as_deref(), Some("2001"));
    let entries = user.metadata.managed_fields.unwrap();
    assert!(
        entries
            .iter()
            .all(|entry| entry.fields_v1.as_ref().unwrap().0["f:spec"].get("f:link").is_none()),
        "people's wish is never sent"
    );
    let written: Vec<_> = telephony
        .namespace
        .writes(before)
        .into_iter()
        .map(|event| (event.object.resource, event.response_status.code))
        .collect();
    assert_eq!(
        written,
        [("extensions".to_owned(), 201), ("phoneusers".to_owned(), 201)]
    );
}

#[tokio::test]
async fn the_maps_know_of_an_own_write_at_once_and_call_it_nobody_elses() {
    let telephony = Telephony::new(env::kube().await, "apply").await;
    let mut changes = Box::pin(telephony.objects.changes());
    telephony
        .apply(&users(
            (1..=40)
                .map(|number| user(number, &[(Field::Login, "ada")], Expected::Absent))
                .collect(),
        ))
        .await;
    assert_eq!(telephony.objects.of(&telephony.system).await.users.len(), 40);
    let gathered = changes.next().await.unwrap();
    assert!(
        gathered.iter().all(|change| change.by == Author::Operator),
        "{gathered:?}"
    );

    // What somebody else does is told with the scope it concerns, a status is not.
    let api = telephony.namespace.api::<PhoneUser>();
    let status = json!({"status": {"registered": true}});
    api.patch_status(&user_name(1), &PatchParams::default(), &Patch::Merge(&status))
        .await
        .unwrap();
    let edit = json!({"spec": {"title": "Countess"}});
    api.patch(&user_name(2), &PatchParams::default(), &Patch::Merge(&edit))
        .await
        .unwrap();
    let gathered = changes.next().await.unwrap();
    let told: Vec<_> = gathered
        .iter()
        .map(|change| (change.by, change.scope.as_deref()))
        .collect();
    assert_eq!(told, [(Author::Other, Some("staff"))]);
}

#[tokio::test]
async fn creating_what_exists_is_lost_and_resource_version_1_is_what_says_so() {
    let telephony = Telephony::new(env::kube().await, "apply").await;
    let plan = users(vec![user(1, &[(Field::Login, "ada")], Expected::Absent)]);
    assert_eq!(telephony.apply(&plan).await.users, [Fate::Created]);
    assert_eq!(telephony.apply(&plan).await.users, [Fate::Lost]);

    // The fact itself: 201 where nothing is, 409 where something is, and it never overwrites.
    let api = telephony.namespace.api::<PhoneUser>();
    let body = |login: &str| {
        json!({"apiVersion": "telephony.adsync.dev/v1alpha1", "kind": "PhoneUser", "metadata": {"name": "pinned", "resourceVersion": "1"},
            "spec": {"phoneSystemRef": {"name": "hq"}, "login": login}})
    };
    let parameters = PatchParams::apply("adsync").force();
    api.patch("pinned", &parameters, &Patch::Apply(body("first")))
        .await
        .unwrap();
    let refused = api
        .patch("pinned", &parameters, &Patch::Apply(body("second")))
        .await
        .unwrap_err();
    assert!(
        matches!(refused, kube::Error::Api(ref status) if status.code == 409),
        "{refused}"
    );
    assert_eq!(api.get("pinned").await.unwrap().spec.login.as_deref(), Some("first"));
}

#[tokio::test]
async fn a_number_goes_to_one_of_two_operators_that_claim_it_at_once() {
    let kube = env::kube().await;
    let telephony = Telephony::new(kube, "apply").await;
    let (other_objects, watching) =
        crate::telephony::observe(&telephony.namespace, &telephony.namespace.client()).await;
    let mut other = telephony.writer(&other_objects, "sales");
    let numbers = || (2000..2040).map(|number: u32| number.to_string());
    let ours = claims(
        numbers()
            .map(|number| claim(&number, "ours", Expected::Absent))
            .collect(),
    );
    let theirs = claims(
        numbers()
            .map(|number| claim(&number, "theirs", Expected::Absent))
            .collect(),
    );
    let (ours, theirs) = future::join(telephony.apply(&ours), other.apply(&theirs)).await;
    for (number, (one, other)) in numbers().zip(ours.claims.iter().zip(&theirs.claims)) {
        let extension = telephony
            .namespace
            .api::<Extension>()
            .get(&format!("hq-{number}"))
            .await
            .unwrap();
        let holder = extension.spec.holder.unwrap().name;
        match (one, other) {
            (Fate::Created, Fate::Lost) => assert_eq!(holder, "ours"),
            (Fate::Lost, Fate::Created) => assert_eq!(holder, "theirs"),
            fates => panic!("{number}: {fates:?}"),
        }
    }
    watching.abort();
}

#[tokio::test]
async fn a_number_that_people_hold_is_lost_and_whoever_needs_it_waits() {
    let telephony = Telephony::new(env::kube().await, "apply").await;
    telephony
        .namespace
        .apply(
            "{apiVersion: telephony.adsync.dev/v1alpha1, kind: Extension, metadata: {name: hq-2001},
              spec: {phoneSystemRef: {name: hq}, number: '2001', state: Reserved}}",
        )
        .await;
    let mut newcomer = user(1, &[(Field::Extension, "2001")], Expected::Absent);
    newcomer.needs = Some("2001".parse().unwrap());
    let plan = Plan {
        claims: vec![claim("2001", &user_name(1), Expected::Absent)],
        users: vec![newcomer],
        ..Plan::default()
    };
    let applied = telephony.apply(&plan).await;
    assert_eq!((applied.claims, applied.users), (vec![Fate::Lost], vec![Fate::Skipped]));
    let maps = telephony.objects.of(&telephony.system).await;
    assert_eq!(
        maps.extensions["hq-2001"].state,
        Some(ExtensionState::Reserved),
        "folded in, for the next plan to see"
    );
    assert!(maps.users.is_empty());
}

#[tokio::test]
async fn the_holder_of_a_number_never_changes_but_from_cooling() {
    let telephony = Telephony::new(env::kube().await, "apply").await;
    telephony
        .apply(&claims(vec![claim("2001", "first", Expected::Absent)]))
        .await;
    let expected = telephony.expected_number("2001").await;
    let applied = telephony.apply(&claims(vec![claim("2001", "second", expected)])).await;
    assert!(
        matches!(&*applied.claims, [Fate::Failed(_)]),
        "a plan that takes a number from its holder is wrong: {applied:?}"
    );

    let cool = json!({"spec": {"state": "Cooling", "releaseAfter": "2026-01-01T00:00:00Z"}});
    let api = telephony.namespace.api::<Extension>();
    api.patch("hq-2001", &PatchParams::default(), &Patch::Merge(&cool))
        .await
        .unwrap();
    // The plan still expects it as it was: lost, and the maps know why.
    let applied = telephony
        .apply(&claims(vec![claim(
            "2001",
            "second",
            telephony.expected_number("2001").await,
        )]))
        .await;
    if applied.claims == [Fate::Lost] {
        let applied = telephony
            .apply(&claims(vec![claim(
                "2001",
                "second",
                telephony.expected_number("2001").await,
            )]))
            .await;
        assert_eq!(applied.claims, [Fate::Updated]);
    } else {
        assert_eq!(applied.claims, [Fate::Updated], "the watch was faster");
    }
    assert_eq!(api.get("hq-2001").await.unwrap().spec.holder, Some(holder("second")));
}

#[tokio::test]
async fn what_was_deleted_between_read_and_apply_stays_deleted() {
    let telephony = Telephony::new(env::kube().await, "apply").await;
    telephony
        .apply(&users(vec![user(1, &[(Field::Login, "ada")], Expected::Absent)]))
        .await;
    let expected = telephony.expected(&user_name(1)).await;
    telephony
        .namespace
        .api::<PhoneUser>()
        .delete(&user_name(1), &DeleteParams::default())
        .await
        .unwrap();
    let change = user(1, &[(Field::Login, "ada"), (Field::Title, "Countess")], expected);
    assert_eq!(telephony.apply(&users(vec![change])).await.users, [Fate::Lost]);
    assert!(
        telephony
            .namespace
            .api::<PhoneUser>()
            .get_opt(&user_name(1))
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(telephony.expected(&user_name(1)).await, Expected::Absent);
}

#[tokio::test]
async fn what_was_unlinked_between_read_and_apply_is_left_alone() {
    let telephony = Telephony::new(env::kube().await, "apply").await;
    telephony
        .apply(&users(vec![user(1, &[(Field::Title, "Analyst")], Expected::Absent)]))
        .await;
    let expected = telephony.expected(&user_name(1)).await;
    let unlink = json!({"spec": {"link": "Unlinked", "title": "Countess"}});
    let api = telephony.namespace.api::<PhoneUser>();
    api.patch(&user_name(1), &PatchParams::default(), &Patch::Merge(&unlink))
        .await
        .unwrap();
    let mut change = user(1, &[(Field::Title, "Programmer")], expected);
    change.apply.as_mut().unwrap().force = true;
    assert_eq!(telephony.apply(&users(vec![change])).await.users, [Fate::Lost]);
    assert_eq!(
        api.get(&user_name(1)).await.unwrap().spec.title.as_deref(),
        Some("Countess")
    );
    assert!(telephony.objects.of(&telephony.system).await.users[&*user_name(1)].is_unlinked);
}

#[tokio::test]
async fn a_field_that_another_tool_applies_is_not_taken() {
    let telephony = Telephony::new(env::kube().await, "apply").await;
    telephony
        .apply(&users(vec![user(1, &[(Field::Login, "ada")], Expected::Absent)]))
        .await;
    let title = json!({"apiVersion": "telephony.adsync.dev/v1alpha1", "kind": "PhoneUser", "metadata": {"name": user_name(1)},
        "spec": {"phoneSystemRef": {"name": "hq"}, "title": "Countess"}});
    let api = telephony.namespace.api::<PhoneUser>();
    let stale = telephony.expected(&user_name(1)).await;
    api.patch(&user_name(1), &PatchParams::apply("hr-system"), &Patch::Apply(&title))
        .await
        .unwrap();
    let plan = |expected| {
        users(vec![user(
            1,
            &[(Field::Login, "ada"), (Field::Title, "Programmer")],
            expected,
        )])
    };
    assert_eq!(telephony.apply(&plan(stale)).await.users, [Fate::Lost]);
    let maps = telephony.objects.of(&telephony.system).await;
    let applied_by_others = maps.users[&*user_name(1)].ownership.applied.clone();
    drop(maps);
    assert_eq!(&*applied_by_others[0].0, "hr-system");
    assert!(applied_by_others[0].1.contains(Field::Title));

    // A plan that ignores it is refused, and says who has it; it is not fought for.
    let applied = telephony.apply(&plan(telephony.expected(&user_name(1)).await)).await;
    let [Fate::Failed(reason)] = &*applied.users else {
        panic!("{applied:?}")
    };
    assert!(reason.contains("hr-system") && reason.contains("title"), "{reason}");
    assert_eq!(
        api.get(&user_name(1)).await.unwrap().spec.title.as_deref(),
        Some("Countess")
    );
}

#[tokio::test]
async fn one_object_that_cannot_be_written_costs_that_object() {
    let telephony = Telephony::new(env::kube().await, "apply").await;
    let too_long = "x".repeat(100_000);
    let plan = users(vec![
        user(1, &[(Field::Login, "ada")], Expected::Absent),
        user(2, &[(Field::DisplayName, &too_long)], Expected::Absent),
        user(3, &[(Field::Login, "grace")], Expected::Absent),
    ]);
    let applied = telephony.apply(&plan).await;
    assert!(
        matches!(&*applied.users, [Fate::Created, Fate::Failed(_), Fate::Created]),
        "{applied:?}"
    );
}
