//! The known name that a misspelt one most likely meant.

/// The name among `known` nearest to `name`, when one is near enough to be meant.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let fold = |text: &str| text.to_lowercase().replace(['-', ' '], "_");
    let wanted = fold(name);
    known
        .map(|candidate| (strsim::normalized_damerau_levenshtein(&wanted, &fold(candidate)), candidate))
        .filter(|&(likeness, _)| likeness >= 0.5)
        .fold(None, |best: Option<(f64, &str)>, next| match best {
            Some(best) if best.0 >= next.0 => Some(best),
            _ => Some(next),
        })
        .map(|(_, candidate)| candidate)
}

/// A help text naming the nearest known name.
pub(crate) fn did_you_mean<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    nearest(name, known).map(|candidate| format!("did you mean `{candidate}`?"))
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_the_misspelt_name_and_nothing_for_a_stranger() {
        let known = ["torque", "speed", "Air temperature"];
        assert_eq!(nearest("torqe", known.into_iter()), Some("torque"));
        assert_eq!(nearest("air_temperature", known.into_iter()), Some("Air temperature"));
        assert_eq!(nearest("xylophone", known.into_iter()), None);
    }
}
