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
