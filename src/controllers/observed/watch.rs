//! One watch a kind, from which the maps are filled. No decision, no write.

use std::collections::BTreeMap;

use futures::StreamExt;
use kube::{
    Api, Client, ResourceExt,
    api::DynamicObject,
    runtime::{
        WatchStreamExt,
        watcher::{self, Event, watcher},
    },
};
use tracing::{info, warn};

use super::{
    Objects,
    kind::{Record, phone_system},
};
use crate::controllers::{
    changes::NamespacedName,
    client::{WatchWaits, watch_settings},
    configuration::Reach,
};

/// Objects of a kind by phone system and name, while they are listed.
type Listing<R> = BTreeMap<NamespacedName, BTreeMap<Box<str>, R>>;

/// Objects a page, where the API server can't stream a list: small pages of a hundred thousand objects take far longer than
/// large ones, and one of all would be 118 MB.
const PAGE: u32 = 5000;

/// Keeps the maps of one kind as the API server has them, for as long as it is polled.
pub(super) async fn watch_kind<R: Record>(objects: Objects, client: Client, reach: Reach) {
    let resource = R::KIND.resource();
    let api: Api<DynamicObject> = match &reach {
        Reach::Cluster => Api::all_with(client, &resource),
        Reach::Namespace(namespace) => Api::namespaced_with(client, namespace, &resource),
    };
    let mut settings = watch_settings().streaming_lists();
    let mut listed = false;
    loop {
        let mut events = Box::pin(watcher(api.clone(), settings.clone()).backoff(WatchWaits::default()));
        let mut listing = Listing::<R>::new();
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Init) => {
                    listing.clear();
                    objects.begin_list(R::KIND);
                }
                Ok(Event::InitApply(object)) => add(&mut listing, &object),
                Ok(Event::InitDone) => {
                    objects.replace(std::mem::take(&mut listing)).await;
                    if !std::mem::replace(&mut listed, true) {
                        objects.count_listed();
                    }
                }
                Ok(Event::Apply(object)) => objects.seen::<R>(&object).await,
                Ok(Event::Delete(object)) => objects.deleted::<R>(&object).await,
                Err(error) if cannot_stream(&error) => {
                    info!(
                        kind = R::KIND.name(),
                        "the API server cannot stream lists, listing by pages"
                    );
                    settings = watch_settings().page_size(PAGE);
                    break;
                }
                Err(error) => warn!(kind = R::KIND.name(), %error, "the watch broke off, trying again"),
            }
        }
    }
}

fn add<R: Record>(listing: &mut Listing<R>, object: &DynamicObject) {
    if let Some(system) = system_of(object) {
        listing
            .entry(system)
            .or_default()
            .insert(object.name_any().into(), R::read(object));
    }
}

/// The phone system of an object. One that belongs to none, which its schema forbids, concerns nobody.
pub(super) fn system_of(object: &DynamicObject) -> Option<NamespacedName> {
    Some(NamespacedName::new(
        object.namespace().unwrap_or_default(),
        phone_system(object)?,
    ))
}

/// Before Kubernetes 1.34 the API server refuses to stream a list of custom resources, and kube does not fall back by itself.
fn cannot_stream(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::WatchStartFailed(kube::Error::Api(status)) if matches!(status.code, 400 | 422))
}
