//! reference: reads values.yaml with its comments, which no YAML parser gives.

use std::mem;

use serde_json::{Map, Value as Json};

use super::{Section, Value};

/// What is wrong with values.yaml.
#[derive(Debug, thiserror::Error)]
pub enum ReadValuesError {
    /// It is no YAML.
    #[error("cannot read the values: write YAML")]
    ReadYaml(#[source] serde_yaml::Error),
    /// An annotation is none.
    #[error("cannot read the annotation of {path}: write `# @schema {{KEYWORD: VALUE}}` on one line")]
    ReadAnnotation {
        /// The value.
        path: String,
        /// Why.
        source: serde_yaml::Error,
    },
    /// A value has no comment.
    #[error("nothing documents {0}: write a comment above it")]
    FindComment(String),
    /// A value is in no section.
    #[error("{0} is in no section: write `# -- TITLE ---` above it")]
    FindSection(String),
}

/// A heading is a comment that begins so.
const HEADING: &str = "-- ";
const ANNOTATION: &str = "@schema ";

/// Reads all values, in the order of the file.
pub(super) fn read(text: &str) -> Result<Vec<Section>, ReadValuesError> {
    let defaults: Json = serde_yaml::from_str(text).map_err(ReadValuesError::ReadYaml)?;
    let mut lines = Lines {
        left: text.lines().map(Line::of).collect::<Vec<_>>().into_iter().peekable(),
        sections: Vec::new(),
        comment: Comment::default(),
    };
    while let Some(value) = lines.next_value(0, "", &defaults)? {
        let section = lines.sections.last_mut();
        let section = section.ok_or_else(|| ReadValuesError::FindSection(value.path.clone()))?;
        section.values.push(value);
    }
    Ok(lines.sections)
}

enum Line<'a> {
    Blank,
    Comment {
        indent: usize,
        text: &'a str,
    },
    Key {
        indent: usize,
        key: &'a str,
    },
    /// More of a default.
    Other {
        indent: usize,
    },
}

impl<'a> Line<'a> {
    fn of(line: &'a str) -> Self {
        let content = line.trim_start();
        let indent = line.len() - content.len();
        if content.is_empty() {
            Self::Blank
        } else if let Some(comment) = content.strip_prefix('#') {
            let text = comment.trim();
            Self::Comment { indent, text }
        } else {
            let key = content.split_once(':').map(|(key, _)| key);
            match key.filter(|key| key.chars().all(char::is_alphanumeric)) {
                Some(key) => Self::Key { indent, key },
                None => Self::Other { indent },
            }
        }
    }
}

/// What stands above a value.
#[derive(Default)]
struct Comment {
    text: String,
    annotation: Option<String>,
}

struct Lines<'a> {
    left: std::iter::Peekable<std::vec::IntoIter<Line<'a>>>,
    sections: Vec<Section>,
    comment: Comment,
}

impl Lines<'_> {
    /// The next value at this depth, if one comes before the group ends.
    fn next_value(&mut self, depth: usize, group: &str, defaults: &Json) -> Result<Option<Value>, ReadValuesError> {
        let key = loop {
            match self.left.peek() {
                None => return Ok(None),
                // Also a comment: it is the next value's, outside of this group.
                Some(Line::Key { indent, .. } | Line::Other { indent } | Line::Comment { indent, .. })
                    if *indent < depth =>
                {
                    return Ok(None);
                }
                Some(&Line::Key { indent, key }) if indent == depth => break key.to_owned(),
                Some(&Line::Comment { text, .. }) => self.heed(text),
                Some(Line::Blank) => self.comment = Comment::default(),
                Some(_) => {}
            }
            self.left.next();
        };
        self.left.next();
        let path = if group.is_empty() {
            key.clone()
        } else {
            format!("{group}.{key}")
        };
        let default = defaults.get(&key).cloned().unwrap_or_default();
        self.value(path, depth, default).map(Some)
    }

    fn heed(&mut self, comment: &str) {
        if let Some(heading) = comment.strip_prefix(HEADING) {
            let title = heading.trim_end_matches('-').trim().to_owned();
            self.sections.push(Section {
                title,
                values: Vec::new(),
            });
        } else if let Some(annotation) = comment.strip_prefix(ANNOTATION) {
            self.comment.annotation = Some(annotation.to_owned());
        } else {
            if !self.comment.text.is_empty() {
                self.comment.text.push(' ');
            }
            self.comment.text.push_str(comment);
        }
    }

    fn value(&mut self, path: String, depth: usize, default: Json) -> Result<Value, ReadValuesError> {
        let Comment { text, annotation } = mem::take(&mut self.comment);
        let annotation: Map<String, Json> = match annotation {
            None => Map::new(),
            Some(yaml) => serde_yaml::from_str(&yaml).map_err(|source| ReadValuesError::ReadAnnotation {
                path: path.clone(),
                source,
            })?,
        };
        let has_values = default.as_object().is_some_and(|values| !values.is_empty());
        let is_group = has_values && !annotation.contains_key("additionalProperties");
        let mut values = Vec::new();
        if is_group {
            while let Some(value) = self.next_value(depth + 2, &path, &default)? {
                values.push(value);
            }
        } else if text.is_empty() {
            return Err(ReadValuesError::FindComment(path));
        } else {
            self.skip_default(depth);
        }
        Ok(Value {
            path,
            text,
            default,
            annotation,
            values,
        })
    }

    /// What of a default is on lines of its own. A list's items may begin where its key does.
    fn skip_default(&mut self, depth: usize) {
        let is_default = |line: &Line<'_>| match line {
            Line::Key { indent, .. } => *indent > depth,
            Line::Other { indent } => *indent >= depth,
            Line::Blank | Line::Comment { .. } => false,
        };
        while self.left.next_if(is_default).is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(values: &[Value]) -> Vec<String> {
        let own = |value: &Value| [vec![value.path.clone()], paths(&value.values)].concat();
        values.iter().flat_map(own).collect()
    }

    #[test]
    fn values_have_their_comment_default_and_place() {
        let sections = read(
            "# About the file.\n\n# -- One ------\n\n# First line,\n# second line.\n# @schema {minimum: 1}\nsize: 3\nimage:\n  # Where.\n  name: x\n\n\
             # -- Two --\n\n# Open.\n# @schema {additionalProperties: true}\nopen:\n  inner:\n    deep: 1\n# Many.\nlist:\n- a: 1\n- b\n# Last.\nlast: \"\"\n",
        )
        .unwrap();
        let titles: Vec<_> = sections.iter().map(|section| section.title.as_str()).collect();
        assert_eq!(titles, ["One", "Two"]);
        assert_eq!(paths(&sections[0].values), ["size", "image", "image.name"]);
        assert_eq!(paths(&sections[1].values), ["open", "list", "last"]);
        let size = &sections[0].values[0];
        assert_eq!(size.text, "First line, second line.");
        assert_eq!((&size.default, &size.annotation["minimum"]), (&json!(3), &json!(1)));
        assert_eq!(sections[1].values[1].default, json!([{"a": 1}, "b"]));
    }

    #[test]
    fn a_value_that_nothing_documents_is_named() {
        for (yaml, wanted) in [
            ("# -- A --\ngroup:\n  value: 1\n", "nothing documents group.value"),
            ("# Text.\n\n# -- A --\nvalue: 1\n", "nothing documents value"),
            ("# Text.\nvalue: 1\n", "value is in no section"),
            ("# -- A --\n# Text.\n# @schema [\nvalue: 1\n", "the annotation of value"),
            ("a: [", "write YAML"),
        ] {
            let said = read(yaml).unwrap_err().to_string();
            assert!(said.contains(wanted), "{said}");
        }
    }
}
