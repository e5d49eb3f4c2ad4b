//! Who has left for certain, and who only seems to have (promise 2).

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::world::{STAFF, World, guid, name_of};
use crate::{
    api::phone_user::AbsenceReason,
    directory::{Alive, Dn, Guid, RawEntry, Sighting},
    sync::{
        absence::Absences,
        census::Census,
        claims::Claims,
        departments::Entry,
        evidence::{Open, Verdict, has_left},
        field::Field,
        past::Suspect,
        references::References,
        select::Selection,
    },
};

const PHONES: &str = "CN=phones,DC=example,DC=com";
const ELSEWHERE: &str = "OU=Elsewhere,DC=example,DC=com";
const REPEAT: &str = "must";

/// What is known of those who are missing, by login: `Deleted`, `OutOfScope`, `Disabled`, or why it is doubt.
fn verdicts(world: &World) -> BTreeMap<String, String> {
    let directory = world.snapshot();
    let mut sightings = world.sightings.clone();
    loop {
        let (verdicts, ask) = world.with_input(0, &directory, &sightings, |input| {
            let references = References::resolve(input.scope, input.directory, input.references);
            let selection = Selection::new(input.scope, &references, input.directory);
            let missing = Census::take(input, &references, &selection, &Claims::new(input)).missing;
            let absences = Absences::prove(input, &references, &selection, missing);
            let proven = absences.proven.iter();
            let proven = proven.map(|gone| (&gone.missing, format!("{:?}", gone.absence.reason)));
            let doubted = absences.doubted.iter().map(|(missing, why)| (missing, why.clone()));
            let all = proven.chain(doubted);
            let verdicts: BTreeMap<_, _> = all
                .map(|(missing, verdict)| (missing.subject.login.to_string(), verdict))
                .collect();
            (verdicts, absences.ask)
        });
        let unknown: Vec<Guid> = ask.into_iter().filter(|guid| !sightings.contains_key(guid)).collect();
        if unknown.is_empty() {
            return verdicts;
        }
        sightings.extend(unknown.into_iter().map(|guid| (guid, world.look_for(guid))));
    }
}

/// What is known of somebody, who is missing.
fn verdict(world: &World, login: &str) -> String {
    let verdicts = verdicts(world);
    let verdict = verdicts
        .get(login)
        .unwrap_or_else(|| panic!("{login} is not missing: {verdicts:?}"));
    verdict.clone()
}

fn is_doubt(verdict: &str) -> bool {
    !["Deleted", "OutOfScope", "Disabled"].contains(&verdict)
}

/// Reads again, minutes later.
fn read_later(world: &mut World) -> crate::sync::Outcome {
    let outcome = world.step(0);
    world.later(SignedDuration::from_mins(6));
    outcome
}

fn alive(dn: &str, groups: &[&str]) -> Sighting {
    Sighting::Alive(Box::new(Alive {
        dn: Dn::parse(dn).unwrap(),
        groups: groups.iter().map(|group| guid(group)).collect(),
    }))
}

/// A group that shows these members and groups that it is in, with their objectGUIDs as Active Directory sends them.
fn shown(name: &str, members: &[&str], parents: &[&str]) -> RawEntry {
    let link = |word: &&str| format!("<GUID={}>;CN={word},DC=example,DC=com", guid(word));
    RawEntry::new(format!("CN={name},DC=example,DC=com"))
        .with_guid(guid(name))
        .with("cn", [name])
        .with("member", members.iter().map(link))
        .with("memberOf", parents.iter().map(link))
}

fn four(users: &str, spec: &str) -> World {
    ["ada", "bob", "cyd", "dan"]
        .iter()
        .fold(World::with_users(users, spec), |world, login| world.person(login, &[]))
}

/// All four have been synced.
fn synced(users: &str) -> World {
    let mut world = four(users, "").unit(ELSEWHERE);
    world.sync();
    world
}

#[test]
fn a_tombstone_is_proof_at_once() {
    let mut world = synced("{everyone: {}}");
    world.sees_tombstones = true;
    world.delete("ada");
    assert_eq!(verdict(&world, "ada"), "Deleted");
    assert_eq!(verdicts(&world).len(), 1);
}

#[test]
fn whoever_sees_tombstones_and_finds_none_has_lost_sight_of_somebody() {
    let mut world = synced("{everyone: {}}");
    world.sees_tombstones = true;
    world.leave("ada");
    for _ in 0..3 {
        assert!(verdict(&world, "ada").contains("hidden"));
        read_later(&mut world);
    }
}

#[test]
fn no_answer_must_repeat_minutes_later() {
    let mut world = synced("{everyone: {}}");
    world.leave("ada");
    assert!(verdict(&world, "ada").contains(REPEAT));
    world.step(0);
    assert!(
        verdict(&world, "ada").contains(REPEAT),
        "the same read says nothing new"
    );
    world.later(SignedDuration::from_mins(4));
    assert!(verdict(&world, "ada").contains(REPEAT), "too early");
    world.later(SignedDuration::from_mins(1));
    assert_eq!(verdict(&world, "ada"), "Deleted");
}

#[test]
fn whoever_was_seen_in_between_is_missed_anew() {
    let mut world = synced("{everyone: {}}");
    let before = world.users.clone();
    world.leave("ada");
    read_later(&mut world);
    let without = std::mem::replace(&mut world.users, before);
    read_later(&mut world);
    assert!(world.scopes[0].suspects.is_empty());
    world.users = without;
    assert!(verdict(&world, "ada").contains(REPEAT));
}

#[test]
fn an_operator_that_was_restarted_waits_again() {
    let mut world = synced("{everyone: {}}");
    world.leave("ada");
    read_later(&mut world);
    world.scopes[0].suspects.clear();
    assert!(verdict(&world, "ada").contains(REPEAT));
}

#[test]
fn a_directory_that_cannot_be_asked_proves_nothing_and_refutes_nothing() {
    let mut world = synced("{everyone: {}}");
    world.leave("ada");
    read_later(&mut world);
    let suspects = world.scopes[0].suspects.clone();
    assert_eq!(suspects.len(), 1);
    let outcome = world.with_input(0, &world.snapshot(), &BTreeMap::new(), crate::sync::plan);
    assert_eq!(outcome.ask, BTreeSet::from([guid("ada")]));
    assert_eq!(outcome.suspects, suspects, "as it was");
}

#[test]
fn a_read_that_is_behind_takes_nobody_away_and_leaves_suspicions_as_they_are() {
    let mut world = synced("{everyone: {}}");
    world.leave("ada");
    read_later(&mut world);
    let suspects = world.scopes[0].suspects.clone();
    world.sees_tombstones = true;
    world.delete("bob");
    world.is_behind = true;
    for login in ["ada", "bob"] {
        assert!(verdict(&world, login).contains("knows less"), "{login}");
    }
    world.step(0);
    assert_eq!(world.scopes[0].suspects, suspects);
    world.is_behind = false;
    world.sees_tombstones = false;
    assert_eq!(verdict(&world, "ada"), "Deleted");
}

#[test]
fn a_member_of_a_group_that_gives_no_answer_is_hidden() {
    let mut world = synced("{everyone: {}}");
    world.groups.push(shown("any", &["ada"], &[]));
    world.leave("ada");
    for _ in 0..3 {
        assert!(verdict(&world, "ada").contains("still a member"));
        read_later(&mut world);
    }
    world.groups.clear();
    read_later(&mut world);
    assert_eq!(verdict(&world, "ada"), "Deleted");
}

#[test]
fn an_account_that_exists_below_the_base_and_was_not_read_is_hidden() {
    let mut world = synced("{everyone: {}}");
    world.leave("ada");
    world
        .sightings
        .insert(guid("ada"), alive(&format!("CN=ada,{STAFF}"), &[]));
    for _ in 0..3 {
        assert!(verdict(&world, "ada").contains("hidden"));
        read_later(&mut world);
    }
}

#[test]
fn an_account_that_was_moved_out_of_the_base_is_out_of_scope() {
    let mut world = synced("{everyone: {}}");
    world.leave("ada");
    world
        .sightings
        .insert(guid("ada"), alive("CN=ada,DC=other,DC=com", &[]));
    assert_eq!(verdict(&world, "ada"), "OutOfScope");
}

#[test]
fn an_account_that_was_moved_to_another_ou_is_out_of_scope() {
    let mut world = synced(&format!("{{organizationalUnits: [{{dn: '{STAFF}'}}]}}"));
    World::rename(
        &mut world.users,
        &format!("CN=ada,{STAFF}"),
        &format!("CN=ada,{ELSEWHERE}"),
    );
    assert_eq!(verdict(&world, "ada"), "OutOfScope");
}

/// People are read before OUs.
#[test]
fn an_ou_that_is_renamed_while_it_is_read_loses_nobody() {
    let users = format!("{{organizationalUnits: [{{dn: '{STAFF}'}}, {{dn: '{ELSEWHERE}'}}]}}");
    let mut world = synced(&users).person_in(ELSEWHERE, "eve", &[]);
    World::rename(&mut world.units, STAFF, "OU=New,DC=example,DC=com");
    for login in ["ada", "bob", "cyd", "dan"] {
        world
            .sightings
            .insert(guid(login), alive(&format!("CN={login},OU=New,DC=example,DC=com"), &[]));
    }
    let verdicts = verdicts(&world);
    assert_eq!(verdicts.len(), 4);
    assert!(
        verdicts.values().all(|verdict| verdict.contains("still selects")),
        "{verdicts:?}"
    );
}

#[test]
fn a_changed_value_is_evidence_and_a_missing_one_must_repeat() {
    let mut world = World::with_users("{everyone: {}, filter: (employeeType=staff)}", "")
        .person("ada", &[("employeeType", "staff")])
        .person("bob", &[("employeeType", "staff")])
        .person("cyd", &[("employeeType", "staff")]);
    world.sync();
    world.set("ada", "employeeType", "guest");
    world.set("bob", "employeeType", "");
    assert_eq!(verdict(&world, "ada"), "OutOfScope");
    assert!(verdict(&world, "bob").contains(REPEAT));
    read_later(&mut world);
    assert_eq!(verdict(&world, "bob"), "OutOfScope");
}

#[test]
fn a_disabled_account_of_whom_everything_else_is_doubt_is_disabled() {
    let mut world = World::with_users("{everyone: {}, filter: (employeeType=staff)}", "")
        .person("ada", &[("employeeType", "staff")])
        .person("bob", &[("employeeType", "staff")]);
    world.sync();
    world.set("ada", "employeeType", "");
    world.disable("ada");
    assert_eq!(verdict(&world, "ada"), "Disabled");
    world.set("ada", "employeeType", "guest");
    assert_eq!(
        verdict(&world, "ada"),
        "OutOfScope",
        "both are so, and this is what the scope says"
    );
}

/// Ada, Bob and Cyd are in the group of the scope.
fn in_group(nested: bool) -> World {
    let mut world = four(&format!("{{groups: [{{dn: '{PHONES}', nested: {nested}}}]}}"), "");
    world.groups.push(shown("phones", &["ada", "bob", "cyd"], &[]));
    world.groups.push(shown("other", &["dan"], &[]));
    world.sync();
    assert_eq!(world.observed.users.len(), 3);
    world
}

fn set_groups(world: &mut World, groups: impl IntoIterator<Item = RawEntry>) {
    world.groups = groups.into_iter().collect();
}

#[test]
fn who_visibly_is_in_other_groups_has_left_this_one() {
    let mut world = in_group(false);
    set_groups(
        &mut world,
        [
            shown("phones", &["bob", "cyd"], &[]),
            shown("other", &["ada", "dan"], &[]),
        ],
    );
    let place = format!("CN=ada,{STAFF}");
    world.sightings.insert(guid("ada"), alive(&place, &["other"]));
    assert_eq!(verdict(&world, "ada"), "OutOfScope");
    world.sightings.insert(guid("ada"), alive(&place, &["other", "phones"]));
    for _ in 0..2 {
        assert!(verdict(&world, "ada").contains("still selects"));
        read_later(&mut world);
    }
}

#[test]
fn who_shows_no_group_at_all_must_be_missing_again() {
    let mut world = in_group(true);
    world.groups[0] = shown("phones", &["bob", "cyd"], &[]);
    world
        .sightings
        .insert(guid("ada"), alive(&format!("CN=ada,{STAFF}"), &[]));
    assert!(verdict(&world, "ada").contains(REPEAT));
    read_later(&mut world);
    assert_eq!(verdict(&world, "ada"), "OutOfScope");
}

#[test]
fn members_that_one_nested_group_hides_are_still_in_it() {
    let mut world = four(&format!("{{groups: [{{dn: '{PHONES}'}}]}}"), "");
    let inner = shown("inner", &["ada", "bob"], &["phones"]);
    let outer = shown("phones", &["inner", "cyd"], &[]);
    set_groups(&mut world, [inner, outer]);
    world.sync();
    let place = |login: &str| format!("CN={login},{STAFF}");
    let (whole, silent) = (
        shown("phones", &["inner", "cyd"], &[]),
        shown("inner", &[], &["phones"]),
    );
    for (inner, outer) in [
        // The inner one hides its members; it is hidden itself; the outer one hides that the inner one is in it.
        (Some(silent.clone()), whole.clone()),
        (None, whole.clone()),
        (Some(silent.clone()), shown("phones", &["cyd"], &[])),
    ] {
        let mut world = world.clone();
        set_groups(&mut world, inner.into_iter().chain([outer]));
        for login in ["ada", "bob"] {
            world.sightings.insert(guid(login), alive(&place(login), &["inner"]));
        }
        for _ in 0..3 {
            let verdicts = verdicts(&world);
            assert_eq!(verdicts.len(), 2);
            assert!(verdicts.values().all(|verdict| is_doubt(verdict)), "{verdicts:?}");
            read_later(&mut world);
        }
    }
    // Their own groups are hidden with the members.
    set_groups(&mut world, [silent, whole]);
    for login in ["ada", "bob"] {
        world.sightings.insert(guid(login), alive(&place(login), &[]));
    }
    read_later(&mut world);
    assert!(is_doubt(&verdict(&world, "ada")), "the inner group shows nobody");
}

#[test]
fn a_group_that_shows_nobody_any_more_loses_nobody() {
    let mut world = four(
        &format!("{{groups: [{{dn: '{PHONES}'}}, {{dn: 'CN=other,DC=example,DC=com'}}]}}"),
        "",
    );
    set_groups(
        &mut world,
        [
            shown("phones", &["ada", "bob"], &[]),
            shown("other", &["cyd", "dan"], &[]),
        ],
    );
    world.sync();
    world.groups[0] = shown("phones", &[], &[]);
    for login in ["ada", "bob"] {
        world
            .sightings
            .insert(guid(login), alive(&format!("CN={login},{STAFF}"), &[]));
    }
    for _ in 0..3 {
        let verdicts = verdicts(&world);
        assert_eq!(verdicts.len(), 2);
        assert!(verdicts.values().all(|verdict| is_doubt(verdict)), "{verdicts:?}");
        read_later(&mut world);
    }
    // Their accounts hidden with it.
    world.sightings.clear();
    for login in ["ada", "bob"] {
        world.leave(login);
    }
    for _ in 0..3 {
        assert!(is_doubt(&verdict(&world, "ada")));
        read_later(&mut world);
    }
}

#[test]
fn a_scope_that_finds_nobody_any_more_loses_only_those_with_a_tombstone_until_it_is_approved() {
    let users = format!("{{organizationalUnits: [{{dn: '{STAFF}'}}]}}");
    let world = synced(&users);
    for change in 0..3 {
        let mut world = world.clone();
        match change {
            0 => world.users.clear(),
            1 => world.respec(&format!("{{organizationalUnits: [{{dn: '{ELSEWHERE}'}}]}}"), ""),
            _ => world.respec("{everyone: {}, filter: (sAMAccountName=nobody)}", ""),
        }
        let enabled = |world: &World| {
            let users = world.observed.users.values();
            users.filter(|user| user.values.enabled() == Some(true)).count()
        };
        for _ in 0..3 {
            let outcome = read_later(&mut world);
            assert_eq!(enabled(&world), 4, "{change}");
            // Those who are visibly elsewhere wait for somebody's word; who gives no answer is doubt.
            let held = outcome.ledger.held.first().map(|held| held.count);
            assert_eq!(held, (change > 0).then_some(4), "{change}");
        }
        let digest = world.scopes[0].ledger.held.first().map(|held| held.digest.clone());
        world.scopes[0].approval = digest;
        world.sync();
        assert_eq!(enabled(&world), if change > 0 { 0 } else { 4 }, "{change}");
    }
    let mut world = world;
    world.sees_tombstones = true;
    for login in ["ada", "bob", "cyd", "dan"] {
        world.delete(login);
    }
    assert!(verdicts(&world).values().all(|verdict| verdict == "Deleted"));
}

#[test]
fn an_ou_of_the_scope_that_shows_nobody_any_more_loses_nobody() {
    let users = format!("{{organizationalUnits: [{{dn: '{STAFF}'}}, {{dn: '{ELSEWHERE}'}}]}}");
    let mut world = four(&users, "").unit(ELSEWHERE).person_in(ELSEWHERE, "eve", &[]);
    world.sync();
    world.leave("eve");
    for _ in 0..3 {
        assert!(verdict(&world, "eve").contains("nobody is left"));
        read_later(&mut world);
    }
    // Who was in the other one is not meant, though eve's is empty.
    world.leave("ada");
    read_later(&mut world);
    assert_eq!(verdict(&world, "ada"), "Deleted");
    assert_eq!(world.text("eve", Field::OrganizationalUnit), Some(ELSEWHERE));
}

#[test]
fn several_who_are_missing_from_a_place_where_nobody_is_left_are_hidden_with_it() {
    let mut world = four("{everyone: {}}", "")
        .person_in(ELSEWHERE, "eve", &[])
        .person_in(ELSEWHERE, "fay", &[]);
    world.sync();
    let one_of_two = {
        let mut world = world.clone();
        world.leave("eve");
        read_later(&mut world);
        verdict(&world, "eve")
    };
    assert_eq!(one_of_two, "Deleted");
    world.leave("eve");
    world.leave("fay");
    for _ in 0..3 {
        assert!(
            verdicts(&world)
                .values()
                .all(|verdict| verdict.contains("nobody is left"))
        );
        read_later(&mut world);
    }
}

#[test]
fn a_filter_on_a_group_asks_the_group_as_well() {
    let users = format!("{{everyone: {{}}, filter: '(memberOf={PHONES})'}}");
    let mut world = four(&users, "");
    set_groups(
        &mut world,
        [shown("phones", &["ada", "bob"], &[]), shown("other", &["cyd"], &[])],
    );
    world.sync();
    world.groups[0] = shown("phones", &["bob"], &[]);
    let place = format!("CN=ada,{STAFF}");
    world.sightings.insert(guid("ada"), alive(&place, &["phones"]));
    assert!(verdict(&world, "ada").contains("still selects"));
    world.sightings.insert(guid("ada"), alive(&place, &["other"]));
    assert_eq!(verdict(&world, "ada"), "OutOfScope");
    world.sightings.insert(guid("ada"), alive(&place, &[]));
    assert!(verdict(&world, "ada").contains(REPEAT));
    read_later(&mut world);
    assert_eq!(verdict(&world, "ada"), "OutOfScope");
}

#[test]
fn what_is_known_of_an_absence_keeps_its_time_and_another_reason_begins_anew() {
    let mut world = synced("{everyone: {}}");
    world.sees_tombstones = true;
    world.delete("ada");
    let since = world.now;
    let absence = |reason, since| crate::sync::value::Absence { reason, since };
    let known = |world: &World| {
        world.with_input(
            0,
            &world.snapshot(),
            &[(guid("ada"), Sighting::Deleted)].into(),
            |input| {
                let references = References::resolve(input.scope, input.directory, input.references);
                let selection = Selection::new(input.scope, &references, input.directory);
                let missing = Census::take(input, &references, &selection, &Claims::new(input)).missing;
                Absences::prove(input, &references, &selection, missing).proven[0].absence
            },
        )
    };
    for (reason, stays) in [(AbsenceReason::Deleted, true), (AbsenceReason::OutOfScope, false)] {
        let mut world = world.clone();
        let user = world.user_mut(&name_of("ada"));
        let mut link = user.values.link().unwrap().clone();
        link.absence = Some(absence(reason, since));
        let directory = crate::sync::value::Value::Link(Box::new(link));
        user.values = [
            (Field::Login, crate::sync::value::Value::text("ada")),
            (Field::Directory, directory),
        ]
        .into_iter()
        .collect();
        world.later(SignedDuration::from_hours(1));
        let since = if stays { since } else { world.now };
        assert_eq!(known(&world), absence(AbsenceReason::Deleted, since));
    }
}

/// What is known of Ada's place in a group or unit.
fn left(world: &World, entry: &str, sighting: &Sighting) -> Verdict {
    let sightings = [(guid("ada"), sighting.clone())].into();
    world.with_input(0, &world.snapshot(), &sightings, |input| {
        let group = input.directory.group_by_guid(guid(entry));
        let group = group.map(|group| Entry::Group { group, nested: true });
        let unit = || Entry::Unit(input.directory.unit_by_guid(guid(entry)).unwrap());
        has_left(input, guid("ada"), group.unwrap_or_else(unit), &mut Open::default())
    })
}

#[test]
fn whether_somebody_left_a_group_or_a_unit_is_proven_open_or_contradicted() {
    let mut world = four("{everyone: {}}", "")
        .unit(ELSEWHERE)
        .person_in(ELSEWHERE, "eve", &[]);
    set_groups(
        &mut world,
        [
            shown("team", &["bob"], &[]),
            shown("inner", &[], &["team"]),
            shown("empty", &[], &[]),
        ],
    );
    let here = |groups: &[&str]| alive(&format!("CN=ada,{STAFF}"), groups);
    let unseen = |sees_tombstones| Sighting::Unseen { sees_tombstones };
    for (entry, sighting, expected) in [
        ("team", here(&["empty"]), Verdict::Proven),
        ("team", here(&["inner"]), Verdict::Contradicted),
        ("team", here(&["team", "empty"]), Verdict::Contradicted),
        ("team", here(&["hidden"]), Verdict::NotYet),
        ("team", Sighting::Deleted, Verdict::Proven),
        ("team", unseen(true), Verdict::Contradicted),
        ("empty", here(&[]), Verdict::Contradicted),
        ("empty", here(&["inner"]), Verdict::Proven),
        (ELSEWHERE, here(&[]), Verdict::Proven),
        (STAFF, here(&[]), Verdict::Contradicted),
        (ELSEWHERE, unseen(false), Verdict::NotYet),
    ] {
        assert_eq!(left(&world, entry, &sighting), expected, "{entry} {sighting:?}");
    }
    let suspect = Suspect {
        account: guid("ada"),
        entry: Some(guid(ELSEWHERE)),
    };
    let now = world.now;
    world.scopes[0].suspects.insert(suspect, now);
    world.later(SignedDuration::from_mins(6));
    assert_eq!(left(&world, ELSEWHERE, &unseen(false)), Verdict::Proven);
    world.is_behind = true;
    assert_eq!(left(&world, ELSEWHERE, &Sighting::Deleted), Verdict::NotYet);
}

/// Ada, Bob, Cyd and Dan are in an OU of the scope, Eve in its group alone.
fn in_unit_and_group(spec: &str) -> World {
    let users = format!("{{organizationalUnits: [{{dn: '{STAFF}'}}], groups: [{{dn: '{PHONES}'}}]}}");
    let mut world = four(&users, spec).unit(ELSEWHERE).person_in(ELSEWHERE, "eve", &[]);
    set_groups(
        &mut world,
        [
            shown("phones", &["eve"], &[]),
            shown("other", &["ada", "bob", "eve"], &[]),
        ],
    );
    world.sync();
    assert_eq!(world.observed.users.len(), 5);
    // Eve has left, or whoever asks may not see members any more.
    world.groups[0] = shown("phones", &[], &[]);
    world.groups[1] = shown("other", &["bob"], &[]);
    world
}

#[test]
fn an_empty_group_is_no_doubt_of_those_whom_an_ou_selected() {
    let world = in_unit_and_group("");
    // Ada's account is gone, or Eve's.
    for (login, is_known) in [("ada", true), ("eve", false)] {
        let mut world = world.clone();
        world.leave(login);
        for _ in 0..3 {
            read_later(&mut world);
        }
        assert_eq!(
            world.user(&name_of(login)).values.enabled() == Some(false),
            is_known,
            "{login}"
        );
    }
    // They are in other places and groups now.
    for (login, is_known) in [("ada", true), ("eve", false)] {
        let mut world = world.clone();
        if login == "ada" {
            World::rename(
                &mut world.users,
                &format!("CN=ada,{STAFF}"),
                &format!("CN=ada,{ELSEWHERE}"),
            );
        }
        let place = format!("CN={login},{ELSEWHERE}");
        world.sightings.insert(guid(login), alive(&place, &["other"]));
        if is_known {
            world
                .sightings
                .insert(guid("eve"), alive(&format!("CN=eve,{ELSEWHERE}"), &["phones"]));
        }
        let held = world.sync().ledger.held;
        assert_eq!(
            world.user(&name_of(login)).values.enabled() == Some(false),
            is_known,
            "{login}"
        );
        assert_eq!(held.is_empty(), is_known, "{login}: {held:?}");
    }
}

#[test]
fn an_empty_group_is_doubt_of_those_of_whom_nothing_says_that_an_ou_selected_them() {
    // Where they were is not written.
    let mut world = in_unit_and_group("map: {organizationalUnit: {policy: Ignore}}");
    world.leave("ada");
    for _ in 0..3 {
        assert!(verdict(&world, "ada").contains("nobody is left"));
        read_later(&mut world);
    }
    // The OU is empty as well.
    let mut world = in_unit_and_group("");
    for login in ["ada", "bob", "cyd", "dan"] {
        world.leave(login);
    }
    for _ in 0..3 {
        assert!(is_doubt(&verdict(&world, "ada")));
        read_later(&mut world);
    }
    // Somebody who shows no group at all may be in the empty one, wherever they were.
    let mut world = in_unit_and_group("");
    World::rename(
        &mut world.users,
        &format!("CN=cyd,{STAFF}"),
        &format!("CN=cyd,{ELSEWHERE}"),
    );
    for _ in 0..3 {
        assert!(is_doubt(&verdict(&world, "cyd")));
        read_later(&mut world);
    }
}
