//! What became of a write, for people: one line in the log, with what was before and what is after, and a count.

use std::fmt;

use tracing::{debug, info, warn};

use super::{Applied, Cause, Fate, Writer, write::NOT_TRIED};
use crate::{
    controllers::observed::Kind,
    serve::metrics::{WriteResult, WrittenKind},
    sync::{
        field::{Place, WrittenField},
        plan::FieldChange,
        value::{Absence, Link, Value},
    },
};

impl Writer<'_> {
    /// Says how many writes an outage of the API server cost: a line each would be as many as there are people.
    pub(super) fn tell_untried(&self, applied: &Applied) {
        let (namespace, system, scope, count) =
            (&self.system.namespace, &self.system.name, self.scope, applied.untried());
        if count > 0 {
            warn!(namespace, system, scope, count, "{NOT_TRIED}");
        }
    }

    /// Says what became of a write, in one line of the log and to Prometheus.
    pub(super) fn tell(&self, fate: &Fate, line: Line<'_>) {
        let Line {
            kind,
            name,
            login,
            extension,
            changes,
            why,
        } = line;
        if let Some(result) = counted(fate) {
            self.metrics.written(written(kind), result);
        }
        let (namespace, system, scope, kind) = (&self.system.namespace, &self.system.name, self.scope, kind.name());
        let Cause { trigger, approved } = &self.cause;
        let trigger = trigger.as_ref().map(tracing::field::debug);
        let (approved, why) = (approved.as_deref(), (!why.is_empty()).then_some(why));
        macro_rules! changed {
            ($message:literal) => {
                info!(namespace, system, scope, kind, name, login, extension, trigger, approved, why, %changes, $message)
            };
        }
        match fate {
            Fate::Created => changed!("created"),
            Fate::Updated => changed!("updated"),
            Fate::Deleted => changed!("deleted"),
            Fate::Going => changed!("deleted, and gone once the finalizers that others hold on it let it go"),
            Fate::Lost => debug!(
                namespace,
                system, scope, kind, name, "changed meanwhile, planning again"
            ),
            Fate::Skipped => {}
            // All of them together are one line: see `tell_untried`.
            Fate::Failed(reason) if reason == NOT_TRIED => {}
            Fate::Failed(reason) => warn!(namespace, system, scope, kind, name, reason, "could not be written"),
        }
    }
}

impl Applied {
    /// How many were not tried, since the API server did not answer to others.
    pub(super) fn untried(&self) -> usize {
        let untried = |fate: &&Fate| matches!(fate, Fate::Failed(reason) if reason == NOT_TRIED);
        self.fates().filter(untried).count()
    }
}

fn counted(fate: &Fate) -> Option<WriteResult> {
    match fate {
        Fate::Created => Some(WriteResult::Created),
        Fate::Updated => Some(WriteResult::Updated),
        Fate::Deleted | Fate::Going => Some(WriteResult::Deleted),
        Fate::Lost => Some(WriteResult::Lost),
        Fate::Failed(_) => Some(WriteResult::Failed),
        Fate::Skipped => None,
    }
}

fn written(kind: Kind) -> WrittenKind {
    match kind {
        Kind::User => WrittenKind::PhoneUser,
        Kind::Extension => WrittenKind::Extension,
        Kind::RingGroup => WrittenKind::RingGroup,
    }
}

/// What changes when the operator only lets go.
pub(super) const LET_GO: &str = "let go of: it stays as it is, and is people's";

/// A write, as its line in the log tells of it.
pub(super) struct Line<'a> {
    /// The kind of the object.
    pub kind: Kind,
    /// Its name.
    pub name: &'a str,
    /// Login name of the person, or name of the group: what people look for.
    pub login: Option<&'a str>,
    /// The number that it has.
    pub extension: Option<String>,
    /// What becomes different.
    pub changes: &'a dyn fmt::Display,
    /// Why; empty: the directory or the spec says so.
    pub why: &'a str,
}

/// The number that a PhoneUser or RingGroup has, by what is written to it or goes away with it.
pub(super) fn number_in<'v, F: WrittenField + 'v>(values: impl Iterator<Item = (F, &'v Value)>) -> Option<String> {
    let numbers = [Place::Spec("extension"), Place::Spec("number")];
    let mut named = values.filter(|(field, _)| numbers.contains(&field.place()));
    named.find_map(|(_, value)| value.as_text().map(ToOwned::to_owned))
}

/// An absence, for people.
pub(super) struct Since(pub Absence);

impl fmt::Display for Since {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(Absence { reason, since }) = self;
        write!(formatter, "{reason:?} since {since}")
    }
}

/// The differences that a change makes.
#[derive(Debug)]
pub struct Differences<'a, F: WrittenField>(pub &'a [FieldChange<F>]);

impl<F: WrittenField> fmt::Display for Differences<'_, F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, FieldChange { field, before, after }) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(
                formatter,
                "{separator}{}: {} → {}",
                field.place(),
                Shown(before),
                Shown(after)
            )?;
        }
        Ok(())
    }
}

struct Shown<'a>(&'a Option<Value>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => formatter.write_str("unset"),
            Some(Value::Text(text)) => write!(formatter, "{text:?}"),
            Some(Value::List(list)) => write!(formatter, "{list:?}"),
            Some(Value::Flag(flag)) => write!(formatter, "{flag}"),
            Some(Value::Link(link)) => {
                let Link {
                    config,
                    scope,
                    guid,
                    origin,
                    absence,
                } = &**link;
                write!(formatter, "{guid} ({origin:?} by {scope} from {config}")?;
                if let Some(absence) = absence {
                    write!(formatter, ", {}", Since(*absence))?;
                }
                formatter.write_str(")")
            }
            Some(Value::Source(source)) => {
                write!(
                    formatter,
                    "{} ({} of {})",
                    source.object_guid, source.department, source.scope_ref.name
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::field::Field;

    #[test]
    fn a_line_has_the_number_of_whom_it_is_about() {
        let values = [
            (Field::Login, Value::text("ada")),
            (Field::Extension, Value::text("2001")),
        ];
        let number = |values: &[(Field, Value)]| number_in(values.iter().map(|(field, value)| (*field, value)));
        assert_eq!(number(&values).as_deref(), Some("2001"));
        assert_eq!(number(&values[..1]), None);
    }

    #[test]
    fn a_line_says_what_was_and_what_is() {
        let changes = [
            FieldChange {
                field: Field::Title,
                before: Some(Value::text("CTO")),
                after: Some(Value::text("CEO\n")),
            },
            FieldChange {
                field: Field::Enabled,
                before: None,
                after: Some(Value::Flag(true)),
            },
        ];
        let line = Differences(&changes).to_string();
        assert_eq!(line, r#"spec.title: "CTO" → "CEO\n", spec.enabled: unset → true"#);
    }

    #[test]
    fn what_was_not_tried_is_counted_together() {
        let not_tried = || Fate::Failed(NOT_TRIED.to_owned());
        let applied = Applied {
            claims: vec![Fate::Created, not_tried()],
            users: vec![Fate::Failed("refused".to_owned()), not_tried()],
            ring_groups: vec![not_tried()],
            ..Applied::default()
        };
        assert_eq!(applied.untried(), 3);
    }
}
