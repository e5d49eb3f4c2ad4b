//! Who has left, and how that is known: absence is proven, repeated, or doubt (promise 2). What follows is not decided here.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    Input,
    evidence::{Open, Verdict, is_beyond},
    observed::ObservedUser,
    outside::{Outside, Places},
    past::Suspect,
    plan::Subject,
    references::References,
    select::Selection,
    value::Absence,
};
use crate::{
    api::phone_user::AbsenceReason,
    directory::{Guid, Sighting, User},
};

/// Somebody linked to the scope whom it does not select any more, for all that the snapshot shows.
#[derive(Clone, Debug)]
pub struct Missing<'a> {
    /// Name of their PhoneUser.
    pub name: &'a str,
    /// Their PhoneUser.
    pub user: &'a ObservedUser,
    /// objectGUID of their account.
    pub guid: Guid,
    /// Their account, if the snapshot has it.
    pub account: Option<User<'a>>,
    /// Whom it is about, for messages.
    pub subject: Subject,
}

/// Somebody who has left for certain.
#[derive(Clone, Debug)]
pub struct Absentee<'a> {
    /// Who.
    pub missing: Missing<'a>,
    /// Why, and since when: what the PhoneUser says already, or now.
    pub absence: Absence,
    /// Where there were people there is nobody now: the scope, or an entry that selected them, is empty. However visibly each of
    /// them left, somebody must look at that.
    pub is_emptied: bool,
}

/// What became of those who are missing.
#[derive(Debug, Default)]
pub struct Absences<'a> {
    /// Those who have left.
    pub proven: Vec<Absentee<'a>>,
    /// Those of whom it is not known: they stay exactly as they are. With why, for people to read.
    pub doubted: Vec<(Missing<'a>, String)>,
    /// Absences that must last, for [`super::past::Past::suspects`] of the next sync.
    pub suspects: BTreeMap<Suspect, Timestamp>,
    /// Accounts to ask the directory for.
    pub ask: BTreeSet<Guid>,
}

impl<'a> Absences<'a> {
    /// Looks at each of them.
    ///
    /// A tombstone proves that somebody is gone; a visible place, value or group that selects them no longer, that they are out
    /// of the scope. Who gives no answer, and who is missing from everything without anything to show for it, must be so in a
    /// second complete read. What contradicts it is doubt for as long as it is so.
    pub fn prove(
        input: &Input<'a>,
        references: &References<'a>,
        selection: &Selection<'a>,
        missing: Vec<Missing<'a>>,
    ) -> Self {
        let mut absences = Self::default();
        if missing.is_empty() {
            return absences;
        }
        let mut open = Open::default();
        let outside = Outside::new(input, references, &missing, &mut open);
        let places = Places::new(input.directory, &missing);
        let finds_nobody = selection.found().next().is_none();
        let mut prover = Prover {
            input,
            open: &mut open,
            outside: &outside,
            places: &places,
            finds_nobody,
        };
        for missing in missing {
            match prover.judge(&missing) {
                Ok(reason) => {
                    let absence = absence(input, &missing, reason);
                    let is_emptied = finds_nobody || outside.is_empty_for(missing.user);
                    absences.proven.push(Absentee {
                        missing,
                        absence,
                        is_emptied: is_emptied && reason == AbsenceReason::OutOfScope,
                    });
                }
                Err(doubt) => absences.doubted.push((missing, doubt.to_owned())),
            }
        }
        (absences.ask, absences.suspects) = (open.ask, open.suspects);
        absences
    }
}

/// Since when it is known: with another reason it begins anew.
fn absence(input: &Input<'_>, missing: &Missing<'_>, reason: AbsenceReason) -> Absence {
    let known = missing.user.values.link().and_then(|link| link.absence);
    known.filter(|known| known.reason == reason).unwrap_or_else(|| Absence {
        reason,
        since: Timestamp::from_second(input.now.as_second()).unwrap_or(input.now),
    })
}

/// Why it isn't known whether somebody has left.
type Doubt = &'static str;

struct Prover<'a, 'b> {
    input: &'b Input<'a>,
    open: &'b mut Open,
    outside: &'b Outside<'a>,
    places: &'b Places,
    /// The scope selects nobody at all.
    finds_nobody: bool,
}

impl Prover<'_, '_> {
    fn judge(&mut self, missing: &Missing<'_>) -> Result<AbsenceReason, Doubt> {
        let suspect = Suspect {
            account: missing.guid,
            entry: None,
        };
        let sighting = self.open.sighting(self.input, suspect);
        if self.input.directory.origin().is_behind {
            self.open.has_lasted(self.input, suspect);
            return Err("the domain controller that was read knows less than another one did");
        }
        // A bit that is set is as certain of somebody whose place is in doubt.
        let is_inactive = missing.account.and_then(|account| account.is_inactive(self.input.now)) == Some(true);
        let judged = match (sighting, missing.account) {
            (None, _) => Err("the directory could not be asked for their account"),
            (Some(Sighting::Deleted), _) => Ok(AbsenceReason::Deleted),
            (Some(Sighting::Unseen { sees_tombstones }), account) => {
                self.unseen(missing, suspect, *sees_tombstones, account.is_some())
            }
            (Some(Sighting::Alive(_)), Some(account)) => self.outside(account, suspect),
            (Some(Sighting::Alive(_)), None) if is_beyond(self.input, missing.guid) => Ok(AbsenceReason::OutOfScope),
            (Some(Sighting::Alive(_)), None) => Err("their account exists where the directory is read, and is hidden"),
        };
        judged.or_else(|doubt| is_inactive.then_some(AbsenceReason::Disabled).ok_or(doubt))
    }

    /// No answer. Lost permissions look like this, and so does deletion to whoever may not see tombstones.
    fn unseen(
        &mut self,
        missing: &Missing<'_>,
        suspect: Suspect,
        sees_tombstones: bool,
        was_read: bool,
    ) -> Result<AbsenceReason, Doubt> {
        if was_read {
            return Err("their account was there a moment ago, and gives no answer now");
        }
        if sees_tombstones {
            return Err("their account gives no answer and left no tombstone: it is hidden");
        }
        if self.input.directory.is_listed(missing.guid) {
            return Err("their account gives no answer, and is still a member of a group");
        }
        if self.finds_nobody {
            return Err("their account gives no answer, and the scope finds nobody any more");
        }
        if self.outside.is_empty_for(missing.user) || self.places.are_empty_for(missing.user) {
            return Err("their account gives no answer, and nobody is left where they were");
        }
        match self.open.has_lasted(self.input, suspect) {
            Verdict::Proven => Ok(AbsenceReason::Deleted),
            Verdict::NotYet | Verdict::Contradicted => Err("their account gives no answer: it must do so again later"),
        }
    }

    /// The account was read, and the scope does not select it.
    fn outside(&mut self, account: User<'_>, suspect: Suspect) -> Result<AbsenceReason, Doubt> {
        match self.outside.verdict(self.input, account, suspect, self.open) {
            Verdict::Proven => Ok(AbsenceReason::OutOfScope),
            Verdict::NotYet => {
                Err("nothing visible says why the scope does not select them: it must be so again later")
            }
            Verdict::Contradicted => Err("something visible says that the scope still selects them"),
        }
    }
}
