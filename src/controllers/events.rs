//! Kubernetes Events: on change only, and never many. An Event costs one API write, so a sync publishes ten at most.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Client,
    runtime::events::{Event, EventType, Recorder, Reporter},
};
use tracing::debug;

use super::client::call;
use crate::api::event_reasons;

/// What the operator is called in Events.
const CONTROLLER: &str = "adsync";
/// Events that one sync may publish; what exceeds them is counted in one more.
pub const AT_MOST: usize = 10;
/// The API server's limit on an Event's note, in bytes (k8s.io/kubernetes, pkg/apis/core/validation/events.go).
const LONGEST_NOTE: usize = 1024;

/// Something that people should see in `kubectl describe`.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// Whether it needs somebody's attention.
    pub warning: bool,
    /// One word, such as `Provisioned`.
    pub reason: String,
    /// What happened, and what to do.
    pub note: String,
    /// The other object it is about.
    pub about: Option<ObjectReference>,
}

/// Notices of one sync: ten of them, warnings first, and how many more there were.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Notices {
    warnings: Vec<Notice>,
    others: Vec<Notice>,
    more_warnings: usize,
    more_others: usize,
}

impl Notices {
    /// Adds one.
    pub fn push(&mut self, notice: Notice) {
        let (kept, more) = if notice.warning {
            (&mut self.warnings, &mut self.more_warnings)
        } else {
            (&mut self.others, &mut self.more_others)
        };
        if kept.len() < AT_MOST {
            kept.push(notice);
        } else {
            *more += 1;
        }
    }

    /// Adds one that comes before others of its kind.
    pub fn push_first(&mut self, notice: Notice) {
        let (kept, more) = if notice.warning {
            (&mut self.warnings, &mut self.more_warnings)
        } else {
            (&mut self.others, &mut self.more_others)
        };
        kept.insert(0, notice);
        if kept.len() > AT_MOST {
            kept.pop();
            *more += 1;
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.warnings.is_empty() && self.others.is_empty()
    }

    /// Those that are not merely counted, warnings first.
    #[cfg(test)]
    pub fn all(&self) -> impl Iterator<Item = &Notice> {
        self.warnings.iter().chain(&self.others)
    }

    /// What is published: [`AT_MOST`], and one that counts the others.
    fn published(mut self) -> Vec<Notice> {
        let mut published = std::mem::take(&mut self.warnings);
        let left_out = self.others.split_off(self.others.len().min(AT_MOST - published.len()));
        published.append(&mut self.others);
        let more = left_out.len() + self.more_others + self.more_warnings;
        if more > 0 {
            published.push(Notice {
                warning: self.more_warnings > 0,
                reason: event_reasons::MORE_CHANGES.to_owned(),
                note: format!(
                    "{more} more, {} of them warnings: see the operator's log",
                    self.more_warnings
                ),
                about: None,
            });
        }
        published
    }
}

impl From<Vec<Notice>> for Notices {
    fn from(all: Vec<Notice>) -> Self {
        let mut notices = Self::default();
        for notice in all {
            notices.push(notice);
        }
        notices
    }
}

/// Publishes notices about one object. What can't be published is gone: a sync never fails for it.
pub async fn publish(client: &Client, regarding: &ObjectReference, action: &str, notices: impl Into<Notices>) {
    for notice in notices.into().published() {
        // A recorder that lives longer would count a second Event of the same reason as a repetition of the first, and
        // keep the first one's note.
        let recorder = Recorder::new(
            client.clone(),
            Reporter {
                controller: CONTROLLER.to_owned(),
                instance: None,
            },
        );
        let event = Event {
            type_: if notice.warning {
                EventType::Warning
            } else {
                EventType::Normal
            },
            reason: notice.reason,
            note: Some(fitting(&notice.note).to_owned()),
            action: action.to_owned(),
            secondary: notice.about,
        };
        if let Err(error) = call(recorder.publish(&event, regarding)).await {
            debug!(%error, reason = event.reason, "could not publish an event");
        }
    }
}

/// As much of a note as the API server takes.
fn fitting(note: &str) -> &str {
    note.get(..note.floor_char_boundary(LONGEST_NOTE)).unwrap_or(note)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_as_long_as_the_api_server_takes() {
        assert_eq!(fitting("short"), "short");
        assert_eq!(fitting(&format!("a{}", "\u{fc}".repeat(1000))).len(), 1023);
    }

    fn notices(others: usize, warnings: usize) -> Notices {
        let mut notices = Notices::default();
        let all = (0..others).map(|_| false).chain((0..warnings).map(|_| true));
        for warning in all {
            notices.push(Notice {
                warning,
                reason: "Provisioned".into(),
                note: String::new(),
                about: None,
            });
        }
        notices
    }

    #[test]
    fn a_few_are_published_as_they_are() {
        assert_eq!(notices(7, 3).published().len(), AT_MOST);
    }

    #[test]
    fn many_become_ten_and_a_count_with_the_warnings_first() {
        let published = notices(400, 3).published();
        assert_eq!(published.len(), AT_MOST + 1);
        assert!(published[..3].iter().all(|notice| notice.warning) && !published[3].warning);
        assert_eq!(
            published[AT_MOST].note,
            "393 more, 0 of them warnings: see the operator's log"
        );
        let published = notices(5, 12).published();
        assert_eq!(
            published[AT_MOST].note,
            "7 more, 2 of them warnings: see the operator's log"
        );
    }
}
