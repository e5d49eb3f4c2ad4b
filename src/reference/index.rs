//! reference: the page that leads to all others.

use std::fmt::Write;

use super::{fields::root, kinds};
use crate::api::crds;

/// The page.
pub(super) fn page() -> String {
    let mut page = "# Reference\n\n\
        Generated from the types, so it says what the operator and the API server really take. `kubectl explain KIND.spec.FIELD` has the same texts.\n\n\
        | kind | what it is | written by |\n|---|---|---|\n"
        .to_owned();
    let crds = crds::all();
    for crd in &crds {
        let kind = &crd.spec.names.kind;
        let (Some(about), Some(root)) = (kinds::about(kind), root(crd)) else {
            continue;
        };
        let summary = root.description.as_deref().unwrap_or_default();
        let _ = writeln!(
            page,
            "| [{kind}]({}) | {summary} | {} |",
            about.file(),
            about.written_by
        );
    }
    page += READING;
    page
}

const READING: &str = r#"
- [Conditions and Events](conditions.md): every type and reason, and what to do
- [Problems](problems.md): why somebody is not served, and what to do
- [Troubleshooting](../troubleshooting.md): when you don't know yet what is wrong

## How to read a page

A field is named by its path: `spec.users.groups[].dn` is `dn` of any entry of the list `groups` in `users` in `spec`; `<field>` stands for any name.
Each page has the shape of the whole object as YAML, with every default, and then each field with its type, its limits and what it means.

- **required**: the API server refuses the object around it without this field. **immutable**: it stays as it was when the object was made.
- **default**: the API server fills it in where the field is left out.
- A duration is written as hours, minutes and seconds: `90s`, `30m`, `1h30m`. There is no unit for days: a week is `168h`.
- Phone numbers are text, in quotes: YAML would read `0800` as another number, and leading zeros count.
- Distinguished names and filters hold commas and parentheses: in `{…}` and `[…]` they need quotes.
- Names refer to objects of the same namespace. Nothing reaches into another one.

## How to read a refusal

`kubectl apply` prints where it is, what was written, and what to write instead:

```text
The SyncScope "staff" is invalid: spec.users: Invalid value: "object": say who is synced: organizationalUnits, groups, or everyone: {}
```

- `Required value`: the field is missing. `Unsupported value`: it is none of the choices, which the message lists. `Too many`, `Too long`: the limits are
  on the field's page. `should match`: the pattern is on the field's page, in words.
- `unknown field`: it is misspelled, or in the wrong place. `kubectl apply` refuses it; a tool that doesn't check drops it without a word, so look with
  `kubectl get -o yaml` whether it is there.
- `Immutable` fields are named on each page: delete the object and make a new one.
"#;
