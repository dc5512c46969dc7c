//! YAML text → [`Node`]: bounded in size, depth and aliases, so that no file can exhaust the machine.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Tag};
use trainyard_core::Problem;

use crate::{
    files::{Files, Span},
    findings::{Findings, shown},
    node::{Entry, Node, Value},
    scalar,
};

/// Longest text, in bytes.
pub(crate) const LONGEST_TEXT: usize = 8 << 20;
/// Most nodes, each alias counted as often as it is used.
const MOST_NODES: usize = 1_000_000;
/// Deepest nesting.
const DEEPEST: usize = 64;

/// The file's value; `None` when it is not YAML at all. Duplicate keys, odd tags and the like are reported and
/// left out, so that the rest can be checked too.
pub(crate) fn parse(files: &Files, file: u32, findings: &mut Findings) -> Option<Node> {
    let text = files.files.get(file as usize)?.text.as_str();
    if text.len() > LONGEST_TEXT {
        let message = format!("the file has {} bytes; at most {LONGEST_TEXT} are read", text.len());
        findings.at(Span { file, start: 0, end: 0 }, Problem::error("too-large", message));
        return None;
    }
    let mut builder = Builder {
        files,
        file,
        findings,
        open: Vec::new(),
        anchors: HashMap::new(),
        root: None,
        documents: 0,
        left: MOST_NODES,
    };
    let options = granit_parser::options! {
        emit_unresolved_aliases: true,
        emit_comments: false,
        disallow_directives: false,
    };
    for next in Parser::new_from_str_with_options(text, options) {
        let outcome = match next {
            Ok((event, span)) => {
                let range = span.byte_range().unwrap_or(0..0);
                builder.event(event, span_of(file, range.start, range.end))
            }
            Err(error) => {
                builder.findings.at(span_of_error(file, &error), bad_yaml(text, &error));
                return None;
            }
        };
        if let Err((span, problem)) = outcome {
            builder.findings.at(span, problem);
            return None;
        }
    }
    Some(builder.root.unwrap_or(Node { value: Value::Null, span: Span { file, start: 0, end: 0 } }))
}

type Stop = (Span, Problem);

struct Builder<'a> {
    files: &'a Files,
    file: u32,
    findings: &'a mut Findings,
    open: Vec<Open>,
    /// `None` while the anchored value is still open.
    anchors: HashMap<usize, Option<Node>>,
    root: Option<Node>,
    documents: usize,
    left: usize,
}

/// A list or map whose end has not come yet.
struct Open {
    span: Span,
    anchor: usize,
    inside: Inside,
}

enum Inside {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, places: HashMap<String, Span>, key: Option<Key>, merged: Vec<Node> },
}

/// A key whose value has not come yet; `name` is `None` when the key was refused.
struct Key {
    name: Option<String>,
    span: Span,
    merges: bool,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err((span, Problem::error("bad-yaml", "a pipeline file is one YAML document")));
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.spend(1 + text.len() / 32, span)?;
                let plain = style == ScalarStyle::Plain;
                if self.awaits_key() && anchor == 0 && tag.is_none() {
                    self.key(text.into_owned(), span, plain);
                } else {
                    let value = self.scalar(&text, plain, tag.as_deref(), span);
                    self.finish(Node { value, span }, anchor)?;
                }
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.tag_of_container(tag.as_deref(), "seq", span);
                self.start(span, anchor, Inside::List(Vec::new()))?;
            }
            Event::MappingStart(_, anchor, tag) => {
                self.tag_of_container(tag.as_deref(), "map", span);
                let (places, merged) = (HashMap::new(), Vec::new());
                self.start(span, anchor, Inside::Map { entries: Vec::new(), places, key: None, merged })?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    let value = match open.inside {
                        Inside::List(items) => Value::List(items),
                        Inside::Map { entries, places, merged, .. } => {
                            Value::Map(self.merge(entries, &places, merged)?)
                        }
                    };
                    let end = span.end.max(open.span.end);
                    self.finish(Node { value, span: Span { end, ..open.span } }, open.anchor)?;
                }
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(Some(node)) => {
                    self.spend(node.weight(), span)?;
                    self.add(Node { span, ..node });
                }
                _ => return Err((span, Problem::error("bad-yaml", "this alias stands inside the value it repeats"))),
            },
            Event::UnresolvedAlias(name) => {
                let message = format!("no anchor `&{}` comes before this alias", shown(&name));
                let help = "quote the text if it is to start with `*`";
                self.findings.at(span, Problem::error("bad-yaml", message).help(help));
                self.add(Node { value: Value::Broken, span });
            }
            _ => {}
        }
        Ok(())
    }

    fn spend(&mut self, weight: usize, span: Span) -> Result<(), Stop> {
        match self.left.checked_sub(weight) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                let message = format!("the file holds more than {MOST_NODES} values, aliases counted as often as used");
                Err((span, Problem::error("too-large", message)))
            }
        }
    }

    fn start(&mut self, span: Span, anchor: usize, inside: Inside) -> Result<(), Stop> {
        self.spend(1, span)?;
        if self.open.len() >= DEEPEST {
            return Err((span, Problem::error("too-deep", format!("nested more than {DEEPEST} deep"))));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, None);
        }
        self.open.push(Open { span, anchor, inside });
        Ok(())
    }

    fn finish(&mut self, node: Node, anchor: usize) -> Result<(), Stop> {
        if anchor != 0 {
            self.spend(node.weight(), node.span)?;
            self.anchors.insert(anchor, Some(node.clone()));
        }
        self.add(node);
        Ok(())
    }

    fn awaits_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { inside: Inside::Map { key: None, .. }, .. }))
    }

    /// Puts a whole value where it belongs.
    fn add(&mut self, node: Node) {
        if self.awaits_key() {
            match &node.value {
                Value::Text(text) => self.key(text.clone(), node.span, false),
                Value::List(_) | Value::Map(_) => {
                    self.findings.at(node.span, Problem::error("bad-key", "a key must be a word, not a list or a map"));
                    self.keep_key(None, node.span, false);
                }
                plain => {
                    let text = Node { value: plain.clone(), span: node.span }.to_json().to_string();
                    self.key(text, node.span, false);
                }
            }
            return;
        }
        match self.open.last_mut().map(|open| &mut open.inside) {
            None => self.root = Some(node),
            Some(Inside::List(items)) => items.push(node),
            Some(Inside::Map { entries, key, merged, .. }) => match key.take() {
                Some(Key { merges: true, .. }) => merged.push(node),
                Some(Key { name: Some(name), span, .. }) => {
                    entries.push(Entry { key: name, key_span: span, value: node });
                }
                _ => {}
            },
        }
    }

    fn key(&mut self, name: String, span: Span, plain: bool) {
        let Some(Open { inside: Inside::Map { places, .. }, .. }) = self.open.last_mut() else { return };
        if plain && name == "<<" {
            self.keep_key(None, span, true);
            return;
        }
        let first = places.get(&name).copied();
        if let Some(first) = first {
            let line = self.files.place(first).map_or(0, |place| place.line);
            let message = format!("`{}` is given twice: here and in line {line}", shown(&name));
            self.findings.at(span, Problem::error("duplicate-key", message).help("keep one of the two"));
            self.keep_key(None, span, false);
        } else {
            places.insert(name.clone(), span);
            self.keep_key(Some(name), span, false);
        }
    }

    fn keep_key(&mut self, name: Option<String>, span: Span, merges: bool) {
        if let Some(Open { inside: Inside::Map { key, .. }, .. }) = self.open.last_mut() {
            *key = Some(Key { name, span, merges });
        }
    }

    /// `<<: *base` and `<<: [*base, *other]`: keys of the map itself win, then those of earlier maps.
    fn merge(
        &mut self,
        mut entries: Vec<Entry>,
        places: &HashMap<String, Span>,
        merged: Vec<Node>,
    ) -> Result<Vec<Entry>, Stop> {
        let mut taken: std::collections::HashSet<String> = places.keys().cloned().collect();
        for node in merged {
            let (span, maps) = match node.value {
                Value::List(items) => (node.span, items),
                _ => (node.span, vec![node]),
            };
            for map in maps {
                let Value::Map(found) = map.value else {
                    self.findings.at(span, Problem::error("bad-yaml", "`<<` takes a map or a list of maps"));
                    continue;
                };
                self.spend(found.len(), span)?;
                entries.extend(found.into_iter().filter(|entry| taken.insert(entry.key.clone())));
            }
        }
        Ok(entries)
    }

    fn scalar(&mut self, text: &str, plain: bool, tag: Option<&Tag>, span: Span) -> Value {
        let resolved = |builder: &mut Self, text: &str| {
            scalar::resolve(text).unwrap_or_else(|message| {
                let help = "quote it if it is meant as text";
                builder.findings.at(span, Problem::error("bad-number", message).help(help));
                Value::Broken
            })
        };
        let Some(tag) = tag else {
            return if plain { resolved(self, text) } else { Value::Text(text.to_owned()) };
        };
        match tag.core_suffix() {
            Some("str") => Value::Text(text.to_owned()),
            Some("int" | "float" | "bool" | "null") => resolved(self, text),
            // `! 12` is text by YAML's own rule.
            _ if tag.parts() == ("", "!") || tag.parts() == ("!", "") => Value::Text(text.to_owned()),
            _ => {
                self.odd_tag(tag, span);
                Value::Text(text.to_owned())
            }
        }
    }

    fn tag_of_container(&mut self, tag: Option<&Tag>, expected: &str, span: Span) {
        if let Some(tag) = tag
            && tag.core_suffix() != Some(expected)
        {
            self.odd_tag(tag, span);
        }
    }

    fn odd_tag(&mut self, tag: &Tag, span: Span) {
        let message = format!("the tag `{}` means nothing here", shown(&tag.original()));
        let at = Span { file: self.file, ..span };
        self.findings.at(at, Problem::error("bad-yaml", message).help("leave the tag out"));
    }
}

fn span_of(file: u32, start: usize, end: usize) -> Span {
    // Texts are at most LONGEST_TEXT long.
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span { file, start: offset(start), end: offset(end) }
}

fn span_of_error(file: u32, error: &ScanError) -> Span {
    let at = error.marker().byte_offset().unwrap_or(0);
    span_of(file, at, at)
}

/// The parser's message, with advice for the slips that people make most.
fn bad_yaml(text: &str, error: &ScanError) -> Problem {
    let at = error.marker().byte_offset().unwrap_or(0).min(text.len());
    let before = text.get(..at).unwrap_or("");
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or("");
    let indent = &line[..line.len() - line.trim_start().len()];
    let info = error.info();
    let problem = Problem::error("bad-yaml", format!("this is not YAML: {info}"));
    if indent.contains('\t') || info.contains("tab") {
        problem.help("indent with spaces: YAML takes no tabs")
    } else if line.contains("${") && !line.contains("\"${") {
        problem.help("put `\"…\"` around a text with `${…}` inside `{ }` or `[ ]`")
    } else if info.contains("mapping values") {
        problem.help("a text that contains `: ` needs quotes, or stands under `|`")
    } else if info.contains("nesting") || info.contains("recursion") {
        Problem::error("too-deep", format!("nested too deep: {info}"))
    } else {
        problem.help("look at the quotes, brackets and indentation here and in the line above")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> (Files, Option<Node>, Vec<Problem>) {
        let mut files = Files::default();
        let file = files.add("p.yaml".to_owned(), text.to_owned());
        let mut findings = Findings::default();
        let node = parse(&files, file, &mut findings);
        let problems = findings.into_problems(&files);
        (files, node, problems)
    }

    fn json(text: &str) -> String {
        let (_, node, problems) = read(text);
        assert_eq!(problems, []);
        node.unwrap().to_json().to_string()
    }

    fn only_problem(text: &str) -> (String, usize, usize) {
        let (_, _, problems) = read(text);
        assert_eq!(problems.len(), 1, "{problems:#?}");
        let place = problems[0].place.clone().unwrap();
        (problems[0].code.clone(), place.line, place.column)
    }

    #[test]
    fn values_and_the_places_of_keys_and_values() {
        let (files, node, _) = read("a: {b: [1, \"x\"]}\nc: |\n  text\n");
        let node = node.unwrap();
        let a = node.entry("a").unwrap();
        let b = a.value.entry("b").unwrap();
        let place = |span| files.place(span).map(|place| (place.line, place.column, place.length)).unwrap();
        assert_eq!(place(a.key_span), (1, 1, 1));
        assert_eq!(place(b.key_span), (1, 5, 1));
        assert_eq!(place(a.value.span), (1, 4, 13));
        let Value::List(items) = &b.value.value else { panic!("a list") };
        assert_eq!(place(items[1].span), (1, 12, 3));
        assert_eq!(node.to_json().to_string(), r#"{"a":{"b":[1,"x"]},"c":"text\n"}"#);
    }

    #[test]
    fn aliases_merges_tags_and_odd_keys() {
        assert_eq!(json("a: &x {k: 1, l: 2}\nb: {<<: *x, l: 3}"), r#"{"a":{"k":1,"l":2},"b":{"k":1,"l":3}}"#);
        assert_eq!(json("a: &x [1]\nb: *x"), r#"{"a":[1],"b":[1]}"#);
        assert_eq!(json("1: a\ntrue: !!str 5\n\"<<\": 7"), r#"{"1":"a","<<":7,"true":"5"}"#);
        assert_eq!(json(""), "null");
        assert_eq!(json("\u{feff}a: 1\r\nb: 2\r\n"), r#"{"a":1,"b":2}"#);
    }

    #[test]
    fn duplicate_keys_name_both_places() {
        let (_, node, problems) = read("a: 1\nb: 2\na: 3\n");
        assert_eq!(node.unwrap().to_json().to_string(), r#"{"a":1,"b":2}"#);
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].message, "`a` is given twice: here and in line 1");
        assert_eq!(problems[0].place.as_ref().unwrap().line, 3);
    }

    #[test]
    fn hostile_and_broken_texts() {
        assert_eq!(only_problem("a: 1\n\tb: 2\n").0, "bad-yaml");
        assert_eq!(only_problem("a: [1, 2\nb: 3\n").0, "bad-yaml");
        assert_eq!(only_problem("--- 1\n--- 2\n"), ("bad-yaml".into(), 2, 1));
        assert_eq!(only_problem("a: &x [*x]"), ("bad-yaml".into(), 1, 8));
        assert_eq!(only_problem("a: *gone"), ("bad-yaml".into(), 1, 4));
        assert_eq!(only_problem("a: !odd 1"), ("bad-yaml".into(), 1, 9));
        assert_eq!(only_problem("a: .inf"), ("bad-number".into(), 1, 4));
        assert_eq!(only_problem("? [a]\n: 1"), ("bad-key".into(), 1, 3));
        assert_eq!(only_problem(&"[".repeat(100_000)).0, "too-deep");
        assert_eq!(only_problem(&"- ".repeat(100_000)).0, "too-deep");
        assert_eq!(only_problem(&format!("a: {}", "x".repeat(LONGEST_TEXT))).0, "too-large");
        assert_eq!(only_problem(&"[1,".repeat(60)).0, "bad-yaml");
    }

    #[test]
    fn a_billion_laughs_are_not_laughed() {
        let mut text = "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n".to_owned();
        for level in 1..20 {
            let repeated = vec![format!("*a{}", level - 1); 10].join(",");
            text.push_str(&format!("a{level}: &a{level} [{repeated}]\n"));
        }
        let started = std::time::Instant::now();
        assert_eq!(only_problem(&text).0, "too-large");
        assert!(started.elapsed().as_secs() < 5);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[-:?{}\\[\\],&*!|>'\"%@`#a-c0-9 \n\t.~<$\r\u{e9}]{0,80}") {
            let (files, _, problems) = read(&text);
            for problem in problems {
                let place = problem.place.unwrap();
                prop_assert!(place.line <= files.files[0].text.matches('\n').count() + 1);
            }
        }

        #[test]
        fn json_reads_as_itself(keys in proptest::collection::btree_map("[a-z]{1,8}", any::<i64>(), 0..8)) {
            let expected = serde_json::to_string(&keys).unwrap();
            prop_assert_eq!(json(&expected), expected);
        }
    }
}
