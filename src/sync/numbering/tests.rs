use super::*;
use crate::sync::{
    fixture::{FUTURE, NOW, PAST, State, holder, plan, rule, sequential, time},
    observed::Observed,
    validated::ValidatedRule,
};

mod properties;

/// Somebody whose object is there, written as for [`holder`]; their login is their object's name.
fn member<'a>(name: &'a str, wish: Wish<'a>) -> Claimant<'a> {
    Claimant {
        exists: true,
        ..newcomer(name, wish)
    }
}

fn newcomer<'a>(name: &'a str, wish: Wish<'a>) -> Claimant<'a> {
    Claimant {
        holder: holder(name),
        login: name.split_once(':').unwrap().1,
        exists: false,
        fixed_by: None,
        can_let_go: name.starts_with("user:"),
        bound: Bound::No,
        is_held: false,
        wish,
    }
}

fn by(rule: &ValidatedRule) -> Wish<'_> {
    Wish::Rule { rule, value: None }
}

fn with_value<'a>(rule: &'a ValidatedRule, value: &'a str) -> Wish<'a> {
    let value = Some(value);
    Wish::Rule { rule, value }
}

/// What becomes of the claimants, when nobody is gone and no other scope asks for anything.
fn numbering(observed: &Observed, claimants: &[Claimant<'_>], plan: &NumberPlan) -> Numbering {
    let terms = Terms {
        holders: &NumberHolders::new(observed, time(NOW)),
        plan,
        rules: &BTreeMap::new(),
        gone: &[],
        orphans: &BTreeSet::new(),
        may_move: true,
        asked_for_elsewhere: &|_| None,
    };
    assign(claimants, &terms)
}

/// A line for each claimant: `login number`, `+` when it must be claimed (`~` from an Extension that exists), and what is wrong.
fn outcomes(observed: &Observed, claimants: &[Claimant<'_>]) -> Vec<String> {
    let numbering = numbering(observed, claimants, &plan(&[("2090", "2099")]));
    let line = |(claimant, numbered): (&Claimant<'_>, Numbered)| {
        let claim = match numbered.claim {
            None => "",
            Some(Expected::Absent) => "+",
            Some(Expected::Present(_)) => "~",
        };
        let number = numbered.number.map_or("-".to_owned(), |number| number.to_string());
        let lets_go = numbered
            .lets_go_of
            .map_or(String::new(), |number| format!(" lets go of {number}"));
        let waits = if numbered.waits { " waits" } else { "" };
        let complaint = numbered
            .complaint
            .map_or(String::new(), |Complaint { reason, message, other }| {
                let other = other.map(|other| format!(" [{other}]")).unwrap_or_default();
                format!(" {reason:?}: {message}{other}")
            });
        format!("{} {number}{claim}{lets_go}{waits}{complaint}", claimant.login)
    };
    claimants.iter().zip(numbering.numbered).map(line).collect()
}

#[test]
fn the_lowest_free_number_goes_to_the_first_by_login() {
    let hq = sequential("hq-numbers", "2000", "2009");
    let claimants = ["user:mia", "user:Bob", "user:ada"].map(|name| newcomer(name, by(&hq)));
    assert_eq!(
        outcomes(&Observed::default(), &claimants),
        ["mia 2002+", "Bob 2001+", "ada 2000+"]
    );
}

#[test]
fn who_exists_is_numbered_before_newcomers() {
    let hq = sequential("hq-numbers", "2000", "2009");
    let observed = Observed::default().with_user("zoe", &[]);
    let claimants = [newcomer("user:ada", by(&hq)), member("user:zoe", by(&hq))];
    assert_eq!(outcomes(&observed, &claimants), ["ada 2001+", "zoe 2000+"]);
}

#[test]
fn no_number_that_is_taken_in_any_way_is_given() {
    let hq = sequential("hq-numbers", "2000", "2009");
    let observed = Observed::default()
        .with_extension("2000", State::Assigned, Some("user:somebody"))
        .with_extension("2001", State::Reserved, None)
        .with_extension("2002", State::CoolingUntil(FUTURE), Some("user:former"))
        .with_extension("2003", State::Unknown, None)
        .with_extension("2004", State::Unreadable, None)
        .with_named("people-made", "2005")
        .with_ring_group(
            "people-made",
            &[(
                crate::sync::field::RingField::Number,
                crate::sync::value::Value::text("2006"),
            )],
        );
    assert_eq!(outcomes(&observed, &[newcomer("user:ada", by(&hq))]), ["ada 2007+"]);
}

#[test]
fn neither_plan_nor_rule_nor_emergency_numbers_are_given() {
    let full = rule(
        "full",
        r#"source: Sequential, ranges: [{from: "2090", to: "2099"}, {from: "110", to: "112"}, {from: "7", to: "8"}, {from: "3000", to: "3001"}],
           reserved: [{from: "3000", to: "3000"}]"#,
    );
    let claimants = [newcomer("user:ada", by(&full)), newcomer("user:bob", by(&full))];
    let exhausted = "RangeExhausted: rule full has no free number in 2090-2099, 110-112, 7-8, 3000-3001: add a range";
    assert_eq!(
        outcomes(&Observed::default(), &claimants),
        ["ada 3001+".to_owned(), format!("bob - waits {exhausted}")]
    );
}

#[test]
fn a_number_past_its_rest_is_free_for_anybody_and_before_it_only_for_its_last_holder() {
    let hq = sequential("hq-numbers", "2000", "2009");
    let observed = Observed::default()
        .with_extension("2000", State::CoolingUntil(FUTURE), Some("user:zoe"))
        .with_extension("2001", State::CoolingUntil(PAST), Some("user:gone"))
        .with_extension("2002", State::CoolingUntil(NOW), Some("user:gone"));
    let claimants = [
        newcomer("user:ada", by(&hq)),
        newcomer("user:bob", by(&hq)),
        newcomer("user:zoe", by(&hq)),
    ];
    assert_eq!(outcomes(&observed, &claimants), ["ada 2001~", "bob 2002~", "zoe 2000~"]);
}

#[test]
fn a_returner_gets_their_number_back_before_it_is_given_to_a_joiner() {
    let hq = sequential("hq-numbers", "2000", "2009");
    let observed = Observed::default().with_extension("2000", State::CoolingUntil(PAST), Some("user:zoe"));
    let claimants = [newcomer("user:ada", by(&hq)), newcomer("user:zoe", by(&hq))];
    assert_eq!(outcomes(&observed, &claimants), ["ada 2001+", "zoe 2000~"]);
}

#[test]
fn of_two_numbers_that_rest_after_a_returner_they_get_the_one_they_had_last() {
    let hq = sequential("hq-numbers", "2000", "2009");
    let observed = Observed::default()
        .with_extension("2003", State::CoolingUntil(PAST), Some("user:zoe"))
        .with_extension("2007", State::CoolingUntil(FUTURE), Some("user:zoe"));
    assert_eq!(outcomes(&observed, &[newcomer("user:zoe", by(&hq))]), ["zoe 2007~"]);
}

#[test]
fn a_returner_whose_old_number_the_rule_no_longer_gives_gets_a_new_one() {
    let hq = sequential("hq-numbers", "2000", "2009");
    let observed = Observed::default().with_extension("3000", State::CoolingUntil(FUTURE), Some("user:zoe"));
    assert_eq!(outcomes(&observed, &[newcomer("user:zoe", by(&hq))]), ["zoe 2000+"]);
}

#[test]
fn the_extension_is_the_truth_and_the_object_follows_it() {
    let hq = sequential("hq-numbers", "2000", "2009");
    let observed = Observed::default()
        .with_user("ada", &[])
        .with_extension("2004", State::Assigned, Some("user:ada"))
        .with_named("bob", "2008")
        .with_extension("2005", State::Assigned, Some("user:bob"))
        // Claimed for somebody whose object was not written any more.
        .with_extension("2006", State::Assigned, Some("user:mia"));
    let claimants = [
        member("user:ada", by(&hq)),
        member("user:bob", by(&hq)),
        newcomer("user:mia", by(&hq)),
    ];
    assert_eq!(outcomes(&observed, &claimants), ["ada 2004", "bob 2005", "mia 2006"]);
}

#[test]
fn a_missing_extension_is_rebuilt_for_its_person_before_anybody_is_numbered() {
    let hq = sequential("hq-numbers", "2000", "2009");
    let observed = Observed::default().with_named("zoe", "2000").with_named("yan", "7777");
    let claimants = [
        newcomer("user:ada", by(&hq)),
        member("user:zoe", by(&hq)),
        // Adopted, with a number from before: theirs, whatever is said about new ones.
        member("user:yan", Wish::Nothing),
    ];
    assert_eq!(outcomes(&observed, &claimants), ["ada 2001+", "zoe 2000+", "yan 7777+"]);
}

#[test]
fn who_names_a_number_that_somebody_else_has_is_reported_and_left_as_they_are() {
    let hq = sequential("hq-numbers", "2000", "2009");
    let observed = Observed::default()
        .with_named("holder", "2000")
        .with_extension("2000", State::Assigned, Some("user:holder"))
        .with_named("ada", "2000")
        .with_named("bob", "2001")
        .with_extension("2001", State::Reserved, None)
        .with_named("mia", "2002")
        .with_named("tom", "2002");
    let claimants = ["user:ada", "user:bob", "user:mia", "user:tom"].map(|name| member(name, by(&hq)));
    assert_eq!(
        outcomes(&observed, &claimants),
        [
            "ada - NumberTaken: 2000 is held by PhoneUser holder (holder): give one of the two another number [holder]",
            "bob - NumberTaken: 2001 is set aside by its Extension: choose another",
            "mia - NumberTaken: 2002 is named by PhoneUser tom (tom): give one of the two another number [tom]",
            "tom - NumberTaken: 2002 is named by PhoneUser mia (mia): give one of the two another number [mia]",
        ]
    );
}

#[test]
fn an_emergency_number_is_claimed_for_nobody() {
    let observed = Observed::default().with_named("ada", "112");
    assert_eq!(
        outcomes(&observed, &[member("user:ada", Wish::Nothing)]),
        ["ada - NumberInvalid: 112 is an emergency number"]
    );
}

#[test]
fn of_several_numbers_the_one_that_the_object_names_is_kept_else_the_lowest_and_none_is_given_away() {
    let hq = sequential("hq-numbers", "2000", "2009");
    let observed = Observed::default()
        .with_extension("2000", State::Assigned, Some("user:ada"))
        .with_extension("2001", State::Assigned, Some("user:ada"))
        .with_extension("2002", State::Assigned, Some("user:bob"))
        .with_extension("2003", State::Assigned, Some("user:bob"))
        .with_named("bob", "2003");
    let claimants = [
        newcomer("user:ada", by(&hq)),
        member("user:bob", by(&hq)),
        newcomer("user:cem", by(&hq)),
    ];
    assert_eq!(outcomes(&observed, &claimants), ["ada 2000", "bob 2003", "cem 2004+"]);
}

#[test]
fn nobody_is_renumbered_when_their_rule_changes() {
    let hq = sequential("hq-numbers", "2000", "2009");
    let observed = Observed::default()
        .with_extension("3000", State::Assigned, Some("user:ada"))
        .with_extension("2092", State::Assigned, Some("user:bob"));
    let claimants = [member("user:ada", by(&hq)), member("user:bob", Wish::Nothing)];
    assert_eq!(
        outcomes(&observed, &claimants),
        [
            "ada 3000 OutOfRange: 3000 stays as it is, though rule hq-numbers gives only 2000-2009",
            "bob 2092"
        ]
    );
}

#[test]
fn one_full_range_costs_only_those_who_need_it() {
    let small = sequential("small", "2000", "2000");
    let hq = sequential("hq-numbers", "2001", "2009");
    let observed = Observed::default().with_user("cem", &[]);
    let claimants = [
        newcomer("user:ada", by(&small)),
        newcomer("user:bob", by(&small)),
        member("user:cem", by(&small)),
        newcomer("user:dan", by(&hq)),
    ];
    let exhausted = "RangeExhausted: rule small has no free number in 2000: add a range";
    assert_eq!(
        outcomes(&observed, &claimants),
        [
            format!("ada - waits {exhausted}"),
            format!("bob - waits {exhausted}"),
            "cem 2000+".to_owned(),
            "dan 2001+".to_owned()
        ]
    );
}

#[test]
fn overlapping_rules_share_their_numbers() {
    let one = sequential("one", "2000", "2005");
    let other = sequential("other", "2000", "2009");
    let claimants = [
        newcomer("user:ada", by(&one)),
        newcomer("user:bob", by(&other)),
        newcomer("user:cem", by(&one)),
    ];
    assert_eq!(
        outcomes(&Observed::default(), &claimants),
        ["ada 2000+", "bob 2001+", "cem 2002+"]
    );
}

#[test]
fn without_a_rule_there_is_no_number_and_no_problem_and_in_doubt_newcomers_wait() {
    let observed = Observed::default()
        .with_user("cem", &[])
        .with_extension("2000", State::Assigned, Some("user:dan"));
    let claimants = [
        newcomer("user:ada", Wish::Nothing),
        newcomer("user:bob", Wish::InDoubt),
        member("user:cem", Wish::InDoubt),
        member("user:dan", Wish::InDoubt),
    ];
    assert_eq!(
        outcomes(&observed, &claimants),
        ["ada -", "bob - waits", "cem -", "dan 2000"]
    );
}

const FROM_PHONE: &str =
    r"source: Attribute, attribute: {name: telephoneNumber, normalize: Digits, pattern: '1555(\d{4})', number: '$1'}";

#[test]
fn a_number_from_the_directory_is_claimed_before_others_get_the_lowest() {
    let phone = rule("phone", FROM_PHONE);
    let hq = sequential("hq-numbers", "2000", "2009");
    let observed = Observed::default().with_extension("2003", State::CoolingUntil(PAST), Some("user:gone"));
    let claimants = [
        member("user:ada", by(&hq)),
        newcomer("user:bob", with_value(&phone, "+1 555-2000")),
        newcomer("user:cem", with_value(&phone, "+1 555-2003")),
    ];
    assert_eq!(outcomes(&observed, &claimants), ["ada 2001+", "bob 2000+", "cem 2003~"]);
}

#[test]
fn a_value_that_does_not_fit_never_falls_back() {
    let both = rule(
        "both",
        r#"source: Attribute, attribute: {name: ipPhone, whenMissing: Sequential}, ranges: [{from: "2000", to: "2009"}],
           reserved: [{from: "2005", to: "2005"}]"#,
    );
    let claimants = [
        newcomer("user:ada", with_value(&both, "x12")),
        newcomer("user:bob", with_value(&both, "112")),
        newcomer("user:cem", with_value(&both, "2095")),
        newcomer("user:dan", with_value(&both, "2005")),
        newcomer("user:eve", with_value(&both, "1234567")),
        newcomer("user:fay", with_value(&both, "  ")),
        newcomer("user:guy", by(&both)),
    ];
    assert_eq!(
        outcomes(&Observed::default(), &claimants),
        [
            r#"ada - waits NumberInvalid: ipPhone: "x12" does not match ^[0-9]+$: correct it in the directory"#,
            "bob - waits NumberInvalid: ipPhone: 112 is an emergency number: correct it in the directory",
            "cem - waits NumberInvalid: ipPhone: 2095 is reserved by the number plan: correct it in the directory",
            "dan - waits NumberInvalid: ipPhone: 2005 is reserved by rule both: correct it in the directory",
            "eve - waits NumberInvalid: ipPhone: 1234567 has 7 digits, and the number plan wants 2 to 6: correct it in the directory",
            "fay 2000+",
            "guy 2001+",
        ]
    );
}

#[test]
fn a_missing_value_is_reported_and_who_has_a_number_keeps_it() {
    let phone = rule("phone", FROM_PHONE);
    let observed = Observed::default().with_extension("2000", State::Assigned, Some("user:ada"));
    let claimants = [member("user:ada", by(&phone)), newcomer("user:bob", by(&phone))];
    let missing =
        "NumberMissing: telephoneNumber is empty, and rule phone takes the number from it: fill it in in the directory";
    assert_eq!(
        outcomes(&observed, &claimants),
        [format!("ada 2000 {missing}"), format!("bob - waits {missing}")]
    );
}

#[test]
fn a_number_that_two_ask_for_goes_to_neither_and_to_nobody_else() {
    let phone = rule("phone", FROM_PHONE);
    let hq = sequential("hq-numbers", "2000", "2009");
    let claimants = [
        newcomer("user:ada", with_value(&phone, "15552000")),
        newcomer("user:bob", with_value(&phone, "+1 (555) 2000")),
        newcomer("user:cem", by(&hq)),
    ];
    assert_eq!(
        outcomes(&Observed::default(), &claimants),
        [
            "ada - waits NumberTaken: 2000 is asked for by 2 at once, bob among them: nobody gets it until all but one ask for another [bob]",
            "bob - waits NumberTaken: 2000 is asked for by 2 at once, ada among them: nobody gets it until all but one ask for another [ada]",
            "cem 2001+",
        ]
    );
}

#[test]
fn who_asks_for_the_number_of_somebody_else_is_told_whose_it_is() {
    let phone = rule("phone", FROM_PHONE);
    let observed = Observed::default()
        .with_named("ada", "2000")
        .with_extension("2000", State::Assigned, Some("user:ada"))
        .with_extension("2001", State::CoolingUntil(FUTURE), Some("user:gone"))
        .with_extension("2002", State::Assigned, Some("user:cem"));
    let claimants = [
        member("user:ada", with_value(&phone, "15552000")),
        newcomer("user:bob", with_value(&phone, "15552000")),
        member("user:cem", with_value(&phone, "15552001")),
    ];
    assert_eq!(
        outcomes(&observed, &claimants),
        [
            "ada 2000",
            "bob - waits NumberTaken: 2000 is held by PhoneUser ada (ada): give one of the two another number [ada]",
            "cem 2002 NumberTaken: 2001 is resting after PhoneUser gone: choose another, or wait until it is released [gone]",
        ]
    );
}

#[test]
fn a_number_that_only_an_object_names_which_is_corrected_now_is_got_with_the_next_plan() {
    let phone = rule("phone", FROM_PHONE);
    let observed =
        Observed::default()
            .with_named("eve", "2002")
            .with_extension("2000", State::Assigned, Some("user:eve"));
    let numbering_of = |fixed_by: Option<&str>| {
        let eve = Claimant {
            fixed_by: fixed_by.map(Into::into),
            ..member("user:eve", Wish::Nothing)
        };
        let claimants = [newcomer("user:ada", with_value(&phone, "15552002")), eve];
        numbering(&observed, &claimants, &plan(&[]))
    };
    let corrected = numbering_of(None);
    assert_eq!(corrected.numbered[0].number, None);
    assert!(corrected.handover.continues);
    assert!(!numbering_of(Some("kubectl-edit")).handover.continues);
}

#[test]
fn another_valid_free_number_in_the_directory_is_claimed() {
    let phone = rule("phone", FROM_PHONE);
    let observed = Observed::default().with_extension("2002", State::Assigned, Some("user:cem"));
    assert_eq!(
        outcomes(&observed, &[member("user:cem", with_value(&phone, "15552008"))]),
        ["cem 2008+"]
    );
}

#[test]
fn ring_groups_and_people_share_the_numbers() {
    let hq = sequential("hq-numbers", "600", "609");
    let observed =
        Observed::default()
            .with_ring_group("sales", &[])
            .with_extension("605", State::Assigned, Some("group:sales"));
    let claimants = [
        newcomer("user:ada", by(&hq)),
        newcomer("group:support", Wish::Fixed("600".parse().unwrap())),
        newcomer("group:aid", by(&hq)),
        newcomer("group:fire", Wish::Fixed("112".parse().unwrap())),
        member("group:sales", Wish::Fixed("606".parse().unwrap())),
        newcomer("group:twin", Wish::Fixed("605".parse().unwrap())),
    ];
    assert_eq!(
        outcomes(&observed, &claimants),
        [
            "ada 601+",
            "support 600+",
            "aid 602+",
            "fire - waits NumberInvalid: 112 is an emergency number",
            "sales 606+",
            "twin - waits NumberTaken: 605 is held by RingGroup sales: give one of the two another number [sales]",
        ]
    );
}

#[test]
fn whose_claim_was_lost_to_another_scope_or_operator_gets_the_next_number() {
    let hq = sequential("hq-numbers", "2000", "2009");
    let (ours, theirs) = ([newcomer("user:ada", by(&hq))], [newcomer("user:zoe", by(&hq))]);
    // Both plan from the same sight, and both expect that the Extension is not there: the API server lets one of them have it.
    assert_eq!(outcomes(&Observed::default(), &ours), ["ada 2000+"]);
    assert_eq!(outcomes(&Observed::default(), &theirs), ["zoe 2000+"]);
    let observed = Observed::default().with_extension("2000", State::Assigned, Some("user:zoe"));
    assert_eq!(outcomes(&observed, &ours), ["ada 2001+"]);
}

#[test]
fn an_extension_that_people_made_in_the_middle_of_a_range_is_passed_over() {
    let hq = sequential("hq-numbers", "2000", "2009");
    let observed = Observed::default()
        .with_extension("2001", State::Assigned, Some("user:door-phone"))
        .with_extension("2002", State::Reserved, None);
    let claimants = ["user:ada", "user:bob"].map(|name| newcomer(name, by(&hq)));
    assert_eq!(outcomes(&observed, &claimants), ["ada 2000+", "bob 2003+"]);
}
