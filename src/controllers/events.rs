//! Kubernetes Events: on change only, and never many. An Event costs one API write, so a sync publishes ten at most.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Client,
    runtime::events::{Event, EventType, Recorder, Reporter},
};
use tracing::debug;

use super::client::call;

/// What the operator is called in Events.
const CONTROLLER: &str = "adsync";
/// Events that one sync may publish; what exceeds them is counted in one more.
pub const AT_MOST: usize = 10;
/// The API server's limit on an Event's note.
const LONGEST_NOTE: usize = 1000;

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

/// Publishes notices about one object. What can't be published is gone: a sync never fails for it.
pub async fn publish(client: &Client, regarding: &ObjectReference, action: &str, notices: Vec<Notice>) {
    for notice in limited(notices) {
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
            note: Some(notice.note.chars().take(LONGEST_NOTE).collect()),
            action: action.to_owned(),
            secondary: notice.about,
        };
        if let Err(error) = call(recorder.publish(&event, regarding)).await {
            debug!(%error, reason = event.reason, "could not publish an event");
        }
    }
}

/// Warnings first, [`AT_MOST`] of them all, and one that counts the others.
fn limited(mut notices: Vec<Notice>) -> Vec<Notice> {
    notices.sort_by_key(|notice| !notice.warning);
    if notices.len() <= AT_MOST {
        return notices;
    }
    let others = notices.split_off(AT_MOST);
    let warnings = others.iter().filter(|notice| notice.warning).count();
    notices.push(Notice {
        warning: warnings > 0,
        reason: "MoreChanges".to_owned(),
        note: format!(
            "{} more, {warnings} of them warnings: see the operator's log",
            others.len()
        ),
        about: None,
    });
    notices
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notices(count: usize, warning: bool) -> Vec<Notice> {
        (0..count)
            .map(|index| Notice {
                warning,
                reason: "Provisioned".into(),
                note: index.to_string(),
                about: None,
            })
            .collect()
    }

    #[test]
    fn a_few_are_published_as_they_are() {
        assert_eq!(limited(notices(AT_MOST, false)), notices(AT_MOST, false));
    }

    #[test]
    fn many_become_ten_and_a_count_with_the_warnings_first() {
        let published = limited([notices(400, false), notices(3, true)].concat());
        assert_eq!(published.len(), AT_MOST + 1);
        assert!(published[..3].iter().all(|notice| notice.warning));
        assert_eq!(
            published[AT_MOST].note,
            "393 more, 0 of them warnings: see the operator's log"
        );
    }
}
