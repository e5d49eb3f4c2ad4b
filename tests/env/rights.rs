//! What an operator may do, by the manifests that give it rights; what it did, by the audit log; and that nothing was refused to it.
//! The last is asked of every operator, whatever a test is about, when it is dropped.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::Client;
use kube::api::{Api, PostParams};
use serde_json::Value;

use super::kube::{AuditEvent, AuditLog, Kube, Namespace};

/// How long a right may take to hold.
const PATIENCE: Duration = Duration::from_secs(30);

/// Something that may be done, or was done.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Right {
    pub verb: String,
    pub group: String,
    /// With its subresource, as in `syncscopes/status`.
    pub resource: String,
    /// None: of any name.
    pub name: Option<String>,
    /// None: everywhere.
    pub namespace: Option<String>,
}

impl Right {
    /// To do this with anything of a kind that has no subresource.
    pub fn to(verb: &str, group: &str, resource: &str, namespace: &str) -> Self {
        Self {
            verb: verb.to_owned(),
            group: group.to_owned(),
            resource: resource.to_owned(),
            name: None,
            namespace: Some(namespace.to_owned()),
        }
    }

    /// Waits until somebody has it: what was granted holds a moment later, and who begins before is refused.
    pub async fn is_given(&self, client: &Client, user: &str) {
        let (resource, subresource) = self.resource.split_once('/').unzip();
        let attributes = ResourceAttributes {
            verb: Some(self.verb.clone()),
            group: Some(self.group.clone()),
            resource: Some(resource.unwrap_or(&self.resource).to_owned()),
            subresource: subresource.map(str::to_owned),
            name: self.name.clone(),
            namespace: self.namespace.clone(),
            ..ResourceAttributes::default()
        };
        let question = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: Some(user.to_owned()),
                resource_attributes: Some(attributes),
                ..SubjectAccessReviewSpec::default()
            },
            ..SubjectAccessReview::default()
        };
        let api = Api::<SubjectAccessReview>::all(client.clone());
        let given = async {
            loop {
                let answer = api.create(&PostParams::default(), &question).await;
                if answer.is_ok_and(|answer| answer.status.is_some_and(|status| status.allowed)) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, given).await.is_ok();
        assert!(in_time, "{user} may not {self}");
    }

    /// What a request took.
    fn taken_by(event: &AuditEvent) -> impl Iterator<Item = Self> {
        let object = &event.object;
        let there_is = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let resource = match &*object.subresource {
            "" => object.resource.clone(),
            subresource => format!("{}/{subresource}", object.resource),
        };
        let asked = Self {
            verb: event.verb.clone(),
            group: object.api_group.clone(),
            resource,
            name: there_is(&object.name),
            namespace: there_is(&object.namespace),
        };
        let created = (event.verb == "patch" && event.response_status.code == 201).then(|| Self {
            verb: "create".to_owned(),
            ..asked.clone()
        });
        [Some(asked), created].into_iter().flatten()
    }

    /// Whether this one suffices for what was done.
    fn suffices_for(&self, done: &Self) -> bool {
        let heeds = |bound: &Option<String>, what: &Option<String>| bound.is_none() || bound == what;
        (&self.verb, &self.group, &self.resource) == (&done.verb, &done.group, &done.resource)
            && heeds(&self.name, &done.name)
            && heeds(&self.namespace, &done.namespace)
    }
}

impl fmt::Display for Right {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}.{}", self.verb, self.resource, self.group)?;
        if let Some(name) = &self.name {
            write!(formatter, " {name}")?;
        }
        write!(
            formatter,
            " in {}",
            self.namespace.as_deref().unwrap_or("all namespaces")
        )
    }
}

/// What manifests grant to the one service account that they are for.
pub fn granted(objects: &[Value]) -> BTreeSet<Right> {
    let account = objects.iter().find(|object| object["kind"] == "ServiceAccount");
    let account = &account.expect("the manifests make a service account")["metadata"];
    let mut granted = BTreeSet::new();
    for binding in objects {
        let namespace = match binding["kind"].as_str() {
            Some("ClusterRoleBinding") => None,
            Some("RoleBinding") => Some(text(&binding["metadata"]["namespace"])),
            _ => continue,
        };
        for subject in list(&binding["subjects"]) {
            let whose = (&subject["kind"], &subject["name"], &subject["namespace"]);
            assert_eq!(
                whose,
                (&"ServiceAccount".into(), &account["name"], &account["namespace"])
            );
        }
        let role = &binding["roleRef"];
        let is_meant = |object: &&Value| {
            object["kind"] == role["kind"]
                && object["metadata"]["name"] == role["name"]
                && (role["kind"] == "ClusterRole"
                    || object["metadata"]["namespace"] == text(&binding["metadata"]["namespace"]))
        };
        let role = objects.iter().find(is_meant).expect("a binding names a role");
        for rule in list(&role["rules"]) {
            granted.extend(expanded(rule, namespace.as_ref()));
        }
    }
    granted
}

/// What one rule grants where it is bound.
fn expanded(rule: &Value, namespace: Option<&String>) -> Vec<Right> {
    assert!(rule["nonResourceURLs"].is_null(), "{rule}");
    let texts = |field: &str| -> Vec<String> {
        let texts: Vec<_> = list(&rule[field]).iter().map(text).collect();
        assert!(
            !texts.iter().any(|text| text.contains('*')),
            "nobody uses all of {rule}"
        );
        texts
    };
    let names: Vec<_> = texts("resourceNames").into_iter().map(Some).collect();
    let names = if names.is_empty() { vec![None] } else { names };
    let mut rights = Vec::new();
    for group in texts("apiGroups") {
        for resource in texts("resources") {
            for verb in texts("verbs") {
                rights.extend(names.iter().map(|name| Right {
                    verb: verb.clone(),
                    group: group.clone(),
                    resource: resource.clone(),
                    name: name.clone(),
                    namespace: namespace.cloned(),
                }));
            }
        }
    }
    rights
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// What requests took, those that are still under way, as watches are, included. What asks for no resource (`/version`) takes nothing.
pub fn used(events: &[AuditEvent]) -> BTreeSet<Right> {
    let of_resources = events
        .iter()
        .filter(|event| !event.object.resource.is_empty() && !event.lacks_a_right());
    of_resources.flat_map(Right::taken_by).collect()
}

/// Of some rights those that do not suffice for anything of what was done.
pub fn unused<'a>(granted: &'a BTreeSet<Right>, done: &BTreeSet<Right>) -> Vec<&'a Right> {
    let is_idle = |right: &&Right| !done.iter().any(|done| right.suffices_for(done));
    granted.iter().filter(is_idle).collect()
}

/// Of what was done, that for which none of some rights suffices.
pub fn ungranted<'a>(granted: &BTreeSet<Right>, done: &'a BTreeSet<Right>) -> Vec<&'a Right> {
    let is_taken = |done: &&Right| !granted.iter().any(|right| right.suffices_for(done));
    done.iter().filter(is_taken).collect()
}

/// Looks at what is refused to one operator.
#[derive(Debug)]
pub struct Refusals {
    audit_log: AuditLog,
    position: u64,
    user: String,
    namespaces: BTreeSet<String>,
    expected: Option<&'static str>,
}

impl Refusals {
    /// From the making of the first of its namespaces on.
    pub fn of(user: &str, kube: &Kube, namespaces: &[&Namespace<'_>]) -> Self {
        let positions = namespaces.iter().map(|namespace| namespace.since());
        Self {
            audit_log: AuditLog::at(kube.audit_log().to_owned()),
            position: positions.min().unwrap_or_default(),
            user: user.to_owned(),
            namespaces: namespaces.iter().map(|namespace| namespace.name().to_owned()).collect(),
            expected: None,
        }
    }

    /// From now on requests for this resource are refused: that is what the test is about.
    pub fn expect(&mut self, resource: &'static str) {
        self.expected = Some(resource);
    }

    /// Panics with what was refused, unless the test has failed already.
    pub fn assert_as_expected(&self) {
        if std::thread::panicking() {
            return;
        }
        let refused = self.audit_log.events_of(self.position, |line| {
            line.contains(r#""code":401"#) || line.contains(r#""code":403"#) && line.contains(&self.user)
        });
        let (expected, unexpected): (Vec<_>, Vec<_>) = refused
            .into_iter()
            .filter(|event| self.is_ours(event) && event.lacks_a_right())
            .partition(|event| self.expected == Some(&event.object.resource));
        assert!(unexpected.is_empty(), "requests were refused: {unexpected:#?}");
        assert_eq!(
            expected.is_empty(),
            self.expected.is_none(),
            "a refusal was expected: {:?}",
            self.expected
        );
    }

    /// Of whom the API server does not know, only where they asked says who it was.
    fn is_ours(&self, event: &AuditEvent) -> bool {
        event.user.username == self.user
            || event.user.username.is_empty() && self.namespaces.contains(&event.object.namespace)
    }
}
