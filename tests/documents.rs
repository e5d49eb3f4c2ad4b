//! The documents: that the generated ones are what the code generates, that links lead somewhere, and that reasons exist.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Component, Path, PathBuf},
};

use adsync::{
    api::{SyncScope, conditions, crds, event_reasons, sync_scope::ProblemReason},
    reference,
};
use kube::api::{Patch, PatchParams};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use serde_json::{Value, json};

use crate::env::{self, Namespace, console::commands, shell::Shell};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Markdown file that people read, by its path in the repository.
fn documents() -> BTreeMap<PathBuf, String> {
    let mut left: Vec<PathBuf> = [
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "docs",
        "examples",
        "tests/env",
        "charts",
        "deploy",
    ]
    .map(|name| root().join(name))
    .into();
    let mut documents = BTreeMap::new();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            let text = fs::read_to_string(&path).unwrap();
            documents.insert(path.strip_prefix(root()).unwrap().to_owned(), text);
        }
    }
    documents
}

fn parse(text: &str) -> Parser<'_> {
    Parser::new_ext(text, Options::ENABLE_TABLES)
}

/// What a page can be linked at, as GitHub makes it of headings: lower-case, without signs, a `-` for each space.
fn anchors(text: &str) -> BTreeSet<String> {
    let (mut anchors, mut heading) = (BTreeSet::new(), None);
    for event in parse(text) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::Text(words) | Event::Code(words) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&words);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let anchor = anchor(&heading.take().unwrap());
                let again = (1..).map(|count| format!("{anchor}-{count}"));
                let free = std::iter::once(anchor.clone())
                    .chain(again)
                    .find(|anchor| !anchors.contains(anchor));
                anchors.insert(free.unwrap());
            }
            _ => {}
        }
    }
    anchors
}

fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter_map(|character| match character {
        ' ' => Some('-'),
        '-' | '_' => Some(character),
        character if character.is_alphanumeric() => Some(character.to_ascii_lowercase()),
        _ => None,
    });
    kept.collect()
}

/// Where a page leads to.
fn links(text: &str) -> Vec<String> {
    let links = parse(text).filter_map(|event| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => Some(dest_url.into_string()),
        _ => None,
    });
    links.collect()
}

/// A path without `..` and `.`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => assert!(normal.pop(), "{} leaves the repository", path.display()),
            Component::CurDir => {}
            part => normal.push(part),
        }
    }
    normal
}

/// Why a link of a document leads nowhere.
fn broken(documents: &BTreeMap<PathBuf, String>, from: &Path, link: &str) -> Option<String> {
    if link.starts_with("https://") || link.starts_with("http://") {
        return None;
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if file.is_empty() {
        from.to_owned()
    } else {
        normal(&from.parent().unwrap().join(file))
    };
    if !documents.contains_key(&target) && !root().join(&target).exists() {
        return Some(format!("{}: {link}: there is no {}", from.display(), target.display()));
    }
    let missing = !anchor.is_empty()
        && !documents
            .get(&target)
            .is_some_and(|text| anchors(text).contains(anchor));
    missing.then(|| format!("{}: {link}: there is no such heading", from.display()))
}

#[test]
fn every_link_leads_somewhere() {
    let documents = documents();
    let mut found = 0;
    let mut nowhere = Vec::new();
    for (path, text) in &documents {
        for link in links(text) {
            found += 1;
            nowhere.extend(broken(&documents, path, &link));
        }
    }
    assert!(nowhere.is_empty(), "{}", nowhere.join("\n"));
    assert!(found > 50, "{found} links in {} documents", documents.len());
}

#[test]
fn a_link_that_leads_nowhere_would_be_seen() {
    let text =
        "# One `two()` three\n\n## One two three\n\n[a](#one-two-three) ![b](b.md#x) [c](../x/a.md#one-two-three-1)\n";
    let documents = BTreeMap::from([(PathBuf::from("docs/a.md"), text.to_owned())]);
    let broken: Vec<_> = links(text)
        .iter()
        .map(|link| broken(&documents, Path::new("docs/a.md"), link).is_some())
        .collect();
    assert_eq!(broken, [false, true, true]);
    assert_eq!(
        anchors(text),
        ["one-two-three".to_owned(), "one-two-three-1".to_owned()].into()
    );
    assert_eq!(anchor("`spec.users.groups[].dn`"), "specusersgroupsdn");
}

#[test]
fn the_reference_is_what_the_code_generates() {
    let folder = root().join("docs/reference");
    let pages = reference::pages();
    for page in &pages {
        let file = fs::read_to_string(folder.join(&page.file)).unwrap_or_default();
        assert!(
            file == page.text,
            "docs/reference/{} is not what the code generates: run `make generate`",
            page.file
        );
    }
    let expected: BTreeSet<_> = pages.into_iter().map(|page| page.file).collect();
    let found = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(found.collect::<BTreeSet<_>>(), expected);
}

/// Words that look like reasons and are none.
const OTHER_WORDS: [&str; 4] = ["ConfigMap", "ClusterRole", "Deployment", "Secret"];

/// Every word that a page may use as one of ours: reasons, types of conditions, kinds, and choices of fields.
fn vocabulary() -> BTreeSet<String> {
    fn choices(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Array(entries) => entries.iter().for_each(|entry| choices(entry, found)),
            Value::Object(entries) => {
                let words = entries.get("enum").and_then(Value::as_array).into_iter().flatten();
                found.extend(words.filter_map(Value::as_str).map(str::to_owned));
                entries.values().for_each(|entry| choices(entry, found));
            }
            _ => {}
        }
    }
    let mut words: BTreeSet<String> = OTHER_WORDS.map(str::to_owned).into();
    words.extend(conditions::reasons().map(|reason| reason.name.to_owned()));
    words.extend(conditions::TYPES.iter().map(|kind| kind.name.to_owned()));
    words.extend(event_reasons::ALL.iter().map(|reason| reason.name.to_owned()));
    for crd in crds::all() {
        words.insert(crd.spec.names.kind.clone());
        choices(&serde_json::to_value(crd).unwrap(), &mut words);
    }
    words
}

/// The words of a page's code and of its links that begin with a capital, of `Ready=False` each.
fn reasons_named(text: &str) -> BTreeSet<String> {
    let mut is_link = false;
    let code = parse(text).filter_map(|event| {
        match event {
            Event::Start(Tag::Link { .. }) => is_link = true,
            Event::End(TagEnd::Link) => is_link = false,
            Event::Code(words) => return Some(words),
            Event::Text(words) if is_link => return Some(words),
            _ => {}
        }
        None
    });
    let mut named = BTreeSet::new();
    for code in code {
        let words = code.split(['=', ':']).map(str::trim);
        let is_word = |word: &&str| {
            word.starts_with(|first: char| first.is_ascii_uppercase())
                && word.chars().all(|character| character.is_ascii_alphanumeric())
                && word.contains(|character: char| character.is_ascii_lowercase())
        };
        named.extend(words.filter(is_word).map(str::to_owned));
    }
    named
}

#[test]
fn every_reason_that_troubleshooting_names_exists() {
    let text = fs::read_to_string(root().join("docs/troubleshooting.md")).unwrap();
    let named = reasons_named(&text);
    let unknown: Vec<_> = named.difference(&vocabulary()).cloned().collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    assert!(named.len() > 50, "{named:?}");
}

#[test]
fn troubleshooting_leads_to_every_problem() {
    let text = fs::read_to_string(root().join("docs/troubleshooting.md")).unwrap();
    let linked: BTreeSet<_> = links(&text).into_iter().collect();
    let reasons: Vec<ProblemReason> = vocabulary()
        .into_iter()
        .filter_map(|word| serde_json::from_value(Value::from(word)).ok())
        .collect();
    assert_eq!(reasons.len(), 15);
    for reason in reasons {
        let link = format!("reference/problems.md#{}", anchor(&format!("{reason:?}")));
        assert!(linked.contains(&link), "{link}");
    }
}

/// What the commands of the page are about: the examples of the reference, a number, and a scope that tells of a problem.
async fn set_up(namespace: &Namespace<'_>) {
    for (_, example) in reference::examples() {
        namespace.apply(example).await;
    }
    let number = NUMBER.replace("2300", "2001");
    namespace.apply(&number).await;
    let problem = json!({"login": "jdoe", "reason": "KeyMissing", "message": "they have no userPrincipalName"});
    let status = json!({"status": {"problems": [problem], "conditions": []}});
    let (scopes, patch) = (namespace.api::<SyncScope>(), PatchParams::default());
    scopes
        .patch_status("staff", &patch, &Patch::Merge(status))
        .await
        .unwrap();
}

const PHONE_USER: &str = "hq-0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";
const NUMBER: &str = r#"
apiVersion: telephony.adsync.dev/v1alpha1
kind: Extension
metadata: {name: hq-2300}
spec:
  phoneSystemRef: {name: hq}
  number: "2300"
  state: Assigned
  holder: {kind: PhoneUser, name: hq-0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0}
"#;

/// No operator runs here, and nothing else in a pod either: what is asked of those is left out.
#[tokio::test]
async fn kubectl_understands_every_command_of_troubleshooting_and_of_the_runbooks() {
    let kube = env::kube().await;
    let namespace = kube.namespace("troubleshooting").await;
    set_up(&namespace).await;
    let folder = tempfile::tempdir().unwrap();
    let scope = reference::examples().find(|(kind, _)| *kind == "SyncScope").unwrap().1;
    for (name, text) in [("hq-2300.yaml", NUMBER), ("scope.yaml", scope), ("password", "secret")] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let variables = [
        ("KUBECONFIG", kube.kubeconfig().as_os_str()),
        ("KUBECACHEDIR", folder.path().as_os_str()),
    ];
    let programs = kube.kubectl_program().parent().unwrap();
    let mut shell = Shell::start(folder.path(), programs, &variables);

    let documents = documents();
    let runbooks = documents.iter().filter(|(path, _)| path.starts_with("docs/runbooks"));
    let pages = std::iter::once(&documents[Path::new("docs/troubleshooting.md")]).chain(runbooks.map(|(_, text)| text));
    let mut typed = 0;
    for command in pages.flat_map(|page| commands(page)) {
        if !command.line.starts_with("kubectl") || command.line.contains("-n adsync") {
            continue;
        }
        let line = command.line.replace("-n phones", &format!("-n {}", namespace.name()));
        let line = line.replace(" NAME ", &format!(" {PHONE_USER} "));
        let printed = shell.run(&line).await;
        assert!(!printed.contains("warning"), "{line}\n{printed}");
        typed += 1;
    }
    assert!(typed > 40, "{typed} commands");
    let user = namespace
        .kubectl(&["get", "pu", PHONE_USER, "--output=jsonpath={.spec.extension}"])
        .await;
    assert_eq!(user, "2300", "the commands that give another number");
}
