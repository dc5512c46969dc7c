//! Names by pattern: `*` stands for any text, also none, `?` for one character.

/// True when `pattern` has a `*` or `?`.
pub(super) fn is_pattern(pattern: &str) -> bool {
    pattern.contains(['*', '?'])
}

/// The number of plain characters of a pattern.
pub(super) fn plain(pattern: &str) -> usize {
    pattern.chars().filter(|&character| character != '*' && character != '?').count()
}

/// True when the whole `name` reads as `pattern`. Takes time of at most the product of both lengths.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut at, mut place) = (0, 0);
    // Where to go on when a later character does not fit: one more character under the last star.
    let mut star: Option<(usize, usize)> = None;
    while place < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, place));
                at += 1;
            }
            Some(&character) if character == '?' || character == name[place] => {
                at += 1;
                place += 1;
            }
            _ => match star {
                Some((after, taken)) => {
                    star = Some((after, taken + 1));
                    at = after + 1;
                    place = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|&character| character == '*')
}

#[cfg(test)]
mod tests {
    use super::{matches, plain};

    #[test]
    fn stars_and_marks_stand_for_text() {
        assert!(matches("sensor_*", "sensor_"));
        assert!(matches("sensor_*", "sensor_21"));
        assert!(!matches("sensor_*", "my sensor_2"));
        assert!(matches("*a*b?", "xxaxxabxbz"));
        assert!(!matches("*a*b?", "xxaxxab"));
        assert!(matches("?", "é") && !matches("?", ""));
        assert!(matches("", "") && matches("**", "") && !matches("", "a"));
        assert!(matches("speed", "speed") && !matches("speed", "speedy"));
        assert_eq!(plain("a*b?"), 2);
        let many = "a".repeat(5000);
        assert!(!matches(&format!("{}b", "*a".repeat(50)), &many));
    }
}
