//! What several kinds have in common in their schemas: patterns, and rules that the API server checks (CEL).
//!
//! A message says what to write instead. Patterns cost nothing and are seen by tools that don't know CEL, but the API server
//! says no more than that they don't match: whoever writes a number or a duration gets both.

use kube::core::Rule;

/// A number: ASCII digits.
pub(super) const NUMBER: &str = "^[0-9]{1,15}$";
/// An objectGUID in its text form.
pub(super) const OBJECT_GUID: &str = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";
/// The name of an object (RFC 1123 subdomain).
pub(super) const OBJECT_NAME: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
/// The name of an entry of a list (RFC 1123 label).
pub(super) const ENTRY_NAME: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
/// A duration as Kubernetes writes it (GEP-2257).
pub(crate) const DURATION: &str = "^([0-9]{1,5}(h|m|s|ms)){1,4}$";
/// What a duration's pattern leaves room for.
pub(super) const DURATION_LENGTH: usize = 28;
/// A key of a ConfigMap or Secret.
pub(super) const DATA_KEY: &str = "^[-._a-zA-Z0-9]+$";

/// What a pattern asks for.
pub(crate) struct Form {
    /// In one word.
    pub(crate) word: &'static str,
    /// In words, length included.
    pub(crate) words: &'static str,
}

/// The patterns, in words.
const FORMS: [(&str, Form); 5] = [
    (NUMBER, form("digits", "1 to 15 digits, in quotes, such as `\"2001\"`")),
    (OBJECT_GUID, form("objectGUID", "an objectGUID in lower-case text form")),
    (
        OBJECT_NAME,
        form(
            "name",
            "lower-case letters, digits, `-` and `.`, at most 253 characters",
        ),
    ),
    (
        DURATION,
        form(
            "duration",
            "a duration in hours, minutes and seconds, such as `30m` or `1h30m`",
        ),
    ),
    (
        DATA_KEY,
        form("key", "letters, digits, `-`, `_` and `.`, at most 253 characters"),
    ),
];

const fn form(word: &'static str, words: &'static str) -> Form {
    Form { word, words }
}

/// What a pattern asks for.
pub(crate) fn form_of(pattern: &str) -> Option<&'static Form> {
    let known = FORMS.iter().find(|(known, _)| *known == pattern);
    known.map(|(_, form)| form)
}

/// As long as an annotation can be: what echoes one must never be refused.
pub(super) const ANNOTATION_LENGTH: usize = 262_144;

/// A field that stays as it was when the object was made.
pub(super) fn immutable() -> Rule {
    Rule::new("self == oldSelf").message("this cannot be changed: delete the object and make a new one")
}

/// Other objects are named after this one, and names and labels have limits.
pub(super) fn short_name() -> Rule {
    Rule::new("size(self.metadata.name) <= 40 && !self.metadata.name.contains('.')")
        .message("choose a name of at most 40 characters without dots: other objects are named after this one")
}

/// The name of an entry of a list.
pub(super) fn entry_name() -> Rule {
    Rule::new(format!("self.matches('{ENTRY_NAME}')"))
        .message("write a name of lower-case letters, digits and '-', such as sales-team")
}

/// No two entries of a list have the same name.
pub(super) fn unique_names() -> Rule {
    Rule::new("self.all(entry, self.exists_one(other, other.name == entry.name))")
        .message("two entries have the same name: rename one")
}

/// A number.
pub(super) fn number() -> Rule {
    Rule::new(format!("self.matches('{NUMBER}')")).message("write 1 to 15 digits in quotes, such as \"2001\"")
}

/// A list of numbers.
pub(super) fn numbers() -> Rule {
    Rule::new(format!("self.all(number, number.matches('{NUMBER}'))"))
        .message("write numbers of 1 to 15 digits in quotes, such as [\"2001\", \"2002\"]")
}

/// A range has two ends of one length. Numbers are text, and text of one length compares like numbers do.
pub(super) fn range_length() -> Rule {
    Rule::new("size(self.from) == size(self.to)")
        .message("from and to need equally many digits, such as 0100 and 0999: write one range for each length")
}

/// A range goes upwards.
pub(super) fn range_order() -> Rule {
    Rule::new("size(self.from) != size(self.to) || self.from <= self.to")
        .message("from must not be above to: write the smaller number first")
}

/// The DNS name of a domain. Windows takes letters of any script, and underscores.
pub(super) fn domain() -> Rule {
    let label = r"[\\pL\\pN_]([\\pL\\pN_-]*[\\pL\\pN_])?";
    Rule::new(format!(r"self.matches('^{label}(\\.{label})*$')"))
        .message("write the DNS name of the domain, such as example.com")
}

/// A server, without scheme and port.
pub(super) fn host() -> Rule {
    Rule::new(r"isIP(self) || self.matches('^[\\pL\\pN_]([\\pL\\pN_.-]*[\\pL\\pN_])?$')")
        .message("write the host name or IP address alone, such as dc1.example.com; the port goes into port")
}

/// A distinguished name. All of RFC 4514 would break CEL's budget where names stand in long lists; the operator checks the
/// rest. Every name in AD ends with the domain's components.
pub(super) fn distinguished_name() -> Rule {
    Rule::new("self.matches('(?i)^([a-z][a-z0-9-]* *=.+, *)?dc *=[^,]+$')")
        .message("write the whole distinguished name, such as OU=Staff,DC=example,DC=com")
}

/// An LDAP filter, as far as can be told here: every condition compares. The operator parses it, and says where it is wrong.
pub(super) fn filter() -> Rule {
    Rule::new("self.contains('=')").message("write an LDAP filter, such as (employeeType=staff)")
}

/// The name of an attribute (`descr` of RFC 4512 section 1.4). Active Directory never answers with OIDs or options.
pub(super) fn attribute_name() -> Rule {
    Rule::new("self.matches('^[a-zA-Z][a-zA-Z0-9-]*$')")
        .message("write the LDAP name of an attribute, such as telephoneNumber")
}

/// A duration that may be years.
pub(super) fn long_duration() -> Rule {
    Rule::new(format!(
        "self.matches('{DURATION}') && duration(self) >= duration('1h') && duration(self) <= duration('87600h')"
    ))
    .message("write a duration from 1h to 87600h in hours, minutes and seconds, such as 720h for thirty days")
}

/// How long a number rests.
pub(super) fn rest() -> Rule {
    Rule::new(format!(
        "self.matches('{DURATION}') && duration(self) >= duration('0s') && duration(self) <= duration('87600h')"
    ))
    .message("write a duration from 0s to 87600h in hours, minutes and seconds, such as 720h for thirty days")
}

/// How often something is done.
pub(super) fn interval() -> Rule {
    Rule::new(format!(
        "self.matches('{DURATION}') && duration(self) >= duration('10s') && duration(self) <= duration('168h')"
    ))
    .message("write a duration from 10s to 168h in hours, minutes and seconds, such as 30m or 1h30m (24h for a day)")
}
