//! OpenLDAP's slapd with a large company in it, for benches: it reads like a domain controller, and far quicker than ours.

use std::ops::Deref;

use super::process::Server;

/// A running slapd. Stopping, freezing and the like come from `Server`.
pub struct Slapd {
    server: Server,
    ports: [u16; 2],
}

impl Deref for Slapd {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Slapd {
    pub const BIND_DN: &'static str = "CN=reader,DC=example,DC=com";
    pub const BIND_PASSWORD: &'static str = "Passw0rd.Adsync";

    /// Why there is none here, if so.
    pub fn missing() -> Option<&'static str> {
        // Where Debian has it, and where not everybody's search path leads.
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
        let is_there = folders.any(|folder| folder.join("slapd").exists());
        (!is_there).then_some("there is no slapd here (`tests/env/setup bench` installs it)")
    }

    /// A slapd with so many people in it; it ends when the value is dropped.
    pub async fn own(people: usize) -> Self {
        let (server, facts) = Server::start("slapd/start", &["--people", &people.to_string()]).await;
        Self {
            server,
            ports: Server::ports(&facts),
        }
    }

    pub fn ldap_port(&self) -> u16 {
        self.ports[0]
    }

    pub fn ldaps_port(&self) -> u16 {
        self.ports[1]
    }

    /// The authority that signed its certificate.
    pub fn ca_file(&self) -> std::path::PathBuf {
        self.server.folder().join("tls/ca.pem")
    }
}

#[cfg(test)]
mod tests {
    use std::process::Output;

    use super::super::process;
    use super::*;

    const PEOPLE: usize = 25;

    /// All people, ten a page.
    async fn search(slapd: &Slapd, url: &str, password: &str) -> Output {
        let account = ["-x", "-H", url, "-D", Slapd::BIND_DN, "-w", password];
        let what = [
            "-E",
            "pr=10/noprompt",
            "-b",
            "DC=example,DC=com",
            "(objectClass=user)",
            "mail",
        ];
        let authority = slapd.ca_file();
        let environment = [("LDAPTLS_CACERT", authority.as_os_str())];
        process::attempt("ldapsearch", &[&account[..], &what].concat(), &environment, "").await
    }

    #[tokio::test]
    async fn it_takes_its_account_and_gives_its_people_in_pages() {
        if let Some(why_not) = Slapd::missing() {
            return super::super::skip("it_takes_its_account_and_gives_its_people_in_pages", why_not);
        }
        let slapd = Slapd::own(PEOPLE).await;
        let [plain, encrypted] = [("ldap", slapd.ldap_port()), ("ldaps", slapd.ldaps_port())]
            .map(|(scheme, port)| format!("{scheme}://127.0.0.1:{port}"));
        for url in [&plain, &encrypted] {
            let output = search(&slapd, url, Slapd::BIND_PASSWORD).await;
            let printed = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "{output:?}");
            let lines = |start| printed.lines().filter(|line| line.starts_with(start)).count();
            assert_eq!((lines("dn:"), lines("mail: ")), (PEOPLE, PEOPLE), "{printed}");
            assert_eq!(lines("pagedresults: cookie="), 3, "{printed}");
        }
        let refused = search(&slapd, &plain, "wrong").await;
        assert_eq!(refused.status.code(), Some(49), "invalidCredentials: {refused:?}");

        let folder = slapd.folder().to_owned();
        drop(slapd);
        assert!(!folder.exists());
    }
}
