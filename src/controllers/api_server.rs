//! Whether the API server answers. An operator with nothing to do asks it nothing for minutes, so somebody must: who can't reach
//! it is not ready. A restart would not help, and alive the operator is.

use std::time::Duration;

use kube::Client;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tracing::{info, warn};

use crate::serve::health::Readiness;

/// From one question to the next, while it answers.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// And while it does not: what waits for it should not wait much longer.
const ASK_SOON_AGAIN: Duration = Duration::from_secs(1);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(5);
/// How long it may be away, as for a restart, before that is told.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the operator waits for then.
const API_SERVER: &str = "the API server";

/// Word of each time that the API server answers again. Cloning shares.
#[derive(Clone, Debug)]
pub struct Returns(watch::Sender<()>);

impl Default for Returns {
    fn default() -> Self {
        Self(watch::channel(()).0)
    }
}

impl Returns {
    /// Does something at each return from the call on; has no end.
    pub fn each<Act: Fn() + Send>(&self, act: Act) -> impl Future<Output = ()> + Send + use<Act> {
        let told = self.clone();
        let mut returns = self.0.subscribe();
        async move {
            while returns.changed().await.is_ok() {
                act();
            }
            drop(told);
        }
    }
}

/// Asks the API server for ever.
pub async fn observe(client: Client, readiness: Readiness, returns: Returns) {
    observe_by(|| answers(&client), &readiness, &returns).await;
}

async fn observe_by<Answers>(ask: impl Fn() -> Answers, readiness: &Readiness, returns: &Returns)
where
    Answers: Future<Output = bool>,
{
    let (mut heard, mut is_away, mut is_told) = (Instant::now(), false, false);
    loop {
        sleep(if is_away { ASK_SOON_AGAIN } else { ASK_AGAIN }).await;
        if timeout(ANSWER, ask()).await.unwrap_or(false) {
            if is_told {
                readiness.arrived(API_SERVER);
                info!(after = ?heard.elapsed(), "the API server answers again");
            }
            // Whatever failed meanwhile need not wait until it is tried again.
            if is_away {
                returns.0.send_replace(());
            }
            (heard, is_away, is_told) = (Instant::now(), false, false);
        } else {
            is_away = true;
            if !is_told && heard.elapsed() >= PATIENCE {
                readiness.await_arrival(API_SERVER);
                warn!(since = ?heard.elapsed(), "the API server does not answer: not ready until it does");
                is_told = true;
            }
        }
    }
}

/// Any word of the API server's own will do, also that its version is not for everybody. Not that it does not know whom it speaks
/// with: to an operator whose token is refused, it is as good as gone.
async fn answers(client: &Client) -> bool {
    match client.apiserver_version().await {
        Ok(_) => true,
        Err(kube::Error::Api(status)) => matches!(status.code, 403 | 404),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

    use http::{Request, Response};
    use kube::client::Body;
    use serde_json::json;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_gets_no_answer_for_half_a_minute_is_not_ready_until_there_is_one() {
        let (readiness, returns) = (Readiness::default(), Returns::default());
        let (is_there, returned) = (AtomicBool::new(true), AtomicUsize::new(0));
        let ask = || async {
            if !is_there.load(Relaxed) {
                std::future::pending::<()>().await;
            }
            true
        };
        let counting = returns.each(|| {
            returned.fetch_add(1, Relaxed);
        });
        let story = async {
            sleep(Duration::from_mins(1)).await;
            assert!(readiness.is_complete());
            is_there.store(false, Relaxed);
            sleep(Duration::from_secs(20)).await;
            assert!(readiness.is_complete(), "a restart of the API server takes as long");
            is_there.store(true, Relaxed);
            sleep(Duration::from_secs(10)).await;
            assert_eq!(returned.load(Relaxed), 1, "what failed is tried again also after that");
            is_there.store(false, Relaxed);
            sleep(Duration::from_secs(45)).await;
            assert!(!readiness.is_complete());
            is_there.store(true, Relaxed);
            sleep(Duration::from_secs(7)).await;
            assert!(readiness.is_complete());
            assert_eq!(returned.load(Relaxed), 2);
        };
        tokio::select! {
            () = observe_by(ask, &readiness, &returns) => {}
            () = counting => {}
            () = story => {}
        }
    }

    #[tokio::test]
    async fn a_server_that_knows_who_asks_has_answered_whatever_it_says() {
        for (code, has_answered) in [(200, true), (403, true), (404, true), (401, false), (500, false)] {
            let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
            let server = tokio::spawn(async move {
                let (_, respond) = handle.next_request().await.unwrap();
                let info = json!({"major": "1", "minor": "37", "gitVersion": "v1.37.2", "gitCommit": "", "gitTreeState": "",
                    "buildDate": "", "goVersion": "", "compiler": "", "platform": ""});
                let refusal = json!({"kind": "Status", "status": "Failure", "code": code, "reason": "", "message": ""});
                let info = if code == 200 { info } else { refusal };
                let body = Body::from(info.to_string().into_bytes());
                respond.send_response(Response::builder().status(code).body(body).unwrap());
            });
            assert_eq!(answers(&Client::new(service, "default")).await, has_answered, "{code}");
            server.await.unwrap();
        }
    }
}
