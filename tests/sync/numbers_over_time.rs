//! Numbers over time: they follow the directory, rest when they are freed, and are nobody else's at any moment.

use std::collections::BTreeMap;

use adsync::api::{
    Extension, PhoneUser,
    extension::{ExtensionState, Holder, HolderKind},
    sync_scope::ProblemReason::{NumberInvalid, NumberMissing, NumberTaken, OutOfRange},
};
use futures::{StreamExt as _, pin_mut};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, ListParams, WatchEvent, WatchParams},
    core::NamespaceResourceScope,
};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::scene::{Scene, everyone, numbers, problem_of, problems, with};
use crate::{
    env::{Person, PersonSpec},
    scenario::eventually,
};

/// Numbers from `ipPhone`.
async fn scene_of(people: &[(&str, &str)]) -> (Scene, Vec<Person>) {
    let scene = Scene::new("moving").await;
    let rule = json!({"source": "Attribute", "attribute": {"name": "ipPhone"}});
    scene.rule("hq-numbers", rule).await;
    let specs = people
        .iter()
        .map(|(name, number)| PersonSpec::named(name).with("ipPhone", number));
    let people = scene.ou.people(specs).await;
    scene.scope("staff", everyone()).await;
    (scene, people)
}

/// The version of everything of a kind, as of now.
async fn version<K>(api: &Api<K>) -> String
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + DeserializeOwned + std::fmt::Debug,
{
    let list = api.list(&ListParams::default()).await.unwrap();
    list.metadata.resource_version.unwrap()
}

/// Every version of every object of a kind since `version`, by the number of the write.
async fn history<K>(api: &Api<K>, version: &str) -> BTreeMap<u64, K>
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + DeserializeOwned + std::fmt::Debug,
{
    let number = |object: &K| object.resource_version().unwrap().parse::<u64>().unwrap();
    let now = api.list(&ListParams::default()).await.unwrap();
    let since: u64 = version.parse().unwrap();
    let last = now.items.iter().map(number).max().unwrap_or_default();
    let mut history = BTreeMap::new();
    let events = api.watch(&WatchParams::default(), version).await.unwrap();
    pin_mut!(events);
    while last > since && !history.contains_key(&last) {
        if let WatchEvent::Added(object) | WatchEvent::Modified(object) = events.next().await.unwrap().unwrap() {
            history.insert(number(&object), object);
        }
    }
    history
}

/// Replays what was written since, and holds after each write that what a PhoneUser names is its own, by its Extension.
async fn was_sound(scene: &Scene, users_then: &str, extensions_then: &str) -> usize {
    let users = history(&scene.namespace.api::<PhoneUser>(), users_then).await;
    let extensions = history(&scene.namespace.api::<Extension>(), extensions_then).await;
    let mut names: BTreeMap<String, Option<String>> = BTreeMap::new();
    let mut holders: BTreeMap<String, (ExtensionState, Option<Holder>)> = BTreeMap::new();
    let writes: std::collections::BTreeSet<u64> = users.keys().chain(extensions.keys()).copied().collect();
    for write in &writes {
        if let Some(user) = users.get(write) {
            names.insert(user.name_any(), user.spec.extension.clone());
        }
        if let Some(extension) = extensions.get(write) {
            let spec = &extension.spec;
            holders.insert(spec.number.clone(), (spec.state, spec.holder.clone()));
        }
        for (name, number) in names.iter().filter_map(|(name, number)| Some((name, number.as_ref()?))) {
            // What was not written since is as it was.
            let Some((state, holder)) = holders.get(number) else {
                continue;
            };
            let holder = holder.as_ref().unwrap();
            assert_eq!(*state, ExtensionState::Assigned, "{name} names {number}");
            assert_eq!((holder.kind, &holder.name), (HolderKind::PhoneUser, name), "{number}");
        }
    }
    writes.len()
}

#[tokio::test]
async fn two_who_swap_their_numbers_in_the_directory_have_swapped_and_no_number_ever_had_two() {
    let (scene, people) = scene_of(&[("Ada Lovelace", "2001"), ("Bob Babbage", "2002"), ("Cem Chain", "2003")]).await;
    let [ada, bob, cem] = people.try_into().unwrap();
    let users = version(&scene.namespace.api::<PhoneUser>()).await;
    let extensions = version(&scene.namespace.api::<Extension>()).await;
    // One sync sees all of it.
    scene
        .apply_scope("staff", with(everyone(), json!({"suspend": true})))
        .await;
    scene.ou.set(&ada.dn, "ipPhone", &["2002"]).await;
    scene.ou.set(&bob.dn, "ipPhone", &["2001"]).await;
    scene.ou.set(&cem.dn, "ipPhone", &["2004"]).await;
    scene.scope("staff", everyone()).await;
    let moved = [(&ada, "2002"), (&bob, "2001"), (&cem, "2004")];
    let expected: BTreeMap<_, _> = moved
        .map(|(person, number)| (person.login.clone(), number.to_owned()))
        .into();
    eventually("everybody has their new number", async || {
        (scene.numbers().await == expected).then_some(())
    })
    .await;
    assert!(
        was_sound(&scene, &users, &extensions).await >= 11,
        "fields cleared, cooled, claimed, written"
    );
    let left = scene.extension("2003").await.unwrap().spec;
    assert_eq!(left.state, ExtensionState::Cooling);
    scene.finish().await;
}

#[tokio::test]
async fn a_disabled_holder_yields_and_whom_the_directory_says_nothing_of_keeps_theirs() {
    let names = [
        ("Ada Lovelace", "2001"),
        ("Bob Babbage", "2002"),
        ("Mia Missing", "2003"),
        ("Ina Invalid", "2004"),
        ("Tom Taken", "2005"),
    ];
    let (scene, people) = scene_of(&names).await;
    let [ada, bob, mia, ina, tom] = people.try_into().unwrap();
    scene.ou.disable(&ada.dn).await;
    scene.ou.set(&bob.dn, "ipPhone", &["2001"]).await;
    scene.ou.set(&mia.dn, "ipPhone", &[]).await;
    scene.ou.set(&ina.dn, "ipPhone", &["n/a"]).await;
    scene.ou.set(&tom.dn, "ipPhone", &["2003"]).await;
    let scope = scene.sync("staff").await;
    let kept = [(&bob, "2001"), (&mia, "2003"), (&ina, "2004"), (&tom, "2005")];
    let expected: BTreeMap<_, _> = kept
        .map(|(person, number)| (person.login.clone(), number.to_owned()))
        .into();
    assert_eq!(scene.numbers().await, expected, "and {} has none", ada.login);
    let reasons = [(&mia, NumberMissing), (&ina, NumberInvalid), (&tom, NumberTaken)];
    for (person, reason) in reasons {
        assert_eq!(problem_of(&scope, &person.login).reason, reason);
    }
    scene.finish().await;
}

#[tokio::test]
async fn a_number_that_rests_comes_back_to_its_holder_and_goes_to_no_newcomer() {
    let scene = Scene::new("cooling").await;
    let [ada, bob] = scene
        .ou
        .people(["Ada Lovelace", "Bob Babbage"])
        .await
        .try_into()
        .unwrap();
    scene.scope("staff", everyone()).await;
    let number = scene.number(&ada.login).await.unwrap();
    // Somebody deletes her PhoneUser while nobody syncs, and she is excluded meanwhile.
    let exclude = json!({"exclude": [{"name": "ada", "login": ada.login}]});
    let name = scene.user(&ada.login).await.name_any();
    scene
        .apply_scope(
            "staff",
            with(everyone(), with(exclude.clone(), json!({"suspend": true}))),
        )
        .await;
    let api = scene.namespace.api::<PhoneUser>();
    api.delete(&name, &DeleteParams::default()).await.unwrap();
    eventually("she is gone", async || {
        api.get_opt(&name).await.unwrap().is_none().then_some(())
    })
    .await;
    scene.scope("staff", with(everyone(), exclude)).await;
    let resting = eventually("her number rests", async || {
        let extension = scene.extension(&number).await?;
        (extension.spec.state == ExtensionState::Cooling).then_some(extension)
    })
    .await;
    assert_eq!(
        resting.spec.holder.map(|holder| holder.name),
        Some(name),
        "it is known who had it"
    );
    assert!(resting.spec.release_after.is_some());

    let nina = scene.ou.person("Nina New").await;
    scene.sync("staff").await;
    let given = scene.number(&nina.login).await;
    assert!(given.is_some() && given.as_deref() != Some(&*number), "{given:?}");
    scene.scope("staff", everyone()).await;
    let back = eventually("she is back", async || scene.numbers().await.remove(&ada.login)).await;
    assert_eq!(back, number);
    assert_eq!(scene.number(&bob.login).await.as_deref(), Some("2001"));
    scene.finish().await;
}

#[tokio::test]
async fn whose_number_the_rule_gives_no_more_stays_until_the_rule_says_renumber() {
    let scene = Scene::new("renumber").await;
    let [ada, bob] = scene
        .ou
        .people(["Ada Lovelace", "Bob Babbage"])
        .await
        .try_into()
        .unwrap();
    scene.scope("staff", everyone()).await;
    scene.rule("hq-numbers", numbers("2001", "2009")).await;
    let scope = eventually("she is told of", async || {
        let scope = scene.sync("staff").await;
        (problems(&scope) == [(&*ada.login, OutOfRange)]).then_some(scope)
    })
    .await;
    assert_eq!(problem_of(&scope, &ada.login).reason, OutOfRange);
    assert_eq!(scene.number(&ada.login).await.as_deref(), Some("2000"));
    scene
        .rule("hq-numbers", with(numbers("2001", "2009"), json!({"renumber": true})))
        .await;
    let number = eventually("she is moved", async || {
        let number = scene.number(&ada.login).await;
        number.filter(|number| number != "2000")
    })
    .await;
    assert_eq!(
        (number.as_str(), scene.number(&bob.login).await.as_deref()),
        ("2002", Some("2001"))
    );
    let resting = eventually("her old one rests", async || {
        let extension = scene.extension("2000").await?;
        (extension.spec.state == ExtensionState::Cooling).then_some(extension)
    })
    .await;
    assert!(resting.spec.release_after.is_some());
    scene.finish().await;
}
