//! A node with a directory in it, a checkout, and somebody who types commands there. What should come out isn't decided here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::process::Command;

use crate::env::{Directory, Node, console};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
pub const README: &str = "README.md";
/// What of the checkout the documents' commands use.
const FOLDERS: [&str; 6] = ["charts", "crds", "deploy", "examples", "packaging", "Dockerfile"];

pub struct Site {
    /// Before the node, since it runs in it.
    pub directory: Directory,
    pub node: Node,
    checkout: tempfile::TempDir,
    binary: PathBuf,
}

impl Site {
    /// All that the README takes for granted: a cluster, a directory, and the tools; the CA's certificate is at hand, and the password is in
    /// the example.
    pub async fn prepare() -> Self {
        let (node, binary) = tokio::join!(Node::start(), release_binary());
        let directory = Directory::in_node(&node).await;
        let site = Self {
            directory,
            node,
            checkout: tempfile::tempdir().expect("there is a folder for temporary files"),
            binary,
        };
        for name in FOLDERS.into_iter().chain(["LICENSE"]) {
            site.run(&format!("cp -r '{ROOT}/{name}' .")).await;
        }
        for (tool, program) in [
            ("docker", Path::new(ROOT).join("tests/env/node/docker")),
            ("kubectl", site.node.folder().join("kubectl")),
            ("helm", site.node.folder().join("helm")),
        ] {
            site.run(&format!("mkdir -p bin && ln -s '{}' bin/{tool}", program.display()))
                .await;
        }
        site.write("ca.crt", &site.directory.ca_pem());
        site.edit(
            "examples/quickstart/active-directory.yaml",
            "change-me",
            Directory::BIND_PASSWORD,
        );
        site
    }

    /// What a command prints, typed in the checkout; panics if it fails.
    pub async fn run(&self, line: &str) -> String {
        let output = self.shell(line).await;
        let [printed, said] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
        assert!(output.status.success(), "{line}: {}\n{said}{printed}", output.status);
        printed
    }

    /// What a command says that must fail.
    pub async fn refused(&self, line: &str) -> String {
        let output = self.shell(line).await;
        assert!(!output.status.success(), "{line} is not refused");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    async fn shell(&self, line: &str) -> std::process::Output {
        let path = std::env::var("PATH").expect("there is a search path");
        let mut bash = Command::new("bash");
        bash.args(["-euc", line])
            .current_dir(self.checkout.path())
            .env("PATH", format!("{}/bin:{path}", self.checkout.path().display()))
            .env("ADSYNC_NODE", self.node.folder())
            .env("ADSYNC_BINARY", &self.binary)
            .kill_on_drop(true);
        bash.output().await.expect("bash can be run")
    }

    /// Types the commands of a section of the README, and holds it to what they print.
    pub async fn follow(&self, heading: &str) {
        console::check_section(&page(README), heading, async |command| self.run(&command.line).await).await;
    }

    /// Writes the YAML block of a page whose first line is a comment with a path to that path.
    pub fn write_file_of(&self, document: &str, path: &str) {
        let text = read(document);
        let start = format!("```yaml\n# {path}\n");
        let (_, block) = text
            .split_once(&start)
            .unwrap_or_else(|| panic!("{document} has no {path}"));
        let (block, _) = block.split_once("```").expect("a block ends");
        self.write(path, block);
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.checkout.path().join(path);
        std::fs::create_dir_all(path.parent().expect("it is in the checkout")).expect("the checkout takes folders");
        std::fs::write(path, text).expect("the checkout takes files");
    }

    /// Edits a file, which must have this text once.
    pub fn edit(&self, path: &str, old: &str, new: &str) {
        let text = std::fs::read_to_string(self.checkout.path().join(path)).expect("the checkout has it");
        assert_eq!(text.matches(old).count(), 1, "{path} has {old:?} once");
        self.write(path, &text.replace(old, new));
    }

    /// What a jsonpath finds in the scope `staff`.
    pub async fn scope(&self, jsonpath: &str) -> String {
        self.run(&format!(
            "kubectl --namespace phones get syncscope staff --output '{jsonpath}'"
        ))
        .await
    }

    pub async fn ask_for_a_sync(&self, request: &str) {
        self.run(&format!(
            "kubectl --namespace phones annotate --overwrite syncscope staff reconcile.fluxcd.io/requestedAt={request}"
        ))
        .await;
    }

    pub async fn await_sync(&self, request: &str) {
        let condition = format!("--for=jsonpath={{.status.lastHandledReconcileAt}}={request}");
        self.run(&format!(
            "kubectl --namespace phones wait '{condition}' --timeout=2m syncscope/staff"
        ))
        .await;
    }

    pub async fn sync_now(&self) {
        static COUNTER: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let request = format!("request-{}", COUNTER.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        self.ask_for_a_sync(&request).await;
        self.await_sync(&request).await;
    }

    /// All that the operator has made.
    pub async fn objects(&self) -> Objects {
        let list = self
            .run("kubectl --namespace phones get phoneusers,extensions,ringgroups --output json")
            .await;
        let list: Value = serde_json::from_str(&list).expect("kubectl prints JSON");
        let items = list["items"].as_array().expect("a list has items");
        let key = |item: &Value| ["/kind", "/metadata/name"].map(|path| item.pointer(path).unwrap().to_string());
        Objects(items.iter().map(|item| (key(item).join(" "), item.clone())).collect())
    }
}

/// Objects as they are, resource versions and all: equal ones have not been written between.
#[derive(Debug, PartialEq)]
pub struct Objects(BTreeMap<String, Value>);

impl Objects {
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.0.values().filter(move |item| item["kind"] == kind)
    }

    pub fn logins(&self) -> BTreeSet<String> {
        self.texts("PhoneUser", "/spec/login")
    }

    /// The numbers of people, each once.
    pub fn numbers(&self) -> BTreeSet<String> {
        self.texts("PhoneUser", "/spec/extension")
    }

    fn texts(&self, kind: &str, path: &str) -> BTreeSet<String> {
        let values = self.of_kind(kind).filter_map(|item| item.pointer(path)?.as_str());
        values.map(str::to_owned).collect()
    }

    pub fn is_part_of(&self, other: &Self) -> bool {
        self.0.iter().all(|(key, item)| other.0.get(key) == Some(item))
    }
}

/// The commands of a section of a page.
pub fn commands(document: &str, heading: &str) -> Vec<String> {
    let text = read(document);
    let section = console::section(&text, heading);
    let commands = console::commands(&text[section]).into_iter();
    commands.map(|command| command.line).collect()
}

/// The one of them that begins so.
pub fn command(document: &str, heading: &str, start: &str) -> String {
    let mut commands = commands(document, heading).into_iter();
    commands
        .find(|command| command.starts_with(start))
        .unwrap_or_else(|| panic!("{document} has no command {start}"))
}

fn page(document: &str) -> PathBuf {
    Path::new(ROOT).join(document)
}

fn read(document: &str) -> String {
    std::fs::read_to_string(page(document)).unwrap_or_else(|error| panic!("cannot read {document}: {error}"))
}

/// The binary that goes into the image. Built here, so that it can't be a stale one; `make test` has built it before, and then this takes no time.
async fn release_binary() -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args([
            "build",
            "--release",
            "--locked",
            "--message-format=json-render-diagnostics",
        ])
        .current_dir(ROOT)
        .output()
        .await
        .expect("cargo can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let messages = String::from_utf8_lossy(&output.stdout).into_owned();
    let executable = messages.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        message["executable"].as_str().map(PathBuf::from)
    });
    executable.expect("cargo names the binary")
}
