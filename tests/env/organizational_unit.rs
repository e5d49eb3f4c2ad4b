//! An OU of a test's own, and the people and groups that a test puts into it.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::directory::Directory;
use super::ldif;

/// A person to be. From the name come all attributes that most people have; `with` and `without` change that.
#[derive(Clone, Debug)]
pub struct PersonSpec {
    name: String,
    attributes: BTreeMap<String, Vec<u8>>,
}

impl PersonSpec {
    /// "Anna Maria Schmidt" is also how the entry is called, so nobody else in the OU may be.
    pub fn named(name: &str) -> Self {
        let login = login(name);
        let principal = format!("{login}@{}", Directory::DOMAIN);
        let mut spec = Self {
            name: name.to_owned(),
            attributes: BTreeMap::new(),
        }
        .with("objectClass", "user")
        .with("userAccountControl", "512")
        .with("displayName", name)
        .with("userPrincipalName", &principal)
        .with("mail", &principal)
        .with("sAMAccountName", &login);
        if let Some((given_name, surname)) = name.rsplit_once(' ') {
            spec = spec.with("givenName", given_name).with("sn", surname);
        }
        spec
    }

    /// With this value of the attribute, and no other.
    pub fn with(self, attribute: &str, value: &str) -> Self {
        self.with_bytes(attribute, value.as_bytes())
    }

    pub fn with_bytes(mut self, attribute: &str, value: &[u8]) -> Self {
        self.attributes.insert(attribute.to_owned(), value.to_vec());
        self
    }

    pub fn without(mut self, attribute: &str) -> Self {
        self.attributes.remove(attribute);
        self
    }

    /// With a sAMAccountName of the test's choice: at most 20 characters, and nobody else's in the whole domain.
    pub fn with_login(self, login: &str) -> Self {
        self.with("sAMAccountName", login)
            .with("userPrincipalName", &format!("{login}@{}", Directory::DOMAIN))
    }

    pub fn disabled(self) -> Self {
        self.with("userAccountControl", "514")
    }

    /// For those who bind. The others do without: it costs the server more time than all the rest of an account.
    pub fn with_password(self, password: &str) -> Self {
        let quoted: Vec<u8> = format!("\"{password}\"")
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        self.with_bytes("unicodePwd", &quoted)
    }

    fn text(&self, attribute: &str) -> String {
        let value = self.attributes.get(attribute);
        value
            .map(|value| String::from_utf8_lossy(value).into_owned())
            .unwrap_or_default()
    }
}

impl From<&str> for PersonSpec {
    fn from(name: &str) -> Self {
        Self::named(name)
    }
}

/// Somebody who now exists; the attributes are empty if the person was made without.
#[derive(Clone, Debug)]
pub struct Person {
    pub dn: String,
    /// The sAMAccountName.
    pub login: String,
    pub user_principal_name: String,
    pub mail: String,
}

/// An OU of the test that made it. What a directory can do to an entry, it can do, too.
pub struct TestOu<'a> {
    directory: &'a Directory,
    dn: String,
}

impl Deref for TestOu<'_> {
    type Target = Directory;

    fn deref(&self) -> &Directory {
        self.directory
    }
}

impl<'a> TestOu<'a> {
    pub(super) async fn make(directory: &'a Directory, name: &str) -> Self {
        let parent = format!("OU=Tests,{}", Directory::BASE_DN);
        Self::make_below(directory, &parent, &format!("{name} {}", next())).await
    }

    async fn make_below(directory: &'a Directory, parent: &str, name: &str) -> Self {
        let dn = format!("OU={},{parent}", ldif::escape(name));
        directory
            .ldif(&(ldif::line("dn", &dn) + "objectClass: organizationalUnit\n"))
            .await;
        Self { directory, dn }
    }

    pub fn dn(&self) -> &str {
        &self.dn
    }

    /// An OU in this one, called exactly so.
    pub async fn unit(&self, name: &str) -> TestOu<'a> {
        Self::make_below(self.directory, &self.dn, name).await
    }

    pub async fn person(&self, spec: impl Into<PersonSpec>) -> Person {
        self.people([spec]).await.pop().expect("one spec makes one person")
    }

    /// All of them in one go: each go costs as much as a dozen people.
    pub async fn people<S: Into<PersonSpec>>(&self, specs: impl IntoIterator<Item = S>) -> Vec<Person> {
        let mut text = String::new();
        let mut people = Vec::new();
        for spec in specs {
            let spec = spec.into();
            let dn = format!("CN={},{}", ldif::escape(&spec.name), self.dn);
            text += &ldif::line("dn", &dn);
            text.extend(
                spec.attributes
                    .iter()
                    .map(|(attribute, value)| ldif::line(attribute, value)),
            );
            text.push('\n');
            let [login, user_principal_name, mail] =
                ["sAMAccountName", "userPrincipalName", "mail"].map(|attribute| spec.text(attribute));
            people.push(Person {
                dn,
                login,
                user_principal_name,
                mail,
            });
        }
        self.ldif(&text).await;
        people
    }

    /// A security group of these members, given by DN; returns its own DN.
    pub async fn group(&self, name: &str, members: &[&str]) -> String {
        self.group_of_type("-2147483646", name, members).await
    }

    /// The same without security.
    pub async fn distribution_list(&self, name: &str, members: &[&str]) -> String {
        self.group_of_type("2", name, members).await
    }

    async fn group_of_type(&self, group_type: &str, name: &str, members: &[&str]) -> String {
        let dn = format!("CN={},{}", ldif::escape(name), self.dn);
        let mut text = ldif::line("dn", &dn) + "objectClass: group\n";
        text += &ldif::line("groupType", group_type);
        text += &ldif::line("sAMAccountName", format!("{name} {}", next()));
        text.extend(members.iter().map(|member| ldif::line("member", member)));
        self.ldif(&text).await;
        dn
    }
}

/// For names that must be unique in the whole domain.
fn next() -> usize {
    static COUNTER: AtomicUsize = AtomicUsize::new(0);
    COUNTER.fetch_add(1, Ordering::Relaxed)
}

/// A sAMAccountName that nobody else has: "anna.schmidt-12".
fn login(name: &str) -> String {
    let number = next().to_string();
    let ascii: String = name
        .chars()
        .filter(|character| character.is_ascii_alphanumeric() || *character == ' ')
        .collect();
    let dotted = ascii.split_whitespace().collect::<Vec<_>>().join(".").to_lowercase();
    let shortened: String = dotted.chars().take(20 - 1 - number.len()).collect();
    match shortened.trim_end_matches('.') {
        "" => format!("person-{number}"),
        shortened => format!("{shortened}-{number}"),
    }
}
