//! The end of each history: everything can be seen again, what is held is approved, and time goes by. Then everything is as the
//! directory says, whatever came before (promise 8).

use super::{
    company::{self, Truth},
    life::Life,
    steps::{Directory, Operator, PEOPLE, Step},
};
use crate::{
    api::sync_scope::HeldType,
    directory::Guid,
    sync::{
        Outcome,
        field::Field,
        sentences::{veil::Veil, world::guid},
    },
};

impl Life {
    pub(super) fn end(&mut self) {
        self.world.veil = Veil::default();
        self.hidden.clear();
        self.world.is_behind = false;
        self.world.sees_tombstones = true;
        self.respecify(0, true);
        self.name_group();
        for scope in &mut self.world.scopes {
            scope.is_readable = true;
        }
        self.live(&Step::Directory(Directory::EnableAll));
        for _ in 0..10 {
            self.operate(&Operator::Minutes(10));
            for scope in 0..2 {
                self.operate(&Operator::Sync(scope));
                let scope = &mut self.world.scopes[scope];
                let held = scope.ledger.held.iter().find(|held| held.kind == HeldType::Removals);
                scope.approval = held.map(|held| held.digest.clone());
            }
        }
        let outcomes = [0, 1].map(|scope| self.world.plan_of(scope));
        for outcome in &outcomes {
            assert!(
                outcome.plan.is_empty(),
                "promise 8: it never comes to rest: {:#?}",
                outcome.plan
            );
            assert!(
                outcome.ledger.held.is_empty(),
                "promise 8: it never lets go: {:#?}",
                outcome.ledger
            );
        }
        for person in 0..PEOPLE {
            for generation in 0..=self.generations[person] {
                self.is_as_the_directory_says(person, guid(&company::word(person, generation)), &outcomes);
            }
        }
    }

    fn is_as_the_directory_says(&self, person: usize, account: Guid, outcomes: &[Outcome; 2]) {
        let users = self.world.observed.users.iter();
        let theirs: Vec<_> = users
            .filter(|(_, user)| user.values.link().is_some_and(|link| link.guid == account))
            .collect();
        assert!(
            theirs.len() <= 1,
            "promise 8: {} has several phones: {theirs:#?}",
            company::login(person)
        );
        let login = company::login(person);
        let is_told = outcomes
            .iter()
            .any(|outcome| outcome.report.problems.iter().any(|problem| problem.login == login));
        let truth = Truth {
            world: &self.world,
            by_group: self.by_group,
        };
        let is_served = (0..2).any(|scope| truth.is_served(scope, account));
        let Some((name, user)) = theirs.first() else {
            assert!(
                !is_served || is_told,
                "promise 8: {login} has no phone, and nobody is told"
            );
            return;
        };
        if user.is_unlinked || user.is_protected || is_told {
            return;
        }
        if is_served {
            assert_eq!(user.values.enabled(), Some(true), "promise 8: {name} should work");
            assert!(
                user.values.text(Field::Extension).is_some(),
                "promise 8: {name} has no number"
            );
            assert_eq!(user.values.link().unwrap().absence, None, "promise 8: {name} is back");
        } else if user.is_held() && !self.is_excluded(account) && !truth.is_in_doubt(account) {
            assert_eq!(user.values.enabled(), Some(false), "promise 8: {name} should not work");
        }
    }

    fn is_excluded(&self, account: Guid) -> bool {
        let truth = self.truth();
        truth.account(account).is_some_and(|entry| truth.is_excluded(0, entry))
    }
}
