//! Stands before the API server for one operator, and does to what passes what networks and tired servers do. It speaks plain HTTP
//! to the operator, and goes on to the server as whoever it is made for.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use kube::{Client, Config};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// In an answer, or in an event of a watch.
const EXPIRED: &str = r#""code":410"#;

/// What the gate does to each request and answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Lets each request wait.
    Slow(Duration),
    /// Answers with an error instead.
    Answer(u16),
    /// Carries out each write, and answers with an error.
    LoseAnswers,
    /// Lets no byte through, of watches that run neither.
    Silent,
    /// Ends what runs, and lets nothing in.
    Closed,
}

/// A gate, open until it is told otherwise.
pub struct Gate {
    config: Config,
    fault: watch::Sender<Fault>,
    expired: Arc<AtomicUsize>,
    standing: JoinHandle<()>,
}

#[derive(Clone)]
struct Keeper {
    client: Client,
    fault: watch::Receiver<Fault>,
    expired: Arc<AtomicUsize>,
}

impl Gate {
    /// Before the server that a configuration leads to.
    pub async fn before(config: Config) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it listens");
        let client = Client::try_from(config.clone()).expect("the configuration makes a client");
        let (fault, now) = watch::channel(Fault::None);
        let expired = Arc::<AtomicUsize>::default();
        let keeper = Keeper {
            client,
            fault: now,
            expired: expired.clone(),
        };
        let router = Router::new().fallback(pass).with_state(Arc::new(keeper));
        let standing = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        let url: Uri = format!("http://{address}").parse().expect("an address is a URL");
        let mut through = Config::new(url);
        through.default_namespace = config.default_namespace;
        Self {
            config: through,
            fault,
            expired,
            standing,
        }
    }

    /// The way through it.
    pub fn config(&self) -> Config {
        self.config.clone()
    }

    /// How many watches were told that the past they asked for is gone.
    pub fn expired(&self) -> usize {
        self.expired.load(Ordering::Relaxed)
    }

    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.standing.abort();
    }
}

impl Keeper {
    /// Waits while nothing passes.
    async fn heard(&self) -> Fault {
        let mut fault = self.fault.clone();
        let now = fault.wait_for(|fault| *fault != Fault::Silent).await;
        now.map_or(Fault::Closed, |fault| *fault)
    }

    async fn closed(&self) {
        let mut fault = self.fault.clone();
        let _ = fault.wait_for(|fault| *fault == Fault::Closed).await;
    }
}

async fn pass(State(keeper): State<Arc<Keeper>>, request: Request) -> Response {
    match keeper.heard().await {
        Fault::Answer(code) => return refusal(code),
        Fault::Closed => return refusal(502),
        Fault::Slow(wait) => tokio::time::sleep(wait).await,
        Fault::None | Fault::LoseAnswers | Fault::Silent => {}
    }
    let is_read = request.method().is_safe();
    let (mut head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    head.uri = head
        .uri
        .path_and_query()
        .expect("a request has a path")
        .as_str()
        .parse()
        .expect("it is one");
    for name in [header::HOST, header::CONTENT_LENGTH, header::CONNECTION] {
        head.headers.remove(name);
    }
    let request = axum::http::Request::from_parts(head, kube::client::Body::from(body.to_vec()));
    let Ok(answer) = keeper.client.send(request).await else {
        return refusal(502);
    };
    match keeper.heard().await {
        Fault::LoseAnswers if !is_read => refusal(500),
        Fault::Closed => refusal(502),
        _ => watched(keeper, answer.map(Body::new)),
    }
}

/// An answer that stops, and ends, with what passes.
fn watched(keeper: Arc<Keeper>, answer: Response) -> Response {
    let (mut head, body) = answer.into_parts();
    head.headers.remove(header::TRANSFER_ENCODING);
    let end = keeper.clone();
    let body = body
        .into_data_stream()
        .then(move |bytes| {
            let keeper = keeper.clone();
            async move {
                keeper.heard().await;
                let is_expired = bytes.as_ref().is_ok_and(|bytes: &Bytes| says(bytes, EXPIRED));
                keeper.expired.fetch_add(is_expired.into(), Ordering::Relaxed);
                bytes
            }
        })
        .take_while(|bytes| std::future::ready(bytes.is_ok()))
        .filter_map(|bytes| std::future::ready(bytes.ok()))
        .map(Ok::<Bytes, Infallible>)
        .take_until(async move { end.closed().await });
    Response::from_parts(head, Body::from_stream(body))
}

fn says(bytes: &Bytes, words: &str) -> bool {
    bytes.windows(words.len()).any(|window| window == words.as_bytes())
}

/// As an API server says it.
fn refusal(code: u16) -> Response {
    let status = StatusCode::from_u16(code).expect("a code of HTTP");
    let body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": code,
        "reason": status.canonical_reason(), "message": "a test says so"});
    let head = [(header::CONTENT_TYPE, "application/json"), (header::RETRY_AFTER, "1")];
    (status, head, body.to_string()).into_response()
}
