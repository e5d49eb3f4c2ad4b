//! Distinguished names (RFC 4514), as Active Directory understands them. Pure.
//!
//! Where the two differ, Active Directory's way is taken: an RDN has one value (MS-ADTS 3.1.1.1.4), spaces around the parts
//! are nobody's, and names are compared without case. Names of deleted and of conflicting entries (`\0ADEL:…`,
//! `\0ACNF:…`) are names like any other.

use std::{borrow::Cow, cmp::Ordering, fmt, hash};

use super::{AttributeName, text};

/// A distinguished name. Equality, order and hash are those of [`Dn::key`].
#[derive(Clone)]
pub struct Dn {
    text: Box<str>,
    key: Box<str>,
    name: Box<str>,
    parent_start: Option<usize>,
}

/// Text that is no distinguished name.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{problem} (position {position})")]
pub struct DnError {
    /// Where, as a byte offset into the text.
    pub position: usize,
    /// What is wrong there.
    pub problem: DnProblem,
}

/// What is wrong with a distinguished name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DnProblem {
    /// A part without a type, an `=` or a value.
    #[error("expected a part such as CN=name")]
    ExpectPart,
    /// The type is no attribute's name.
    #[error("expected the name of an attribute before `=`, such as CN, OU or DC")]
    ExpectType,
    /// A part with nothing after the `=`.
    #[error("expected a value after `=`")]
    ExpectValue,
    /// A character that stands for itself only behind a backslash.
    #[error("write `\\{0}` where `{0}` is part of a name")]
    EscapeCharacter(char),
    /// A backslash before something that needs none.
    #[error("expected one of ` \"#+,;<=>\\` or two hexadecimal digits after the backslash")]
    EndEscape,
    /// A value in hexadecimal BER.
    #[error("a value that begins with `#` is not supported; write `\\#` where it is part of a name")]
    WriteAsText,
    /// Escaped bytes that are no text.
    #[error("the escaped bytes are not UTF-8")]
    DecodeText,
}

impl Dn {
    /// A distinguished name of at least one part.
    pub fn parse(text: &str) -> Result<Self, DnError> {
        let mut parser = Parser { text, position: 0 };
        let mut key = String::with_capacity(text.len());
        let (kind, name) = parser.part()?;
        push_key(&mut key, kind, &name);
        let mut parent_start = None;
        while parser.skip(',') {
            parser.skip_spaces();
            parent_start.get_or_insert(parser.position);
            let (kind, value) = parser.part()?;
            key.push(',');
            push_key(&mut key, kind, &value);
        }
        Ok(Self {
            text: text.into(),
            key: key.into(),
            name: name.into(),
            parent_start,
        })
    }

    /// The name as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The form in which names are compared: folded values, no optional spaces, one way of escaping. It is only ever
    /// compared, never shown or sent.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Value of the first part, without escapes: the entry's own name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether this is `ancestor` or lies anywhere below it.
    pub fn is_at_or_below(&self, ancestor: &Self) -> bool {
        // A comma inside a value is escaped in hexadecimal in keys, so any comma stands between two parts.
        self.key
            .strip_suffix(ancestor.key())
            .is_some_and(|rest| rest.is_empty() || rest.ends_with(','))
    }

    /// The entry that this one lies in, as it was written.
    pub fn parent_str(&self) -> Option<&str> {
        self.text.get(self.parent_start?..)
    }

    /// The entry that this one lies in.
    pub fn parent(&self) -> Option<Self> {
        Self::parse(self.parent_str()?).ok()
    }

    /// Bytes of the heap that it holds.
    pub(super) fn heap_size(&self) -> usize {
        self.text.len() + self.key.len() + self.name.len()
    }

    /// A text as a value in a distinguished name.
    pub fn escape_value(value: &str) -> String {
        let mut escaped = String::with_capacity(value.len());
        for (position, character) in value.char_indices() {
            let at_start = position == 0;
            let at_end = position + character.len_utf8() == value.len();
            match character {
                ',' | '\\' | '+' | '"' | '<' | '>' | ';' | '=' => escaped.extend(['\\', character]),
                ' ' if at_start || at_end => escaped.push_str("\\ "),
                '#' if at_start => escaped.push_str("\\#"),
                _ if character.is_control() => text::push_hexadecimal(&mut escaped, character),
                _ => escaped.push(character),
            }
        }
        escaped
    }
}

fn push_key(key: &mut String, kind: &str, value: &str) {
    key.extend(kind.chars().map(|letter| letter.to_ascii_lowercase()));
    key.push('=');
    for character in text::fold(value).chars() {
        match character {
            ',' | '\\' => text::push_hexadecimal(key, character),
            _ => key.push(character),
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Parser<'a> {
    fn part(&mut self) -> Result<(&'a str, Cow<'a, str>), DnError> {
        self.skip_spaces();
        let start = self.position;
        let rest = self.rest();
        let Some(length) = rest.find(['=', ',']).filter(|end| rest[*end..].starts_with('=')) else {
            return Err(DnError {
                position: start,
                problem: DnProblem::ExpectPart,
            });
        };
        let kind = rest[..length].trim_end_matches(' ');
        if !AttributeName::is_name(kind) {
            return Err(DnError {
                position: start,
                problem: DnProblem::ExpectType,
            });
        }
        self.position += length + 1;
        self.skip_spaces();
        Ok((kind, self.value()?))
    }

    fn value(&mut self) -> Result<Cow<'a, str>, DnError> {
        let rest = self.rest();
        if rest.starts_with('#') {
            return Err(self.error(DnProblem::WriteAsText));
        }
        let end = rest
            .find([',', '\\', '+', '"', '<', '>', ';', '\0'])
            .unwrap_or(rest.len());
        let (plain, behind) = rest.split_at(end);
        let plain = plain.trim_end_matches(' ');
        // Nearly all values have nothing special in them, and a directory has them by the hundred thousand.
        if !plain.is_empty() && (behind.is_empty() || behind.starts_with(',')) {
            self.position += end;
            return Ok(Cow::Borrowed(plain));
        }
        self.value_with_escapes().map(Cow::Owned)
    }

    fn value_with_escapes(&mut self) -> Result<String, DnError> {
        let start = self.position;
        let mut bytes = Vec::new();
        // Unescaped spaces at the end are no part of the value; an escaped one is, and all before it.
        let mut length = 0;
        while let Some(character) = self.peek() {
            match character {
                ',' => break,
                '\\' => {
                    bytes.push(self.escaped()?);
                    length = bytes.len();
                    continue;
                }
                '+' | '"' | '<' | '>' | ';' | '\0' => return Err(self.error(DnProblem::EscapeCharacter(character))),
                ' ' => bytes.push(b' '),
                _ => {
                    bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                    length = bytes.len();
                }
            }
            self.position += character.len_utf8();
        }
        bytes.truncate(length);
        if bytes.is_empty() {
            return Err(DnError {
                position: start,
                problem: DnProblem::ExpectValue,
            });
        }
        String::from_utf8(bytes).map_err(|_| DnError {
            position: start,
            problem: DnProblem::DecodeText,
        })
    }

    /// One escaped byte; a character beyond ASCII is escaped as several.
    fn escaped(&mut self) -> Result<u8, DnError> {
        let error = self.error(DnProblem::EndEscape);
        let mut following = self.rest().bytes().skip(1);
        let (first, second) = (following.next(), following.next());
        if let Some(first @ (b' ' | b'"' | b'#' | b'+' | b',' | b';' | b'<' | b'=' | b'>' | b'\\')) = first {
            self.position += 2;
            return Ok(first);
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(first), digit(second)) else {
            return Err(error);
        };
        self.position += 3;
        u8::try_from(high * 16 + low).map_err(|_| error)
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.position..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip(&mut self, character: char) -> bool {
        let found = self.peek() == Some(character);
        if found {
            self.position += character.len_utf8();
        }
        found
    }

    fn skip_spaces(&mut self) {
        while self.skip(' ') {}
    }

    fn error(&self, problem: DnProblem) -> DnError {
        DnError {
            position: self.position,
            problem,
        }
    }
}

impl PartialEq for Dn {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Dn {}

impl PartialOrd for Dn {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Dn {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

impl hash::Hash for Dn {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl fmt::Display for Dn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl fmt::Debug for Dn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, formatter)
    }
}

impl std::str::FromStr for Dn {
    type Err = DnError;

    fn from_str(text: &str) -> Result<Self, DnError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dn(text: &str) -> Dn {
        Dn::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
    }

    #[test]
    fn names_that_mean_one_entry_are_equal() {
        for (left, right) in [
            (
                "CN=Jane,OU=Staff,DC=example,DC=com",
                "cn=JANE,ou=staff,dc=EXAMPLE,dc=Com",
            ),
            ("CN=Jane,OU=Staff", "  CN = Jane , OU =Staff  "),
            ("CN=M\u{fc}ller", "CN=Mu\u{308}ller"),
            ("CN=M\u{fc}ller", r"CN=M\C3\BCLLER"),
            (r"CN=Doe\, Jane", r"CN=Doe\2C Jane"),
            (r"CN=a\=b", "CN=a=b"),
            (r"CN=a\=b", r"CN=a\3Db"),
            (r"CN=\#1", r"CN=\231"),
            (r"CN=a\\b", r"CN=a\5cb"),
            (r"CN=Jane\ ", "CN=Jane"),
        ] {
            assert_eq!(dn(left), dn(right), "{left} and {right}");
        }
        for (left, right) in [
            ("CN=Jane,DC=com", "OU=Jane,DC=com"),
            (r"CN=Jane\,DC=com", "CN=Jane,DC=com"),
            ("CN=Müller", "CN=Muller"),
            ("CN=Jane  Doe", "CN=Jane Doe"),
            (r"CN=a\2Cb", r"CN=a\\2Cb"),
        ] {
            assert_ne!(dn(left), dn(right), "{left} and {right}");
        }
    }

    #[test]
    fn the_own_name_is_unescaped() {
        for (text, name) in [
            (r"CN=Doe\, Jane (HR\29,OU=Staff", "Doe, Jane (HR)"),
            (r"CN=Smith \2B Sons \3D \22x\22", "Smith + Sons = \"x\""),
            (r"CN=\ lead\ ,DC=com", " lead "),
            (r"CN=\#1 =", "#1 ="),
            (r"CN=\D0\9F\D1\91тр", "Пётр"),
            (
                r"CN=Jane\0ACNF:2d8e1d0e-7a4c-4b6e-9a55-0d2f6a3cf001,CN=Users",
                "Jane\nCNF:2d8e1d0e-7a4c-4b6e-9a55-0d2f6a3cf001",
            ),
            (
                r"CN=Jane\0ADEL:2d8e1d0e-7a4c-4b6e-9a55-0d2f6a3cf001,CN=Deleted Objects",
                "Jane\nDEL:2d8e1d0e-7a4c-4b6e-9a55-0d2f6a3cf001",
            ),
        ] {
            assert_eq!(dn(text).name(), name, "{text}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused_with_its_position() {
        use DnProblem::*;
        for (text, position, problem) in [
            ("", 0, ExpectPart),
            ("Jane", 0, ExpectPart),
            ("CN=Jane,", 8, ExpectPart),
            ("CN=Jane,,DC=com", 8, ExpectPart),
            ("CN=Jane, Doe,DC=com", 9, ExpectPart),
            ("=Jane", 0, ExpectType),
            ("2.5.4.3=Jane", 0, ExpectType),
            ("DC=com,C N=Jane", 7, ExpectType),
            ("CN=,DC=com", 3, ExpectValue),
            ("CN= ,DC=com", 4, ExpectValue),
            ("CN=a+SN=b", 4, EscapeCharacter('+')),
            ("CN=\"Doe, Jane\"", 3, EscapeCharacter('"')),
            ("CN=a;DC=com", 4, EscapeCharacter(';')),
            ("CN=ü<b>", 5, EscapeCharacter('<')),
            (r"CN=a\", 4, EndEscape),
            (r"CN=a\x", 4, EndEscape),
            (r"CN=a\4", 4, EndEscape),
            (r"CN=a\4ü", 4, EndEscape),
            ("CN=#04024869", 3, WriteAsText),
            (r"OU=x,CN=\C3", 8, DecodeText),
            (r"CN=\FF\FE", 3, DecodeText),
        ] {
            assert_eq!(Dn::parse(text).unwrap_err(), DnError { position, problem }, "{text}");
        }
        let error = Dn::parse("CN=a+SN=b").unwrap_err();
        assert_eq!(
            error.to_string(),
            r"write `\+` where `+` is part of a name (position 4)"
        );
    }

    #[test]
    fn a_name_lies_below_another_by_whole_parts() {
        let staff = dn("OU=Staff,DC=example,DC=com");
        for text in [
            "ou=STAFF, dc=example, dc=com",
            "CN=Jane,OU=Staff,DC=example,DC=com",
            "CN=a,OU=b,OU=Staff,DC=example,DC=com",
        ] {
            assert!(dn(text).is_at_or_below(&staff), "{text}");
        }
        for text in [
            "DC=example,DC=com",
            "CN=Jane,OU=NoStaff,DC=example,DC=com",
            r"CN=x\,OU=Staff,DC=example,DC=com",
            "OU=Staff,DC=example,DC=com,DC=x",
        ] {
            assert!(!dn(text).is_at_or_below(&staff), "{text}");
        }
    }

    #[test]
    fn the_parent_is_what_follows_the_first_part() {
        let name = dn(r"CN=Doe\, Jane, OU=Staff,DC=com");
        assert_eq!(name.parent_str(), Some("OU=Staff,DC=com"));
        assert_eq!(name.parent().unwrap().parent().unwrap().as_str(), "DC=com");
        assert_eq!(dn("DC=com").parent(), None);
    }

    proptest! {
        #[test]
        fn escaping_and_parsing_gives_back_the_value(value in ".{1,20}|[ ,=+<>#;\\\\\"\\x00-\\x1fäé\u{308}]{1,8}") {
            let text = format!("CN={},DC=com", Dn::escape_value(&value));
            let parsed = dn(&text);
            prop_assert_eq!(parsed.name(), value.as_str());
            prop_assert_eq!(parsed.parent_str(), Some("DC=com"));
            prop_assert!(parsed.is_at_or_below(&dn("dc=COM")));
        }

        #[test]
        fn no_text_makes_it_panic_and_positions_are_inside(text in "([CcOoUuNn]{2}|=|,|\\\\|[0-9a-f]{2}|ü|\"|\\+| |#|.){0,12}") {
            match Dn::parse(&text) {
                Ok(name) => {
                    prop_assert_eq!(&dn(name.as_str()), &name);
                    prop_assert!(name.is_at_or_below(&name));
                    if let Some(parent) = name.parent() {
                        prop_assert!(name.is_at_or_below(&parent));
                        prop_assert!(!parent.is_at_or_below(&name));
                    }
                }
                Err(error) => prop_assert!(text.is_char_boundary(error.position)),
            }
        }
    }
}
