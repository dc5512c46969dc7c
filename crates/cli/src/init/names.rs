//! Names as YAML and SQL want them.

/// `name` as a YAML scalar or key: plain where that is safe, else double-quoted.
pub(super) fn yaml(name: &str) -> String {
    let plain = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-.<>/".contains(letter))
        // YAML 1.1 readers take these for booleans and nulls.
        && !["y", "n", "yes", "no", "on", "off", "true", "false", "null"].contains(&name.to_ascii_lowercase().as_str());
    if plain { name.to_owned() } else { quoted(name) }
}

fn quoted(text: &str) -> String {
    // A JSON string is a YAML double-quoted scalar. `$${` keeps `${` from being taken for a parameter.
    serde_json::Value::from(text.replace("${", "$${")).to_string()
}

/// `name` as an SQL identifier, quoted where it must be.
pub(super) fn sql(name: &str) -> String {
    if is_word(name) { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

fn is_word(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        && !RESERVED.contains(&name.to_ascii_uppercase().as_str())
}

/// Words that SQL takes for itself where a column is expected.
const RESERVED: [&str; 40] = [
    "ALL",
    "AND",
    "AS",
    "ASC",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "CROSS",
    "DESC",
    "DISTINCT",
    "ELSE",
    "END",
    "EXCEPT",
    "FALSE",
    "FROM",
    "FULL",
    "GROUP",
    "HAVING",
    "IN",
    "INNER",
    "INTERSECT",
    "INTERVAL",
    "IS",
    "JOIN",
    "LEFT",
    "LIKE",
    "LIMIT",
    "NOT",
    "NULL",
    "ON",
    "OR",
    "ORDER",
    "RIGHT",
    "SELECT",
    "THEN",
    "TRUE",
    "UNION",
    "WHEN",
    "WHERE",
];

/// `name` in lower case with runs of anything but letters and digits as one underscore: `Air temperature [K]` becomes
/// `air_temperature_k`.
pub(super) fn plain(name: &str) -> String {
    let mut plain = String::new();
    for letter in name.chars() {
        if letter.is_ascii_alphanumeric() {
            plain.push(letter.to_ascii_lowercase());
        } else if !plain.is_empty() && !plain.ends_with('_') {
            plain.push('_');
        }
    }
    let plain = plain.trim_end_matches('_').to_owned();
    if plain.starts_with(|first: char| first.is_ascii_alphabetic()) { plain } else { format!("column_{plain}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_are_quoted() {
        assert_eq!(yaml("age"), "age");
        assert_eq!(yaml("no"), "\"no\"");
        assert_eq!(yaml("a: b"), "\"a: b\"");
        assert_eq!(yaml("${x}"), "\"$${x}\"");
        assert_eq!(sql("Torque [Nm]"), "\"Torque [Nm]\"");
        assert_eq!(sql("order"), "\"order\"");
        assert_eq!(plain("Air temperature [K]"), "air_temperature_k");
        assert_eq!(plain("1st"), "column_1st");
        assert_eq!(plain("é"), "column_");
    }
}
