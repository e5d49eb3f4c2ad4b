//! Which limit removals are more than, of the two there are: the scope's, and that of its directory over all scopes. Pure.

use jiff::Timestamp;

use super::{
    Input,
    budget::{allowance, spent},
};

/// The limit that so many people more would be over, in words; so many are `linked` now.
pub(super) fn over_for_people(input: &Input<'_>, now: Timestamp, linked: i64, count: i64) -> Option<String> {
    let (limit, directory) = (input.scope.removal.limit, input.past.directory);
    let of_scope = spent(input.past.budget, now, limit.window);
    let ours = spent(input.past.budget, now, directory.window);
    if of_scope.people + count > allowance(limit.percent, limit.count, linked + of_scope.gone) {
        return Some(of_scope_in_words(input));
    }
    let linked_by_all = linked + ours.gone + directory.linked + directory.gone;
    let allowed = allowance(directory.percent, directory.count, linked_by_all);
    (ours.people + directory.spent + count > allowed).then(|| of_directory_in_words(input))
}

/// The same of ring groups; so many are `there` now.
pub(super) fn over_for_ring_groups(input: &Input<'_>, now: Timestamp, there: i64, count: i64) -> Option<String> {
    let (limit, directory) = (input.scope.removal.limit, input.past.directory);
    let of_scope = spent(input.past.budget, now, limit.window);
    let ours = spent(input.past.budget, now, directory.window);
    if of_scope.ring_groups + count > allowance(limit.percent, limit.count, there + of_scope.ring_groups) {
        return Some(of_scope_in_words(input));
    }
    let is_over = ours.ring_groups + directory.ring_groups + count > directory.count;
    is_over.then(|| of_directory_in_words(input))
}

fn of_scope_in_words(input: &Input<'_>) -> String {
    let limit = input.scope.removal.limit;
    let (percent, count, window) = (limit.percent, limit.count, limit.window);
    format!("{percent} percent or {count} in {window:#}, by spec.removal.limit")
}

fn of_directory_in_words(input: &Input<'_>) -> String {
    let limit = input.past.directory;
    let (percent, count, window, name) = (limit.percent, limit.count, limit.window, &input.scope.directory);
    format!("{percent} percent or {count} in {window:#}, by removalLimit of ActiveDirectoryConfig {name}")
}
