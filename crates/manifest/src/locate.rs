//! Where in the file a step's own problem belongs: its path inside `with:` → the span of that key or value.

use trainyard_core::Problem;

use crate::{
    files::{Files, Span},
    node::{Node, Value},
};

/// The span that a problem with this path is about: the deepest part of the path that exists. A list or map is shown
/// by its key; so is a key that is itself the unknown name.
pub(crate) fn locate(problem: &Problem, with: Option<&Node>, step: Span, files: &Files) -> Span {
    let mut here = Found { key: step, value: None };
    let mut path = problem.at.iter().peekable();
    // Some steps may say `with.columns`, which is what the user sees.
    if path.peek().is_some_and(|first| *first == "with") && with.is_some_and(|with| with.get("with").is_none()) {
        path.next();
    }
    let mut node = with;
    for part in path {
        let next = match node.map(|node| &node.value) {
            Some(Value::Map(entries)) => entries
                .iter()
                .find(|entry| entry.key == *part)
                .map(|entry| Found { key: entry.key_span, value: Some(&entry.value) }),
            Some(Value::List(items)) => part
                .parse::<usize>()
                .ok()
                .and_then(|index| items.get(index))
                .map(|item| Found { key: item.span, value: Some(item) }),
            _ => None,
        };
        let Some(next) = next else { break };
        node = next.value;
        here = next;
    }
    let Some(value) = here.value.filter(|value| !value.is_container()) else { return here.key };
    let named = problem.code.starts_with("unknown").then(|| quoted(&problem.message)).flatten();
    match named {
        // `columns: {AAT: float}`: the key is what is unknown.
        Some(name) if files.slice(here.key).trim_matches(['"', '\'']) == name && files.slice(value.span) != name => {
            here.key
        }
        // `SELECT torqe FROM x`: the name inside the text.
        Some(name) => files.narrow(value.span, name),
        None => value.span,
    }
}

struct Found<'n> {
    key: Span,
    value: Option<&'n Node>,
}

/// The first thing in back-ticks.
fn quoted(message: &str) -> Option<&str> {
    message.split('`').nth(1).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{findings::Findings, yaml};

    #[test]
    fn paths_lead_to_the_deepest_part_that_exists() {
        let mut files = Files::default();
        let text = "columns:\n  AT: {between: [1, 2]}\ntypes: {BT: float}\nquery: SELECT torqe FROM x\n";
        let file = files.add("p.yaml".to_owned(), text.to_owned());
        let with = yaml::parse(&files, file, &mut Findings::default()).unwrap();
        let step = Span { file, start: 0, end: 1 };
        let found = |code: &str, message: &str, path: &[&str]| {
            let problem = Problem::error(code, message).at(path.iter().copied());
            files.slice(locate(&problem, Some(&with), step, &files)).to_owned()
        };
        assert_eq!(found("unknown-column", "unknown column `AT`", &["columns", "AT"]), "AT");
        assert_eq!(found("bad-value", "`between` is empty", &["columns", "AT", "between"]), "between");
        assert_eq!(found("bad-value", "not 1", &["columns", "AT", "between", "0"]), "1");
        assert_eq!(found("bad-value", "gone", &["columns", "AT", "nulls", "x"]), "AT");
        assert_eq!(found("unknown-column", "unknown column `BT`", &["types", "BT"]), "BT");
        assert_eq!(found("bad-type", "no such type", &["types", "BT"]), "float");
        assert_eq!(found("unknown-column", "unknown column `torqe`", &["query"]), "torqe");
        assert_eq!(found("bad-sql", "no", &["with", "query"]), "SELECT torqe FROM x");
        assert_eq!(found("x", "no", &[]), "c");
    }
}
