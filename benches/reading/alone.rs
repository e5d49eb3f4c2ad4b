//! ldap3 straight on a socket, with nobody between it and the server: what the operator must not do, to see what its guard costs.

use adsync::directory::RawEntry;
use lber::structure::{PL, StructureTag};
use ldap3::controls::{MakeCritical as _, PagedResults, RawControl};
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, Scope, StdStream};

use super::task::{Search, searches};
use crate::env::Slapd;

const PAGED_RESULTS: &str = "1.2.840.113556.1.4.319";
const SEARCH_ENTRY: u64 = 4;

/// What an entry was found as.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Taken {
    User,
    Group,
    Unit,
}

/// Reads everything, and hands over what ldap3 parsed.
pub(crate) async fn read(port: u16, mut found: impl FnMut(Taken, StructureTag)) -> ldap3::result::Result<()> {
    let stream = std::net::TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    let settings = LdapConnSettings::new().set_std_stream(StdStream::Tcp(stream));
    let (driver, mut ldap) = LdapConnAsync::with_settings(settings, "ldap://127.0.0.1").await?;
    let driver = tokio::spawn(driver.drive());
    ldap.simple_bind(Slapd::BIND_DN, Slapd::BIND_PASSWORD)
        .await?
        .success()?;
    for (taken, wanted) in [Taken::User, Taken::Group, Taken::Unit].into_iter().zip(searches()) {
        search(&mut ldap, &wanted, &mut |entry| found(taken, entry)).await?;
    }
    ldap.unbind().await?;
    driver.await.expect("ldap3 did not panic")
}

async fn search(ldap: &mut Ldap, wanted: &Search, found: &mut impl FnMut(StructureTag)) -> ldap3::result::Result<()> {
    let mut cookie = Vec::new();
    loop {
        let paging = RawControl::from(PagedResults { size: 1000, cookie }.critical());
        let mut page = ldap
            .with_controls(vec![paging])
            .streaming_search(wanted.base, Scope::Subtree, wanted.filter, wanted.attributes.clone())
            .await?;
        while let Some(result) = page.next().await? {
            if result.0.id == SEARCH_ENTRY {
                found(result.0);
            }
        }
        let answer = page.finish().await.success()?;
        let paging = answer.ctrls.iter().find(|control| control.1.ctype == PAGED_RESULTS);
        cookie = paging.expect("the server pages").1.parse::<PagedResults>().cookie;
        if cookie.is_empty() {
            return Ok(());
        }
    }
}

/// What ldap3 parsed as an entry, by moving its parts. Trusts the server, as nothing in the operator does.
pub(crate) fn entry(tag: StructureTag) -> RawEntry {
    let [dn, attributes] = children(tag).try_into().expect("a DN and attributes");
    let attributes = children(attributes).into_iter().map(|attribute| {
        let [name, values] = children(attribute).try_into().expect("a name and values");
        (text(name), children(values).into_iter().map(bytes).collect())
    });
    RawEntry {
        dn: text(dn),
        attributes: attributes.collect(),
    }
}

fn children(tag: StructureTag) -> Vec<StructureTag> {
    match tag.payload {
        PL::C(children) => children,
        PL::P(_) => panic!("a sequence or a set"),
    }
}

fn bytes(tag: StructureTag) -> Vec<u8> {
    match tag.payload {
        PL::P(bytes) => bytes,
        PL::C(_) => panic!("a value"),
    }
}

fn text(tag: StructureTag) -> String {
    String::from_utf8(bytes(tag)).expect("text")
}
