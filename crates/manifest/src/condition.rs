//! `when:` — a boolean, or a small expression over the parameters.
//!
//! ```text
//! either     = both ( "or" both )*
//! both       = unary ( "and" unary )*
//! unary      = "not" unary | comparison
//! comparison = operand ( ( "==" | "!=" | "in" | "not" "in" ) operand )?
//! operand    = "${params.x}" | "${each.x}" | 'text' | "text" | number | true | false | null | "[" operands "]"
//!            | "(" either ")"
//! ```

use std::ops::Range;

use trainyard_core::Problem;

use crate::{
    files::{Files, Span},
    findings::{Findings, shown},
    interpolate::{Scope, look_up},
    node::{Node, Value},
    scalar,
};

/// Deepest nesting of brackets and `not`.
const DEEPEST: usize = 32;

/// Whether `when:` says yes. A mistake is reported and counts as yes, so that the step is checked all the same.
pub(crate) fn holds(node: &Node, files: &Files, scope: &Scope, findings: &mut Findings) -> bool {
    match &node.value {
        Value::Bool(value) => *value,
        Value::Text(text) => {
            let result = tokens(text).and_then(|tokens| {
                let mut reader = Reader { tokens: &tokens, at: 0, scope, span: node.span, end: text.len() };
                let value = reader.either(0)?;
                reader.finished()?;
                truth(&value, 0..text.len())
            });
            result.unwrap_or_else(|(range, problem)| {
                findings.at(files.within(node.span, text, range), problem);
                true
            })
        }
        Value::Broken => true,
        _ => {
            let help = "for example `when: ${params.env} == 'prod'`";
            let message = format!("`when` must be true, false or a condition, not {}", node.described());
            findings.at(node.span, Problem::error("bad-condition", message).help(help));
            true
        }
    }
}

type Fault = (Range<usize>, Problem);

fn fault(range: Range<usize>, message: impl Into<String>) -> Fault {
    let help = "known are `==`, `!=`, `in`, `and`, `or`, `not`, brackets, lists, and texts in quotes";
    (range, Problem::error("bad-condition", message).help(help))
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Sign(&'static str),
    Word(String),
    Text(String),
    Name(String),
}

fn tokens(text: &str) -> Result<Vec<(Token, Range<usize>)>, Fault> {
    const SIGNS: [&str; 7] = ["==", "!=", "(", ")", "[", "]", ","];
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let (token, length) = if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        } else if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            (Token::Sign(sign), sign.len())
        } else if rest.starts_with("${") {
            let end = rest.find('}').ok_or_else(|| fault(at..text.len(), "`${` has no `}`"))?;
            (Token::Name(rest[2..end].trim().to_owned()), end + 1)
        } else if c == '\'' || c == '"' {
            let end = rest[1..].find(c).ok_or_else(|| fault(at..text.len(), "the text has no closing quote"))?;
            (Token::Text(rest[1..=end].to_owned()), end + 2)
        } else {
            let end = rest
                .find(|c: char| c.is_whitespace() || "=!()[],'\"$".contains(c))
                .filter(|&end| end > 0)
                .unwrap_or(if "=!$".contains(c) { 1 } else { rest.len() });
            (Token::Word(rest[..end].to_owned()), end)
        };
        tokens.push((token, at..at + length));
        at += length;
    }
    Ok(tokens)
}

struct Reader<'a> {
    tokens: &'a [(Token, Range<usize>)],
    at: usize,
    scope: &'a Scope,
    span: Span,
    end: usize,
}

impl Reader<'_> {
    fn range(&self) -> Range<usize> {
        self.tokens.get(self.at).map_or(self.end..self.end, |(_, range)| range.clone())
    }

    fn take(&mut self, token: &Token) -> bool {
        let found = self.tokens.get(self.at).is_some_and(|(found, _)| found == token);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self, word: &str) -> bool {
        self.take(&Token::Word(word.to_owned()))
    }

    fn finished(&self) -> Result<(), Fault> {
        match self.tokens.get(self.at) {
            None => Ok(()),
            Some((_, range)) => Err(fault(range.clone(), "the condition should have ended before this")),
        }
    }

    // Every part is read and judged, so that a mistake is found on whichever side it stands.
    fn either(&mut self, depth: usize) -> Result<Node, Fault> {
        let start = self.range().start;
        let mut value = self.both(depth)?;
        while self.word("or") {
            let left = truth(&value, start..self.range().start)?;
            let at = self.range().start;
            let right = self.both(depth)?;
            value = self.bool(left | truth(&right, at..self.range().start)?);
        }
        Ok(value)
    }

    fn both(&mut self, depth: usize) -> Result<Node, Fault> {
        let start = self.range().start;
        let mut value = self.unary(depth)?;
        while self.word("and") {
            let left = truth(&value, start..self.range().start)?;
            let at = self.range().start;
            let right = self.unary(depth)?;
            value = self.bool(left & truth(&right, at..self.range().start)?);
        }
        Ok(value)
    }

    fn unary(&mut self, depth: usize) -> Result<Node, Fault> {
        if depth > DEEPEST {
            return Err(fault(self.range(), "the condition is nested too deep"));
        }
        if self.word("not") {
            let start = self.range().start;
            let value = self.unary(depth + 1)?;
            return Ok(self.bool(!truth(&value, start..self.range().start)?));
        }
        self.comparison(depth)
    }

    fn comparison(&mut self, depth: usize) -> Result<Node, Fault> {
        let left = self.operand(depth)?;
        let equal = self.take(&Token::Sign("=="));
        if equal || self.take(&Token::Sign("!=")) {
            let right = self.operand(depth)?;
            return Ok(self.bool(same(&left, &right) == equal));
        }
        let within = self.word("in");
        if within
            || (self.tokens.get(self.at + 1).is_some_and(|(t, _)| *t == Token::Word("in".into())) && self.word("not"))
        {
            if !within {
                self.at += 1;
            }
            let range = self.range();
            let right = self.operand(depth)?;
            let Value::List(items) = &right.value else {
                return Err(fault(range, format!("`in` needs a list, not {}", right.described())));
            };
            return Ok(self.bool(items.iter().any(|item| same(&left, item)) == within));
        }
        Ok(left)
    }

    fn operand(&mut self, depth: usize) -> Result<Node, Fault> {
        if depth > DEEPEST {
            return Err(fault(self.range(), "the condition is nested too deep"));
        }
        let Some((token, range)) = self.tokens.get(self.at).cloned() else {
            return Err(fault(self.end..self.end, "the condition ends too early"));
        };
        self.at += 1;
        let value = match token {
            Token::Name(name) if name.starts_with("env.") => {
                let message = format!("a secret (`${{{}}}`) cannot decide what runs", shown(&name));
                return Err((range, Problem::error("misplaced-secret", message)));
            }
            Token::Name(name) => return look_up(self.scope, &name).map(|(node, _)| node).map_err(|p| (range, p)),
            Token::Text(text) => Value::Text(text),
            Token::Word(word) => match scalar::resolve(&word) {
                Ok(Value::Text(_)) | Err(_) => {
                    let word = shown(&word);
                    return Err(fault(range, format!("`{word}` is no value; as a text it is written `'{word}'`")));
                }
                Ok(value) => value,
            },
            Token::Sign("(") => {
                let value = self.either(depth + 1)?;
                let closed = self.range();
                return if self.take(&Token::Sign(")")) { Ok(value) } else { Err(fault(closed, "expected `)`")) };
            }
            Token::Sign("[") => {
                let mut items = Vec::new();
                while !self.take(&Token::Sign("]")) {
                    if !items.is_empty() && !self.take(&Token::Sign(",")) {
                        return Err(fault(self.range(), "expected `,` or `]`"));
                    }
                    items.push(self.operand(depth + 1)?);
                }
                Value::List(items)
            }
            Token::Sign(sign) => return Err(fault(range, format!("expected a value, not `{sign}`"))),
        };
        Ok(Node { value, span: self.span })
    }

    fn bool(&self, value: bool) -> Node {
        Node { value: Value::Bool(value), span: self.span }
    }
}

fn truth(node: &Node, range: Range<usize>) -> Result<bool, Fault> {
    match node.value {
        Value::Bool(value) => Ok(value),
        Value::Broken => Ok(true),
        _ => Err(fault(range, format!("expected true or false, not {}", node.described()))),
    }
}

/// Equality by value: `1` equals `1.0`.
fn same(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::List(a), Value::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        _ => a.to_json() == b.to_json(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::interpolate::Param;

    const SPAN: Span = Span { file: 0, start: 0, end: 0 };

    fn judge(text: &str) -> Result<bool, String> {
        let param = |value| Param { value: Node { value, span: SPAN }, secrets: BTreeSet::new() };
        let params = BTreeMap::from([
            ("env".to_owned(), param(Value::Text("prod".to_owned()))),
            ("fast".to_owned(), param(Value::Bool(false))),
            ("seed".to_owned(), param(Value::Number(7.into()))),
        ]);
        let scope = Scope { params: Some(std::rc::Rc::new(params)), ..Scope::default() };
        let mut findings = Findings::default();
        let node = Node { value: Value::Text(text.to_owned()), span: SPAN };
        let held = holds(&node, &Files::default(), &scope, &mut findings);
        match findings.into_problems(&Files::default()).into_iter().next() {
            Some(problem) => Err(problem.message),
            None => Ok(held),
        }
    }

    #[test]
    fn conditions() {
        assert_eq!(judge("${params.env} == 'prod'"), Ok(true));
        assert_eq!(judge("${params.env} != \"prod\""), Ok(false));
        assert_eq!(judge("${params.fast}"), Ok(false));
        assert_eq!(judge("not ${params.fast} and ${params.seed} in [1, 7.0]"), Ok(true));
        assert_eq!(judge("${params.env} not in ['dev', 'test']"), Ok(true));
        assert_eq!(judge("false and true or true"), Ok(true));
        assert_eq!(judge("false and (true or true)"), Ok(false));
        assert_eq!(judge("not not true"), Ok(true));
    }

    #[test]
    fn mistakes_in_conditions() {
        assert_eq!(judge("${params.env} == prod"), Err("`prod` is no value; as a text it is written `'prod'`".into()));
        assert_eq!(judge("${params.env}"), Err("expected true or false, not the text `prod`".into()));
        assert_eq!(judge("true or ${params.evn}"), Err("unknown pipeline parameter `evn`".into()));
        for text in ["", "==", "(true", "true)", "'x", "${params.env", "true true", "1 in 2", "=", "$", "not", "[1 2]"]
        {
            assert!(judge(text).is_err(), "{text}");
        }
        assert!(judge(&"(".repeat(100_000)).is_err());
        assert!(judge(&"not ".repeat(100_000)).is_err());
        assert!(judge("${env.HOME} == 'x'").is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(true|false|not|and|or|in|==|!=|\\(|\\)|\\[|\\]|,|'|\\$\\{|\\}| |\u{e9}|1){0,20}") {
            let _ = judge(&text);
        }
    }
}
