//! Values that the directory does not show any more. A few are people's doing; of many at once, an attribute that can't be read.

use std::collections::{BTreeMap, BTreeSet};

use super::{Input, mapping::is_blank, person::Person, validated::FieldSource};

/// The attributes that are blank now for linked people whose PhoneUsers have values from them: whose, by login and uid.
pub(super) fn blanks<'a>(input: &Input<'a>, people: &[Person<'_>]) -> BTreeMap<&'a str, Vec<(String, String)>> {
    let mut blanks: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for person in people {
        let Some(user) = person.observed else { continue };
        let written = user.values.present().intersection(user.ownership.ours);
        let blank = written.iter().filter(|field| is_blank(input, person.account, *field));
        let attributes: BTreeSet<&str> = blank
            .filter_map(|field| match input.scope.map.get(&field)? {
                FieldSource::Attribute(attribute) => Some(attribute.as_str()),
                FieldSource::LoginNames | FieldSource::ParentEntry => None,
            })
            .collect();
        for attribute in attributes {
            let whose = (person.subject.login.to_string(), user.version.uid.to_string());
            blanks.entry(attribute).or_default().push(whose);
        }
    }
    blanks
}
