//! What the API server itself says it used: it is most of what a sync costs.

use kube::Client;

/// The CPU seconds of the API server since a moment.
pub struct ServerCpu {
    client: Client,
    started: f64,
}

impl ServerCpu {
    pub async fn start(client: &Client) -> Self {
        Self {
            client: client.clone(),
            started: used(client).await,
        }
    }

    pub async fn seconds(&self) -> f64 {
        used(&self.client).await - self.started
    }
}

async fn used(client: &Client) -> f64 {
    let request = axum::http::Request::get("/metrics")
        .body(Vec::new())
        .expect("a path is a request");
    let metrics = client
        .request_text(request)
        .await
        .expect("an administrator may see metrics");
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix("process_cpu_seconds_total "));
    line.and_then(|value| value.parse().ok())
        .expect("every Go server has it")
}
