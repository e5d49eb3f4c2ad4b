//! The name of a namespace, as somebody types it. Whether there is one is for the API server to say.

/// A text that can't be the name of a namespace.
#[derive(Debug, thiserror::Error)]
#[error(
    "a namespace has 1 to {LONGEST} characters of a-z, 0-9 and `-`, and a letter or digit at each end (an RFC 1123 label)"
)]
pub(super) struct NamespaceNameError;

/// RFC 1123 label, as the API server checks it.
const LONGEST: usize = 63;

/// Takes what may be a namespace's name. Anything else would be answered with 403 or an empty list, which say nothing of it.
pub(super) fn parse(name: &str) -> Result<String, NamespaceNameError> {
    is_label(name, LONGEST)
        .then(|| name.to_owned())
        .ok_or(NamespaceNameError)
}

/// Whether a text is an RFC 1123 label that is not too long.
pub(super) fn is_label(name: &str, longest: usize) -> bool {
    let is_known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=longest).contains(&name.len()) && name.bytes().all(is_known) && !name.starts_with('-') && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::Command;

    #[test]
    fn what_can_be_no_namespace_is_refused_with_the_rule() {
        let run = |namespaces: &str| Command::try_parse_from(["adsync", "run", &format!("--namespace={namespaces}")]);
        let longest = "n".repeat(63);
        for namespaces in ["phones", "a", "0-b", "phones,sales", &longest] {
            assert!(run(namespaces).is_ok(), "{namespaces}");
        }
        let too_long = "n".repeat(64);
        for namespaces in ["Foo_", "-a", "a-", "a.b", "phones,Foo", "phones,", "bücher", &too_long] {
            let error = run(namespaces).unwrap_err().to_string();
            assert!(error.contains("1 to 63 characters of a-z, 0-9 and `-`"), "{error}");
        }
    }
}
