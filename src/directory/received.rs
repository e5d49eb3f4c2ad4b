//! directory: an entry as it comes from the wire. Pure.

use lber::structure::{PL, StructureTag};

use super::ber::Malformed;
use super::{RawEntry, extended_name};

/// A parsed `SearchResultEntry` as an entry, by moving its parts: ldap3's own way panics on what it did not expect, copies, and
/// guesses which values are text.
pub(super) fn entry(tag: StructureTag) -> Result<RawEntry, Malformed> {
    let [dn, attributes] = parts(tag, "an entry")?;
    let mut dn = string(dn, "an entry's DN")?;
    let plain_start = dn.len() - extended_name::parse(&dn).1.len();
    dn.drain(..plain_start);
    let attributes = children(attributes, "an entry's attributes")?
        .into_iter()
        .map(attribute);
    Ok(RawEntry {
        dn,
        attributes: attributes.collect::<Result<_, _>>()?,
    })
}

fn attribute(tag: StructureTag) -> Result<(String, Vec<Vec<u8>>), Malformed> {
    let [name, values] = parts(tag, "an attribute")?;
    let name = string(name, "an attribute's name")?;
    let values = children(values, "an attribute's values")?
        .into_iter()
        .map(|value| bytes(value, "a value"));
    Ok((name, values.collect::<Result<_, _>>()?))
}

fn parts<const COUNT: usize>(tag: StructureTag, what: &'static str) -> Result<[StructureTag; COUNT], Malformed> {
    children(tag, what)?.try_into().map_err(|_| Malformed::Unexpected(what))
}

fn children(tag: StructureTag, what: &'static str) -> Result<Vec<StructureTag>, Malformed> {
    match tag.payload {
        PL::C(children) => Ok(children),
        PL::P(_) => Err(Malformed::Unexpected(what)),
    }
}

fn bytes(tag: StructureTag, what: &'static str) -> Result<Vec<u8>, Malformed> {
    match tag.payload {
        PL::P(bytes) => Ok(bytes),
        PL::C(_) => Err(Malformed::Unexpected(what)),
    }
}

fn string(tag: StructureTag, what: &'static str) -> Result<String, Malformed> {
    String::from_utf8(bytes(tag, what)?).map_err(|_| Malformed::NotUtf8(what))
}
