//! directory: searches. Pages are asked for until the directory says that there are no more; anything else is an error,
//! never a short result (promise 2).

use std::time::Duration;

use ldap3::controls::{MakeCritical, PagedResults, RawControl};
use ldap3::{LdapError, LdapResult, Scope, SearchStream};
use tokio::time::Instant;

use super::ber::Malformed;
use super::connection::Connection;
use super::error::DirectoryError;
use super::{Dn, RawEntry};
use super::{framing, ranges, received};

/// AD's own limit (`MaxPageSize`).
const PAGE_SIZE: i32 = 1000;
const PAGED_RESULTS: &str = "1.2.840.113556.1.4.319";
const EXTENDED_DN: &str = "1.2.840.113556.1.4.529";
const SHOW_DELETED: &str = "1.2.840.113556.1.4.417";
/// With the recycle bin, what was deleted long ago is found with this alone.
const SHOW_RECYCLED: &str = "1.2.840.113556.1.4.2064";
/// Asks for no attribute at all (RFC 4511 section 4.5.1.8).
pub(super) const NO_ATTRIBUTES: [&str; 1] = ["1.1"];
const EVERYTHING: &str = "(objectClass=*)";
const NO_SUCH_OBJECT: u32 = 32;
const INVALID_DN_SYNTAX: u32 = 34;
const REFERRAL: u32 = 10;

/// Tags of what a search returns (RFC 4511 section 4.5.2).
const SEARCH_ENTRY: u64 = 4;
const SEARCH_REFERENCE: u64 = 19;

/// What to look for, below which entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search<'a> {
    pub(super) base: &'a str,
    pub(super) filter: &'a str,
    pub(super) attributes: &'a [&'a str],
    /// Whether names among the values come with the objectGUIDs of what they name.
    pub(super) names_say_guids: bool,
    /// Whether tombstones are found, too, as far as the account may see them.
    pub(super) finds_deleted: bool,
}

/// Results of a search that was asked for, as they come.
type Results<'a> = Result<SearchStream<'a, &'a str, Vec<&'a str>>, LdapError>;

/// What a page held.
struct Page {
    entries: Vec<RawEntry>,
    /// Where the next page begins; empty: there is none.
    cookie: Vec<u8>,
    referrals: usize,
}

impl Connection {
    /// Everything that fits, from the first page to the last, each entry with all its values. Returns how many referrals
    /// there were.
    pub(super) async fn search(
        &mut self,
        search: Search<'_>,
        found: &mut (impl FnMut(RawEntry) + Send),
    ) -> Result<usize, DirectoryError> {
        let mut cut = Vec::new();
        let mut referrals = 0;
        let mut results = Some(self.ask_page(search, Vec::new()).await);
        while let Some(asked) = results.take() {
            let page = self.take_page(search, asked).await?;
            referrals += page.referrals;
            // The directory collects the next page while this one is looked at.
            if !page.cookie.is_empty() {
                results = Some(self.ask_page(search, page.cookie).await);
            }
            for entry in page.entries {
                if ranges::is_cut(&entry) {
                    cut.push(entry);
                } else {
                    found(entry);
                }
            }
        }
        for entry in cut {
            found(self.rejoin(entry, search.names_say_guids).await?);
        }
        Ok(referrals)
    }

    async fn ask_page<'a>(&mut self, search: Search<'a>, cookie: Vec<u8>) -> Results<'a> {
        let paging = PagedResults {
            size: PAGE_SIZE,
            cookie,
        }
        .critical();
        let mut controls = vec![RawControl::from(paging)];
        controls.extend(search.names_say_guids.then(extended_names));
        controls.extend(search.finds_deleted.then(deleted_ones).into_iter().flatten());
        self.ldap
            .with_timeout(self.timeouts.search)
            .with_controls(controls)
            .streaming_search(search.base, Scope::Subtree, search.filter, search.attributes.to_vec())
            .await
    }

    async fn take_page(&mut self, search: Search<'_>, results: Results<'_>) -> Result<Page, DirectoryError> {
        let mut entries = Vec::new();
        let (answer, referrals) = self
            .drain(results, self.timeouts.search, &mut |entry| entries.push(entry))
            .await?;
        match answer.rc {
            0 => Ok(Page {
                entries,
                cookie: self.next_cookie(&answer)?,
                referrals,
            }),
            // AD answers with a referral for a base that is in another domain.
            NO_SUCH_OBJECT | INVALID_DN_SYNTAX | REFERRAL => Err(self.lost_base(search.base, &answer).await),
            _ => Err(self.answer(&answer)),
        }
    }

    /// The entry at `base` itself; `None` when there is none that the account may see.
    pub(super) async fn search_base(
        &mut self,
        base: &str,
        attributes: &[&str],
        names_say_guids: bool,
    ) -> Result<Option<RawEntry>, DirectoryError> {
        let controls = names_say_guids.then(extended_names).into_iter().collect();
        self.search_base_with(base, attributes, controls).await
    }

    /// The same, where it may be a tombstone.
    pub(super) async fn search_deleted(
        &mut self,
        base: &str,
        attributes: &[&str],
    ) -> Result<Option<RawEntry>, DirectoryError> {
        self.search_base_with(base, attributes, deleted_ones().into()).await
    }

    async fn search_base_with(
        &mut self,
        base: &str,
        attributes: &[&str],
        controls: Vec<RawControl>,
    ) -> Result<Option<RawEntry>, DirectoryError> {
        let asked = self.ask_base(base, attributes, controls).await;
        self.take_base(asked).await
    }

    /// The names of entries, asked for without waiting for each other; `None` for those that the account may not see.
    pub(super) async fn search_bases(&mut self, bases: &[String]) -> Result<Vec<Option<RawEntry>>, DirectoryError> {
        let mut asked = Vec::new();
        for base in bases {
            asked.push(self.ask_base(base, &NO_ATTRIBUTES, Vec::new()).await);
        }
        let mut entries = Vec::new();
        for results in asked {
            entries.push(self.take_base(results).await?);
        }
        Ok(entries)
    }

    async fn ask_base<'a>(&mut self, base: &'a str, attributes: &[&'a str], controls: Vec<RawControl>) -> Results<'a> {
        self.ldap
            .with_timeout(self.timeouts.answer)
            .with_controls(controls)
            .streaming_search(base, Scope::Base, EVERYTHING, attributes.to_vec())
            .await
    }

    async fn take_base(&mut self, stream: Results<'_>) -> Result<Option<RawEntry>, DirectoryError> {
        let mut entry = None;
        let (answer, _) = self
            .drain(stream, self.timeouts.answer, &mut |found| entry = Some(found))
            .await?;
        match answer.rc {
            0 => Ok(entry),
            NO_SUCH_OBJECT => Ok(None),
            _ => Err(self.answer(&answer)),
        }
    }

    /// Takes one search's results until the directory has said how it ended. Each wait has ldap3's own timeout: one from
    /// outside would lose results without a word.
    async fn drain(
        &mut self,
        results: Results<'_>,
        timeout: Duration,
        found: &mut (impl FnMut(RawEntry) + Send),
    ) -> Result<(LdapResult, usize), DirectoryError> {
        let mut stream = results.map_err(|error| self.failure(error, timeout))?;
        let mut referrals = 0;
        while let Some(result) = stream.next().await.map_err(|error| self.failure(error, timeout))? {
            self.guard.took_result();
            let tag = result.0;
            if Instant::now() > self.deadline {
                return Err(DirectoryError::Await {
                    server: self.server.clone(),
                    waited: self.timeouts.whole,
                });
            }
            match tag.id {
                SEARCH_ENTRY => found(self.understood(received::entry(tag))?),
                SEARCH_REFERENCE => referrals += 1,
                _ => return Err(self.incomplete("a search returned something that is neither an entry nor a referral")),
            }
        }
        Ok((stream.finish().await, referrals))
    }

    /// Where the next page begins. A directory that does not say has not promised that there is none.
    fn next_cookie(&self, answer: &LdapResult) -> Result<Vec<u8>, DirectoryError> {
        let control = answer.ctrls.iter().find(|control| control.1.ctype == PAGED_RESULTS);
        let value = control.and_then(|control| control.1.val.as_deref());
        let value = value.ok_or_else(|| self.incomplete("the directory did not say whether there are more pages"))?;
        let cookie = self.understood(framing::paging_cookie(value))?;
        if cookie.is_empty() || Instant::now() <= self.deadline {
            Ok(cookie.to_vec())
        } else {
            Err(DirectoryError::Await {
                server: self.server.clone(),
                waited: self.timeouts.whole,
            })
        }
    }

    /// Says how far a base DN exists. Samba doesn't, so it is looked for.
    async fn lost_base(&mut self, base: &str, answer: &LdapResult) -> DirectoryError {
        let mut matched = self.said(&answer.matched);
        let mut ancestor = Dn::parse(base).ok().and_then(|base| base.parent());
        while let (true, Some(dn)) = (matched.is_empty(), &ancestor) {
            match self.search_base(dn.as_str(), &NO_ATTRIBUTES, false).await {
                Ok(Some(entry)) => matched = entry.dn,
                Ok(None) => ancestor = dn.parent(),
                Err(_) => break,
            }
        }
        DirectoryError::FindBase {
            server: self.server.clone(),
            base_dn: base.to_owned(),
            matched,
        }
    }

    pub(super) fn incomplete(&self, detail: impl Into<String>) -> DirectoryError {
        DirectoryError::Complete {
            server: self.server.clone(),
            detail: detail.into(),
        }
    }

    fn understood<T>(&self, read: Result<T, Malformed>) -> Result<T, DirectoryError> {
        read.map_err(|malformed| DirectoryError::Understand {
            server: self.server.clone(),
            malformed,
        })
    }
}

/// Asks for [`extended_name`]s. Not critical: a server that doesn't know them sends plain names.
fn extended_names() -> RawControl {
    /// A sequence of the number 1, which asks for text rather than hexadecimal bytes.
    const AS_TEXT: [u8; 5] = [0x30, 0x03, 0x02, 0x01, 0x01];
    RawControl {
        ctype: EXTENDED_DN.to_owned(),
        crit: false,
        val: Some(AS_TEXT.to_vec()),
    }
}

/// Asks for tombstones, too ([MS-ADTS] sections 3.1.1.3.4.1.14 and 3.1.1.3.4.1.26). Not critical: who doesn't know it shows none.
fn deleted_ones() -> [RawControl; 2] {
    [SHOW_DELETED, SHOW_RECYCLED].map(|control| RawControl {
        ctype: control.to_owned(),
        crit: false,
        val: None,
    })
}
