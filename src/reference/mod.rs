//! The pages of `docs/reference/`, made of the types and tables that the operator itself uses, and what is made of the chart's values. Pure:
//! values in, text out; no file is written here, and nothing is said of a field that its type does not say.

mod conditions;
mod fields;
mod flow;
mod index;
mod kind;
mod kinds;
mod outline;
mod problems;
pub mod values;
mod words;

use crate::api::crds;

/// A page.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Page {
    /// Its file in the folder.
    pub file: String,
    /// Markdown.
    pub text: String,
}

/// Said at the top of each page, where it does not show.
const GENERATED: &str = "<!-- Generated from the types by `make generate`: change those, not this page. -->\n\n";

/// All pages.
pub fn pages() -> Vec<Page> {
    let mut pages: Vec<Page> = crds::all()
        .iter()
        .filter_map(|crd| Some((kinds::about(&crd.spec.names.kind)?, crd)))
        .map(|(about, crd)| page(&about.file(), &kind::page(about, crd)))
        .collect();
    pages.push(page("conditions.md", &conditions::page()));
    pages.push(page("problems.md", &problems::page()));
    pages.push(page("README.md", &index::page()));
    pages
}

/// The example of each kind, as YAML.
pub fn examples() -> impl Iterator<Item = (&'static str, &'static str)> {
    kinds::ALL.iter().map(|about| (about.kind, about.example))
}

fn page(file: &str, text: &str) -> Page {
    Page {
        file: file.to_owned(),
        text: format!("{GENERATED}{}\n", text.trim_end()),
    }
}
