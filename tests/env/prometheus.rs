//! A real Prometheus that scrapes an operator.

use std::net::SocketAddr;
use std::ops::Deref;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::process::{self, Server};

/// How long it may take to scrape for the first time.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running Prometheus. Stopping, freezing and the like come from `Server`.
pub struct Prometheus {
    server: Server,
    url: String,
}

impl Deref for Prometheus {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

impl Prometheus {
    /// One that has scraped the metrics at this address once, and evaluates the rules of a file; it ends when the value is dropped.
    pub async fn of(metrics: SocketAddr, rules: &Path) -> Self {
        let (rules, target) = (rules.display().to_string(), metrics.to_string());
        let (server, facts) = Server::start("prometheus/start", &["--rules", &rules, "--scrape", &target]).await;
        let [port] = Server::ports(&facts);
        let url = format!("http://127.0.0.1:{port}");
        let prometheus = Self { server, url };
        // Which takes it some seconds: what was counted before does not show as an increase.
        let deadline = Instant::now() + PATIENCE;
        while prometheus.query("up == 1").await.is_empty() {
            assert!(Instant::now() < deadline, "Prometheus does not scrape {target}");
            sleep(Duration::from_millis(100)).await;
        }
        prometheus
    }

    /// What an expression gives now: the series, each with labels and value. Panics if Prometheus doesn't understand it.
    pub async fn query(&self, expression: &str) -> Vec<Value> {
        let expression = format!("query={expression}");
        let answer = self.ask("query", &["--data-urlencode", &expression]).await;
        answer["result"].as_array().expect("an expression gives series").clone()
    }

    /// All rules that it evaluates.
    pub async fn rules(&self) -> Vec<Value> {
        let answer = self.ask("rules", &[]).await;
        let groups = answer["groups"].as_array().expect("rules are in groups").iter();
        groups
            .flat_map(|group| group["rules"].as_array().expect("a group has rules").clone())
            .collect()
    }

    async fn ask(&self, what: &str, arguments: &[&str]) -> Value {
        let url = format!("{}/api/v1/{what}", self.url);
        let answer = process::run("curl", &[&["--silent", "--get", &url], arguments].concat(), &[], "").await;
        let answer: Value = serde_json::from_str(&answer).expect("Prometheus answers in JSON");
        assert_eq!(answer["status"], "success", "{arguments:?}: {answer}");
        answer["data"].clone()
    }
}
