//! What `kubectl get` shows of each kind.

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::admission::TABLES;
use super::served::{api, apply, valid};
use crate::env;

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": "2026-01-01T00:00:00Z"})
}

#[tokio::test]
async fn kubectl_shows_what_a_person_wants_to_know() {
    let kube = env::kube().await;
    let namespace = kube.namespace("shown").await;
    for (kind, _) in TABLES {
        apply(&api(&namespace, kind), &valid(kind)).await;
    }
    let ready = condition("Ready", "True", "Succeeded", "synced");
    for (kind, name, status) in [
        (
            "SyncScope",
            "staff",
            json!({"conditions": [ready, condition("Synced", "True", "Succeeded", ""),
                condition("Matched", "False", "SomeUnmatched", "412 matched, 3 unmatched")]}),
        ),
        (
            "ActiveDirectoryConfig",
            "corp",
            json!({"conditions": [ready, condition("Connected", "True", "Succeeded", "")], "visibleUsers": 415,
                "server": {"host": "dc1.example.com:636", "invocationID": "a", "namingContext": "DC=example,DC=com"}}),
        ),
        (
            "ExtensionRule",
            "hq-numbers",
            json!({"conditions": [ready], "capacity": 999, "assigned": 412, "free": 587}),
        ),
        (
            "PhoneSystem",
            "hq",
            json!({"conditions": [ready], "users": {"total": 420, "enabled": 412, "linked": 412, "unlinked": 0},
                "extensions": {"total": 430, "assigned": 428, "cooling": 1, "reserved": 1},
                "unmanaged": {"users": 8, "extensions": 0, "ringGroups": 0}}),
        ),
    ] {
        let patch = json!({"status": status});
        api(&namespace, kind)
            .patch_status(name, &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .unwrap();
    }

    for (what, expected) in [
        (
            "scope",
            "NAME READY SYNCED MATCHED AGE / staff True True 412 matched, 3 unmatched 0s",
        ),
        (
            "adc",
            "NAME READY CONNECTED SERVER USERS AGE / corp True True dc1.example.com:636 415 0s",
        ),
        (
            "extrule",
            "NAME READY CAPACITY ASSIGNED FREE AGE / hq-numbers True 999 412 587 0s",
        ),
        (
            "phs",
            "NAME READY USERS EXTENSIONS UNMANAGED AGE / hq True 420 430 8 0s",
        ),
        (
            "pu",
            "NAME LOGIN DISPLAY EXTENSION ENABLED LINK / \
             hq-0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0 jdoe Jane Doe 2001 true Linked",
        ),
        (
            "pext",
            "NAME NUMBER STATE HOLDER / hq-2001 2001 Assigned hq-0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
        ),
        (
            "rg",
            "NAME DISPLAY NUMBER STRATEGY ENABLED / hq-00112233-4455-6677-8899-aabbccddeeff Support 600 RingAll true",
        ),
    ] {
        let shown = namespace.kubectl(&["get", what]).await;
        let lines: Vec<_> = shown
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        // The age is that of the moment.
        let without_age = |line: &str| {
            if line.ends_with('s') {
                line.rsplit_once(' ').unwrap().0.to_owned()
            } else {
                line.to_owned()
            }
        };
        assert_eq!(without_age(&lines.join(" / ")), without_age(expected), "{what}");
    }
    for (category, kinds) in [("adsync", 4), ("telephony", 4)] {
        let names = namespace.kubectl(&["get", category, "--output=name"]).await;
        assert_eq!(names.lines().count(), kinds, "{category}: {names}");
    }
}
