//! What tests of the writing side share: the maps of a namespace, and plans made by hand.

use adsync::{
    api::{
        extension::{Holder, HolderKind},
        phone_user::Origin,
    },
    controllers::{
        apply::{Applied, Writer},
        changes::NamespacedName,
        configuration::Reach,
        observed::Objects,
    },
    directory::Guid,
    serve::metrics::Metrics,
    sync::{
        field::{Field, FieldSet},
        plan::{Apply, Change, Claim, Expected, Plan, Subject, UserChange},
        value::{Link, Value},
    },
};
use kube::Client;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::env::{Kube, Namespace};

/// A phone system `hq` in a namespace of its own, with the maps of one operator process.
pub struct Telephony<'a> {
    pub namespace: Namespace<'a>,
    pub objects: Objects,
    pub system: NamespacedName,
    client: Client,
    metrics: Metrics,
    stop: CancellationToken,
    watching: JoinHandle<()>,
}

impl Drop for Telephony<'_> {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

impl<'a> Telephony<'a> {
    pub async fn new(kube: &'a Kube, prefix: &str) -> Telephony<'a> {
        let namespace = kube.namespace(prefix).await;
        namespace
            .apply("{apiVersion: telephony.adsync.dev/v1alpha1, kind: PhoneSystem, metadata: {name: hq}, spec: {}}")
            .await;
        let client = namespace.client();
        let (objects, watching) = observe(&namespace, &client).await;
        let system = NamespacedName::new(namespace.name(), "hq");
        Telephony {
            namespace,
            objects,
            system,
            client,
            metrics: Metrics::new(),
            stop: CancellationToken::new(),
            watching,
        }
    }

    /// Writes a plan, as the scope `staff`.
    pub async fn apply(&self, plan: &Plan) -> Applied {
        self.writer(&self.objects, "staff").apply(plan).await
    }

    /// A writer for a scope, with the maps of this process or of another.
    pub fn writer<'b>(&'b self, objects: &'b Objects, scope: &'b str) -> Writer<'b> {
        Writer::new(&self.client, objects, &self.metrics, &self.stop, &self.system, scope)
    }

    /// What the maps say is there of a user, for a plan to expect.
    pub async fn expected(&self, name: &str) -> Expected {
        let maps = self.objects.of(&self.system).await;
        maps.users
            .get(name)
            .map_or(Expected::Absent, |user| Expected::Present(user.version.clone()))
    }

    /// What the maps say is there of a number.
    pub async fn expected_number(&self, number: &str) -> Expected {
        let maps = self.objects.of(&self.system).await;
        let name = format!("hq-{number}");
        maps.extensions.get(&*name).map_or(Expected::Absent, |extension| {
            Expected::Present(extension.version.clone())
        })
    }
}

/// The maps of an operator process that serves one namespace.
pub async fn observe(namespace: &Namespace<'_>, client: &Client) -> (Objects, JoinHandle<()>) {
    let (objects, watching) = Objects::watch(client, &Reach::Namespace(namespace.name().to_owned()));
    let watching = tokio::spawn(watching);
    objects.filled().await;
    (objects, watching)
}

/// The n-th account of a test.
pub fn guid(number: u32) -> Guid {
    format!("00000000-0000-0000-0000-{number:012}").parse().unwrap()
}

/// Name of the n-th account's PhoneUser.
pub fn user_name(number: u32) -> String {
    format!("hq-{}", guid(number))
}

pub fn holder(name: &str) -> Holder {
    Holder {
        kind: HolderKind::PhoneUser,
        name: name.to_owned(),
    }
}

pub fn claim(number: &str, holder_name: &str, expected: Expected) -> Claim {
    Claim {
        number: number.parse().unwrap(),
        holder: holder(holder_name),
        expected,
        why: "rule hq-numbers gives it".to_owned(),
    }
}

/// The n-th account's user with these values, and all that the operator always sends.
pub fn user(number: u32, values: &[(Field, &str)], expected: Expected) -> UserChange {
    let link = Link {
        config: "corp".into(),
        scope: "staff".into(),
        guid: guid(number),
        origin: Origin::Provisioned,
        absence: None,
    };
    let mut applied: Vec<(Field, Value)> = values.iter().map(|(field, text)| (*field, Value::text(text))).collect();
    applied.extend([
        (Field::Enabled, Value::Flag(true)),
        (Field::Directory, Value::Link(Box::new(link))),
        (Field::ManagedByLabel, Value::text("adsync")),
        (Field::ScopeLabel, Value::text("staff")),
        (Field::PhoneSystemLabel, Value::text("hq")),
    ]);
    Change {
        name: user_name(number).into(),
        subject: Subject::default(),
        expected,
        release: FieldSet::EMPTY,
        apply: Some(Apply {
            values: applied,
            force: false,
        }),
        changes: Vec::new(),
        needs: None,
        links: true,
        why: None,
    }
}

pub fn users(changes: Vec<UserChange>) -> Plan {
    Plan {
        users: changes,
        ..Plan::default()
    }
}

pub fn claims(claims: Vec<Claim>) -> Plan {
    Plan {
        claims,
        ..Plan::default()
    }
}
