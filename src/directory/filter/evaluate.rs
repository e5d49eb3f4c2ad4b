//! Whom a filter finds, in a snapshot. Pure.
//!
//! It works on whole sets: a group is resolved once for all users. A condition on an attribute that somebody lacks does not
//! hold, so its negation does: `(!(department=Sales))` finds people without a department, as in Active Directory. A condition on an
//! attribute that was not read, or on a group of which it isn't known which one it is, may hold or not.

use super::{
    Filter, Node,
    syntax::Syntax,
    test::{Assertion, Test, Value},
    time,
};
use crate::directory::{Answer, AttributeName, Dn, GroupIndex, Snapshot, User, UserSet, text};

/// Which group a filter means by a name. None: that isn't known.
type GroupOf<'a> = &'a dyn Fn(&Dn) -> Option<GroupIndex>;

impl Snapshot {
    /// Whom the filter finds, `group_of` telling which group it means by a name: the names in a spec outlive those in the directory.
    pub fn users_matching(&self, filter: &Filter, group_of: impl Fn(&Dn) -> Option<GroupIndex>) -> Answer {
        self.holding(&filter.root, &|test| {
            self.passing(test, &group_of)
                .map_or_else(|| Answer::open(self.all()), Answer::certain)
        })
    }

    /// Whom the filter finds by what is visible. Of an attribute without any value it isn't known whether it has none, or whether
    /// it is hidden, so that what depends on it is a perhaps. Who is in a group says `members_of`.
    pub fn users_visibly_matching(&self, filter: &Filter, members_of: impl Fn(&Dn, bool) -> Answer) -> Answer {
        self.holding(
            &filter.root,
            &|test| match (&test.assertion, Syntax::of(&test.attribute)) {
                (Assertion::MemberOf { group, nested }, _) => members_of(group, *nested),
                (Assertion::Present, Syntax::Membership) => visible(self.in_any_group(), self.all()),
                (_, Syntax::OwnName) => self
                    .passing(test, &|_| None)
                    .map_or_else(|| Answer::open(self.all()), Answer::certain),
                _ if !self.has(&test.attribute) => Answer::open(self.all()),
                (assertion, _) => {
                    let mut without = self.all();
                    without.subtract(&self.with_any(&test.attribute, |_| true));
                    visible(self.with_value(&test.attribute, assertion), without)
                }
            },
        )
    }

    fn holding(&self, node: &Node, passing: &dyn Fn(&Test) -> Answer) -> Answer {
        match node {
            Node::All(nodes) => nodes.iter().fold(Answer::certain(self.all()), |answer, node| {
                answer.and(&self.holding(node, passing))
            }),
            Node::Any(nodes) => nodes.iter().fold(Answer::certain(self.empty_set()), |answer, node| {
                answer.or(&self.holding(node, passing))
            }),
            Node::Not(node) => self.holding(node, passing).opposite(self.all()),
            Node::Test(test) => passing(test),
        }
    }

    /// Whom one condition finds. None: that isn't known.
    fn passing(&self, test: &Test, group_of: GroupOf<'_>) -> Option<UserSet> {
        Some(match (&test.assertion, Syntax::of(&test.attribute)) {
            (Assertion::MemberOf { group, nested }, _) => self.linked_members(group_of(group)?, *nested),
            (Assertion::Present, Syntax::Membership) => self.in_any_group(),
            (Assertion::Present, Syntax::OwnName) => self.all(),
            (Assertion::Equal(Value::Name(dn)), Syntax::OwnName) => {
                let mut set = self.empty_set();
                set.extend(self.user_by_dn(dn).map(User::index));
                set
            }
            _ if !self.has(&test.attribute) => return None,
            (assertion, _) => self.with_value(&test.attribute, assertion),
        })
    }

    fn with_value(&self, attribute: &AttributeName, assertion: &Assertion) -> UserSet {
        match assertion {
            // MemberOf was answered from the groups.
            Assertion::Present | Assertion::MemberOf { .. } => self.with_any(attribute, |_| true),
            Assertion::Equal(value) => self.equal_to(attribute, value),
            Assertion::AtLeast(bound) => self.ordered(attribute, bound, std::cmp::Ordering::is_ge),
            Assertion::AtMost(bound) => self.ordered(attribute, bound, std::cmp::Ordering::is_le),
            Assertion::Parts(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| text::fold_inner(part)).collect();
                self.with_any(attribute, |value| has_parts(&text::fold(value), &parts))
            }
            Assertion::AllBits(bits) => self.with_number(attribute, |number| number & bits == *bits),
            Assertion::AnyBit(bits) => self.with_number(attribute, |number| number & bits != 0),
            Assertion::Category { category, .. } => self.with_any(attribute, |value| {
                Dn::parse(value).is_ok_and(|category_dn| text::folds_to(category_dn.name(), category))
            }),
        }
    }

    fn equal_to(&self, attribute: &AttributeName, value: &Value) -> UserSet {
        match value {
            Value::Text(wanted) => {
                let wanted = text::fold(wanted);
                self.with_any(attribute, |value| text::folds_to(value, &wanted))
            }
            Value::Number(_) | Value::Time(_) => self.ordered(attribute, value, std::cmp::Ordering::is_eq),
            Value::Flag(wanted) => {
                let wanted = if *wanted { "true" } else { "false" };
                self.with_any(attribute, |value| text::folds_to(value, wanted))
            }
            Value::Name(wanted) => self.with_any(attribute, |value| Dn::parse(value).is_ok_and(|dn| dn == *wanted)),
        }
    }

    fn ordered(&self, attribute: &AttributeName, bound: &Value, holds: fn(std::cmp::Ordering) -> bool) -> UserSet {
        match bound {
            Value::Number(bound) => self.with_number(attribute, |number| holds(number.cmp(bound))),
            Value::Time(bound) => self.with_any(attribute, |value| {
                time::parse(value).is_some_and(|time| holds(time.cmp(bound)))
            }),
            Value::Text(bound) => {
                let bound = text::fold(bound);
                self.with_any(attribute, |value| holds(text::fold(value).cmp(&bound)))
            }
            Value::Flag(_) | Value::Name(_) => self.empty_set(),
        }
    }

    fn with_number(&self, attribute: &AttributeName, holds: impl Fn(i64) -> bool) -> UserSet {
        self.with_any(attribute, |value| value.parse().is_ok_and(&holds))
    }

    /// The users of whom any value of the attribute will do.
    fn with_any(&self, attribute: &AttributeName, holds: impl Fn(&str) -> bool) -> UserSet {
        let mut set = self.empty_set();
        let found = self.users().filter(|user| user.values(attribute).any(&holds));
        set.extend(found.map(User::index));
        set
    }
}

/// A yes for some, and a perhaps for whoever else nothing is visible of.
fn visible(yes: UserSet, nothing: UserSet) -> Answer {
    Answer::certain(yes).or(&Answer::open(nothing))
}

/// Whether the text begins with the first part, ends with the last, and has the others between them, in order. As around whole
/// values, white space at the outer ends means nothing.
fn has_parts<Part: AsRef<str>>(text: &str, parts: &[Part]) -> bool {
    let [first, inner @ .., last] = parts else { return false };
    let Some(rest) = text.strip_prefix(first.as_ref().trim_start()) else {
        return false;
    };
    let rest = inner
        .iter()
        .try_fold(rest, |rest, part| Some(rest.split_once(part.as_ref())?.1));
    rest.is_some_and(|rest| rest.ends_with(last.as_ref().trim_end()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::directory::{
        Group, RawEntry,
        samples::{dn, group, snapshot, user},
    };

    /// Five people: `jane` has everything, `bob` is disabled and in no group, `lena`'s name is decomposed, `igor` is Cyrillic and
    /// never expires, `bare` has nothing but a login.
    fn company() -> Snapshot {
        let names = "sn department employeeID title description whenCreated manager objectClass objectCategory mail
            proxyAddresses msExchHideFromAddressLists groupType shoeSize cn noSuchThing";
        let person = ["CN=Person,CN=Schema,CN=Configuration,DC=example,DC=com"];
        let classes = ["top", "person", "organizationalPerson", "user"];
        let users = [
            user(1, "CN=Jane Doe,OU=Staff,DC=example,DC=com", "jane")
                .without("userAccountControl")
                .with("cn", ["Jane Doe"])
                .with("sn", ["M\u{fc}ller"])
                .with("department", ["Sales"])
                .with("employeeID", ["0012"])
                .with("title", ["a=b*c (x) \\y"])
                .with("whenCreated", ["20260131120000.0Z"])
                .with("manager", ["CN=Bob,OU=Staff,DC=example,DC=com"])
                .with("objectClass", classes)
                .with("objectCategory", person)
                .with("proxyAddresses", ["SMTP:jane@example.com", "smtp:doe@example.com"])
                .with("msExchHideFromAddressLists", ["TRUE"])
                .with("userAccountControl", ["66048"])
                .with("accountExpires", ["134000000000000000"])
                .with("shoeSize", ["43"]),
            user(2, "CN=Bob,OU=Staff,DC=example,DC=com", "bob")
                .without("userAccountControl")
                .with("cn", ["Bob"])
                .with("department", [" SALES EMEA "])
                .with("employeeID", ["200"])
                .with("whenCreated", ["20250131120000.0Z"])
                .with("objectClass", classes)
                .with("objectCategory", person)
                .with("msExchHideFromAddressLists", ["FALSE"])
                .with("userAccountControl", ["514"])
                .with("accountExpires", ["9223372036854775807"]),
            user(3, "CN=Lena,OU=Staff,DC=example,DC=com", "lena")
                .without("userAccountControl")
                .with("sn", ["Mu\u{308}ller"])
                .with("department", ["sales"])
                .with("description", ["Straße"])
                .with("userAccountControl", ["512"]),
            user(4, "CN=Игорь,OU=Staff,DC=example,DC=com", "igor")
                .without("userAccountControl")
                .with("sn", ["Пётр"])
                .with("userAccountControl", ["512"])
                .with("accountExpires", ["0"]),
            RawEntry::new("CN=Bare,OU=Staff,DC=example,DC=com").with("sAMAccountName", ["bare"]),
        ];
        let groups = [
            group(
                11,
                "CN=Sales,OU=Groups,DC=example,DC=com",
                1101,
                &["CN=Jane Doe,OU=Staff,DC=example,DC=com"],
            ),
            group(
                12,
                "CN=Everybody (all),OU=Groups,DC=example,DC=com",
                1102,
                &[
                    "CN=Sales,OU=Groups,DC=example,DC=com",
                    "cn=lena,ou=staff,dc=example,dc=com",
                ],
            ),
            group(
                13,
                "CN=Ring A,OU=Groups,DC=example,DC=com",
                1103,
                &[
                    "CN=Ring B,OU=Groups,DC=example,DC=com",
                    "CN=Bob,OU=Staff,DC=example,DC=com",
                ],
            ),
            group(
                14,
                "CN=Ring B,OU=Groups,DC=example,DC=com",
                1104,
                &["CN=Ring A,OU=Groups,DC=example,DC=com"],
            ),
            group(15, "CN=Domain Users,CN=Users,DC=example,DC=com", 513, &[]),
        ];
        snapshot(names, users, groups)
    }

    fn found(company: &Snapshot, text: &str) -> String {
        let filter = Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let answer = company.users_matching(&filter, |dn| Some(company.group_by_dn(dn)?.index()));
        assert!(answer.perhaps().is_empty(), "{text}");
        logins(company, answer.yes())
    }

    fn logins(company: &Snapshot, users: &UserSet) -> String {
        let mut logins: Vec<&str> = users.iter().filter_map(|index| company.user(index).login()).collect();
        logins.sort_unstable();
        logins.join(" ")
    }

    #[test]
    fn filters_find_whom_active_directory_finds() {
        let company = company();
        for (text, logins) in [
            // Text: no case, no white space around it, Unicode's spelling variants as one.
            ("(department=SALES)", "jane lena"),
            ("(department= sales )", "jane lena"),
            ("(department=sales*)", "bob jane lena"),
            ("(department=*EMEA)", "bob"),
            ("(department=s*l*s)", "jane lena"),
            ("(department=s*les*les)", ""),
            ("(department=*)", "bob jane lena"),
            ("(sn=MÜLLER)", "jane lena"),
            ("(sn=Mu\u{308}LLER)", "jane lena"),
            ("(sn=mü*)", "jane lena"),
            ("(sn=Mu*)", ""),
            // As Samba does. Active Directory ignores accents, and would find jane and lena.
            ("(sn=Muller)", ""),
            ("(sn=ПЁТР)", "igor"),
            (r"(sn=\d0\9f\d1\91\d1\82\d1\80)", "igor"),
            ("(description=STRASSE)", "lena"),
            ("(sAMAccountName~=JANE)", "jane"),
            // Escapes are characters, not wildcards.
            (r"(title=a=b\2ac*)", "jane"),
            (r"(title=a\2ac*)", ""),
            (r"(title=*\28x\29 \5cy)", "jane"),
            // Any of several values.
            ("(proxyAddresses=smtp:DOE@*)", "jane"),
            ("(objectClass=USER)", "bob jane"),
            ("(objectClass=computer)", ""),
            // Not having a value is not having this value.
            ("(!(department=Sales))", "bare bob igor"),
            ("(!(department=*))", "bare igor"),
            ("(!(noSuchThing=1))", "bare bob igor jane lena"),
            ("(&(department=Sales)(!(sn=x)))", "jane lena"),
            (
                "(|(sAMAccountName=bob)(sAMAccountName=igor)(sAMAccountName=nobody))",
                "bob igor",
            ),
            ("(&(|(sn=*)(cn=*))(!(!(department=Sales))))", "jane lena"),
            // Numbers are numbers.
            ("(userAccountControl=0514)", "bob"),
            ("(userAccountControl>=1000)", "jane"),
            ("(userAccountControl<=514)", "bob igor lena"),
            ("(accountExpires>=1)", "bob jane"),
            ("(accountExpires<=9223372036854775806)", "igor jane"),
            ("(accountExpires=0)", "igor"),
            ("(shoeSize=43)", "jane"),
            // Text of digits is text.
            ("(employeeID=12)", ""),
            ("(employeeID>=0011)", "bob jane"),
            ("(employeeID>=1)", "bob"),
            // Bits: all of them, any of them.
            ("(userAccountControl:1.2.840.113556.1.4.803:=2)", "bob"),
            ("(!userAccountControl:1.2.840.113556.1.4.803:=2)", "bare igor jane lena"),
            ("(userAccountControl:1.2.840.113556.1.4.803:=514)", "bob"),
            ("(userAccountControl:1.2.840.113556.1.4.804:=65538)", "bob jane"),
            ("(userAccountControl:1.2.840.113556.1.4.803:=0)", "bob igor jane lena"),
            ("(userAccountControl:1.2.840.113556.1.4.804:=0)", ""),
            ("(shoeSize:1.2.840.113556.1.4.803:=3)", "jane"),
            // Flags, times and names.
            ("(msExchHideFromAddressLists=TRUE)", "jane"),
            ("(msExchHideFromAddressLists=FALSE)", "bob"),
            ("(whenCreated>=20260101000000.0Z)", "jane"),
            ("(whenCreated<=202601010000Z)", "bob"),
            ("(whenCreated=20260131130000.0+0100)", "jane"),
            ("(manager=cn=bob, ou=staff, dc=example, dc=com)", "jane"),
            ("(manager=*)", "jane"),
            ("(distinguishedName=cn=игорь,ou=staff,dc=example,dc=com)", "igor"),
            ("(distinguishedName=*)", "bare bob igor jane lena"),
            // A class stands for its category, which all kinds of people share.
            ("(objectCategory=person)", "bob jane"),
            ("(objectCategory=USER)", "bob jane"),
            ("(objectCategory=computer)", ""),
            (
                "(objectCategory=cn=person,cn=schema,cn=configuration,dc=example,dc=com)",
                "bob jane",
            ),
            ("(objectCategory=CN=Person,DC=example,DC=com)", ""),
            // Membership: direct, or in chain; by name alone; never by primary group.
            ("(memberOf=cn=sales,ou=groups,dc=EXAMPLE,dc=com)", "jane"),
            (r"(memberOf=CN=Everybody \28all\29,OU=Groups,DC=example,DC=com)", "lena"),
            (
                r"(memberOf:1.2.840.113556.1.4.1941:=CN=Everybody \28all\29,OU=Groups,DC=example,DC=com)",
                "jane lena",
            ),
            (
                "(memberOf:1.2.840.113556.1.4.1941:=CN=Ring B,OU=Groups,DC=example,DC=com)",
                "bob",
            ),
            ("(memberOf=CN=Ring B,OU=Groups,DC=example,DC=com)", ""),
            ("(memberOf=CN=Domain Users,CN=Users,DC=example,DC=com)", ""),
            (
                "(memberOf:1.2.840.113556.1.4.1941:=CN=Domain Users,CN=Users,DC=example,DC=com)",
                "",
            ),
            ("(memberOf=*)", "bob jane lena"),
        ] {
            assert_eq!(found(&company, text), logins, "{text}");
        }
    }

    #[test]
    fn a_lost_group_and_an_attribute_that_was_not_read_leave_open_only_what_depends_on_them() {
        let company = company();
        for (text, yes, perhaps) in [
            ("(memberOf=CN=No such,DC=example,DC=com)", "", "bare bob igor jane lena"),
            (
                "(!(memberOf:1.2.840.113556.1.4.1941:=CN=No such,DC=example,DC=com))",
                "",
                "bare bob igor jane lena",
            ),
            ("(unread=1)", "", "bare bob igor jane lena"),
            ("(!(unread=*))", "", "bare bob igor jane lena"),
            (
                "(&(department=Sales)(memberOf=CN=No such,DC=example,DC=com))",
                "",
                "jane lena",
            ),
            (
                "(|(department=Sales)(memberOf=CN=No such,DC=example,DC=com))",
                "jane lena",
                "bare bob igor",
            ),
            ("(&(sn=*)(!(&(department=Sales)(unread=1))))", "igor", "jane lena"),
            (
                "(|(memberOf=CN=No such,DC=example,DC=com)(&(unread=1)(sn=x))(memberOf=CN=Sales,OU=Groups,DC=example,DC=com))",
                "jane",
                "bare bob igor lena",
            ),
        ] {
            let filter = Filter::parse(text).unwrap();
            let answer = company.users_matching(&filter, |dn| Some(company.group_by_dn(dn)?.index()));
            assert_eq!(logins(&company, answer.yes()), yes, "{text}");
            assert_eq!(logins(&company, answer.perhaps()), perhaps, "{text}");
        }
    }

    #[test]
    fn a_value_that_is_missing_may_be_hidden_and_a_visible_one_decides() {
        let company = company();
        for (text, yes, perhaps) in [
            // bare and igor show no department.
            ("(department=Sales)", "jane lena", "bare igor"),
            ("(!(department=Sales))", "bob", "bare igor"),
            ("(department=*)", "bob jane lena", "bare igor"),
            ("(!(department=*))", "", "bare igor"),
            ("(&(department=Sales)(sn=*))", "jane lena", "bare igor"),
            ("(&(department=Sales)(sAMAccountName=j*))", "jane", ""),
            ("(|(department=Sales)(sAMAccountName=*))", "bare bob igor jane lena", ""),
            (
                "(!(userAccountControl:1.2.840.113556.1.4.803:=2))",
                "igor jane lena",
                "bare",
            ),
            ("(distinguishedName=CN=Bob,OU=Staff,DC=example,DC=com)", "bob", ""),
            ("(unread=1)", "", "bare bob igor jane lena"),
            ("(memberOf=*)", "bob jane lena", "bare igor"),
            // The one who asks says it of jane, and knows nothing of bob.
            ("(memberOf=CN=Any,DC=example,DC=com)", "jane", "bob"),
            ("(!(memberOf=CN=Any,DC=example,DC=com))", "bare igor lena", "bob"),
        ] {
            let filter = Filter::parse(text).unwrap();
            let answer = company.users_visibly_matching(&filter, |_, _| {
                visible(company.users_with_login("jane"), company.users_with_login("bob"))
            });
            assert_eq!(logins(&company, answer.yes()), yes, "{text}");
            assert_eq!(logins(&company, answer.perhaps()), perhaps, "{text}");
        }
    }

    #[test]
    fn a_group_that_has_another_name_by_now_is_the_one_that_is_meant() {
        let company = company();
        let sales = company
            .group_by_dn(&dn("CN=Sales,OU=Groups,DC=example,DC=com"))
            .unwrap();
        let filter = Filter::parse("(memberOf=CN=Was once Sales,DC=example,DC=com)").unwrap();
        let answer = company.users_matching(&filter, |_| Some(sales.index()));
        assert_eq!(logins(&company, answer.yes()), "jane");
    }

    /// Two-valued logic, for one user at a time.
    fn holds(company: &Snapshot, node: &Node, user: User<'_>, group_of: GroupOf<'_>) -> bool {
        match node {
            Node::All(nodes) => nodes.iter().all(|node| holds(company, node, user, group_of)),
            Node::Any(nodes) => nodes.iter().any(|node| holds(company, node, user, group_of)),
            Node::Not(node) => !holds(company, node, user, group_of),
            Node::Test(test) => company.passing(test, group_of).unwrap().contains(user.index()),
        }
    }

    fn filter() -> impl Strategy<Value = String> {
        let condition = prop::sample::select(vec![
            "(department=Sales)",
            "(sn=*)",
            "(userAccountControl:1.2.840.113556.1.4.803:=2)",
            "(memberOf=CN=Sales,OU=Groups,DC=example,DC=com)",
            "(memberOf=CN=Lost,DC=example,DC=com)",
            "(memberOf:1.2.840.113556.1.4.1941:=CN=Lost,DC=example,DC=com)",
        ]);
        condition.prop_map(str::to_owned).prop_recursive(4, 24, 3, |part| {
            let parts = || prop::collection::vec(part.clone(), 1..4).prop_map(|parts| parts.concat());
            prop_oneof![
                parts().prop_map(|parts| format!("(&{parts})")),
                parts().prop_map(|parts| format!("(|{parts})")),
                part.clone().prop_map(|part| format!("(!{part})")),
            ]
        })
    }

    proptest! {
        #[test]
        fn with_every_group_known_it_is_the_logic_of_two_values(text in filter(), lost in 0..5_usize) {
            let (company, filter) = (company(), Filter::parse(&text).unwrap());
            let lost = company.groups().nth(lost).unwrap().index();
            let group_of = |dn: &Dn| Some(company.group_by_dn(dn).map_or(lost, Group::index));
            let answer = company.users_matching(&filter, group_of);
            prop_assert!(answer.perhaps().is_empty());
            for user in company.users() {
                prop_assert_eq!(answer.yes().contains(user.index()), holds(&company, &filter.root, user, &group_of));
            }
        }

        #[test]
        fn what_is_certain_stays_so_whichever_group_the_lost_one_turns_out_to_be(text in filter(), found in 0..5_usize) {
            let (company, filter) = (company(), Filter::parse(&text).unwrap());
            let found = company.groups().nth(found).unwrap().index();
            let answer = company.users_matching(&filter, |dn| Some(company.group_by_dn(dn)?.index()));
            let later = company.users_matching(&filter, |dn| Some(company.group_by_dn(dn).map_or(found, Group::index)));
            for user in company.users().map(User::index).filter(|user| !answer.perhaps().contains(*user)) {
                prop_assert_eq!(answer.yes().contains(user), later.yes().contains(user));
            }
        }
    }

    #[test]
    fn sign_bits_are_bits() {
        let users = [user(1, "CN=a,DC=com", "a").with("groupType", ["-2147483646"])];
        let snapshot = snapshot("groupType", users, []);
        for bits in ["2147483648", "-2147483648", "2", "-2147483646"] {
            for rule in ["803", "804"] {
                assert_eq!(
                    found(&snapshot, &format!("(groupType:1.2.840.113556.1.4.{rule}:={bits})")),
                    "a"
                );
            }
        }
        assert_eq!(found(&snapshot, "(groupType:1.2.840.113556.1.4.803:=6)"), "");
    }

    #[test]
    fn only_what_is_compared_is_read() {
        let text = r"(&(objectCategory=person)(memberOf=CN=a,DC=com)(|(mail=*)(!(MAIL=x)))(distinguishedName=CN=b)
            (memberOf:1.2.840.113556.1.4.1941:=CN=c,DC=com)(memberOf=*))";
        let filter = Filter::parse(text).unwrap();
        let names: Vec<String> = filter.attributes().iter().map(ToString::to_string).collect();
        assert_eq!(names, ["mail", "objectcategory"]);
        assert!(filter.groups().into_iter().eq([&dn("CN=a,DC=com"), &dn("CN=c,DC=com")]));
    }
}
