//! reference: the values of the Helm chart. Its schema and its page are made of values.yaml: a value's comment is its documentation, its default
//! its type. Pure: text in, text out.

mod page;
mod read;
mod schema;

use serde_json::{Map, Value as Json};

pub use read::ReadValuesError;

/// A heading of values.yaml, and the values below it.
#[derive(Clone, Debug, PartialEq)]
struct Section {
    title: String,
    values: Vec<Value>,
}

/// A value of the chart, or a group of them.
#[derive(Clone, Debug, PartialEq)]
struct Value {
    /// As one writes it after `--set`.
    path: String,
    /// What its comment says, as one line.
    text: String,
    default: Json,
    /// What its comment says to the schema.
    annotation: Map<String, Json>,
    /// The values of a group; of others, none.
    values: Vec<Value>,
}

impl Value {
    fn name(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or_default()
    }
}

/// What is made of values.yaml.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Generated {
    /// values.schema.json.
    pub schema: String,
    /// README.md.
    pub page: String,
}

/// Makes schema and page.
pub fn generate(values: &str) -> Result<Generated, ReadValuesError> {
    let sections = read::read(values)?;
    Ok(Generated {
        schema: format!("{:#}\n", schema::schema(&sections)),
        page: page::page(&sections),
    })
}
