//! What every contestant is to read, and from where: the same searches with the same attributes.

use std::collections::BTreeMap;
use std::env;

use adsync::api::SyncScopeSpec;
use adsync::directory::AttributeName;
use adsync::sync::validated::ValidatedScope;
use jiff::Timestamp;

use crate::env::Slapd;

/// What a scope with nothing special in it makes the operator read.
const SCOPE: &str = "{directoryRef: {name: corp}, phoneSystemRef: {name: hq}, users: {everyone: {}}}";
const BASE: &str = "DC=example,DC=com";

const PORT: &str = "ADSYNC_BENCH_PORT";
const ENCRYPTED: &str = "ADSYNC_BENCH_ENCRYPTED";
const AUTHORITY: &str = "ADSYNC_BENCH_AUTHORITY";

/// A directory to read everything of.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) port: u16,
    /// From the first byte.
    pub(crate) encrypted: bool,
    /// File with the authority that signed the server's certificate.
    pub(crate) authority: String,
}

/// One of the operator's searches.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    pub(crate) base: &'static str,
    pub(crate) filter: &'static str,
    pub(crate) attributes: Vec<String>,
}

impl Task {
    /// In clear and with TLS.
    pub(crate) fn both(slapd: &Slapd) -> [Self; 2] {
        [(slapd.ldap_port(), false), (slapd.ldaps_port(), true)].map(|(port, encrypted)| Self {
            port,
            encrypted,
            authority: slapd.ca_file().display().to_string(),
        })
    }

    /// What this process was told by [`Self::settings`].
    pub(crate) fn given() -> Self {
        let told = |name| env::var(name).unwrap_or_else(|_| panic!("the bench sets {name}"));
        Self {
            port: told(PORT).parse().expect("a port"),
            encrypted: told(ENCRYPTED) == "true",
            authority: told(AUTHORITY),
        }
    }

    /// It, for a process of its own.
    pub(crate) fn settings(&self) -> [(&'static str, String); 3] {
        [
            (PORT, self.port.to_string()),
            (ENCRYPTED, self.encrypted.to_string()),
            (AUTHORITY, self.authority.clone()),
        ]
    }

    pub(crate) fn name(&self) -> &'static str {
        if self.encrypted { "TLS" } else { "plain" }
    }
}

/// Attributes of users, beside those of everybody.
pub(crate) fn attributes() -> std::collections::BTreeSet<AttributeName> {
    let spec: SyncScopeSpec = serde_yaml::from_str(SCOPE).expect("a spec");
    let scope = ValidatedScope::new("staff", Timestamp::UNIX_EPOCH, &spec).expect("a valid spec");
    scope.attributes(&BTreeMap::new())
}

/// The searches of a whole read: for people, groups and organizational units.
pub(crate) fn searches() -> [Search; 3] {
    let fixed = AttributeName::OF_EVERY_USER
        .into_iter()
        .chain([AttributeName::OBJECT_GUID]);
    let users = attributes().into_iter().chain(fixed).map(|name| name.to_string());
    let groups = [
        "objectGUID",
        "objectSid",
        "cn",
        "displayName",
        "groupType",
        "member",
        "sAMAccountName",
    ];
    let search = |filter, attributes| Search {
        base: BASE,
        filter,
        attributes,
    };
    [
        search("(&(objectCategory=person)(objectClass=user))", users.collect()),
        search("(objectClass=group)", groups.map(str::to_owned).into()),
        search(
            "(|(objectClass=organizationalUnit)(objectClass=container)(objectClass=builtinDomain)(objectClass=domainDNS))",
            vec!["objectGUID".to_owned()],
        ),
    ]
}
