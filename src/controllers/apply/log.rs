//! How a change reads in the log: one line, with what was before and what is after. Pure.

use std::fmt;

use crate::sync::{
    field::WrittenField,
    plan::FieldChange,
    value::{Link, Value},
};

/// The differences that a change makes.
pub(super) struct Differences<'a, F: WrittenField>(pub(super) &'a [FieldChange<F>]);

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
            Some(Value::Link(Link {
                config,
                scope,
                guid,
                origin,
            })) => {
                write!(formatter, "{guid} ({origin:?} by {scope} from {config})")
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
}
