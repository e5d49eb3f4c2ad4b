//! The maps of one phone system, and whose word about an object is the latest. Pure: no client, no lock.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    ops::Deref,
};

use kube::api::DynamicObject;

use super::{
    changes::Author,
    kind::{Kind, Record},
};
use crate::sync::observed::Observed;

/// The objects of one phone system.
#[derive(Debug, Default)]
pub struct System {
    observed: Observed,
    writing: BTreeMap<(Kind, Box<str>), Meanwhile>,
    /// The uids of objects that the operator deleted and the watch has not shown as deleted yet: it may be behind.
    deleted: BTreeMap<(Kind, Box<str>), Box<str>>,
}

/// What the watch showed of an object while the operator was writing it: its own write or somebody else's, which only the
/// API server's answer can tell.
#[derive(Debug, Default)]
struct Meanwhile {
    seen: Vec<Box<str>>,
    deleted: Option<Box<str>>,
    /// Whom the deletion concerns, unless it was the operator's own.
    told: Vec<Told>,
}

/// A change that a plan could come out differently for.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Told {
    /// Who did it.
    pub by: Author,
    /// The SyncScope that provides the object, if any.
    pub scope: Option<Box<str>>,
}

impl Deref for System {
    type Target = Observed;

    fn deref(&self) -> &Observed {
        &self.observed
    }
}

impl System {
    /// Whether an object is known in this version or a later one: there is nothing to take from it.
    pub(super) fn knows<R: Record>(&self, object: &DynamicObject) -> bool {
        let known = object
            .metadata
            .name
            .as_deref()
            .and_then(|name| R::all(&self.observed).get(name));
        let version = object.metadata.resource_version.as_deref().unwrap_or_default();
        known.is_some_and(|known| !is_newer(version, &known.version().resource_version))
    }

    /// Takes an object as the watch shows it, or as the API server answered to the operator's own write.
    pub(super) fn put<R: Record>(&mut self, name: &str, record: R, by: Author) -> Vec<Told> {
        if self.deleted.get(&(R::KIND, name.into())) == Some(&record.version().uid) {
            return Vec::new();
        }
        let version = record.version().resource_version.clone();
        let known = R::all(&self.observed).get(name);
        if known.is_some_and(|known| !is_newer(&version, &known.version().resource_version)) {
            return Vec::new();
        }
        if let Some(meanwhile) = self.writing.get_mut(&(R::KIND, name.into())) {
            match (by, &meanwhile.deleted) {
                (Author::Operator, Some(deleted)) if !is_newer(&version, deleted) => return Vec::new(),
                (Author::Operator, _) => {}
                (Author::Other, _) => meanwhile.seen.push(version),
            }
        }
        let by = if self.is_writing::<R>(name) {
            Author::Operator
        } else {
            by
        };
        let told = difference(known, Some(&record), by);
        R::all_mut(&mut self.observed).insert(name.into(), record);
        told
    }

    /// Takes the word that an object was deleted, in this version.
    pub(super) fn remove<R: Record>(&mut self, name: &str, version: &str) -> Vec<Told> {
        let key = (R::KIND, Box::from(name));
        if self.deleted.remove(&key).is_some() {
            return Vec::new();
        }
        let meanwhile = self.writing.get_mut(&key);
        let all = R::all_mut(&mut self.observed);
        if all
            .get(name)
            .is_none_or(|known| is_newer(&known.version().resource_version, version))
        {
            if let Some(meanwhile) = meanwhile {
                meanwhile.deleted = Some(version.into());
            }
            return Vec::new();
        }
        let told = difference(all.remove(name).as_ref(), None, Author::Other);
        let Some(meanwhile) = meanwhile else { return told };
        meanwhile.deleted = Some(version.into());
        meanwhile.told = told;
        Vec::new()
    }

    /// Takes the API server's answer that the operator's deletion of an object is done.
    pub(super) fn delete<R: Record>(&mut self, name: &str, uid: &str) -> Vec<Told> {
        let key = (R::KIND, Box::from(name));
        match self.writing.get_mut(&key) {
            Some(meanwhile) if meanwhile.deleted.is_some() => {
                meanwhile.told.clear();
                meanwhile.seen.clear();
            }
            _ => drop(self.deleted.insert(key, uid.into())),
        }
        let all = R::all_mut(&mut self.observed);
        if all.get(name).is_none_or(|known| *known.version().uid != *uid) {
            return Vec::new();
        }
        difference(all.remove(name).as_ref(), None, Author::Operator)
    }

    /// Takes the word that there is no object of this name, whichever version that was true for.
    pub(super) fn forget<R: Record>(&mut self, name: &str) -> Vec<Told> {
        difference(
            R::all_mut(&mut self.observed).remove(name).as_ref(),
            None,
            Author::Other,
        )
    }

    /// Replaces all of a kind by what a list shows. What the operator wrote since that list was asked for stays: the list may
    /// be older, and a plan without it would make it a second time.
    pub(super) fn replace<R: Record>(
        &mut self,
        listed: BTreeMap<Box<str>, R>,
        written_since: &BTreeSet<Box<str>>,
    ) -> Vec<Told> {
        let gone = R::all(&self.observed)
            .keys()
            .filter(|name| !listed.contains_key(*name) && !written_since.contains(*name))
            .cloned()
            .collect::<Vec<_>>();
        let mut told: Vec<Told> = gone.iter().flat_map(|name| self.forget::<R>(name)).collect();
        // What a list does not have, no watch will show as deleted.
        self.deleted
            .retain(|(kind, name), _| *kind != R::KIND || listed.contains_key(name));
        for (name, record) in listed {
            told.extend(self.put(&name, record, Author::Other));
        }
        told.sort();
        told.dedup();
        told
    }

    /// From here on, the watch may show the operator's own write of this object before its answer is there.
    pub(super) fn begin_write(&mut self, kind: Kind, name: &str) {
        self.writing.insert((kind, name.into()), Meanwhile::default());
    }

    /// The operator wrote these versions. If the watch showed another meanwhile, that was somebody else's.
    pub(super) fn end_write<R: Record>(&mut self, name: &str, written: &[Box<str>]) -> Vec<Told> {
        let meanwhile = self.writing.remove(&(R::KIND, name.into())).unwrap_or_default();
        let mut told = meanwhile.told;
        if !meanwhile.seen.iter().all(|seen| written.contains(seen)) {
            told.extend(difference(None, R::all(&self.observed).get(name), Author::Other));
        }
        told
    }

    fn is_writing<R: Record>(&self, name: &str) -> bool {
        self.writing.contains_key(&(R::KIND, name.into()))
    }
}

/// Whom a change concerns: the scopes that had and that have the object.
fn difference<R: Record>(before: Option<&R>, after: Option<&R>, by: Author) -> Vec<Told> {
    match (before, after) {
        (Some(before), Some(after)) if !after.differs(before) => Vec::new(),
        (Some(before), Some(after)) if before.scope() == after.scope() => vec![Told {
            by,
            scope: after.scope().map(Into::into),
        }],
        _ => [before, after]
            .into_iter()
            .flatten()
            .map(|record| Told {
                by,
                scope: record.scope().map(Into::into),
            })
            .collect(),
    }
}

/// Whether one resource version is later than another. They are numbers that grow (KEP-5504); of two that aren't, the one
/// that came last is taken for the later.
fn is_newer(version: &str, than: &str) -> bool {
    match (version.parse::<u64>(), than.parse::<u64>()) {
        (Ok(version), Ok(than)) => version.cmp(&than) == Ordering::Greater,
        _ => version != than,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sync::observed::ObservedUser;

    fn user(login: &str, version: u64) -> ObservedUser {
        let object: DynamicObject = serde_json::from_value(json!({
            "metadata": {"name": "hq-1", "uid": "u", "resourceVersion": version.to_string()},
            "spec": {"phoneSystemRef": {"name": "hq"}, "login": login},
        }))
        .unwrap();
        ObservedUser::read(&object)
    }

    fn by(author: Author) -> Vec<Told> {
        vec![Told {
            by: author,
            scope: None,
        }]
    }

    fn login(system: &System) -> Option<&str> {
        system.users.get("hq-1")?.values.text(crate::sync::field::Field::Login)
    }

    #[test]
    fn an_older_version_never_replaces_a_newer() {
        let mut system = System::default();
        assert_eq!(
            system.put("hq-1", user("new", 10), Author::Operator),
            by(Author::Operator)
        );
        assert_eq!(system.put("hq-1", user("old", 9), Author::Other), []);
        assert_eq!(
            system.put("hq-1", user("new", 10), Author::Other),
            [],
            "the watch shows what we wrote"
        );
        assert_eq!(login(&system), Some("new"));
        assert_eq!(
            system.remove::<ObservedUser>("hq-1", "8"),
            [],
            "an earlier object of the name"
        );
        assert_eq!(system.remove::<ObservedUser>("hq-1", "11"), by(Author::Other));
        assert_eq!(login(&system), None);
    }

    #[test]
    fn a_status_that_changes_is_no_news() {
        let mut system = System::default();
        system.put("hq-1", user("ada", 10), Author::Other);
        assert_eq!(system.put("hq-1", user("ada", 11), Author::Other), []);
        assert_eq!(
            &*system.users["hq-1"].version.resource_version, "11",
            "but the version is kept"
        );
    }

    #[test]
    fn the_operators_own_write_is_nobody_elses_even_when_the_watch_is_first() {
        let mut system = System::default();
        system.begin_write(Kind::User, "hq-1");
        assert_eq!(system.put("hq-1", user("ada", 10), Author::Other), by(Author::Operator));
        assert_eq!(system.put("hq-1", user("ada", 10), Author::Operator), []);
        assert_eq!(system.end_write::<ObservedUser>("hq-1", &["10".into()]), []);
    }

    #[test]
    fn somebody_elses_write_during_the_operators_is_told_afterwards() {
        let mut system = System::default();
        system.begin_write(Kind::User, "hq-1");
        system.put("hq-1", user("ada", 10), Author::Operator);
        system.put("hq-1", user("eve", 11), Author::Other);
        assert_eq!(
            system.end_write::<ObservedUser>("hq-1", &["10".into()]),
            by(Author::Other)
        );
        system.begin_write(Kind::User, "hq-1");
        system.put("hq-1", user("ada", 12), Author::Other);
        assert_eq!(
            system.end_write::<ObservedUser>("hq-1", &[]),
            by(Author::Other),
            "our write failed"
        );
    }

    #[test]
    fn a_deletion_that_the_watch_shows_before_the_answer_is_final() {
        let mut system = System::default();
        system.begin_write(Kind::User, "hq-1");
        system.remove::<ObservedUser>("hq-1", "11");
        assert_eq!(system.put("hq-1", user("ada", 10), Author::Operator), []);
        assert_eq!(login(&system), None);
    }

    #[test]
    fn what_the_operator_deleted_stays_deleted_whatever_a_watch_that_is_behind_shows() {
        let mut system = System::default();
        system.put("hq-1", user("ada", 10), Author::Other);
        assert_eq!(system.delete::<ObservedUser>("hq-1", "u"), by(Author::Operator));
        assert_eq!(system.put("hq-1", user("ada", 11), Author::Other), []);
        assert_eq!(login(&system), None);
        assert_eq!(
            system.remove::<ObservedUser>("hq-1", "12"),
            [],
            "it is the operator's own"
        );
        assert!(system.deleted.is_empty(), "nothing older can come after that");
        system.delete::<ObservedUser>("hq-1", "u");
        system.replace(BTreeMap::<_, ObservedUser>::new(), &BTreeSet::new());
        assert!(system.deleted.is_empty(), "nor after a list without it");
    }

    #[test]
    fn a_deletion_that_the_watch_shows_first_is_the_operators_own() {
        let mut system = System::default();
        system.put("hq-1", user("ada", 10), Author::Other);
        system.begin_write(Kind::User, "hq-1");
        system.remove::<ObservedUser>("hq-1", "11");
        system.delete::<ObservedUser>("hq-1", "u");
        assert!(system.deleted.is_empty());
        let next = ObservedUser {
            version: crate::sync::observed::Version {
                uid: "v".into(),
                resource_version: "12".into(),
            },
            ..user("eve", 12)
        };
        system.end_write::<ObservedUser>("hq-1", &[]);
        system.put("hq-1", next, Author::Other);
        assert_eq!(login(&system), Some("eve"), "another object of the name");
    }

    #[test]
    fn a_list_replaces_all_but_what_was_written_since() {
        let mut system = System::default();
        system.put("hq-1", user("written", 20), Author::Operator);
        system.put("hq-2", user("deleted", 5), Author::Other);
        let listed = [("hq-1", user("listed", 10)), ("hq-3", user("made", 9))];
        let told = system.replace(
            listed.map(|(name, record)| (name.into(), record)).into(),
            &BTreeSet::new(),
        );
        assert_eq!(told, by(Author::Other), "one gone and one made, told once");
        assert_eq!(login(&system), Some("written"));
        assert_eq!(
            system.users.keys().map(|name| &**name).collect::<Vec<_>>(),
            ["hq-1", "hq-3"]
        );
        let written = BTreeSet::from(["hq-3".into()]);
        assert_eq!(
            system.replace(BTreeMap::<_, ObservedUser>::new(), &written),
            by(Author::Other)
        );
        assert_eq!(
            system.users.keys().map(|name| &**name).collect::<Vec<_>>(),
            ["hq-3"],
            "made after the list was taken"
        );
    }
}
