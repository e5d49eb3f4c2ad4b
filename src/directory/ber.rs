//! directory: BER as LDAP has it (RFC 4511 section 5.1): tag, definite length, value. Bytes in, parts of them out; no I/O.

/// The longest message let through; one has one entry. A group of 200,000 members in one piece is about so long.
pub(super) const LARGEST_MESSAGE: usize = 16 * 1024 * 1024;
/// An entry with controls is six deep.
pub(super) const DEEPEST: usize = 32;
/// The same group has not quite as many elements.
pub(super) const MOST_ELEMENTS: usize = 1 << 18;

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const ENUMERATED: u8 = 0x0a;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const CONSTRUCTED: u8 = 0x20;
/// All five bits of the tag number set: the number goes on in the next bytes. LDAP has no such tag, and lber misreads it.
pub(super) const LONG_TAG: u8 = 0x1f;

/// Why bytes from a server are no LDAP message that we take.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Malformed {
    #[error("it answers with TLS where plain LDAP was expected")]
    TlsRecord,
    #[error("it answers with something that is not LDAP (first byte {0:#04x})")]
    NotLdap(u8),
    #[error("a message is longer than 16 MiB")]
    TooLong,
    #[error("a message is nested more than 32 deep")]
    TooDeep,
    #[error("a message has more than 262,144 elements")]
    TooManyElements,
    #[error("a length is indefinite, which LDAP forbids")]
    IndefiniteLength,
    #[error("a tag number is longer than any in LDAP")]
    LongTag,
    #[error("an element is longer than what contains it")]
    Overrun,
    #[error("a message lacks {0}")]
    Lacks(&'static str),
    #[error("a message has something unexpected in place of {0}")]
    Unexpected(&'static str),
    #[error("{0} is not UTF-8")]
    NotUtf8(&'static str),
    #[error("it sent an operation that no client asks for (tag {0:#04x})")]
    UnknownOperation(u8),
}

/// Follows every length to its end without recursion: each element lies within the one that contains it.
pub(super) fn count_elements(content: &[u8]) -> Result<usize, Malformed> {
    let mut open = vec![content];
    let mut elements = 0;
    while let Some(rest) = open.last_mut() {
        if rest.is_empty() {
            open.pop();
            continue;
        }
        let inner = element(rest, "an element")?;
        elements += 1;
        if elements > MOST_ELEMENTS {
            return Err(Malformed::TooManyElements);
        }
        if inner.tag & CONSTRUCTED != 0 {
            if open.len() == DEEPEST {
                return Err(Malformed::TooDeep);
            }
            open.push(inner.content);
        }
    }
    Ok(elements)
}

/// One tag, length and value.
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
}

pub(super) struct Header {
    pub(super) tag: u8,
    /// Bytes of the header itself.
    pub(super) length: usize,
    /// Bytes of the value.
    pub(super) content: usize,
}

/// Takes the next element off the input.
pub(super) fn element<'a>(input: &mut &'a [u8], what: &'static str) -> Result<Element<'a>, Malformed> {
    if input.is_empty() {
        return Err(Malformed::Lacks(what));
    }
    let header = header(input)?.ok_or(Malformed::Overrun)?;
    let (_, value) = input.split_at_checked(header.length).ok_or(Malformed::Overrun)?;
    let (content, rest) = value.split_at_checked(header.content).ok_or(Malformed::Overrun)?;
    *input = rest;
    Ok(Element {
        tag: header.tag,
        content,
    })
}

pub(super) fn expect<'a>(input: &mut &'a [u8], tag: u8, what: &'static str) -> Result<Element<'a>, Malformed> {
    let element = element(input, what)?;
    if element.tag == tag {
        Ok(element)
    } else {
        Err(Malformed::Unexpected(what))
    }
}

/// Reads tag and length; `None`: the input ends before they do.
pub(super) fn header(input: &[u8]) -> Result<Option<Header>, Malformed> {
    let Some((&tag, rest)) = input.split_first() else {
        return Ok(None);
    };
    if tag & LONG_TAG == LONG_TAG {
        return Err(Malformed::LongTag);
    }
    let Some((&first, rest)) = rest.split_first() else {
        return Ok(None);
    };
    let (length, content) = match first {
        0x00..0x80 => (2, usize::from(first)),
        0x80 => return Err(Malformed::IndefiniteLength),
        // Four bytes of length reach far beyond the limit; AD always sends four.
        0x81..=0x84 => {
            let bytes = usize::from(first & 0x7f);
            let Some(length) = rest.get(..bytes) else {
                return Ok(None);
            };
            (
                2 + bytes,
                length.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte)),
            )
        }
        _ => return Err(Malformed::TooLong),
    };
    if content > LARGEST_MESSAGE {
        return Err(Malformed::TooLong);
    }
    Ok(Some(Header { tag, length, content }))
}

/// A whole number that is not negative and fits 31 bits: message ids and result codes.
pub(super) fn unsigned(content: &[u8], what: &'static str) -> Result<u32, Malformed> {
    match content {
        [first, ..] if content.len() <= 4 && *first < 0x80 => {
            Ok(content.iter().fold(0, |sum, &byte| sum << 8 | u32::from(byte)))
        }
        _ => Err(Malformed::Unexpected(what)),
    }
}

pub(super) fn text<'a>(content: &'a [u8], what: &'static str) -> Result<&'a str, Malformed> {
    std::str::from_utf8(content).map_err(|_| Malformed::NotUtf8(what))
}
