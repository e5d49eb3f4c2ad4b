//! What holds for every cluster and every wish.

use std::collections::BTreeSet;

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;
use crate::sync::{
    field::{Field, RingField},
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
    InDoubt,
    Fixed(String),
    Rule(usize, Option<String>),
}

fn wishes() -> impl Strategy<Value = WishKind> {
    prop_oneof![
        1 => Just(WishKind::Nothing),
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
        claimant
    };
    NAMES.iter().zip(wishes).map(claimant).collect()
}

fn assigned(observed: &Observed, claimants: &[Claimant<'_>]) -> Vec<Numbered> {
    assign(claimants, &NumberHolders::new(observed, time(NOW)), &number_plan())
}

/// The cluster after every claim and every object was written.
fn applied(mut observed: Observed, claimants: &[Claimant<'_>], outcomes: &[Numbered]) -> Observed {
    for (name, (claimant, numbered)) in NAMES.iter().zip(claimants.iter().zip(outcomes)) {
        let number = numbered.number.map(|number| number.to_string());
        if let Some(number) = number.as_deref().filter(|_| numbered.claim.is_some()) {
            observed = observed.with_extension(number, State::Assigned, Some(name));
        }
        if number.is_some() || (!claimant.exists && !numbered.waits) {
            observed = with_object(observed, name, number.as_deref());
        }
    }
    observed
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

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
            if holders.named_by(claimant.holder.kind, &claimant.holder.name) == Some(number) {
                continue; // Not new: an Extension is rebuilt.
            }
            prop_assert!(plan.permit(number).is_ok());
            match claimant.wish.target(&plan).unwrap() {
                Target::Nothing => prop_assert!(false, "{} asked for no number", claimant.login),
                Target::Exactly(wished) => prop_assert_eq!(number, wished),
                Target::LowestOf { rule, .. } => {
                    let givable = rule.givable(&plan);
                    prop_assert!(givable.contains(number));
                    let holder = &claimant.holder;
                    let theirs = holders.resting_after(holder.kind, &holder.name).any(|own| own == number);
                    let passed_over = givable.iter().take_while(|lower| *lower < number).find(|lower| {
                        !taken.contains(*lower) && !given.contains(lower) && !asked_for.contains(lower)
                    });
                    prop_assert!(theirs || passed_over.is_none(), "{passed_over:?} is free, and {number} was given");
                }
            }
        }
    }

    #[test]
    fn what_was_applied_is_not_claimed_again(cluster in clusters(), wishes in vec(wishes(), NAMES.len())) {
        let (observed, rules) = (cluster.observed(), rules());
        let before = claimants(&observed, &rules, &wishes);
        let first = assigned(&observed, &before);
        // An object that named another number than its Extension's kept that one from everybody until now.
        let frees_a_number = NAMES.iter().zip(&first).any(|(name, numbered)| {
            let holder = holder(name);
            let named = NumberHolders::new(&observed, time(NOW)).named_by(holder.kind, &holder.name);
            numbered.number.is_some() && named.is_some() && named != numbered.number
        });
        let mut observed = applied(observed, &before, &first);
        let mut first = first;
        if frees_a_number {
            let again = claimants(&observed, &rules, &wishes);
            first = assigned(&observed, &again);
            observed = applied(observed, &again, &first);
        }
        let second = assigned(&observed, &claimants(&observed, &rules, &wishes));
        for (first, second) in first.iter().zip(&second) {
            prop_assert_eq!(&second.claim, &None);
            prop_assert_eq!((first.number, first.waits), (second.number, second.waits));
            prop_assert_eq!(&first.complaint, &second.complaint, "what was reported is what is");
        }
    }

    #[test]
    fn half_of_the_claims_then_a_crash_ends_the_same_for_those_who_had_theirs(
        cluster in clusters(), wishes in vec(wishes(), NAMES.len()), written in vec(any::<bool>(), NAMES.len())
    ) {
        let (observed, rules) = (cluster.observed(), rules());
        let before = claimants(&observed, &rules, &wishes);
        let first = assigned(&observed, &before);
        let mut crashed = observed;
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
