//! What is told of writes to the Kubernetes API.

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue},
    metrics::{counter::Counter, family::Family},
};

use super::{Metrics, series::Registering};

/// What a write to the Kubernetes API was about.
#[derive(Clone, Copy, Debug, EncodeLabelValue, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum WrittenKind {
    /// A person.
    PhoneUser,
    /// A number.
    Extension,
    /// A department.
    RingGroup,
}

/// How a write to the Kubernetes API ended.
#[derive(Clone, Copy, Debug, EncodeLabelValue, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum WriteResult {
    /// The object is new.
    Created,
    /// The object was changed.
    Updated,
    /// The object was deleted.
    Deleted,
    /// Somebody else was faster (409 or 422): read again.
    Lost,
    /// Anything else went wrong.
    Failed,
}

impl WrittenKind {
    const ALL: [Self; 3] = [Self::PhoneUser, Self::Extension, Self::RingGroup];

    /// How writes of this kind can end.
    fn results(self) -> impl Iterator<Item = (Self, WriteResult)> {
        use WriteResult::{Created, Deleted, Failed, Lost, Updated};
        let results = [Created, Updated, Lost, Failed].into_iter();
        // A number is never deleted.
        let deleted = (self != Self::Extension).then_some(Deleted);
        results.chain(deleted).map(move |result| (self, result))
    }
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct WriteLabels {
    kind: WrittenKind,
    result: WriteResult,
}

/// How many there were of each kind with each result.
pub(super) struct Writes(Family<WriteLabels, Counter>);

impl Writes {
    /// All of them are there from the beginning: a counter that appears with what it has counted does not seem to have risen.
    pub(super) fn registered(all: &mut Registering<'_>) -> Self {
        let help = "Writes to the Kubernetes API by kind and result";
        let writes = Self(all.plain("api_writes", help, Family::default()));
        for (kind, result) in WrittenKind::ALL.into_iter().flat_map(WrittenKind::results) {
            writes.add(kind, result, 0);
        }
        writes
    }

    fn add(&self, kind: WrittenKind, result: WriteResult, count: u64) {
        self.0.get_or_create(&WriteLabels { kind, result }).inc_by(count);
    }
}

impl Metrics {
    /// Something was written to the Kubernetes API, or was meant to be.
    pub fn written(&self, kind: WrittenKind, result: WriteResult) {
        self.0.writes.add(kind, result, 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_not_happened_yet_is_counted_as_zero() {
        let text = Metrics::new().encode().unwrap();
        let zero = |kind, result| format!("adsync_api_writes_total{{kind=\"{kind}\",result=\"{result}\"}} 0\n");
        for (kind, result) in [
            ("PhoneUser", "Created"),
            ("RingGroup", "Deleted"),
            ("Extension", "Failed"),
        ] {
            assert!(text.contains(&zero(kind, result)), "{text}");
        }
        assert!(
            !text.contains(&zero("Extension", "Deleted")),
            "a number is never deleted"
        );
    }
}
