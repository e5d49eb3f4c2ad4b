//! Which scopes a change concerns. It marks them and wakes them; whether they sync is decided when they are looked at.

use std::{collections::BTreeSet, sync::Arc};

use futures::{Stream, StreamExt, stream};
use kube::{ResourceExt, runtime::reflector::ObjectRef};

use super::memory::Memories;
use crate::{
    api::SyncScope,
    controllers::{
        changes::{Change, NamespacedName},
        configuration::{Configuration, in_namespace},
        context::Context,
        observed::{Author, ObjectChange},
    },
};

/// The scopes to look at, whenever something happens that concerns them.
pub(super) fn triggers(
    context: &Context,
    memories: Arc<Memories>,
) -> impl Stream<Item = ObjectRef<SyncScope>> + Send + use<> {
    let (configuration, of_configuration) = (context.configuration.clone(), memories.clone());
    let configured = context
        .changes
        .concerning(move |change| concerned(&configuration, &of_configuration, change));
    let configuration = context.configuration.clone();
    let written = context.objects.changes().flat_map(move |changes| {
        let scopes: BTreeSet<NamespacedName> = changes
            .iter()
            .flat_map(|change| touched(&configuration, change))
            .collect();
        for scope in &scopes {
            memories.of(scope, |memory| memory.objects_changed = true);
        }
        stream::iter(scopes.into_iter().map(|scope| scope.reference()).collect::<Vec<_>>())
    });
    stream::select(Box::pin(configured), Box::pin(written))
}

/// The scopes that a change of what people wrote concerns.
fn concerned(configuration: &Configuration, memories: &Memories, change: &Change) -> Vec<NamespacedName> {
    match change {
        Change::Directory(directory) => of_directory(configuration, directory),
        Change::Connected(directory) => {
            let scopes = of_directory(configuration, directory);
            for scope in &scopes {
                memories.of(scope, |memory| memory.reconnected = true);
            }
            scopes
        }
        Change::Unconnected { directory, reason } => {
            let scopes = of_directory(configuration, directory);
            for scope in &scopes {
                memories.of(scope, |memory| memory.unconnected_for = Some(reason));
            }
            scopes
        }
        Change::System(system) => of_system(configuration, system),
        // A rule of the phone system that the scope does not name tells it which numbers are not free.
        Change::Rule(rule) => in_namespace_of(configuration, rule, |_| true),
        Change::Scope(name) => {
            let others = match configuration.scopes.get(&name.reference()) {
                Some(scope) => of_system(configuration, &name.beside(&scope.spec.phone_system_ref.name)),
                // It is gone, and took along which phone system it was of.
                None => in_namespace_of(configuration, name, |_| true),
            };
            let others = others.into_iter().filter(|other| other != name);
            others
                .inspect(|other| memories.of(other, |memory| memory.objects_changed = true))
                .chain([name.clone()])
                .collect()
        }
        // Among them may be what could not be written, which is not to wait until it is tried again.
        Change::Everything => configuration
            .scopes
            .state()
            .iter()
            .map(|scope| NamespacedName::of(&**scope))
            .inspect(|scope| memories.of(scope, |memory| memory.objects_changed = true))
            .collect(),
        // They change the connection, which says so when it is there.
        Change::Secret(_) | Change::ConfigMap(_) | Change::Refused(_) | Change::Trusted(_) => Vec::new(),
    }
}

/// The scopes that an object concerns which somebody else changed.
fn touched(configuration: &Configuration, change: &ObjectChange) -> Vec<NamespacedName> {
    match (change.by, &change.scope) {
        (Author::Operator, _) => Vec::new(),
        (Author::Other, Some(scope)) => vec![change.system.beside(scope)],
        (Author::Other, None) => of_system(configuration, &change.system),
    }
}

fn of_directory(configuration: &Configuration, directory: &NamespacedName) -> Vec<NamespacedName> {
    in_namespace_of(configuration, directory, |scope| {
        scope.spec.directory_ref.name == directory.name
    })
}

fn of_system(configuration: &Configuration, system: &NamespacedName) -> Vec<NamespacedName> {
    in_namespace_of(configuration, system, |scope| {
        scope.spec.phone_system_ref.name == system.name
    })
}

fn in_namespace_of(
    configuration: &Configuration,
    object: &NamespacedName,
    is_concerned: impl Fn(&SyncScope) -> bool,
) -> Vec<NamespacedName> {
    let scopes = in_namespace(&configuration.scopes, &object.namespace);
    scopes
        .iter()
        .filter(|scope| is_concerned(scope))
        .map(|scope| object.beside(&scope.name_any()))
        .collect()
}
