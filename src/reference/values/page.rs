//! reference: the chart's README.

use std::fmt::Write;

use super::{Section, Value, schema};

const HEAD: &str = r"<!-- Generated from values.yaml by `make generate`: change that, not this page. -->

# The Helm chart adsync

Installs the operator, its kinds and its rights. Kubernetes 1.32 or newer.

```console
$ helm install adsync charts/adsync --namespace adsync --create-namespace --set image.repository=registry.example.com/adsync --wait
```

[Installing](../../docs/installation.md) tells what goes with what: who may do what, several operators, agents outside of the cluster, upgrades, going
without Helm.

A value that is not below, or of another type, is refused before anything is installed. Maps that go into a pod as they are (`resources`, `affinity` and the
like) take whatever Kubernetes takes there. In the table, `a.b` is `b` in the map `a`, and what one writes after `--set`.
";

/// The page.
pub(super) fn page(sections: &[Section]) -> String {
    let mut page = HEAD.to_owned();
    for section in sections {
        let _ = write!(
            page,
            "\n## {}\n\n| value | type | default | |\n|---|---|---|---|\n",
            section.title
        );
        for value in &section.values {
            rows(&mut page, value);
        }
    }
    page
}

fn rows(page: &mut String, value: &Value) {
    for value in &value.values {
        rows(page, value);
    }
    if value.values.is_empty() {
        let _ = writeln!(
            page,
            "| `{}` | {} | `{}` | {} |",
            value.path,
            cell(&schema::in_words(value)),
            cell(&value.default.to_string()),
            cell(&value.text)
        );
    }
}

/// A bar would begin the next column, also between backticks.
fn cell(text: &str) -> String {
    text.replace('|', r"\|").replace('<', "&lt;")
}
