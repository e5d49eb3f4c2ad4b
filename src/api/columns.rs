//! What `kubectl get` shows of each kind: one table.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceColumnDefinition;

/// A column: its title, the type of its values, and where they are.
struct Column(&'static str, &'static str, &'static str);

const READY: Column = Column("Ready", "string", r#".status.conditions[?(@.type=="Ready")].status"#);
const WHY: Column = Column("Status", "string", r#".status.conditions[?(@.type=="Ready")].message"#);
const SYSTEM: Column = Column("System", "string", ".spec.phoneSystemRef.name");
const AGE: Column = Column("Age", "date", ".metadata.creationTimestamp");

/// Each kind with its columns: those that are always shown, and those of `-o wide`.
const TABLE: [(&str, &[Column], &[Column]); 7] = [
    (
        "ActiveDirectoryConfig",
        &[
            READY,
            Column(
                "Connected",
                "string",
                r#".status.conditions[?(@.type=="Connected")].status"#,
            ),
            Column("Server", "string", ".status.server.host"),
            Column("Users", "integer", ".status.visibleUsers"),
            AGE,
        ],
        &[
            Column("Domain", "string", ".spec.domain"),
            Column(
                "Status",
                "string",
                r#".status.conditions[?(@.type=="Connected")].message"#,
            ),
        ],
    ),
    (
        "SyncScope",
        &[
            READY,
            Column("Synced", "string", r#".status.conditions[?(@.type=="Synced")].status"#),
            Column(
                "Matched",
                "string",
                r#".status.conditions[?(@.type=="Matched")].message"#,
            ),
            AGE,
        ],
        &[
            Column("Directory", "string", ".spec.directoryRef.name"),
            SYSTEM,
            Column("Mode", "string", ".spec.mode"),
            Column("Suspended", "boolean", ".spec.suspend"),
            Column("Held", "integer", r#".status.held[?(@.type=="Removals")].count"#),
            Column("Approve", "string", r#".status.held[?(@.type=="Removals")].digest"#),
            WHY,
        ],
    ),
    (
        "ExtensionRule",
        &[
            READY,
            Column("Capacity", "integer", ".status.capacity"),
            Column("Assigned", "integer", ".status.assigned"),
            Column("Free", "integer", ".status.free"),
            AGE,
        ],
        &[
            SYSTEM,
            Column("Source", "string", ".spec.source"),
            Column("Cooling", "integer", ".status.cooling"),
            WHY,
        ],
    ),
    (
        "PhoneSystem",
        &[
            READY,
            Column("Users", "integer", ".status.users.total"),
            Column("Extensions", "integer", ".status.extensions.total"),
            Column("Unmanaged", "integer", ".status.unmanaged.users"),
            AGE,
        ],
        &[
            Column("Enabled", "integer", ".status.users.enabled"),
            Column("RingGroups", "integer", ".status.ringGroups.total"),
            WHY,
        ],
    ),
    (
        "PhoneUser",
        &[
            Column("Login", "string", ".spec.login"),
            Column("Display", "string", ".spec.displayName"),
            Column("Extension", "string", ".spec.extension"),
            Column("Enabled", "boolean", ".spec.enabled"),
            Column("Link", "string", ".spec.link"),
        ],
        &[
            Column("Email", "string", ".spec.email"),
            Column("Department", "string", ".spec.department"),
            SYSTEM,
            Column("Scope", "string", ".spec.directory.scopeRef.name"),
            AGE,
        ],
    ),
    (
        "Extension",
        &[
            Column("Number", "string", ".spec.number"),
            Column("State", "string", ".spec.state"),
            Column("Holder", "string", ".spec.holder.name"),
        ],
        &[
            Column("Kind", "string", ".spec.holder.kind"),
            SYSTEM,
            Column("Release", "string", ".spec.releaseAfter"),
            AGE,
        ],
    ),
    (
        "RingGroup",
        &[
            Column("Display", "string", ".spec.displayName"),
            Column("Number", "string", ".spec.number"),
            Column("Strategy", "string", ".spec.strategy"),
            Column("Enabled", "boolean", ".spec.enabled"),
        ],
        &[
            Column("Department", "string", ".spec.source.department"),
            SYSTEM,
            Column("Scope", "string", ".spec.source.scopeRef.name"),
            AGE,
        ],
    ),
];

/// The columns of a kind, as its CRD has them.
pub(super) fn of(kind: &str) -> Vec<CustomResourceColumnDefinition> {
    let Some((_, always, wide)) = TABLE.iter().find(|(named, ..)| *named == kind) else {
        return Vec::new();
    };
    let column = |Column(name, type_, json_path): &Column, priority| CustomResourceColumnDefinition {
        name: (*name).to_owned(),
        type_: (*type_).to_owned(),
        json_path: (*json_path).to_owned(),
        priority,
        ..Default::default()
    };
    let always = always.iter().map(|shown| column(shown, None));
    always.chain(wide.iter().map(|shown| column(shown, Some(1)))).collect()
}
