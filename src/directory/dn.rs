//! Distinguished names (RFC 4514), as Active Directory understands them. Pure.
//!
//! Where the two differ, Active Directory's way is taken: an RDN has one value (MS-ADTS 3.1.1.1.4), spaces around the parts
//! are nobody's, and names are compared without case. Names of deleted and of conflicting entries (`\0ADEL:…`,
//! `\0ACNF:…`) are names like any other.

use std::{cmp::Ordering, fmt, hash};

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
    key.push_str(&kind.to_ascii_lowercase());
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
    fn part(&mut self) -> Result<(&'a str, String), DnError> {
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
        if AttributeName::parse(kind).is_err() {
            return Err(DnError {
                position: start,
                problem: DnProblem::ExpectType,
            });
        }
        self.position += length + 1;
        self.skip_spaces();
        Ok((kind, self.value()?))
    }

    fn value(&mut self) -> Result<String, DnError> {
        let start = self.position;
        if self.rest().starts_with('#') {
            return Err(self.error(DnProblem::WriteAsText));
        }
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
