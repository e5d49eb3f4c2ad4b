//! LDAP filters (RFC 4515): parsed once, evaluated in memory as Active Directory would. Pure: no server is asked.
//!
//! One difference is known: Active Directory compares text without accents ([MS-ADTS] section 6.5.1 names `NORM_IGNORENONSPACE` among
//! others), so that `(sn=Muller)` finds Müller there. Here, as in Samba, it doesn't, and who is meant must be written as they write
//! themselves.
//!
//! What else can't be answered from a snapshot with Active Directory's own result is refused when it is parsed, with its position, rather
//! than answered differently. Kindness ends there too: white space between the parts, a missing outer pair of parentheses and
//! `(!a=b)` are understood, because the tools that people copy filters from understand them.

mod evaluate;
mod parser;
mod syntax;
mod test;
mod time;

use std::{collections::BTreeSet, fmt};

use test::{Assertion, Test};

use super::{AttributeName, Dn, dn::DnProblem, text};

/// A condition on a user.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Filter {
    root: Node,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Test(Test),
}

/// Text that is no filter, or one that can't be evaluated.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{problem} (position {position})")]
pub struct FilterError {
    /// Where, as a byte offset into the text.
    pub position: usize,
    /// What is wrong there.
    pub problem: FilterProblem,
}

/// What is wrong with a filter.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FilterProblem {
    /// Something else where a part begins.
    #[error("expected `(`")]
    OpenParenthesis,
    /// A part that does not end.
    #[error("expected `)`")]
    CloseParenthesis,
    /// Text after the last parenthesis.
    #[error("the filter ended before this; put several conditions into (&…) or (|…)")]
    EndFilter,
    /// `(&)` or `(|)`.
    #[error("expected at least one condition in parentheses after `&` or `|`")]
    ExpectCondition,
    /// Parts inside of parts inside of parts.
    #[error("the filter is nested too deeply")]
    NestDeeper,
    /// A condition without an operator.
    #[error("expected one of `=`, `>=`, `<=`, `~=` or `:rule:=` after the attribute")]
    ExpectOperator,
    /// Not an attribute's name.
    #[error("`{0}` is not an attribute: write its LDAP name, such as mail")]
    NameAttribute(String),
    /// Nothing after the operator.
    #[error("expected a value; (!({0}=*)) finds those without one")]
    ExpectValue(AttributeName),
    /// A parenthesis inside a value.
    #[error("write `\\28` for `(` in a value")]
    EscapeParenthesis,
    /// A backslash that begins no escape.
    #[error("expected two hexadecimal digits after the backslash; write `\\5c` for a backslash in a value")]
    EndEscape,
    /// Escaped bytes that are no text.
    #[error("the escaped bytes are not UTF-8")]
    DecodeText,
    /// An attribute whose values can't be compared here.
    #[error("{attribute} {reason}, so it can't be used in a filter")]
    CompareAttribute {
        /// The attribute.
        attribute: AttributeName,
        /// What it is that makes it so.
        reason: &'static str,
    },
    /// An operator that the attribute's syntax does not have: Active Directory would find nobody.
    #[error("{attribute} {holds}, and can't be compared with `{operator}`")]
    Compare {
        /// The attribute.
        attribute: AttributeName,
        /// What it holds.
        holds: &'static str,
        /// The operator.
        operator: &'static str,
    },
    /// `*` in the value of an attribute that is no text.
    #[error("{attribute} {holds}, which can't be searched with `*`; write `\\2a` for a `*` that is part of a name")]
    MatchPart {
        /// The attribute.
        attribute: AttributeName,
        /// What it holds.
        holds: &'static str,
    },
    /// A value of another syntax.
    #[error("{attribute} {holds}; `{value}` is none")]
    ReadValue {
        /// The attribute.
        attribute: AttributeName,
        /// What it holds.
        holds: &'static str,
        /// The value.
        value: String,
    },
    /// A distinguished name that is none.
    #[error("{attribute} holds distinguished names, and this is none: {problem}")]
    ReadName {
        /// The attribute.
        attribute: AttributeName,
        /// What is wrong with it.
        problem: DnProblem,
    },
    /// A matching rule that is not known.
    #[error(
        "the matching rule `{0}` is not supported; 1.2.840.113556.1.4.803 (all bits), 1.2.840.113556.1.4.804 (any bit) and, on memberOf, 1.2.840.113556.1.4.1941 (in chain) are"
    )]
    ApplyRule(String),
}

impl Filter {
    /// A filter that can be evaluated.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        parser::parse(text).map(|root| Self { root })
    }

    /// The attributes that must have been read to evaluate it. Membership is answered from the groups, and the distinguished name
    /// is always there: neither is among them.
    pub fn attributes(&self) -> BTreeSet<AttributeName> {
        let read = self.tests().into_iter().filter(|test| test.reads_attribute());
        read.map(|test| test.attribute.clone()).collect()
    }

    /// The groups that it names. Where one of them does not exist, an answer is in doubt.
    pub fn groups(&self) -> BTreeSet<&Dn> {
        let groups = self.tests().into_iter().filter_map(|test| match &test.assertion {
            Assertion::MemberOf { group, .. } => Some(group),
            _ => None,
        });
        groups.collect()
    }

    /// A text as a value in a filter.
    pub fn escape_value(value: &str) -> String {
        let mut escaped = String::with_capacity(value.len());
        for character in value.chars() {
            match character {
                '*' | '(' | ')' | '\\' | '\0'..='\x1f' | '\x7f' => text::push_hexadecimal(&mut escaped, character),
                _ => escaped.push(character),
            }
        }
        escaped
    }

    fn tests(&self) -> Vec<&Test> {
        let mut tests = Vec::new();
        let mut waiting = vec![&self.root];
        while let Some(node) = waiting.pop() {
            match node {
                Node::All(nodes) | Node::Any(nodes) => waiting.extend(nodes),
                Node::Not(node) => waiting.push(node),
                Node::Test(test) => tests.push(test),
            }
        }
        tests
    }
}

/// An equivalent filter, in RFC 4515's form.
impl fmt::Display for Filter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root.fmt(formatter)
    }
}

impl fmt::Display for Node {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (operator, nodes) = match self {
            Self::All(nodes) => ("&", nodes.as_slice()),
            Self::Any(nodes) => ("|", nodes.as_slice()),
            Self::Not(node) => ("!", std::slice::from_ref(node.as_ref())),
            Self::Test(test) => return write!(formatter, "({test})"),
        };
        write!(formatter, "({operator}")?;
        nodes.iter().try_for_each(|node| node.fmt(formatter))?;
        formatter.write_str(")")
    }
}

impl std::str::FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        Self::parse(text)
    }
}
