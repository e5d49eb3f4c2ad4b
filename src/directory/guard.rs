//! directory: the guard that stands between a server's bytes and ldap3. Moves bytes; what a message may be says `framing`.
//!
//! ldap3 gets one end of a socket pair and never sees the network. The guard knows what was asked, so an answer to nothing,
//! or of the wrong kind, ends the connection with an error of ours before ldap3 could stumble over it.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinSet;
use tokio_util::bytes::{Buf as _, BytesMut};

use super::ber::Malformed;
use super::framing::{self, Reply, ReplyOperation, Request};

/// Memory of search results that may wait in ldap3's queue, which has no bound of its own. The dearest message alone fits.
const BACKLOG_LIMIT: usize = framing::LARGEST_COST;
const READ_SIZE: usize = 64 * 1024;

/// Why the connection to the server is over.
#[derive(Debug)]
pub(super) enum Ending {
    /// The server sent what is not LDAP.
    Malformed(Malformed),
    /// The server answered what nobody asked.
    Unasked,
    /// We were about to send something other than a question.
    NotAQuestion,
    /// The server said that it closes the connection (Notice of Disconnection, RFC 4511 section 4.4.1).
    Disconnected { code: u32, text: String },
    /// The connection broke, or the server closed it without a word.
    Lost(io::Error),
    /// We closed it.
    Closed,
}

/// The guard of one connection; dropping it closes the connection.
#[derive(Debug)]
pub(super) struct Guard {
    ending: Arc<OnceLock<Ending>>,
    backlog: Arc<Backlog>,
    /// One task; the set aborts it when it is dropped.
    pump: JoinSet<()>,
}

impl Guard {
    /// Stands before `server` and hands out the socket that ldap3 may speak to.
    pub(super) fn before<S>(server: S) -> io::Result<(Self, StdUnixStream)>
    where
        S: AsyncRead + AsyncWrite + Send + 'static,
    {
        let (ours, theirs) = StdUnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let client = UnixStream::from_std(ours)?;
        let ending = Arc::new(OnceLock::new());
        let backlog = Arc::new(Backlog::new(BACKLOG_LIMIT));
        let mut task = JoinSet::new();
        task.spawn(pump(server, client, Arc::clone(&ending), Arc::clone(&backlog)));
        Ok((
            Self {
                ending,
                backlog,
                pump: task,
            },
            theirs,
        ))
    }

    /// Why the connection is over; `None` while it is not.
    pub(super) fn ending(&self) -> Option<&Ending> {
        self.ending.get()
    }

    /// A search result was taken out of ldap3's queue: there is room for another.
    pub(super) fn took_result(&self) {
        self.backlog.take();
    }

    /// Waits until everything that was said has reached the server, or the connection is over.
    pub(super) async fn finished(&mut self) {
        let _over = self.pump.join_next().await;
    }
}

/// How much of the search results that were let through is still to be taken.
#[derive(Debug)]
struct Backlog {
    room: Semaphore,
    costs: Mutex<VecDeque<usize>>,
}

impl Backlog {
    fn new(limit: usize) -> Self {
        Self {
            room: Semaphore::new(limit),
            costs: Mutex::default(),
        }
    }

    /// Counts a result of this cost, if there is room for it.
    fn put_at_once(&self, cost: usize) -> bool {
        let room = self.room.try_acquire_many(permits(cost));
        room.map(|room| self.count(room, cost)).is_ok()
    }

    /// Waits until there is room for a result of this cost.
    async fn put(&self, cost: usize) {
        if let Ok(room) = self.room.acquire_many(permits(cost)).await {
            self.count(room, cost);
        }
    }

    fn count(&self, room: SemaphorePermit<'_>, cost: usize) {
        room.forget();
        self.costs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(cost);
    }

    fn take(&self) {
        if let Some(cost) = self.costs.lock().unwrap_or_else(PoisonError::into_inner).pop_front() {
            self.room.add_permits(cost);
        }
    }
}

fn permits(cost: usize) -> u32 {
    u32::try_from(cost).unwrap_or(u32::MAX)
}

/// What was asked and is not yet answered, by message id.
#[derive(Default)]
struct Asked(Mutex<HashMap<i32, Request>>);

/// What is to happen with a reply that was asked for.
#[derive(Clone, Copy, Debug)]
enum Verdict {
    /// A search result of this cost, which waits in ldap3's queue until it is taken.
    PassResult(usize),
    Pass,
}

impl Asked {
    /// Promise 1 is kept here: nothing that writes passes, whoever asks for it.
    fn ask(&self, message_id: i32, request: Request) -> Result<(), Ending> {
        match request {
            Request::Bind | Request::Search => {
                let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                asked.insert(message_id, request);
                Ok(())
            }
            // Not to be answered (RFC 4511 section 4.3).
            Request::Unbind => Ok(()),
            Request::Other => Err(Ending::NotAQuestion),
        }
    }

    fn judge(&self, reply: &Reply<'_>) -> Result<Verdict, Ending> {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (asked.get(&reply.message_id), &reply.operation) {
            (Some(Request::Search), ReplyOperation::Entry | ReplyOperation::Reference) => {
                Ok(Verdict::PassResult(reply.cost))
            }
            (Some(Request::Search), ReplyOperation::SearchDone) | (Some(Request::Bind), ReplyOperation::Bind) => {
                asked.remove(&reply.message_id);
                Ok(Verdict::Pass)
            }
            (None, ReplyOperation::Extended(result)) if reply.message_id == 0 => Err(Ending::Disconnected {
                code: result.code,
                text: result.text.to_owned(),
            }),
            _ => Err(Ending::Unasked),
        }
    }
}

/// Moves messages both ways until one side is over, and says why it was.
async fn pump<S>(server: S, client: UnixStream, ending: Arc<OnceLock<Ending>>, backlog: Arc<Backlog>)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (from_server, mut to_server) = tokio::io::split(server);
    let (from_client, to_client) = tokio::io::split(client);
    let asked = Asked::default();
    let over = tokio::select! {
        over = carry_requests(from_client, &mut to_server, &asked) => over,
        over = carry_replies(from_server, to_client, &asked, &backlog) => over,
    };
    let closed_by_us = matches!(over, Ending::Closed);
    // Before ldap3 notices: whoever asks it learns the true reason.
    let _first = ending.set(over);
    if closed_by_us {
        let _unheard = to_server.shutdown().await;
    }
}

async fn carry_requests<S: AsyncWrite>(
    mut from_client: ReadHalf<UnixStream>,
    to_server: &mut WriteHalf<S>,
    asked: &Asked,
) -> Ending {
    let mut buffer = BytesMut::new();
    loop {
        // By what one read may bring, and not by what a length claims.
        buffer.reserve(READ_SIZE);
        match from_client.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => return Ending::Closed,
            Ok(_) => {}
        }
        while let Some(message) = match take_message(&mut buffer) {
            Ok(message) => message,
            Err(malformed) => return Ending::Malformed(malformed),
        } {
            let request = framing::read_request(&message).map_err(Ending::Malformed);
            if let Err(over) = request.and_then(|(message_id, request)| asked.ask(message_id, request)) {
                return over;
            }
            if let Err(error) = to_server.write_all(&message).await {
                return Ending::Lost(error);
            }
        }
        if let Err(error) = to_server.flush().await {
            return Ending::Lost(error);
        }
    }
}

async fn carry_replies<S: AsyncRead>(
    mut from_server: ReadHalf<S>,
    mut to_client: WriteHalf<UnixStream>,
    asked: &Asked,
    backlog: &Backlog,
) -> Ending {
    let mut buffer = BytesMut::new();
    loop {
        // By what one read may bring, and not by what a length claims.
        buffer.reserve(READ_SIZE);
        match from_server.read_buf(&mut buffer).await {
            Ok(0) => return Ending::Lost(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) => return Ending::Lost(error),
        }
        if let Err(over) = let_through(&mut buffer, &mut to_client, asked, backlog).await {
            return over;
        }
    }
}

/// Lets through the whole messages of the buffer, up to the first that must not pass. They are written together: a system call for
/// each, and ldap3 woken by each, costs more than looking at them.
async fn let_through(
    buffer: &mut BytesMut,
    to_client: &mut WriteHalf<UnixStream>,
    asked: &Asked,
    backlog: &Backlog,
) -> Result<(), Ending> {
    let mut checked = 0;
    let over = loop {
        let (length, verdict) = match next_reply(buffer.get(checked..).unwrap_or_default(), asked) {
            Ok(Some(next)) => next,
            Ok(None) => break Ok(()),
            Err(over) => break Err(over),
        };
        if let Verdict::PassResult(cost) = verdict
            && !backlog.put_at_once(cost)
        {
            // What is waited for is that ldap3 gets on with what it has.
            write(buffer, &mut checked, to_client).await?;
            backlog.put(cost).await;
        }
        checked += length;
    };
    write(buffer, &mut checked, to_client).await?;
    over
}

/// The length of the message that these bytes begin with, once all of it has come, and what is to happen with it.
fn next_reply(bytes: &[u8], asked: &Asked) -> Result<Option<(usize, Verdict)>, Ending> {
    let Some(length) = whole_message(bytes).map_err(Ending::Malformed)? else {
        return Ok(None);
    };
    let message = bytes.get(..length).unwrap_or_default();
    let reply = framing::check_reply(message).map_err(Ending::Malformed)?;
    Ok(Some((length, asked.judge(&reply)?)))
}

/// Writes what was checked, and takes it off the buffer.
async fn write(
    buffer: &mut BytesMut,
    checked: &mut usize,
    to_client: &mut WriteHalf<UnixStream>,
) -> Result<(), Ending> {
    let messages = buffer.get(..*checked).unwrap_or_default();
    if to_client.write_all(messages).await.is_err() {
        return Err(Ending::Closed);
    }
    buffer.advance(std::mem::take(checked));
    Ok(())
}

/// Takes the next whole message off the buffer.
fn take_message(buffer: &mut BytesMut) -> Result<Option<BytesMut>, Malformed> {
    Ok(whole_message(buffer)?.map(|length| buffer.split_to(length)))
}

/// How long the message is that these bytes begin with, once all of it has come.
fn whole_message(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    Ok(framing::message_length(bytes)?.filter(|length| *length <= bytes.len()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, Scope, StdStream};
    use proptest::prelude::*;
    use tokio::io::DuplexStream;
    use tokio::task::JoinHandle;

    use super::framing::tests::{entry, mutated_reply, real_replies};
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    /// ldap3 behind a guard, and the server's end.
    async fn guarded() -> (Guard, Ldap, JoinHandle<ldap3::result::Result<()>>, DuplexStream) {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let (guard, socket) = Guard::before(near).unwrap();
        let settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(socket));
        let (driver, ldap) = LdapConnAsync::with_settings(settings, "ldapi:///").await.unwrap();
        (guard, ldap, tokio::spawn(driver.drive()), far)
    }

    /// Waits for a request and answers it with these bytes, then closes.
    async fn answer(mut server: DuplexStream, bytes: Vec<u8>) {
        let mut request = [0; 1024];
        let _length = server.read(&mut request).await.unwrap();
        let _cut = server.write_all(&bytes).await;
    }

    /// Asks, is answered so, and tells why the connection ended. Panics if ldap3 did, in its task or in ours.
    async fn ask_and_be_told(bytes: Vec<u8>, bind: bool) -> Ending {
        let (guard, mut ldap, driver, server) = guarded().await;
        let server = tokio::spawn(answer(server, bytes));
        if bind {
            let _answer = ldap.with_timeout(PATIENCE).simple_bind("a", "b").await;
        } else {
            let search = ldap
                .with_timeout(PATIENCE)
                .streaming_search("", Scope::Base, "(a=*)", vec!["b"])
                .await;
            let mut search = search.unwrap();
            while let Ok(Some(_)) = search.next().await {
                guard.took_result();
            }
            let _result = search.finish().await;
        }
        server.await.unwrap();
        let _ended = tokio::time::timeout(PATIENCE, driver)
            .await
            .expect("the guard closes")
            .expect("ldap3 did not panic");
        let Guard { ending, .. } = guard;
        Arc::into_inner(ending)
            .and_then(OnceLock::into_inner)
            .unwrap_or(Ending::Closed)
    }

    #[tokio::test]
    async fn what_was_asked_for_passes() {
        for (bytes, bind) in [
            (real_replies(1).swap_remove(4), true),
            (real_replies(1)[..3].concat(), false),
        ] {
            assert!(
                matches!(ask_and_be_told(bytes, bind).await, Ending::Lost(_)),
                "it was all, then the server closed"
            );
        }
    }

    #[tokio::test]
    async fn what_was_not_asked_for_ends_the_connection() {
        for (bytes, bind) in [
            // Another id, the wrong kind of answer, and one answer too many.
            (real_replies(2).swap_remove(0), false),
            (real_replies(0).swap_remove(2), false),
            (real_replies(1).swap_remove(4), false),
            (real_replies(1).swap_remove(0), true),
            (real_replies(1).swap_remove(5), true),
            (real_replies(1).swap_remove(4).repeat(2), true),
        ] {
            assert!(matches!(ask_and_be_told(bytes, bind).await, Ending::Unasked));
        }
    }

    #[tokio::test]
    async fn nothing_that_writes_reaches_the_server() {
        let (guard, mut ldap, _driver, mut server) = guarded().await;
        assert!(ldap.with_timeout(PATIENCE).delete("CN=a").await.is_err());
        assert!(matches!(guard.ending(), Some(Ending::NotAQuestion)));
        let mut sent = Vec::new();
        server.read_to_end(&mut sent).await.unwrap();
        assert_eq!(sent, b"");
    }

    #[tokio::test]
    async fn what_is_no_ldap_ends_the_connection_with_its_reason() {
        let ending = ask_and_be_told(b"\x30\x00".to_vec(), false).await;
        assert!(
            matches!(ending, Ending::Malformed(Malformed::Lacks("the message id"))),
            "{ending:?}"
        );
    }

    #[tokio::test]
    async fn results_that_nobody_takes_stop_the_server_instead_of_filling_the_memory() {
        let (guard, mut ldap, _driver, mut server) = guarded().await;
        let large = entry(1, &vec![b'x'; 1 << 20]);
        let size = large.len();
        let sent = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counting = Arc::clone(&sent);
        let _serving = tokio::spawn(async move {
            let mut request = [0; 1024];
            let _length = server.read(&mut request).await.unwrap();
            while server.write_all(&large).await.is_ok() {
                counting.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            }
        });
        let mut search = ldap
            .streaming_search("", Scope::Base, "(a=*)", vec!["b"])
            .await
            .unwrap();
        let count = || sent.load(std::sync::atomic::Ordering::SeqCst);
        let mut before = usize::MAX;
        while count() != before {
            before = count();
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        assert!(
            before * size <= BACKLOG_LIMIT + 2 * size,
            "{before} messages of {size} bytes"
        );
        for _ in 0..100 {
            assert!(search.next().await.unwrap().is_some());
            guard.took_result();
        }
        assert!(count() >= 100);
    }

    /// ldap3 must get what came before the result that finds no room: only then can room be made.
    #[tokio::test]
    async fn results_reach_ldap3_while_the_next_one_waits_for_room() {
        let result = entry(1, b"x");
        let asked = Asked::default();
        asked.ask(1, Request::Search).unwrap();
        let cost = framing::check_reply(&result).unwrap().cost;
        let backlog = Backlog::new(2 * cost);
        let (near, mut far) = UnixStream::pair().unwrap();
        let (_, mut to_client) = tokio::io::split(near);
        let mut buffer = BytesMut::from(&*result.repeat(3));

        let mut let_through = Box::pin(let_through(&mut buffer, &mut to_client, &asked, &backlog));
        let mut read = vec![0; 2 * result.len()];
        let two = tokio::time::timeout(PATIENCE, async {
            tokio::select! {
                _ = &mut let_through => panic!("there is no room for the third"),
                length = far.read_exact(&mut read) => length.unwrap(),
            }
        });
        two.await.expect("the first two don't wait for the third");
        assert_eq!(read, result.repeat(2));
        // Polled once more it still waits, and nothing of the third has come.
        assert!(futures::poll!(&mut let_through).is_pending());
        assert!(far.try_read(&mut read).is_err());

        backlog.take();
        let done = tokio::time::timeout(PATIENCE, let_through).await;
        done.expect("there is room now").unwrap();
        let mut third = vec![0; result.len()];
        far.read_exact(&mut third).await.unwrap();
        assert_eq!(third, result);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn nothing_that_a_server_says_makes_ldap3_panic(replies in prop::collection::vec(mutated_reply(), 1..4), bind: bool) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(ask_and_be_told(replies.concat(), bind));
        }
    }
}
