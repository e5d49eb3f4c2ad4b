//! What changed, told to every controller: one channel, so that a controller names what concerns it in one place.

use futures::{Stream, StreamExt, stream};
use kube::{Resource, ResourceExt, runtime::reflector::ObjectRef};
use tokio::sync::broadcast::{self, error::RecvError};

/// Changes that a slow listener may fall behind before it is told [`Change::Everything`].
const BACKLOG: usize = 1024;

/// Which object of a known kind.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NamespacedName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl NamespacedName {
    /// The object of this name in this namespace.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// This object.
    pub fn of<K: Resource>(object: &K) -> Self {
        Self::new(object.namespace().unwrap_or_default(), object.name_any())
    }

    /// The other object of this name in the same namespace.
    #[must_use]
    pub fn beside(&self, name: &str) -> Self {
        Self::new(self.namespace.clone(), name)
    }

    /// For kube's runtime.
    pub fn reference<K>(&self) -> ObjectRef<K>
    where
        K: Resource<DynamicType = ()>,
    {
        ObjectRef::new(&self.name).within(&self.namespace)
    }
}

impl std::fmt::Display for NamespacedName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}

/// What changed. Of configuration objects: made, deleted, another spec, or a new request to sync now; never their status.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// An ActiveDirectoryConfig.
    Directory(NamespacedName),
    /// An ExtensionRule.
    Rule(NamespacedName),
    /// A PhoneSystem itself.
    System(NamespacedName),
    /// A SyncScope.
    Scope(NamespacedName),
    /// A Secret that an ActiveDirectoryConfig names.
    Secret(NamespacedName),
    /// A ConfigMap that an ActiveDirectoryConfig names.
    ConfigMap(NamespacedName),
    /// A directory answers (again), or answers as somebody else.
    Connected(NamespacedName),
    /// A directory can't be asked, for another reason than before.
    Unconnected {
        /// Its ActiveDirectoryConfig.
        directory: NamespacedName,
        /// The reason.
        reason: &'static str,
    },
    /// A directory refused the operator's password when something else than a test asked it.
    Refused(NamespacedName),
    /// Another domain controller's word counts in the directory of an ActiveDirectoryConfig.
    Trusted(NamespacedName),
    /// Too much changed to say what: look at everything.
    Everything,
}

/// Where changes are announced and heard. Cloning shares.
#[derive(Clone, Debug)]
pub struct Changes(broadcast::Sender<Change>);

impl Default for Changes {
    fn default() -> Self {
        Self(broadcast::channel(BACKLOG).0)
    }
}

impl Changes {
    /// Tells everybody who listens.
    pub fn announce(&self, change: Change) {
        // An error only says that nobody listens (yet).
        let _ = self.0.send(change);
    }

    /// All that is announced from now on.
    pub fn subscribe(&self) -> impl Stream<Item = Change> + Send + use<> {
        stream::unfold(self.0.subscribe(), |mut receiver| async move {
            match receiver.recv().await {
                Ok(change) => Some((change, receiver)),
                Err(RecvError::Lagged(_)) => Some((Change::Everything, receiver)),
                Err(RecvError::Closed) => None,
            }
        })
    }

    /// The objects of a controller's own kind that each change concerns.
    pub fn concerning<K, Concerned>(
        &self,
        concerned: Concerned,
    ) -> impl Stream<Item = ObjectRef<K>> + Send + use<K, Concerned>
    where
        K: Resource<DynamicType = ()> + Send + 'static,
        Concerned: Fn(&Change) -> Vec<NamespacedName> + Send + 'static,
    {
        self.subscribe().flat_map(move |change| {
            let references: Vec<ObjectRef<K>> = concerned(&change).iter().map(NamespacedName::reference).collect();
            stream::iter(references)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_listener_hears_what_is_announced() {
        let changes = Changes::default();
        let mut heard = Box::pin(changes.subscribe());
        let rule = Change::Rule(NamespacedName::new("telephony", "hq-numbers"));
        changes.announce(rule.clone());
        assert_eq!(heard.next().await, Some(rule));
    }

    #[tokio::test]
    async fn who_falls_behind_is_told_to_look_at_everything() {
        let changes = Changes::default();
        let mut heard = Box::pin(changes.subscribe());
        for number in 0..=BACKLOG {
            changes.announce(Change::Rule(NamespacedName::new("telephony", number.to_string())));
        }
        assert_eq!(heard.next().await, Some(Change::Everything));
        assert_eq!(
            heard.next().await,
            Some(Change::Rule(NamespacedName::new("telephony", "1")))
        );
    }
}
