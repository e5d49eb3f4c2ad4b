//! Word of what others did to the objects of a phone system, gathered until somebody listens. No map and no client.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use futures::{FutureExt, Stream, stream};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

use crate::controllers::changes::NamespacedName;

/// Changes come in crowds; word of them goes out once in this time at most.
const GATHER: Duration = Duration::from_millis(500);
/// How long whoever only counts waits for the end of a crowd. To count a hundred thousand objects takes half a second, during
/// which nothing can be written.
const CROWD: Duration = Duration::from_secs(10);

/// When a listener hears of changes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Pace {
    /// Soon after the first of them.
    Prompt,
    /// Soon after the last of them, or now and then while there is no last.
    Settled,
}

/// An object of a phone system changed in a way that a plan could come out differently.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ObjectChange {
    /// The phone system.
    pub system: NamespacedName,
    /// Who did it.
    pub by: Author,
    /// The SyncScope that provides the object. None: it may concern any of the phone system.
    pub scope: Option<Box<str>>,
}

/// Who changed an object.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Author {
    /// This process.
    Operator,
    /// Anybody else.
    Other,
}

/// Who listens.
#[derive(Clone, Debug, Default)]
pub(super) struct Listeners(Arc<Mutex<Vec<Weak<Mailbox>>>>);

#[derive(Debug, Default)]
struct Mailbox {
    gathered: Mutex<BTreeSet<ObjectChange>>,
    word: Notify,
}

impl Listeners {
    /// All changes from now on, in sets of what was gathered meanwhile. Nobody falls behind: the same change twice is one.
    pub(super) fn listen(&self, pace: Pace) -> impl Stream<Item = BTreeSet<ObjectChange>> + Send + use<> {
        let mailbox = Arc::new(Mailbox::default());
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::downgrade(&mailbox));
        let patience = match pace {
            Pace::Prompt => GATHER,
            Pace::Settled => CROWD,
        };
        stream::unfold(mailbox, move |mailbox| async move {
            mailbox.word.notified().await;
            let began = Instant::now();
            loop {
                sleep(GATHER).await;
                let goes_on = mailbox.word.notified().now_or_never().is_some();
                if !goes_on || began.elapsed() >= patience {
                    break;
                }
            }
            let gathered = std::mem::take(&mut *mailbox.gathered.lock().unwrap_or_else(PoisonError::into_inner));
            Some((gathered, mailbox))
        })
    }

    /// Tells everybody.
    pub(super) fn tell(&self, change: &ObjectChange) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|listener| {
                let Some(mailbox) = listener.upgrade() else {
                    return false;
                };
                mailbox
                    .gathered
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .insert(change.clone());
                mailbox.word.notify_one();
                true
            });
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;

    fn change(scope: &str) -> ObjectChange {
        let system = NamespacedName::new("telephony", "hq");
        ObjectChange {
            system,
            by: Author::Other,
            scope: Some(scope.into()),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_of_changes_is_heard_once() {
        let listeners = Listeners::default();
        let mut heard = Box::pin(listeners.listen(Pace::Prompt));
        for _ in 0..100_000 {
            listeners.tell(&change("staff"));
        }
        listeners.tell(&change("sales"));
        assert_eq!(
            heard.next().await,
            Some(BTreeSet::from([change("sales"), change("staff")]))
        );
        listeners.tell(&change("staff"));
        assert_eq!(heard.next().await, Some(BTreeSet::from([change("staff")])));
    }

    #[tokio::test(start_paused = true)]
    async fn who_counts_waits_for_the_end_of_a_crowd_but_not_for_ever() {
        let listeners = Listeners::default();
        let mut heard = Box::pin(listeners.listen(Pace::Settled));
        let began = Instant::now();
        let telling = async {
            for _ in 0..70 {
                listeners.tell(&change("staff"));
                sleep(GATHER / 2).await;
            }
            began.elapsed()
        };
        let hearing = async {
            heard.next().await;
            let first = began.elapsed();
            heard.next().await;
            [first, began.elapsed()]
        };
        let (end, [first, second]) = tokio::join!(telling, hearing);
        assert_eq!(first, CROWD, "while it goes on");
        assert!(
            end < second + GATHER && second <= end + GATHER,
            "once after its end: {second:?} of {end:?}"
        );
        listeners.tell(&change("staff"));
        let began = Instant::now();
        heard.next().await;
        assert_eq!(began.elapsed(), GATHER, "a single change is no crowd");
    }

    #[test]
    fn who_stopped_listening_is_forgotten() {
        let listeners = Listeners::default();
        drop(listeners.listen(Pace::Prompt));
        listeners.tell(&change("staff"));
        assert!(listeners.0.lock().unwrap().is_empty());
    }
}
