//! A scripted LDAP server: a domain controller that is as odd as a test wants it. Samba cannot be made to cut `member` into
//! ranges, to be busy, or to lie.
//!
//! It speaks BER by hand, both ways, so that it can also say what no library would.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;

pub const NAMING_CONTEXT: &str = "DC=example,DC=com";
pub const INVOCATION_ID: [u8; 16] = *b"the invocationId";
const SERVICE: &str = "CN=NTDS Settings,CN=DC1,CN=Servers,CN=Site,CN=Sites,CN=Configuration,DC=example,DC=com";
const PAGED_RESULTS: &str = "1.2.840.113556.1.4.319";

/// What a client asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    Bind { name: String, password: String },
    Search(Search),
    StartTls,
    Unbind,
    Other(u8),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    pub base: String,
    /// 0: the base itself; 2: everything below.
    pub scope: u8,
    /// The filter's bytes.
    pub filter: Vec<u8>,
    pub attributes: Vec<String>,
    /// From the paging control: size and cookie.
    pub page: Option<(u32, Vec<u8>)>,
    /// The controls' identifiers.
    pub controls: Vec<String>,
}

impl Search {
    pub fn is_root(&self) -> bool {
        self.base.is_empty()
    }

    pub fn asks_for(&self, attribute: &str) -> bool {
        self.attributes
            .iter()
            .any(|asked| asked.eq_ignore_ascii_case(attribute))
    }

    /// Whether the filter speaks of this value: `person` in that for users, `group`, `organizationalUnit`.
    pub fn mentions(&self, value: &str) -> bool {
        self.filter
            .windows(value.len())
            .any(|window| window == value.as_bytes())
    }
}

/// What the server does then.
#[derive(Clone, Debug)]
pub enum Say {
    Entry(String, Vec<(String, Vec<Vec<u8>>)>),
    Reference(String),
    /// The end of a search, with a cookie if it was paged.
    Done {
        code: u8,
        matched: String,
        text: String,
        cookie: Option<Vec<u8>>,
    },
    Bound {
        code: u8,
        text: String,
    },
    Extended {
        code: u8,
        text: String,
    },
    /// These bytes.
    Raw(Vec<u8>),
    Wait(Duration),
    /// Says no more until the test gives a permit, which is used up.
    Until(Arc<Semaphore>),
    /// A TCP reset.
    Reset,
    /// Closes the connection.
    Close,
}

impl Say {
    pub fn entry<Value: Into<Vec<u8>>>(
        dn: &str,
        attributes: impl IntoIterator<Item = (&'static str, Vec<Value>)>,
    ) -> Self {
        let attributes = attributes
            .into_iter()
            .map(|(name, values)| (name.to_owned(), values.into_iter().map(Into::into).collect()));
        Self::Entry(dn.to_owned(), attributes.collect())
    }

    /// Success, and no more pages.
    pub fn done() -> Self {
        Self::done_with(0, "")
    }

    pub fn done_with(code: u8, text: &str) -> Self {
        Self::Done {
            code,
            matched: String::new(),
            text: text.to_owned(),
            cookie: Some(Vec::new()),
        }
    }

    /// Success, and another page at the cookie.
    pub fn more(cookie: &[u8]) -> Self {
        Self::Done {
            code: 0,
            matched: String::new(),
            text: String::new(),
            cookie: Some(cookie.to_vec()),
        }
    }
}

type Script = dyn Fn(&Asked) -> Option<Vec<Say>> + Send + Sync;

/// The server; it ends with this value.
pub struct ScriptedLdap {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    connections: Arc<AtomicUsize>,
    accepting: AbortHandle,
}

impl ScriptedLdap {
    /// Speaks plain LDAP. What the script has no answer to is answered as an empty domain controller would.
    pub async fn start(script: impl Fn(&Asked) -> Option<Vec<Say>> + Send + Sync + 'static) -> Self {
        Self::start_with(None, script).await
    }

    /// With a TLS acceptor it speaks TLS from the first byte.
    pub async fn start_with(
        tls: Option<TlsAcceptor>,
        script: impl Fn(&Asked) -> Option<Vec<Say>> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("loopback has free ports");
        let address = listener.local_addr().expect("it listens");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let script: Arc<Script> = Arc::new(script);
        let accepting = tokio::spawn(accept(
            listener,
            tls,
            script,
            Arc::clone(&asked),
            Arc::clone(&connections),
        ));
        Self {
            address,
            asked,
            connections,
            accepting: accepting.abort_handle(),
        }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Everything that was asked so far, over all connections.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("no script has panicked").clone()
    }

    pub fn binds(&self) -> usize {
        self.asked()
            .iter()
            .filter(|asked| matches!(asked, Asked::Bind { .. }))
            .count()
    }

    pub fn searches(&self) -> Vec<Search> {
        let searches = self.asked().into_iter().filter_map(|asked| match asked {
            Asked::Search(search) => Some(search),
            _ => None,
        });
        searches.collect()
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for ScriptedLdap {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    script: Arc<Script>,
    asked: Arc<Mutex<Vec<Asked>>>,
    connections: Arc<AtomicUsize>,
) {
    // The connections end with the server.
    let mut serving = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.fetch_add(1, Ordering::SeqCst);
        let (tls, script, asked) = (tls.clone(), Arc::clone(&script), Arc::clone(&asked));
        serving.spawn(async move {
            // What a script says comes in small pieces, and the client acknowledges the last one first.
            let _at_once = stream.set_nodelay(true);
            // A reset wants no lingering, whatever way the stream ends.
            let reset = stream
                .into_std()
                .and_then(|stream| Ok((stream.try_clone()?, TcpStream::from_std(stream)?)));
            let Ok((handle, stream)) = reset else { return };
            let ended = match tls {
                None => serve(stream, &*script, &asked).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => serve(stream, &*script, &asked).await,
                    Err(_) => Ended::Closed,
                },
            };
            if ended == Ended::Reset {
                let _gone = socket2::SockRef::from(&handle).set_linger(Some(Duration::ZERO));
            }
        });
    }
}

#[derive(PartialEq)]
enum Ended {
    Closed,
    Reset,
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, script: &Script, asked: &Mutex<Vec<Asked>>) -> Ended {
    loop {
        let Some(message) = read_message(&mut stream).await else {
            return Ended::Closed;
        };
        let (id, what) = read_request(&message);
        asked.lock().expect("no script has panicked").push(what.clone());
        let says = match script(&what) {
            Some(says) => says,
            None => default_answer(&what),
        };
        for say in says {
            let written = match say {
                Say::Wait(time) => {
                    tokio::time::sleep(time).await;
                    continue;
                }
                Say::Until(permits) => {
                    permits.acquire().await.expect("it is never closed").forget();
                    continue;
                }
                Say::Close => return Ended::Closed,
                Say::Reset => return Ended::Reset,
                Say::Raw(bytes) => stream.write_all(&bytes).await,
                say => stream.write_all(&write_reply(id, say)).await,
            };
            if written.is_err() {
                return Ended::Closed;
            }
        }
        if stream.flush().await.is_err() || what == Asked::Unbind {
            return Ended::Closed;
        }
    }
}

/// What a domain controller without anybody in it says.
fn default_answer(asked: &Asked) -> Vec<Say> {
    match asked {
        Asked::Bind { .. } => vec![Say::Bound {
            code: 0,
            text: String::new(),
        }],
        Asked::Search(search) if search.is_root() => vec![root_dse(), Say::done()],
        Asked::Search(search) if search.base == SERVICE => vec![
            Say::entry(SERVICE, [("invocationId", vec![INVOCATION_ID])]),
            Say::done(),
        ],
        Asked::Search(_) => vec![Say::done()],
        Asked::StartTls => vec![Say::Extended {
            code: 52,
            text: "no certificate".to_owned(),
        }],
        Asked::Unbind | Asked::Other(_) => vec![],
    }
}

pub fn root_dse() -> Say {
    Say::entry(
        "",
        [
            ("defaultNamingContext", vec![NAMING_CONTEXT]),
            ("dsServiceName", vec![SERVICE]),
            ("highestCommittedUSN", vec!["12345"]),
        ],
    )
}

/// A user that a read takes.
pub fn user(number: u16) -> Say {
    let mut guid = [0; 16];
    guid[..2].copy_from_slice(&number.to_le_bytes());
    Say::entry(
        &format!("CN=User {number},{NAMING_CONTEXT}"),
        [
            ("objectGUID", vec![guid.to_vec()]),
            ("sAMAccountName", vec![format!("user{number}").into_bytes()]),
            ("userAccountControl", vec![b"512".to_vec()]),
        ],
    )
}

// BER, both ways.

pub fn ber(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut element = vec![tag];
    match content.len() {
        length @ 0..0x80 => element.push(u8::try_from(length).expect("it is below 128")),
        // As AD does it.
        length => {
            element.push(0x84);
            element.extend_from_slice(&u32::try_from(length).expect("no test needs 4 GiB").to_be_bytes());
        }
    }
    element.extend_from_slice(content);
    element
}

/// A whole message with this operation and, if any, controls.
pub fn message(id: u32, operation: &[u8], controls: &[u8]) -> Vec<u8> {
    ber(0x30, &[&ber(0x02, &id.to_be_bytes()), operation, controls].concat())
}

fn result(tag: u8, code: u8, matched: &str, text: &str) -> Vec<u8> {
    ber(
        tag,
        &[
            ber(0x0a, &[code]),
            ber(0x04, matched.as_bytes()),
            ber(0x04, text.as_bytes()),
        ]
        .concat(),
    )
}

fn write_reply(id: u32, say: Say) -> Vec<u8> {
    match say {
        Say::Entry(dn, attributes) => {
            let attributes: Vec<u8> = attributes
                .into_iter()
                .flat_map(|(name, values)| {
                    let values: Vec<u8> = values.iter().flat_map(|value| ber(0x04, value)).collect();
                    ber(0x30, &[ber(0x04, name.as_bytes()), ber(0x31, &values)].concat())
                })
                .collect();
            message(
                id,
                &ber(0x64, &[ber(0x04, dn.as_bytes()), ber(0x30, &attributes)].concat()),
                &[],
            )
        }
        Say::Reference(url) => message(id, &ber(0x73, &ber(0x04, url.as_bytes())), &[]),
        Say::Done {
            code,
            matched,
            text,
            cookie,
        } => {
            let controls = cookie.map(|cookie| paging_control(&cookie)).unwrap_or_default();
            message(id, &result(0x65, code, &matched, &text), &controls)
        }
        Say::Bound { code, text } => message(id, &result(0x61, code, "", &text), &[]),
        Say::Extended { code, text } => message(id, &result(0x78, code, "", &text), &[]),
        Say::Raw(_) | Say::Wait(_) | Say::Until(_) | Say::Reset | Say::Close => unreachable!("these are no replies"),
    }
}

pub fn paging_control(cookie: &[u8]) -> Vec<u8> {
    let value = ber(0x30, &[ber(0x02, &[0]), ber(0x04, cookie)].concat());
    ber(
        0xa0,
        &ber(0x30, &[ber(0x04, PAGED_RESULTS.as_bytes()), ber(0x04, &value)].concat()),
    )
}

async fn read_message(stream: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut head = [0; 2];
    stream.read_exact(&mut head).await.ok()?;
    let length = match head[1] {
        short @ 0..0x80 => usize::from(short),
        long => {
            let mut bytes = vec![0; usize::from(long & 0x7f)];
            stream.read_exact(&mut bytes).await.ok()?;
            bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte))
        }
    };
    // A client that speaks TLS to us says something of 3 kB at most here.
    let mut content = vec![0; length.min(1 << 20)];
    stream.read_exact(&mut content).await.ok()?;
    Some(content)
}

/// Takes an element off the front: tag and content. Clients are trusted here.
fn take<'a>(input: &mut &'a [u8]) -> (u8, &'a [u8]) {
    let (head, rest) = input.split_at(2);
    let (length, rest) = match head[1] {
        short @ 0..0x80 => (usize::from(short), rest),
        long => {
            let (bytes, rest) = rest.split_at(usize::from(long & 0x7f));
            (bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
        }
    };
    let (content, rest) = rest.split_at(length);
    *input = rest;
    (head[0], content)
}

fn number(content: &[u8]) -> u32 {
    content.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

fn text(content: &[u8]) -> String {
    String::from_utf8(content.to_vec()).expect("clients send UTF-8")
}

fn read_request(mut content: &[u8]) -> (u32, Asked) {
    let id = number(take(&mut content).1);
    let (tag, mut operation) = take(&mut content);
    let asked = match tag {
        0x60 => {
            take(&mut operation);
            let name = text(take(&mut operation).1);
            Asked::Bind {
                name,
                password: text(take(&mut operation).1),
            }
        }
        0x63 => {
            let controls = if content.is_empty() { &[] } else { take(&mut content).1 };
            Asked::Search(read_search(operation, read_controls(controls)))
        }
        0x77 => Asked::StartTls,
        0x42 => Asked::Unbind,
        other => Asked::Other(other),
    };
    (id, asked)
}

/// Identifier and value of each; clients send none without a value, which comes last.
fn read_controls(mut controls: &[u8]) -> Vec<(String, &[u8])> {
    let mut read = Vec::new();
    while !controls.is_empty() {
        let mut control = take(&mut controls).1;
        let identifier = text(take(&mut control).1);
        let mut value = &[][..];
        while !control.is_empty() {
            value = take(&mut control).1;
        }
        read.push((identifier, value));
    }
    read
}

/// Size and cookie.
fn read_paging(mut value: &[u8]) -> (u32, Vec<u8>) {
    let mut value = take(&mut value).1;
    (number(take(&mut value).1), take(&mut value).1.to_vec())
}

fn read_search(mut operation: &[u8], controls: Vec<(String, &[u8])>) -> Search {
    let paging = controls.iter().find(|(identifier, _)| identifier == PAGED_RESULTS);
    let page = paging.map(|(_, value)| read_paging(value));
    let base = text(take(&mut operation).1);
    let scope = take(&mut operation).1[0];
    for _ in ["dereferencing", "size limit", "time limit", "types only"] {
        take(&mut operation);
    }
    let filter = take(&mut operation).1.to_vec();
    let mut wanted = take(&mut operation).1;
    let mut attributes = Vec::new();
    while !wanted.is_empty() {
        attributes.push(text(take(&mut wanted).1));
    }
    Search {
        base,
        scope,
        filter,
        attributes,
        page,
        controls: controls.into_iter().map(|(identifier, _)| identifier).collect(),
    }
}
