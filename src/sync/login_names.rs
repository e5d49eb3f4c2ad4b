//! Everything that people may sign in with. A name that two users of one phone system would share goes to neither.
//!
//! Of users that this scope does not provide, the names are those that their fields would give: were it only those that they
//! have, two scopes would give and take a shared name for ever.

use std::collections::{HashMap, HashSet};

use super::{
    field::{Field, MOST_LOGIN_NAMES},
    keys::{MAIL, USER_PRINCIPAL_NAME},
    mapping::clean,
    observed::Observed,
    person::Person,
    value::Values,
};
use crate::directory::{User, text};

/// Who would have which name.
#[derive(Debug)]
pub struct LoginNames<'a> {
    bare: bool,
    /// By folded name.
    owners: HashMap<String, Owners<'a>>,
}

/// The first two users that would have a name: a second one is enough to take it from all.
#[derive(Debug)]
struct Owners<'a> {
    first: Owner<'a>,
    second: Option<Owner<'a>>,
}

#[derive(Clone, Copy, Debug)]
struct Owner<'a> {
    /// Name of the PhoneUser.
    name: &'a str,
    login: &'a str,
}

/// The names of one person.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Names {
    /// Those that are theirs alone.
    pub own: Vec<Box<str>>,
    /// Those that they would share, and with whom (a login).
    pub shared: Vec<(String, String)>,
}

impl<'a> LoginNames<'a> {
    /// The names of all users of a phone system: `people` are those whom the scope provides.
    pub fn new(people: impl Iterator<Item = &'a Person<'a>>, observed: &'a Observed, bare: bool) -> Self {
        let mut names = Self {
            bare,
            owners: HashMap::new(),
        };
        let mut provided = HashSet::new();
        for person in people {
            provided.insert(&*person.name);
            let owner = Owner {
                name: &person.name,
                login: &person.subject.login,
            };
            for name in names_of_account(person.account, bare) {
                names.add(owner, &name);
            }
        }
        for (name, user) in observed.users.iter().filter(|(name, _)| !provided.contains(&***name)) {
            let owner = Owner {
                name,
                login: user.values.text(Field::Login).unwrap_or(name),
            };
            for name in names_of_user(&user.values, bare) {
                names.add(owner, &name);
            }
        }
        names
    }

    /// One person's names, in a fixed order.
    pub fn of(&self, person: &Person<'_>) -> Names {
        let mut names = Names::default();
        for name in names_of_account(person.account, self.bare) {
            match self.shared_with(&person.name, &name) {
                Some(other) => names.shared.push((name, other.login.to_owned())),
                None if names.own.len() < MOST_LOGIN_NAMES => names.own.push(name.into()),
                None => {}
            }
        }
        names
    }

    fn add(&mut self, owner: Owner<'a>, name: &str) {
        let owners = self.owners.entry(text::fold(name).into_owned());
        let owners = owners.or_insert(Owners {
            first: owner,
            second: None,
        });
        if owners.first.name != owner.name {
            owners.second.get_or_insert(owner);
        }
    }

    fn shared_with(&self, user: &str, name: &str) -> Option<Owner<'a>> {
        let owners = self.owners.get(text::fold(name).as_ref())?;
        let second = owners.second?;
        Some(if owners.first.name == user {
            second
        } else {
            owners.first
        })
    }
}

/// Whether the directory gives somebody any name to sign in with.
pub(super) fn has_names(account: User<'_>, bare: bool) -> bool {
    !names_of_account(account, bare).is_empty()
}

fn names_of_account(account: User<'_>, bare: bool) -> Vec<String> {
    combine(
        account.text(&USER_PRINCIPAL_NAME),
        account.text(&MAIL),
        account.login(),
        &[],
        bare,
    )
}

fn names_of_user(values: &Values, bare: bool) -> Vec<String> {
    let given: Vec<&str> = values.texts(Field::LoginNames).collect();
    combine(
        values.text(Field::UserPrincipalName),
        values.text(Field::Email),
        values.text(Field::Login),
        &given,
        bare,
    )
}

fn combine(
    user_principal_name: Option<&str>,
    mail: Option<&str>,
    login: Option<&str>,
    given: &[&str],
    bare: bool,
) -> Vec<String> {
    let full = [user_principal_name, mail];
    let local = full.map(|name| {
        name.and_then(|name| name.trim().rsplit_once('@'))
            .map(|(local, _)| local)
    });
    let bare = [login, local[0], local[1]].into_iter().filter(|_| bare);
    let all = full.into_iter().chain(bare).flatten().chain(given.iter().copied());
    let mut names: Vec<String> = Vec::new();
    let mut folded = HashSet::new();
    for name in all.map(clean) {
        let fits = (1..=Field::LoginNames.row().limit).contains(&name.chars().count());
        if fits && folded.insert(text::fold(&name).into_owned()) {
            names.push(name);
        }
    }
    names
}
