//! The filter grammar: `metrics.rmse < 3 and params.depth = '4' AND tags."team a" LIKE 'x%'`, and `metrics.rmse DESC`.
//!
//! Clauses are joined by `AND` alone. A name may stand in backticks or double quotes, a text in single or double quotes.

use super::Refused;

/// What a clause compares with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Given {
    /// A quoted text.
    Text(String),
    /// A number.
    Number(f64),
    /// `('a', 'b')`
    List(Vec<String>),
    /// Nothing: `IS NULL`.
    Nothing,
}

/// A clause as written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Clause {
    /// What is before the dot, such as `metrics`; none for a bare name.
    pub(crate) entity: Option<String>,
    /// The name.
    pub(crate) key: String,
    /// `=`, `LIKE`, `IS NULL` and so on, in capitals.
    pub(crate) operator: &'static str,
    /// What it is compared with.
    pub(crate) given: Given,
}

/// Longest filter taken, in bytes.
const LONGEST: usize = 100_000;
/// Most clauses.
const CLAUSES: usize = 200;

#[derive(Clone, Debug, PartialEq)]
enum Token {
    /// A bare word, perhaps with dots and quoted parts: parts of a name.
    Name(Vec<String>),
    /// In single or double quotes.
    Text(String),
    Number(f64),
    Operator(&'static str),
    Open,
    Close,
    Comma,
}

/// The clauses of a filter; none for an empty one.
pub(crate) fn clauses(filter: &str) -> Result<Vec<Clause>, Refused> {
    if filter.len() > LONGEST {
        return Err(Refused::invalid(format!("the filter is longer than {LONGEST} bytes")));
    }
    let tokens = tokens(filter)?;
    let mut rest = tokens.as_slice();
    let mut clauses = Vec::new();
    while !rest.is_empty() {
        if !clauses.is_empty() {
            match rest {
                [Token::Name(word), after @ ..] if is_word(word, "AND") && !after.is_empty() => rest = after,
                _ => return Err(invalid(filter, "clauses are joined by AND alone")),
            }
        }
        let (clause, after) = clause(filter, rest)?;
        clauses.push(clause);
        rest = after;
        if clauses.len() > CLAUSES {
            return Err(Refused::invalid(format!("the filter has more than {CLAUSES} clauses")));
        }
    }
    Ok(clauses)
}

fn invalid(filter: &str, why: &str) -> Refused {
    let shown: String = filter.chars().filter(|character| !character.is_control()).take(200).collect();
    Refused::invalid(format!("Invalid clause(s) in filter string: '{shown}': {why}"))
}

fn is_word(parts: &[String], word: &str) -> bool {
    matches!(parts, [only] if only.eq_ignore_ascii_case(word))
}

fn clause<'t>(filter: &str, tokens: &'t [Token]) -> Result<(Clause, &'t [Token]), Refused> {
    let [first, rest @ ..] = tokens else { return Err(invalid(filter, "a clause is missing")) };
    let (entity, key) = match first {
        Token::Name(parts) => split(parts),
        Token::Text(name) => (None, name.clone()),
        _ => return Err(invalid(filter, "a clause begins with a name such as metrics.rmse")),
    };
    let (operator, rest) = operator(filter, rest)?;
    if matches!(operator, "IS NULL" | "IS NOT NULL") {
        return Ok((Clause { entity, key, operator, given: Given::Nothing }, rest));
    }
    let (given, rest) = match rest {
        [Token::Text(text), rest @ ..] => (Given::Text(text.clone()), rest),
        [Token::Number(number), rest @ ..] => (Given::Number(*number), rest),
        [Token::Open, rest @ ..] => {
            let (list, rest) = list(filter, rest)?;
            (Given::List(list), rest)
        }
        _ => return Err(invalid(filter, "a value is a number or a quoted text")),
    };
    let of_list = matches!(operator, "IN" | "NOT IN");
    if of_list != matches!(given, Given::List(_)) {
        return Err(invalid(filter, "IN takes a list of quoted texts, and nothing else does"));
    }
    Ok((Clause { entity, key, operator, given }, rest))
}

/// `metrics.a.b` is the key `a.b` of metrics.
fn split(parts: &[String]) -> (Option<String>, String) {
    match parts {
        [only] => (None, only.clone()),
        [entity, key @ ..] => (Some(entity.clone()), key.join(".")),
        [] => (None, String::new()),
    }
}

fn operator<'t>(filter: &str, tokens: &'t [Token]) -> Result<(&'static str, &'t [Token]), Refused> {
    let word = |token: &Token, wanted: &str| matches!(token, Token::Name(parts) if is_word(parts, wanted));
    match tokens {
        [Token::Operator(operator), rest @ ..] => Ok((operator, rest)),
        [one, rest @ ..] if word(one, "LIKE") => Ok(("LIKE", rest)),
        [one, rest @ ..] if word(one, "ILIKE") => Ok(("ILIKE", rest)),
        [one, rest @ ..] if word(one, "IN") => Ok(("IN", rest)),
        [one, two, rest @ ..] if word(one, "NOT") && word(two, "IN") => Ok(("NOT IN", rest)),
        [one, two, three, rest @ ..] if word(one, "IS") && word(two, "NOT") && word(three, "NULL") => {
            Ok(("IS NOT NULL", rest))
        }
        [one, two, rest @ ..] if word(one, "IS") && word(two, "NULL") => Ok(("IS NULL", rest)),
        _ => Err(invalid(filter, "after a name comes =, !=, <, <=, >, >=, LIKE, ILIKE, IN or IS NULL")),
    }
}

fn list<'t>(filter: &str, mut tokens: &'t [Token]) -> Result<(Vec<String>, &'t [Token]), Refused> {
    let mut texts = Vec::new();
    loop {
        match tokens {
            [Token::Text(text), Token::Comma, rest @ ..] => {
                texts.push(text.clone());
                tokens = rest;
            }
            [Token::Text(text), Token::Close, rest @ ..] => {
                texts.push(text.clone());
                return Ok((texts, rest));
            }
            _ => return Err(invalid(filter, "a list is quoted texts with commas between, in parentheses")),
        }
    }
}

fn tokens(filter: &str) -> Result<Vec<Token>, Refused> {
    let mut tokens = Vec::new();
    let mut rest = filter.trim_start();
    while let Some(first) = rest.chars().next() {
        let after = &rest[first.len_utf8()..];
        let (token, left) = match first {
            '(' => (Token::Open, after),
            ')' => (Token::Close, after),
            ',' => (Token::Comma, after),
            '=' => (Token::Operator("="), after.strip_prefix('=').unwrap_or(after)),
            '!' | '<' | '>' => comparison(filter, first, after)?,
            '\'' => {
                let (text, left) = in_quotes(filter, '\'', after)?;
                (Token::Text(text), left)
            }
            '0'..='9' | '+' | '-' | '.' => {
                let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c))).unwrap_or(rest.len());
                let number: f64 = rest[..end].parse().map_err(|_| invalid(filter, "this is no number"))?;
                (Token::Number(number), &rest[end..])
            }
            _ => name(filter, rest)?,
        };
        tokens.push(token);
        rest = left.trim_start();
    }
    Ok(tokens)
}

fn comparison<'f>(filter: &str, first: char, after: &'f str) -> Result<(Token, &'f str), Refused> {
    let (operator, left) = match (first, after.chars().next()) {
        ('!', Some('=')) | ('<', Some('>')) => ("!=", &after[1..]),
        ('<', Some('=')) => ("<=", &after[1..]),
        ('>', Some('=')) => (">=", &after[1..]),
        ('<', _) => ("<", after),
        ('>', _) => (">", after),
        _ => return Err(invalid(filter, "`!` stands only before `=`")),
    };
    Ok((Token::Operator(operator), left))
}

/// What is between quotes, and what comes after; a doubled quote stands for one.
fn in_quotes<'f>(filter: &str, quote: char, mut rest: &'f str) -> Result<(String, &'f str), Refused> {
    let mut text = String::new();
    loop {
        let end = rest.find(quote).ok_or_else(|| invalid(filter, "a quote is not closed"))?;
        text.push_str(&rest[..end]);
        rest = &rest[end + quote.len_utf8()..];
        match rest.strip_prefix(quote) {
            Some(more) => {
                text.push(quote);
                rest = more;
            }
            None => return Ok((text, rest)),
        }
    }
}

/// A name: words and quoted parts with dots between. A double-quoted part alone is a text.
fn name<'f>(filter: &str, mut rest: &'f str) -> Result<(Token, &'f str), Refused> {
    let mut parts = Vec::new();
    let mut quoted = false;
    loop {
        let first = rest.chars().next();
        match first {
            Some(quote @ ('"' | '`')) => {
                let (part, left) = in_quotes(filter, quote, &rest[1..])?;
                quoted = quote == '"';
                parts.push(part);
                rest = left;
            }
            _ => {
                let inside = |c: char| c.is_alphanumeric() || "_-/:@".contains(c);
                let end = rest.find(|c: char| !inside(c)).unwrap_or(rest.len());
                if end == 0 {
                    return Err(invalid(filter, "here a name was expected"));
                }
                parts.push(rest[..end].to_owned());
                rest = &rest[end..];
            }
        }
        match rest.strip_prefix('.') {
            Some(more) => rest = more,
            None => break,
        }
    }
    match (quoted, parts.as_mut_slice()) {
        (true, [only]) => Ok((Token::Text(std::mem::take(only)), rest)),
        _ => Ok((Token::Name(parts), rest)),
    }
}

/// One order: entity, key, and whether the largest comes first.
pub(crate) fn order(text: &str) -> Result<(Option<String>, String, bool), Refused> {
    let trimmed = text.trim();
    let (words, descending) = match trimmed.rsplit_once(char::is_whitespace) {
        Some((words, way)) if way.eq_ignore_ascii_case("desc") => (words.trim_end(), true),
        Some((words, way)) if way.eq_ignore_ascii_case("asc") => (words.trim_end(), false),
        _ => (trimmed, false),
    };
    // A metric's key may hold spaces without being quoted.
    let unquoted = |key: &str| {
        let key = key.trim();
        let inner = ['`', '"'].iter().find_map(|quote| key.strip_prefix(*quote)?.strip_suffix(*quote));
        inner.unwrap_or(key).to_owned()
    };
    if words.is_empty() {
        return Err(Refused::invalid(format!("Invalid order_by clause '{trimmed}'")));
    }
    Ok(match words.split_once('.') {
        Some((entity, key)) => (Some(entity.to_owned()), unquoted(key), descending),
        None => (None, unquoted(words), descending),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(filter: &str) -> Clause {
        let mut all = clauses(filter).unwrap();
        assert_eq!(all.len(), 1, "{filter}");
        all.remove(0)
    }

    #[test]
    fn clauses_of_every_kind() {
        let clause = one("metrics.rmse <= -1.5e3");
        assert_eq!((clause.entity.as_deref(), clause.key.as_str(), clause.operator), (Some("metrics"), "rmse", "<="));
        assert_eq!(clause.given, Given::Number(-1500.0));
        assert_eq!(one("params.`a b`='x''y'").given, Given::Text("x'y".into()));
        assert_eq!(one("params.\"m.n\" != \"v\"").key, "m.n");
        assert_eq!(one("tags.mlflow.user ILIKE 'a%'").key, "mlflow.user");
        assert_eq!(one("status = 'FINISHED'").entity, None);
        assert_eq!(one("attributes.run_id NOT IN ('a', 'b')").given, Given::List(vec!["a".into(), "b".into()]));
        assert_eq!(one("tags.x IS NOT NULL").operator, "IS NOT NULL");
        assert_eq!(clauses("metrics.a > 1 and params.b = 'and' AND tags.c LIKE '%'").unwrap().len(), 3);
        assert_eq!(clauses("  ").unwrap(), []);
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for filter in [
            "metrics.a",
            "metrics.a >",
            "> 1",
            "metrics.a > 1 or metrics.b > 2",
            "params.a = x",
            "params.a = 'x",
            "metrics.a > 1 AND",
            "AND metrics.a > 1",
            "run_id IN 'a'",
            "run_id = ('a')",
            "run_id IN ()",
            "a ! b",
            "metrics.a > 1.2.3",
            "metrics.`a > 1",
            "(metrics.a > 1)",
            ";",
            "metrics. > 1",
        ] {
            assert!(clauses(filter).is_err(), "{filter}");
        }
    }

    #[test]
    fn orders() {
        assert_eq!(order("metrics.a b DESC").unwrap(), (Some("metrics".into()), "a b".into(), true));
        assert_eq!(order("params.`x y` asc").unwrap(), (Some("params".into()), "x y".into(), false));
        assert_eq!(order("start_time").unwrap(), (None, "start_time".into(), false));
        assert!(order(" ").is_err());
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "\\PC{0,60}") {
            let _ = clauses(&text);
            let _ = order(&text);
        }

        #[test]
        fn nor_does_what_looks_like_a_filter(
            parts in proptest::collection::vec(
                prop_oneof!["metrics", "\\.", "`", "'", "\"", "=", "<", "!", "\\(", ",", "\\)", "AND", "IN", "1", " ", "é"],
                0..20,
            )
        ) {
            let _ = clauses(&parts.concat());
        }
    }
}
