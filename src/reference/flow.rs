//! reference: values as people write them in YAML, on one line.

use serde_json::Value;

/// A value in YAML's flow style: `{mode: LDAPS}`, `[WindowsLogin]`, `"2001"`.
pub(super) fn flow(value: &Value) -> String {
    match value {
        Value::Object(entries) => {
            let entries: Vec<_> = entries
                .iter()
                .map(|(name, value)| format!("{name}: {}", flow(value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        Value::Array(entries) => {
            let entries: Vec<_> = entries.iter().map(flow).collect();
            format!("[{}]", entries.join(", "))
        }
        Value::String(text) if is_plain(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Whether a text is the same text for every YAML parser without quotes.
fn is_plain(text: &str) -> bool {
    let begins_well = text.starts_with(|first: char| first.is_ascii_alphabetic());
    let is_harmless = |character: char| character.is_ascii_alphanumeric() || "-_./".contains(character);
    let is_no_word_of_yaml =
        !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(&&*text.to_ascii_lowercase());
    // Not `1h` either, which is fine but for `1e3`: what begins with a digit is quoted unless it is a duration.
    let is_duration = text.starts_with(|first: char| first.is_ascii_digit())
        && text.ends_with(['h', 'm', 's'])
        && text
            .chars()
            .all(|character| character.is_ascii_digit() || "hms".contains(character));
    is_duration || (begins_well && text.chars().all(is_harmless) && is_no_word_of_yaml)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_what_was_meant() {
        for (value, expected) in [
            (json!({"mode": "LDAPS"}), "{mode: LDAPS}"),
            (json!(["110", "08"]), r#"["110", "08"]"#),
            (json!("10m"), "10m"),
            (json!("1h30m"), "1h30m"),
            (json!("1e3"), r#""1e3""#),
            (json!("no"), r#""no""#),
            (json!("Europe/Berlin"), "Europe/Berlin"),
            (json!(true), "true"),
            (json!(2), "2"),
            (json!({"digits": {"max": 6}}), "{digits: {max: 6}}"),
        ] {
            assert_eq!(flow(&value), expected);
            assert_eq!(serde_yaml::from_str::<Value>(expected).unwrap(), value);
        }
    }
}
