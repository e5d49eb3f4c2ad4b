//! What can happen to a company: in its directory, by people in the cluster, and to the operator. As random values.

use proptest::{collection::vec, prelude::*};

/// How many people there may be.
pub(super) const PEOPLE: usize = 12;
/// The groups: two that a scope selects and excludes by, one that is a department, one that nobody speaks of.
pub(super) const GROUPS: [&str; 4] = ["Phones", "Quiet", "Team", "All"];

/// Something that happens. Whoever it is about need not exist: then nothing happens.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Directory(Directory),
    People(People),
    Operator(Operator),
}

/// In the directory.
#[derive(Clone, Debug)]
pub(super) enum Directory {
    /// Somebody comes; or somebody else, with the login of one who left.
    Join(usize),
    Leave(usize),
    Disable(usize),
    /// Everybody who was disabled.
    EnableAll,
    /// Several at once, a bit each.
    LeaveMany(u16),
    DisableMany(u16),
    MoveMany(u16),
    HideMany(u16),
    Rename(usize),
    Move(usize, usize),
    /// Six numbers for twelve people; the seventh is none.
    Number(usize, usize),
    /// By which rule somebody is numbered.
    SitAtDesk(usize, bool),
    JoinGroup(usize, usize),
    LeaveGroup(usize, usize),
    RenameGroup(usize),
    HideAccount(usize),
    HideNumber(usize),
    HideMembers(usize),
    HideGroup(usize),
    HideStaff,
    Unveil,
    FallBehind,
    CatchUp,
    ShowTombstones(bool),
}

/// With kubectl.
#[derive(Clone, Debug)]
pub(super) enum People {
    Unlink(usize),
    Link(usize),
    Protect(usize, bool),
    Delete(usize),
    Edit(usize),
    /// A PhoneUser with the login of somebody who comes then, or with nobody's.
    MakeUser(usize),
    /// An Extension.
    Reserve(usize),
    Approve(usize),
    /// Which of three `removal`s the first scope has, and whether it selects by the group, too.
    Respecify(usize, bool),
}

/// To an operator.
#[derive(Clone, Debug)]
pub(super) enum Operator {
    Sync(usize),
    /// It is killed after so many writes.
    Killed(usize, usize),
    /// Something happens between its look and its writes.
    Stale(usize, Box<Step>),
    /// Two operators look, and write in turns.
    Race(Vec<bool>),
    Restart,
    /// A scope's directory can't be read; or can again.
    Unreadable(usize, bool),
    Minutes(i64),
    Days(i64),
}

/// A history: what happens at first is that everybody is synced.
pub(super) fn history(longest: usize) -> impl Strategy<Value = Vec<Step>> {
    vec(step(), 1..longest)
}

fn step() -> impl Strategy<Value = Step> {
    let simple = prop_oneof![
        5 => directory().prop_map(Step::Directory),
        2 => people().prop_map(Step::People),
        5 => operator().prop_map(Step::Operator),
    ];
    let between = prop_oneof![
        directory().prop_map(Step::Directory),
        people().prop_map(Step::People),
        operator().prop_map(Step::Operator),
    ];
    let stale = (0..2_usize, between).prop_map(|(scope, step)| Step::Operator(Operator::Stale(scope, Box::new(step))));
    prop_oneof![9 => simple, 1 => stale]
}

fn directory() -> impl Strategy<Value = Directory> {
    let who = || 0..PEOPLE;
    let group = || 0..GROUPS.len();
    // Those who sit at desks.
    let desk = || (0..PEOPLE / 4).prop_map(|desk| desk * 4 + 1);
    prop_oneof![
        6 => who().prop_map(Directory::Join),
        4 => who().prop_map(Directory::Leave),
        4 => who().prop_map(Directory::Disable),
        3 => Just(Directory::EnableAll),
        1 => any::<u16>().prop_map(Directory::LeaveMany),
        2 => any::<u16>().prop_map(Directory::DisableMany),
        1 => any::<u16>().prop_map(Directory::MoveMany),
        2 => any::<u16>().prop_map(Directory::HideMany),
        1 => who().prop_map(Directory::Rename),
        3 => (who(), 0..3_usize).prop_map(|(who, unit)| Directory::Move(who, unit)),
        6 => (desk(), 0..7_usize).prop_map(|(who, number)| Directory::Number(who, number)),
        1 => (who(), any::<bool>()).prop_map(|(who, sits)| Directory::SitAtDesk(who, sits)),
        2 => (who(), group()).prop_map(|(who, group)| Directory::JoinGroup(who, group)),
        3 => (who(), group()).prop_map(|(who, group)| Directory::LeaveGroup(who, group)),
        1 => group().prop_map(Directory::RenameGroup),
        1 => who().prop_map(Directory::HideAccount),
        1 => who().prop_map(Directory::HideNumber),
        1 => group().prop_map(Directory::HideMembers),
        1 => group().prop_map(Directory::HideGroup),
        1 => Just(Directory::HideStaff),
        4 => Just(Directory::Unveil),
        1 => Just(Directory::FallBehind),
        4 => Just(Directory::CatchUp),
        1 => any::<bool>().prop_map(Directory::ShowTombstones),
    ]
}

fn people() -> impl Strategy<Value = People> {
    let who = || 0..PEOPLE;
    prop_oneof![
        2 => who().prop_map(People::Unlink),
        2 => who().prop_map(People::Link),
        1 => (who(), any::<bool>()).prop_map(|(who, protects)| People::Protect(who, protects)),
        1 => who().prop_map(People::Delete),
        1 => who().prop_map(People::Edit),
        5 => (PEOPLE - 4..PEOPLE + 1).prop_map(People::MakeUser),
        1 => (0..6_usize).prop_map(People::Reserve),
        5 => (0..2_usize).prop_map(People::Approve),
        4 => (0..3_usize, proptest::bool::weighted(0.8)).prop_map(|(policy, groups)| People::Respecify(policy, groups)),
    ]
}

fn operator() -> impl Strategy<Value = Operator> {
    prop_oneof![
        16 => (0..2_usize).prop_map(Operator::Sync),
        2 => (0..2_usize, 0..12_usize).prop_map(|(scope, writes)| Operator::Killed(scope, writes)),
        1 => vec(any::<bool>(), 24).prop_map(Operator::Race),
        1 => Just(Operator::Restart),
        1 => (0..2_usize).prop_map(|scope| Operator::Unreadable(scope, true)),
        3 => (0..2_usize).prop_map(|scope| Operator::Unreadable(scope, false)),
        4 => (1..20_i64).prop_map(Operator::Minutes),
        1 => (1..40_i64).prop_map(Operator::Days),
    ]
}
