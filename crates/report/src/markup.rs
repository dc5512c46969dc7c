//! Text made safe for HTML and SVG, and a type for what already is.

use std::fmt;

use askama::filters::HtmlSafe;

/// HTML or SVG that was made here from escaped parts; templates write it as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Markup(pub String);

impl fmt::Display for Markup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Markup {}

/// Text as it may stand in an element or a quoted attribute of HTML and XML. Control characters that XML 1.0 forbids
/// become U+FFFD.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' | '\t' => safe.push(character),
            '\r' => {}
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            control if control.is_control() => safe.push('\u{fffd}'),
            other => safe.push(other),
        }
    }
    safe
}

/// A message with names in back-ticks as HTML, the names as `<code>`. An unpaired back-tick stays as it is.
#[must_use]
pub fn prose(message: &str) -> Markup {
    let mut html = String::with_capacity(message.len() + 32);
    let mut rest = message;
    while let Some((before, after)) = rest.split_once('`') {
        let Some((name, remaining)) = after.split_once('`') else { break };
        html.push_str(&escape(before));
        html.push_str("<code>");
        html.push_str(&escape(name));
        html.push_str("</code>");
        rest = remaining;
    }
    html.push_str(&escape(rest));
    Markup(html)
}

/// At most `most` characters of `text`, the last an ellipsis where it was cut; not yet escaped.
#[must_use]
pub fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_html_and_xml_give_meaning_to() {
        assert_eq!(escape(r#"<a href="x" id='y'>&"#), "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;");
        assert_eq!(escape("a\u{0}b\u{1b}c\r\n"), "a\u{fffd}b\u{fffd}c\n");
    }

    #[test]
    fn prose_marks_names_and_escapes_inside_them() {
        assert_eq!(prose("no `<b>` in `x`").0, "no <code>&lt;b&gt;</code> in <code>x</code>");
        assert_eq!(prose("a ` b <").0, "a ` b &lt;");
    }

    #[test]
    fn shortens_by_characters_not_bytes() {
        assert_eq!(shorten("Größe", 5), "Größe");
        assert_eq!(shorten("Größen", 5), "Größ…");
        assert_eq!(shorten("ab", 0), "…");
    }
}
