//! The name of a Lease, as somebody types it.

use super::namespace::is_label;

/// A text that is not taken for the name of a Lease.
#[derive(Debug, thiserror::Error)]
#[error(
    "a Lease's name has 1 to {LONGEST} characters of a-z, 0-9 and `-`, and a letter or digit at each end (an RFC 1123 label)"
)]
pub(super) struct LeaseNameError;

/// As long as what the chart calls its Deployment, after which it names the Lease.
const LONGEST: usize = 63;

/// Takes what may be a Lease's name. Of anything else the API server would say so only each time that it is asked for.
pub(super) fn parse(name: &str) -> Result<String, LeaseNameError> {
    is_label(name, LONGEST).then(|| name.to_owned()).ok_or(LeaseNameError)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::Command;

    #[test]
    fn a_lease_has_the_name_that_somebody_gives_it_and_an_agents_has_its_own() {
        let run = |arguments: &[&str]| Command::try_parse_from([&["adsync", "run"], arguments].concat());
        assert!(run(&["--leader-election-lease=branch-adsync"]).is_ok());
        let refused = |arguments: &[&str]| run(arguments).unwrap_err().to_string();
        assert!(refused(&["--leader-election-lease=Branch"]).contains("RFC 1123"));
        let both = refused(&["--agent=site-a", "--leader-election-lease=branch"]);
        assert!(both.contains("cannot be used with"), "{both}");
    }
}
