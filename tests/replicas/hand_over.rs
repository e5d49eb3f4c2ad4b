//! From one leader to the next, by the clock of the API server: what its audit log tells of the Lease, and of who asked for what.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::env::AuditEvent;
use crate::scenario::eventually;
use crate::site::Site;

/// All other tests run meanwhile: so many times what is wanted is let pass. For an end in peace it is still less than a Lease takes to run out that was
/// not given back, which is what this is about.
const ALLOWANCE: u32 = 4;

/// What became of a leader's place.
pub struct HandOver {
    /// The pod that leads now.
    pub to: String,
}

/// The pod of the one that leads.
pub async fn leader(site: &Site) -> String {
    let holder = "kubectl --namespace adsync get lease adsync --output 'jsonpath={.spec.holderIdentity}'";
    eventually("a leader", async || {
        let holder = site.run(holder).await;
        let (pod, _) = holder.split_once('_')?;
        let exists = site
            .run(&format!(
                "kubectl --namespace adsync get pod {pod} --ignore-not-found --output name"
            ))
            .await;
        (!exists.is_empty()).then(|| pod.to_owned())
    })
    .await
}

/// Has something done to the leader, waits until another one has synced what it is asked for then, and says how long all of it took.
pub async fn hand_over(site: &Site, what: &str, wanted: Duration, act: impl AsyncFnOnce(&str)) -> HandOver {
    let old = leader(site).await;
    let since = site.node.audit_log().position();
    act(&old).await;
    let acted = Timestamp::now();
    // Who was not asked to go was killed, and has no time to ask for anything.
    let asked_to_go = events(site, since).into_iter().find(|event| asks_to_go(event, &old));
    let began = asked_to_go.as_ref().map_or(acted, AuditEvent::arrival);
    let taken = eventually("a new leader", async || {
        let mut leases = events(site, since).into_iter().filter(takes_lease);
        leases.find(|event| event.arrival() > began && (asked_to_go.is_none() || event.pod() != Some(&old)))
    })
    .await;
    let to = taken.pod().expect("pods take the Lease").to_owned();
    let request = format!("{what}-{}", began.as_millisecond());
    site.ask_for_a_sync(&request).await;
    site.await_sync(&request).await;
    // Whoever watches sees a write before the log has it.
    let handled = eventually("an answer to the request", async || {
        events(site, since).into_iter().find(|event| {
            let handled = event.response_object.pointer("/status/lastHandledReconcileAt");
            handled.is_some_and(|handled| *handled == *request)
        })
    })
    .await;
    assert_eq!(handled.pod(), Some(&*to), "who leads serves");

    let synced = first_sync(site, &to, taken.arrival()).await;
    let [led, synced, handled] =
        [taken.arrival(), synced, handled.arrival()].map(|at| at.duration_since(began).unsigned_abs());
    println!(
        "{what}: the Lease after {led:.1?}, the first sync after {synced:.1?} (wanted: {wanted:?}), one asked for then after {handled:.1?}"
    );
    assert!(synced < wanted * ALLOWANCE, "{what}: {led:?}, {synced:?}");
    HandOver { to }
}

/// When a pod that leads since then had synced all for the first time, by its log.
async fn first_sync(site: &Site, pod: &str, since: Timestamp) -> Timestamp {
    let log = site
        .run(&format!(
            "kubectl --namespace adsync logs {pod} --container adsync | grep '\"message\":\"synced\"'"
        ))
        .await;
    let mut times = log.lines().map(|line| {
        let line: Value = serde_json::from_str(line).expect("a line of the log is JSON");
        let time = line["timestamp"].as_str().and_then(|time| time.parse().ok());
        time.expect("a line of the log has its time")
    });
    times.find(|time| *time > since).expect("it has synced")
}

/// Who has held the Lease since a position of the audit log.
pub fn leaders(site: &Site, since: u64) -> BTreeSet<String> {
    let events = events(site, since).into_iter().filter(takes_lease);
    events.filter_map(|event| event.pod().map(str::to_owned)).collect()
}

/// That none of the pods which asked for something of our kinds since a position of the audit log began before another one had ended.
pub fn assert_one_after_the_other(site: &Site, since: u64) {
    let mut spans: BTreeMap<String, (Timestamp, Timestamp)> = BTreeMap::new();
    for event in events(site, since) {
        let is_ours = event.object.api_group.ends_with("adsync.dev");
        if let Some(pod) = event.pod().filter(|_| is_ours) {
            let at = event.arrival();
            let (first, last) = spans.entry(pod.to_owned()).or_insert((at, at));
            (*first, *last) = ((*first).min(at), (*last).max(at));
        }
    }
    let mut in_order: Vec<_> = spans.into_iter().collect();
    in_order.sort_by_key(|(_, (first, _))| *first);
    assert!(in_order.len() > 1, "nobody has followed: {in_order:?}");
    for pair in in_order.windows(2) {
        let ((_, (_, end)), (_, (start, _))) = (&pair[0], &pair[1]);
        assert!(end < start, "two served at a time: {in_order:#?}");
    }
}

fn events(site: &Site, since: u64) -> Vec<AuditEvent> {
    let mut events = site.node.audit_log().events(since);
    // One that takes long is in the log after others that came later.
    events.sort_by_key(AuditEvent::arrival);
    events
}

fn asks_to_go(event: &AuditEvent, pod: &str) -> bool {
    let is_about_it = event.object.resource == "pods" && event.object.name == pod && event.response_status.code < 300;
    is_about_it && (event.verb == "delete" || event.object.subresource == "eviction")
}

fn takes_lease(event: &AuditEvent) -> bool {
    let is_about_it = event.object.resource == "leases" && event.object.name == "adsync";
    is_about_it && event.verb == "update" && event.response_status.code == 200
}
