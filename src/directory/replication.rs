//! How far a domain controller has what others had: `replUpToDateVector` of a naming context ([MS-DRSR] sections 5.166 and 5.167,
//! `UPTODATE_VECTOR_V1_EXT` and `UPTODATE_VECTOR_V2_EXT`). Pure.

use jiff::Timestamp;

use super::{Guid, file_time};

/// What a domain controller has of another one's changes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Replica {
    /// Identity of the other one's database.
    pub invocation_id: Guid,
    /// Everything up to this update sequence number of the other one's.
    pub highest_usn: i64,
    /// When it last replicated with it, directly or through others. None: it doesn't say.
    pub synced_at: Option<Timestamp>,
}

/// Version, reserved, count, reserved: each a little-endian number of four bytes.
const HEADER: usize = 16;

/// Nothing, where it is not in a form that is known.
pub(super) fn parse(value: &[u8]) -> Vec<Replica> {
    let number = |at: usize| Some(u32::from_le_bytes(*value.get(at..)?.first_chunk()?));
    let (Some(version), Some(count), Some(cursors)) = (number(0), number(8), value.get(HEADER..)) else {
        return Vec::new();
    };
    let length = match version {
        1 => 24,
        2 => 32,
        _ => return Vec::new(),
    };
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    cursors.chunks_exact(length).take(count).filter_map(replica).collect()
}

fn replica(cursor: &[u8]) -> Option<Replica> {
    let (invocation_id, rest) = cursor.split_at_checked(16)?;
    let (usn, time) = rest.split_first_chunk()?;
    let time = time.first_chunk().map(|time| u64::from_le_bytes(*time));
    Some(Replica {
        invocation_id: Guid::from_ldap_bytes(invocation_id)?,
        highest_usn: i64::from_le_bytes(*usn),
        synced_at: time.filter(|time| *time != 0).and_then(timestamp),
    })
}

/// Steps of 100 ns since 1601. In this structure AD counts whole seconds since then; Samba the former.
fn timestamp(time: u64) -> Option<Timestamp> {
    /// As seconds, a date that no clock will show; as steps, the year 1601.
    const LATEST_SECOND: i64 = 1 << 40;
    let time = i64::try_from(time).ok()?;
    let steps = if time > LATEST_SECOND {
        time
    } else {
        time.checked_mul(file_time::STEPS)?
    };
    Some(file_time::timestamp(steps))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::samples::guid;

    fn vector(version: u32, count: u32, cursors: &[(u8, i64, Option<u64>)]) -> Vec<u8> {
        let mut value: Vec<u8> = [version, 0, count, 0].into_iter().flat_map(u32::to_le_bytes).collect();
        for (number, usn, time) in cursors {
            value.extend(guid(*number).to_ldap_bytes());
            value.extend(usn.to_le_bytes());
            value.extend(time.iter().flat_map(|time| time.to_le_bytes()));
        }
        value
    }

    fn replica(number: u8, highest_usn: i64, synced_at: Option<&str>) -> Replica {
        Replica {
            invocation_id: guid(number),
            highest_usn,
            synced_at: synced_at.map(|time| time.parse().unwrap()),
        }
    }

    #[test]
    fn both_versions_say_what_is_there() {
        let first = vector(1, 2, &[(1, 4711, None), (2, 12, None)]);
        assert_eq!(parse(&first), [replica(1, 4711, None), replica(2, 12, None)]);
        let second = vector(
            2,
            3,
            &[
                (1, 4711, Some(134_080_128_000_000_000)),
                (2, 12, Some(13_408_012_800)),
                (3, 5, Some(0)),
            ],
        );
        let time = Some("2025-11-19T08:00:00Z");
        assert_eq!(
            parse(&second),
            [replica(1, 4711, time), replica(2, 12, time), replica(3, 5, None)]
        );
    }

    #[test]
    fn what_is_cut_or_unknown_says_nothing() {
        let whole = vector(2, 1, &[(1, 4711, Some(1))]);
        for length in 0..whole.len() {
            assert_eq!(parse(&whole[..length]), [], "{length}");
        }
        assert_eq!(parse(&vector(3, 1, &[(1, 4711, Some(1))])), []);
        assert_eq!(
            parse(&vector(2, u32::MAX, &[(1, 4711, Some(u64::MAX))])),
            [replica(1, 4711, None)]
        );
    }
}
