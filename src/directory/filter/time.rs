//! Generalized time (RFC 4517 section 3.3.13), as in whenCreated. Pure.

use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{Offset, TimeZone},
};

/// A point in time such as `20260131120000.0Z` or `202601311300+0100`.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let zone = text.find(['Z', 'z', '+', '-'])?;
    let (digits, zone) = text.split_at_checked(zone)?;
    let (digits, fraction) = digits.split_once(['.', ',']).unwrap_or((digits, "0"));
    let field = |from: usize, length: usize| -> Option<i16> {
        let field = digits.get(from..from + length)?;
        field
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| field.parse().ok())?
    };
    let part = |from: usize| field(from, 2).and_then(|value| i8::try_from(value).ok());
    let (minute, second) = match digits.len() {
        10 => (0, 0),
        12 => (part(10)?, 0),
        14 => (part(10)?, part(12)?),
        _ => return None,
    };
    // A fraction belongs to the last part that is written; Active Directory only ever has one of seconds, and it is zero.
    let whole = digits.len() == 14 || fraction.bytes().all(|digit| digit == b'0');
    let nanoseconds = format!("{fraction:0<9}").get(..9)?.parse().ok().filter(|_| whole)?;
    let civil = DateTime::new(field(0, 4)?, part(4)?, part(6)?, part(8)?, minute, second, nanoseconds).ok()?;
    Some(civil.to_zoned(TimeZone::fixed(offset(zone)?)).ok()?.timestamp())
}

fn offset(zone: &str) -> Option<Offset> {
    if zone.eq_ignore_ascii_case("Z") {
        return Some(Offset::UTC);
    }
    let (sign, digits) = zone.split_at_checked(1)?;
    let number = |from: usize| digits.get(from..from + 2)?.parse::<i32>().ok();
    let minutes = match digits.len() {
        2 => number(0)? * 60,
        4 => number(0)? * 60 + number(2)?,
        _ => return None,
    };
    Offset::from_seconds(if sign == "-" { -minutes * 60 } else { minutes * 60 }).ok()
}

/// The form that [`parse`] reads.
pub(super) fn format(time: Timestamp) -> String {
    time.strftime("%Y%m%d%H%M%S%.fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_writing_a_time_is_the_same_time() {
        let noon = "2026-01-31T12:00:00Z".parse().unwrap();
        for text in [
            "20260131120000.0Z",
            "20260131120000Z",
            "202601311200Z",
            "2026013112Z",
            "20260131130000.0+0100",
            "20260131070000-05",
        ] {
            assert_eq!(parse(text), Some(noon), "{text}");
        }
        assert_eq!(parse(&format(noon)), Some(noon));
        let later = "2026-01-31T12:00:00.25Z".parse().unwrap();
        assert_eq!(parse("20260131120000.25Z"), Some(later));
        assert_eq!(parse(&format(later)), Some(later));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "Z",
            "20260131120000",
            "20260231120000Z",
            "2026-01-31T12:00:00Z",
            "20260131120000.xZ",
            "2026013112.5Z",
            "20260131120000+1",
            "+0100",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
