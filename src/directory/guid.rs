//! objectGUID, the identity that survives renames and moves. Pure.

use std::{fmt, str::FromStr};

use uuid::Uuid;

/// The objectGUID of an entry. Displays as `lower-case 8-4-4-4-12`, the form used in object names.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Guid(Uuid);

/// Text that is no objectGUID.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is no objectGUID: write it as 01234567-89ab-cdef-0123-456789abcdef")]
pub struct GuidError(String);

impl Guid {
    /// From the attribute's 16 bytes. Its first three fields are little-endian (MS-DTYP 2.3.4.2).
    pub fn from_ldap_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(Uuid::from_bytes_le(bytes.try_into().ok()?)))
    }

    /// The attribute's 16 bytes.
    pub fn to_ldap_bytes(self) -> [u8; 16] {
        self.0.to_bytes_le()
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(formatter)
    }
}

impl FromStr for Guid {
    type Err = GuidError;

    fn from_str(text: &str) -> Result<Self, GuidError> {
        // Uuid would also take braces, a URN and no hyphens at all; 36 characters leave only the one form.
        match Uuid::try_parse(text) {
            Ok(uuid) if text.len() == 36 => Ok(Self(uuid)),
            _ => Err(GuidError(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_three_fields_are_little_endian() {
        let bytes = [
            0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff,
        ];
        let guid = Guid::from_ldap_bytes(&bytes).unwrap();
        assert_eq!(guid.to_string(), "00112233-4455-6677-8899-aabbccddeeff");
        assert_eq!(guid.to_ldap_bytes(), bytes);
        assert_eq!("00112233-4455-6677-8899-AABBCCDDEEFF".parse(), Ok(guid));
        assert_eq!(Guid::from_ldap_bytes(&bytes[..15]), None);
    }

    #[test]
    fn other_notations_are_refused() {
        for text in [
            "",
            "00112233445566778899aabbccddeeff",
            "{00112233-4455-6677-8899-aabbccddeeff}",
        ] {
            assert_eq!(text.parse::<Guid>(), Err(GuidError(text.to_owned())));
        }
    }
}
