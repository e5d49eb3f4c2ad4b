//! directory: distinguished names with the identity of what they name: `<GUID=…>;<SID=…>;CN=…`, as AD writes them when it is
//! asked to ([MS-ADTS] section 3.1.1.3.4.1.5). Pure.
//!
//! People and groups are read one after the other, and somebody may be renamed or moved in between. Joined by name, they would
//! be missing from all their groups in that read.

use super::Guid;

/// The objectGUID, where the name says it, and the distinguished name alone.
pub(super) fn parse(text: &str) -> (Option<Guid>, &str) {
    let mut guid = None;
    let mut rest = text;
    // No distinguished name begins with `<`.
    while let Some((part, behind)) = rest.strip_prefix('<').and_then(|rest| rest.split_once(">;")) {
        let (kind, value) = part.split_once('=').unwrap_or_default();
        if kind.eq_ignore_ascii_case("GUID") {
            guid = value.parse().ok();
        }
        rest = behind;
    }
    (guid, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_whom_it_means() {
        let guid = "01234567-89ab-cdef-0123-456789abcdef".parse().ok();
        let dn = r"CN=<a>\;b,DC=example,DC=com";
        for (text, expected) in [
            (
                format!("<GUID=01234567-89ab-cdef-0123-456789abcdef>;<SID=S-1-5-21-1-2-3-500>;{dn}"),
                (guid, dn),
            ),
            (format!("<guid=01234567-89ab-cdef-0123-456789abcdef>;{dn}"), (guid, dn)),
            (dn.to_owned(), (None, dn)),
            (format!("<GUID=none>;{dn}"), (None, dn)),
            ("<GUID=none".to_owned(), (None, "<GUID=none")),
            (String::new(), (None, "")),
        ] {
            assert_eq!(parse(&text), expected, "{text}");
        }
    }
}
