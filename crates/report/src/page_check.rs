//! A small check that markup is well-formed, for the tests.

/// Elements of HTML that have no end tag.
const VOID: [&str; 5] = ["meta", "br", "wbr", "link", "img"];

/// Panics unless tags are balanced, attributes quoted, and `<` and `&` appear as markup only.
pub(crate) fn assert_well_formed(markup: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = markup;
    while let Some(start) = rest.find('<') {
        assert_entities(&rest[..start]);
        rest = &rest[start + 1..];
        if let Some(after) = rest.strip_prefix("!DOCTYPE html>") {
            rest = after;
            continue;
        }
        let end = rest.find('>').expect("every tag ends");
        let (tag, after) = (&rest[..end], &rest[end + 1..]);
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "before: {}", &after.chars().take(200).collect::<String>());
            continue;
        }
        let name = tag.split(|c: char| c.is_whitespace() || c == '/').next().unwrap_or("");
        assert!(!name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric()), "tag <{tag}>");
        assert_eq!(tag.matches('"').count() % 2, 0, "quotes of <{tag}>");
        assert_entities(tag);
        if tag.ends_with('/') || VOID.contains(&name) {
            continue;
        }
        open.push(name);
        if name == "style" || name == "script" {
            let close = format!("</{name}>");
            let end = rest.find(&close).expect("style and script end");
            rest = &rest[end..];
        }
    }
    assert_entities(rest);
    assert!(open.is_empty(), "left open: {open:?}");
}

fn assert_entities(text: &str) {
    for (position, _) in text.match_indices('&') {
        let entity: String = text[position..].chars().take(8).collect();
        assert!(
            ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;", "&#34;", "&#38;", "&#60;", "&#62;"]
                .iter()
                .any(|known| entity.starts_with(known)),
            "bare ampersand: {entity}"
        );
    }
}
