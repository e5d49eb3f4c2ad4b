//! What is sent to the API server: the bodies of server-side applies. Pure.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Map, Value as Json, json};

use crate::{
    api::{
        FIELD_MANAGER,
        extension::{ExtensionState, Holder},
        labels,
    },
    controllers::{changes::NamespacedName, conditions::whole_seconds, observed::Kind},
    sync::{
        field::{Place, WrittenField},
        number::Number,
        plan::{Apply, Claim, Expected, Free},
        value::{Link, Value},
    },
};

/// Creates or changes a PhoneUser or RingGroup. It carries every field that the operator wants to hold, and no other.
pub(super) fn of_change<F: WrittenField>(
    kind: Kind,
    system: &NamespacedName,
    name: &str,
    expected: &Expected,
    apply: &Apply<F>,
) -> Json {
    let (mut labels, mut spec) = (Map::new(), reference(&system.name));
    for (field, value) in &apply.values {
        match field.place() {
            Place::Spec(name) => spec.insert(name.to_owned(), json_of(value)),
            Place::Label(name) => labels.insert(name.to_owned(), json_of(value)),
        };
    }
    object(kind, system, name, expected, labels, spec)
}

/// Makes an Extension its holder's.
pub(super) fn of_claim(system: &NamespacedName, scope: &str, name: &str, claim: &Claim) -> Json {
    let spec = number(system, claim.number, ExtensionState::Assigned, &claim.holder);
    object(
        Kind::Extension,
        system,
        name,
        &claim.expected,
        labels_of_number(system, scope),
        spec,
    )
}

/// Lets an Extension rest. It remembers who had it.
pub(super) fn of_free(system: &NamespacedName, scope: &str, name: &str, free: &Free) -> Json {
    let mut spec = number(system, free.number, ExtensionState::Cooling, &free.holder);
    spec.insert(
        "releaseAfter".to_owned(),
        json!(Time(whole_seconds(free.release_after))),
    );
    if let Some(awaited_by) = &free.awaited_by {
        spec.insert("awaitedBy".to_owned(), json!(awaited_by));
    }
    let expected = Expected::Present(free.version.clone());
    object(
        Kind::Extension,
        system,
        name,
        &expected,
        labels_of_number(system, scope),
        spec,
    )
}

fn labels_of_number(system: &NamespacedName, scope: &str) -> Map<String, Json> {
    Map::from_iter([
        (labels::MANAGED_BY.to_owned(), json!(FIELD_MANAGER)),
        (labels::SCOPE.to_owned(), json!(scope)),
        (labels::PHONE_SYSTEM.to_owned(), json!(system.name)),
    ])
}

fn number(system: &NamespacedName, number: Number, state: ExtensionState, holder: &Holder) -> Map<String, Json> {
    let mut spec = reference(&system.name);
    spec.insert("number".to_owned(), json!(number.to_string()));
    spec.insert("state".to_owned(), json!(state));
    spec.insert("holder".to_owned(), json!(holder));
    spec
}

/// Makes a body expect another version of the object that it expected.
pub(super) fn expect_version(body: &mut Json, version: Option<&str>) {
    if let Some(current) = body.pointer_mut("/metadata/resourceVersion") {
        *current = json!(version);
    }
}

fn reference(system: &str) -> Map<String, Json> {
    let mut spec = Map::new();
    spec.insert("phoneSystemRef".to_owned(), json!({"name": system}));
    spec
}

fn object(
    kind: Kind,
    system: &NamespacedName,
    name: &str,
    expected: &Expected,
    labels: Map<String, Json>,
    spec: Map<String, Json>,
) -> Json {
    let resource = kind.resource();
    // An apply creates what does not exist. "1" is no version that an object can have: 409 when there is one. And without the
    // uid it would make again what was deleted; without the version, undo what somebody just changed.
    let (uid, version) = match expected {
        Expected::Absent => (Json::Null, json!("1")),
        Expected::Present(version) => (json!(version.uid), json!(version.resource_version)),
    };
    let mut metadata = Map::from_iter([
        ("name".to_owned(), json!(name)),
        ("namespace".to_owned(), json!(system.namespace)),
        ("labels".to_owned(), Json::Object(labels)),
        ("resourceVersion".to_owned(), version),
    ]);
    if !uid.is_null() {
        metadata.insert("uid".to_owned(), uid);
    }
    json!({"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, "spec": Json::Object(spec)})
}

fn json_of(value: &Value) -> Json {
    match value {
        Value::Text(text) => json!(&**text),
        Value::List(list) => json!(list),
        Value::Flag(flag) => json!(flag),
        Value::Link(link) => json_of_link(link),
        Value::Source(source) => json!(source),
    }
}

fn json_of_link(link: &Link) -> Json {
    let mut json = json!({
        "configRef": {"name": link.config},
        "scopeRef": {"name": link.scope},
        "objectGUID": link.guid.to_string(),
        "origin": link.origin,
    });
    if let (Some(absence), Some(fields)) = (&link.absence, json.as_object_mut()) {
        let absence = json!({"reason": absence.reason, "since": absence.since.to_string()});
        fields.insert("absence".to_owned(), absence);
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        api::{extension::HolderKind, phone_user::Origin},
        sync::{field::Field, observed::Version},
    };

    fn system() -> NamespacedName {
        NamespacedName::new("telephony", "hq")
    }

    #[test]
    fn a_newcomer_must_not_exist_yet() {
        let link = Link {
            config: "corp".into(),
            scope: "staff".into(),
            guid: "0f7c1b1e-7a0c-4d5a-9f7e-0123456789ab".parse().unwrap(),
            origin: Origin::Provisioned,
            absence: None,
        };
        let apply = Apply {
            values: vec![
                (Field::Login, Value::text("ada")),
                (Field::LoginNames, Value::List(vec!["ada".into()])),
                (Field::Enabled, Value::Flag(true)),
                (Field::Directory, Value::Link(Box::new(link))),
                (Field::ScopeLabel, Value::text("staff")),
            ],
            force: false,
        };
        let body = of_change(Kind::User, &system(), "hq-1", &Expected::Absent, &apply);
        let wanted = json!({
            "apiVersion": "telephony.adsync.dev/v1alpha1",
            "kind": "PhoneUser",
            "metadata": {"name": "hq-1", "namespace": "telephony", "resourceVersion": "1",
                "labels": {"adsync.dev/scope": "staff"}},
            "spec": {
                "phoneSystemRef": {"name": "hq"}, "login": "ada", "loginNames": ["ada"], "enabled": true,
                "directory": {"configRef": {"name": "corp"}, "scopeRef": {"name": "staff"}, "origin": "Provisioned",
                    "objectGUID": "0f7c1b1e-7a0c-4d5a-9f7e-0123456789ab"},
            },
        });
        assert_eq!(body, wanted);
    }

    #[test]
    fn a_claim_of_what_exists_names_its_version() {
        let claim = Claim {
            number: "2001".parse().unwrap(),
            holder: Holder {
                kind: HolderKind::PhoneUser,
                name: "hq-1".to_owned(),
            },
            why: String::new(),
            expected: Expected::Present(Version {
                uid: "u".into(),
                resource_version: "7".into(),
            }),
        };
        let body = of_claim(&system(), "staff", "hq-2001", &claim);
        assert_eq!(body["metadata"]["uid"], "u");
        assert_eq!(body["metadata"]["resourceVersion"], "7");
        let spec = json!({"phoneSystemRef": {"name": "hq"}, "number": "2001", "state": "Assigned",
            "holder": {"kind": "PhoneUser", "name": "hq-1"}});
        assert_eq!(body["spec"], spec);
        assert_eq!(body["metadata"]["labels"]["app.kubernetes.io/managed-by"], "adsync");
    }
    #[test]
    fn a_number_that_rests_remembers_who_had_it_until_when_and_for_whom() {
        let free = Free {
            number: "2001".parse().unwrap(),
            holder: Holder {
                kind: HolderKind::PhoneUser,
                name: "hq-1".to_owned(),
            },
            version: Version {
                uid: "u".into(),
                resource_version: "7".into(),
            },
            release_after: "2026-12-23T10:00:00.5Z".parse().unwrap(),
            awaited_by: Some(Holder {
                kind: HolderKind::PhoneUser,
                name: "hq-2".to_owned(),
            }),
        };
        let body = of_free(&system(), "staff", "hq-2001", &free);
        assert_eq!(body["metadata"]["uid"], "u");
        assert_eq!(body["metadata"]["resourceVersion"], "7");
        let spec = json!({"phoneSystemRef": {"name": "hq"}, "number": "2001", "state": "Cooling",
            "holder": {"kind": "PhoneUser", "name": "hq-1"}, "releaseAfter": "2026-12-23T10:00:00Z",
            "awaitedBy": {"kind": "PhoneUser", "name": "hq-2"}});
        assert_eq!(body["spec"], spec);
    }
}
