//! Several replicas, an agent, and what else the chart switches on, on a cluster of one node that runs the operator's real image: whoever goes, another
//! one goes on, and nobody's phone changes by it. How long each hand-over takes is printed.

mod agent;
mod hand_over;
mod options;

use std::time::Duration;

use self::hand_over::{HandOver, hand_over};
use crate::env::{self, Node};
use crate::install::check_its_namespace;
use crate::scenario::eventually;
use crate::site::{self, Objects, README, Site};

const INSTALLATION: &str = "docs/installation.md";
const UPGRADE: &str = "helm upgrade adsync charts/adsync --namespace adsync --reset-then-reuse-values --wait";

/// What is wanted of one that is told to go, and of one that dies.
const AFTER_ITS_END: Duration = Duration::from_secs(3);
const AFTER_ITS_DEATH: Duration = Duration::from_secs(20);

#[tokio::test]
async fn on_a_node_one_of_several_replicas_serves_whatever_happens_to_the_others() {
    if let Some(why_not) = Node::impossible().await {
        env::skip(
            "on_a_node_one_of_several_replicas_serves_whatever_happens_to_the_others",
            format_args!("no node can run here: {why_not}"),
        );
        return;
    }
    let site = Site::prepare().await;
    install(&site).await;
    check_its_namespace(&site).await;
    let phones = site.objects().await;
    assert_eq!(phones.numbers().len(), phones.logins().len(), "no number twice");
    assert!(phones.logins().len() > 200, "the company is served");

    end(&site).await;
    drain(&site).await;
    kill(&site).await;
    say_more(&site).await;
    assert_eq!(site.objects().await, phones, "no hand-over has written anything");

    replace_each(&site).await;
    agent::serves_what_names_it(&site).await;
    options::are_switched_on(&site).await;
    stop_electing(&site, &phones).await;
    elect_again(&site, &phones).await;
    uninstall(&site, &phones).await;
}

/// As the README says, but for the two replicas.
async fn install(site: &Site) {
    for command in site::commands(README, "### Install") {
        let more = "--set leaderElection.enabled=true --set replicas=2";
        let command = command.replace("--wait", &format!("{more} --wait"));
        // (The other command that waits.)
        let command = command.replace(&format!("wait {more}"), "wait");
        site.run(&command).await;
    }
    assert_eq!(ready(site).await, "2");
}

/// How many pods are.
async fn ready(site: &Site) -> String {
    site.run("kubectl --namespace adsync get deployment adsync --output 'jsonpath={.status.readyReplicas}'")
        .await
}

async fn roll_out(site: &Site) {
    site.run("kubectl --namespace adsync rollout status deployment/adsync --timeout=2m")
        .await;
}

async fn end(site: &Site) {
    let deletion = "kubectl --namespace adsync delete --wait=false pod";
    hand_over(site, "deleted", AFTER_ITS_END, async |pod| {
        site.run(&format!("{deletion} {pod}")).await;
    })
    .await;
    roll_out(site).await;
}

/// There is but one node, which the other one needs, too: the leader alone is drained, and comes back only after the node does.
async fn drain(site: &Site) {
    let HandOver { to, .. } = hand_over(site, "drained", AFTER_ITS_END, async |pod| {
        site.run(&format!("kubectl --namespace adsync label pod {pod} drained=true"))
            .await;
        site.run("kubectl drain node1 --ignore-daemonsets --pod-selector=drained=true --timeout=1m 2>&1")
            .await;
    })
    .await;
    let eviction = format!(
        r#"{{"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {{"name": "{to}", "namespace": "adsync"}}}}"#
    );
    let refusal = site
        .refused(&format!(
            "kubectl create --raw /api/v1/namespaces/adsync/pods/{to}/eviction --filename - <<< '{eviction}'"
        ))
        .await;
    assert!(
        refusal.contains("TooManyRequests") && refusal.contains("disruption budget"),
        "{refusal}"
    );
    site.run("kubectl uncordon node1").await;
    roll_out(site).await;
}

async fn kill(site: &Site) {
    let mut killed = String::new();
    let HandOver { to, .. } = hand_over(site, "killed", AFTER_ITS_DEATH, async |pod| {
        pod.clone_into(&mut killed);
        site.node.kill_container("adsync", pod).await;
    })
    .await;
    println!(
        "killed: {}",
        if to == killed {
            "it leads again"
        } else {
            "another one leads"
        }
    );
    let state = "jsonpath={.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].ready}";
    eventually("the container's restart", async || {
        let state = site
            .run(&format!(
                "kubectl --namespace adsync get pod {killed} --output '{state}'"
            ))
            .await;
        (state == "1 true").then_some(())
    })
    .await;
}

/// The log of the one that leads, as docs/monitoring.md says, in a namespace that holds also this container to the standard.
async fn say_more(site: &Site) {
    site.run(&format!(
        "'{}'/tests/env/node/busybox \"$ADSYNC_NODE\"",
        env!("CARGO_MANIFEST_DIR")
    ))
    .await;
    let leader = hand_over::leader(site).await;
    let commands = site::commands("docs/monitoring.md", "## The log");
    assert_eq!(commands.len(), 2);
    for command in commands {
        let command = command
            .replace("POD", &leader)
            .replace("image=busybox", "image=localhost/busybox:1");
        site.run(&command).await;
    }
    eventually("the log that says more", async || {
        let log = site
            .run(&format!("kubectl --namespace adsync logs {leader} --container adsync"))
            .await;
        log.contains("SIGUSR1: the log says more").then_some(())
    })
    .await;
}

/// An upgrade to more replicas, which changes each pod.
async fn replace_each(site: &Site) {
    let phones = site.objects().await;
    let since = site.node.audit_log().position();
    site.run(&format!("{UPGRADE} --set replicas=3 --set logLevel=debug"))
        .await;
    assert_eq!(ready(site).await, "3");
    site.sync_now().await;
    println!("replaced: {} have led", hand_over::leaders(site, since).len());
    end(site).await;
    assert_eq!(ready(site).await, "3");
    assert_eq!(site.objects().await, phones, "nothing was written again");
}

/// Beside one without a Lease nobody else may serve.
async fn stop_electing(site: &Site, phones: &Objects) {
    let since = site.node.audit_log().position();
    site.sync_now().await;
    let commands = site::commands(INSTALLATION, "## Several replicas");
    site.run(commands.last().expect("the way back is the last one")).await;
    site.sync_now().await;
    let strategy = "kubectl --namespace adsync get deployment adsync --output 'jsonpath={.spec.strategy}'";
    assert_eq!(site.run(strategy).await, r#"{"type":"Recreate"}"#);
    hand_over::assert_one_after_the_other(site, since);
    assert_eq!(site.objects().await, *phones, "nothing was written again");
}

async fn elect_again(site: &Site, phones: &Objects) {
    let since = site.node.audit_log().position();
    site.sync_now().await;
    let commands = site::commands(INSTALLATION, "## Several replicas");
    let (_, there) = commands.split_last().expect("the way back is the last one");
    for command in there {
        site.run(command).await;
    }
    assert_eq!(ready(site).await, "2");
    site.sync_now().await;
    hand_over::assert_one_after_the_other(site, since);
    end(site).await;
    assert_eq!(site.objects().await, *phones, "nothing was written again");
}

async fn uninstall(site: &Site, phones: &Objects) {
    site.run("helm uninstall adsync --namespace adsync --wait").await;
    site.run("kubectl --namespace adsync wait --for=delete pods --all --timeout=1m")
        .await;
    // Whatever kinds there are. (What follows the Service goes a moment after it.)
    let everything = "kubectl get $(kubectl api-resources --verbs=list --output name 2>/dev/null | paste -sd,) --all-namespaces \
        --selector app.kubernetes.io/instance=adsync --output name --ignore-not-found 2>/dev/null";
    eventually("an end of all but the CRDs", async || {
        let left = site.run(everything).await;
        let is_done =
            left.lines().count() == 7 && left.lines().all(|name| name.starts_with("customresourcedefinition"));
        is_done.then_some(())
    })
    .await;
    assert_eq!(site.objects().await, *phones, "phones keep their users and numbers");
    // The operator has made them, and the release knows nothing of them.
    let leases = "kubectl --namespace adsync get leases --output 'jsonpath={.items[*].metadata.name}'";
    assert_eq!(site.run(leases).await, "adsync adsync-site-a");
}
