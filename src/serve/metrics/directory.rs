//! What is told of the directories of ActiveDirectoryConfigs.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    DirectoryOperation, Metrics, object,
    series::{OperationLabels, ReasonLabels},
};

impl Metrics {
    /// Whether the directory answers now.
    pub fn connected(&self, namespace: &str, config: &str, connected: bool) {
        self.0.connected.of(object(namespace, config)).set(i64::from(connected));
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
        self.0.directory_duration.of(labels).observe(duration.as_secs_f64());
        if let Some(reason) = error {
            let labels = ReasonLabels {
                namespace: namespace.into(),
                name: config.into(),
                reason: reason.into(),
            };
            self.0.directory_errors.of(labels).inc();
        }
    }

    /// A complete read of the directory began at this time, and has ended.
    pub fn read(&self, namespace: &str, config: &str, at: Timestamp) {
        self.0.last_read.of(object(namespace, config)).set(at.as_second());
    }

    /// When the certificate of the domain controller in use ends; `None`: it shows none.
    pub fn certificate_expires(&self, namespace: &str, config: &str, at: Option<Timestamp>) {
        match at {
            Some(at) => {
                let gauge = self.0.certificate.of(object(namespace, config));
                gauge.set(at.as_second());
            }
            None => self.0.certificate.forget(namespace, config),
        }
    }

    /// Whether the directory does not let the account in.
    pub fn credentials_rejected(&self, namespace: &str, config: &str, rejected: bool) {
        self.0.rejected.of(object(namespace, config)).set(i64::from(rejected));
    }

    /// A read of the directory was pointed to so many other places, where it did not look.
    pub fn referred(&self, namespace: &str, config: &str, count: usize) {
        let referrals = self.0.referrals.of(object(namespace, config));
        referrals.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Whether what was last read of the directory knows less than what was read before.
    pub fn behind(&self, namespace: &str, config: &str, is_behind: bool) {
        self.0.behind.of(object(namespace, config)).set(i64::from(is_behind));
    }

    /// The ActiveDirectoryConfig is gone.
    pub fn forget_directory(&self, namespace: &str, config: &str) {
        self.0.connected.forget(namespace, config);
        self.0.directory_duration.forget(namespace, config);
        self.0.directory_errors.forget(namespace, config);
        self.0.referrals.forget(namespace, config);
        self.0.behind.forget(namespace, config);
        self.0.last_read.forget(namespace, config);
        self.0.certificate.forget(namespace, config);
        self.0.rejected.forget(namespace, config);
    }
}
