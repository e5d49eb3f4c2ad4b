//! directory: LDAP messages as bytes (RFC 4511 section 5.1). Bytes in, verdict out; no I/O, and nothing that builds a tree.
//!
//! ldap3 trusts its server: two bytes (`30 00`) panic its driver, nested sequences overflow its stack, and a message may be
//! of any length. What this file lets through, ldap3 can take.

use super::ber::{
    BOOLEAN, ENUMERATED, Element, INTEGER, LARGEST_MESSAGE, MOST_ELEMENTS, Malformed, OCTET_STRING, SEQUENCE,
    count_elements, element, expect, header, text, unsigned,
};

/// What a parsed element costs ldap3, however short it was on the wire.
const COST_OF_ELEMENT: usize = 64;
/// The dearest message let through.
pub(super) const LARGEST_COST: usize = LARGEST_MESSAGE + MOST_ELEMENTS * COST_OF_ELEMENT;

const BIND_RESPONSE: u8 = 0x61;
const SEARCH_ENTRY: u8 = 0x64;
const SEARCH_DONE: u8 = 0x65;
const SEARCH_REFERENCE: u8 = 0x73;
const EXTENDED_RESPONSE: u8 = 0x78;

const BIND_REQUEST: u8 = 0x60;
const UNBIND_REQUEST: u8 = 0x42;
const SEARCH_REQUEST: u8 = 0x63;

const CONTROLS: u8 = 0xa0;
/// AD puts the name of a Notice of Disconnection outside of the extended response, where the controls belong.
const MISPLACED_NAME: u8 = 0x8a;
const REFERRALS: u8 = 0xa3;
const SASL_CREDENTIALS: u8 = 0x87;
const RESPONSE_NAME: u8 = 0x8a;
const RESPONSE_VALUE: u8 = 0x8b;

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

/// The code and the diagnostic message of a result.
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
    Unbind,
    /// What adsync has no use for, such as anything that writes.
    Other,
}

/// How long the message at the start of the buffer is; `None`: not to be told yet.
pub(super) fn message_length(buffer: &[u8]) -> Result<Option<usize>, Malformed> {
    match buffer {
        [SEQUENCE, ..] => Ok(header(buffer)?.map(|header| header.length + header.content)),
        [] | [0x15 | 0x16] => Ok(None),
        // A TLS alert or handshake record: content type, then major version 3 (RFC 8446 section 5.1).
        [0x15 | 0x16, 0x03, ..] => Err(Malformed::TlsRecord),
        [first, ..] => Err(Malformed::NotLdap(*first)),
    }
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

/// A result (RFC 4511 section 4.1.9, `LDAPResult`), with what a bind or an extended response adds.
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

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::super::ber::DEEPEST;
    use super::*;

    pub(crate) fn ber(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut element = vec![tag];
        match content.len() {
            length @ 0..0x80 => element.push(u8::try_from(length).unwrap()),
            length => {
                element.push(0x84);
                element.extend_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
            }
        }
        element.extend_from_slice(content);
        element
    }

    fn message(id: u8, parts: &[Vec<u8>]) -> Vec<u8> {
        ber(SEQUENCE, &[ber(INTEGER, &[id]), parts.concat()].concat())
    }

    fn result(tag: u8, additions: &[u8]) -> Vec<u8> {
        let fixed = [
            ber(ENUMERATED, &[0]),
            ber(OCTET_STRING, b"DC=example"),
            ber(OCTET_STRING, "schön".as_bytes()),
        ];
        ber(tag, &[&fixed.concat(), additions].concat())
    }

    fn paging_control(cookie: &[u8]) -> Vec<u8> {
        let value = ber(SEQUENCE, &[ber(INTEGER, &[0]), ber(OCTET_STRING, cookie)].concat());
        let name = ber(OCTET_STRING, b"1.2.840.113556.1.4.319");
        ber(
            CONTROLS,
            &ber(
                SEQUENCE,
                &[name, ber(BOOLEAN, &[0xff]), ber(OCTET_STRING, &value)].concat(),
            ),
        )
    }

    pub(crate) fn entry(id: u8, value: &[u8]) -> Vec<u8> {
        let values = ber(0x31, &[ber(OCTET_STRING, value), ber(OCTET_STRING, b"b")].concat());
        let attribute = ber(SEQUENCE, &[ber(OCTET_STRING, b"mail"), values].concat());
        let entry = [ber(OCTET_STRING, b"CN=a,DC=example"), ber(SEQUENCE, &attribute)].concat();
        message(id, &[ber(SEARCH_ENTRY, &entry)])
    }

    /// One of each that servers send to the request with this id.
    pub(crate) fn real_replies(id: u8) -> Vec<Vec<u8>> {
        let referral = ber(REFERRALS, &ber(OCTET_STRING, b"ldap://other/"));
        let extension = [
            ber(RESPONSE_NAME, b"1.3.6.1.4.1.1466.20037"),
            ber(RESPONSE_VALUE, b"\xff"),
        ]
        .concat();
        vec![
            entry(id, b"\xff\xfe"),
            message(id, &[ber(SEARCH_REFERENCE, &ber(OCTET_STRING, b"ldap://other/"))]),
            message(id, &[result(SEARCH_DONE, &[]), paging_control(b"cookie")]),
            message(id, &[result(SEARCH_DONE, &referral)]),
            message(id, &[result(BIND_RESPONSE, &ber(SASL_CREDENTIALS, b"\xff"))]),
            message(id, &[result(EXTENDED_RESPONSE, &extension)]),
        ]
    }

    /// A real reply after something happened to it.
    pub(crate) fn mutated_reply() -> impl Strategy<Value = Vec<u8>> {
        let mutation = (any::<prop::sample::Index>(), any::<u8>(), 0..5_u8);
        (0..6_usize, prop::collection::vec(mutation, 0..4)).prop_map(|(which, mutations)| {
            let mut bytes = real_replies(1).swap_remove(which);
            for (position, byte, kind) in mutations {
                let position = position.index(bytes.len().max(1));
                match kind {
                    _ if bytes.is_empty() => break,
                    0 => bytes[position] = byte,
                    1 => bytes[position] ^= 1 << (byte % 8),
                    2 => drop(bytes.remove(position)),
                    3 => bytes.insert(position, byte),
                    _ => bytes.truncate(position),
                }
            }
            bytes
        })
    }

    /// As the pump does it: cut at the length, then checked.
    fn judge(bytes: &[u8]) -> Result<Option<ReplyOperation<'_>>, Malformed> {
        match message_length(bytes)? {
            Some(length) if length <= bytes.len() => check_reply(&bytes[..length]).map(|reply| Some(reply.operation)),
            _ => Ok(None),
        }
    }

    #[test]
    fn what_servers_really_send_is_let_through() {
        for reply in real_replies(7) {
            assert_eq!(message_length(&reply), Ok(Some(reply.len())));
            assert_eq!(check_reply(&reply).unwrap().message_id, 7);
            for end in 0..reply.len() {
                assert_eq!(judge(&reply[..end]), Ok(None), "it may still come");
            }
        }
    }

    #[test]
    fn a_farewell_is_understood_also_as_active_directory_words_it() {
        let name = ber(MISPLACED_NAME, b"1.3.6.1.4.1.1466.20036");
        let farewell = message(0, &[result(EXTENDED_RESPONSE, &[]), name.clone()]);
        let expected = ReplyOperation::Extended(ResultCode {
            code: 0, text: "schön"
        });
        assert_eq!(check_reply(&farewell).map(|reply| reply.operation), Ok(expected));
        assert!(check_reply(&message(1, &[result(SEARCH_DONE, &[]), name])).is_err());
    }

    fn assert_refused(cases: impl IntoIterator<Item = (Vec<u8>, Malformed)>) {
        for (bytes, expected) in cases {
            assert_eq!(judge(&bytes), Err(expected), "{:02x?}", &bytes[..bytes.len().min(40)]);
        }
    }

    #[test]
    fn what_is_not_well_framed_is_refused() {
        use Malformed as M;
        let nested = |depth: usize| (0..depth).fold(Vec::new(), |inner, _| ber(SEQUENCE, &inner));
        let raw = |parts: &[&[u8]]| parts.concat();
        assert_refused([
            (b"\x15\x03\x03\x00\x02".to_vec(), M::TlsRecord),
            (b"HTTP/1.1 400 Bad Request\r\n".to_vec(), M::NotLdap(b'H')),
            (b"\x30\x80\x02\x01\x01".to_vec(), M::IndefiniteLength),
            (b"\x30\x84\x7f\xff\xff\xff".to_vec(), M::TooLong),
            (b"\x30\x84\xff\xff\xff\xff".to_vec(), M::TooLong),
            (b"\x30\x88\x00\x00\x00\x00\x00\x00\x00\x02".to_vec(), M::TooLong),
            (nested(20_000), M::TooDeep),
            (message(1, &[nested(DEEPEST)]), M::TooDeep),
            (
                message(1, &[ber(SEARCH_ENTRY, &[0x05, 0x00].repeat(MOST_ELEMENTS))]),
                M::TooManyElements,
            ),
            (message(1, &[raw(&[b"\x7f\x81\x00"])]), M::LongTag),
            (message(1, &[raw(&[&[SEARCH_ENTRY], b"\x05\x04"])]), M::Overrun),
            (message(1, &[raw(&[&[SEARCH_ENTRY], b"\x84\x00"])]), M::Overrun),
        ]);
    }

    #[test]
    fn an_envelope_that_is_none_is_refused() {
        use Malformed as M;
        let with_id = |id: &[u8]| ber(SEQUENCE, &ber(INTEGER, id));
        assert_refused([
            (b"\x30\x00".to_vec(), M::Lacks("the message id")),
            (ber(SEQUENCE, &ber(OCTET_STRING, b"1")), M::Unexpected("the message id")),
            (with_id(&[0x80]), M::Unexpected("the message id")),
            (with_id(&[1; 5]), M::Unexpected("the message id")),
            (with_id(&[]), M::Unexpected("the message id")),
            (message(1, &[]), M::Lacks("the operation")),
            // A request, an entry that is no sequence, and what only other clients ask for.
            (message(1, &[ber(0x63, b"")]), M::UnknownOperation(0x63)),
            (message(1, &[ber(0x44, b"")]), M::UnknownOperation(0x44)),
            (message(1, &[ber(0x79, b"")]), M::UnknownOperation(0x79)),
        ]);
    }

    #[test]
    fn a_result_that_is_none_is_refused() {
        use Malformed as M;
        let (code, text, no_text) = (
            ber(ENUMERATED, &[0]),
            ber(OCTET_STRING, b""),
            ber(OCTET_STRING, b"\xff"),
        );
        let done = |parts: &[&[u8]]| message(1, &[ber(SEARCH_DONE, &parts.concat())]);
        let added = |addition: &[u8]| done(&[&code, &text, &text, addition]);
        assert_refused([
            (done(&[]), M::Lacks("the result code")),
            (done(&[&text]), M::Unexpected("the result code")),
            (done(&[&code]), M::Lacks("the matched DN")),
            (done(&[&code, &no_text]), M::NotUtf8("the matched DN")),
            (done(&[&code, &ber(0x24, b"")]), M::Unexpected("the matched DN")),
            (done(&[&code, &text, &no_text]), M::NotUtf8("the message text")),
            (added(&ber(0x83, b"")), M::Unexpected("a result")),
            (added(&ber(REFERRALS, &no_text)), M::NotUtf8("a referral")),
            (added(&ber(RESPONSE_NAME, b"\xff")), M::NotUtf8("the response name")),
        ]);
    }

    #[test]
    fn controls_that_are_none_are_refused() {
        use Malformed as M;
        let (text, no_text) = (ber(OCTET_STRING, b""), ber(OCTET_STRING, b"\xff"));
        let after = |parts: &[&[u8]]| message(1, &[result(SEARCH_DONE, &[]), parts.concat()]);
        let control = |parts: &[&[u8]]| after(&[&ber(CONTROLS, &ber(SEQUENCE, &parts.concat()))]);
        assert_refused([
            (after(&[&ber(0x80, b"")]), M::Unexpected("the controls")),
            (
                after(&[&ber(CONTROLS, b""), &text]),
                M::Unexpected("the end of the message"),
            ),
            (control(&[]), M::Lacks("a control's name")),
            (control(&[&no_text]), M::NotUtf8("a control's name")),
            (
                control(&[&text, &ber(BOOLEAN, b"")]),
                M::Unexpected("a control's criticality"),
            ),
            (control(&[&text, &ber(0x24, b"")]), M::Unexpected("a control's value")),
            (control(&[&text, &text, &text]), M::Unexpected("the end of a control")),
        ]);
    }

    #[test]
    fn the_largest_message_is_let_through_and_one_byte_more_is_not() {
        let largest = entry(1, &vec![b'x'; LARGEST_MESSAGE - 80]);
        assert!(largest.len() > LARGEST_MESSAGE - 80);
        assert_eq!(message_length(&largest), Ok(Some(largest.len())));
        assert!(check_reply(&largest).is_ok());
        assert_eq!(
            message_length(&entry(1, &vec![b'x'; LARGEST_MESSAGE])),
            Err(Malformed::TooLong)
        );
    }

    #[test]
    fn a_paging_cookie_is_read_and_anything_else_is_not() {
        let value = ber(SEQUENCE, &[ber(INTEGER, &[0]), ber(OCTET_STRING, b"cookie")].concat());
        assert_eq!(paging_cookie(&value), Ok(&b"cookie"[..]));
        for hostile in [&b""[..], b"\x30\x00", b"\x30\x80", b"\x04\x00", b"\x30\x03\x02\x01\x00"] {
            assert!(paging_cookie(hostile).is_err());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_stumble(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _verdict = judge(&bytes);
            let _request = read_request(&bytes);
            let _cookie = paging_cookie(&bytes);
        }

        #[test]
        fn no_mutation_makes_it_stumble(bytes in mutated_reply()) {
            let _verdict = judge(&bytes);
        }
    }
}
