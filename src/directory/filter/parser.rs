//! The grammar of filters (RFC 4515 section 3), without knowing what the attributes mean. Pure.

use super::{FilterError, FilterProblem, Node, test::Test};
use crate::directory::AttributeName;

/// Deeper than any filter that a person wrote, and far from the end of the stack.
const DEEPEST: usize = 64;

pub(super) fn parse(text: &str) -> Result<Node, FilterError> {
    let mut parser = Parser { text, position: 0 };
    parser.skip_white_space();
    let node = if parser.peek() == Some('(') {
        parser.node(0)?
    } else {
        parser.test().map(Node::Test)?
    };
    parser.skip_white_space();
    match parser.peek() {
        None => Ok(node),
        Some(_) => Err(parser.error(FilterProblem::EndFilter)),
    }
}

/// A condition as it was written.
pub(super) struct Condition<'a> {
    pub(super) attribute: AttributeName,
    pub(super) operator: Operator<'a>,
    /// The text between the asterisks, unescaped: a single piece when there is none.
    pub(super) pieces: Vec<String>,
    pub(super) attribute_position: usize,
    pub(super) operator_position: usize,
    pub(super) value_position: usize,
}

#[derive(Clone, Copy)]
pub(super) enum Operator<'a> {
    Equal,
    AtLeast,
    AtMost,
    Rule(&'a str),
}

struct Parser<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Parser<'a> {
    fn node(&mut self, depth: usize) -> Result<Node, FilterError> {
        if depth > DEEPEST {
            return Err(self.error(FilterProblem::NestDeeper));
        }
        self.skip_white_space();
        self.expect('(', FilterProblem::OpenParenthesis)?;
        self.skip_white_space();
        let node = if self.skip("&") {
            Node::All(self.list(depth)?)
        } else if self.skip("|") {
            Node::Any(self.list(depth)?)
        } else if self.skip("!") {
            Node::Not(Box::new(self.negated(depth)?))
        } else {
            Node::Test(self.test()?)
        };
        self.skip_white_space();
        self.expect(')', FilterProblem::CloseParenthesis)?;
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, FilterError> {
        let mut nodes = Vec::new();
        self.skip_white_space();
        while self.peek() == Some('(') {
            nodes.push(self.node(depth + 1)?);
            self.skip_white_space();
        }
        if nodes.is_empty() {
            Err(self.error(FilterProblem::ExpectCondition))
        } else {
            Ok(nodes)
        }
    }

    fn negated(&mut self, depth: usize) -> Result<Node, FilterError> {
        self.skip_white_space();
        if self.peek() == Some('(') {
            self.node(depth + 1)
        } else {
            self.test().map(Node::Test)
        }
    }

    fn test(&mut self) -> Result<Test, FilterError> {
        let attribute_position = self.position;
        let length = self
            .rest()
            .find(['=', '<', '>', '~', ':', '(', ')'])
            .unwrap_or(self.rest().len());
        let name = self.take(length).trim_end();
        let operator_position = self.position;
        let operator = self.operator()?;
        let attribute = AttributeName::parse(name).map_err(|_| FilterError {
            position: attribute_position,
            problem: FilterProblem::NameAttribute(name.to_owned()),
        })?;
        let value_position = self.position;
        let pieces = self.value()?;
        Test::new(Condition {
            attribute,
            operator,
            pieces,
            attribute_position,
            operator_position,
            value_position,
        })
    }

    fn operator(&mut self) -> Result<Operator<'a>, FilterError> {
        // Active Directory takes "approximately" for "equal" (MS-ADTS 3.1.1.3.1.3.1).
        for (text, operator) in [
            ("=", Operator::Equal),
            ("~=", Operator::Equal),
            (">=", Operator::AtLeast),
            ("<=", Operator::AtMost),
            // Without a rule, the attribute's own way of being equal (RFC 4511 section 4.5.1.7.7).
            (":=", Operator::Equal),
        ] {
            if self.skip(text) {
                return Ok(operator);
            }
        }
        let error = self.error(FilterProblem::ExpectOperator);
        if !self.skip(":") {
            return Err(error);
        }
        let Some(length) = self.rest().find(['=', '(', ')']) else {
            return Err(error);
        };
        let rule = self.take(length);
        match rule.strip_suffix(':') {
            Some(rule) if self.skip("=") => Ok(Operator::Rule(rule.trim())),
            _ => Err(error),
        }
    }

    fn value(&mut self) -> Result<Vec<String>, FilterError> {
        let mut pieces = Vec::new();
        let mut piece = Vec::new();
        let mut start = self.position;
        while let Some(character) = self.peek().filter(|character| *character != ')') {
            match character {
                '(' => return Err(self.error(FilterProblem::EscapeParenthesis)),
                '\\' => {
                    piece.push(self.escaped()?);
                    continue;
                }
                '*' => {
                    pieces.push(decode(std::mem::take(&mut piece), start)?);
                    start = self.position + 1;
                }
                _ => piece.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            }
            self.position += character.len_utf8();
        }
        pieces.push(decode(piece, start)?);
        Ok(pieces)
    }

    fn escaped(&mut self) -> Result<u8, FilterError> {
        let error = self.error(FilterProblem::EndEscape);
        let digit = |digit: char| digit.is_ascii_hexdigit();
        match self.rest().get(1..3).filter(|digits| digits.chars().all(digit)) {
            Some(digits) => {
                self.position += 3;
                u8::from_str_radix(digits, 16).map_err(|_| error)
            }
            None => Err(error),
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.position..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self, length: usize) -> &'a str {
        let taken = self.rest().get(..length).unwrap_or_default();
        self.position += taken.len();
        taken
    }

    fn skip(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.position += text.len();
        }
        found
    }

    fn skip_white_space(&mut self) {
        self.position += self.rest().len() - self.rest().trim_start().len();
    }

    fn expect(&mut self, character: char, problem: FilterProblem) -> Result<(), FilterError> {
        if self.skip(character.encode_utf8(&mut [0; 4])) {
            Ok(())
        } else {
            Err(self.error(problem))
        }
    }

    fn error(&self, problem: FilterProblem) -> FilterError {
        FilterError {
            position: self.position,
            problem,
        }
    }
}

fn decode(bytes: Vec<u8>, position: usize) -> Result<String, FilterError> {
    String::from_utf8(bytes).map_err(|_| FilterError {
        position,
        problem: FilterProblem::DecodeText,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Filter, FilterProblem};

    fn filter(text: &str) -> Filter {
        Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_filter_is_shown_in_the_form_of_the_standard() {
        for (text, shown) in [
            ("(department=Sales)", "(department=Sales)"),
            ("department=Sales", "(department=Sales)"),
            (" ( department =Sales)\n", "(department=Sales)"),
            ("(&(sn=a)(sn=b)(|(sn=c)))", "(&(sn=a)(sn=b)(|(sn=c)))"),
            ("(&\n  (sn=a)\n  (! (sn=b) )\n)\n", "(&(sn=a)(!(sn=b)))"),
            ("(!sn=a)", "(!(sn=a))"),
            (
                "(!userAccountControl:1.2.840.113556.1.4.803:=2)",
                "(!(useraccountcontrol:1.2.840.113556.1.4.803:=2))",
            ),
            ("(sn~=a)", "(sn=a)"),
            ("(sn:=a)", "(sn=a)"),
            ("(sn=**)", "(sn=*)"),
            ("(sn=a**b*)", "(sn=a*b*)"),
            ("(sn=a=b)", "(sn=a=b)"),
            (r"(cn=\2a\28\29\5c\00)", r"(cn=\2A\28\29\5C\00)"),
            (r"(sn=M\c3\bcller)", "(sn=Müller)"),
            ("(userAccountControl=0514)", "(useraccountcontrol=514)"),
            ("(whenCreated>=20260131130000+0100)", "(whencreated>=20260131120000Z)"),
            ("(msExchHideFromAddressLists=true)", "(msexchhidefromaddresslists=TRUE)"),
            ("(objectCategory=User)", "(objectcategory=user)"),
            (
                r"(memberOf=CN=Sales \28EMEA\29,DC=com)",
                r"(memberof=CN=Sales \28EMEA\29,DC=com)",
            ),
            (
                r"(memberOf:1.2.840.113556.1.4.1941:=CN=Doe\5c, Jane,DC=com)",
                r"(memberof:1.2.840.113556.1.4.1941:=CN=Doe\5C, Jane,DC=com)",
            ),
        ] {
            assert_eq!(filter(text).to_string(), shown);
            assert_eq!(filter(shown), filter(text));
        }
    }

    #[test]
    fn what_is_no_filter_is_refused_with_its_position() {
        for (text, position, message) in [
            ("", 0, "expected one of `=`"),
            ("(sn=a", 5, "expected `)`"),
            ("(sn=a))", 6, "ended before this"),
            ("(sn=a)(cn=b)", 6, "put several conditions into (&…)"),
            ("(&sn=a)", 2, "expected at least one condition in parentheses"),
            ("(&)", 2, "expected at least one condition in parentheses"),
            ("((sn=a))", 1, "expected one of `=`"),
            ("(sn)", 3, "expected one of `=`"),
            ("(sn>a)", 3, "expected one of `=`"),
            ("(=a)", 1, "`` is not an attribute"),
            ("(first name=a)", 1, "`first name` is not an attribute"),
            ("(2.5.4.4=a)", 1, "`2.5.4.4` is not an attribute"),
            ("(sn;lang-de=a)", 1, "`sn;lang-de` is not an attribute"),
            ("(sn=)", 4, "expected a value; (!(sn=*)) finds those without one"),
            ("(sn>=)", 5, "expected a value"),
            ("(sn=a(b)", 5, r"write `\28` for `(`"),
            (r"(sn=ü\zz)", 6, "two hexadecimal digits"),
            (r"(sn=a\2)", 5, "two hexadecimal digits"),
            (r"(memberOf=CN=Doe\, Jane,DC=com)", 16, r"write `\5c` for a backslash"),
            (r"(sn=\ff)", 4, "not UTF-8"),
            ("(&(sn=a)(objectGUID=x))", 9, "objectguid holds bytes"),
            ("(tokenGroups=x)", 1, "is computed by the server"),
            ("(anr=jane)", 1, "is computed by the server"),
            ("(unicodePwd=*)", 1, "is never shown"),
            (
                "(userAccountControl=abc)",
                20,
                "useraccountcontrol holds whole numbers; `abc` is none",
            ),
            ("(userAccountControl=0x2)", 20, "holds whole numbers; `0x2` is none"),
            ("(userAccountControl=5*)", 20, "can't be searched with `*`"),
            ("(userAccountControl>=5*)", 21, "holds whole numbers; `5*` is none"),
            ("(showInAdvancedViewOnly=yes)", 24, "holds TRUE or FALSE; `yes` is none"),
            (
                "(whenCreated>=2026-01-31)",
                14,
                "holds times such as 20260131120000.0Z; `2026-01-31` is none",
            ),
            (
                "(memberOf=Sales)",
                10,
                "holds distinguished names, and this is none: expected a part such as CN=name",
            ),
            ("(memberOf=CN=Sales*)", 10, "can't be searched with `*`"),
            ("(manager=CN=J*)", 9, "can't be searched with `*`"),
            ("(memberOf>=CN=Sales)", 9, "can't be compared with `>=`"),
            (
                "(shoeSize>=42)",
                9,
                "shoesize may hold text or numbers, and can't be compared with `>=`",
            ),
            ("(objectCategory=robot)", 16, "`robot` is none"),
            ("(objectClass=us*)", 13, "can't be searched with `*`"),
            (
                "(sn:1.2.840.113556.1.4.803:=2)",
                3,
                "sn holds text, and can't be compared with `:1.2.840.113556.1.4.803:=`",
            ),
            ("(userAccountControl:1.2.840.113556.1.4.804:=x)", 44, "`x` is none"),
            (
                "(userAccountControl:caseExactMatch:=2)",
                19,
                "the matching rule `caseExactMatch` is not supported",
            ),
            (
                "(manager:1.2.840.113556.1.4.1941:=CN=a)",
                8,
                "on memberOf, 1.2.840.113556.1.4.1941 (in chain)",
            ),
            ("(cn:dn:1.2.840.113556.1.4.803:=2)", 3, "is not supported"),
            ("(sn:x=a)", 3, "expected one of `=`"),
        ] {
            let error = Filter::parse(text).expect_err(text);
            assert_eq!(error.position, position, "{text}: {error}");
            assert!(error.to_string().contains(message), "{text}: {error}");
        }
    }

    #[test]
    fn depth_has_an_end_before_the_stack_has() {
        let nested = |depth: usize| format!("{}(sn=a){}", "(!".repeat(depth), ")".repeat(depth));
        assert_eq!(filter(&nested(64)).to_string(), nested(64));
        assert_eq!(
            Filter::parse(&nested(100_000)).unwrap_err().problem,
            FilterProblem::NestDeeper
        );
    }

    /// Filters of every kind.
    fn any_filter() -> impl Strategy<Value = String> {
        let value = || ".{1,8}|[ *()\\\\\\x00äÄ]{1,6}".prop_map(|value| Filter::escape_value(&value));
        let test = prop_oneof![
            value().prop_map(|value| format!("(sn={value})")),
            (value(), value()).prop_map(|(first, last)| format!("(department={first}*{last})")),
            (value(), value()).prop_map(|(first, last)| format!("(shoeSize=*{first}*{last}*)")),
            value().prop_map(|value| format!("(employeeID>={value})")),
            any::<i64>().prop_map(|number| format!("(accountExpires<={number})")),
            any::<i32>().prop_map(|bits| format!("(userAccountControl:1.2.840.113556.1.4.804:={bits})")),
            (0..4_000_000_000_i64).prop_map(|second| {
                let time = jiff::Timestamp::from_second(second).unwrap();
                format!("(whenCreated>={})", super::super::time::format(time))
            }),
            ".{1,8}".prop_map(|name| {
                let dn = format!("CN={},DC=com", crate::directory::Dn::escape_value(&name));
                format!("(memberOf:1.2.840.113556.1.4.1941:={})", Filter::escape_value(&dn))
            }),
            Just("(mail=*)".to_owned()),
            Just("(objectCategory=contact)".to_owned()),
            Just("(msExchHideFromAddressLists=TRUE)".to_owned()),
        ];
        test.prop_recursive(4, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| format!("(&{})", parts.concat())),
                prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| format!("(|{})", parts.concat())),
                inner.prop_map(|part| format!("(!{part})")),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_shown_filter_parses_to_an_equal_one(text in any_filter()) {
            let parsed = filter(&text);
            prop_assert_eq!(&filter(&parsed.to_string()), &parsed);
        }

        #[test]
        fn escaping_and_parsing_gives_back_the_value(value in ".{1,20}|[ *()\\\\\\x00-\\x1f]{1,8}") {
            use super::super::test::{Assertion, Value};
            let mut condition = super::Parser { text: &format!("sn={}", Filter::escape_value(&value)), position: 0 };
            prop_assert_eq!(condition.test().unwrap().assertion, Assertion::Equal(Value::Text(value)));
        }

        #[test]
        fn no_text_makes_it_panic_and_positions_are_inside(
            text in "(\\(|\\)|&|\\||!|sn|memberOf|=|>=|:|\\*|\\\\|2a|CN=a| |ü|.){0,16}"
        ) {
            match Filter::parse(&text) {
                Ok(parsed) => prop_assert_eq!(filter(&parsed.to_string()), parsed),
                Err(error) => prop_assert!(text.is_char_boundary(error.position)),
            }
        }
    }
}
