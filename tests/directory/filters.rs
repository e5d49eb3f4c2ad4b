//! Filters in memory find whom the directory itself finds.

use std::collections::BTreeSet;

use adsync::directory::{Dn, Filter, User};

use super::{connect, request, settings};
use crate::env;

const STAFF: &str = "OU=Staff,DC=example,DC=com";

/// Asked of both. What differs on purpose is not among them: white space inside a value, which Samba folds, and Unicode's
/// spelling variants, which Samba keeps apart; and groups that don't exist, of which the directory says that nobody is in them.
const FILTERS: &[&str] = &[
    "(objectClass=user)",
    "(objectClass=PERSON)",
    "(objectCategory=person)",
    "(objectCategory=user)",
    "(objectCategory=computer)",
    "(objectCategory=CN=Person,CN=Schema,CN=Configuration,DC=example,DC=com)",
    "(department=sales)",
    "(department= SALES )",
    "(!(department=Sales))",
    "(!(department=*))",
    "(&(department=Sales)(!(mail=*)))",
    "(|(department=HR)(department=IT)(department=No such))",
    "(&(|(sn=*)(givenName=*))(!(!(employeeType=staff))))",
    "(sn=o'brien)",
    "(sn=S*)",
    "(sn=*ER)",
    "(displayName=*an*er*)",
    "(displayName=a* schmidt)",
    "(sn=П*)",
    r"(displayName=\d0\98*)",
    "(sAMAccountName=ANNA.*)",
    "(title=*)",
    "(employeeID>=0)",
    "(employeeID<=5)",
    "(telephoneNumber=+49*)",
    "(telephoneNumber=*\\28030\\29*)",
    "(mail=*@EXAMPLE.com)",
    "(userAccountControl=514)",
    "(userAccountControl>=513)",
    "(userAccountControl<=512)",
    "(userAccountControl:1.2.840.113556.1.4.803:=2)",
    "(!(userAccountControl:1.2.840.113556.1.4.803:=2))",
    "(userAccountControl:1.2.840.113556.1.4.803:=65538)",
    "(userAccountControl:1.2.840.113556.1.4.804:=65538)",
    "(userAccountControl:1.2.840.113556.1.4.803:=0)",
    "(userAccountControl:1.2.840.113556.1.4.804:=0)",
    "(accountExpires=0)",
    "(accountExpires=132223104000000000)",
    "(accountExpires>=1)",
    "(&(accountExpires>=1)(accountExpires<=9223372036854775806))",
    "(primaryGroupID=513)",
    "(!(primaryGroupID=513))",
    "(whenCreated>=20200101000000.0Z)",
    "(whenCreated<=20200101000000.0Z)",
    "(manager=*)",
    "(!(manager=*))",
    "(manager=cn=erika mustermann, ou=management, ou=staff, dc=example, dc=com)",
    "(distinguishedName=*)",
    "(distinguishedName=cn=erika mustermann,ou=management,ou=staff,dc=example,dc=com)",
    "(memberOf=*)",
    "(memberOf=cn=sales,ou=departments,dc=example,dc=com)",
    "(memberOf=CN=Büro München,OU=Departments,DC=example,DC=com)",
    "(memberOf=CN=Phone Users,OU=Groups,DC=example,DC=com)",
    "(memberOf:1.2.840.113556.1.4.1941:=CN=Phone Users,OU=Groups,DC=example,DC=com)",
    "(!(memberOf:1.2.840.113556.1.4.1941:=CN=Phone Users,OU=Groups,DC=example,DC=com))",
    "(memberOf:1.2.840.113556.1.4.1941:=CN=Hotline,OU=Groups,DC=example,DC=com)",
    "(memberOf:1.2.840.113556.1.4.1941:=CN=Project Red,OU=Groups,DC=example,DC=com)",
    "(memberOf:1.2.840.113556.1.4.1941:=CN=Project Blue,OU=Groups,DC=example,DC=com)",
    "(memberOf=CN=Contractors,OU=Groups,DC=example,DC=com)",
    "(memberOf:1.2.840.113556.1.4.1941:=CN=Contractors,OU=Groups,DC=example,DC=com)",
    "(memberOf=CN=Domain Users,CN=Users,DC=example,DC=com)",
];

#[tokio::test]
async fn filters_find_in_memory_whom_the_directory_finds() {
    let directory = env::directory().await;
    let mut settings = settings(directory);
    settings.base_dn = Some(Dn::parse(STAFF).unwrap());
    let filters: Vec<Filter> = FILTERS.iter().map(|text| Filter::parse(text).unwrap()).collect();
    let mut request = request(&[]);
    request.attributes = filters.iter().flat_map(Filter::attributes).collect();
    let snapshot = connect(settings).read(&request).await.unwrap();

    let mut found_somebody = 0;
    for (text, filter) in FILTERS.iter().zip(&filters) {
        let users = snapshot.users_matching(filter, |dn| Some(snapshot.group_by_dn(dn)?.index()));
        assert!(users.perhaps().is_empty(), "{text}");
        let users = users.yes();
        let ours: BTreeSet<String> = users
            .iter()
            .filter_map(|index| snapshot.user(index).login())
            .map(str::to_owned)
            .collect();
        let asked = format!("(&(objectClass=user){text})");
        let entries = directory.search(STAFF, &asked, &["sAMAccountName"]).await;
        let theirs: BTreeSet<String> = entries
            .iter()
            .filter_map(|entry| entry.value("sAMAccountName"))
            .map(str::to_owned)
            .collect();
        assert_eq!(ours, theirs, "{text}");
        found_somebody += usize::from(!users.is_empty() && *users != snapshot.all());
    }
    assert!(
        found_somebody > FILTERS.len() / 2,
        "most of the filters must tell people apart"
    );
}

#[tokio::test]
async fn composed_and_decomposed_names_are_one_in_filters() {
    let directory = env::directory().await;
    let mut settings = settings(directory);
    settings.base_dn = Some(Dn::parse(STAFF).unwrap());
    let snapshot = connect(settings).read(&request(&["mail"])).await.unwrap();
    for mail in [
        "j\u{fc}rgen.m\u{fc}ller@example.com",
        "JU\u{308}RGEN.MU\u{308}LLER@example.com",
    ] {
        let filter = Filter::parse(&format!("(mail={mail})")).unwrap();
        let users = snapshot.users_matching(&filter, |_| None);
        let mut logins: Vec<&str> = users
            .yes()
            .iter()
            .map(|index| snapshot.user(index))
            .filter_map(User::login)
            .collect();
        logins.sort_unstable();
        assert_eq!(logins, ["jmueller", "jmueller2"]);
    }
}
