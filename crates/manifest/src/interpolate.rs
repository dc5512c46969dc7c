//! `${params.x}`, `${each.x}` and `${env.NAME}` in the texts of a pipeline file.
//!
//! A text that is one placeholder and nothing else becomes the typed value; otherwise the value is written into the
//! text. `$${` is a literal `${`. `${env.NAME}` stays as it is: secrets are put in right before a step runs.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    rc::Rc,
};

use trainyard_core::Problem;

use crate::{
    files::{Files, Span},
    findings::{Findings, shown, unknown},
    node::{Entry, Node, Value},
};

/// A pipeline parameter.
#[derive(Clone, Debug)]
pub(crate) struct Param {
    /// Its value after `--set`.
    pub(crate) value: Node,
    /// The secrets named in it.
    pub(crate) secrets: BTreeSet<String>,
}

/// What the names in placeholders stand for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// `${params.x}`; `None` where parameters may not be used, which is in `params:` itself.
    pub(crate) params: Option<Rc<BTreeMap<String, Param>>>,
    /// `${each.x}`.
    pub(crate) each: BTreeMap<String, Node>,
}

/// What may be done with what is interpolated.
pub(crate) struct Interpolation<'a> {
    /// The texts, for exact places.
    pub(crate) files: &'a Files,
    /// What the names stand for.
    pub(crate) scope: &'a Scope,
    /// Whether `${env.NAME}` may stand here.
    pub(crate) secrets_allowed: bool,
    /// How many more nodes may be made.
    pub(crate) left: &'a mut usize,
    /// Where problems go.
    pub(crate) findings: &'a mut Findings,
    /// The secrets found, each with its place.
    pub(crate) secrets: Vec<(String, Span)>,
}

/// A piece of a text.
#[derive(Debug, PartialEq)]
pub(crate) enum Piece<'t> {
    /// Text as it stands.
    Literal(&'t str),
    /// What stands between `${` and `}`, and where the whole placeholder is.
    Placeholder(&'t str, Range<usize>),
    /// A `${` without its `}`.
    Unfinished(Range<usize>),
}

/// Cuts a text into literals and placeholders.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = 0;
    while let Some(found) = text[rest..].find("${") {
        let at = rest + found;
        if at > rest && text.as_bytes()[at - 1] == b'$' {
            pieces.push(Piece::Literal(&text[rest..at - 1]));
            pieces.push(Piece::Literal("${"));
            rest = at + 2;
            continue;
        }
        pieces.push(Piece::Literal(&text[rest..at]));
        let Some(length) = text[at..].find('}') else {
            pieces.push(Piece::Unfinished(at..text.len()));
            rest = text.len();
            break;
        };
        pieces.push(Piece::Placeholder(text[at + 2..at + length].trim(), at..at + length + 1));
        rest = at + length + 1;
    }
    pieces.push(Piece::Literal(&text[rest..]));
    pieces.retain(|piece| *piece != Piece::Literal(""));
    pieces
}

impl Interpolation<'_> {
    /// A copy with all placeholders but secrets replaced.
    pub(crate) fn node(&mut self, node: &Node) -> Node {
        let value = match &node.value {
            Value::Text(text) if text.contains("${") => return self.text(text, node.span),
            Value::Text(text) => {
                self.spend(text.len() / 32, node.span);
                Value::Text(text.clone())
            }
            Value::List(items) => Value::List(items.iter().map(|item| self.node(item)).collect()),
            Value::Map(entries) => Value::Map(
                entries
                    .iter()
                    .map(|entry| {
                        if ["${params.", "${each.", "${env."].iter().any(|start| entry.key.contains(start)) {
                            let problem = Problem::error("bad-interpolation", "a key cannot hold a placeholder");
                            self.findings.at(entry.key_span, problem.help("only values can"));
                        }
                        Entry { key: entry.key.clone(), key_span: entry.key_span, value: self.node(&entry.value) }
                    })
                    .collect(),
            ),
            plain => plain.clone(),
        };
        if !self.spend(1, node.span) {
            return Node { value: Value::Broken, span: node.span };
        }
        Node { value, span: node.span }
    }

    fn spend(&mut self, weight: usize, span: Span) -> bool {
        if *self.left == 0 {
            return false;
        }
        *self.left = self.left.saturating_sub(weight);
        if *self.left == 0 {
            let message = "the file grows too large: too many values once `for_each`, `import` and `${…}` are followed";
            self.findings.at(span, Problem::error("too-large", message));
        }
        *self.left > 0
    }

    fn text(&mut self, text: &str, span: Span) -> Node {
        let pieces = pieces(text);
        if let [Piece::Placeholder(inside, range)] = &pieces[..] {
            let at = self.files.within(span, text, range.clone());
            return match self.look_up(inside, at) {
                Some(value) if self.spend(value.weight(), span) => value.moved_to(span),
                _ => Node { value: Value::Broken, span },
            };
        }
        let mut out = String::new();
        let before = self.findings.len();
        let mut broken = false;
        for (index, piece) in pieces.iter().enumerate() {
            match piece {
                Piece::Literal("${") => {
                    if let Some(Piece::Literal(next)) = pieces.get(index + 1)
                        && next.trim_start().starts_with("env.")
                    {
                        // It could not be told from a secret when secrets are put in.
                        let message = "a literal `${env.` cannot be written";
                        self.findings.at(span, Problem::error("bad-interpolation", message));
                    }
                    out.push_str("${");
                }
                Piece::Literal(literal) => out.push_str(literal),
                Piece::Placeholder(inside, range) => {
                    let at = self.files.within(span, text, range.clone());
                    match self.look_up(inside, at).map(|node| node.value) {
                        Some(Value::Text(value)) => out.push_str(&value),
                        Some(Value::Number(value)) => out.push_str(&value.to_string()),
                        Some(Value::Bool(value)) => out.push_str(&value.to_string()),
                        Some(Value::Broken) => broken = true,
                        Some(other) => {
                            let other = Node { value: other, span }.described();
                            let message = format!("`${{{}}}` is {other}, which no text can hold", shown(inside));
                            let help = "a list, a map or nothing can only be the whole value";
                            self.findings.at(at, Problem::error("bad-interpolation", message).help(help));
                        }
                        None => {}
                    }
                }
                Piece::Unfinished(range) => {
                    let at = self.files.within(span, text, range.clone());
                    let problem = Problem::error("bad-interpolation", "`${` has no `}`");
                    self.findings.at(at, problem.help("write `$${` for a literal `${`"));
                }
            }
            if !self.spend(out.len() / 32, span) {
                break;
            }
        }
        let value = if self.findings.len() == before && !broken { Value::Text(out) } else { Value::Broken };
        Node { value, span }
    }

    /// The value of what stands between `${` and `}`.
    fn look_up(&mut self, inside: &str, at: Span) -> Option<Node> {
        if let Some(name) = inside.strip_prefix("env.") {
            return self.secret(name, at);
        }
        let (value, secrets) = look_up(self.scope, inside).map_err(|problem| self.findings.at(at, problem)).ok()?;
        secrets.iter().all(|name| self.note_secret(name, at)).then_some(value)
    }

    fn secret(&mut self, name: &str, at: Span) -> Option<Node> {
        let valid = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !valid {
            let message = format!("`{}` is not the name of an environment variable", shown(name));
            self.findings.at(at, Problem::error("bad-interpolation", message));
            return None;
        }
        let value = Value::Text(format!("${{env.{name}}}"));
        self.note_secret(name, at).then_some(Node { value, span: at })
    }

    /// Notes a secret; false where none may stand.
    fn note_secret(&mut self, name: &str, at: Span) -> bool {
        if self.secrets_allowed {
            self.secrets.push((name.to_owned(), at));
        } else {
            let message = format!("the secret `${{env.{name}}}` may stand only under a step's `with:`");
            self.findings.at(at, Problem::error("misplaced-secret", message));
        }
        self.secrets_allowed
    }
}

/// The value of `params.x` or `each.x`, with the secrets named in it.
///
/// # Errors
/// `unknown-param`, `bad-interpolation`.
pub(crate) fn look_up(scope: &Scope, inside: &str) -> Result<(Node, BTreeSet<String>), Problem> {
    if let Some(name) = inside.strip_prefix("params.") {
        let Some(params) = &scope.params else {
            return Err(Problem::error("bad-interpolation", "a pipeline parameter cannot name another one"));
        };
        return match params.get(name) {
            Some(param) => Ok((param.value.clone(), param.secrets.clone())),
            None => Err(unknown("unknown-param", "pipeline parameter", name, params.keys().map(String::as_str))),
        };
    }
    if let Some(name) = inside.strip_prefix("each.") {
        return match scope.each.get(name) {
            Some(value) => Ok((value.clone(), BTreeSet::new())),
            None if scope.each.is_empty() => {
                let message = format!("`${{{}}}` needs a `for_each:` in its step", shown(inside));
                Err(Problem::error("bad-interpolation", message))
            }
            None => Err(unknown("unknown-param", "`for_each` variable", name, scope.each.keys().map(String::as_str))),
        };
    }
    let known = scope.params.iter().flat_map(|params| params.keys()).find(|name| *name == inside);
    let help = match known {
        Some(name) => format!("did you mean `${{params.{name}}}`?"),
        None if scope.each.contains_key(inside) => format!("did you mean `${{each.{}}}`?", shown(inside)),
        None => "write `${params.NAME}`, `${each.NAME}` or `${env.NAME}`, and `$${` for a literal `${`".to_owned(),
    };
    Err(Problem::error("bad-interpolation", format!("`${{{}}}` stands for nothing", shown(inside))).help(help))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_a_text() {
        assert_eq!(pieces("a"), [Piece::Literal("a")]);
        assert_eq!(pieces("${ params.x }"), [Piece::Placeholder("params.x", 0..13)]);
        assert_eq!(pieces("$${x} ${y"), [Piece::Literal("${"), Piece::Literal("x} "), Piece::Unfinished(6..9),]);
        assert_eq!(pieces("a${x}b$"), [Piece::Literal("a"), Piece::Placeholder("x", 1..5), Piece::Literal("b$")]);
    }
}
