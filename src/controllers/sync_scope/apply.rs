//! Fourth step: plan, write, and plan again while others were faster. I/O; what to write is decided by the core.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use kube::Client;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{notices, validate::Validated};
use crate::{
    api::sync_scope::{Mode, ResolvedReference},
    controllers::{
        apply::{Applied, Fate, Writer},
        changes::NamespacedName,
        connections::{ConnectionError, Connections},
        context::Context,
        events::Notices,
        observed::Objects,
    },
    directory::{Guid, Snapshot},
    serve::metrics::Metrics,
    sync::{self, Input, Outcome, Sibling, Sight, plan::Plan, report::Report},
};

/// Plans in a row that others were faster than. Each round somebody wins, so that more are needed only under siege.
const ROUNDS: usize = 8;

/// What a sync works with.
#[derive(Clone)]
pub struct Workplace {
    /// The Kubernetes API.
    pub client: Client,
    /// What is there.
    pub objects: Objects,
    /// The directories, for questions about single accounts.
    pub connections: Connections,
    /// What Prometheus sees.
    pub metrics: Metrics,
    /// Cancelled when no new write is to begin.
    pub stop: CancellationToken,
    /// Whose turn it is to write to a phone system.
    pub turns: Turns,
}

impl Workplace {
    /// The workplace of one controller.
    pub fn new(context: &Context) -> Self {
        Self {
            client: context.client.clone(),
            objects: context.objects.clone(),
            connections: context.connections.clone(),
            metrics: context.metrics.clone(),
            stop: context.stop.clone(),
            turns: Turns::default(),
        }
    }
}

/// Two scopes of a process never number from one phone system at the same time: the second would only lose its claims. Two
/// processes may; then the API server says who was first.
#[derive(Clone, Debug, Default)]
pub struct Turns(Arc<Mutex<BTreeMap<NamespacedName, Arc<tokio::sync::Mutex<()>>>>>);

impl Turns {
    async fn take(&self, system: &NamespacedName) -> tokio::sync::OwnedMutexGuard<()> {
        let turn = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(system.clone())
            .or_default()
            .clone();
        turn.lock_owned().await
    }
}

/// What a plan is made of, but for what is in the cluster.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The specs.
    pub validated: Arc<Validated>,
    /// What was read of the scope's directory.
    pub snapshot: Arc<Snapshot>,
    /// What was read of each sibling's directory, in their order.
    pub siblings: Vec<Option<Arc<Snapshot>>>,
    /// The entries that the spec named the last time.
    pub references: Vec<ResolvedReference>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Converged {
    /// What was found, less what could not be written.
    pub report: Report,
    /// The entries that the spec names.
    pub references: Vec<ResolvedReference>,
    /// Objects made.
    pub created: i64,
    /// Objects changed.
    pub updated: i64,
    /// Writes that failed.
    pub failed: i64,
    /// What would have been written, with `mode: Plan`.
    pub would_write: Option<String>,
    /// What people should see of it.
    pub notices: Notices,
    /// It was stopped half-way; the rest is for the next one.
    pub was_stopped: bool,
}

/// Makes the phone system what the scope says.
pub async fn converge(workplace: &Workplace, system: &NamespacedName, prepared: &Prepared) -> Converged {
    let _turn = workplace.turns.take(system).await;
    let scope = prepared.validated.scope.name.to_string();
    let Workplace {
        client,
        objects,
        metrics,
        stop,
        ..
    } = workplace;
    let mut writer = Writer::new(client, objects, metrics, stop, system, &scope);
    let mut converged = Converged::default();
    for round in 0..ROUNDS {
        let Some(outcome) = plan(workplace, system, prepared).await else {
            converged.was_stopped = true;
            break;
        };
        let Outcome {
            plan,
            report,
            references,
            ..
        } = outcome;
        (converged.report, converged.references) = (report, references);
        if prepared.validated.scope.mode == Mode::Plan {
            converged.would_write = Some(in_words(&plan));
            break;
        }
        if plan.is_empty() {
            break;
        }
        let applied = writer.apply(&plan).await;
        converged.count(&plan, &applied);
        let is_last = round + 1 == ROUNDS;
        converged.was_stopped = workplace.stop.is_cancelled();
        if !applied.lost_any() || is_last || converged.was_stopped {
            converged.take_back(&plan, &applied);
            break;
        }
        debug!(
            namespace = system.namespace,
            system = system.name,
            scope,
            round,
            "others were faster, planning again"
        );
    }
    converged
}

/// Plans on what is in the cluster now; what the plan wants to know of single accounts is asked first.
async fn plan(workplace: &Workplace, system: &NamespacedName, prepared: &Prepared) -> Option<Outcome> {
    let mut known = BTreeMap::new();
    loop {
        let observed = workplace.objects.of(system).await;
        let (work, answers) = (prepared.clone(), known.clone());
        // Of a large scope this takes a second of pure computing, during which others want to be served.
        let planned = tokio::task::spawn_blocking(move || {
            let outcome = sync::plan(&Input {
                now: Timestamp::now(),
                scope: &work.validated.scope,
                siblings: &siblings(&work),
                system: &work.validated.system,
                rules: &work.validated.rules,
                directory: &work.snapshot,
                bare_username: work.validated.bare_username,
                observed: &observed,
                references: &work.references,
                known: &answers,
            });
            let asked_of = whom_to_ask(&outcome.ask, &observed, &work, &answers);
            (outcome, asked_of)
        });
        let (outcome, asked_of) = planned.await.ok()?;
        if asked_of.is_empty() {
            return Some(outcome);
        }
        let before = known.len();
        for (config, guids) in asked_of {
            match workplace.connections.find(&system.beside(&config), &guids).await {
                Ok(found) => known.extend(found.into_iter().map(|(guid, dn)| (guid, dn.is_some()))),
                Err(ConnectionError::Stop) => return None,
                Err(error) => warn!(namespace = system.namespace, config, %error, "could not ask for single accounts"),
            }
        }
        if known.len() == before {
            return Some(outcome);
        }
    }
}

fn siblings(work: &Prepared) -> Vec<Sibling<'_>> {
    let siblings = work.validated.siblings.iter().zip(&work.siblings);
    siblings
        .map(|(sibling, snapshot)| Sibling {
            name: &sibling.name,
            created: sibling.created,
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
    observed: &sync::observed::Observed,
    work: &Prepared,
    known: &BTreeMap<Guid, bool>,
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

impl Converged {
    /// Counts what one plan came to.
    fn count(&mut self, plan: &Plan, applied: &Applied) {
        for fate in applied.fates() {
            match fate {
                Fate::Created => self.created += 1,
                Fate::Updated => self.updated += 1,
                Fate::Lost | Fate::Skipped | Fate::Failed(_) => {}
            }
        }
        notices::of_plan(&mut self.notices, plan, applied);
    }

    /// Takes out of the report what the last plan could not do.
    fn take_back(&mut self, plan: &Plan, applied: &Applied) {
        let Plan {
            claims: _,
            users,
            ring_groups,
        } = plan;
        for (change, fate) in users.iter().zip(&applied.users) {
            if let Some(message) = fate.why_not() {
                self.report.write_failed(change, message);
            }
        }
        for (change, fate) in ring_groups.iter().zip(&applied.ring_groups) {
            if let Some(message) = fate.why_not() {
                self.report.write_failed(change, message);
            }
        }
        self.failed = count(applied.fates().filter(|fate| fate.why_not().is_some()));
    }
}

fn count<T>(all: impl Iterator<Item = T>) -> i64 {
    i64::try_from(all.count()).unwrap_or(i64::MAX)
}

fn in_words(
    Plan {
        claims,
        users,
        ring_groups,
    }: &Plan,
) -> String {
    format!(
        "{}, {} and {}",
        counted(claims.len(), "number"),
        counted(users.len(), "user"),
        counted(ring_groups.len(), "ring group")
    )
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
