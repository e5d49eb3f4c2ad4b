//! The name of an agent, as somebody types it. What names it is for the API server to say.

use super::namespace::is_label;

/// A text that can't be the name of an agent.
#[derive(Debug, thiserror::Error)]
#[error(
    "an agent's name has 1 to {LONGEST} characters of a-z, 0-9 and `-`, and a letter or digit at each end, such as site-a"
)]
pub(super) struct AgentNameError;

/// As the API server checks `spec.agent`.
const LONGEST: usize = 40;

/// Takes what may be an agent's name.
pub(super) fn parse(name: &str) -> Result<String, AgentNameError> {
    is_label(name, LONGEST).then(|| name.to_owned()).ok_or(AgentNameError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_in_no_spec_is_refused() {
        assert!(parse("site-a").is_ok() && parse(&"a".repeat(40)).is_ok());
        for name in ["", "Site", "a.b", "-a", &"a".repeat(41)] {
            assert!(parse(name).unwrap_err().to_string().contains("1 to 40"), "{name}");
        }
    }
}
