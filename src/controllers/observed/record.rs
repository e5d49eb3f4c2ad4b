//! From an object as the API server has it to the compact record that the core plans with. Pure, and never fails: what
//! can't be read is marked so, and still holds its name and number.

use std::collections::BTreeMap;

use kube::{ResourceExt, api::DynamicObject};
use serde::Deserialize;
use serde_json::Value as Json;

use super::kind::{Kind, Record};
use crate::{
    api::{
        annotations,
        extension::{ExtensionState, Holder},
        labels,
        phone_user::{DirectoryLink, Origin},
        ring_group::RingGroupSource,
    },
    controllers::managed_fields::{appliers, ownership},
    sync::{
        field::{Field, Place, RingField, WrittenField},
        number::Number,
        observed::{Observed, ObservedExtension, ObservedRingGroup, ObservedUser, Version},
        value::{Absence, Link, Value, Values},
    },
};

fn version(object: &DynamicObject) -> Version {
    Version {
        uid: object.metadata.uid.as_deref().unwrap_or_default().into(),
        resource_version: object.metadata.resource_version.as_deref().unwrap_or_default().into(),
    }
}

/// Whether it is not to be removed: people say so, or it is on its way already, and somebody's finalizer keeps it.
fn is_protected(object: &DynamicObject) -> bool {
    let is_going = object.metadata.deletion_timestamp.is_some();
    is_going
        || object
            .annotations()
            .get(annotations::PROTECT)
            .is_some_and(|protect| protect == "true")
}

/// Reads the values of a spec, and remembers whether something was not as it should be.
struct Reader<'a> {
    object: &'a DynamicObject,
    readable: bool,
}

impl<'a> Reader<'a> {
    fn new(object: &'a DynamicObject) -> Self {
        let named = object
            .data
            .pointer("/spec/phoneSystemRef/name")
            .is_some_and(Json::is_string);
        Self {
            object,
            readable: named,
        }
    }

    /// A member of the spec, unless it is missing or null.
    fn spec(&self, name: &str) -> Option<&'a Json> {
        self.object.data.get("spec")?.get(name).filter(|value| !value.is_null())
    }

    /// A member of the spec as `T`. Anything else makes the object unreadable.
    fn member<T: Deserialize<'a>>(&mut self, name: &str) -> Option<T> {
        let value = T::deserialize(self.spec(name)?);
        self.readable &= value.is_ok();
        value.ok()
    }

    /// What a member becomes. One that becomes nothing makes the object unreadable.
    fn parsed<T: Deserialize<'a>, P>(&mut self, name: &str, parse: impl FnOnce(T) -> Option<P>) -> Option<P> {
        let parsed = parse(self.member(name)?);
        self.readable &= parsed.is_some();
        parsed
    }

    fn label(&self, name: &str) -> Option<Value> {
        self.object.labels().get(name).map(|value| Value::text(value))
    }

    fn text(&mut self, name: &str) -> Option<Value> {
        self.member::<String>(name).map(|text| Value::Text(text.into()))
    }

    fn list(&mut self, name: &str) -> Option<Value> {
        self.member::<Vec<Box<str>>>(name).map(Value::List)
    }

    fn flag(&mut self, name: &str) -> Option<Value> {
        self.member(name).map(Value::Flag)
    }

    /// Of one that can't be read it is still told whose it is, as far as that was read: nobody is created beside it.
    fn link(&mut self, name: &str) -> Option<Value> {
        let link = self.spec(name)?;
        let read = DirectoryLink::deserialize(link);
        let text = |path| link.pointer(path).and_then(Json::as_str).unwrap_or_default();
        let guid = text("/objectGUID").parse().ok();
        self.readable &= read.is_ok() && guid.is_some();
        Some(Value::Link(Box::new(Link {
            config: text("/configRef/name").into(),
            scope: text("/scopeRef/name").into(),
            guid: guid?,
            absence: read
                .as_ref()
                .ok()
                .and_then(|read| read.absence.as_ref())
                .map(|absence| Absence {
                    reason: absence.reason,
                    since: absence.since.0,
                }),
            // An adopted one is never deleted.
            origin: read.map_or(Origin::Adopted, |read| read.origin),
        })))
    }

    fn user_field(&mut self, field: Field) -> Option<Value> {
        match (field, field.place()) {
            (_, Place::Label(name)) => self.label(name),
            (Field::LoginNames, Place::Spec(name)) => self.list(name),
            (Field::Enabled, Place::Spec(name)) => self.flag(name),
            (Field::Directory, Place::Spec(name)) => self.link(name),
            (_, Place::Spec(name)) => self.text(name),
        }
    }

    fn ring_field(&mut self, field: RingField) -> Option<Value> {
        match (field, field.place()) {
            (_, Place::Label(name)) => self.label(name),
            (RingField::Members, Place::Spec(name)) => self.list(name),
            (RingField::Enabled | RingField::InPhonebook, Place::Spec(name)) => self.flag(name),
            (RingField::Source, Place::Spec(name)) => self
                .member::<RingGroupSource>(name)
                .map(|source| Value::Source(Box::new(source))),
            (_, Place::Spec(name)) => self.text(name),
        }
    }
}

impl Record for ObservedUser {
    const KIND: Kind = Kind::User;

    fn read(object: &DynamicObject) -> Self {
        let mut reader = Reader::new(object);
        let values: Values = Field::ALL
            .iter()
            .filter_map(|field| Some((*field, reader.user_field(*field)?)))
            .collect();
        let link: Option<String> = reader.member("link");
        let is_unlinked = link.as_deref() == Some("Unlinked");
        reader.readable &= is_unlinked || link.is_none_or(|link| link == "Linked");
        Self {
            version: version(object),
            is_unlinked,
            is_protected: is_protected(object),
            values,
            ownership: ownership(object.managed_fields()),
            is_readable: reader.readable,
        }
    }

    fn version(&self) -> &Version {
        &self.version
    }

    fn differs(&self, other: &Self) -> bool {
        let Self {
            version: _,
            is_unlinked,
            is_protected,
            values,
            ownership,
            is_readable,
        } = self;
        (is_unlinked, is_protected, values, ownership, is_readable)
            != (
                &other.is_unlinked,
                &other.is_protected,
                &other.values,
                &other.ownership,
                &other.is_readable,
            )
            || self.version.uid != other.version.uid
    }

    fn scope(&self) -> Option<&str> {
        self.values.link().map(|link| &*link.scope)
    }

    fn all(observed: &Observed) -> &BTreeMap<Box<str>, Self> {
        &observed.users
    }

    fn all_mut(observed: &mut Observed) -> &mut BTreeMap<Box<str>, Self> {
        &mut observed.users
    }
}

impl Record for ObservedExtension {
    const KIND: Kind = Kind::Extension;

    fn read(object: &DynamicObject) -> Self {
        let mut reader = Reader::new(object);
        let number = reader.parsed("number", |number: String| number.parse::<Number>().ok());
        reader.readable &= number.is_some();
        let state = reader.member::<ExtensionState>("state");
        reader.readable &= state.is_some();
        let release_after = reader.parsed("releaseAfter", |time: String| time.parse().ok());
        let (is_ours, applied_by) = appliers(object.managed_fields());
        Self {
            version: version(object),
            number: number.or_else(|| number_in_name(object)),
            state,
            holder: reader.member::<Holder>("holder"),
            release_after,
            awaited_by: reader.member::<Holder>("awaitedBy").map(Box::new),
            is_readable: reader.readable,
            scope: object.labels().get(labels::SCOPE).map(|scope| scope.as_str().into()),
            is_protected: is_protected(object),
            is_ours,
            applied_by: applied_by.map(Into::into),
        }
    }

    fn version(&self) -> &Version {
        &self.version
    }

    fn differs(&self, other: &Self) -> bool {
        let Self {
            version: _,
            number,
            state,
            holder,
            release_after,
            awaited_by,
            is_readable,
            scope,
            is_protected,
            is_ours,
            applied_by,
        } = self;
        (number, state, holder, release_after, awaited_by, is_readable)
            != (
                &other.number,
                &other.state,
                &other.holder,
                &other.release_after,
                &other.awaited_by,
                &other.is_readable,
            )
            || (scope, is_protected, is_ours, applied_by)
                != (&other.scope, &other.is_protected, &other.is_ours, &other.applied_by)
            || self.version.uid != other.version.uid
    }

    fn scope(&self) -> Option<&str> {
        // Whoever waits for a free number is in any scope.
        None
    }

    fn all(observed: &Observed) -> &BTreeMap<Box<str>, Self> {
        &observed.extensions
    }

    fn all_mut(observed: &mut Observed) -> &mut BTreeMap<Box<str>, Self> {
        &mut observed.extensions
    }
}

impl Record for ObservedRingGroup {
    const KIND: Kind = Kind::RingGroup;

    fn read(object: &DynamicObject) -> Self {
        let mut reader = Reader::new(object);
        let values = RingField::ALL
            .iter()
            .filter_map(|field| Some((*field, reader.ring_field(*field)?)))
            .collect();
        Self {
            version: version(object),
            is_protected: is_protected(object),
            values,
            ownership: ownership(object.managed_fields()),
            is_readable: reader.readable,
        }
    }

    fn version(&self) -> &Version {
        &self.version
    }

    fn differs(&self, other: &Self) -> bool {
        let Self {
            version: _,
            is_protected,
            values,
            ownership,
            is_readable,
        } = self;
        (is_protected, values, ownership, is_readable)
            != (&other.is_protected, &other.values, &other.ownership, &other.is_readable)
            || self.version.uid != other.version.uid
    }

    fn scope(&self) -> Option<&str> {
        match self.values.get(&RingField::Source) {
            Some(Value::Source(source)) => Some(&source.scope_ref.name),
            _ => None,
        }
    }

    fn all(observed: &Observed) -> &BTreeMap<Box<str>, Self> {
        &observed.ring_groups
    }

    fn all_mut(observed: &mut Observed) -> &mut BTreeMap<Box<str>, Self> {
        &mut observed.ring_groups
    }
}

/// The number in `<phonesystem>-<number>`.
fn number_in_name(object: &DynamicObject) -> Option<Number> {
    object.metadata.name.as_deref()?.rsplit_once('-')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::kind::phone_system, *};

    fn object(metadata: &Json, spec: &Json) -> DynamicObject {
        serde_json::from_value(json!({"apiVersion": "telephony.adsync.dev/v1alpha1", "kind": "Any",
            "metadata": metadata, "spec": spec}))
        .unwrap()
    }

    fn named(name: &str, spec: &Json) -> DynamicObject {
        object(&json!({"name": name, "uid": "u", "resourceVersion": "7"}), spec)
    }

    #[test]
    fn reads_a_user_as_it_is() {
        let user = ObservedUser::read(&named(
            "hq-1",
            &json!({"phoneSystemRef": {"name": "hq"}, "login": "ada", "loginNames": ["ada", "ada@example.com"], "enabled": true,
                "directory": {"configRef": {"name": "corp"}, "scopeRef": {"name": "staff"}, "origin": "Provisioned",
                    "objectGUID": "0f7c1b1e-7a0c-4d5a-9f7e-0123456789ab"}}),
        ));
        assert!(user.is_readable && !user.is_unlinked);
        assert_eq!(user.values.text(Field::Login), Some("ada"));
        assert_eq!(user.values.enabled(), Some(true));
        assert_eq!(user.scope(), Some("staff"));
        assert_eq!(
            user.version,
            Version {
                uid: "u".into(),
                resource_version: "7".into()
            }
        );
    }

    #[test]
    fn an_unreadable_user_still_holds_its_number() {
        let cases = [
            json!({"phoneSystemRef": {"name": "hq"}, "login": 7, "extension": "2001"}),
            json!({"phoneSystemRef": {"name": "hq"}, "link": "Sometimes", "extension": "2001"}),
            json!({"phoneSystemRef": {"name": "hq"}, "directory": {"objectGUID": "?"}, "extension": "2001"}),
            json!({"extension": "2001"}),
        ];
        for spec in cases {
            let user = ObservedUser::read(&named("ada", &spec));
            assert!(!user.is_readable, "{spec}");
            assert_eq!(user.values.text(Field::Extension), Some("2001"), "{spec}");
        }
    }

    #[test]
    fn an_unreadable_link_still_says_whose_the_user_is() {
        let guid = "0f7c1b1e-7a0c-4d5a-9f7e-0123456789ab";
        for link in [
            json!({"configRef": {"name": "corp"}, "scopeRef": {"name": "staff"}, "origin": "Imported", "objectGUID": guid}),
            json!({"configRef": "corp", "scopeRef": {"name": "staff"}, "objectGUID": guid}),
        ] {
            let user = ObservedUser::read(&named(
                "desk",
                &json!({"phoneSystemRef": {"name": "hq"}, "directory": link}),
            ));
            assert!(!user.is_readable, "{link}");
            let read = user.values.link().unwrap();
            assert_eq!(
                (read.guid.to_string().as_str(), &*read.scope),
                (guid, "staff"),
                "{link}"
            );
        }
    }

    #[test]
    fn an_unreadable_extension_holds_the_number_of_its_name() {
        let cases = [
            json!({"phoneSystemRef": {"name": "hq"}, "number": "2001", "state": "Parked"}),
            json!({"phoneSystemRef": {"name": "hq"}, "state": "Assigned"}),
            json!("none"),
        ];
        for spec in cases {
            let extension = ObservedExtension::read(&named("hq-2001", &spec));
            assert!(!extension.is_readable, "{spec}");
            assert_eq!(extension.number, "2001".parse().ok(), "{spec}");
        }
    }

    #[test]
    fn only_what_a_plan_looks_at_makes_a_difference() {
        let spec = json!({"phoneSystemRef": {"name": "hq"}, "displayName": "Support"});
        let before = ObservedRingGroup::read(&named("hq-1", &spec));
        let mut touched = named("hq-1", &spec);
        touched.metadata.resource_version = Some("8".to_owned());
        touched.data["status"] = json!({"ringing": true});
        assert!(!ObservedRingGroup::read(&touched).differs(&before));
        touched.data["spec"]["displayName"] = json!("Sales");
        assert!(ObservedRingGroup::read(&touched).differs(&before));
    }

    #[test]
    fn an_object_without_a_readable_reference_is_found_by_its_label() {
        let lost = object(
            &json!({"name": "hq-1", "labels": {"adsync.dev/phone-system": "hq"}}),
            &json!({}),
        );
        assert_eq!(phone_system(&lost), Some("hq"));
    }
}
