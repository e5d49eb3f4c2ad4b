//! Many writes at a time, and not too many. What is written is not known here.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::{BoxFuture, join_all};

use super::Fate;

/// Writes in flight. The API server is the limit from there on, not the client.
const IN_FLIGHT: usize = 16;

/// Does all the work, [`IN_FLIGHT`] pieces at a time, and gives what became of each in the order of the work.
pub(super) async fn all<'a, W: Sync>(
    work: &'a [W],
    write: impl Fn(&'a W) -> BoxFuture<'a, Fate> + Send + Sync,
) -> Vec<Fate> {
    let next = AtomicUsize::new(0);
    let hands = join_all((0..IN_FLIGHT).map(|_| hand(work, &next, &write))).await;
    let mut fates: Vec<(usize, Fate)> = hands.into_iter().flatten().collect();
    fates.sort_by_key(|(index, _)| *index);
    fates.into_iter().map(|(_, fate)| fate).collect()
}

/// Takes one piece of work after the other until none is left. A future is made only for work that has begun: a plan may
/// have hundreds of thousands of pieces.
async fn hand<'a, W>(
    work: &'a [W],
    next: &AtomicUsize,
    write: &(impl Fn(&'a W) -> BoxFuture<'a, Fate> + Send + Sync),
) -> Vec<(usize, Fate)> {
    let mut fates = Vec::new();
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        let Some(piece) = work.get(index) else { return fates };
        fates.push((index, write(piece).await));
    }
}
