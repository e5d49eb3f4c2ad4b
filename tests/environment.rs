//! The test environment itself: that the servers are real, that a test can change and break them, and that none is left.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ListParams, ObjectMeta, PostParams};

use crate::env::{self, AuditEvent, Certificate, Directory, Kube, Model, Node, Options, PersonSpec};
use crate::scenario::eventually_within;

/// As long as `node/start` waits for its servers.
const NODE_PATIENCE: Duration = Duration::from_mins(5);

fn config_map(name: &str) -> ConfigMap {
    let metadata = ObjectMeta {
        name: Some(name.to_owned()),
        ..ObjectMeta::default()
    };
    ConfigMap {
        metadata,
        ..ConfigMap::default()
    }
}

#[tokio::test]
async fn an_api_server_takes_objects_and_logs_who_wrote_them() {
    let kube = env::kube().await;
    let namespace = kube.namespace("environment").await;
    let before = kube.audit_position();
    namespace
        .api::<ConfigMap>()
        .create(&PostParams::default(), &config_map("made"))
        .await
        .unwrap();
    assert_eq!(
        namespace
            .api::<ConfigMap>()
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
            .len(),
        1
    );
    let applied = namespace
        .apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: applied}}")
        .await;
    assert!(applied.contains("configmap/applied serverside-applied"), "{applied}");
    assert!(
        namespace
            .kubectl(&["get", "configmaps", "--output=name"])
            .await
            .contains("configmap/applied")
    );

    let writes = namespace.writes(before);
    let seen: Vec<_> = writes
        .iter()
        .map(|event| (event.verb.as_str(), event.object.name.as_str()))
        .collect();
    assert_eq!(seen, [("create", "made"), ("patch", "applied")]);
    assert_eq!(writes[0].user_agent, "adsync-test");
    assert_eq!(writes[0].response_status.code, 201);
    assert!(writes[1].uri.contains("fieldManager=kubectl"), "{}", writes[1].uri);
    assert!(namespace.writes(kube.audit_position()).is_empty());
}

#[tokio::test]
async fn a_namespace_shows_only_its_own_writes() {
    let kube = env::kube().await;
    let (one, other) = (kube.namespace("environment").await, kube.namespace("environment").await);
    let before = kube.audit_position();
    one.api::<ConfigMap>()
        .create(&PostParams::default(), &config_map("one"))
        .await
        .unwrap();
    let names = |events: Vec<AuditEvent>| events.into_iter().map(|event| event.object.name).collect::<Vec<_>>();
    assert_eq!(names(one.writes(before)), ["one"]);
    assert_eq!(names(other.writes(before)), [""; 0]);
}

#[tokio::test]
async fn an_api_server_of_its_own_can_be_broken_and_mended() {
    let kube = Kube::own().await;
    let namespace = kube.namespace("environment").await;
    let config_maps = namespace.api::<ConfigMap>();
    config_maps
        .create(&PostParams::default(), &config_map("kept"))
        .await
        .unwrap();
    kube.freeze().await;
    let asked = tokio::time::timeout(Duration::from_millis(300), config_maps.get("kept")).await;
    assert!(asked.is_err(), "a frozen server says nothing");
    kube.thaw().await;
    config_maps.get("kept").await.unwrap();
    kube.kill().await;
    kube.start_again().await;
    config_maps.get("kept").await.unwrap();

    let folder = kube.folder().to_owned();
    drop(kube);
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_test_makes_people_and_groups_and_changes_them() {
    let directory = env::directory().await;
    let started = Instant::now();
    let ou = directory.ou("environment").await;
    let people = ou
        .people([
            "Anna Schmidt",
            "Jürgen Müller",
            "Иван Петров",
            "Doe, John",
            "O'Brien, \"Pat\" #1",
        ])
        .await;
    println!("an OU with five people: {:?}", started.elapsed());
    assert!(people[0].login.starts_with("anna.schmidt-") && people[2].login.starts_with("person-"));

    let found = ou
        .search(ou.dn(), "(objectClass=user)", &["cn", "sn", "objectGUID"])
        .await;
    let mut names: Vec<_> = found.iter().filter_map(|entry| entry.value("CN")).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "Anna Schmidt",
            "Doe, John",
            "Jürgen Müller",
            "O'Brien, \"Pat\" #1",
            "Иван Петров"
        ]
    );
    assert!(found.iter().all(|entry| entry.bytes("objectGUID")[0].len() == 16));

    let group = ou.group("Team", &[&people[0].dn, &people[1].dn]).await;
    ou.remove_member(&group, &people[0].dn).await;
    ou.add_member(&group, &people[3].dn).await;
    assert_eq!(ou.entry(&group, &["member"]).await.values("member").len(), 2);
    ou.make_primary_group(&people[3].dn, &group).await;
    assert_eq!(
        ou.entry(&group, &["member"]).await.values("member"),
        [people[1].dn.as_str()]
    );

    let renamed = ou.rename(&people[3].dn, "Doe-Smith, Johnny").await;
    let archive = ou.unit("Archive").await;
    let moved = ou.move_below(&renamed, archive.dn()).await;
    ou.disable(&moved).await;
    ou.set(&moved, "mail", &[]).await;
    let moved = ou.entry(&moved, &["cn", "mail", "userAccountControl"]).await;
    assert_eq!(moved.value("cn"), Some("Doe-Smith, Johnny"));
    assert_eq!(
        (moved.value("mail"), moved.value("userAccountControl")),
        (None, Some("514"))
    );
    ou.delete(&people[4].dn).await;
    assert_eq!(ou.search(ou.dn(), "(objectClass=user)", &["cn"]).await.len(), 4);
}

#[tokio::test]
async fn a_directory_of_its_own_can_be_broken_and_mended() {
    let started = Instant::now();
    let directory = Directory::own(Options {
        model: Model::Standard,
        ..Options::default()
    })
    .await;
    println!("a directory: {:?}", started.elapsed());
    let ou = directory.ou("environment").await;
    ou.person(
        PersonSpec::named("Anna Schmidt")
            .with("telephoneNumber", "+49 30 555-1234")
            .without("mail"),
    )
    .await;
    directory.freeze().await;
    let asked = tokio::time::timeout(Duration::from_millis(300), ou.entry(ou.dn(), &[])).await;
    assert!(asked.is_err(), "a frozen server says nothing");
    directory.thaw().await;
    directory.stop().await;
    assert!(std::net::TcpStream::connect((Directory::HOST, directory.ldap_port())).is_err());
    directory.start_again().await;
    directory.kill().await;
    directory.start_again().await;
    assert_eq!(
        ou.search(ou.dn(), "(telephoneNumber=*555-1234)", &["cn"]).await.len(),
        1
    );

    let folder = directory.folder().to_owned();
    drop(directory);
    assert!(!folder.exists());
}

/// What `openssl s_client` thinks of the server's certificate.
async fn verify(directory: &Directory, ca: &Path, name: &str) -> String {
    let address = format!("{}:{}", Directory::HOST, directory.ldaps_port());
    let ca = ca.to_str().unwrap();
    let arguments = [
        "s_client",
        "-connect",
        &address,
        "-CAfile",
        ca,
        "-verify_hostname",
        name,
    ];
    let output = tokio::process::Command::new("openssl")
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .output()
        .await;
    let output = String::from_utf8_lossy(&output.unwrap().stdout).into_owned();
    output
        .lines()
        .find(|line| line.contains("Verify return code"))
        .unwrap()
        .trim()
        .to_owned()
}

#[tokio::test]
async fn certificates_are_good_or_bad_as_a_test_wants_them() {
    let good = env::directory().await;
    let tls = good.folder().join("tls");
    assert_eq!(
        verify(good, &tls.join("ca.pem"), "localhost").await,
        "Verify return code: 0 (ok)"
    );
    assert_eq!(
        verify(good, &tls.join("ca.pem"), "dc1.example.com").await,
        "Verify return code: 0 (ok)"
    );
    let untrusted = verify(good, &tls.join("other-ca.pem"), "localhost").await;
    assert!(
        untrusted.contains("unable to get local issuer certificate") || untrusted.contains("unable to verify"),
        "{untrusted}"
    );
    assert_ne!(good.ca_pem(), good.other_ca_pem());

    let misnamed = Directory::own(Options {
        certificate: Certificate::Misnamed,
        ..Options::default()
    })
    .await;
    let ca = misnamed.folder().join("tls/ca.pem");
    assert!(verify(&misnamed, &ca, "localhost").await.contains("hostname mismatch"));
    assert_eq!(
        verify(&misnamed, &ca, "dc9.other.example").await,
        "Verify return code: 0 (ok)"
    );
}

/// The rows of the README's tables that count something.
fn promised() -> Vec<(String, String, String, usize)> {
    let readme = include_str!("env/ad/README.md");
    let rows = readme.lines().filter_map(|line| {
        let cells: Vec<_> = line
            .split('|')
            .map(|cell| cell.trim().trim_matches('`').to_owned())
            .collect();
        let [_, what, base, filter, count, _] = cells.try_into().ok()?;
        Some((what, base, filter, count.parse().ok()?))
    });
    rows.collect()
}

#[tokio::test]
async fn the_company_is_as_its_readme_says() {
    let directory = env::directory().await;
    let promised = promised();
    assert!(promised.len() > 40, "the tables are where they were");
    let mut wrong = Vec::new();
    for (what, base, filter, count) in promised {
        let base = if base.is_empty() {
            Directory::BASE_DN.to_owned()
        } else {
            format!("{base},{}", Directory::BASE_DN)
        };
        let found = directory.search(&base, &filter, &["cn"]).await.len();
        if found != count {
            wrong.push(format!("{what}: {found} instead of {count}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());

    let staff = format!("OU=Staff,{}", Directory::BASE_DN);
    let numbers = directory
        .search(&staff, "(telephoneNumber=*)", &["telephoneNumber"])
        .await;
    let digits = numbers.iter().map(|person| {
        let number = person.value("telephoneNumber").unwrap();
        number.chars().filter(char::is_ascii_digit).collect::<String>()
    });
    let mut fitting: Vec<_> = digits
        .filter(|digits| digits.len() == 8 && digits.starts_with("1555"))
        .collect();
    let count = fitting.len();
    fitting.sort_unstable();
    fitting.dedup();
    assert_eq!(fitting.len() + 1, count, "only the Doppels share a number");
    assert!(
        include_str!("env/ad/README.md").contains(&format!("is gone, {count} of their telephone numbers")),
        "{count}"
    );
}

/// The sub-code with which Active Directory refuses a simple bind; empty if it doesn't.
async fn bind(directory: &Directory, dn: &str, password: &str) -> String {
    let url = format!("ldaps://127.0.0.1:{}", directory.ldaps_port());
    let output = tokio::process::Command::new("ldapsearch")
        .args([
            "-x",
            "-H",
            &url,
            "-D",
            dn,
            "-w",
            password,
            "-s",
            "base",
            "-b",
            Directory::BASE_DN,
            "dn",
        ])
        .env("LDAPTLS_CACERT", directory.folder().join("tls/ca.pem"))
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let code = said
        .split_once("data ")
        .and_then(|(_, rest)| rest.split(',').next())
        .unwrap_or_default();
    assert_eq!(output.status.success(), code.is_empty(), "{said}");
    code.to_owned()
}

#[tokio::test]
async fn service_accounts_bind_or_are_refused_as_the_readme_says() {
    let directory = env::directory().await;
    let rows = include_str!("env/ad/README.md")
        .lines()
        .filter(|line| line.starts_with("| `svc-"));
    let mut checked = 0;
    for row in rows {
        let (account, said) = row.trim_matches(['|', ' ']).split_once('|').unwrap();
        let account = account.trim().trim_matches('`');
        let promised = said.trim().split_once(':').map_or("", |(code, _)| code);
        let dn = format!("CN={account},OU=Service Accounts,{}", Directory::BASE_DN);
        assert_eq!(
            bind(directory, &dn, Directory::BIND_PASSWORD).await,
            promised,
            "{account}"
        );
        checked += 1;
    }
    assert_eq!(checked, 8);
}

#[tokio::test]
async fn five_wrong_passwords_lock_an_account() {
    let directory = env::directory().await;
    let ou = directory.ou("environment").await;
    let person = ou
        .person(PersonSpec::named("Vera Gesslich").with_password("R1ght.pass"))
        .await;
    for expected in ["1", "2", "3", "4", "5"] {
        assert_eq!(bind(directory, &person.dn, "wrong").await, "52e");
        assert_eq!(
            directory.entry(&person.dn, &["badPwdCount"]).await.value("badPwdCount"),
            Some(expected)
        );
    }
    assert_eq!(bind(directory, &person.dn, "R1ght.pass").await, "775");
}

/// Its pods' mounts, networks and processes can't outlive its namespaces. A folder and a control group could.
#[tokio::test]
async fn a_node_that_is_killed_while_it_starts_leaves_nothing() {
    if let Some(why_not) = Node::impossible().await {
        env::skip(
            "a_node_that_is_killed_while_it_starts_leaves_nothing",
            format_args!("no node can run here: {why_not}"),
        );
        return;
    }
    let folder = std::env::temp_dir().join(format!("adsync-killed-node-{}", std::process::id()));
    let mut script = std::process::Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/env/node/start"))
        .arg(&folder)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    eventually_within(NODE_PATIENCE, "containerd's start", async || {
        let ended = script.try_wait().unwrap();
        assert_eq!(ended, None, "it ended before anybody killed it");
        folder.join("containerd.sock").exists().then_some(())
    })
    .await;
    let group = format!("adsync-node-{}", script.id());
    assert!(control_groups(&group) > 0, "it has one");
    script.kill().unwrap();
    script.wait().unwrap();
    eventually_within(NODE_PATIENCE, "tidying up", async || (!folder.exists()).then_some(())).await;
    assert_eq!(control_groups(&group), 0);
}

/// In how many hierarchies there is a control group of this name.
fn control_groups(name: &str) -> usize {
    let top = Path::new("/sys/fs/cgroup");
    let hierarchies = std::fs::read_dir(top).unwrap().map(|entry| entry.unwrap().path());
    let places = hierarchies.chain([top.to_owned()]);
    places.filter(|hierarchy| hierarchy.join(name).exists()).count()
}

/// A status of one condition, written by an operator or by somebody else.
fn status_write(by: &str, version: i64, conditions: &serde_json::Value) -> env::AuditEvent {
    let object = serde_json::json!({"kind": "PhoneSystem", "metadata": {"name": "hq", "uid": "one", "generation": 1, "resourceVersion": version.to_string()},
        "status": {"observedGeneration": 1, "conditions": conditions}});
    let event = serde_json::json!({"verb": "patch", "requestURI": "", "user": {"username": by}, "responseObject": object,
        "requestReceivedTimestamp": "2026-01-01T00:00:00Z"});
    serde_json::from_value(event).unwrap()
}

#[test]
fn unsound_statuses_would_be_seen() {
    let condition = |kind: &str, status: &str, reason: &str, second: u8| {
        serde_json::json!({"type": kind, "status": status, "reason": reason, "message": "because", "observedGeneration": 1,
            "lastTransitionTime": format!("2026-01-01T00:00:0{second}Z")})
    };
    let ready = |second| serde_json::json!([condition("Ready", "True", "Valid", second)]);
    let complaints = |writes: &[(&str, serde_json::Value)]| {
        let events = writes
            .iter()
            .zip(1..)
            .map(|((by, conditions), version)| status_write(by, version, conditions));
        env::kstatus::unsound_writes(events.collect(), "adsync", true).join("\n")
    };
    let refused = serde_json::json!([
        condition("Ready", "False", "InvalidSpec", 2),
        condition("Stalled", "True", "InvalidSpec", 2)
    ]);
    assert_eq!(
        complaints(&[("adsync", ready(1)), ("adsync", refused.clone()), ("adsync", ready(3))]),
        ""
    );
    let lingering = serde_json::json!([
        condition("Ready", "True", "Valid", 1),
        condition("Stalled", "False", "InvalidSpec", 1)
    ]);
    for (writes, says) in [
        (vec![("adsync", ready(1)), ("adsync", ready(1))], "written again"),
        (
            vec![("adsync", ready(1)), ("adsync", ready(2))],
            "moved without its status",
        ),
        (vec![("adsync", refused), ("adsync", ready(1))], "went back"),
        (vec![("adsync", serde_json::json!([]))], "there is no Ready"),
        (vec![("adsync", lingering)], "Stalled is there, and False"),
        (
            vec![(
                "adsync",
                serde_json::json!([condition("Ready", "True", "not camel", 1)]),
            )],
            "not CamelCase",
        ),
        (
            vec![("adsync", serde_json::json!([condition("Ready", "True", "MadeUp", 1)]))],
            "has no reason MadeUp",
        ),
        (
            vec![(
                "adsync",
                serde_json::json!([condition("Synced", "True", "Succeeded", 1)]),
            )],
            "no condition of PhoneSystem",
        ),
    ] {
        let said = complaints(&writes);
        assert!(said.contains(says), "{says}: {said}");
    }
    assert_eq!(
        complaints(&[("somebody", ready(1)), ("somebody", ready(1))]),
        "",
        "of others it is not asked"
    );
}
