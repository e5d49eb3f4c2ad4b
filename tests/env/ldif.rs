//! LDIF (RFC 2849), as much of it as the LDAP tools need to be talked to.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

/// What `ldapsearch` said about one entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    pub dn: String,
    values: BTreeMap<String, Vec<Vec<u8>>>,
}

impl Entry {
    /// An attribute's values that are text; its name in any case.
    pub fn values(&self, attribute: &str) -> Vec<&str> {
        self.bytes(attribute)
            .iter()
            .filter_map(|value| std::str::from_utf8(value).ok())
            .collect()
    }

    /// The first value.
    pub fn value(&self, attribute: &str) -> Option<&str> {
        self.values(attribute).first().copied()
    }

    pub fn bytes(&self, attribute: &str) -> &[Vec<u8>] {
        self.values.get(&attribute.to_lowercase()).map_or(&[], Vec::as_slice)
    }
}

/// One line; in base64, which is always allowed, unless the value is evidently harmless.
pub fn line(attribute: &str, value: impl AsRef<[u8]>) -> String {
    let value = value.as_ref();
    let harmless = |byte: &u8| byte.is_ascii_alphanumeric() || b"=,.@-_".contains(byte);
    match std::str::from_utf8(value) {
        Ok(text) if value.iter().all(harmless) => format!("{attribute}: {text}\n"),
        _ => format!("{attribute}:: {}\n", BASE64.encode(value)),
    }
}

/// A value as it stands in a DN (RFC 4514, section 2.4).
pub fn escape(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let mut escaped = String::new();
    for (index, character) in value.chars().enumerate() {
        let at_an_end = index == 0 && " #".contains(character) || index == last && character == ' ';
        if at_an_end || "\"+,;<>\\=".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// The relative DN and the parent's.
pub fn split_dn(dn: &str) -> (&str, &str) {
    let mut escaped = false;
    let comma = dn.find(|character| {
        let separates = character == ',' && !escaped;
        escaped = character == '\\' && !escaped;
        separates
    });
    let comma = comma.expect("the DN has a parent");
    (&dn[..comma], &dn[comma + 1..])
}

/// The entries of `ldapsearch -LLL -o ldif-wrap=no`, without references to other servers.
pub fn parse(text: &str) -> Vec<Entry> {
    text.split("\n\n").filter_map(parse_entry).collect()
}

fn parse_entry(block: &str) -> Option<Entry> {
    let mut entry = Entry::default();
    for line in block.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (attribute, rest) = line.split_once(':').expect("a line of LDIF has a colon");
        let value = match rest.strip_prefix(':') {
            Some(encoded) => BASE64
                .decode(encoded.trim())
                .expect("a value after two colons is base64"),
            None => rest.trim_start().as_bytes().to_vec(),
        };
        if attribute == "dn" {
            entry.dn = String::from_utf8(value).expect("a DN is UTF-8");
        } else {
            entry.values.entry(attribute.to_lowercase()).or_default().push(value);
        }
    }
    (!entry.dn.is_empty()).then_some(entry)
}
