//! The custom resources, one file a kind, and nothing else: no client, no logic beyond defaults.
//!
//! `adsync.dev/v1alpha1` is the sync (people write it), `telephony.adsync.dev/v1alpha1` the target phone system.

#![expect(unreachable_pub, reason = "KubeSchema copies each public struct into a function")]
#![allow(
    clippy::doc_markdown,
    reason = "the documentation is what `kubectl explain` shows, as it is"
)]

pub mod active_directory_config;
mod columns;
pub mod conditions;
pub mod crds;
pub mod event_reasons;
pub mod extension;
pub mod extension_rule;
pub mod phone_system;
pub mod phone_user;
pub mod ring_group;
pub(crate) mod rules;
mod schema;
pub mod shared;
pub mod sync_scope;

pub use active_directory_config::{ActiveDirectoryConfig, ActiveDirectoryConfigSpec, ActiveDirectoryConfigStatus};
pub use extension::{Extension, ExtensionSpec};
pub use extension_rule::{ExtensionRule, ExtensionRuleSpec, ExtensionRuleStatus};
pub use phone_system::{PhoneSystem, PhoneSystemSpec, PhoneSystemStatus};
pub use phone_user::{PhoneUser, PhoneUserSpec};
pub use ring_group::{RingGroup, RingGroupSpec};
pub use shared::{LocalReference, NumberRange};
pub use sync_scope::{SyncScope, SyncScopeSpec, SyncScopeStatus};

/// Field manager of everything the operator applies.
pub const FIELD_MANAGER: &str = "adsync";
/// Field manager of what a person changes through the command line.
pub const CLI_FIELD_MANAGER: &str = "adsync-cli";

/// Labels on what the operator makes.
pub mod labels {
    /// `app.kubernetes.io/managed-by`, always [`super::FIELD_MANAGER`].
    pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
    /// Name of the SyncScope that provides the object.
    pub const SCOPE: &str = "adsync.dev/scope";
    /// Name of the PhoneSystem the object belongs to.
    pub const PHONE_SYSTEM: &str = "adsync.dev/phone-system";
}

/// On SyncScopes with `deletionPolicy: Delete`: the operator deletes what the scope made before the scope itself goes.
pub const DELETION_FINALIZER: &str = "adsync.dev/deletion";

/// Annotations that people write.
pub mod annotations {
    /// "Sync now": any new value asks for one sync, echoed in `status.lastHandledReconcileAt` (Flux's convention).
    pub const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";
    /// On a SyncScope: the digest of what `status.held` shows. That batch is let through, once.
    pub const APPROVE: &str = "adsync.dev/approve";
    /// On a PhoneUser, Extension or RingGroup, `"true"`: it is never removed.
    pub const PROTECT: &str = "adsync.dev/protect";
}
