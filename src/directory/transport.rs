//! directory: from a server's address to a stream of bytes, encrypted as the settings say. Knows no LDAP but StartTLS.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::advice::readable;
use super::error::DirectoryError;
use super::framing::{self, ReplyOperation};
use super::settings::{ConnectionSettings, Encryption, ServerAddress};
use super::{ber, discovery, tls};

/// A connection that is alive but silent is asked for a sign of life after this.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// A connection whose bytes nobody acknowledges for so long is dead.
const UNACKNOWLEDGED: Duration = Duration::from_mins(1);
/// Even the last of many addresses gets this long.
const SHORTEST_ATTEMPT: Duration = Duration::from_secs(1);

/// Extended request 1.3.6.1.4.1.1466.20037 with message id 1 (RFC 4511 section 4.14.1): always these bytes.
const START_TLS: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
/// An answer to StartTLS is some fifty bytes; nobody is trusted yet with more.
const LONGEST_START_TLS_REPLY: usize = 16 * 1024;

/// Where LDAP messages come from and go to.
pub(super) trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for S {}

/// A way to a server that nothing was asked on.
pub(super) struct Transport {
    pub(super) stream: Box<dyn ByteStream>,
    /// When the server's certificate ends; `None`: it showed none, or one that doesn't say.
    pub(super) certificate_expires: Option<Timestamp>,
}

impl Transport {
    async fn encrypted(
        settings: &ConnectionSettings,
        server: &ServerAddress,
        plain: TcpStream,
    ) -> Result<Self, DirectoryError> {
        let stream = tls::encrypt(settings, server, plain).await?;
        Ok(Self {
            certificate_expires: tls::certificate_expires(&stream),
            stream: Box::new(stream),
        })
    }
}

/// Connects, and encrypts before anything else is said.
pub(super) async fn open(settings: &ConnectionSettings, server: &ServerAddress) -> Result<Transport, DirectoryError> {
    let mut plain = connect(settings, server).await?;
    match settings.encryption {
        Encryption::Plain => Ok(Transport {
            stream: Box::new(plain),
            certificate_expires: None,
        }),
        Encryption::Ldaps => Transport::encrypted(settings, server, plain).await,
        Encryption::StartTls => {
            let asked = timeout(settings.timeouts.connect, start_tls(server, &mut plain)).await;
            asked.map_err(|_| DirectoryError::Await {
                server: server.clone(),
                waited: settings.timeouts.connect,
            })??;
            Transport::encrypted(settings, server, plain).await
        }
    }
}

/// Tries every address of the host in turn, within one timeout for all of them.
async fn connect(settings: &ConnectionSettings, server: &ServerAddress) -> Result<TcpStream, DirectoryError> {
    let deadline = Instant::now() + settings.timeouts.connect;
    let addresses = discovery::addresses(settings, server).await?;
    let mut told: Option<io::Error> = None;
    for (position, address) in addresses.iter().enumerate() {
        let rest = deadline.saturating_duration_since(Instant::now());
        let untried = u32::try_from(addresses.len() - position).unwrap_or(u32::MAX);
        match connect_to(*address, (rest / untried).max(SHORTEST_ATTEMPT)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => {
                told = Some(match told.take() {
                    Some(earlier) if telling(&earlier) >= telling(&error) => earlier,
                    _ => error,
                });
            }
        }
    }
    let source = told.unwrap_or_else(|| io::ErrorKind::NotFound.into());
    Err(DirectoryError::Connect {
        server: server.clone(),
        source,
    })
}

async fn connect_to(address: SocketAddr, within: Duration) -> io::Result<TcpStream> {
    let stream = timeout_at(Instant::now() + within, TcpStream::connect(address)).await??;
    stream.set_nodelay(true)?;
    let socket = SockRef::from(&stream);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE / 3))?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
    Ok(stream)
}

/// A host that refuses says more than one that is silent, and that more than a network without IPv6.
fn telling(error: &io::Error) -> u8 {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => 2,
        io::ErrorKind::TimedOut => 1,
        _ => 0,
    }
}

/// Asks to start TLS. Whatever came in clear after the answer is refused: it would be read as if it had been encrypted
/// (STARTTLS injection, CVE-2011-0411 and its kin).
async fn start_tls(server: &ServerAddress, plain: &mut TcpStream) -> Result<(), DirectoryError> {
    let lost = |source| DirectoryError::Encrypt {
        server: server.clone(),
        source,
        advice: "is this the plain LDAP port (usually 389)?",
    };
    plain.write_all(START_TLS).await.map_err(lost)?;
    let mut buffer = Vec::new();
    let length = loop {
        let mut chunk = [0; 512];
        let count = plain.read(&mut chunk).await.map_err(lost)?;
        if count == 0 {
            return Err(lost(io::ErrorKind::UnexpectedEof.into()));
        }
        buffer.extend_from_slice(chunk.get(..count).unwrap_or_default());
        match framing::message_length(&buffer) {
            Ok(Some(length)) if length <= buffer.len() => break length,
            Ok(_) if buffer.len() < LONGEST_START_TLS_REPLY => {}
            Ok(_) => return Err(misunderstood(server, ber::Malformed::TooLong)),
            Err(malformed) => return Err(misunderstood(server, malformed)),
        }
    };
    if buffer.len() > length {
        let detail = "it sent more in clear than the answer to StartTLS; somebody may be tampering with the connection";
        return Err(DirectoryError::Follow {
            server: server.clone(),
            detail,
        });
    }
    let reply = framing::check_reply(&buffer).map_err(|malformed| misunderstood(server, malformed))?;
    match reply.operation {
        ReplyOperation::Extended(result) if result.code == 0 && reply.message_id == 1 => Ok(()),
        ReplyOperation::Extended(result) => Err(DirectoryError::StartTls {
            server: server.clone(),
            code: result.code,
            text: readable(result.text),
        }),
        _ => Err(DirectoryError::Follow {
            server: server.clone(),
            detail: "it answered StartTLS with something else",
        }),
    }
}

/// What a server said is no LDAP, or at least not at this port.
pub(super) fn misunderstood(server: &ServerAddress, malformed: ber::Malformed) -> DirectoryError {
    let server = server.clone();
    match malformed {
        ber::Malformed::TlsRecord => DirectoryError::MatchPort {
            server,
            detail: "this port speaks TLS from the first byte; use mode LDAPS, or the plain port (usually 389)",
        },
        malformed => DirectoryError::Understand { server, malformed },
    }
}
