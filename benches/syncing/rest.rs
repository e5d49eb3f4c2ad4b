//! What an operator costs that has nothing to do: from its start until it is ready, until it has synced once, and in a minute afterwards. Beside it
//! `kubectl get` of the same objects, which lists them once and forgets them.

use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::task::block_in_place;
use tokio::time::sleep;

use crate::site::Site;
use crate::support::{Cost, Meter, child};

/// A rest is looked at for so long.
const REST: Duration = Duration::from_mins(1);
/// What `kubectl get` is told, through the environment.
const PROGRAM: &str = "ADSYNC_BENCH_KUBECTL";
const NAMESPACE: &str = "ADSYNC_BENCH_NAMESPACE";

/// How an operator starts, and rests.
#[derive(Clone, Copy, Debug)]
pub struct Rest {
    /// From the start of the process until `/readyz` agrees.
    pub ready: Cost,
    /// From the start of the process until its first sync is over; `None`: there is no scope.
    pub synced: Option<Cost>,
    /// CPU seconds in a minute without anything to do.
    pub cpu: Duration,
    /// Resident memory when that minute is over, in bytes.
    pub resident: u64,
    /// `kubectl get` of all that the operator watches.
    pub listed: Cost,
}

impl Rest {
    /// Of an operator that was just started.
    pub async fn of(site: &Site<'_>, has_scope: bool) -> Self {
        let synced = if has_scope { Some(site.first_sync().await) } else { None };
        sleep(crate::SETTLE).await;
        let meter = Meter::of_process(site.process());
        sleep(REST).await;
        Self {
            ready: site.ready,
            synced,
            cpu: meter.read().cpu.unwrap_or_default(),
            resident: meter.resident(),
            listed: listed(site),
        }
    }
}

/// In a process of its own, so that kubectl's memory is its own.
fn listed(site: &Site<'_>) -> Cost {
    let (kubectl, kubeconfig, namespace) = site.kubectl();
    let settings = [
        (PROGRAM, kubectl.display().to_string()),
        (NAMESPACE, namespace.to_owned()),
        ("KUBECONFIG", kubeconfig.display().to_string()),
    ];
    block_in_place(|| child::run("kubectl get", &settings))
}

/// What the process does that `listed` starts.
pub fn list() -> Cost {
    let setting = |name| std::env::var(name).expect("the bench sets it");
    let mut kubectl = Command::new(setting(PROGRAM));
    kubectl
        .args([
            "get",
            "phoneusers,extensions,ringgroups",
            "--output=json",
            "--namespace",
        ])
        .arg(setting(NAMESPACE))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    child::commands([kubectl])
}
