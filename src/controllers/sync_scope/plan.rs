//! Asks the core for a plan: on what is in the cluster now, and with the answers to what the core wants to know of single
//! accounts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use tracing::warn;

use super::validate::Validated;
use crate::{
    api::sync_scope::{BudgetEntry, Held, ResolvedReference},
    controllers::{changes::NamespacedName, connections::ConnectionError, context::Context},
    directory::{Guid, Sighting, Snapshot},
    sync::{
        self, Input, Outcome, Sibling, Sight,
        ending::Ending,
        observed::Observed,
        past::{DirectoryBudget, Past, Suspect},
    },
};

/// What a plan is made of, but for what is in the cluster.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    /// The specs.
    pub validated: Arc<Validated>,
    /// What was read of the scope's directory.
    pub snapshot: Arc<Snapshot>,
    /// What was read of each sibling's directory, in their order.
    pub siblings: Vec<Option<Arc<Snapshot>>>,
    /// The entries that the spec named the last time.
    pub references: Vec<ResolvedReference>,
    /// What earlier syncs left.
    pub past: Arc<Kept>,
}

/// What earlier syncs left, as the status and the memory have it.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// `metadata.uid` of the scope.
    pub uid: String,
    /// A sync has gone to the end before.
    pub has_synced: bool,
    /// The spec is another one than when the status was written.
    pub is_respecified: bool,
    /// `status.held`
    pub held: Vec<Held>,
    /// `status.budget`
    pub budget: Vec<BudgetEntry>,
    /// The annotation `adsync.dev/approve`.
    /// What of it was entered by this process.
    pub entered: BTreeMap<String, Timestamp>,
    pub approval: Option<String>,
    /// Absences that must last.
    pub suspects: BTreeMap<Suspect, Timestamp>,
    /// How much later an absence is confirmed.
    pub confirm_after: SignedDuration,
    /// What the other scopes on the same directory have, and have spent.
    pub directory: DirectoryBudget,
}

impl Kept {
    fn past(&self) -> Past<'_> {
        Past {
            uid: &self.uid,
            has_synced: self.has_synced,
            is_respecified: self.is_respecified,
            held: &self.held,
            budget: &self.budget,
            entered: &self.entered,
            approval: self.approval.as_deref(),
            suspects: &self.suspects,
            confirm_after: self.confirm_after,
            directory: self.directory,
        }
    }
}

/// Plans on what is in the cluster now; what the plan wants to know of single accounts is asked first.
pub(super) async fn plan(context: &Context, system: &NamespacedName, prepared: &Prepared) -> Option<Outcome> {
    let mut known = BTreeMap::new();
    loop {
        let observed = context.objects.of(system).await;
        let (work, answers) = (prepared.clone(), known.clone());
        // Of a large scope this takes a second of pure computing, during which others want to be served.
        let planned = tokio::task::spawn_blocking(move || {
            let outcome = sync::plan(&input(&work, &siblings(&work), &observed, &answers));
            let asked_of = whom_to_ask(&outcome.ask, &observed, &work, &answers);
            (outcome, asked_of)
        });
        let (outcome, asked_of) = match planned.await {
            Ok(planned) => planned,
            // A bug in the core costs this scope: whoever runs the reconcile says so, and tries again.
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => return None,
        };
        if asked_of.is_empty() {
            return Some(outcome);
        }
        let before = known.len();
        for (config, guids) in asked_of {
            // Of those whom another operator's directory has, nothing is known here: that is doubt.
            let directory = context
                .configuration
                .directories
                .get(&system.beside(&config).reference());
            if directory.is_some_and(|directory| !context.agent.serves_directory(&directory)) {
                continue;
            }
            match context.connections.find(&system.beside(&config), &guids).await {
                Ok(found) => known.extend(found),
                Err(ConnectionError::Stop) => return None,
                Err(error) => warn!(namespace = system.namespace, config, %error, "could not ask for single accounts"),
            }
        }
        if known.len() == before {
            return Some(outcome);
        }
    }
}

/// How the scope ends, on what is in the cluster now.
pub(super) async fn end(context: &Context, system: &NamespacedName, prepared: &Prepared) -> Option<Ending> {
    let observed = context.objects.of(system).await;
    let work = prepared.clone();
    let decided = tokio::task::spawn_blocking(move || {
        sync::ending::end(&input(&work, &siblings(&work), &observed, &BTreeMap::new()))
    });
    match decided.await {
        Ok(ending) => Some(ending),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => None,
    }
}

fn input<'a>(
    work: &'a Prepared,
    siblings: &'a [Sibling<'a>],
    observed: &'a Observed,
    sightings: &'a BTreeMap<Guid, Sighting>,
) -> Input<'a> {
    Input {
        now: Timestamp::now(),
        scope: &work.validated.scope,
        siblings,
        system: &work.validated.system,
        rules: &work.validated.rules,
        directory: &work.snapshot,
        bare_username: work.validated.bare_username,
        observed,
        references: &work.references,
        sightings,
        past: work.past.past(),
    }
}

fn siblings(work: &Prepared) -> Vec<Sibling<'_>> {
    let siblings = work.validated.siblings.iter().zip(&work.siblings);
    siblings
        .map(|(sibling, snapshot)| Sibling {
            name: &sibling.name,
            created: sibling.created,
            is_served: sibling.is_served,
            sight: sibling
                .scope
                .as_ref()
                .zip(snapshot.as_deref())
                .map(|((scope, _, _), directory)| Sight {
                    scope,
                    directory,
                    references: &sibling.references,
                }),
        })
        .collect()
}

/// The accounts to ask for, by the directory that they were linked through: another one would know nothing of them.
fn whom_to_ask(
    wanted: &BTreeSet<Guid>,
    observed: &Observed,
    work: &Prepared,
    known: &BTreeMap<Guid, Sighting>,
) -> BTreeMap<String, Vec<Guid>> {
    let mut asked_of: BTreeMap<String, Vec<Guid>> = BTreeMap::new();
    let unknown: BTreeSet<Guid> = wanted
        .iter()
        .filter(|guid| !known.contains_key(guid))
        .copied()
        .collect();
    if unknown.is_empty() {
        return asked_of;
    }
    let links = observed.users.values().filter_map(|user| user.values.link());
    let configs: BTreeMap<Guid, &str> = links
        .filter(|link| unknown.contains(&link.guid))
        .map(|link| (link.guid, &*link.config))
        .collect();
    for guid in unknown {
        let config = configs.get(&guid).copied().unwrap_or(&work.validated.directory.name);
        asked_of.entry(config.to_owned()).or_default().push(guid);
    }
    asked_of
}
