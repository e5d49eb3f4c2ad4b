//! Durations as people write them in YAML: `1h30m` (Kubernetes' GEP-2257). Nothing else.

use std::time::Duration;

use jiff::SignedDuration;

/// Text that is no duration.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("\"{0}\" is no duration; write hours, minutes and seconds, such as 30m or 1h30m")]
pub struct DurationError(String);

/// The duration that a text names: one to four of `<1 to 5 digits><h, m, s or ms>`.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let wrong = || DurationError(text.to_owned());
    let mut total = Duration::ZERO;
    let mut rest = text;
    let mut parts = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (amount, unit_and_rest) = rest.split_at(digits);
        let letters = unit_and_rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, behind) = unit_and_rest.split_at(letters);
        let amount: u32 = amount.parse().map_err(|_| wrong())?;
        let unit = match unit {
            "h" => Duration::from_hours(1),
            "m" => Duration::from_mins(1),
            "s" => Duration::from_secs(1),
            "ms" => Duration::from_millis(1),
            _ => return Err(wrong()),
        };
        parts += 1;
        if digits > 5 || parts > 4 {
            return Err(wrong());
        }
        total += unit * amount;
        rest = behind;
    }
    if parts == 0 { Err(wrong()) } else { Ok(total) }
}

/// The same, to count with times.
pub(super) fn signed_duration(text: &str) -> Result<SignedDuration, DurationError> {
    SignedDuration::try_from(parse_duration(text)?).map_err(|_| DurationError(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_kubernetes_writes_them() {
        for (text, seconds) in [
            ("10s", 10),
            ("1h30m", 5400),
            ("30m1h", 5400),
            ("99999h", 359_996_400),
            ("0s", 0),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse_duration("1s500ms"), Ok(Duration::from_millis(1500)));
    }

    #[test]
    fn anything_else_is_refused_and_says_what_to_write() {
        for text in [
            "",
            "7d",
            "10",
            "h",
            "-1h",
            "1.5h",
            "1h 30m",
            "100000s",
            "1h1h1h1h1h",
            "1µs",
        ] {
            let error = parse_duration(text).unwrap_err();
            assert!(error.to_string().ends_with("such as 30m or 1h30m"), "{text}");
        }
    }
}
