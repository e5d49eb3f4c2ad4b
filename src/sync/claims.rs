//! Which scope of a phone system provides whom: the one that has them, until they leave it; then the oldest that selects them.

use std::cell::OnceCell;

use jiff::Timestamp;

use super::{
    Input, Sibling,
    references::References,
    select::{Selection, Standing},
};
use crate::{
    api::sync_scope::Mode,
    directory::{Guid, User},
};

/// The scope that is planned for among the others of its phone system.
#[derive(Debug)]
pub struct Claims<'a> {
    name: &'a str,
    created: Timestamp,
    rivals: Vec<Rival<'a>>,
}

/// Another scope. Whom it selects is looked at only when somebody needs to know: in most syncs, nobody does.
#[derive(Debug)]
struct Rival<'a> {
    sibling: &'a Sibling<'a>,
    selection: OnceCell<Selection<'a>>,
}

/// Which scope provides somebody.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Provider<'a> {
    /// The one that is planned for.
    Ours,
    /// Another one.
    Other(&'a str),
}

impl<'a> Claims<'a> {
    /// The claims of all live scopes.
    pub fn new(input: &Input<'a>) -> Self {
        let rivals = input.siblings.iter().map(|sibling| Rival {
            sibling,
            selection: OnceCell::new(),
        });
        Self {
            name: &input.scope.name,
            created: input.scope.created,
            rivals: rivals.collect(),
        }
    }

    /// Who provides somebody whom our scope selects, with an account that ours sees, and whom `current` provides now.
    pub fn provider(&self, account: User<'_>, guid: Guid, current: Option<&str>) -> Provider<'a> {
        if current == Some(self.name) {
            return Provider::Ours;
        }
        let holder = self.rivals.iter().find(|rival| current == Some(rival.sibling.name));
        if let Some(holder) = holder.filter(|rival| rival.keeps(account, guid)) {
            return Provider::Other(holder.sibling.name);
        }
        let older = self
            .rivals
            .iter()
            .filter(|rival| rival.age() < (self.created, self.name) && rival.takes(guid));
        match older.min_by_key(|rival| rival.age()) {
            Some(rival) => Provider::Other(rival.sibling.name),
            None => Provider::Ours,
        }
    }

    /// Whether another scope selects somebody for certain, and would take them from ours.
    pub fn is_taken_over(&self, guid: Guid) -> bool {
        self.rivals.iter().any(|rival| rival.takes(guid))
    }

    /// Whether another scope may take somebody once ours is gone: also one that is suspended now, or in doubt about them.
    pub fn may_go_over(&self, guid: Guid) -> bool {
        let mut standings = self.served().map(|rival| rival.standing(guid));
        standings.any(|standing| matches!(standing, Some(Standing::Selected | Standing::Perhaps)))
    }

    /// Whether the directory of another scope has the account. One that can't be read counts as having it.
    pub fn is_seen_elsewhere(&self, guid: Guid) -> bool {
        self.served().any(|rival| rival.has_account(guid).unwrap_or(true))
    }

    fn served(&self) -> impl Iterator<Item = &Rival<'a>> {
        self.rivals.iter().filter(|rival| rival.sibling.is_served)
    }

    /// Whether a scope of this name is alive.
    pub fn is_live(&self, scope: &str) -> bool {
        scope == self.name || self.rivals.iter().any(|rival| rival.sibling.name == scope)
    }

    /// Whether another scope's directory has the account for certain.
    pub fn is_known_elsewhere(&self, guid: Guid) -> bool {
        self.rivals.iter().any(|rival| rival.has_account(guid) == Some(true))
    }
}

impl<'a> Rival<'a> {
    fn age(&self) -> (Timestamp, &'a str) {
        (self.sibling.created, self.sibling.name)
    }

    /// None: it can't be read now.
    fn has_account(&self, guid: Guid) -> Option<bool> {
        Some(self.sibling.sight?.directory.user_by_guid(guid).is_some())
    }

    /// Where an account stands to it. None: its directory doesn't show the account.
    fn standing(&self, guid: Guid) -> Option<Standing> {
        let Some(sight) = self.sibling.sight else {
            return Some(Standing::Perhaps);
        };
        let account = sight.directory.user_by_guid(guid)?;
        let selection = self.selection.get_or_init(|| {
            let references = References::resolve(sight.scope, sight.directory, sight.references);
            Selection::new(sight.scope, &references, sight.directory)
        });
        Some(selection.standing(account.index()))
    }

    /// Whether somebody whom it provides is still its own, for all that is known. An account that ours sees where the other one
    /// should see it too, and doesn't, has not left: its service account may have lost sight of it.
    fn keeps(&self, account: User<'_>, guid: Guid) -> bool {
        match (self.standing(guid), self.sibling.sight, account.parent()) {
            // Whoever a scope excludes has left it.
            (Some(standing), ..) => !matches!(standing, Standing::Outside | Standing::Excluded),
            (None, Some(sight), Some(parent)) => parent.is_at_or_below(&sight.directory.origin().base_dn),
            (None, ..) => true,
        }
    }

    /// Whether it takes somebody whom no live scope provides. One that writes nothing takes nobody.
    fn takes(&self, guid: Guid) -> bool {
        let writes = |sight: super::Sight<'_>| sight.scope.mode == Mode::Apply && !sight.scope.suspend;
        self.sibling.sight.is_some_and(writes) && self.standing(guid) == Some(Standing::Selected)
    }
}
