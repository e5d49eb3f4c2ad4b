//! What the operator serves over HTTP, and what it serves from. No Kubernetes client comes in here.

pub mod health;
pub mod metrics;

use std::io;

use axum::{
    Router,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;
use tracing::info;

use self::{health::Readiness, metrics::Metrics};

/// Serves for as long as it is polled. `what` is for the log.
pub async fn serve(what: &'static str, listener: TcpListener, router: Router) -> io::Result<()> {
    let address = listener.local_addr()?;
    info!(%address, "serves {what}");
    axum::serve(listener, router).await
}

/// Serves `/metrics`.
pub fn metrics_router(metrics: Metrics, readiness: Readiness) -> Router {
    Router::new().route("/metrics", get(async move || scrape(&metrics, &readiness)))
}

fn scrape(metrics: &Metrics, readiness: &Readiness) -> Response {
    metrics.ready(readiness.is_complete());
    match metrics.encode() {
        Ok(text) => (
            [(
                CONTENT_TYPE,
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
            )],
            text,
        )
            .into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
