//! A company of any size and what the cluster knows of it: values alone, made as the operator makes them.

use std::collections::BTreeMap;

use adsync::api::{ExtensionRuleSpec, PhoneSystemSpec, SyncScopeSpec};
use adsync::directory::{Dn, Guid, Origin, RawEntry, Snapshot, SnapshotBuilder};
use adsync::sync::observed::Observed;
use adsync::sync::validated::{ValidatedRule, ValidatedScope, ValidatedSystem};
use adsync::sync::{self, Input, Outcome};
use jiff::Timestamp;

use crate::cluster;

/// Everything that a scope can ask for at once: selection by units and nested groups, exclusions, two ways to match, numbers from
/// an attribute and from a range, a ring group for each team.
const SCOPE: &str = r#"
directoryRef: {name: corp}
phoneSystemRef: {name: hq}
users:
  organizationalUnits: [{dn: "OU=Staff,DC=example,DC=com"}]
  filter: (!(employeeType=robot))
exclude:
- {name: contractors, group: {dn: "CN=Contractors,OU=Groups,DC=example,DC=com"}}
match: {by: [WindowsLogin, Email]}
extensions:
- {name: direct, ruleRef: {name: direct}, when: {group: {dn: "CN=Direct,OU=Groups,DC=example,DC=com", nested: true}}}
- {name: everybody, ruleRef: {name: everybody}}
departments:
- {name: teams, under: {dn: "OU=Teams,OU=Groups,DC=example,DC=com"}, ringGroup: {ruleRef: {name: teams}}}
"#;
const SYSTEM: &str = "{numberPlan: {digits: {min: 4, max: 8}}}";
const RULES: [(&str, &str); 3] = [
    (
        "direct",
        r"{phoneSystemRef: {name: hq}, source: Attribute, attribute: {name: telephoneNumber, normalize: Digits, pattern: '^49305(\d{7})$', number: '$1'}}",
    ),
    (
        "everybody",
        "{phoneSystemRef: {name: hq}, source: Sequential, ranges: [{from: '200000', to: '399999'}]}",
    ),
    (
        "teams",
        "{phoneSystemRef: {name: hq}, source: Sequential, ranges: [{from: '50000', to: '59999'}]}",
    ),
];

const DOMAIN: &str = "DC=example,DC=com";
const TEAM: usize = 100;
const DEPARTMENT: usize = 1000;
/// Every so many teams get their numbers from an attribute.
const DIRECT: usize = 5;
const NOW: Timestamp = Timestamp::constant(1_795_420_800, 0);

/// A scope on a company.
pub(crate) struct Company {
    scope: ValidatedScope,
    system: ValidatedSystem,
    rules: BTreeMap<Box<str>, ValidatedRule>,
    pub(crate) people: usize,
}

/// What the directory says, and what is in the cluster.
pub(crate) struct Situation {
    directory: Snapshot,
    observed: Observed,
}

impl Company {
    /// With so many people.
    pub(crate) fn new(people: usize) -> Self {
        let scope: SyncScopeSpec = serde_yaml::from_str(SCOPE).expect("a scope");
        let system: PhoneSystemSpec = serde_yaml::from_str(SYSTEM).expect("a phone system");
        let rules = RULES.map(|(name, spec)| {
            let spec: ExtensionRuleSpec = serde_yaml::from_str(spec).expect("a rule");
            (name.into(), ValidatedRule::new(name, &spec).expect("a valid rule"))
        });
        Self {
            scope: ValidatedScope::new("staff", Timestamp::UNIX_EPOCH, &scope).expect("a valid scope"),
            system: ValidatedSystem::new("hq", &system).expect("a valid phone system"),
            rules: rules.into(),
            people,
        }
    }

    /// Nothing is in the cluster yet.
    pub(crate) fn all_new(&self) -> Situation {
        Situation {
            directory: self.snapshot(|_| false),
            observed: Observed::default(),
        }
    }

    /// Everything was synced, and then some of the people were moved to another job.
    pub(crate) fn synced_but(&self, has_changed: impl Fn(usize) -> bool) -> Situation {
        let Situation {
            directory,
            mut observed,
        } = self.all_new();
        let first = self.plan(&Situation {
            directory,
            observed: Observed::default(),
        });
        cluster::apply(&mut observed, &first.plan);
        Situation {
            directory: self.snapshot(has_changed),
            observed,
        }
    }

    /// What the core makes of it.
    pub(crate) fn plan(&self, situation: &Situation) -> Outcome {
        sync::plan(&Input {
            now: NOW,
            scope: &self.scope,
            siblings: &[],
            system: &self.system,
            rules: &self.rules,
            directory: &situation.directory,
            bare_username: true,
            observed: &situation.observed,
            references: &[],
            sightings: &BTreeMap::new(),
            past: adsync::sync::past::Past::none("uid-of-staff"),
        })
    }

    fn snapshot(&self, has_changed: impl Fn(usize) -> bool) -> Snapshot {
        let domain = Dn::parse(DOMAIN).expect("a DN");
        let origin = Origin {
            server: "dc1.example.com:636".to_owned(),
            invocation_id: guid(0, 0),
            naming_context: domain.clone(),
            base_dn: domain,
            highest_usn: 1,
            read_at: NOW,
            replicas: Vec::new(),
            is_behind: false,
        };
        let mut builder = SnapshotBuilder::new(origin, &self.scope.attributes(&self.rules));
        for number in 0..self.people {
            builder.add_user(person(number, has_changed(number)));
        }
        let teams = self.people.div_ceil(TEAM);
        for team in 0..teams {
            let members = team * TEAM..self.people.min((team + 1) * TEAM);
            builder.add_group(group(&team_dn(team), guid(2, team), members.map(dn)));
        }
        let direct = (0..teams).step_by(DIRECT).map(team_dn);
        builder.add_group(group("CN=Direct,OU=Groups,DC=example,DC=com", guid(3, 0), direct));
        let contractors = (0..self.people).skip(7).step_by(50).map(dn);
        builder.add_group(group(
            "CN=Contractors,OU=Groups,DC=example,DC=com",
            guid(3, 1),
            contractors,
        ));
        for (position, unit) in ["OU=Staff", "OU=Groups", "OU=Teams,OU=Groups"].into_iter().enumerate() {
            builder.add_unit(RawEntry::new(format!("{unit},{DOMAIN}")).with_guid(guid(4, position)));
        }
        builder.build()
    }
}

fn person(number: usize, has_changed: bool) -> RawEntry {
    let login = format!("user{number:06}");
    let account = if number % 50 == 3 { "514" } else { "512" };
    let title = if has_changed { "Director" } else { "Engineer" };
    RawEntry::new(dn(number))
        .with_guid(guid(1, number))
        .with("sAMAccountName", [login.as_str()])
        .with("userPrincipalName", [format!("{login}@example.com")])
        .with("userAccountControl", [account])
        .with("accountExpires", ["9223372036854775807"])
        .with("primaryGroupID", ["513"])
        .with("displayName", [format!("Anja Müller {number}")])
        .with("givenName", ["Anja"])
        .with("sn", [format!("Müller {number}")])
        .with("mail", [format!("{login}@example.com")])
        .with("employeeID", [format!("E{number:07}")])
        .with("department", [format!("Department {:03}", number / DEPARTMENT)])
        .with("title", [title])
        .with("company", ["Example Corporation"])
        .with("physicalDeliveryOfficeName", ["Berlin"])
        .with("telephoneNumber", [format!("+49 30 5 {:07}", 1_000_000 + number)])
        .with("mobile", [format!("+49 170 {number:07}")])
}

fn group(dn: &str, guid: Guid, members: impl Iterator<Item = String>) -> RawEntry {
    let name = dn.split([',', '=']).nth(1).unwrap_or_default().to_owned();
    RawEntry::new(dn)
        .with_guid(guid)
        .with("cn", [name])
        .with("groupType", ["-2147483646"])
        .with("member", members)
}

fn dn(number: usize) -> String {
    format!(
        "CN=Müller {number:06},OU=Department {:03},OU=Staff,{DOMAIN}",
        number / DEPARTMENT
    )
}

fn team_dn(team: usize) -> String {
    format!("CN=Team {team:05},OU=Teams,OU=Groups,{DOMAIN}")
}

/// In no order, as real ones are.
fn guid(kind: u8, number: usize) -> Guid {
    let scattered = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut bytes = [kind; 16];
    bytes[..8].copy_from_slice(&scattered.to_le_bytes());
    Guid::from_ldap_bytes(&bytes).expect("sixteen bytes")
}
