//! reference: the page of conditions and Events.

use std::fmt::Write;

use crate::api::{
    conditions::{ALL, Reason, TYPES},
    event_reasons,
};

/// The page.
pub(super) fn page() -> String {
    let mut page = "# Conditions and Events\n\n\
        Every condition that the operator writes, every reason that it can have, and what to do. Why single people are not served is on \
        [the page of problems](problems.md); where to begin when something is wrong, in [troubleshooting](../troubleshooting.md).\n\n\
        ```console\n\
        $ kubectl -n phones describe syncscope staff\n\
        $ kubectl -n phones get adc,scope,extrule,phs -o custom-columns='KIND:.kind,NAME:.metadata.name,TYPE:.status.conditions[*].type,STATUS:.status.conditions[*].status,REASON:.status.conditions[*].reason'\n\
        $ kubectl -n phones events --for syncscope/staff\n\
        ```\n\n\
        The message of a condition says what happened, to which object or server, and what to do; the page says the same of all of them.\n\n\
        ## Types\n\n\
        | type | on | good | says |\n|---|---|---|---|\n"
        .to_owned();
    for kind in TYPES {
        let on: Vec<_> = kind
            .on
            .iter()
            .map(|kind| format!("[{kind}]({}.md)", kind.to_ascii_lowercase()))
            .collect();
        let good = if kind.only_while_true {
            "when it is not there"
        } else {
            "True"
        };
        let _ = writeln!(
            page,
            "| `{}` | {} | {good} | {} |",
            kind.name,
            on.join(", "),
            kind.meaning
        );
    }
    page += "\n`Ready` is what `helm upgrade --wait` and GitOps tools look at, and says that the configuration is right. `Connected` and `Synced` tell about \
        now, and are what alerts stand on: they become False after three failed attempts in a row, or at once for what can't heal by itself. \
        `Unknown` means that nobody knows yet.\n";
    for group in ALL {
        let _ = write!(page, "\n## {}\n\n{}\n", group.title, group.introduction);
        for reason in group.reasons {
            page += &entry(reason);
        }
    }
    page += "\n## Events\n\nEvents are published on change only, on the configuration object that they are about. Besides the reasons of conditions, when one of these \
        turns, and of [problems](problems.md), when there is a new one, there are those below. \
        What a scope still waits for when things are applied in any order is no news: it becomes an Event after a minute.\n\n| reason | says |\n|---|---|\n";
    for reason in event_reasons::ALL {
        let _ = writeln!(page, "| `{}` | {} |", reason.name, reason.meaning);
    }
    page
}

fn entry(reason: &Reason) -> String {
    let Reason {
        name,
        goes_with,
        meaning,
        remedy,
    } = reason;
    let seen: Vec<_> = goes_with
        .iter()
        .map(|(kind, status)| format!("`{kind}={status}`"))
        .collect();
    let remedy = if remedy.is_empty() { "Nothing." } else { remedy };
    format!(
        "\n### {name}\n\n{meaning}\n\n- What to do: {remedy}\n- Seen as: {}\n",
        seen.join(", ")
    )
}
