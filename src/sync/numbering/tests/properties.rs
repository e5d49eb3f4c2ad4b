//! What holds for every cluster and every wish.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;
use crate::api::extension::ExtensionState;
use crate::sync::{
    field::{Field, RingField},
    number_wish::Target,
    value::Value,
};

/// Few names and few numbers, so that everything collides with everything.
const NAMES: [&str; 8] = [
    "user:ada",
    "user:bob",
    "user:cem",
    "user:dan",
    "user:eve",
    "user:fay",
    "group:aid",
    "group:sales",
];
const STATES: [State; 6] = [
    State::Assigned,
    State::Assigned,
    State::Reserved,
    State::CoolingUntil(PAST),
    State::CoolingUntil(FUTURE),
    State::Unreadable,
];

fn numbers() -> impl Strategy<Value = String> {
    (2000_u16..2016).prop_map(|number| number.to_string())
}

#[derive(Clone, Debug)]
enum WishKind {
    Nothing,
    Disabled,
    InDoubt,
    Fixed(String),
    Rule(usize, Option<String>),
}

fn wishes() -> impl Strategy<Value = WishKind> {
    prop_oneof![
        1 => Just(WishKind::Nothing),
        1 => Just(WishKind::Disabled),
        1 => Just(WishKind::InDoubt),
        1 => numbers().prop_map(WishKind::Fixed),
        6 => (0_usize..3, option::of(numbers())).prop_map(|(rule, value)| WishKind::Rule(rule, value)),
    ]
}

/// What is in the cluster: objects that name numbers or don't, and Extensions.
#[derive(Clone, Debug)]
struct Cluster {
    /// Whether each is there, and the number that it names.
    objects: Vec<(bool, Option<String>)>,
    extensions: Vec<(String, State, usize)>,
}

fn clusters() -> impl Strategy<Value = Cluster> {
    let objects = vec((any::<bool>(), option::of(numbers())), NAMES.len());
    let extensions = vec((numbers(), select(&STATES), 0..NAMES.len()), 0..10);
    (objects, extensions).prop_map(|(objects, extensions)| Cluster { objects, extensions })
}

impl Cluster {
    fn observed(&self) -> Observed {
        let mut observed = Observed::default();
        for (name, (is_there, named)) in NAMES.iter().zip(&self.objects) {
            if *is_there {
                observed = with_object(observed, name, named.as_deref());
            }
        }
        for (number, state, at) in &self.extensions {
            let holder = (!matches!(state, State::Reserved)).then_some(NAMES[*at]);
            observed = observed.with_extension(number, *state, holder);
        }
        observed
    }
}

fn with_object(observed: Observed, name: &str, number: Option<&str>) -> Observed {
    let number = number.map(Value::text);
    match name.split_once(':').unwrap() {
        ("user", name) => observed.with_user(
            name,
            &number
                .map(|number| (Field::Extension, number))
                .into_iter()
                .collect::<Vec<_>>(),
        ),
        (_, name) => observed.with_ring_group(
            name,
            &number
                .map(|number| (RingField::Number, number))
                .into_iter()
                .collect::<Vec<_>>(),
        ),
    }
}

fn rules() -> [ValidatedRule; 3] {
    [
        rule(
            "low",
            r#"source: Sequential, ranges: [{from: "2000", to: "2007"}], reserved: [{from: "2003", to: "2003"}]"#,
        ),
        rule(
            "high",
            r#"source: Sequential, ranges: [{from: "2010", to: "2013"}, {from: "2005", to: "2008"}]"#,
        ),
        rule(
            "named",
            r#"source: Attribute, attribute: {name: ipPhone, whenMissing: Sequential}, ranges: [{from: "2006", to: "2012"}],
               reserved: [{from: "2001", to: "2001"}]"#,
        ),
    ]
}

fn number_plan() -> NumberPlan {
    plan(&[("2006", "2006")])
}

fn claimants<'a>(observed: &Observed, rules: &'a [ValidatedRule], wishes: &'a [WishKind]) -> Vec<Claimant<'a>> {
    let claimant = |(name, wish): (&&'static str, &'a WishKind)| {
        let wish = match wish {
            WishKind::Nothing => Wish::Nothing,
            WishKind::Disabled => Wish::Disabled,
            WishKind::InDoubt => Wish::InDoubt,
            WishKind::Fixed(number) => Wish::Fixed(number.parse().unwrap()),
            WishKind::Rule(at, value) => Wish::Rule {
                rule: &rules[*at],
                value: value.as_deref(),
            },
        };
        let mut claimant = newcomer(name, wish);
        let name = claimant.holder.name.as_str();
        claimant.exists = observed.users.contains_key(name) || observed.ring_groups.contains_key(name);
        // Nobody is made whose account is disabled.
        if !claimant.exists && matches!(claimant.wish, Wish::Disabled) {
            claimant.wish = Wish::InDoubt;
        }
        claimant
    };
    NAMES.iter().zip(wishes).map(claimant).collect()
}

fn assigned(observed: &Observed, claimants: &[Claimant<'_>]) -> Vec<Numbered> {
    numbering(observed, claimants, &number_plan()).numbered
}

/// The cluster after every claim and every object was written, and what is not needed rests.
fn applied(mut observed: Observed, claimants: &[Claimant<'_>], numbering: &Numbering) -> Observed {
    for (name, (claimant, numbered)) in NAMES.iter().zip(claimants.iter().zip(&numbering.numbered)) {
        let number = numbered.number.map(|number| number.to_string());
        if let Some(number) = number.as_deref().filter(|_| numbered.claim.is_some()) {
            observed = observed.with_extension(number, State::Assigned, Some(name));
        }
        if number.is_some() || numbered.lets_go_of.is_some() || (!claimant.exists && !numbered.waits) {
            observed = with_object(observed, name, number.as_deref());
        }
    }
    for number in &numbering.handover.leaving {
        let name = format!("hq-{number}");
        let awaited_by = numbering.handover.awaited.get(number);
        let end = if awaited_by.is_some() { NOW } else { FUTURE };
        let extension = observed.extensions.get_mut(name.as_str()).unwrap();
        extension.state = Some(ExtensionState::Cooling);
        extension.release_after = Some(time(end));
        extension.awaited_by = awaited_by.cloned().map(Box::new);
    }
    observed
}

/// The cluster after as many plans as it takes, and what the last one said.
fn at_rest(mut observed: Observed, rules: &[ValidatedRule], wishes: &[WishKind]) -> (Observed, Numbering) {
    for _ in 0..2 * NAMES.len() {
        let claimants = claimants(&observed, rules, wishes);
        let numbering = numbering(&observed, &claimants, &number_plan());
        observed = applied(observed, &claimants, &numbering);
        let is_done = numbering.numbered.iter().all(|numbered| numbered.claim.is_none());
        if is_done && !numbering.handover.continues && numbering.handover.leaving.is_empty() {
            return (observed, numbering);
        }
    }
    panic!("it never comes to rest: {observed:#?}");
}

fn disabled(wishes: &[WishKind]) -> Vec<Holder> {
    let all = NAMES.iter().zip(wishes);
    let disabled = all.filter(|(_, wish)| matches!(wish, WishKind::Disabled));
    disabled.map(|(name, _)| holder(name)).collect()
}

/// Which numbers an Extension gives to whom.
fn held(observed: &Observed) -> BTreeMap<String, Holder> {
    let extensions = observed.extensions.iter();
    let assigned = extensions.filter(|(_, extension)| extension.state == Some(ExtensionState::Assigned));
    assigned
        .map(|(name, extension)| (name.to_string(), extension.holder.clone().unwrap()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, max_global_rejects: 50_000, ..ProptestConfig::default() })]

    #[test]
    fn no_number_is_given_twice(cluster in clusters(), wishes in vec(wishes(), NAMES.len())) {
        let (observed, rules) = (cluster.observed(), rules());
        let claimants = claimants(&observed, &rules, &wishes);
        let mut seen = BTreeSet::new();
        for (claimant, numbered) in claimants.iter().zip(assigned(&observed, &claimants)) {
            let Some(number) = numbered.number else { continue };
            prop_assert!(seen.insert(number), "{number} twice");
            // Nor is it somebody's who was not asked: the Extension is theirs, or nobody's, or rests no longer.
            let extension = observed.extensions.get(format!("hq-{number}").as_str());
            let is_of_another = extension.is_some_and(|extension| {
                extension.holder.as_ref() != Some(&claimant.holder)
                    && extension.release_after.is_none_or(|release_after| release_after > time(NOW))
            });
            prop_assert!(!is_of_another, "{number} is not {}'s", claimant.login);
        }
    }

    #[test]
    fn the_order_of_the_claimants_does_not_matter(
        cluster in clusters(), wishes in vec(wishes(), NAMES.len()), order in Just((0..NAMES.len()).collect::<Vec<_>>()).prop_shuffle()
    ) {
        let (observed, rules) = (cluster.observed(), rules());
        let in_order = claimants(&observed, &rules, &wishes);
        let shuffled: Vec<_> = order.iter().map(|at| in_order[*at].clone()).collect();
        let expected = assigned(&observed, &in_order);
        for (at, numbered) in order.iter().zip(assigned(&observed, &shuffled)) {
            prop_assert_eq!(&expected[*at], &numbered);
        }
    }

    #[test]
    fn what_is_newly_given_is_inside_rule_and_plan_and_the_lowest_that_is_free(
        cluster in clusters(), wishes in vec(wishes(), NAMES.len())
    ) {
        let (observed, rules, plan) = (cluster.observed(), rules(), number_plan());
        let claimants = claimants(&observed, &rules, &wishes);
        let outcomes = assigned(&observed, &claimants);
        let holders = NumberHolders::new(&observed, time(NOW));
        let taken = holders.taken();
        let given: BTreeSet<_> = outcomes.iter().filter_map(|numbered| numbered.number).collect();
        let asked_for: BTreeSet<_> = claimants.iter().filter_map(|claimant| match claimant.wish.target(&plan) {
            Ok(Target::Exactly(number)) => Some(number),
            _ => None,
        }).collect();
        for (claimant, numbered) in claimants.iter().zip(&outcomes) {
            let (Some(number), Some(_)) = (numbered.number, &numbered.claim) else { continue };
            let holder = &claimant.holder;
            let theirs = holders.resting_after(holder.kind, &holder.name).any(|own| own == number);
            if theirs || holders.named_by(holder.kind, &holder.name) == Some(number) {
                continue; // Not new: they come back, or an Extension is rebuilt.
            }
            prop_assert!(plan.permit(number).is_ok());
            match claimant.wish.target(&plan).unwrap() {
                Target::Nothing => prop_assert!(false, "{} asked for no number", claimant.login),
                Target::Exactly(wished) => prop_assert_eq!(number, wished),
                Target::LowestOf { rule, .. } => {
                    let givable = rule.givable(&plan);
                    prop_assert!(givable.contains(number));
                    let passed_over = givable.iter().take_while(|lower| *lower < number).find(|lower| {
                        !taken.contains(*lower) && !given.contains(lower) && !asked_for.contains(lower)
                    });
                    prop_assert!(passed_over.is_none(), "{passed_over:?} is free, and {number} was given");
                }
            }
        }
    }

    #[test]
    fn it_comes_to_rest(cluster in clusters(), wishes in vec(wishes(), NAMES.len())) {
        let (observed, rules) = (cluster.observed(), rules());
        let (observed, last) = at_rest(observed, &rules, &wishes);
        let again = numbering(&observed, &claimants(&observed, &rules, &wishes), &number_plan());
        for (last, again) in last.numbered.into_iter().zip(again.numbered) {
            prop_assert_eq!(last, again, "what was reported is what is");
        }
        prop_assert_eq!(last.handover, again.handover);
    }

    #[test]
    fn who_had_a_number_has_one(cluster in clusters(), wishes in vec(wishes(), NAMES.len())) {
        let (observed, rules) = (cluster.observed(), rules());
        let before = held(&observed);
        let (after, _) = at_rest(observed, &rules, &wishes);
        let (after, disabled) = (held(&after), disabled(&wishes));
        for (number, holder) in before {
            // The disabled lose theirs only to somebody.
            let has_one = after.values().any(|other| *other == holder);
            let gave_way = disabled.contains(&holder) && after.contains_key(&number);
            prop_assert!(has_one || gave_way, "{:?} lost {}", holder, number);
        }
    }

    #[test]
    fn half_of_the_claims_then_a_crash_takes_no_number_from_anybody(
        cluster in clusters(), wishes in vec(wishes(), NAMES.len()), written in vec(any::<bool>(), NAMES.len())
    ) {
        let (observed, rules) = (cluster.observed(), rules());
        let before = claimants(&observed, &rules, &wishes);
        let numbering = numbering(&observed, &before, &number_plan());
        // Who is on the way is told about in the sentences on numbers that move.
        prop_assume!(!numbering.handover.continues);
        let (first, mut crashed) = (numbering.numbered, observed);
        for ((name, numbered), written) in NAMES.iter().zip(&first).zip(&written) {
            if let (Some(number), Some(_), true) = (numbered.number, &numbered.claim, written) {
                crashed = crashed.with_extension(&number.to_string(), State::Assigned, Some(name));
            }
        }
        let second = assigned(&crashed, &claimants(&crashed, &rules, &wishes));
        for ((first, second), written) in first.iter().zip(&second).zip(&written) {
            if *written && first.number.is_some() {
                prop_assert_eq!(first.number, second.number);
            }
            prop_assert_eq!(first.number.is_some(), second.number.is_some());
        }
    }
}
