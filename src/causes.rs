//! Errors as one line for people. Pure.

use std::error::Error;

/// An error and what caused it, on one line; a cause that the line already tells is not told again.
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let told = error.to_string();
        if !line.contains(&told) {
            line = format!("{line}: {told}");
        }
        cause = error.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Outer {
        #[error("cannot write")]
        Write(#[source] std::io::Error),
        #[error("cannot read: {0}")]
        Read(#[source] std::io::Error),
    }

    #[test]
    fn tells_each_cause_once() {
        let full = || std::io::Error::other("the disk is full");
        assert_eq!(with_causes(&Outer::Write(full())), "cannot write: the disk is full");
        assert_eq!(with_causes(&Outer::Read(full())), "cannot read: the disk is full");
    }
}
