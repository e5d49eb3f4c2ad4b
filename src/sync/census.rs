//! Everybody the scope has to do with, each in one place: linked, new, kept in doubt, or not served, and why. The objectGUID
//! decides; no other property is compared here.

use super::{
    Input,
    absence::Missing,
    claims::{Claims, Provider},
    evidence::is_beyond,
    field::Field,
    observed::ObservedUser,
    person::{Newcomer, Person},
    plan::Subject,
    references::References,
    report::{few, problem},
    roster::{Link, NamedUser, Roster, origin_of},
    select::{Doubt, RuleChoices, Selection, Standing},
};
use crate::{
    api::sync_scope::{Problem, ProblemReason, UserCounts},
    directory::{Guid, User},
};

/// Everybody the scope has to do with.
#[derive(Debug, Default)]
pub struct Census<'a> {
    /// All but `inScope`, `matched`, `unmatched` and `disabled`, which are known only at the end.
    pub counts: UserCounts,
    /// Those who are linked.
    pub linked: Vec<Person<'a>>,
    /// Those who have no PhoneUser.
    pub newcomers: Vec<Newcomer<'a>>,
    /// Linked ones that are left exactly as they are.
    pub kept: Vec<Kept<'a>>,
    /// Linked ones whom the scope does not select any more, for all that the snapshot shows.
    pub missing: Vec<Missing<'a>>,
    /// Why others are not served.
    pub unmatched: Vec<Problem>,
    /// What else is to be told.
    pub problems: Vec<Problem>,
    /// PhoneUsers whose fields are people's from now on.
    pub let_go: Vec<LetGo<'a>>,
    /// PhoneUsers that are to be let go of because the scope excludes their people: as many at once as may be.
    pub excluded: Vec<LetGo<'a>>,
}

/// Somebody linked of whom it is not known what should be.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    /// Their PhoneUser.
    pub user: &'a ObservedUser,
    /// Their account is disabled or has expired.
    pub is_inactive: bool,
}

/// A PhoneUser that the operator lets go of.
#[derive(Clone, Debug)]
pub struct LetGo<'a> {
    /// Its name.
    pub name: &'a str,
    /// The object.
    pub user: &'a ObservedUser,
    /// Whom it is about.
    pub subject: Subject,
}

impl<'a> Census<'a> {
    /// Looks at everybody whom the scope selects, and at everybody whom it provides.
    pub fn take(
        input: &Input<'a>,
        references: &References<'a>,
        selection: &Selection<'a>,
        claims: &Claims<'a>,
    ) -> Self {
        let roster = Roster::new(input.observed, &input.system.name, input.scope.matching.adopt);
        let rules = RuleChoices::new(input.scope, references, input.directory);
        let mut taker = Taker {
            input,
            selection,
            roster: &roster,
            rules: &rules,
            claims,
            census: Self::default(),
        };
        for index in selection.found() {
            taker.count_found(input.directory.user(index));
        }
        for (name, user) in &input.observed.users {
            taker.count_provided(NamedUser { name, user });
        }
        taker.census
    }
}

struct Taker<'a, 'b> {
    input: &'b Input<'a>,
    selection: &'b Selection<'a>,
    roster: &'b Roster<'a>,
    rules: &'b RuleChoices<'a>,
    claims: &'b Claims<'a>,
    census: Census<'a>,
}

impl<'a> Taker<'a, '_> {
    /// Somebody whom `users` selects for certain.
    fn count_found(&mut self, account: User<'a>) {
        self.census.counts.found += 1;
        let link = account.guid().map_or(Link::None, |guid| self.roster.link(guid));
        if self.selection.standing(account.index()) == Standing::Excluded {
            self.census.counts.excluded += 1;
            if let Link::One(named) = link {
                self.let_go_of_excluded(account, named);
            }
            return;
        }
        let is_linked = match &link {
            Link::One(named) => !named.user.is_unlinked,
            Link::Unreadable(_) => true,
            Link::None | Link::NameTaken(_) | Link::Several(_) => false,
        };
        if !is_linked && self.is_inactive(account) {
            self.census.counts.inactive += 1;
        } else if let Some(guid) = account.guid() {
            self.count_in_scope(account, guid, link);
        } else {
            let message = format!(
                "the account {} shows no objectGUID: it can't be told from others",
                account.dn()
            );
            self.unmatched(account, ProblemReason::InvalidRecord, &message, None);
        }
    }

    fn count_in_scope(&mut self, account: User<'a>, guid: Guid, link: Link<'a>) {
        let current = match &link {
            Link::One(named) => named.user.provider(),
            _ => None,
        };
        if let Provider::Other(scope) = self.claims.provider(account, guid, current) {
            let message =
                format!("SyncScope {scope} selects them too, and provides them: select them in one of the two");
            return self.unmatched(account, ProblemReason::ClaimedByOtherScope, &message, Some(scope));
        }
        match link {
            Link::None => self.count_newcomer(account, guid),
            Link::One(named) if named.user.is_unlinked => self.unmatched(
                account,
                ProblemReason::Unlinked,
                &format!(
                    "PhoneUser {} was unlinked: set its spec.link to Linked to sync it again",
                    named.name
                ),
                Some(named.name),
            ),
            Link::One(named) => match self.selection.exclusion_in_doubt(account.index()) {
                Some(doubt) if !self.is_served(named.user) => {
                    self.census.unmatched.push(held_back(&Subject::of(account), doubt));
                }
                _ => self.count_linked(account, guid, named),
            },
            Link::Unreadable(name) => {
                let message = format!("PhoneUser {name} can't be read, so it is left as it is: correct or delete it");
                self.unmatched(account, ProblemReason::WriteFailed, &message, Some(name));
            }
            Link::NameTaken(name) => {
                let message = format!("PhoneUser {name} has their name, and is not theirs: rename or link it");
                self.unmatched(account, ProblemReason::DuplicateMatch, &message, Some(name));
            }
            Link::Several(names) => {
                let message = format!(
                    "PhoneUsers {} all have their objectGUID: leave it in one",
                    few(names.iter().copied(), names.len())
                );
                self.unmatched(account, ProblemReason::DuplicateMatch, &message, names.first().copied());
            }
        }
    }

    fn count_newcomer(&mut self, account: User<'a>, guid: Guid) {
        if let Some(hidden) = self.hidden(account) {
            let message = format!(
                "the account {} shows no {hidden}: let the bind account read it",
                account.dn()
            );
            return self.unmatched(account, ProblemReason::InvalidRecord, &message, None);
        }
        self.census.newcomers.push(Newcomer {
            account,
            guid,
            subject: Subject::of(account),
            name: self.roster.name_for(guid),
            rule: self.rules.choose(account.index()),
            doubt: self.selection.exclusion_in_doubt(account.index()),
        });
    }

    /// Whether the scope serves a user already: its fields are the operator's, and no other scope has it.
    fn is_served(&self, user: &ObservedUser) -> bool {
        user.is_held() && user.provider() == Some(&self.input.scope.name)
    }

    fn count_linked(&mut self, account: User<'a>, guid: Guid, named: NamedUser<'a>) {
        let is_inactive = self.is_inactive(account);
        if let Some(hidden) = self.hidden(account) {
            self.census.kept.push(Kept {
                user: named.user,
                is_inactive,
            });
            let message = format!("the account {} shows no {hidden}: they stay as they are", account.dn());
            let subject = Subject::of(account);
            self.census
                .problems
                .push(problem(&subject, ProblemReason::InvalidRecord, &message, None));
            return;
        }
        self.census.linked.push(Person {
            account,
            guid,
            subject: Subject::of(account),
            name: named.name.into(),
            observed: Some(named.user),
            origin: origin_of(named.user),
            is_inactive,
            absence: None,
            rule: self.rules.choose(account.index()),
            keeps_number: self.keeps_number(account, named.user),
        });
    }

    /// Whether a rule may have given somebody their number that seems not to be theirs any more, and nothing visible says so.
    fn keeps_number(&self, account: User<'a>, user: &ObservedUser) -> bool {
        let Input { rules, system, .. } = self.input;
        let Some(number) = user
            .values
            .text(Field::Extension)
            .and_then(|number| number.parse().ok())
        else {
            return false;
        };
        let mut unseen = self.rules.unseen_before(account.index());
        unseen.any(|rule| {
            let rule = rules.get(rule);
            rule.is_none_or(|rule| rule.gives(number, account, &system.number_plan) != Some(false))
        })
    }

    /// A PhoneUser of the system: what of it [`Self::count_found`] has not seen.
    fn count_provided(&mut self, named: NamedUser<'a>) {
        let NamedUser { name, user } = named;
        let is_ours = user.provider() == Some(&self.input.scope.name);
        let account = user
            .values
            .link()
            .and_then(|link| self.input.directory.user_by_guid(link.guid));
        if user.is_unlinked {
            // Nobody else would let go of what a scope that is gone left behind.
            if is_ours || user.provider().is_none_or(|scope| !self.claims.is_live(scope)) {
                self.census.let_go.extend(letting_go(named, account));
            }
            return;
        }
        let Some(link) = user.values.link().filter(|_| is_ours && user.is_readable) else {
            return;
        };
        let counts = &mut self.census.counts;
        let Some(account) = account else {
            if user.is_held() && !self.claims.is_seen_elsewhere(link.guid) {
                if is_beyond(self.input, link.guid) {
                    counts.out_of_scope += 1;
                } else {
                    counts.gone += 1;
                }
                self.miss(named, link.guid, None);
            }
            return;
        };
        match self.selection.standing(account.index()) {
            Standing::Selected => {}
            // What the operator let go of is people's.
            Standing::Outside if !user.is_held() || self.claims.is_taken_over(link.guid) => {}
            Standing::Outside => {
                counts.out_of_scope += 1;
                self.miss(named, link.guid, Some(account));
            }
            Standing::Perhaps => {
                counts.found += 1;
                self.count_perhaps(account, link.guid, named);
            }
            Standing::Excluded if self.selection.is_found(account.index()) => {}
            Standing::Excluded => {
                counts.found += 1;
                counts.excluded += 1;
                self.let_go_of_excluded(account, NamedUser { name, user });
            }
        }
    }

    /// Somebody linked of whom it is in doubt whether the scope selects them: they are left as they are. But that an account is
    /// disabled is seen, and means the same for those whom it selects and for those whom it does not. Who may be excluded is people's.
    fn count_perhaps(&mut self, account: User<'a>, guid: Guid, named: NamedUser<'a>) {
        let is_inactive = self.is_inactive(account);
        let is_certain = self.is_served(named.user) && self.selection.lets_in(account.index());
        if is_inactive && is_certain && matches!(self.roster.link(guid), Link::One(_)) {
            return self.count_linked(account, guid, named);
        }
        self.census.kept.push(Kept {
            user: named.user,
            is_inactive,
        });
    }

    /// Somebody linked whom the scope does not select, whether they are gone or only seem to be.
    fn miss(&mut self, named: NamedUser<'a>, guid: Guid, account: Option<User<'a>>) {
        let NamedUser { name, user } = named;
        self.census.missing.push(Missing {
            name,
            user,
            guid,
            account,
            subject: account.map_or_else(|| Subject::of_user(named), Subject::of),
        });
    }

    /// Whom the scope excludes, it stops writing; unless another scope takes them as they are.
    fn let_go_of_excluded(&mut self, account: User<'a>, named: NamedUser<'a>) {
        let is_ours = named.user.provider() == Some(&self.input.scope.name);
        let is_taken_over = account.guid().is_some_and(|guid| self.claims.is_taken_over(guid));
        if is_ours && !named.user.is_unlinked && !is_taken_over {
            self.census.excluded.extend(letting_go(named, Some(account)));
        }
    }

    /// What every account has and this one does not show: whoever read it may not see it.
    fn hidden(&self, account: User<'_>) -> Option<&'static str> {
        if account.login().is_none() {
            Some("sAMAccountName")
        } else if account.is_inactive(self.input.now).is_none() {
            Some("userAccountControl, which says whether it is disabled")
        } else {
            None
        }
    }

    fn is_inactive(&self, account: User<'_>) -> bool {
        account.is_inactive(self.input.now) == Some(true)
    }

    fn unmatched(&mut self, account: User<'a>, reason: ProblemReason, message: &str, other: Option<&str>) {
        self.census
            .unmatched
            .push(problem(&Subject::of(account), reason, message, other));
    }
}

fn letting_go<'a>(named: NamedUser<'a>, account: Option<User<'a>>) -> Option<LetGo<'a>> {
    let NamedUser { name, user } = named;
    (user.is_readable && user.is_held()).then(|| LetGo {
        name,
        user,
        subject: account.map_or_else(|| Subject::of_user(named), Subject::of),
    })
}

/// Nobody is created, linked or taken over while it could be somebody who is excluded.
pub(super) fn held_back(subject: &Subject, doubt: Doubt<'_>) -> Problem {
    let message = format!("nobody is linked or created while an exclusion can't be told: {doubt}");
    problem(subject, ProblemReason::NoTargetUser, &message, doubt.dn())
}
