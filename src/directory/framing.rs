//! directory: LDAP messages as bytes (RFC 4511 section 5.1). Bytes in, verdict out; no I/O, and nothing that builds a tree.
//!
//! ldap3 trusts its server: two bytes (`30 00`) panic its driver, nested sequences overflow its stack, and a message may be
//! of any length. What this file lets through, ldap3 can take.

/// The longest message let through. AD's own limit for what it sends is below this (`MaxReceiveBuffer`, 10 MiB, is for requests).
pub(super) const LARGEST_MESSAGE: usize = 16 * 1024 * 1024;
/// An entry with controls is six deep.
const DEEPEST: usize = 32;
/// Enough for a group of 200,000 members in one piece.
const MOST_ELEMENTS: usize = 1 << 18;
/// What a parsed element costs ldap3, however short it was on the wire.
const COST_OF_ELEMENT: usize = 64;
/// The dearest message let through.
pub(super) const LARGEST_COST: usize = LARGEST_MESSAGE + MOST_ELEMENTS * COST_OF_ELEMENT;

const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const ENUMERATED: u8 = 0x0a;
const SEQUENCE: u8 = 0x30;
const CONSTRUCTED: u8 = 0x20;
/// All five bits of the tag number set: the number goes on in the next bytes. LDAP has no such tag, and lber misreads it.
const LONG_TAG: u8 = 0x1f;

const BIND_RESPONSE: u8 = 0x61;
const SEARCH_ENTRY: u8 = 0x64;
const SEARCH_DONE: u8 = 0x65;
const SEARCH_REFERENCE: u8 = 0x73;
const EXTENDED_RESPONSE: u8 = 0x78;

const BIND_REQUEST: u8 = 0x60;
const UNBIND_REQUEST: u8 = 0x42;
const SEARCH_REQUEST: u8 = 0x63;
const ABANDON_REQUEST: u8 = 0x50;

const CONTROLS: u8 = 0xa0;
/// AD puts the name of a Notice of Disconnection outside of the ExtendedResponse, where the controls belong.
const MISPLACED_NAME: u8 = 0x8a;
const REFERRALS: u8 = 0xa3;
const SASL_CREDENTIALS: u8 = 0x87;
const RESPONSE_NAME: u8 = 0x8a;
const RESPONSE_VALUE: u8 = 0x8b;

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

/// What a server says, as far as the guard must know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Reply<'a> {
    pub(super) message_id: i32,
    pub(super) operation: ReplyOperation<'a>,
    /// Roughly the bytes of memory that the message takes in ldap3.
    pub(super) cost: usize,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum ReplyOperation<'a> {
    Bind,
    Entry,
    Reference,
    SearchDone,
    Extended(ResultCode<'a>),
}

/// The code and the diagnostic message of an LDAPResult.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct ResultCode<'a> {
    pub(super) code: u32,
    pub(super) text: &'a str,
}

/// What we say, as far as the guard must know.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Request {
    Bind,
    Search,
    /// Asks the server to forget another message.
    Abandon,
    Unbind,
    /// Whatever adsync has no use for.
    Other,
}

/// How long the message at the start of the buffer is; `None`: not to be told yet.
pub(super) fn message_length(buffer: &[u8]) -> Result<Option<usize>, Malformed> {
    match buffer {
        [] => return Ok(None),
        [SEQUENCE, ..] => {}
        // A TLS alert or handshake record: content type, then major version 3 (RFC 8446 section 5.1).
        [0x15 | 0x16, 0x03, ..] => return Err(Malformed::TlsRecord),
        [0x15 | 0x16] => return Ok(None),
        [first, ..] => return Err(Malformed::NotLdap(*first)),
    }
    Ok(header(buffer)?.map(|header| header.length + header.content))
}

/// Checks one whole message of a server, to the point where ldap3 can take it.
pub(super) fn check_reply(message: &[u8]) -> Result<Reply<'_>, Malformed> {
    let Envelope {
        message_id,
        operation,
        mut rest,
        elements,
    } = open_envelope(message)?;
    let cost = message.len() + elements * COST_OF_ELEMENT;
    let reply = Reply {
        message_id,
        operation: check_operation(&operation)?,
        cost,
    };
    if rest.is_empty() {
        return Ok(reply);
    }
    let last = element(&mut rest, "the controls")?;
    match last.tag {
        CONTROLS => check_controls(last.content)?,
        MISPLACED_NAME if operation.tag == EXTENDED_RESPONSE => {}
        _ => return Err(Malformed::Unexpected("the controls")),
    }
    if rest.is_empty() {
        Ok(reply)
    } else {
        Err(Malformed::Unexpected("the end of the message"))
    }
}

/// Reads the message id and the kind of one of our own requests.
pub(super) fn read_request(message: &[u8]) -> Result<(i32, Request), Malformed> {
    let Envelope {
        message_id, operation, ..
    } = open_envelope(message)?;
    let request = match operation.tag {
        BIND_REQUEST => Request::Bind,
        SEARCH_REQUEST => Request::Search,
        ABANDON_REQUEST => Request::Abandon,
        UNBIND_REQUEST => Request::Unbind,
        _ => Request::Other,
    };
    Ok((message_id, request))
}

/// Reads the cookie out of the value of a paged results control (RFC 2696 section 2).
pub(super) fn paging_cookie(value: &[u8]) -> Result<&[u8], Malformed> {
    let mut rest = value;
    let sequence = expect(&mut rest, SEQUENCE, "the paging control")?;
    let mut rest = sequence.content;
    expect(&mut rest, INTEGER, "the paging control's size")?;
    Ok(expect(&mut rest, OCTET_STRING, "the paging cookie")?.content)
}

/// The parts of a message. Everything inside is well nested.
struct Envelope<'a> {
    message_id: i32,
    operation: Element<'a>,
    /// What comes after the operation.
    rest: &'a [u8],
    elements: usize,
}

fn open_envelope(message: &[u8]) -> Result<Envelope<'_>, Malformed> {
    let mut rest = message;
    let envelope = expect(&mut rest, SEQUENCE, "a message")?;
    let elements = count_elements(envelope.content)?;
    let mut rest = envelope.content;
    let message_id = unsigned(expect(&mut rest, INTEGER, "the message id")?.content, "the message id")?;
    let message_id = i32::try_from(message_id).map_err(|_| Malformed::Unexpected("the message id"))?;
    let operation = element(&mut rest, "the operation")?;
    Ok(Envelope {
        message_id,
        operation,
        rest,
        elements,
    })
}

/// Follows every length to its end without recursion: each element lies within the one that contains it.
fn count_elements(content: &[u8]) -> Result<usize, Malformed> {
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

fn check_operation<'a>(operation: &Element<'a>) -> Result<ReplyOperation<'a>, Malformed> {
    match operation.tag {
        SEARCH_ENTRY => Ok(ReplyOperation::Entry),
        SEARCH_REFERENCE => Ok(ReplyOperation::Reference),
        SEARCH_DONE => check_result(operation.content).map(|_| ReplyOperation::SearchDone),
        BIND_RESPONSE => check_result(operation.content).map(|_| ReplyOperation::Bind),
        EXTENDED_RESPONSE => check_result(operation.content).map(ReplyOperation::Extended),
        other => Err(Malformed::UnknownOperation(other)),
    }
}

/// LDAPResult (RFC 4511 section 4.1.9), with what a bind or an extended response adds.
fn check_result(content: &[u8]) -> Result<ResultCode<'_>, Malformed> {
    let mut rest = content;
    let code = unsigned(
        expect(&mut rest, ENUMERATED, "the result code")?.content,
        "the result code",
    )?;
    text(
        expect(&mut rest, OCTET_STRING, "the matched DN")?.content,
        "the matched DN",
    )?;
    let text_of_server = text(
        expect(&mut rest, OCTET_STRING, "the message text")?.content,
        "the message text",
    )?;
    while !rest.is_empty() {
        let addition = element(&mut rest, "a result")?;
        match addition.tag {
            REFERRALS => check_referrals(addition.content)?,
            RESPONSE_NAME => drop(text(addition.content, "the response name")?),
            SASL_CREDENTIALS | RESPONSE_VALUE => {}
            _ => return Err(Malformed::Unexpected("a result")),
        }
    }
    Ok(ResultCode {
        code,
        text: text_of_server,
    })
}

fn check_referrals(content: &[u8]) -> Result<(), Malformed> {
    let mut rest = content;
    while !rest.is_empty() {
        text(expect(&mut rest, OCTET_STRING, "a referral")?.content, "a referral")?;
    }
    Ok(())
}

/// Controls (RFC 4511 section 4.1.11): a name, perhaps a criticality, perhaps a value.
fn check_controls(content: &[u8]) -> Result<(), Malformed> {
    let mut rest = content;
    while !rest.is_empty() {
        let mut control = expect(&mut rest, SEQUENCE, "a control")?.content;
        text(
            expect(&mut control, OCTET_STRING, "a control's name")?.content,
            "a control's name",
        )?;
        if control.first() == Some(&BOOLEAN) && element(&mut control, "a control's criticality")?.content.len() != 1 {
            return Err(Malformed::Unexpected("a control's criticality"));
        }
        if !control.is_empty() {
            expect(&mut control, OCTET_STRING, "a control's value")?;
        }
        if !control.is_empty() {
            return Err(Malformed::Unexpected("the end of a control"));
        }
    }
    Ok(())
}

/// One tag, length and value.
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
}

struct Header {
    tag: u8,
    /// Bytes of the header itself.
    length: usize,
    /// Bytes of the value.
    content: usize,
}

/// Takes the next element off the input.
fn element<'a>(input: &mut &'a [u8], what: &'static str) -> Result<Element<'a>, Malformed> {
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

fn expect<'a>(input: &mut &'a [u8], tag: u8, what: &'static str) -> Result<Element<'a>, Malformed> {
    let element = element(input, what)?;
    if element.tag == tag {
        Ok(element)
    } else {
        Err(Malformed::Unexpected(what))
    }
}

/// Reads tag and length; `None`: the input ends before they do.
fn header(input: &[u8]) -> Result<Option<Header>, Malformed> {
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
fn unsigned(content: &[u8], what: &'static str) -> Result<u32, Malformed> {
    match content {
        [first, ..] if content.len() <= 4 && *first < 0x80 => {
            Ok(content.iter().fold(0, |sum, &byte| sum << 8 | u32::from(byte)))
        }
        _ => Err(Malformed::Unexpected(what)),
    }
}

fn text<'a>(content: &'a [u8], what: &'static str) -> Result<&'a str, Malformed> {
    std::str::from_utf8(content).map_err(|_| Malformed::NotUtf8(what))
}
