//! What is told of the directories of ActiveDirectoryConfigs.

use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::metrics::{counter::Counter, gauge::Gauge, histogram::Histogram};

use super::{
    DirectoryOperation, Metrics, object,
    series::{ObjectFamily, ObjectLabels, OperationLabels, ReasonLabels, Registering},
};

/// The families of ActiveDirectoryConfigs.
pub(super) struct Directories {
    connected: ObjectFamily<ObjectLabels, Gauge>,
    duration: ObjectFamily<OperationLabels, Histogram>,
    errors: ObjectFamily<ReasonLabels, Counter>,
    referrals: ObjectFamily<ObjectLabels, Gauge>,
    behind: ObjectFamily<ObjectLabels, Gauge>,
    last_read: ObjectFamily<ObjectLabels, Gauge>,
    certificate: ObjectFamily<ObjectLabels, Gauge>,
    password: ObjectFamily<ObjectLabels, Gauge>,
    rejected: ObjectFamily<ObjectLabels, Gauge>,
}

impl Directories {
    pub(super) fn registered(all: &mut Registering<'_>) -> Self {
        Self {
            connected: all.of_objects(
                "directory_connected",
                "1 while the ActiveDirectoryConfig is Connected, else 0",
            ),
            duration: all.timed(
                "directory_operation_duration_seconds",
                "How long operations on an ActiveDirectoryConfig's directory took",
            ),
            errors: all.of_objects("directory_errors", "Failed operations on a directory by reason"),
            referrals: all.of_objects(
                "directory_referrals",
                "Referrals to other servers in the last read of an ActiveDirectoryConfig's directory; none is followed",
            ),
            behind: all.of_objects(
                "directory_behind",
                "1 while the domain controller of an ActiveDirectoryConfig knows less than another one did, so that nobody is removed, else 0",
            ),
            last_read: all.of_objects(
                "directory_last_read_timestamp_seconds",
                "When the last complete read of an ActiveDirectoryConfig's directory began, in Unix time; nothing before the first one",
            ),
            certificate: all.of_objects(
                "directory_certificate_expiry_timestamp_seconds",
                "When the certificate of the domain controller that answered last ends, in Unix time; nothing without TLS",
            ),
            password: all.of_objects(
                "directory_password_expiry_timestamp_seconds",
                "When the password of an ActiveDirectoryConfig's account ends, in Unix time; nothing where it never does, or the directory does not tell",
            ),
            rejected: all.of_objects(
                "directory_credentials_rejected",
                "1 while the directory of an ActiveDirectoryConfig does not let its account in (wrong password, expired, disabled, locked), else 0",
            ),
        }
    }
}

impl Metrics {
    /// Whether the directory answers now.
    pub fn connected(&self, namespace: &str, config: &str, connected: bool) {
        self.0
            .directories
            .connected
            .of(object(namespace, config))
            .set(i64::from(connected));
    }

    /// Something was asked of a directory; `error` is the reason when it failed.
    pub fn directory_asked(
        &self,
        namespace: &str,
        config: &str,
        operation: DirectoryOperation,
        duration: Duration,
        error: Option<&'static str>,
    ) {
        let labels = OperationLabels {
            namespace: namespace.into(),
            name: config.into(),
            operation,
        };
        self.0.directories.duration.of(labels).observe(duration.as_secs_f64());
        if let Some(reason) = error {
            let labels = ReasonLabels {
                namespace: namespace.into(),
                name: config.into(),
                reason: reason.into(),
            };
            self.0.directories.errors.of(labels).inc();
        }
    }

    /// A complete read of the directory began at this time, and has ended.
    pub fn read(&self, namespace: &str, config: &str, at: Timestamp) {
        self.0
            .directories
            .last_read
            .of(object(namespace, config))
            .set(at.as_second());
    }

    /// When the certificate of the domain controller in use ends; `None`: it shows none.
    pub fn certificate_expires(&self, namespace: &str, config: &str, at: Option<Timestamp>) {
        ends(&self.0.directories.certificate, namespace, config, at);
    }

    /// When the password of the account ends; `None`: never.
    pub fn password_expires(&self, namespace: &str, config: &str, at: Option<Timestamp>) {
        ends(&self.0.directories.password, namespace, config, at);
    }

    /// Whether the directory does not let the account in.
    pub fn credentials_rejected(&self, namespace: &str, config: &str, rejected: bool) {
        self.0
            .directories
            .rejected
            .of(object(namespace, config))
            .set(i64::from(rejected));
    }

    /// A read of the directory was pointed to so many other places, where it did not look.
    pub fn referred(&self, namespace: &str, config: &str, count: usize) {
        let referrals = self.0.directories.referrals.of(object(namespace, config));
        referrals.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Whether what was last read of the directory knows less than what was read before.
    pub fn behind(&self, namespace: &str, config: &str, is_behind: bool) {
        self.0
            .directories
            .behind
            .of(object(namespace, config))
            .set(i64::from(is_behind));
    }

    /// The ActiveDirectoryConfig is gone.
    pub fn forget_directory(&self, namespace: &str, config: &str) {
        self.0.directories.connected.forget(namespace, config);
        self.0.directories.duration.forget(namespace, config);
        self.0.directories.errors.forget(namespace, config);
        self.0.directories.referrals.forget(namespace, config);
        self.0.directories.behind.forget(namespace, config);
        self.0.directories.last_read.forget(namespace, config);
        self.0.directories.certificate.forget(namespace, config);
        self.0.directories.password.forget(namespace, config);
        self.0.directories.rejected.forget(namespace, config);
    }
}

/// When something of an ActiveDirectoryConfig ends; what never does has no series.
fn ends(family: &ObjectFamily<ObjectLabels, Gauge>, namespace: &str, config: &str, at: Option<Timestamp>) {
    match at {
        Some(at) => {
            family.of(object(namespace, config)).set(at.as_second());
        }
        None => family.forget(namespace, config),
    }
}
