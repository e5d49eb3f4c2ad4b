//! Every folder of examples/ is a story that a stranger follows: its README's commands are typed, word for word, and print what it shows.
//!
//! The stories run on the shared API server, each in a namespace of its own, and on one directory that nobody changes. What a
//! reader would have to fill in is laid over the YAML as `make demo` does: where the domain controller is, and the password.

use std::ffi::OsStr;
use std::fmt::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::{
    env::{self, Directory, Namespace, Operator, Options, console, shell::Shell},
    scenario::await_rest,
};

/// The namespace of all READMEs.
const NAMESPACE: &str = "phones";
/// The domain controller of all READMEs, by name and by address.
const HOST: &str = "dc1.example.com";
const ADDRESS: &str = "10.0.0.10";
/// Where `ADDRESS` is here: an address that the certificate doesn't have.
const OTHER_LOOPBACK: &str = "127.0.0.2";
/// The names in the certificate.
const NAMES_HERE: &str = "dc1.example.com, localhost, 127.0.0.1";

/// A test a story. `every_folder_is_a_story` holds that none is missing.
macro_rules! stories {
    ($($test:ident: $folder:literal),* $(,)?) => {
        const STORIES: &[&str] = &[$($folder),*];
        $(
            #[tokio::test]
            async fn $test() {
                follow($folder).await;
            }
        )*
    };
}

stories! {
    quickstart: "quickstart",
    match_existing: "match-existing",
    numbers_from_attribute: "numbers-from-attribute",
    departments: "departments",
    exclusions: "exclusions",
    leavers: "leavers",
    two_sites: "two-sites",
    starttls: "starttls",
}

#[test]
fn every_folder_is_a_story() {
    let mut folders: Vec<String> = std::fs::read_dir(examples())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    folders.sort();
    let mut stories = STORIES.to_vec();
    stories.sort_unstable();
    assert_eq!(
        stories, folders,
        "the folders of examples/, and the stories that are followed"
    );

    let list = std::fs::read_to_string(examples().join("README.md")).unwrap();
    for folder in folders {
        assert!(
            list.contains(&format!("]({folder}/README.md)")),
            "examples/README.md lacks {folder}"
        );
        let kustomization = std::fs::read_to_string(examples().join(&folder).join("kustomization.yaml")).unwrap();
        assert!(kustomization.contains("kind: Kustomization"), "{folder}");
    }
}

/// Applying what is applied already changes nothing, also when the operator has synced since: no tool that applies from Git sees a
/// difference that stays.
#[tokio::test]
async fn what_is_applied_is_what_is_read_back() {
    for story in STORIES {
        let mut reader = Reader::of(story, &examples().join(story).join("README.md")).await;
        reader.shell.run("kubectl create namespace phones").await;
        let applied = format!("-n phones --server-side -k examples/{story}");
        reader
            .shell
            .run("kubectl -n phones create configmap corp-ca --from-file=ca.crt")
            .await;
        reader.shell.run(&format!("kubectl apply {applied}")).await;
        reader.no_difference(&applied).await;
        reader.start_operator().await;
        await_rest(&reader.namespace).await;
        reader.no_difference(&applied).await;
        reader.shell.run(&format!("kubectl apply {applied}")).await;
        reader.no_difference(&applied).await;
    }
}

#[tokio::test]
async fn the_crds_are_read_back_as_they_were_applied() {
    let mut reader = Reader::of("crds", Path::new("")).await;
    let crds = concat!(env!("CARGO_MANIFEST_DIR"), "/crds");
    reader.no_difference(&format!("--server-side -k {crds}")).await;
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

/// A directory in which nothing but the company is, so that what is counted stays the same.
async fn directory() -> &'static Directory {
    static SHARED: OnceCell<Directory> = OnceCell::const_new();
    SHARED.get_or_init(|| Directory::own(Options::default())).await
}

/// Types what the README says, with an operator that runs.
async fn follow(story: &str) {
    let readme = examples().join(story).join("README.md");
    let mut reader = Reader::of(story, &readme).await;
    console::check(&readme, async |command| reader.type_in(command).await).await;
}

/// Somebody who follows a README: at a shell, in a checkout, with their namespace.
struct Reader {
    namespace: Namespace<'static>,
    shell: Shell,
    /// The ports of the directory, as the READMEs have them.
    ports: [(u16, u16); 2],
    operator: Option<Operator>,
    _checkout: TempDir,
    _forwarder: Option<Forwarder>,
}

impl Reader {
    async fn of(story: &str, readme: &Path) -> Self {
        let (kube, directory) = (env::kube().await, directory().await);
        let namespace = kube.reserve_namespace(&format!("story-{story}")).await;
        let checkout = tempfile::tempdir().expect("a folder can be made");
        if STORIES.contains(&story) {
            lay_out(checkout.path(), story, directory);
        }
        let page = std::fs::read_to_string(readme).unwrap_or_default();
        let forwarder = if page.contains(ADDRESS) {
            Some(Forwarder::start(directory.ldap_port()).await)
        } else {
            None
        };
        let programs = checkout.path().join("bin");
        write_kubectl(&programs, kube.kubectl_program(), namespace.name());
        let variables = [
            ("KUBECONFIG", kube.kubeconfig().as_os_str()),
            ("KUBECACHEDIR", kube.folder().as_os_str()),
            ("TZ", OsStr::new("UTC")),
        ];
        Self {
            namespace,
            shell: Shell::start(checkout.path(), &programs, &variables),
            ports: [(directory.ldaps_port(), 636), (directory.ldap_port(), 389)],
            operator: None,
            _checkout: checkout,
            _forwarder: forwarder,
        }
    }

    /// What a command shows.
    async fn type_in(&mut self, command: &console::Command) -> String {
        let printed = self.shell.run(&command.line).await;
        self.start_operator().await;
        self.as_in_readme(&printed)
    }

    /// `kubectl diff` fails where there is one that stays, and prints it. (It compares what it reads with what an apply would make of it a moment later:
    /// a status that is written in between differs, once.)
    async fn no_difference(&mut self, applied: &str) {
        let diff = format!("kubectl diff {applied}");
        if self.shell.run(&diff).await.is_empty() {
            return;
        }
        sleep(Duration::from_secs(2)).await;
        for _ in 0..2 {
            assert_eq!(self.shell.run(&diff).await, "", "{applied}");
        }
    }

    /// Once there is a namespace to serve.
    async fn start_operator(&mut self) {
        if self.operator.is_none() && self.namespace.exists().await {
            self.operator = Some(Operator::start(env::kube().await, &[&self.namespace]).await);
        }
    }

    /// What was printed, with the names that the reader has for things.
    fn as_in_readme(&self, printed: &str) -> String {
        let mut text = printed.replace(self.namespace.name(), NAMESPACE);
        for (here, there) in self.ports {
            text = text.replace(&format!("{}:{here}", Directory::HOST), &format!("{HOST}:{there}"));
            text = text.replace(&format!("{OTHER_LOOPBACK}:{here}"), &format!("{ADDRESS}:{there}"));
        }
        text = text.replace(OTHER_LOOPBACK, ADDRESS).replace(NAMES_HERE, HOST);
        text = text.replace(Directory::HOST, HOST);
        if text.contains(HOST) {
            text = text.split("\n\n").map(aligned).collect::<Vec<_>>().join("\n\n");
        }
        text
    }
}

/// What the reader's checkout has: the story, with an overlay of what they would fill in, and the certificates.
fn lay_out(checkout: &Path, story: &str, directory: &Directory) {
    let write = |name: &str, text: &str| std::fs::write(checkout.join(name), text).expect("the checkout takes files");
    write("ca.crt", &directory.ca_pem());
    write("old-ca.crt", &directory.other_ca_pem());
    let folder = format!("examples/{story}");
    std::fs::create_dir_all(checkout.join(&folder).join("base")).expect("the checkout takes folders");
    let mut all = String::new();
    for entry in std::fs::read_dir(examples().join(story)).expect("the story has a folder") {
        let file = entry.expect("the story has files").path();
        let name = file.file_name().and_then(OsStr::to_str).expect("its files have names");
        let text = std::fs::read_to_string(&file).expect("they are text");
        write(&format!("{folder}/{name}"), &text);
        write(&format!("{folder}/base/{name}"), &text);
        all += &text;
    }
    let port = if all.contains("mode: StartTLS") {
        directory.ldap_port()
    } else {
        directory.ldaps_port()
    };
    let (host, password) = (Directory::HOST, Directory::BIND_PASSWORD);
    let replace = |path, value| json!([{"op": "replace", "path": path, "value": value}]).to_string();
    let overlay = json!({
        "resources": ["base"],
        "patches": [
            {"target": {"kind": "Secret", "name": "corp-bind"}, "patch": replace("/stringData/password", json!(password))},
            {"target": {"kind": "ActiveDirectoryConfig"}, "patch": replace("/spec/servers", json!([{"host": host, "port": port}]))},
        ],
    });
    write(&format!("{folder}/kustomization.yaml"), &overlay.to_string());
}

/// A kubectl to which the namespace is the test's own.
fn write_kubectl(programs: &Path, kubectl: &Path, namespace: &str) {
    let script = format!(
        "#!/usr/bin/env bash
arguments=()
for argument in \"$@\"; do
	[ \"$argument\" != {NAMESPACE} ] || argument={namespace}
	arguments+=(\"${{argument//{ADDRESS}/{OTHER_LOOPBACK}}}\")
done
exec {} \"${{arguments[@]}}\"
",
        kubectl.display()
    );
    let path = programs.join("kubectl");
    std::fs::create_dir(programs).expect("the checkout takes folders");
    std::fs::write(&path, script).expect("the folder takes files");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("it is ours");
}

/// A table with its columns as wide as their cells; other text as it is.
fn aligned(text: &str) -> String {
    let rows: Vec<Vec<&str>> = text
        .lines()
        .map(|line| {
            line.split("  ")
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
                .collect()
        })
        .collect();
    let columns = rows.first().map_or(0, Vec::len);
    if columns < 2 || rows.iter().any(|row| row.len() != columns) {
        return text.to_owned();
    }
    let width_of = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width_of).collect();
    let mut lines = Vec::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.into_iter().zip(&widths) {
            write!(line, "{cell:width$}   ").expect("a string takes text");
        }
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}

/// Makes the domain controller reachable at an address that its certificate doesn't have, as long as the value lives.
struct Forwarder(JoinHandle<()>);

impl Forwarder {
    async fn start(port: u16) -> Self {
        let listener = TcpListener::bind((OTHER_LOOPBACK, port))
            .await
            .expect("the port is free there");
        Self(tokio::spawn(async move {
            while let Ok((mut here, _)) = listener.accept().await {
                tokio::spawn(async move {
                    if let Ok(mut there) = TcpStream::connect(("127.0.0.1", port)).await {
                        let _ = copy_bidirectional(&mut here, &mut there).await;
                    }
                });
            }
        }))
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.0.abort();
    }
}
