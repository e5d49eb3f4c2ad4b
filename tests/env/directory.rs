//! The Active Directory domain controller: where it listens, who may bind, and changes made as an administrator.
//! `ad/README.md` says who is in it.

use std::ffi::OsStr;
use std::fmt::Write;
use std::ops::Deref;
use std::path::PathBuf;

use super::ldif::{self, Entry};
use super::node::Node;
use super::organizational_unit::TestOu;
use super::process::{self, Server};

/// How Samba divides its work.
#[derive(Clone, Copy, Debug, Default)]
pub enum Model {
    /// One process: small and quick, but one long search holds up everybody.
    #[default]
    Single,
    /// A process a connection.
    Standard,
}

/// Which certificate the domain controller shows.
#[derive(Clone, Copy, Debug, Default)]
pub enum Certificate {
    /// For `localhost`, 127.0.0.1 and dc1.example.com.
    #[default]
    Server,
    /// Of the same authority, but for another name only.
    Misnamed,
}

/// What an account may not see of an entry.
#[derive(Clone, Copy, Debug)]
pub enum Denied {
    /// Any attribute.
    Everything,
    /// Its `member`.
    Members,
    /// What is in it.
    Contents,
}

impl Denied {
    /// As an access control entry in SDDL ([MS-DTYP] section 2.5.1), to a security identifier.
    fn to(self, sid: &str) -> String {
        // schemaIDGUID of member ([MS-ADA2]).
        const MEMBER: &str = "bf9679c0-0de6-11d0-a285-00aa003049e2";
        match self {
            Self::Everything => format!("(D;;RP;;;{sid})"),
            Self::Members => format!("(OD;;RP;{MEMBER};;{sid})"),
            Self::Contents => format!("(D;;LC;;;{sid})"),
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    pub model: Model,
    pub certificate: Certificate,
    /// So many more people and a team for every ten, below [`Directory::CROWD`]. None: only the company.
    pub crowd: Option<usize>,
}

/// A running domain controller. Stopping, freezing and the like come from `Server`.
pub struct Directory {
    server: Server,
    ports: [u16; 4],
    /// What runs the LDAP tools where they can reach it, if not here.
    enter: Option<PathBuf>,
}

impl Deref for Directory {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Directory {
    pub const HOST: &'static str = "localhost";
    pub const DOMAIN: &'static str = "example.com";
    pub const BASE_DN: &'static str = "DC=example,DC=com";
    /// Where a crowd is (`ad/crowd.py`): its people in OUs of `OU=People`, its teams in `OU=Teams`.
    pub const CROWD: &'static str = "OU=Crowd,DC=example,DC=com";

    /// The account that adsync is meant to bind with: it may read, and write nothing.
    pub const BIND_DN: &'static str = "CN=svc-adsync,OU=Service Accounts,DC=example,DC=com";
    pub const BIND_UPN: &'static str = "svc-adsync@example.com";
    pub const BIND_DOWN_LEVEL: &'static str = "EXAMPLE\\svc-adsync";
    pub const BIND_PASSWORD: &'static str = "Passw0rd.Adsync";

    pub const ADMIN_DN: &'static str = "CN=Administrator,CN=Users,DC=example,DC=com";
    pub const ADMIN_UPN: &'static str = "Administrator@example.com";
    pub const ADMIN_PASSWORD: &'static str = "Passw0rd.Adm1n";

    /// A domain controller for this caller alone; it ends when the value is dropped.
    pub async fn own(options: Options) -> Self {
        let model = match options.model {
            Model::Single => "single",
            Model::Standard => "standard",
        };
        let certificate = match options.certificate {
            Certificate::Server => "server",
            Certificate::Misnamed => "misnamed",
        };
        let crowd = options.crowd.map(|people| people.to_string());
        let mut arguments = vec!["--model", model, "--certificate", certificate];
        arguments.extend(crowd.iter().flat_map(|people| ["--crowd", people]));
        Self::start(None, &arguments).await
    }

    /// A domain controller in a node, for its pods: `dc1.example.com`, on the ports that everybody expects. Drop it before the node.
    pub async fn in_node(node: &Node) -> Self {
        Self::start(Some(node.enter()), &["--address", Node::ADDRESS]).await
    }

    async fn start(enter: Option<PathBuf>, arguments: &[&str]) -> Self {
        let (server, facts) = Server::start_by(enter.as_deref(), "ad/start", arguments).await;
        Self {
            server,
            ports: Server::ports(&facts),
            enter,
        }
    }

    pub fn ldap_port(&self) -> u16 {
        self.ports[0]
    }

    pub fn ldaps_port(&self) -> u16 {
        self.ports[1]
    }

    /// The Global Catalog's port without TLS.
    pub fn gc_port(&self) -> u16 {
        self.ports[2]
    }

    /// The Global Catalog's port with TLS.
    pub fn gcs_port(&self) -> u16 {
        self.ports[3]
    }

    /// The authority that signed the domain controller's certificate.
    pub fn ca_pem(&self) -> String {
        self.tls_file("ca.pem")
    }

    /// The domain controller's own certificate, unless it was started with another one.
    pub fn certificate_pem(&self) -> String {
        self.tls_file("server.pem")
    }

    /// An authority that didn't.
    pub fn other_ca_pem(&self) -> String {
        self.tls_file("other-ca.pem")
    }

    fn tls_file(&self, name: &str) -> String {
        std::fs::read_to_string(self.server.folder().join("tls").join(name)).expect("the golden image has it")
    }

    /// Makes an OU for the calling test, below `OU=Tests`.
    pub async fn ou(&self, name: &str) -> TestOu<'_> {
        TestOu::make(self, name).await
    }

    /// Applies LDIF as the administrator; an entry without `changetype` is added.
    pub async fn ldif(&self, text: &str) {
        self.run_as_administrator("ldapmodify", &["-a"], text).await;
    }

    /// What the directory holds, as a tool of somebody else's sees it: the oracle for what we read.
    pub async fn search(&self, base: &str, filter: &str, attributes: &[&str]) -> Vec<Entry> {
        let arguments = [&["-LLL", "-o", "ldif-wrap=no", "-b", base, filter], attributes].concat();
        let output = self.run_as_administrator("ldapsearch", &arguments, "").await;
        ldif::parse(&output)
    }

    /// The entry of this DN.
    pub async fn entry(&self, dn: &str, attributes: &[&str]) -> Entry {
        let arguments = [
            &["-LLL", "-o", "ldif-wrap=no", "-s", "base", "-b", dn, "(objectClass=*)"],
            attributes,
        ]
        .concat();
        let output = self.run_as_administrator("ldapsearch", &arguments, "").await;
        ldif::parse(&output).pop().unwrap_or_else(|| panic!("there is no {dn}"))
    }

    /// Replaces an attribute's values; none removes it.
    pub async fn set(&self, dn: &str, attribute: &str, values: &[&str]) {
        self.modify(dn, "replace", attribute, values).await;
    }

    pub async fn disable(&self, dn: &str) {
        self.set(dn, "userAccountControl", &["514"]).await;
    }

    pub async fn enable(&self, dn: &str) {
        self.set(dn, "userAccountControl", &["512"]).await;
    }

    pub async fn add_member(&self, group: &str, member: &str) {
        self.modify(group, "add", "member", &[member]).await;
    }

    pub async fn remove_member(&self, group: &str, member: &str) {
        self.modify(group, "delete", "member", &[member]).await;
    }

    /// Makes a group somebody's primary group. They must be a member; AD then keeps that in `primaryGroupID`, and no
    /// longer in `member`.
    pub async fn make_primary_group(&self, person: &str, group: &str) {
        let group = self.entry(group, &["objectSid"]).await;
        let sid = group.bytes("objectSid").first().expect("a group has a SID");
        let last = sid.last_chunk().expect("a SID ends with the relative identifier");
        self.set(person, "primaryGroupID", &[&u32::from_le_bytes(*last).to_string()])
            .await;
    }

    /// Takes a right on entries from the account that adsync binds with.
    pub async fn deny(&self, denied: Denied, entries: &[&str]) {
        self.deny_to(Self::BIND_DN, denied, entries).await;
    }

    /// The same from another account.
    pub async fn deny_to(&self, account: &str, denied: Denied, entries: &[&str]) {
        let entry = denied.to(&self.sid(account).await);
        self.within(&[&["deny", &entry], entries].concat(), "").await;
    }

    /// Gives back what was taken from an account.
    pub async fn allow(&self, account: &str, denied: Denied, entries: &[&str]) {
        let entry = denied.to(&self.sid(account).await);
        self.within(&[&["allow", &entry], entries].concat(), "").await;
    }

    /// An account's security identifier, of the domain.
    async fn sid(&self, account: &str) -> String {
        let account = self.entry(account, &["objectSid"]).await;
        let sid = account.bytes("objectSid").first().expect("an account has a SID");
        let parts = sid[8..].chunks_exact(4).map(|part| {
            let part = part.try_into().expect("a part has four bytes");
            u32::from_le_bytes(part).to_string()
        });
        format!("S-1-5-{}", parts.collect::<Vec<_>>().join("-"))
    }

    /// Replaces an attribute's value as the domain controller itself does, where no administrator may.
    pub async fn set_within(&self, dn: &str, attribute: &str, value: &[u8]) {
        let mut text = ldif::line("dn", dn);
        write!(text, "changetype: modify\nreplace: {attribute}\n").expect("a string takes text");
        text += &ldif::line(attribute, value);
        self.within(&[], &text).await;
    }

    async fn within(&self, arguments: &[&str], input: &str) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/env/ad/within");
        let folder = self.server.folder().to_str().expect("the folder's name is text");
        process::run(script, &[&[folder], arguments].concat(), &[], input).await;
    }

    async fn modify(&self, dn: &str, operation: &str, attribute: &str, values: &[&str]) {
        let mut text = ldif::line("dn", dn);
        write!(text, "changetype: modify\n{operation}: {attribute}\n").expect("a string takes text");
        for value in values {
            text += &ldif::line(attribute, value);
        }
        self.ldif(&text).await;
    }

    /// Gives an entry another name in its place, and returns its new DN.
    pub async fn rename(&self, dn: &str, new_name: &str) -> String {
        let (relative, parent) = ldif::split_dn(dn);
        let (kind, _) = relative.split_once('=').expect("a relative DN has a type");
        self.move_entry(dn, &format!("{kind}={}", ldif::escape(new_name)), parent)
            .await
    }

    /// Moves an entry below another parent, and returns its new DN.
    pub async fn move_below(&self, dn: &str, new_parent: &str) -> String {
        let (relative, _) = ldif::split_dn(dn);
        self.move_entry(dn, relative, new_parent).await
    }

    async fn move_entry(&self, dn: &str, relative: &str, parent: &str) -> String {
        let mut text = ldif::line("dn", dn) + "changetype: modrdn\n";
        text += &ldif::line("newrdn", relative);
        text += "deleteoldrdn: 1\n";
        text += &ldif::line("newsuperior", parent);
        self.ldif(&text).await;
        format!("{relative},{parent}")
    }

    pub async fn delete(&self, dn: &str) {
        self.ldif(&(ldif::line("dn", dn) + "changetype: delete\n")).await;
    }

    async fn run_as_administrator(&self, program: &str, arguments: &[&str], input: &str) -> String {
        // By address: the LDAP tools take "localhost" for the machine's own name, which the certificate can't know.
        let url = format!("ldaps://127.0.0.1:{}", self.ldaps_port());
        let login = ["-x", "-H", &url, "-D", Self::ADMIN_UPN, "-w", Self::ADMIN_PASSWORD];
        let ca = self.server.folder().join("tls/ca.pem");
        let environment = [
            ("LDAPTLS_CACERT", ca.as_os_str()),
            ("LDAPTLS_REQCERT", OsStr::new("demand")),
        ];
        let arguments = [&login, arguments].concat();
        match &self.enter {
            Some(enter) => process::run(enter, &[&[program], &*arguments].concat(), &environment, input).await,
            None => process::run(program, &arguments, &environment, input).await,
        }
    }
}
