//! reference: the page of problems: why somebody is not served as the spec wishes.

use std::fmt::Write;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use serde_json::Value;

use super::{
    fields::{Field, all, children, root},
    words::split_choices,
};
use crate::api::{crds, sync_scope::ProblemReason};

/// Every reason of a problem, with its meaning.
pub(super) fn reasons() -> Vec<(ProblemReason, String)> {
    let crds = crds::all();
    let schemas = crds.iter().filter_map(root);
    schemas.filter_map(reason_schema).flat_map(of_schema).collect()
}

fn reason_schema(root: &JSONSchemaProps) -> Option<&JSONSchemaProps> {
    let status = children("", root).into_iter().find(|field| field.name() == "status")?;
    let path = status.name().to_owned();
    let fields = all(Field { path, ..status });
    let reason = fields
        .into_iter()
        .find(|field| field.path == "status.problems[].reason")?;
    Some(reason.schema)
}

fn of_schema(schema: &JSONSchemaProps) -> Vec<(ProblemReason, String)> {
    let (_, choices) = split_choices(schema.description.as_deref().unwrap_or_default());
    let reasons = choices.into_iter().filter_map(|(name, meaning)| {
        let reason = serde_json::from_value(Value::from(name)).ok()?;
        Some((reason, meaning.to_owned()))
    });
    reasons.collect()
}

/// The page.
pub(super) fn page() -> String {
    let mut page = "# Problems\n\n\
        Why somebody, or a ring group, is not served as the spec wishes. `status.problems` of a [SyncScope](syncscope.md) has at most twenty, \
        each with a message about this very person; the metric `adsync_unmatched_users` counts all of the unmatched by reason, and each new \
        problem is an Event. One bad record costs one record: everybody else is served.\n\n\
        ```console\n\
        $ kubectl -n phones get scope staff -o jsonpath='{range .status.problems[*]}{.reason}{\"\\t\"}{.login}{\"\\t\"}{.message}{\"\\n\"}{end}'\n\
        ```\n"
        .to_owned();
    for (reason, meaning) in reasons() {
        let _ = write!(
            page,
            "\n## {reason:?}\n\n{meaning}\n\n- What to do: {}\n",
            reason.remedy()
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_one_that_says_what_to_do() {
        let reasons = reasons();
        assert_eq!(reasons.len(), 15);
        for (reason, meaning) in reasons {
            assert!(meaning.ends_with('.') && reason.remedy().ends_with('.'), "{reason:?}");
            assert!(!reason.remedy().contains("  "), "{reason:?}: {}", reason.remedy());
        }
    }
}
